"""The engines and the choice between them. An engine's module is imported only by `load`."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from typing import NamedTuple

from reduction.errors import SettingsError
from reduction.pipeline.engine import Engine

AUTO = "auto"


class EngineSpec(NamedTuple):
    """What the rest of the program knows about an engine without loading it."""

    name: str
    module: str
    """Its `ENGINE` is the engine."""
    requires: tuple[str, ...]
    """Modules that it cannot run without."""
    min_memory: int
    """Bytes that a runner needs before it holds many addresses (docs/performance-notes.md, "Memory")."""
    auto_rank: int | None = None
    """Its place in the order in which `auto` prefers engines; None if `auto` never chooses it."""
    distributed: bool = False
    """Whether it distributes the work itself: then a run has one runner, in the controller's process."""
    options: tuple[str, ...] = ()
    """Settings that only this engine reads, passed on as `EngineOptions.extra`."""
    install_hint: str = "use REDUCER_ENGINE=auto"


SPECS = {
    spec.name: spec
    for spec in (
        EngineSpec("native", "reduction.engines.native.engine", ("reduction._kernel",), 32 << 20, 1),
        EngineSpec("pandas", "reduction.engines.columnar.engine", ("pandas",), 160 << 20, 2),
        EngineSpec("reference", "reduction.engines.reference", (), 64 << 20, 3),
        EngineSpec(
            "spark",
            "reduction.engines.spark.engine",
            ("pyspark", "pyarrow"),
            64 << 20,
            distributed=True,
            options=("split_bytes", "spark_master"),
            install_hint="in a checkout, run: pip install -c requirements-spark.txt -e '.[spark]'",
        ),
    )
}
NAMES = (AUTO, *SPECS)
_AUTO_ORDER = sorted(
    (spec for spec in SPECS.values() if spec.auto_rank is not None), key=lambda spec: spec.auto_rank or 0
)


class EngineChoice(NamedTuple):
    """The name of the chosen engine, and why it was chosen."""

    name: str
    why: str


def choose(wanted: str) -> EngineChoice:
    """Choose the engine for `wanted`, one of `NAMES`.

    Raises `SettingsError` if a named engine is not installed: it is never replaced by another one.
    """
    if wanted != AUTO:
        if not is_installed(wanted):
            raise SettingsError(
                [f"REDUCER_ENGINE={wanted}: this engine is not installed; {SPECS[wanted].install_hint}"]
            )
        return EngineChoice(wanted, "requested by REDUCER_ENGINE")
    missing = [spec.name for spec in _AUTO_ORDER if not is_installed(spec.name)]
    name = next(spec.name for spec in _AUTO_ORDER if spec.name not in missing)
    return EngineChoice(
        name, "the fastest installed" + (f"; not installed: {', '.join(missing)}" if missing else "")
    )


def min_memory(wanted: str) -> int:
    """Return the bytes that a runner needs at least with the engine for `wanted`, one of `NAMES`."""
    if wanted == AUTO:
        return next(spec.min_memory for spec in _AUTO_ORDER if is_installed(spec.name))
    return SPECS[wanted].min_memory


def is_distributed(wanted: str | None) -> bool:
    """Return whether `wanted` names an engine that distributes the work itself."""
    return wanted in SPECS and SPECS[wanted].distributed


def is_installed(name: str) -> bool:
    """Return whether the engine `name` can be loaded here."""
    return all(find_spec(module) is not None for module in SPECS[name].requires)


def load(name: str) -> Engine:
    """Return the engine `name`; this imports its libraries."""
    engine: Engine = importlib.import_module(SPECS[name].module).ENGINE
    return engine
