"""Judges the cut files of a run when all split_results are there: taken, ignored whole, or to be read once more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from reduction.errors import FileSkipped
from reduction.pipeline import split_results
from reduction.pipeline.partials import Manifest
from reduction.pipeline.splits import Split
from reduction.pipeline.stats import AccountingError, SkippedFile, Stats
from reduction.pipeline.warner import SkipLogger
from reduction.runtime.text import display_path


class Reassembly:
    """What became of the cut files of a run.

    `stats` has those that are taken and those that are ignored; `discarded` the numbers of those whose rows in
    the partials do not count, because they are ignored or are `reread`.
    """

    def __init__(self) -> None:
        self.stats = Stats()
        self.discarded: set[int] = set()
        self.reread: list[Split] = []


def judge(manifests: Sequence[Manifest]) -> Reassembly:
    """Judge the cut files of which these partials have split_results; raises `AccountingError` if some are missing."""
    for manifest in manifests:
        _check_rows(manifest)
    judged = Reassembly()
    warner = SkipLogger()
    all_pieces = (result for manifest in manifests for result in manifest.split_results)
    for number, of_file in split_results.by_file(all_pieces).items():
        path = display_path(of_file[0].split.path)
        try:
            stats = split_results.stats_of_file(of_file)
        except split_results.SplitMismatch:
            judged.reread.append(split_results.whole(of_file[0].split))
            judged.discarded.add(number)
        except FileSkipped as verdict:
            judged.stats.ignored.append(SkippedFile(path, verdict.reason, verdict.detail))
            judged.discarded.add(number)
            warner.ignored(path, verdict)
        else:
            judged.stats.add(stats)
            warner.rejected(path, stats)
    return judged


def _check_rows(manifest: Manifest) -> None:
    """Raise `AccountingError` if the stats of split_results and the rows written for them can't both be true."""
    valid: Counter[int] = Counter()
    for result in manifest.split_results:
        result.stats.check()
        valid[result.split_file_id] += result.stats.valid
    for number in valid.keys() | manifest.split_file_counts.keys():
        distinct = manifest.split_file_counts.get(number, 0)
        if distinct > valid[number] or (valid[number] and not distinct):
            raise AccountingError(
                f"runner {manifest.runner}, cut file {number}:"
                f" {distinct} distinct of {valid[number]} valid rows"
            )
