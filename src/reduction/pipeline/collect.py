"""Merges the partials of all runners into one result, or rejects them and leaves the old result unchanged.

`check_partials` reads the manifests, `with_reread` adds a partial of files that had to be read again, and
`write_result` writes the result and its report.
"""

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
from reduction.pipeline.engine import Engine
from reduction.pipeline.naming import RESULT_NAME, manifest_name, partial_name
from reduction.pipeline.partials import Manifest
from reduction.pipeline.report import Report, Result
from reduction.pipeline.split_results import Reassembly, reassemble
from reduction.pipeline.stats import AccountingError, Stats
from reduction.runtime.atomic_file import atomic_write
from reduction.runtime.text import plural

_LOG = logging.getLogger("reduction.collect")


class ExpectedRun(NamedTuple):
    """The run whose partials are collected: its ID and its number of runners."""

    run_id: str
    runners: int


class PartialSet(NamedTuple):
    """The committed partials of one complete run.

    `reassembly.reread` are files to be read again as a whole, into the partial of runner 0, before
    `write_result`.
    """

    manifests: tuple[Manifest, ...]
    reassembly: Reassembly


class Collector(NamedTuple):
    """Who collects: the engine that merges, why it was chosen, and the `time.monotonic()` of the start."""

    engine: Engine
    why_engine: str
    started: float


def check_partials(directory: Path, expected: ExpectedRun, engine_name: str) -> PartialSet | None:
    """Read and check all manifests in `directory`.

    Returns None if there is nothing to do, because this very run is already collected.
    Raises `PartialsRejected` or `AccountingError`.
    """
    partials.remove_result_temp_files(directory)
    manifests, problems = _read_manifests(directory, expected, engine_name)
    if problems:
        if was_collected(directory, expected, manifests):
            partials.remove_all(directory)
            return None
        raise PartialsRejected(problems)
    return PartialSet(tuple(manifests), reassemble(manifests))


def with_reread(partial_set: PartialSet, directory: Path) -> PartialSet:
    """Return the set with the partial of runner 0, which has the files that were read again."""
    manifest = partials.read_manifest(directory, 0)
    wanted = len(partial_set.reassembly.reread)
    if manifest.stats.taken + len(manifest.stats.ignored) != wanted:
        raise AccountingError(f"{plural(wanted, 'split file')} read again, {manifest.stats.taken} accepted")
    return partial_set._replace(manifests=(*partial_set.manifests, manifest))


def write_result(
    directory: Path, expected: ExpectedRun, partial_set: PartialSet, collector: Collector
) -> Report:
    """Write `Combined.csv` and its report, then remove the partials.

    Raises `PartialsRejected`, `WriteError` or `AccountingError`; the previous result is then unchanged.
    """
    manifests, reassembly = partial_set
    stats = _stats_of(manifests)
    stats.add(reassembly.stats)
    stats.ignored.sort(key=lambda file: file.path.encode())

    def new_report(addresses: dict[str, int], result: Result | None) -> Report:
        return Report(
            run_id=expected.run_id,
            fingerprint=manifests[0].fingerprint,
            engine=collector.engine.name,
            why_engine=collector.why_engine,
            runners=expected.runners,
            seconds=time.monotonic() - collector.started,
            slowest_runner_seconds=max(of.seconds for of in manifests if of.runner),
            stats=stats,
            addresses=addresses,
            result=result,
        )

    written = _write_files(directory, manifests, reassembly.discarded, collector.engine, new_report)
    partials.remove_all(directory)
    return written


