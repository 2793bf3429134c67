"""What is input, in which order, whose share it is, and what names a run."""

from __future__ import annotations

import os
import random
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reduction.errors import InputError
from reduction.pipeline import naming
from reduction.pipeline.discovery import find
from reduction.pipeline.naming import environment_of
from reduction.pipeline.splits import Listing, Split, derived_run_id, plan_splits
from reduction.pipeline.stats import SkipReason
from reduction.runtime.text import display_path

ENVIRONMENTS = {
    "Asia Prod.csv": "Asia Prod",
    "Asia Prod 1.csv": "Asia Prod",
    "NA Preview 12a-b_c.csv": "NA Preview",
    "deep/er/Asia Prod 1.csv": "Asia Prod",
    "de.ep/Asia Prod.csv": "Asia Prod",
    "a folder with many words/Asia Prod.csv": "Asia Prod",
    "Ásia Próduct ß.csv": "Ásia Próduct",
    "アジア 本番 1.csv": "アジア 本番",
    "Asia,East Prod.csv": "Asia,East Prod",
    'Asia "Prod" 1.csv': 'Asia "Prod"',
    "1 2 3.csv": "1 2",
    "Asia csv.csv": "Asia csv",
}
NO_NAMES = [
    "", ".csv", "Asia.csv", "Asia .csv", " Asia.csv", "Asia  Prod.csv", " Asia Prod.csv", "Asia Prod .csv",
    "Asia Prod 1 2.csv", "Asia Prod  1.csv", "Asia Prod 1.CSV", "Asia Prod 1.csv ", "Asia Prod 1.csv.gz",
    "Asia Prod.1.csv", "Asia. Prod.csv", "Asia Prod 1", "Asia Prodcsv", "Asia\tProd.csv", "Asia Pr\nod.csv",
    "Asia Prod\n.csv", "Asia Prod.csv\n", "Asia Pr\x7fod.csv", "Asia Prod/", "Asia Prod.csv/", "Combined.csv",
    os.fsdecode(b"Asia Pr\xffod.csv"), os.fsdecode(b"Asia Prod \xe9.csv"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "environment"), ENVIRONMENTS.items())
def test_the_first_two_words_of_a_name_are_the_environment(path, environment):
    assert environment_of(path) == environment


@pytest.mark.parametrize("path", NO_NAMES)
def test_other_names_give_no_environment(path):
    assert environment_of(path) is None


def touch(tree: Path, *names: str) -> None:
    for name in names:
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def parts(listing: Listing) -> tuple[object, object]:
    return listing.splits, listing.ignored


def paths(listing: Listing) -> list[str]:
    return [split.path for split in listing.splits]


def reasons(listing: Listing) -> dict[str, str]:
    return {file.path: file.reason for file in listing.ignored}


def test_files_stand_in_the_byte_order_of_their_paths(tmp_path):
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


def test_a_file_name_that_is_not_utf8_is_ignored_and_can_be_shown(tmp_path):
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/Asia Pr\xffod.csv")).touch()
    listing = find(str(tmp_path))
    assert reasons(listing) == {r"Asia Pr\xffod.csv": SkipReason.OTHER_NAME}
    assert not listing.splits


def listing_of(*sizes: int) -> Listing:
    """Files of these sizes, in the order of their paths."""
    return Listing(
        tuple(Split(f"{n:03}/Asia Prod.csv", size, 1, 0, size) for n, size in enumerate(sizes)), ()
    )


def shares_of(listing: Listing, runners: int) -> list[list[Split]]:
    return [listing.share_of(runner, runners) for runner in range(1, runners + 1)]


@given(st.lists(st.integers(0, 1000)), st.integers(1, 12))
def test_shares_part_the_units_without_loss_each_in_order(sizes, runners):
    listing = listing_of(*sizes)
    shares = shares_of(listing, runners)
    assert sorted(split for share in shares for split in share) == sorted(listing.splits)
    assert all(share == sorted(share) for share in shares)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@given(st.lists(st.integers(0, 1000), min_size=1), st.integers(1, 12))
