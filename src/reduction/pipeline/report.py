"""`Combined.report.json`: everything about a run; and the few lines of it that are logged at the end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from reduction.pipeline.naming import REPORT_NAME
from reduction.pipeline.stats import SkipReason, Stats
from reduction.runtime.atomic_file import atomic_write
from reduction.runtime.text import human_bytes, plural

FORMAT = 1


class Result(NamedTuple):
    """The file that a run wrote."""

    file: str
    bytes: int
    crc32: str


class Report(NamedTuple):
    """Everything about a run; `result` is None if it had no valid row. `seconds` are wall time."""

    run_id: str
    fingerprint: str
    engine: str
    why_engine: str
    runners: int
    seconds: float
    slowest_runner_seconds: float
    stats: Stats
    addresses: dict[str, int]
    result: Result | None

    @property
    def distinct(self) -> int:
        """The number of rows of the result."""
        return sum(self.addresses.values())

    def to_plain(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        stats = self.stats
        return {
            "format": FORMAT,
            "run_id": self.run_id,
            "fingerprint": self.fingerprint,
            "engine": {"name": self.engine, "why": self.why_engine},
            "runners": self.runners,
            "seconds": round(self.seconds, 3),
            "slowest_runner_seconds": round(self.slowest_runner_seconds, 3),
            "bytes": stats.bytes,
            "files": {
                "found": stats.taken + len(stats.ignored),
                "taken": stats.taken,
                "ignored": [file._asdict() for file in stats.ignored],
            },
            "rows": {
                "read": stats.read,
                "valid": stats.valid,
                "distinct": self.distinct,
                "rejected": dict(sorted(stats.rejected.items())),
                "rejected_examples": [row._asdict() for row in stats.examples],
            },
            "addresses": self.addresses,
            "result": self.result._asdict() if self.result else None,
        }

    def write(self, directory: Path) -> None:
        """Write the report next to the result; raises `WriteError`."""
        # A report without its result, which follows if there is one, does not count.
        with atomic_write(directory / REPORT_NAME, flush_folder=self.result is None) as file:
            file.write(json.dumps(self.to_plain(), indent=2, ensure_ascii=False).encode() + b"\n")

    def objections(self) -> list[str]:
        """Return what strict mode does not accept: everything that did not count, except old results."""
        skipped = sum(file.reason != SkipReason.OWN_RESULT for file in self.stats.ignored)
        rejected = self.stats.rejected.total()
        return [
            *([plural(skipped, "skipped file")] if skipped else []),
            *([plural(rejected, "rejected row")] if rejected else []),
        ]

    def summary(self, locate: Callable[[str], str]) -> Iterator[str]:
        """Yield the lines that a user sees at the end; `locate` returns where a file of that name is."""
        stats = self.stats
        reasons = ", ".join(f"{reason} {rows:,}" for reason, rows in sorted(stats.rejected.items()))
        yield f"files: {stats.taken:,} accepted, {len(stats.ignored):,} skipped"
        yield f"rows: {stats.read:,} read = {stats.valid:,} valid + {stats.rejected.total():,} rejected" + (
            f" ({reasons})" if reasons else ""
        )
        yield f"distinct: {self.distinct:,}" + "".join(
            f"; {name} {rows:,}" for name, rows in _largest(self.addresses)
        )
        yield f"time: {self.seconds:.2f} s, {human_bytes(stats.bytes)}" + (
            f", {human_bytes(stats.bytes / self.seconds)}/s" if self.seconds and stats.bytes else ""
        )
        where = locate(self.result.file) if self.result else "none, because no row was valid"
        yield f"result: {where}; report: {locate(REPORT_NAME)}"


def read_plain(directory: Path) -> dict[str, Any] | None:
    """Return the report in `directory` as JSON values, or None if there is no readable one."""
    try:
        plain = json.loads((directory / REPORT_NAME).read_bytes())
    except (OSError, ValueError):
        return None
    return plain if isinstance(plain, dict) and plain.get("format") == FORMAT else None


def _largest(addresses: dict[str, int], shown: int = 5) -> list[tuple[str, int]]:
    """Return the environments with the most addresses, and the sum of the others."""
    ranked = sorted(addresses.items(), key=lambda item: (-item[1], item[0]))
    others = ranked[shown:]
    return ranked[:shown] + ([(f"{len(others)} others", sum(rows for _, rows in others))] if others else [])
