"""Text of fields by the million: tables of all spellings, used with whole-array operations.

A field is a table of byte strings of one width, filled up with NULs. Rows are made at full width, side by
side, and then the NULs are discarded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.bytes_]
Numbers = NDArray[np.uint32]

_SITES = ("Berlin", "Bogota", "Lagos", "Osaka", "Pune", "Quito", "Riga", "Seoul", "Turin", "Zagreb")
_VERBS = ("denied", "allowed", "discarded", "reset", "queued", "mirrored", "logged", "shaped")
_CAUSES = ("no rule matched", "rate above limit", "by policy", "port closed", "unknown peer", "after hours")


def _table(texts: Iterable[str]) -> Bytes:
    return np.array([text.encode() for text in texts])


# By kind of column: all its spellings, each as likely as another.
KINDS = {
    "count": lambda: _table(str(number) for number in range(10_000)),
    "rate": lambda: _table(f"{number / 100:.2f}" for number in range(10_000)),
    "port": lambda: _table(str(number) for number in range(1, 65_536)),
    "volume": lambda: _table(str(number * 7919 % 10_000_019) for number in range(40_000)),
    "protocol": lambda: _table(("TCP", "UDP", "ICMP", "GRE")),
    "site": lambda: _table(_SITES),
    "host": lambda: _table(f"edge-{number:04d}.example.net" for number in range(2_000)),
    "time": lambda: _table(
        f"2026-03-01 {second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
        for second in range(86_400)
    ),
    "text": lambda: _table(
        f'"{verb}, {cause}, again in {seconds} s"'
        for verb in _VERBS
        for cause in _CAUSES
        for seconds in range(1, 60)
    ),
}


@cache
def spellings(kind: str) -> Bytes:
    """Return all spellings of a kind of column."""
    return KINDS[kind]()


def address_of(index: NDArray[np.uint64], seed: int) -> Numbers:
    """Return the address with that index: every index below 2**32 has its own, anywhere in the IPv4 space."""
    # Steps of MurmurHash3's finish; each can be undone, so no two indexes meet.
    number = (index + np.uint64(seed * 0x9E3779B1)).astype(np.uint32)
    number ^= number >> 16
    number *= np.uint32(0x85EBCA6B)
    number ^= number >> 13
    number *= np.uint32(0xC2B2AE35)
    number ^= number >> 16
    return number


@cache
def _octets(end: str) -> Bytes:
    return _table(f"{octet}{end}" for octet in range(256))


def address_parts(addresses: Numbers) -> list[Bytes]:
    """Return the four octets of each address as text, the first three with their dots."""
    octets = addresses.astype(">u4").view(np.uint8).reshape(-1, 4)
    return [_octets("." if place < 3 else "")[octets[:, place]] for place in range(4)]


def written(parts: Sequence[Bytes | bytes], rows: int) -> bytes:
    """Return rows with these parts side by side; one that is `bytes` is the same in each row."""
    widths = [f"S{part.itemsize if isinstance(part, np.ndarray) else len(part)}" for part in parts]
    matrix = np.empty(rows, dtype=[(str(place), width) for place, width in enumerate(widths)])
    for place, part in enumerate(parts):
        matrix[str(place)] = part
    flat = matrix.view(np.uint8)
    return flat[flat != 0].tobytes()
