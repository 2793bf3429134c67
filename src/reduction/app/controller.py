"""The controller: plans a run, starts its runners, collects their partials, and reports."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Sequence

from reduction import engines
from reduction.app import cli, config
from reduction.app.plan import Job, Plan, make_plan, open_output
from reduction.app.runner import check_readable_again, reduce_share
from reduction.errors import RunnerFailed, StrictViolation
from reduction.pipeline.collect import Collector, check_partials, with_reread, write_result
from reduction.pipeline.output import LocalOutput
from reduction.runtime import logs
from reduction.runtime.main import run_main
from reduction.runtime.progress import NullProgress, ProgressSnapshot, SharedProgress
from reduction.runtime.progress_bar import ProgressReporter
from reduction.runtime.text import display_path
from reduction.runtime.workers import WorkerFailure, WorkerPool

_LOG = logging.getLogger("reduction.controller")


def run(settings: config.Settings, *, inline: bool) -> None:
    """Do what the settings say; raises a `ReducerError` if that fails."""
    started = time.monotonic()
    plan = make_plan(settings)
    with open_output(settings) as output:
        output.check()
        if settings.reduces:
            run_workers(plan, output, inline=inline or engines.is_distributed(plan.engine.name))
        if settings.collects:
            collect_all(plan, output, started)


def run_workers(plan: Plan, output: LocalOutput, *, inline: bool) -> None:
    """Run the runners of this node; if one fails, no partial of any of them is left."""
    settings = plan.settings
    low, high = settings.low_runner, settings.high_runner
    if (low, high) == (1, settings.runners):
        output.remove_all()
    _LOG.info("runners %s to %s of %s%s", low, high, settings.runners, ", inline" if inline else "")
    jobs = plan.jobs(output)
    progress = SharedProgress(len(jobs))
    with output.cleanup_on_failure(low, high):
        if inline:
            for index, job in enumerate(jobs.values()):
                reduce_share(job, progress.slot(index))
        else:
            run_processes(jobs, progress, settings.log_level)


def run_processes(jobs: dict[int, Job], progress: SharedProgress, log_level: str) -> None:
    """Run each job in a process of its own; raises `RunnerFailed` for the first failure, others stopped."""
    splits = [split for job in jobs.values() for split in job.splits]
    files = sum(split.ends_file for split in splits)
    reporter = ProgressReporter(files, sum(split.stop - split.start for split in splits))

    def work(job: Job, index: int) -> None:
        reduce_share(job, progress.slot(index))

    def show_progress() -> None:
        snapshots = [progress.snapshot(index) for index in range(len(jobs))]
        reporter.update(sum(of.files for of in snapshots), sum(of.bytes for of in snapshots))

    with reporter, WorkerPool(work, log_level) as workers:
        workers.start(jobs)
        failure = workers.wait(show_progress)
    if failure is not None:
        index = list(jobs).index(failure.runner)
        raise _runner_failed(failure, jobs[failure.runner], progress.snapshot(index))


def collect_all(plan: Plan, output: LocalOutput, started: float) -> None:
    """Write the result of all partials and log a summary of the run."""
    output.fetch_partials(*plan.expected)
    partial_set = check_partials(output.directory, plan.expected, plan.engine.name)
    if partial_set is None:
        output.publish_result(is_new=False)
        _LOG.info("run %s is already collected, nothing to do", plan.run_id)
        return
    if files := partial_set.reassembly.reread:
        check_readable_again(plan.settings.input_dir, files)
        job = plan.reread_job(output, files, partial_set.manifests[0])
        with job.output.cleanup_on_failure(0, 0):
            reduce_share(job, NullProgress())
        partial_set = with_reread(partial_set, output.directory)
    collector = Collector(engines.load(plan.engine.name), plan.engine.why, started)
    report = write_result(output.directory, plan.expected, partial_set, collector)
    output.publish_result(is_new=True)
    for line in report.summary(output.locate):
        _LOG.info("%s", line)
    if plan.settings.strict and (objections := report.objections()):
        raise StrictViolation(
            f"strict mode: {' and '.join(objections)}; the report names them, the result is written"
        )


def _runner_failed(failure: WorkerFailure, job: Job, snapshot: ProgressSnapshot) -> RunnerFailed:
    """Return the error that names the runner, the file it was reading and the cause."""
    path = None if snapshot.split is None else display_path(job.splits[snapshot.split].path)
    return RunnerFailed(failure.runner, job.runners, path, failure.cause, failure.exit_code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code of `python reducer.py`."""

    def work() -> None:
        options = cli.parse_options(sys.argv[1:] if arguments is None else arguments)
        settings = config.load(os.environ, options.env_file)
        if options.explain:
            print(config.explain(settings))  # noqa: T201 - the user asked for it
            return
        logs.to_standard_error(settings.log_level, logs.CONTROLLER)
        for line in config.explain(settings).splitlines():
            _LOG.debug("%s", line)
        run(settings, inline=options.inline)

    return run_main(work)