def was_collected(directory: Path, expected: ExpectedRun, manifests: Sequence[Manifest]) -> bool:
    """Return whether the report says that this run is complete and its result is still there.

    `manifests` are partials that exist nevertheless (a node was repeated): they must belong to the run as it
    was collected.
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


def _read_manifests(directory: Path, expected: ExpectedRun, engine: str) -> tuple[list[Manifest], list[str]]:
    """Return the manifests that exist, and the reasons why they are not one complete run."""
    manifests: list[Manifest] = []
    missing: list[int] = []
    problems: list[str] = []
    for runner in range(1, expected.runners + 1):
        try:
            manifest = partials.read_manifest(directory, runner)
        except partials.ManifestMissing:
            missing.append(runner)
        except partials.ManifestDamaged as error:
            hint = partials.rerun_hint([runner])
            problems.append(f"manifest '{manifest_name(runner)}' is damaged ({error}): {hint}")
        else:
            manifests.append(manifest)
            problems += _disagreement(manifest, expected, manifests[0], engine)
    if missing:
        numbers = ", ".join(map(str, missing))
        problems.insert(
            0,
            f"no partial of runner {numbers} of {expected.runners}: its node failed or has not finished;"
            f" {partials.rerun_hint(missing)}",
        )
    return manifests, problems


def _disagreement(manifest: Manifest, expected: ExpectedRun, first: Manifest, engine: str) -> list[str]:
    name = partial_name(manifest.runner)
    rerun = partials.rerun_hint([manifest.runner])
    if manifest.runners != expected.runners:
        return [
            f"partial '{name}' belongs to a run with REDUCER_RUNNERS_QTY={manifest.runners}, this one has"
            f" {expected.runners}: set the same number on every node, then {rerun}"
        ]
    if manifest.run_id != expected.run_id:
        return [
            f"partial '{name}' belongs to run {manifest.run_id}, this is run {expected.run_id}: it is older,"
            f" or the input has changed since{_other_splits(manifest.engine, engine)}; {rerun},"
            f" or set REDUCER_RUN_ID={manifest.run_id} to collect that run"
        ]
    if (manifest.fingerprint, manifest.splits) != (first.fingerprint, first.splits):
        return [
            f"partial '{name}' is from other input ({plural(manifest.splits, 'split')}) than partial"
            f" '{partial_name(first.runner)}' ({plural(first.splits, 'split')}): a file was added, changed or"
            f" removed between the nodes' listings{_other_splits(manifest.engine, first.engine)};"
            f" {rerun}, or all of them"
        ]
    return []


def _other_splits(engine: str, other: str) -> str:
    """Return one more reason why two lists of splits may differ: not all engines split files."""
    if engine == other:
        return ", or REDUCER_SPLIT_SIZE differs"
    return f", or engines {engine} and {other} split it differently (use the same one on every node)"


def _stats_of(manifests: Sequence[Manifest]) -> Stats:
    """Return the stats of the whole run; raises `AccountingError` if they do not reconcile."""
    stats = Stats()
    for manifest in manifests:
        manifest.stats.check()
        distinct = sum(manifest.addresses.values())
        if distinct > manifest.stats.valid or (manifest.stats.valid and not distinct):
            raise AccountingError(
                f"runner {manifest.runner}: {distinct} distinct of {manifest.stats.valid} valid rows"
            )
        stats.add(manifest.stats)
    return stats


def _write_files(
    directory: Path,
    manifests: Sequence[Manifest],
    discarded: Collection[int],
    engine: Engine,
    new_report: Callable[[dict[str, int], Result | None], Report],
) -> Report:
    """Write the report and the result; the result replaces the old one last.

    So any failure before that leaves the old result. A report that is newer than the result does not match
    its CRC-32, and `was_collected` does not trust it.
    """
    path = directory / RESULT_NAME
    if not any(_addresses(manifest, discarded) for manifest in manifests):
        _LOG.warning("no valid row in the input tree: there is no %s", RESULT_NAME)
        written = new_report({}, None)
        written.write(directory)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise WriteError(f"cannot remove the old '{path}': {error.strerror}") from error
        return written
    _LOG.info("collecting %s", plural(len(manifests), "partial"))
    with atomic_write(path) as file:
        addresses = engine.merge(directory, manifests, file, discarded)
        _check_distinct(addresses, [_addresses(manifest, discarded) for manifest in manifests])
        file.flush_to_disk()
        written = new_report(addresses, Result(RESULT_NAME, file.bytes, f"{file.crc32:08x}"))
        written.write(directory)
    return written


def _addresses(manifest: Manifest, discarded: Collection[int]) -> list[tuple[str, int]]:
    """Return the numbers of distinct rows of a partial that count, by environment, split files separately."""
    environments = {result.split_file_id: result.split.environment for result in manifest.split_results}
    of_split_files = [
        (environments[number], rows)
        for number, rows in manifest.split_file_counts.items()
        if number not in discarded
    ]
    return [*manifest.addresses.items(), *of_split_files]


def _check_distinct(addresses: dict[str, int], of_partials: Sequence[list[tuple[str, int]]]) -> None:
    """Raise `AccountingError` unless each environment has as many rows as its partials allow."""
    counts: dict[str, list[int]] = defaultdict(list)
    for name, rows in chain.from_iterable(of_partials):
        counts[name].append(rows)
    for name, of_name in counts.items():
        merged = addresses.get(name, 0)
        if not max(of_name) <= merged <= sum(of_name):
            raise AccountingError(f"'{name}': partials of {of_name} rows were merged to {merged}")


def _crc32(path: Path) -> str:
    crc32 = 0
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            crc32 = zlib.crc32(chunk, crc32)
    return f"{crc32:08x}"
