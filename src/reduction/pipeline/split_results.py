"""What the units of a cut file have read, and how that makes up the file again (docs/adr/0007).

Pure functions of values; who collects them from the partials is `collect`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from reduction.errors import FileIgnored
from reduction.pipeline.splits import Unit
from reduction.pipeline.stats import Accounting, DoesNotAddUp, Ignored, Rejected
from reduction.runtime.text import shown


class Span(NamedTuple):
    """The whole rows that a unit has read: the first of them starts at byte `first`, the next one at `end`.

    `line_ends` counts the line ends between them, in quotes too.
    """

    first: int
    end: int
    line_ends: int


class Verdict(NamedTuple):
    """A `FileIgnored` as plain values; its `line`, if any, counts from the beginning of the piece."""

    reason: str
    what: str
    line: int | None


class Piece(NamedTuple):
    """What one unit of a cut file says of it: its rows (None if no row starts in it), and their books.

    The lines of its examples are counted from the beginning of the piece. With a verdict the books are empty.
    """

    unit: Unit
    span: Span | None
    books: Accounting
    verdict: Verdict | None = None

    @property
    def cut_file(self) -> int:
        """The number of the file."""
        assert self.unit.cut_file is not None  # noqa: S101 - or it would be a file
        return self.unit.cut_file

    def to_plain(self) -> dict[str, Any]:
        """Return the piece as JSON values; `from_plain` is the way back."""
        return {
            "unit": self.unit._asdict(),
            "span": self.span,
            "books": self.books.to_plain(),
            "verdict": self.verdict,
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Piece:
        """Return the piece that `to_plain` wrote; KeyError, TypeError or ValueError if it is none."""
        span, verdict = plain["span"], plain["verdict"]
        return cls(
            Unit(**plain["unit"]),
            None if span is None else Span(*map(int, span)),
            Accounting.from_plain(plain["books"]),
            None if verdict is None else Verdict(*verdict),
        )


class DoNotFit(Exception):
    """A unit has guessed wrongly where its first row starts: not where the rows of the one before end."""


def by_file(pieces: Iterable[Piece]) -> dict[int, list[Piece]]:
    """Return the pieces of each cut file in order; raises `DoesNotAddUp` unless all are there, each once."""
    of_file: dict[int, list[Piece]] = defaultdict(list)
    for piece in pieces:
        of_file[piece.cut_file].append(piece)
    for of in of_file.values():
        of.sort(key=lambda piece: piece.unit.start)
        _check_units([piece.unit for piece in of])
    return dict(sorted(of_file.items()))


def books_of_file(pieces: Sequence[Piece]) -> Accounting:
    """Return the books of the file that these pieces make up, as if it had been read whole.

    Raises `FileIgnored` if one of them says so, and `DoNotFit` if they say nothing that is proven.
    """
    for piece in pieces:
        if piece.verdict is not None and piece.verdict.reason == Ignored.CHANGED:
            raise FileIgnored(piece.verdict.reason, piece.verdict.what)
    books = Accounting(taken=1, bytes=pieces[0].unit.size)
    frontier = lines = 0  # where the rows that are proven end, and how many lines there are before
    for piece in pieces:
        if piece.span is not None and piece.span.first != frontier:
            raise DoNotFit
        if piece.verdict is not None:
            reason, what, line = piece.verdict
            raise FileIgnored(reason, what, None if line is None else line + lines)
        if piece.span is not None:
            _add(books, piece.books, lines)
            frontier = piece.span.end
            lines += piece.span.line_ends
        elif frontier < piece.unit.stop:
            raise DoNotFit
    return books


def whole(unit: Unit) -> Unit:
    """Return the file that `unit` is cut from as one unit."""
    return unit._replace(start=0, stop=unit.size, cut_file=None)


def _add(books: Accounting, of_piece: Accounting, lines_before: int) -> None:
    """Take over rows and examples; no more examples of each reason than a file may show."""
    books.read += of_piece.read
    books.valid += of_piece.valid
    books.rejected.update(of_piece.rejected)
    for example in of_piece.examples:
        if books.wants_example(Rejected(example.reason)) > 0:
            books.examples.append(example._replace(line=example.line + lines_before))


def _check_units(units: Sequence[Unit]) -> None:
    borders = [0, *(unit.stop for unit in units)]
    are_of_one_file = len(set(map(whole, units))) == 1
    if not are_of_one_file or [*(unit.start for unit in units), units[0].size] != borders:
        raise DoesNotAddUp(
            f"'{shown(units[0].path)}' was cut and not all of its pieces are there, or one is there twice;"
            " nothing was written, please report this"
        )