def test_no_share_is_larger_than_another_by_more_than_the_largest_unit(sizes, runners):
    bytes_of = [sum(split.size for split in share) for share in shares_of(listing_of(*sizes), runners)]
    assert max(bytes_of) - min(bytes_of) <= max(sizes)


def test_large_files_at_every_fourth_path_are_not_all_one_runners():
    bytes_of = [
        sum(split.size for split in share) for share in shares_of(listing_of(*[1000, 10, 10, 10] * 25), 4)
    ]
    assert max(bytes_of) < 1.2 * min(bytes_of)


def test_what_is_not_input_is_named_with_its_reason(tmp_path):
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


def test_ignored_files_stand_in_byte_order_as_well(tmp_path):
    touch(tmp_path, "ö.txt", "b/x.txt", "b.txt", "Z.txt", "😀.txt", "\uffee.txt")
    ignored = [file.path for file in find(str(tmp_path)).ignored]
    assert ignored == sorted(ignored, key=str.encode)


def test_working_files_of_a_run_are_not_even_looked_at(tmp_path):
    touch(
        tmp_path, ".Combined_1.csv", ".Combined_1.json", ".Combined_12.csv.00ff.tmp", ".Combined.csv.00ff.tmp"
    )
    assert parts(find(str(tmp_path))) == ((), ())


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


def test_a_link_to_itself_is_broken_and_stops_nothing(tmp_path):
    touch(tmp_path, "EU Prod.csv")
    (tmp_path / "Asia Prod.csv").symlink_to(tmp_path / "Asia Prod.csv")
    (tmp_path / "notes").symlink_to(tmp_path / "notes")
    listing = find(str(tmp_path))
    assert paths(listing) == ["EU Prod.csv"]
    assert reasons(listing)["Asia Prod.csv"] == SkipReason.BROKEN
    assert "notes" in reasons(listing)


def test_a_pipe_and_a_socket_are_no_files(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "Asia Prod 1.csv")
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as at:
        at.bind("Asia Prod 2.csv")
        listing = find(str(tmp_path))
    assert reasons(listing) == {
        "Asia Prod 1.csv": SkipReason.NOT_A_FILE,
        "Asia Prod 2.csv": SkipReason.NOT_A_FILE,
    }


def test_a_folder_named_like_an_input_file_is_entered(tmp_path):
    touch(tmp_path, "Asia Prod.csv/EU Prod.csv")
    assert paths(find(str(tmp_path))) == ["Asia Prod.csv/EU Prod.csv"]


def test_a_folder_that_cannot_be_listed_is_ignored_and_named(tmp_path, monkeypatch):
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
    with pytest.raises(InputError, match="tree' can't be listed"):
        find(str(tmp_path / "tree"))


def test_an_empty_tree_has_nothing(tmp_path):
    assert parts(find(str(tmp_path))) == ((), ())


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
        assert parts(find(str(tmp_path))) == parts(plain)
        assert find(str(tmp_path)).fingerprint() == plain.fingerprint()


UNITS = (Split("Asia Prod.csv", 10, 111, 0, 10), Split("a/EU Prod.csv", 20, 222, 0, 20))


def test_a_fingerprint_is_that_of_the_same_list():
    assert Listing(UNITS, ()).fingerprint() == Listing(tuple(UNITS), ()).fingerprint()


@pytest.mark.parametrize(
    "splits",
    [
        UNITS[:1],
        (),
        (*UNITS, Split("b/EU Prod.csv", 0, 0, 0, 0)),
        (UNITS[0], Split("b/EU Prod.csv", 20, 222, 0, 20)),
        (UNITS[0], Split("a/EU Prod.csv", 21, 222, 0, 20)),
        (UNITS[0], Split("a/EU Prod.csv", 20, 223, 0, 20)),
        (UNITS[0], Split("a/EU Prod.csv", 20, 222, 1, 20)),
        (UNITS[0], Split("a/EU Prod.csv", 20, 222, 0, 19)),
        (UNITS[0], Split("a/EU Prod.csv", 2, 222, 0, 20)),
        (UNITS[0], Split("a/EU Prod.csv", 202, 22, 0, 20)),
    ],
)
def test_a_fingerprint_changes_with_every_part_of_a_unit(splits):
    assert Listing(splits, ()).fingerprint() != Listing(UNITS, ()).fingerprint()


