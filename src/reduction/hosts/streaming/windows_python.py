"""Windows counted in Python: the simple reference implementation of `reduction._kernel.HostWindows`.

`windows.py` has the interface, `windows_native.py` chooses one of the two.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from reduction.hosts.malformed import MalformedLine
from reduction.hosts.records import Malformed, scan
from reduction.hosts.streaming.windows import Closed, Fed

_SHOWN_BYTES = 400  # of a malformed line
_FORMAT = b"HOSTS001"
_KINDS = (None, None, *Malformed)  # in the kernel's order, which begins with connections and blank lines


@dataclass(slots=True)
class _Window:
    lines: int = 0
    sources: Counter[bytes] = field(default_factory=Counter)
    outgoing: Counter[bytes] = field(default_factory=Counter)
    incoming: Counter[bytes] = field(default_factory=Counter)


class PythonWindows:
    """Windows in dictionaries, one line after the other."""

    def __init__(self, host: bytes, window_ms: int, lateness_ms: int, examples: int) -> None:
        self._host = host
        self._window_ms = window_ms
        self._lateness_ms = lateness_ms
        self._examples = examples
        self._closed_until = 0
        self._late = 0
        self._malformed: Counter[str] = Counter()
        self._open: dict[int, _Window] = {}

    def feed(self, block: bytes) -> Fed:
        closed: list[Closed] = []
        examples: list[MalformedLine] = []
        seen: Counter[str] = Counter()
        for number, offset, text, meaning in scan(block):
            if isinstance(meaning, Malformed):
                self._malformed[str(meaning)] += 1
                seen[meaning] += 1
                if seen[meaning] <= self._examples:
                    examples.append(MalformedLine(str(meaning), number, offset, text[:_SHOWN_BYTES]))
            else:
                self._take(*meaning, closed)
        return Fed(closed, examples)

    def close_all(self) -> list[Closed]:
        closed: list[Closed] = []
        if not self._window_ms:
            self._open.setdefault(0, _Window())
            closed.append(self._close(0))
        elif self._open:
            self._close_until(max(self._open) + self._window_ms, closed)
        return closed

    def snapshot(self) -> list[Closed]:
        pending: tuple[int, dict[str, int]] = self.unreported()
        windows = []
        for start in sorted(self._open) if self._window_ms else [0]:
            windows.append(_report(start, self._open.get(start, _Window()), *pending))
            pending = (0, {})
        return windows

    def unreported(self) -> tuple[int, dict[str, int]]:
        return self._late, dict(self._malformed)

    def has_open(self) -> bool:
        return bool(self._open)

    def save(self, out: Callable[[bytes], object]) -> None:
        malformed = [self._malformed[kind] if kind else 0 for kind in _KINDS]
        out(_FORMAT + _numbers(self._closed_until, self._late, *malformed, len(self._open)))
        for start in sorted(self._open):
            window = self._open[start]
            out(_numbers(start, window.lines))
            for hosts in (window.sources, window.outgoing, window.incoming):
                records = b"".join(_numbers(count) + _length(name) + name for name, count in hosts.items())
                out(_numbers(len(hosts), len(records)))
                out(records)

    def restore(self, read: Callable[[int], bytes]) -> None:
        try:
            if read(len(_FORMAT)) != _FORMAT:
                raise ValueError
            self._closed_until, self._late, *malformed, windows = struct.unpack("<9Q", read(72))
            self._malformed = Counter({str(k): n for k, n in zip(_KINDS, malformed, strict=True) if k and n})
            for _ in range(windows):
                start, lines = struct.unpack("<2Q", read(16))
                hosts = []
                for _ in range(3):
                    known, size = struct.unpack("<2Q", read(16))
                    hosts.append(Counter(dict(_records(read(size), size))))
                    if len(hosts[-1]) != known:
                        raise ValueError
                self._open[start] = _Window(lines, *hosts)
        except (ValueError, struct.error, IndexError) as error:
            raise ValueError("these are not the bytes of saved windows") from error

    def _take(self, time_ms: int, source: bytes, target: bytes, closed: list[Closed]) -> None:
        start = 0
        if self._window_ms:
            start = time_ms - time_ms % self._window_ms
            if start < self._closed_until:
                self._late += 1
                return
            if time_ms >= self._lateness_ms:
                past = time_ms - self._lateness_ms
                self._close_until(past - past % self._window_ms, closed)
        window = self._open.setdefault(start, _Window())
        window.lines += 1
        window.sources[source] += 1
        if source == self._host:
            window.outgoing[target] += 1
        if target == self._host:
            window.incoming[source] += 1

    def _close_until(self, end: int, closed: list[Closed]) -> None:
        self._closed_until = max(self._closed_until, end)
        closed.extend(self._close(start) for start in sorted(self._open) if start < self._closed_until)

    def _close(self, start: int) -> Closed:
        report = _report(start, self._open.pop(start), *self.unreported())
        self._late = 0
        self._malformed.clear()
        return report


def _report(start: int, window: _Window, late: int, malformed: dict[str, int]) -> Closed:
    most = max(window.sources.values(), default=0)
    busiest = [name for name, count in window.sources.items() if count == most]
    outgoing, incoming, names = (
        b"\n".join(sorted(hosts)) for hosts in (window.outgoing, window.incoming, busiest)
    )
    return Closed(start, window.lines, late, malformed, outgoing, incoming, names, most)


def _numbers(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}Q", *numbers)


def _length(name: bytes) -> bytes:
    """Return the length of a name, 7 bits a byte, lowest first; the highest bit says that more follow."""
    left, encoded = len(name), b""
    while left >= 0x80:
        encoded += bytes([left & 0x7F | 0x80])
        left >>= 7
    return encoded + bytes([left])


def _records(records: bytes, size: int) -> Iterator[tuple[bytes, int]]:
    if len(records) != size:
        raise ValueError
    at = 0
    while at < size:
        count = int.from_bytes(records[at : at + 8], "little")
        at += 8
        length = shift = 0
        while records[at] & 0x80:
            length |= (records[at] & 0x7F) << shift
            at, shift = at + 1, shift + 7
        length |= records[at] << shift
        at += 1
        if at + length > size:
            raise ValueError
        yield records[at : at + length], count
        at += length
