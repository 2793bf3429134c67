"""Judges the cut files of a run when all pieces are there: taken, ignored whole, or to be read once more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from reduction.errors import FileIgnored
from reduction.pipeline import split_results
from reduction.pipeline.partials import Manifest
from reduction.pipeline.splits import Unit
from reduction.pipeline.stats import Accounting, DoesNotAddUp, IgnoredFile
from reduction.pipeline.warner import Warner
from reduction.runtime.text import shown


class CutFiles:
    """What became of the cut files of a run.

    `books` has those that are taken and those that are ignored; `dropped` the numbers of those whose rows in
    the partials do not count, because they are ignored or are `to_repeat`.
    """

    def __init__(self) -> None:
        self.books = Accounting()
        self.dropped: set[int] = set()
        self.to_repeat: list[Unit] = []


def judge(manifests: Sequence[Manifest]) -> CutFiles:
    """Judge the cut files of which these partials have pieces; raises `DoesNotAddUp` if some are missing."""
    for manifest in manifests:
        _check_rows(manifest)
    judged = CutFiles()
    warner = Warner()
    all_pieces = (piece for manifest in manifests for piece in manifest.pieces)
    for number, of_file in split_results.by_file(all_pieces).items():
        path = shown(of_file[0].unit.path)
        try:
            books = split_results.books_of_file(of_file)
        except split_results.DoNotFit:
            judged.to_repeat.append(split_results.whole(of_file[0].unit))
            judged.dropped.add(number)
        except FileIgnored as verdict:
            judged.books.ignored.append(IgnoredFile(path, verdict.reason, verdict.detail))
            judged.dropped.add(number)
            warner.ignored(path, verdict)
        else:
            judged.books.add(books)
            warner.rejected(path, books)
    return judged


def _check_rows(manifest: Manifest) -> None:
    """Raise `DoesNotAddUp` if the books of pieces and the rows written for them can't both be true."""
    valid: Counter[int] = Counter()
    for piece in manifest.pieces:
        piece.books.check()
        valid[piece.cut_file] += piece.books.valid
    for number in valid.keys() | manifest.cut_addresses.keys():
        distinct = manifest.cut_addresses.get(number, 0)
        if distinct > valid[number] or (valid[number] and not distinct):
            raise DoesNotAddUp(
                f"runner {manifest.runner}, cut file {number}:"
                f" {distinct} distinct of {valid[number]} valid rows"
            )
