"""Makes connection logs and knows who was met: for the benchmarks of the Host processor.

    python -m benchmarks.make_logs /tmp/connections.log --lines 100000000 --days 30

Connections happen at even steps and are written down up to five minutes late, so the log is roughly sorted.
One host, the one that will be asked about, is in a known few of them.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.fields import Bytes, written

FIRST_MS = 1565647204351
LATEST_MS = 300_000  # between a connection and its line
ASKED = b"Aadvik"
_LINES_AT_ONCE = 250_000
_SHARE_LATE = 0.1
_SYLLABLES = (
    "ba",
    "den",
    "eli",
    "fa",
    "gro",
    "hin",
    "is",
    "jo",
    "ka",
    "lu",
    "mar",
    "na",
    "ora",
    "per",
    "qui",
    "ros",
)


@dataclass(frozen=True)
class Log:
    """What is in a log: `lines` over `days`, `hosts`, and one more who is asked about, in `asked` lines."""

    seed: int
    lines: int
    days: float
    hosts: int
    asked: int


@dataclass(frozen=True)
class Met:
    """One connection of the host that is asked about."""

    time_ms: int
    source: bytes
    target: bytes


@cache
def names(count: int) -> Bytes:
    """Return so many names, all different: syllables say the number."""
    return np.array([ASKED, *(_name(number).encode() for number in range(count))])[1:]


def _name(number: int) -> str:
    syllables = [_SYLLABLES[number % 16]]
    while number := number // 16:
        syllables.append(_SYLLABLES[number % 16])
    return "".join(syllables).capitalize()


def make(log: Log, path: Path) -> list[Met]:
    """Write the log; returns the connections of the host that is asked about, in the order of their lines."""
    met: list[Met] = []
    places = np.sort(np.random.default_rng([log.seed]).choice(log.lines, log.asked, replace=False))
    with path.open("wb") as out:
        for first in range(0, log.lines, _LINES_AT_ONCE):
            count = min(_LINES_AT_ONCE, log.lines - first)
            here = places[(places >= first) & (places < first + count)] - first
            text, found = _part(log, first, count, here)
            out.write(text)
            met += found
    return met


def _part(log: Log, first: int, count: int, asked: NDArray[np.int64]) -> tuple[bytes, list[Met]]:
    rng = np.random.default_rng([log.seed, first])
    table = names(log.hosts)
    step = log.days * 86_400_000 / log.lines
    late = np.minimum(rng.exponential(40_000, count), LATEST_MS) * (rng.random(count) < _SHARE_LATE)
    times = FIRST_MS + ((first + np.arange(count)) * step - late).astype(np.int64)
    sources = rng.integers(log.hosts, size=count)
    targets = (sources + rng.integers(1, log.hosts, size=count)) % log.hosts
    pairs = [table[sources], table[targets]]
    met = []
    for place in asked:
        pairs[rng.integers(2)][place] = ASKED
        met.append(Met(int(times[place]), bytes(pairs[0][place]), bytes(pairs[1][place])))
    return written([*_digits(times), b" ", pairs[0], b" ", pairs[1], b"\n"], count), met


def _digits(times: NDArray[np.int64]) -> list[Bytes]:
    """Return the times as text: their front and their last six digits, each taken from a table."""
    front, back = np.divmod(times, 1_000_000)
    fronts = np.array([b"%d" % number for number in range(int(front.min()), int(front.max()) + 1)])
    return [fronts[front - front.min()], _last_six()[back]]


@cache
def _last_six() -> Bytes:
    return np.array([b"%06d" % number for number in range(1_000_000)])


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--seed", type=int, default=1, help="(default: %(default)s)")
    parser.add_argument("--lines", type=int, default=1_000_000, help="(default: %(default)s)")
    parser.add_argument("--days", type=float, default=1, help="(default: %(default)s)")
    parser.add_argument("--hosts", type=int, default=100_000, help="(default: %(default)s)")
    parser.add_argument("--asked", type=int, default=1000, help="lines of Aadvik (default: %(default)s)")
    asked = parser.parse_args()
    made = make(Log(asked.seed, asked.lines, asked.days, asked.hosts, asked.asked), asked.path)
    for met in made:
        print(met.time_ms, met.source.decode(), met.target.decode())


if __name__ == "__main__":
    main()
