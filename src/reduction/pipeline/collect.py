"""Merges the partials of all runners into one result, or refuses and leaves the old one as it is."""

from __future__ import annotations

import logging
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from reduction.errors import PartialsRejected, WriteError
from reduction.pipeline import partials, report
from reduction.pipeline.cut_files import judge
from reduction.pipeline.engine import Engine
from reduction.pipeline.naming import RESULT_NAME
from reduction.pipeline.partials import Manifest
from reduction.pipeline.report import Report, Result
from reduction.pipeline.splits import Split
from reduction.pipeline.stats import AccountingError, Stats
from reduction.runtime.atomic_file import atomic_write
from reduction.runtime.text import display_path

ReduceAgain = Callable[[Sequence[Split], Manifest], Manifest]
"""Reduces whole files into one more partial of the run that the given one is of."""

_LOG = logging.getLogger("reduction.collect")


class Expected(NamedTuple):
    """The run whose partials are wanted: its id and how many runners it has."""

    run_id: str
    runners: int


def collect(
    directory: Path,
    expected: Expected,
    engine: Engine,
    why_engine: str,
    started: float,
    reread_whole: ReduceAgain,
) -> Report | None:
    """Write `Combined.csv` and its report from all partials in `directory`, then remove the partials.

    `started` is the `time.monotonic()` from which the report counts its seconds. Cut files whose split_results do
    not fit together are read once more, by `reread_whole`. Returns None if the partials are gone because this
    very run was collected before.
    Raises `PartialsRejected`, `WriteError` or `AccountingError`, or what `reread_whole` raises; the result that
    stood there is then untouched.
    """
    partials.remove_half_written_results(directory)
    manifests, faults = _read_manifests(directory, expected, engine.name)
    if faults:
        if was_collected(directory, expected, manifests):
            partials.remove_all(directory)
            return None
        raise PartialsRejected(faults)
    seconds = max(manifest.seconds for manifest in manifests)
    cut_files = judge(manifests)
    if cut_files.reread:
        manifests.append(_repeated(cut_files.reread, manifests[0], reread_whole))
    stats = _stats_of(manifests)
    stats.add(cut_files.stats)
    stats.ignored.sort(key=lambda file: file.path.encode())
    made = _write_both(
        directory,
        manifests,
        cut_files.discarded,
        engine,
        lambda addresses, result: Report(
            run_id=expected.run_id,
            fingerprint=manifests[0].fingerprint,
            engine=engine.name,
            why_engine=why_engine,
            runners=expected.runners,
            seconds=time.monotonic() - started,
            slowest_runner_seconds=seconds,
            stats=stats,
            addresses=addresses,
            result=result,
        ),
    )
    partials.remove_all(directory)
    return made


def was_collected(directory: Path, expected: Expected, manifests: Sequence[Manifest]) -> bool:
    """Return whether the report says that this run is complete and its result still stands.

    `manifests` are partials that are there all the same (a node that was repeated): they must be of the
    run as it was collected.
    """
    plain = report.read_plain(directory)
    if plain is None or (plain.get("run_id"), plain.get("runners")) != (expected.run_id, expected.runners):
        return False
    if any((of.run_id, of.fingerprint) != (expected.run_id, plain.get("fingerprint")) for of in manifests):
        return False
    result = plain.get("result")
    path = directory / RESULT_NAME
    if result is None:
        return not path.exists()
    if not isinstance(result, dict) or not path.is_file():
        return False
    return (path.stat().st_size, _crc32(path)) == (result.get("bytes"), result.get("crc32"))


def _repeated(splits: Sequence[Split], of_run: Manifest, reread_whole: ReduceAgain) -> Manifest:
    for split in splits:
        _LOG.warning(
            "'%s' is read once more, whole: where its splits began, what looked like rows stood inside quotes",
            display_path(split.path),
        )
    manifest = reread_whole(splits, of_run)
    if manifest.stats.taken + len(manifest.stats.ignored) != len(splits):
        raise AccountingError(f"{len(splits)} cut files were read once more, {manifest.stats.taken} taken")
    return manifest


def _read_manifests(directory: Path, expected: Expected, engine: str) -> tuple[list[Manifest], list[str]]:
    """Return the manifests that are there, and what keeps them from being one whole run."""
    manifests: list[Manifest] = []
    missing: list[int] = []
    faults: list[str] = []
    for runner in range(1, expected.runners + 1):
        name = partials.manifest_path(Path(), runner).name
        try:
            manifest = partials.read_manifest(directory, runner)
        except partials.ManifestMissing:
            missing.append(runner)
        except partials.ManifestDamaged as fault:
            faults.append(f"manifest '{name}' is damaged ({fault}): {partials.rerun_hint([runner])}")
        else:
            manifests.append(manifest)
            faults += _disagreement(manifest, expected, manifests[0], engine)
    if missing:
        numbers = ", ".join(map(str, missing))
        faults.insert(
            0,
            f"no partial of runner {numbers} of {expected.runners}: its node failed or has not finished;"
            f" {partials.rerun_hint(missing)}",
        )
    return manifests, faults


