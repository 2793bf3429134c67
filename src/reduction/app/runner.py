"""One runner: its share of the splits, reduced by the engine, committed as a partial.

    python runner.py ID [--env-file FILE]    runs just runner ID of REDUCER_RUNNERS_QTY, for job arrays

The controller (`reducer.py`) runs `reduce_share` in a process for each runner of its range.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple

from reduction import engines
from reduction.app import config
from reduction.errors import PartialsRejected, SettingsError
from reduction.pipeline import discovery, output, partials, splits
from reduction.pipeline.engine import EngineOptions, ReduceResult
from reduction.pipeline.output import OutputLocation
from reduction.pipeline.partials import Manifest
from reduction.pipeline.splits import Listing, Split
from reduction.pipeline.stats import AccountingError, SkippedFile
from reduction.runtime import logs, resources
from reduction.runtime.atomic_file import atomic_write
from reduction.runtime.main import run_main
from reduction.runtime.progress import NullProgress, Progress
from reduction.runtime.text import display_path
from reduction.storage.url import redact_url

_LOG = logging.getLogger("reduction.runner")


class Job(NamedTuple):
    """What a runner is told: plain values, so that it may cross a process border."""

    runner: int
    runners: int
    run_id: str
    fingerprint: str
    splits_of_run: int
    input_dir: str
    output: OutputLocation
    engine: str
    limits: EngineOptions
    splits: Sequence[Split]
    ignored: Sequence[SkippedFile]


def list_splits(settings: config.Settings, engine: str) -> Listing:
    """Return what is in the input tree, with large files cut if the engine cuts; raises `InputError`."""
    listing = discovery.find(settings.input_dir)
    if not engines.load(engine).supports_splits:
        return listing
    return splits.cut(listing, settings.split_bytes, settings.runners)


def jobs_for(
    settings: config.Settings, listing: Listing, run_id: str, engine: str, at: OutputLocation
) -> dict[int, Job]:
    """Return the job of each runner that is started here, and log what each may use of the machine."""
    fingerprint = listing.fingerprint()
    memory = settings.runner_memory(len(listing.splits))
    _LOG.info("%s", config.plan(settings, memory))
    if memory < (needed := engines.memory_needed(engine)):
        _LOG.warning(
            "a runner has %s MiB of memory and needs at least %s with engine %s: start fewer here, or raise"
            " the limit or REDUCER_MEMORY, if they fail for lack of memory",
            memory >> 20, needed >> 20, engine,
        )  # fmt: skip
    return {
        runner: Job(
            runner=runner,
            runners=settings.runners,
            run_id=run_id,
            fingerprint=fingerprint,
            splits_of_run=len(listing.splits),
            input_dir=settings.input_dir,
            output=at,
            engine=engine,
            limits=_limits(settings, memory),
            splits=listing.share_of(runner, settings.runners),
            ignored=splits.share_of_ignored(listing.ignored, runner, settings.runners),
        )
        for runner in range(settings.low_runner, settings.high_runner + 1)
    }


def reduce_share(job: Job, progress: Progress) -> None:
    """Write and commit the partial of `job`; raises what the engine or the disk raises."""
    started = time.monotonic()
    _LOG.debug("started, pid %s, %s splits", os.getpid(), len(job.splits))
    engine = engines.load(job.engine)
    job.output.remove(job.runner, job.runner)
    # Without its manifest, which follows, a partial does not count.
    with atomic_write(partials.partial_path(job.output.directory, job.runner), flush_folder=False) as file:
        reduced = engine.reduce(job.input_dir, job.splits, job.limits, file, progress)
        stats = reduced.stats
        stats.check()
        if stats.taken + len(stats.ignored) + len(reduced.split_results) != len(job.splits):
            raise AccountingError(
                f"{stats.taken} taken, {len(stats.ignored)} ignored and {len(reduced.split_results)} split_results"
                f" of {len(job.splits)} splits"
            )
    stats.ignored += job.ignored
    seconds = time.monotonic() - started
    partials.commit(
        job.output.directory,
        Manifest(
            run_id=job.run_id,
            runner=job.runner,
            runners=job.runners,
            splits=job.splits_of_run,
            fingerprint=job.fingerprint,
            engine=engine.name,
            seconds=round(seconds, 3),
            bytes=file.bytes,
            crc32=f"{file.crc32:08x}",
            addresses=reduced.addresses,
            stats=stats,
            split_file_counts=reduced.split_file_counts,
            split_results=reduced.split_results,
        ),
    )
    job.output.publish_partial(job.runner)
    _LOG.info("done in %.2f s: %s", seconds, _told(reduced))


def reread_whole(
    settings: config.Settings, engine: str, at: OutputLocation, splits: Sequence[Split], of_run: Manifest
) -> Manifest:
    """Reduce whole files in this process, as runner 0 of the run of which `of_run` is a partial.

    Raises `PartialsRejected` if a file is not to be seen from here.
    """
    from reduction.pipeline.reading import can_be_read

    for split in splits:
        if not can_be_read(settings.input_dir, split):
            path = os.path.join(redact_url(settings.input_dir), split.path)  # noqa: PTH118 - it need not be UTF-8
            fault = (
                f"'{display_path(path)}' was cut into splits that do not fit together and must be read once"
                " more, whole, but it is not there or can't be read: collect where the input tree is, or run"
                " again with REDUCER_SPLIT_SIZE=0"
            )
            raise PartialsRejected([fault])
    job = Job(
        runner=0,
        runners=of_run.runners,
        run_id=of_run.run_id,
        fingerprint=of_run.fingerprint,
        splits_of_run=of_run.splits,
        input_dir=settings.input_dir,
        output=at._replace(shares=False),
        engine=engine,
        limits=_limits(settings, resources.memory_of_a_runner(settings.memory, 1)),
        splits=splits,
        ignored=(),
    )
    with job.output.cleanup_on_failure(0, 0):
        reduce_share(job, NullProgress())
    return partials.read_manifest(at.directory, 0)


def _limits(settings: config.Settings, memory: int) -> EngineOptions:
    return EngineOptions(
        settings.batch_rows, settings.compact_at_rows, memory, settings.split_bytes, settings.spark_master
    )


def _told(reduced: ReduceResult) -> str:
    rows = reduced.stats.read + sum(result.stats.read for result in reduced.split_results)
    distinct = sum(reduced.addresses.values()) + sum(reduced.split_file_counts.values())
    split_results = (
        f", {len(reduced.split_results):,} split_results of cut files" if reduced.split_results else ""
    )
    return f"{reduced.stats.taken:,} files{split_results}, {rows:,} rows, {distinct:,} distinct"


def run_one(runner: int, env_file: str | None) -> None:
    """Be runner number `runner` of the configured run, alone."""
    settings = config.load(
        os.environ | {"REDUCER_LOW_RUNNER": str(runner), "REDUCER_HIGH_RUNNER": str(runner)}, env_file
    )
    if settings.mode == "collect":
        raise SettingsError(["REDUCER_MODE=collect: a runner reduces; python reducer.py collects"])
    logs.to_standard_error(settings.log_level, logs.runner_name(runner))
    engine = engines.choose(settings.engine)
    _LOG.info("engine %s: %s", *engine)
    listing = list_splits(settings, engine.name)
    run_id = settings.run_id or splits.derived_run_id(listing, settings.runners)
    with output.opened(settings.output_dir, shares=True) as at:
        at.check()
        with at.cleanup_on_failure(runner, runner):
            reduce_share(jobs_for(settings, listing, run_id, engine.name, at)[runner], NullProgress())


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code of `python runner.py`."""
    parser = config.command_line("runner.py", "Runs one runner alone.")
    parser.add_argument("runner", metavar="ID", type=int, help="which one, 1 to REDUCER_RUNNERS_QTY")
    parser.add_argument("--env-file", metavar="FILE", help="variables that are not set are taken from here")

    def work() -> None:
        options = parser.parse_args(arguments)
        run_one(options.runner, options.env_file)

    return run_main(work)


if __name__ == "__main__":
    sys.exit(main())
