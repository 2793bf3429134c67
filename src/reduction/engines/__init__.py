"""The engines and the one place that chooses among them. Each is imported only by who works with it."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from typing import NamedTuple

from reduction.errors import SettingsError
from reduction.pipeline.engine import Engine

AUTO = "auto"
_MODULES: dict[str, tuple[str, tuple[str, ...]]] = {  # name, module, and the libraries it can't do without
    "native": ("reduction.engines.native.engine", ("reduction._kernel",)),
    "pandas": ("reduction.engines.columnar.engine", ("pandas",)),
    "reference": ("reduction.engines.reference", ()),
    "spark": ("reduction.engines.spark.engine", ("pyspark", "pyarrow")),
}
_MEMORY = {  # docs/kernel-log.md, "Memory"
    "native": 32 << 20,
    "pandas": 160 << 20,
    "reference": 64 << 20,
    "spark": 64 << 20,
}
_OF_AUTO = ("native", "pandas", "reference")  # in the order in which `auto` prefers them
NAMES = (AUTO, *_MODULES)
SHARE_THE_WORK_OUT = frozenset({"spark"})
"""Engines that do so themselves: a run with one of them has one runner, which works in the controller."""


class EngineChoice(NamedTuple):
    """Which engine it is, and why."""

    name: str
    why: str


def choose(wanted: str) -> EngineChoice:
    """Choose the engine for `wanted`, one of `NAMES`.

    Raises `SettingsError` if it is forced and not there: a wish is never quietly replaced.
    """
    if wanted != AUTO:
        if not is_installed(wanted):
            what_now = (
                "pip install 'reduction[spark]', in a checkout: '.[spark]'"
                if wanted == "spark"
                else "take auto"
            )
            raise SettingsError([f"REDUCER_ENGINE={wanted}: this engine is not installed here; {what_now}"])
        return EngineChoice(wanted, "asked for by REDUCER_ENGINE")
    missing = [name for name in _OF_AUTO if not is_installed(name)]
    name = next(name for name in _OF_AUTO if name not in missing)
    return EngineChoice(
        name, "the fastest one installed" + (f"; not installed: {', '.join(missing)}" if missing else "")
    )


def memory_needed(wanted: str) -> int:
    """Return the bytes that a runner needs before it holds many addresses, with the engine for `wanted`."""
    if wanted == AUTO:
        return next(_MEMORY[name] for name in _OF_AUTO if is_installed(name))
    return _MEMORY[wanted]


def is_installed(name: str) -> bool:
    """Return whether the engine `name` can be loaded here."""
    return all(find_spec(library) is not None for library in _MODULES[name][1])


def load(name: str) -> Engine:
    """Return the engine `name`; this is where its libraries are imported."""
    engine: Engine = importlib.import_module(_MODULES[name][0]).ENGINE
    return engine
