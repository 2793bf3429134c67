"""One runner: the engine reduces its share of the splits, and the result is committed as a partial.

The controller calls `reduce_share` in a process for each runner of its range.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence

from reduction import engines
from reduction.app import cli, config
from reduction.app.plan import Job, make_plan, open_output
from reduction.errors import PartialsRejected, SettingsError
from reduction.pipeline import partials
from reduction.pipeline.engine import ReduceResult
from reduction.pipeline.partials import Manifest
from reduction.pipeline.splits import Split
from reduction.pipeline.stats import AccountingError
from reduction.runtime import logs
from reduction.runtime.atomic_file import atomic_write
from reduction.runtime.main import run_main
from reduction.runtime.progress import NullProgress, Progress
from reduction.runtime.text import display_path, plural
from reduction.storage.url import redact_url

_LOG = logging.getLogger("reduction.runner")


def reduce_share(job: Job, progress: Progress) -> None:
    """Write and commit the partial of `job`; raises what the engine or the disk raises."""
    started = time.monotonic()
    _LOG.debug("started, pid %s, %s", os.getpid(), plural(len(job.splits), "split"))
    engine = engines.load(job.engine)
    directory = job.output.directory
    job.output.remove_partials(job.runner, job.runner)
    # Without its manifest, which follows, a partial does not count.
    with atomic_write(partials.partial_path(directory, job.runner), flush_folder=False) as file:
        result = engine.reduce(job.input_dir, job.splits, job.options, file, progress)
        _check(result, len(job.splits))
    result.stats.ignored += job.ignored
    seconds = time.monotonic() - started
    partials.commit(
        directory,
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
            addresses=result.addresses,
            stats=result.stats,
            split_file_counts=result.split_file_counts,
            split_results=result.split_results,
        ),
    )
    job.output.publish_partial(job.runner)
    _LOG.info("done in %.2f s: %s", seconds, _describe(result))


def check_readable_again(input_dir: str, files: Sequence[Split]) -> None:
    """Log that split files are read again as a whole.

    Raises `PartialsRejected` if one cannot be read from here.
    """
    from reduction.pipeline.reading import is_readable

    for file in files:
        path = display_path(os.path.join(redact_url(input_dir), file.path))  # noqa: PTH118 - it need not be UTF-8
        if not is_readable(input_dir, file):
            raise PartialsRejected(
                [
                    f"'{path}' must be read again as a whole, because its splits do not match, but it"
                    " does not exist here or cannot be read: collect on a node that sees the input tree,"
                    " or run again with REDUCER_SPLIT_SIZE=0"
                ]
            )
        _LOG.warning(
            "re-reading '%s' as a whole: a split started inside a quoted field", display_path(file.path)
        )


def _check(result: ReduceResult, splits: int) -> None:
    stats = result.stats
    stats.check()
    if stats.taken + len(stats.ignored) + len(result.split_results) != splits:
        raise AccountingError(
            f"{stats.taken} accepted, {len(stats.ignored)} skipped and {len(result.split_results)} of split"
            f" files, but {plural(splits, 'split')}"
        )


def _describe(result: ReduceResult) -> str:
    rows = result.stats.read + sum(of.stats.read for of in result.split_results)
    distinct = sum(result.addresses.values()) + sum(result.split_file_counts.values())
    split_results = (
        f", {plural(len(result.split_results), 'split')} of large files" if result.split_results else ""
    )
    return (
        f"{plural(result.stats.taken, 'file')}{split_results}, {plural(rows, 'row')}, {distinct:,} distinct"
    )


def run_one(runner: int, env_file: str | None) -> None:
    """Run runner number `runner` of the configured run, alone in this process."""
    settings = config.load(
        os.environ | {"REDUCER_LOW_RUNNER": str(runner), "REDUCER_HIGH_RUNNER": str(runner)}, env_file
    )
    if settings.mode == "collect":
        raise SettingsError(["REDUCER_MODE=collect: a runner only reduces; python reducer.py collects"])
    logs.to_standard_error(settings.log_level, logs.runner_name(runner))
    plan = make_plan(settings)
    with open_output(settings._replace(mode="reduce")) as output:
        output.check()
        with output.cleanup_on_failure(runner, runner):
            reduce_share(plan.jobs(output)[runner], NullProgress())


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code of `python runner.py`."""
    return run_main(lambda: run_one(*cli.parse_runner(arguments)))
