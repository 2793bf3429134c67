"""The objects of a share through the kernel: fetched ahead, and read by it in their order."""

from __future__ import annotations

from collections.abc import Sequence

from reduction import _kernel
from reduction.engines.native.files import cut_file_of, fed, ignored_piece, piece_of, take_books
from reduction.engines.per_file import judged, one_by_one
from reduction.pipeline.reading import plain_bytes
from reduction.pipeline.remote_input import Objects
from reduction.pipeline.split_results import Piece
from reduction.pipeline.splits import Unit
from reduction.pipeline.stats import Accounting, Ignored
from reduction.pipeline.warner import Warner
from reduction.runtime.progress import Progress


def read_objects(
    share: _kernel.Share,
    tree: str,
    units: Sequence[Unit],
    progress: Progress,
    books: Accounting,
    most_ahead: int,
) -> list[Piece]:
    """Read all units below the address `tree` into the share.

    The books of whole objects are added to `books`, the others are pieces. At most about `most_ahead` bytes
    are fetched and not yet read.
    """
    pieces = []
    with Objects(tree, units, most_ahead) as objects:
        reader = _Reader(share, objects, progress, books)
        for index, unit in one_by_one(units, progress):
            if unit.cut_file is None:
                reader.read_whole(index, unit)
            else:
                pieces.append(reader.read_piece(index, unit))
    return pieces


class _Reader:
    """Reads one unit after the other."""

    def __init__(self, share: _kernel.Share, objects: Objects, progress: Progress, books: Accounting) -> None:
        self._share = share
        self._objects = objects
        self._progress = progress
        self._books = books
        self._warner = Warner()

    def read_whole(self, index: int, unit: Unit) -> None:
        """Read an object that is not cut."""

        def read(unit: Unit, path: str, books: Accounting) -> None:
            take_books(self._feed(index, unit), path, books)

        judged(unit, self._books, self._warner, read)

    def read_piece(self, index: int, unit: Unit) -> Piece:
        """Read a unit of one that is."""
        with self._objects.by_place(index) as of_unit:
            told = self._share.read_piece_in_parts(
                of_unit.part,
                unit.environment,
                cut_file_of(unit),
                unit.start,
                unit.stop,
                self._progress.read_bytes,
            )
        piece = piece_of(unit, told, lambda: self._feed(index, unit))
        fault = of_unit.fault
        if fault is not None and (fault.reason == Ignored.CHANGED or piece.span is None):
            return ignored_piece(unit, fault)  # else what came before the place has settled it
        return piece

    def _feed(self, index: int, unit: Unit) -> _kernel._Books:
        return fed(self._share, unit, plain_bytes(self._objects.raw(index, self._progress.read_bytes)))
