"""The controller: turns a tree of CSV files into one Combined.csv.

    python reducer.py                        as the environment says (config.py has every variable)
    python reducer.py --env-file dev.env     variables that are not set come from the file
    python reducer.py --explain              print every effective value and where it came from
    python reducer.py --inline               all runners in this process, one after the other, for a debugger

On several nodes: REDUCER_MODE=reduce with the same REDUCER_RUNNERS_QTY and the node's own
REDUCER_LOW_RUNNER and REDUCER_HIGH_RUNNER on each, then REDUCER_MODE=collect on one.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
import time
from collections.abc import Sequence
from functools import partial

from reduction import engines
from reduction.app import config
from reduction.app.runner import Job, jobs_for, list_splits, reduce_share, reread_whole
from reduction.engines import EngineChoice
from reduction.errors import RunnerFailed, StrictViolation
from reduction.pipeline import output, splits
from reduction.pipeline.collect import Expected, collect
from reduction.pipeline.output import OutputLocation
from reduction.pipeline.splits import Listing
from reduction.runtime import logs
from reduction.runtime.main import run_main
from reduction.runtime.progress import ProgressSnapshot, SharedProgress
from reduction.runtime.progress_bar import ProgressReporter
from reduction.runtime.text import display_path
from reduction.runtime.workers import WorkerFailure, WorkerPool

_LOG = logging.getLogger("reduction.controller")


def run(settings: config.Settings, *, inline: bool) -> None:
    """Do what the settings say; raises a `ReducerError` if it can't be done."""
    started = time.monotonic()
    engine = engines.choose(settings.engine)
    _LOG.info("engine %s: %s", *engine)
    # Loaded before the fork. A process with threads should not be forked, and numpy's BLAS would start some.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    engines.load(engine.name)
    gc.freeze()  # what is imported is no garbage: neither runners nor the exit need look through it
    run_id = settings.run_id
    if settings.reduces or run_id is None:
        listing = list_splits(settings, engine.name)
        run_id = run_id or splits.derived_run_id(listing, settings.runners)
        _log_listing(listing, run_id)
    with output.opened(settings.output_dir, shares=not settings.is_whole) as at:
        at.check()
        if settings.reduces:
            inline |= engine.name in engines.SHARE_THE_WORK_OUT
            reduce_range(settings, at, jobs_for(settings, listing, run_id, engine.name, at), inline=inline)
        if settings.collects:
            collect_all(settings, at, Expected(run_id, settings.runners), engine, started)


def reduce_range(
    settings: config.Settings, at: OutputLocation, jobs: dict[int, Job], *, inline: bool
) -> None:
    """Run the runners of this node; if one fails, no partial of any of them is left."""
    low, high = settings.low_runner, settings.high_runner
    if (low, high) == (1, settings.runners):
        at.remove_all()
    _LOG.info("runners %s to %s of %s%s", low, high, settings.runners, ", inline" if inline else "")
    board = SharedProgress(len(jobs))
    with at.cleanup_on_failure(low, high):
        if inline:
            for index, job in enumerate(jobs.values()):
                reduce_share(job, board.slot(index))
        else:
            run_processes(settings, jobs, board)


def run_processes(settings: config.Settings, jobs: dict[int, Job], board: SharedProgress) -> None:
    """Run each job in a process of its own; raises for the first that fails, when all others are stopped."""
    splits = [split for job in jobs.values() for split in job.splits]
    files = sum(split.ends_file for split in splits)
    display = ProgressReporter(files, sum(split.stop - split.start for split in splits))

    def work(job: Job, index: int) -> None:
        reduce_share(job, board.slot(index))

    def show_progress() -> None:
        snapshots = [board.snapshot(index) for index in range(len(jobs))]
        display.update(sum(of.files for of in snapshots), sum(of.bytes for of in snapshots))

    with display, WorkerPool(work, settings.log_level) as runners:
        runners.start(jobs)
        failure = runners.wait(show_progress)
    if failure is not None:
        raise _failed(failure, jobs[failure.runner], board.snapshot(list(jobs).index(failure.runner)))


def collect_all(
    settings: config.Settings, at: OutputLocation, expected: Expected, engine: EngineChoice, started: float
) -> None:
    """Make the result of all partials and say what became of the run."""
    again = partial(reread_whole, settings, engine.name, at)
    at.fetch_partials(*expected)
    report = collect(at.directory, expected, engines.load(engine.name), engine.why, started, again)
    at.publish_result(is_new=report is not None)
    if report is None:
        _LOG.info("run %s was collected before and its result stands: nothing to do", expected.run_id)
        return
    for line in report.summary(at.shown):
        _LOG.info("%s", line)
    if settings.strict and (objections := report.objections()):
        raise StrictViolation(
            f"strict mode: {' and '.join(objections)}; the report names them, the result is written"
        )


def _failed(failure: WorkerFailure, job: Job, snapshot: ProgressSnapshot) -> RunnerFailed:
    """Return the error that names the runner, the file it was on and the cause."""
    path = None if snapshot.split is None else display_path(job.splits[snapshot.split].path)
    return RunnerFailed(failure.runner, job.runners, path, failure.cause, failure.exit_code)


def _log_listing(listing: Listing, run_id: str) -> None:
    size = sum(split.stop - split.start for split in listing.splits)
    _LOG.info(
        "run %s: %s files of %.1f MB to take, %s to ignore",
        run_id, f"{listing.files:,}", size / 1e6, f"{len(listing.ignored):,}",
    )  # fmt: skip
    for file in listing.ignored:
        _LOG.debug("'%s' is ignored, %s: %s", file.path, file.reason, file.detail)


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code of `python reducer.py`."""

    def work() -> None:
        options = config.options_of(sys.argv[1:] if arguments is None else arguments)
        settings = config.load(os.environ, options.env_file)
        if options.explain:
            print(config.explain(settings))  # noqa: T201 - it is what was asked for
            return
        logs.to_standard_error(settings.log_level, logs.CONTROLLER)
        for line in config.explain(settings).splitlines():
            _LOG.debug("%s", line)
        run(settings, inline=options.inline)

    return run_main(work)


if __name__ == "__main__":
    sys.exit(main())
