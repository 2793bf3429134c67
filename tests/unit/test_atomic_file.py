"""Atomic writes: a file appears complete or not at all; on failure the old one and nothing else is left."""

from __future__ import annotations

import errno
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from reduction.errors import Interrupted, OutputError, WriteError
from reduction.runtime.atomic_file import atomic_write, check_directory

OLD, NEW = b"the old content\n", b"the new content\n" * 100


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "Combined.csv"
    path.write_bytes(OLD)
    return path


def write(path: Path, content: bytes = NEW) -> None:
    with atomic_write(path) as file:
        file.write(content)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def no_space(*_: object, **__: object) -> NoReturn:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_the_new_file_replaces_the_old_one(path):
    write(path)
    assert path.read_bytes() == NEW
    assert names(path.parent) == ["Combined.csv"]


def test_a_file_may_be_new_or_empty(tmp_path):
    write(tmp_path / "Combined.csv", b"")
    assert (tmp_path / "Combined.csv").read_bytes() == b""


def test_bytes_and_checksum_are_those_of_the_written_content(tmp_path):
    with atomic_write(tmp_path / "x") as file:
        for n in range(10):
            file.write(b"%d\n" % n)
    content = (tmp_path / "x").read_bytes()
    assert (file.bytes, file.crc32) == (len(content), zlib.crc32(content))


def test_bytes_that_a_writer_appends_to_the_descriptor_are_counted_too(tmp_path):
    def writer(descriptor: int, crc32: int) -> tuple[int, int]:
        return os.write(descriptor, b"by others\n"), zlib.crc32(b"by others\n", crc32)

    with atomic_write(tmp_path / "x") as file:
        file.write(b"first\n")
        file.append(writer)
        file.write(b"last\n")
    content = (tmp_path / "x").read_bytes()
    assert content == b"first\nby others\nlast\n"
    assert (file.bytes, file.crc32) == (len(content), zlib.crc32(content))


def test_a_writer_that_fails_leaves_the_old_file(path):
    with (
        pytest.raises(WriteError, match=r"cannot write '.*': No space left on device"),
        atomic_write(path) as file,
    ):
        file.append(no_space)
    assert path.read_bytes() == OLD
    assert names(path.parent) == ["Combined.csv"]