def test_a_fingerprint_does_not_change_with_what_is_ignored(tmp_path):
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


def test_a_run_id_changes_with_the_input_and_the_number_of_runners():
    one, other = Listing(UNITS, ()), Listing(UNITS[:1], ())
    ids = {derived_run_id(listing, runners) for listing in (one, other) for runners in (1, 2, 12)}
    assert len(ids) == 6
    assert derived_run_id(one, 2) == derived_run_id(Listing(UNITS, ()), 2)


def test_a_unit_says_what_the_file_was_when_it_was_listed(tmp_path):
    path = tmp_path / "Asia Prod.csv"
    path.write_bytes(b"x" * 123)
    assert find(str(tmp_path)).splits == (Split("Asia Prod.csv", 123, path.stat().st_mtime_ns, 0, 123),)


def test_names_of_working_files_begin_as_inputs_expects(tmp_path):
    from reduction.pipeline import partials

    for path in (partials.partial_path(tmp_path, 3), partials.manifest_path(tmp_path, 3)):
        assert path.name.startswith(naming.WORKING_PREFIXES)


# Cutting --------------------------------------------------------------------------------------------------


def borders(listing: Listing) -> list[list[tuple[int, int]]]:
    """Start and stop of the splits of each file."""
    return [
        [(split.start, split.stop) for split in listing.splits if split.path == path]
        for path in dict.fromkeys(split.path for split in listing.splits)
    ]


def test_a_large_file_is_cut_into_units_of_the_split_size():
    made = plan_splits(listing_of(25, 3), 10, 2)
    assert borders(made) == [[(0, 10), (10, 20), (20, 25)], [(0, 3)]]
    assert [split.split_file_id for split in made.splits] == [0, 0, 0, None]
    assert made.files == 2


def test_cut_files_are_numbered_in_their_order():
    made = plan_splits(listing_of(12, 3, 15), 10, 5)
    assert [split.split_file_id for split in made.splits] == [0, 0, None, 1, 1]


@pytest.mark.parametrize(
    ("sizes", "split", "runners"),
    [((25, 3), 0, 2), ((25, 3), 10, 1), ((10, 3), 10, 2), ((), 10, 2), ((0,), 10, 2), ((11,) * 8, 10, 2)],
    ids=[
        "not wanted",
        "one runner",
        "not larger than a split",
        "nothing",
        "empty",
        "small beside a fair share",
    ],
)
def test_other_files_are_not_cut(sizes, split, runners):
    listing = listing_of(*sizes)
    assert plan_splits(listing, split, runners).splits == listing.splits


@given(st.lists(st.integers(0, 5000), max_size=30), st.integers(1, 100), st.integers(2, 5))
def test_units_cover_each_file_once_and_few_files_are_cut(sizes, split, runners):
    made = plan_splits(listing_of(*sizes), split, runners)
    for size, of_file in zip(sizes, borders(made), strict=True):
        assert [start for start, _ in of_file] + [size] == [0] + [stop for _, stop in of_file]
    numbers = {split.split_file_id for split in made.splits} - {None}
    assert numbers == set(range(len(numbers)))
    assert len(numbers) <= 4 * runners
    assert made.files == len(sizes)


def test_a_split_size_far_too_small_is_raised():
    made = plan_splits(listing_of(1 << 30), 1, 2)
    assert len(made.splits) == 1 << 16


def test_cutting_changes_the_fingerprint():
    listing = listing_of(25)
    assert (
        len({of.fingerprint() for of in (listing, plan_splits(listing, 10, 2), plan_splits(listing, 9, 2))})
        == 3
    )
