"""Stats: files read or skipped, rows read, valid or rejected; every one is counted, with a reason."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from types import SimpleNamespace
from typing import Any, NamedTuple

from reduction.errors import ReducerError

EXAMPLES_A_FILE = 5  # rejected rows that are kept as examples, per reason
EXAMPLES_A_RUN = 20


class SkipReason(StrEnum):
    """Why a file is not read or not counted."""

    OTHER_TYPE = "other-type"
    OTHER_NAME = "other-name"
    HIDDEN = "hidden"
    OWN_RESULT = "own-result"
    NOT_A_FILE = "not-a-file"
    FOLDER_LINK = "folder-link"
    NO_KEY_COLUMN = "no-key-column"
    BROKEN = "broken"
    CHANGED = "changed-while-read"


class Rejected(StrEnum):
    """Why a row of an accepted file is not counted."""

    TOO_MANY_FIELDS = "too-many-fields"
    NO_KEY = "no-key"
    NOT_AN_ADDRESS = "not-an-address"


class AccountingError(ReducerError):
    """Stats do not reconcile, an internal error: rows or files were lost, and no result was written."""

    exit_code = 4


class SkippedFile(NamedTuple):
    """A skipped file, or folder (with a `/` at the end); `path` is relative to the input tree."""

    path: str
    reason: str
    detail: str


class RejectedRow(NamedTuple):
    """An example of a rejected row: the line where it starts (from 1), and its key or a description."""

    path: str
    line: int
    reason: str
    text: str


class Stats(SimpleNamespace):
    """The stats of a file, of a runner's share, or of a run.

    `taken` is the number of accepted files, `bytes` their size; `read`, `valid` and `rejected` count rows.
    """

    def __init__(
        self,
        *,
        taken: int = 0,
        bytes: int = 0,  # noqa: A002 - its name in manifests and reports
        read: int = 0,
        valid: int = 0,
        rejected: Counter[str] | None = None,
        ignored: list[SkippedFile] | None = None,
        examples: list[RejectedRow] | None = None,
    ) -> None:
        self.taken = taken
        self.bytes = bytes
        self.read = read
        self.valid = valid
        self.rejected = Counter() if rejected is None else rejected
        self.ignored = [] if ignored is None else ignored
        self.examples = [] if examples is None else examples

    def reject(self, reason: Rejected, rows: int) -> None:
        """Count `rows` rejected rows."""
        if rows:
            self.rejected[str(reason)] += rows

    def wants_example(self, reason: Rejected) -> int:
        """Return how many more examples of `reason` are wanted from this file."""
        return EXAMPLES_A_FILE - sum(example.reason == reason for example in self.examples)

    def add(self, other: Stats) -> None:
        """Add the numbers and skipped files of `other`, and its examples if they are among the first."""
        self.taken += other.taken
        self.bytes += other.bytes
        self.read += other.read
        self.valid += other.valid
        self.rejected.update(other.rejected)
        self.ignored += other.ignored
        if other.examples:
            self.examples = _first_examples(self.examples + other.examples)

    def check(self) -> None:
        """Raise `AccountingError` unless read = valid + rejected."""
        if self.read != self.valid + self.rejected.total():
            raise AccountingError(
                f"the rows do not add up: read {self.read}, valid {self.valid},"
                f" rejected {dict(self.rejected)}; nothing was written; please report this as a bug"
            )

    def to_plain(self) -> dict[str, Any]:
        """Return the stats as JSON values, for `from_plain`."""
        return {
            "taken": self.taken,
            "bytes": self.bytes,
            "read": self.read,
            "valid": self.valid,
            "rejected": dict(sorted(self.rejected.items())),
            "ignored": [[file.path, file.reason, file.detail] for file in self.ignored],
            "examples": [[row.path, row.line, row.reason, row.text] for row in self.examples],
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Stats:
        """Return the stats that `to_plain` wrote. Raises KeyError, TypeError or ValueError otherwise."""
        return cls(
            taken=int(plain["taken"]),
            bytes=int(plain["bytes"]),
            read=int(plain["read"]),
            valid=int(plain["valid"]),
            rejected=Counter({str(reason): int(rows) for reason, rows in plain["rejected"].items()}),
            ignored=[SkippedFile(*map(str, file)) for file in plain["ignored"]],
            examples=[RejectedRow(str(p), int(line), str(r), str(t)) for p, line, r, t in plain["examples"]],
        )


def _first_examples(examples: list[RejectedRow]) -> list[RejectedRow]:
    seen: Counter[str] = Counter()
    first = []
    for example in sorted(examples, key=lambda row: (row.path, row.line)):
        seen[example.reason] += 1
        if seen[example.reason] <= EXAMPLES_A_RUN:
            first.append(example)
    return first
