"""Reads logs in blocks of complete lines, with the offset of each: `(offset, block)`.

A block is valid until the next one is requested. A line longer than a block is a block of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from reduction.hosts.batch.log_files import LogFile

_FIRST_LOOK = 1 << 12  # bytes in which a line end is looked for
_MOST_AT_ONCE = 1 << 20


def line_start(log: LogFile, at: int, limit: int) -> int:
    """Return the offset of the first line that starts from `at` to `limit` (exclusive), or `limit`."""
    if at == 0:
        return 0
    offset, count = at - 1, _FIRST_LOOK
    while offset < limit - 1:
        text = log.read(offset, min(count, limit - 1 - offset))
        found = text.find(b"\n")
        if found >= 0:
            return offset + found + 1
        offset += len(text)
        count = min(2 * count, _MOST_AT_ONCE)
    return limit


def of_part(log: LogFile, start: int, stop: int, block_bytes: int) -> Iterator[tuple[int, memoryview]]:
    """Yield the lines from `start`, the start of a line, to `stop` (exclusive)."""
    buffer = bytearray(min(block_bytes, stop - start)) if start < stop else b""
    at = start
    while at < stop:
        block = memoryview(buffer)[: stop - at]
        log.read_into(block, at)
        end = at + len(block)
        cut = len(block) if end == log.size else buffer.rfind(b"\n", 0, len(block)) + 1
        if cut == 0:
            block = _long_line(log, at)
            cut = len(block)
        yield at, block[:cut]
        at += cut


def _long_line(log: LogFile, at: int) -> memoryview:
    return memoryview(log.read(at, line_start(log, at + 1, log.size) - at))


def of_stream(stream: BinaryIO, block_bytes: int) -> Iterator[tuple[int, memoryview]]:
    """Yield all lines of a stream; offsets are those in its decompressed text."""
    buffer = bytearray(block_bytes)
    offset = held = 0
    while count := stream.readinto(memoryview(buffer)[held:]):  # type: ignore[attr-defined]
        cut = buffer.rfind(b"\n", held, held + count) + 1
        held += count
        if cut:
            yield offset, memoryview(buffer)[:cut]
            offset += cut
            buffer[: held - cut] = buffer[cut:held]
            held -= cut
        elif held == len(buffer):
            buffer = buffer + bytes(held)
    if held:
        yield offset, memoryview(buffer)[:held]
