"""URLs: detection, redaction, listing, scratch folders, and isolated work."""

import fcntl
import os
import tempfile
from pathlib import Path

import pytest
from workdir import each

from reduction.app import config
from reduction.pipeline import discovery, splits
from reduction.pipeline.splits import Listing, Split
from reduction.storage.constants import UNVERSIONED
from reduction.storage.isolation import run_isolated
from reduction.storage.scratch_dir import scratch_dir
from reduction.storage.url import is_url, redact_url


@each(
    "text", "expected",
    s3=("s3://bucket/in", True), other=("abfs://c@account/in", True), odd=("a+b-c.d://", True),
    folder=("data", False), absolute=("/data", False), colon=("C:/data", False), empty=("", False),
    in_the_middle=("a/s3://x", False), upper_case=("S3://bucket", False), relative=("./s3://x", False),
)  # fmt: skip
def test_a_url_has_a_scheme_in_lower_case(text, expected):
    assert is_url(text) is expected


@each(
    "url", "redacted",
    plain=("s3://bucket/in/2026", "s3://bucket/in/2026"),
    at_sign_in_a_key=("s3://bucket/a@b", "s3://bucket/a@b"),
    password=("sftp://user:secret@host:22/in", "sftp://***@host:22/in"),
    user=("ftp://secret@host/in", "ftp://***@host/in"),
    password_with_slash_and_at=("sftp://user:secret/sec@ret@host/in", "sftp://***@host/in"),
    query=("https://host/in?sig=secret", "https://host/in?***"),
    fragment=("https://host/in#secret", "https://host/in#***"),
    both=("https://u:secret@host/in?sig=secret", "https://***@host/in?***"),
    folder=("/data/a@b?c", "/data/a@b?c"),
)  # fmt: skip
def test_a_url_is_redacted(url, redacted):
    assert redact_url(url) == redacted


def test_the_configuration_is_explained_without_secrets():
    url = "sftp://user:secret@host/in?token=secret"
    settings = config.load({"REDUCER_INPUT_DIR": url, "REDUCER_OUTPUT_DIR": url})
    assert (settings.input_dir, settings.output_dir) == (url, url)
    assert "secret" not in config.explain(settings)


def test_the_version_of_an_object_is_part_of_the_fingerprint():
    first = Split("Asia Prod.csv", 1000, 0, 0, 1000, version='"a"')
    listing = Listing((first,), ())
    assert listing.fingerprint() != Listing((first._replace(version='"b"'),), ()).fingerprint()


@each("version", etag=('"a"',), modification_time=("mtime 1.5",))
def test_an_object_is_split_like_a_file(version):
    file = Split("Asia Prod.csv", 1000, 0, 0, 1000)
    splits_of_file = splits.plan_splits(Listing((file,), ()), 300, 4).splits
    assert len(splits_of_file) == 4
    splits_of_object = splits.plan_splits(Listing((file._replace(version=version),), ()), 300, 4).splits
    assert splits_of_object == tuple(split._replace(version=version) for split in splits_of_file)


def test_an_object_without_a_version_is_not_split():
    whole = Split("Asia Prod.csv", 1000, 0, 0, 1000, version=UNVERSIONED)
    assert splits.plan_splits(Listing((whole,), ()), 300, 4).splits == (whole,)


def test_a_url_of_local_files_is_listed_like_the_folder(tmp_path):
    pytest.importorskip("fsspec")
    for name in (
        "Asia Prod.csv",
        "b/NA Prod.csv",
        "a/NA Prod x.csv",
        ".x/EU Prod.csv",
        ".x/NA Prod.csv",
        "y.txt",
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("Source IP\n")
    listing, folder = discovery.find(f"file://{tmp_path}"), discovery.find(str(tmp_path))
    assert [split.path for split in listing.splits] == [split.path for split in folder.splits]
    assert listing.ignored == folder.ignored
    assert all(split.version for split in listing.splits)


@pytest.fixture
def temporary(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_scratch_folder_is_removed_and_so_are_those_of_killed_runs(temporary):
    dead = temporary / "reducer-run-dead"
    dead.mkdir()
    (dead / ".lock").touch()
    (dead / "Combined.csv").touch()
    (temporary / "reducer-run-new").mkdir()
    with scratch_dir() as folder:
        assert sorted(path.name for path in temporary.iterdir()) == sorted([folder.name, "reducer-run-new"])
    assert [path.name for path in temporary.iterdir()] == ["reducer-run-new"], (
        "it may be about to get its lock"
    )


def test_a_scratch_folder_in_use_is_kept(temporary):
    used = temporary / "reducer-run-used"
    used.mkdir()
    lock = os.open(used / ".lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    with scratch_dir():
        assert used.is_dir()
    os.close(lock)


def test_isolated_work_runs_in_another_process_and_its_error_is_raised_here():
    assert run_isolated("ftp://host", os.getpid) != os.getpid() == run_isolated("s3://bucket", os.getpid)

    def fail() -> None:
        raise ValueError("secret")

    with pytest.raises(RuntimeError, match=r"ValueError$"):
        run_isolated("ftp://host", fail)
