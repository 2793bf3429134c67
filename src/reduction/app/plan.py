"""Decides everything about a run before it starts: engine, input, run ID, memory, and the job of each
runner.
"""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from reduction import engines
from reduction.app.config import Settings
from reduction.engines import EngineChoice
from reduction.pipeline import discovery, splits
from reduction.pipeline.collect import ExpectedRun
from reduction.pipeline.engine import EngineOptions
from reduction.pipeline.output import LocalOutput
from reduction.pipeline.partials import Manifest
from reduction.pipeline.splits import Listing, Split
from reduction.pipeline.stats import SkippedFile
from reduction.runtime import memory_budget, resources
from reduction.runtime.text import human_bytes, plural

_LOG = logging.getLogger("reduction.controller")


class Job(NamedTuple):
    """What a runner needs to know: plain values, so that it may cross a process border."""

    runner: int
    runners: int
    run_id: str
    fingerprint: str
    splits_of_run: int
    input_dir: str
    output: LocalOutput
    engine: str
    options: EngineOptions
    splits: Sequence[Split]
    ignored: Sequence[SkippedFile]


class Plan(NamedTuple):
    """The decisions of one run on this node. `listing` is None if nothing is read and the run has a name."""

    settings: Settings
    engine: EngineChoice
    listing: Listing | None
    run_id: str

    @property
    def expected(self) -> ExpectedRun:
        """The run whose partials are collected."""
        return ExpectedRun(self.run_id, self.settings.runners)

    def jobs(self, output: LocalOutput) -> dict[int, Job]:
        """Return the job of each runner that is started here, by its number."""
        settings, listing = self.settings, self.listing
        assert listing is not None  # noqa: S101 - a run that reduces has one
        options = _options(settings, self.engine.name, runner_budget(settings, listing))
        fingerprint = listing.fingerprint()
        return {
            runner: Job(
                runner=runner,
                runners=settings.runners,
                run_id=self.run_id,
                fingerprint=fingerprint,
                splits_of_run=len(listing.splits),
                input_dir=settings.input_dir,
                output=output,
                engine=self.engine.name,
                options=options,
                splits=listing.share_of(runner, settings.runners),
                ignored=splits.share_of_skipped(listing.ignored, runner, settings.runners),
            )
            for runner in range(settings.low_runner, settings.high_runner + 1)
        }

    def reread_job(self, output: LocalOutput, files: Sequence[Split], of_run: Manifest) -> Job:
        """Return the job of runner 0: to read `files` as a whole, in the run that `of_run` is a partial
        of.
        """
        return Job(
            runner=0,
            runners=of_run.runners,
            run_id=of_run.run_id,
            fingerprint=of_run.fingerprint,
            splits_of_run=of_run.splits,
            input_dir=self.settings.input_dir,
            output=output.private(),
            engine=self.engine.name,
            options=_options(
                self.settings, self.engine.name, memory_budget.runner_budget(self.settings.memory, 1)
            ),
            splits=files,
            ignored=(),
        )


def make_plan(settings: Settings) -> Plan:
    """Decide and log what the run does; raises `InputError` or `SettingsError`.

    Engines are loaded here, before any fork: a process with threads should not be forked, and numpy's BLAS
    would start some.
    """
    engine = engines.choose(settings.engine)
    _LOG.info("engine %s: %s", *engine)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    engines.load(engine.name)
    gc.freeze()  # imported objects are no garbage: neither runners nor the exit need to scan them
    listing = None
    run_id = settings.run_id
    if settings.reduces or run_id is None:
        listing = list_input(settings, engine.name)
        run_id = run_id or splits.derived_run_id(listing, settings.runners)
        _log_listing(listing, run_id)
        if settings.reduces:
            _log_resources(settings, engine.name, runner_budget(settings, listing))
    return Plan(settings, engine, listing, run_id)


@contextmanager
def open_output(settings: Settings) -> Iterator[LocalOutput]:
    """Yield the output that REDUCER_OUTPUT_DIR names: a folder (a path) or a URL (a string)."""
    if isinstance(settings.output_dir, Path):
        yield LocalOutput(settings.output_dir)
        return
    from reduction.pipeline.remote_output import RemoteOutput
    from reduction.storage.scratch_dir import scratch_dir

    with scratch_dir() as folder:
        yield RemoteOutput(folder, settings.output_dir, shared=not settings.is_whole)


def list_input(settings: Settings, engine: str) -> Listing:
    """Return the input tree's files, large ones split if the engine supports it; raises `InputError`."""
    listing = discovery.find(settings.input_dir)
    if not engines.load(engine).supports_splits:
        return listing
    return splits.plan_splits(listing, settings.split_bytes, settings.runners)


def runner_budget(settings: Settings, listing: Listing) -> int:
    """Return the bytes that each runner started here may use."""
    return memory_budget.runner_budget(settings.memory, _runners_here(settings), len(listing.splits))


def resources_sentence(settings: Settings, runner_bytes: int) -> str:
    """Return what runners may use of the machine, and which limits apply."""
    processors, memory = resources.processors(), resources.memory()
    why = memory.why if settings.origins["REDUCER_MEMORY"] == "default" else "REDUCER_MEMORY"
    return (
        f"{plural(processors.amount, 'processor')} ({processors.why}) and {settings.memory >> 20:,} MiB of"
        f" memory ({why}) for {plural(_runners_here(settings), 'runner')} here,"
        f" {runner_bytes >> 20:,} MiB each"
    )


def _runners_here(settings: Settings) -> int:
    return settings.high_runner - settings.low_runner + 1


def _options(settings: Settings, engine: str, memory: int) -> EngineOptions:
    extra = {name: getattr(settings, name) for name in engines.SPECS[engine].options}
    return EngineOptions(settings.batch_rows, settings.compact_at_rows, memory, extra)


def _log_listing(listing: Listing, run_id: str) -> None:
    size = sum(split.stop - split.start for split in listing.splits)
    _LOG.info(
        "run %s: found %s (%s), skipping %s",
        run_id, plural(listing.files, "input file"), human_bytes(size), f"{len(listing.ignored):,}",
    )  # fmt: skip
    for file in listing.ignored:
        _LOG.debug("'%s' is skipped, %s: %s", file.path, file.reason, file.detail)


def _log_resources(settings: Settings, engine: str, runner_bytes: int) -> None:
    _LOG.info("%s", resources_sentence(settings, runner_bytes))
    if runner_bytes < (needed := engines.min_memory(engine)):
        _LOG.warning(
            "each runner gets %s MiB but engine %s needs at least %s MiB: start fewer runners or raise"
            " REDUCER_MEMORY",
            runner_bytes >> 20, engine, needed >> 20,
        )  # fmt: skip