def _disagreement(manifest: Manifest, expected: Expected, first: Manifest, engine: str) -> list[str]:
    name = partials.partial_path(Path(), manifest.runner).name
    again = partials.rerun_hint([manifest.runner])
    if manifest.runners != expected.runners:
        return [
            f"partial '{name}' is of a run with REDUCER_RUNNERS_QTY={manifest.runners}, this one has"
            f" {expected.runners}: give every node the same number, then {again}"
        ]
    if manifest.run_id != expected.run_id:
        return [
            f"partial '{name}' is of run {manifest.run_id}, this is run {expected.run_id}: it is older, or"
            f" the input has changed since{_other_cuts(manifest.engine, engine)}; {again},"
            f" or give REDUCER_RUN_ID={manifest.run_id} to collect that run"
        ]
    if (manifest.fingerprint, manifest.splits) != (first.fingerprint, first.splits):
        return [
            f"partial '{name}' saw other input ({manifest.splits} splits) than partial"
            f" '{partials.partial_path(Path(), first.runner).name}' ({first.splits} splits): a file was added,"
            f" changed or removed between the nodes' listings{_other_cuts(manifest.engine, first.engine)};"
            f" {again}, or all of them"
        ]
    return []


def _other_cuts(engine: str, other: str) -> str:
    """Return one more reason why two split lists may differ: not all engines cut files."""
    if engine == other:
        return ", or REDUCER_SPLIT_SIZE differs"
    return f", or engine {engine} cut it differently than engine {other} (give every node the same one)"


def _stats_of(manifests: Sequence[Manifest]) -> Stats:
    """Return the stats of the whole run; raises `AccountingError` if rows are missing in them."""
    stats = Stats()
    for manifest in manifests:
        of_share = manifest.stats
        of_share.check()
        distinct = sum(manifest.addresses.values())
        if distinct > of_share.valid or (of_share.valid and not distinct):
            raise AccountingError(
                f"runner {manifest.runner}: {distinct} distinct of {of_share.valid} valid rows"
            )
        stats.add(of_share)
    return stats


def _write_both(
    directory: Path,
    manifests: Sequence[Manifest],
    discarded: Collection[int],
    engine: Engine,
    report_of: Callable[[dict[str, int], Result | None], Report],
) -> Report:
    """Write the result and its report, and put the result in its place last.

    So whatever fails before leaves the old result. A report that is newer than the result beside it does not
    fit its CRC-32, and `was_collected` does not believe it.
    """
    path = directory / RESULT_NAME
    if not any(_addresses(manifest, discarded) for manifest in manifests):
        _LOG.warning("no valid row in the whole tree: there is no %s", RESULT_NAME)
        made = report_of({}, None)
        made.write(directory)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise WriteError(f"the old '{path}' can't be removed: {error.strerror}") from error
        return made
    _LOG.info("collecting %s partials", len(manifests))
    with atomic_write(path) as file:
        addresses = engine.merge(directory, manifests, file, discarded)
        _check_distinct(addresses, [_addresses(manifest, discarded) for manifest in manifests])
        file.flush_to_disk()
        made = report_of(addresses, Result(RESULT_NAME, file.bytes, f"{file.crc32:08x}"))
        made.write(directory)
    return made


def _addresses(manifest: Manifest, discarded: Collection[int]) -> list[tuple[str, int]]:
    """Return how many distinct rows of a partial count: for each environment, and each cut file of it."""
    environments = {result.split_file_id: result.split.environment for result in manifest.split_results}
    of_cut_files = [
        (environments[number], rows)
        for number, rows in manifest.split_file_counts.items()
        if number not in discarded
    ]
    return [*manifest.addresses.items(), *of_cut_files]


def _check_distinct(addresses: dict[str, int], of_partials: Sequence[list[tuple[str, int]]]) -> None:
    """Raise `AccountingError` unless each environment has as many rows as its partials allow."""
    parts: dict[str, list[int]] = defaultdict(list)
    for name, rows in chain.from_iterable(of_partials):
        parts[name].append(rows)
    for name, of in parts.items():
        if not max(of) <= addresses.get(name, 0) <= sum(of):
            raise AccountingError(f"'{name}': partials of {of} rows were merged to {addresses.get(name, 0)}")


def _crc32(path: Path) -> str:
    crc32 = 0
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            crc32 = zlib.crc32(chunk, crc32)
    return f"{crc32:08x}"
