"""Discovery of the input: which files are listed, in which order, and which are skipped and why."""

from __future__ import annotations

import os
import random
import socket
from pathlib import Path

import pytest

from reduction.errors import InputError
from reduction.pipeline.discovery import find
from reduction.pipeline.splits import Listing, Split
from reduction.pipeline.stats import SkipReason
from reduction.runtime.text import display_path


def touch(tree: Path, *names: str) -> None:
    for name in names:
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def contents(listing: Listing) -> tuple[object, object]:
    return listing.splits, listing.ignored


def paths(listing: Listing) -> list[str]:
    return [split.path for split in listing.splits]


def reasons(listing: Listing) -> dict[str, str]:
    return {file.path: file.reason for file in listing.ignored}


def test_files_are_sorted_in_the_byte_order_of_their_paths(tmp_path):
    names = ["Asia Prod 10.csv", "Asia Prod 2.csv", "a a.csv", "B b.csv", "b/B b.csv", "b.d/B b.csv",
             "Ä b.csv", "é b.csv", "😀 b.csv", "\uffee b.csv", "z z.csv"]  # fmt: skip
    touch(tmp_path, *names)
    listed = paths(find(str(tmp_path)))
    assert listed == sorted(names, key=str.encode)
    assert listed.index("\uffee b.csv") < listed.index("😀 b.csv"), "UTF-8 order, not UTF-16"
    assert listed.index("b.d/B b.csv") < listed.index("b/B b.csv"), "paths are compared, not their parts"


def test_a_folder_may_have_any_bytes_in_its_name(tmp_path):
    folder = os.fsencode(tmp_path) + b"/\xff\xfe"
    os.mkdir(folder)  # noqa: PTH102 - Path takes no bytes
    Path(os.fsdecode(folder), "Asia Prod.csv").touch()
    touch(tmp_path, "\uffff/Asia Prod.csv")
    listing = find(str(tmp_path))
    assert [os.fsencode(split.path) for split in listing.splits] == [
        "\uffff/Asia Prod.csv".encode(),
        b"\xff\xfe/Asia Prod.csv",
    ]
    assert display_path(listing.splits[1].path) == r"\xff\xfe/Asia Prod.csv"


def test_a_file_name_that_is_not_utf8_is_skipped_and_can_be_displayed(tmp_path):
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/Asia Pr\xffod.csv")).touch()
    listing = find(str(tmp_path))
    assert reasons(listing) == {r"Asia Pr\xffod.csv": SkipReason.OTHER_NAME}
    assert not listing.splits


def test_skipped_files_are_listed_with_their_reason(tmp_path):
    touch(tmp_path, "Asia Prod.csv", "notes.txt", "Asia Prod.CSV", "Asia.csv", "x/Asia Prod 1 2.csv",
          ".Asia Prod.csv", ".git/Asia Prod.csv", "Combined.csv", "Combined.report.json",
          "x/Combined.csv")  # fmt: skip
    assert reasons(find(str(tmp_path))) == {
        ".Asia Prod.csv": SkipReason.HIDDEN,
        ".git/": SkipReason.HIDDEN,
        "Asia Prod.CSV": SkipReason.OTHER_TYPE,
        "Asia.csv": SkipReason.OTHER_NAME,
        "Combined.csv": SkipReason.OWN_RESULT,
        "Combined.report.json": SkipReason.OWN_RESULT,
        "notes.txt": SkipReason.OTHER_TYPE,
        "x/Asia Prod 1 2.csv": SkipReason.OTHER_NAME,
        "x/Combined.csv": SkipReason.OWN_RESULT,
    }


def test_skipped_files_are_sorted_in_byte_order_as_well(tmp_path):
    touch(tmp_path, "ö.txt", "b/x.txt", "b.txt", "Z.txt", "😀.txt", "\uffee.txt")
    ignored = [file.path for file in find(str(tmp_path)).ignored]
    assert ignored == sorted(ignored, key=str.encode)


def test_working_files_of_a_run_are_not_listed_at_all(tmp_path):
    touch(
        tmp_path, ".Combined_1.csv", ".Combined_1.json", ".Combined_12.csv.00ff.tmp", ".Combined.csv.00ff.tmp"
    )
    assert contents(find(str(tmp_path))) == ((), ())


def test_links_to_folders_are_not_followed_and_links_to_files_are(tmp_path):
    tree, elsewhere = tmp_path / "tree", tmp_path / "elsewhere"
    touch(elsewhere, "Asia Prod 1.csv")
    tree.mkdir()
    (tree / "folder").symlink_to(elsewhere)
    (tree / "up").symlink_to(tree)
    (tree / "EU Prod.csv").symlink_to(elsewhere / "Asia Prod 1.csv")
    listing = find(str(tree))
    assert paths(listing) == ["EU Prod.csv"]
    assert reasons(listing) == {"folder/": SkipReason.FOLDER_LINK, "up/": SkipReason.FOLDER_LINK}


