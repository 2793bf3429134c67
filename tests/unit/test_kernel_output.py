"""The kernel writes results itself: disk errors and signals must raise as they do in Python code."""

from __future__ import annotations

import errno
import os
import signal
import threading
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from workdir import engine_param

from reduction import engines

pytestmark = [*engine_param("native").marks]
if engines.is_installed("native"):
    from reduction import _kernel

HEADER = b"Source IP,Environment\n"
Write = Callable[[int, int], "_kernel.Written"]


def aggregator_of_many_rows() -> Write:
    """Return a function that writes 400,000 rows of an aggregator."""
    aggregator = _kernel.DistinctAggregator(["Asia Prod"], 1_000_000)
    scanner = _kernel.CsvScanner(aggregator, "Source IP", 5)
    scanner.begin(0)
    rows = (b"10.%d.%d.%d\n" % (n >> 16, n >> 8 & 255, n & 255) for n in range(400_000))
    scanner.feed(b"Source IP\n" + b"".join(rows))
    scanner.end()
    return aggregator.write


def merge_of_many_rows(folder: Path, threads: int) -> Write:
    """Return a function that merges two partials of 50,000 rows, very few at a time."""
    parts = []
    for number in range(2):
        rows = HEADER + b"".join(b"%d.0.%d.%d,a b\n" % (number, n >> 8, n & 255) for n in range(50_000))
        path = folder / str(number)
        path.write_bytes(rows)
        parts.append((os.fsencode(path), len(rows), zlib.crc32(rows)))
    return partial(_kernel.merge, parts, [HEADER], [("a b", 0)], ["a b"], threads=threads, block_bytes=1)


@pytest.fixture(params=["aggregator", "merge", "merge on two threads"])
def write(request: pytest.FixtureRequest, tmp_path: Path) -> Write:
    if request.param == "aggregator":
        return aggregator_of_many_rows()
    return merge_of_many_rows(tmp_path, 1 if request.param == "merge" else 2)


def test_size_and_checksum_continue_from_the_existing_bytes(write, tmp_path):
    with (tmp_path / "x").open("wb", buffering=0) as file:
        file.write(b"before\n")
        written = write(file.fileno(), zlib.crc32(b"before\n"))
    content = (tmp_path / "x").read_bytes()
    assert (written.size, written.crc32) == (len(content) - 7, zlib.crc32(content))
    assert content.startswith(b"before\n")
    assert sum(written.rows) == content.count(b"\n") - 1


def test_a_full_disk_is_an_os_error_with_its_number(write):
    descriptor = os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(OSError, match="No space left") as raised:
        write(descriptor, 0)
    os.close(descriptor)
    assert raised.value.errno == errno.ENOSPC


def test_a_descriptor_that_is_not_open_is_an_os_error(write):
    with pytest.raises(OSError, match="Bad file descriptor"):
        write(-1, 0)


class Stopped(Exception):
    """Raised by the handler of a signal."""


@pytest.fixture
def stopping() -> Iterator[None]:
    """Let SIGUSR1 raise `Stopped`."""

    def stop(*_: object) -> None:
        raise Stopped

    before = signal.signal(signal.SIGUSR1, stop)
    yield
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.usefixtures("stopping")
@pytest.mark.parametrize("threads", [1, 2])
def test_a_signal_ends_the_merge_before_all_is_written(tmp_path, threads):
    merge = merge_of_many_rows(tmp_path, threads)
    path = tmp_path / "x"
    path.touch()

    def stop_when_it_has_begun() -> None:
        while path.stat().st_size == 0:
            pass
        os.kill(os.getpid(), signal.SIGUSR1)

    with path.open("wb", buffering=0) as file:
        stopper = threading.Thread(target=stop_when_it_has_begun)
        stopper.start()
        with pytest.raises(Stopped):
            merge(file.fileno(), 0)
        stopper.join()
    rows = path.read_bytes().count(b"\n")
    assert 0 < rows < 100_000