def test_the_old_file_is_there_until_all_is_written(path):
    with atomic_write(path) as file:
        file.write(NEW * 10_000)
        assert path.read_bytes() == OLD
        [temp] = [name for name in names(path.parent) if name != "Combined.csv"]
        assert temp.startswith(".Combined.csv.")
        assert temp.endswith(".tmp")


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every flush, with the suffix of the file (a folder has none), and every rename, in order."""
    steps: list[str] = []
    fsync, replace = os.fsync, os.replace

    def recording_fsync(descriptor: int) -> None:
        steps.append(f"flush {Path(f'/proc/self/fd/{descriptor}').readlink().suffix}")
        fsync(descriptor)

    def recording_replace(source: object, target: object) -> None:
        steps.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", recording_fsync)
    monkeypatch.setattr(os, "replace", recording_replace)
    return steps


def test_the_bytes_are_on_the_disk_before_the_rename_and_the_rename_is_flushed_after_it(path, steps):
    write(path)
    assert steps == ["flush .tmp", "rename", "flush "]


def test_the_flush_of_the_rename_may_be_left_to_the_next_file(path, steps):
    with atomic_write(path, flush_folder=False) as file:
        file.write(NEW)
    write(path)
    assert steps == ["flush .tmp", "rename", "flush .tmp", "rename", "flush "]


def test_only_bytes_written_since_the_last_flush_are_flushed(path, steps):
    with atomic_write(path) as file:
        file.flush_to_disk()
        file.write(NEW)
        file.flush_to_disk()
        file.flush_to_disk()
        file.write(NEW)
    assert steps == ["flush .tmp"] * 3 + ["rename", "flush "]


STEPS: dict[str, Callable[[pytest.MonkeyPatch], object]] = {
    "creating": lambda patch: patch.setattr(os, "open", no_space),
    "flushing": lambda patch: patch.setattr(os, "fsync", no_space),
    "renaming": lambda patch: patch.setattr(os, "replace", no_space),
}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_a_step_that_fails_leaves_the_old_file_and_nothing_else(path, monkeypatch, step):
    with monkeypatch.context() as patch:
        step(patch)
        with pytest.raises(WriteError) as raised:
            write(path)
    assert path.read_bytes() == OLD
    assert names(path.parent) == ["Combined.csv"]
    assert raised.value.exit_code == 6
    assert f"cannot write '{path}': No space left on device" in str(raised.value)
    assert "The previous file is unchanged" in str(raised.value)


def test_a_disk_that_fills_up_while_writing_leaves_the_old_file(path):
    """`/dev/full` is like a disk without space: writes fail when the buffer is flushed."""
    if not os.path.exists("/dev/full"):  # noqa: PTH110
        pytest.skip("there is no /dev/full here")
    for size in (10, 3 << 20):

        def write_to_full(size: int = size) -> None:
            with atomic_write(path) as file:
                full = os.open("/dev/full", os.O_WRONLY)
                os.dup2(full, file._file.fileno())
                os.close(full)
                file.write(b"x" * size)

        with pytest.raises(WriteError, match="No space left on device"):
            write_to_full()
        assert path.read_bytes() == OLD
        assert names(path.parent) == ["Combined.csv"]


def test_a_folder_that_cannot_be_flushed_does_not_make_a_written_file_a_failure(path, monkeypatch):
    """Some network file systems do not support it; the file is complete and has its name all the same."""
    fsync = os.fsync

    def fail_for_folders(descriptor: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):  # noqa: PTH112
            raise OSError(errno.EINVAL, "Invalid argument")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fail_for_folders)
    write(path)
    assert path.read_bytes() == NEW
    assert names(path.parent) == ["Combined.csv"]


@pytest.mark.parametrize("error", [ValueError("x"), MemoryError(), KeyboardInterrupt(), Interrupted(15)])
def test_an_error_while_writing_leaves_the_old_file_and_nothing_else(path, error):
    def write_half() -> None:
        with atomic_write(path) as file:
            file.write(NEW)
            raise error

    with pytest.raises(type(error)):
        write_half()
    assert path.read_bytes() == OLD
    assert names(path.parent) == ["Combined.csv"]


def test_a_folder_that_is_gone_is_an_error_that_names_the_file(tmp_path):
    with pytest.raises(WriteError, match=r"cannot write '.*gone/Combined\.csv': No such file"):
        write(tmp_path / "gone" / "Combined.csv")


def test_a_folder_removed_while_writing_is_a_write_error(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()

    def write_and_lose() -> None:
        with atomic_write(folder / "Combined.csv") as file:
            file.write(NEW)
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()

    with pytest.raises(WriteError, match="No such file"):
        write_and_lose()


def test_two_writers_of_one_file_use_different_temporary_files(path):
    with atomic_write(path) as first, atomic_write(path) as second:
        first.write(b"first" * 1000)
        second.write(b"second" * 1000)
        assert len(names(path.parent)) == 3
    assert path.read_bytes() == b"first" * 1000
    assert names(path.parent) == ["Combined.csv"]


def test_no_descriptor_is_left_open(path, monkeypatch):
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208

    before = descriptors()
    write(path)
    for step in STEPS.values():
        with monkeypatch.context() as patch:
            step(patch)
            with pytest.raises(WriteError):
                write(path)
    assert descriptors() == before


def test_new_files_have_the_permissions_that_the_umask_leaves(path):
    before = os.umask(0o027)
    try:
        write(path)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_writable_directory_is_accepted_and_nothing_is_left_in_it(tmp_path):
    check_directory(tmp_path)
    assert names(tmp_path) == []


def test_a_directory_that_is_missing_or_a_file_is_rejected(tmp_path):
    (tmp_path / "file").touch()
    for name in ("missing", "file"):
        with pytest.raises(OutputError, match=rf"{name}' does not exist.*REDUCER_OUTPUT_DIR"):
            check_directory(tmp_path / name)


def test_a_directory_that_is_not_writable_is_rejected_with_the_reason(tmp_path, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(OutputError, match=r"cannot write to the output directory '.*': Permission denied"):
        check_directory(tmp_path)


def test_a_leftover_temporary_file_has_a_name_that_the_next_run_removes():
    from reduction.pipeline import naming
    from reduction.runtime import atomic_file

    temp = atomic_file._temp_path(Path("out/Combined.csv"))
    assert naming.RESULT_TEMP_FILE.fullmatch(temp.name)


# A temporary file ----------------------------------------------------------------------------------------


def test_a_temporary_file_can_be_written_and_read_and_has_no_name(path):
    with atomic_write(path) as file:
        before = names(path.parent)
        descriptor = file.open_temp()
        assert names(path.parent) == before
        os.write(descriptor, NEW)
        assert os.pread(descriptor, len(NEW), 0) == NEW
        os.close(descriptor)


def test_no_two_temporary_files_are_the_same(path):
    with atomic_write(path) as file:
        descriptors = [file.open_temp() for _ in range(20)]
        assert len({os.fstat(descriptor).st_ino for descriptor in descriptors}) == 20
        for descriptor in descriptors:
            os.close(descriptor)


@pytest.mark.parametrize("step", ["open", "unlink"])
def test_a_temporary_file_that_cannot_be_created_is_an_error_with_the_reason(path, monkeypatch, step):
    def fail(*_: object, **__: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(WriteError, match="No space left on device"), atomic_write(path) as file:  # noqa: PT012
        descriptors = names(Path("/proc/self/fd"))
        monkeypatch.setattr(os, step, fail)
        try:
            file.open_temp()
        finally:
            monkeypatch.undo()
            assert names(Path("/proc/self/fd")) == descriptors
    assert path.read_bytes() == OLD