def test_a_link_to_nowhere_is_broken(tmp_path):
    (tmp_path / "Asia Prod.csv").symlink_to(tmp_path / "gone")
    assert reasons(find(str(tmp_path))) == {"Asia Prod.csv": SkipReason.BROKEN}


def test_a_link_to_itself_is_broken_and_other_files_are_listed(tmp_path):
    touch(tmp_path, "EU Prod.csv")
    (tmp_path / "Asia Prod.csv").symlink_to(tmp_path / "Asia Prod.csv")
    (tmp_path / "notes").symlink_to(tmp_path / "notes")
    listing = find(str(tmp_path))
    assert paths(listing) == ["EU Prod.csv"]
    assert reasons(listing)["Asia Prod.csv"] == SkipReason.BROKEN
    assert "notes" in reasons(listing)


def test_a_pipe_and_a_socket_are_skipped(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "Asia Prod 1.csv")
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("Asia Prod 2.csv")
        listing = find(str(tmp_path))
    assert reasons(listing) == {
        "Asia Prod 1.csv": SkipReason.NOT_A_FILE,
        "Asia Prod 2.csv": SkipReason.NOT_A_FILE,
    }


def test_a_folder_named_like_an_input_file_is_entered(tmp_path):
    touch(tmp_path, "Asia Prod.csv/EU Prod.csv")
    assert paths(find(str(tmp_path))) == ["Asia Prod.csv/EU Prod.csv"]


def test_a_folder_that_cannot_be_listed_is_skipped(tmp_path, monkeypatch):
    touch(tmp_path, "closed/Asia Prod.csv", "open/EU Prod.csv")
    really = os.scandir

    def scandir(path: str) -> object:
        if "closed" in path:
            raise PermissionError(13, "Permission denied", path)
        return really(path)

    monkeypatch.setattr(os, "scandir", scandir)
    listing = find(str(tmp_path))
    assert paths(listing) == ["open/EU Prod.csv"]
    [file] = listing.ignored
    assert (file.path, file.reason) == ("closed/", SkipReason.BROKEN)
    assert "Permission denied" in file.detail


@pytest.mark.parametrize("make", [lambda path: None, Path.touch], ids=["missing", "a file"])
def test_a_tree_that_cannot_be_listed_is_an_error_that_names_it(tmp_path, make):
    make(tmp_path / "tree")
    with pytest.raises(InputError, match=r"cannot list the input directory '.*tree'"):
        find(str(tmp_path / "tree"))


def test_an_empty_tree_has_no_files(tmp_path):
    assert contents(find(str(tmp_path))) == ((), ())


def test_the_listing_does_not_depend_on_the_order_of_the_file_system(tmp_path, monkeypatch):
    touch(
        tmp_path,
        *(f"{folder}Asia Prod {n}.csv" for folder in ("", "a/", "b/c/") for n in range(8)),
        "x.txt",
        "y",
    )
    plain = find(str(tmp_path))
    really = os.scandir
    for seed in range(5):
        order = random.Random(seed)

        def shuffled(path: str, order: random.Random = order) -> list[os.DirEntry[str]]:
            entries = list(really(path))
            order.shuffle(entries)
            return entries

        monkeypatch.setattr(os, "scandir", shuffled)
        assert contents(find(str(tmp_path))) == contents(plain)
        assert find(str(tmp_path)).fingerprint() == plain.fingerprint()


def test_the_fingerprint_does_not_depend_on_skipped_files(tmp_path):
    touch(tmp_path, "Asia Prod.csv")
    before = find(str(tmp_path)).fingerprint()
    touch(tmp_path, "notes.txt", "Combined.csv", ".Combined_1.csv")
    assert find(str(tmp_path)).fingerprint() == before


def test_a_file_that_is_written_to_changes_the_fingerprint(tmp_path):
    path = tmp_path / "Asia Prod.csv"
    path.write_text("Source IP\n1.1.1.1\n")
    seen = {find(str(tmp_path)).fingerprint()}
    path.write_text("Source IP\n1.1.1.1\n2.2.2.2\n")
    seen.add(find(str(tmp_path)).fingerprint())
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
    seen.add(find(str(tmp_path)).fingerprint())
    path.rename(tmp_path / "Asia Prod 1.csv")
    seen.add(find(str(tmp_path)).fingerprint())
    assert len(seen) == 4


def test_a_split_has_the_size_and_time_of_its_file(tmp_path):
    path = tmp_path / "Asia Prod.csv"
    path.write_bytes(b"x" * 123)
    assert find(str(tmp_path)).splits == (Split("Asia Prod.csv", 123, path.stat().st_mtime_ns, 0, 123),)
