"""Layers: which module may import which, by all import statements and by the modules that a run loads."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from workdir import engine_param

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "reduction"
LAYERS = (
    "reduction.errors",
    "reduction.runtime",
    "reduction.storage",
    "reduction.pipeline",
    "reduction.engines",
    "reduction.app",
)
"""Lowest first: a module imports only from its own layer and from those before it."""
LAYERS_OF_HOSTS = (*LAYERS[:3], "reduction.hosts")
SHARED_MODULES = {"reduction", "reduction._kernel"}
HEAVY = {"pandas", "numpy"}
SPARK = {"pyspark", "py4j", "pyarrow"}
NOT_AT_START = {  # together slower to import than Python itself (docs/performance-notes.md)
    "argparse", "backports.zstd", "bz2", "compression.zstd", "csv", "dataclasses", "difflib", "dotenv",
    "gzip", "inspect", "isal", "lzma", "multiprocessing", "pickle", "random", "reduction.pipeline.reading",
    "reduction.storage.base", "reduction.pipeline.remote_input", "rich", "secrets",
    "socket", "subprocess", "tempfile",
}  # fmt: skip
ARRAYS = ("reduction.engines.columnar.", "reduction.engines.spark.")
# Only these know the command line, and only `__main__` and `app` read it.
COMMAND_LINES = {"reduction.hosts.__main__", "reduction.hosts.cli", "reduction.app.cli"}
COMMANDS = {"reduction.hosts.batch.command", "reduction.hosts.streaming.command"}


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
each_module = pytest.mark.parametrize("module", MODULES)


def imports(path: Path, module: str = "") -> Iterator[str]:
    """Yield the full names of all modules that a file imports, and of those from which it imports a name."""
    package = module.split(".") if module else []
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                name = f"{source}.{alias.name}"
                yield name if name in MODULES else source


def tops(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(path)}


def mentions(path: Path, module: str, *names: str) -> set[str]:
    """Return those of `names` that a file uses, as `module.name` or imported from `module`."""
    used = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == module:
            used.add(node.attr)
        if isinstance(node, ast.ImportFrom) and node.module == module:
            used |= {alias.name for alias in node.names}
    return used & set(names)


def imported_modules() -> dict[str, set[str]]:
    """Map each module of the package to the modules of the package that it imports, anywhere in its file."""
    return {
        module: {name for name in imports(path, module) if name in MODULES} - {module}
        for module, path in MODULES.items()
    }


def cycles(graph: Mapping[str, set[str]]) -> list[set[str]]:
    """Return the cycles: sets of modules that can all reach each other."""

    def reachable(start: str) -> set[str]:
        seen: set[str] = set()
        pending = [start]
        while pending:
            for name in graph[pending.pop()] - seen:
                seen.add(name)
                pending.append(name)
        return seen

    reach = {module: reachable(module) for module in graph}
    components = {frozenset(other for other in reach[module] if module in reach[other]) for module in graph}
    return [set(component) for component in components if component]


def layer_of(module: str, layers: tuple[str, ...]) -> int | None:
    return next((i for i, name in enumerate(layers) if module == name or module.startswith(f"{name}.")), None)


def test_imports_of_every_kind_are_found(tmp_path):
    file = tmp_path / "x.py"
    file.write_text(
        "import a.b\nfrom c import d\ndef f():\n    import e\n    from os import environ\nos.getenv\n"
        "from reduction.runtime import logs\n"
    )
    assert set(imports(file)) == {"a.b", "c", "e", "os", "reduction.runtime.logs"}
    assert mentions(file, "os", "environ", "getenv") == {"environ", "getenv"}


def test_a_cycle_is_found():
    assert cycles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [{"b", "c"}]


def test_no_modules_import_each_other_in_a_cycle():
    assert cycles(imported_modules()) == []


@each_module
def test_a_module_imports_only_from_its_own_layer_and_lower_ones(module):
    layers = LAYERS_OF_HOSTS if module.startswith("reduction.hosts") else LAYERS
    own = layer_of(module, layers)
    if own is None:
        assert module in SHARED_MODULES, "the module belongs to no layer"
        return
    for name in imports(MODULES[module], module):
        if name.startswith("reduction") and name not in SHARED_MODULES:
            layer = layer_of(name, layers)
            assert layer is not None, f"{name} is in no layer that {module} may import"
            assert layer <= own, f"{name} is in a layer above {module}"


def test_the_package_root_contains_only_modules_for_every_layer():
    assert {path.stem for path in PACKAGE.glob("*.py*")} == {"__init__", "errors", "_kernel"}


@each_module
def test_only_the_programs_read_the_environment_and_the_command_line(module):
    path = MODULES[module]
    if not module.startswith("reduction.app"):
        assert "dotenv" not in tops(path)
        assert not mentions(path, "os", "environ", "environb", "getenv", "getenvb", "putenv")
        assert "argparse" not in tops(path) or module in COMMAND_LINES | COMMANDS
        assert not mentions(path, "sys", "argv")


@each_module
def test_commands_of_the_host_processor_are_imported_by_its_program_only(module):
    if module != "reduction.hosts.__main__":
        assert COMMANDS.isdisjoint(set(imports(MODULES[module], module)) - {module})


@each_module
def test_pandas_numpy_and_spark_stay_in_the_modules_of_their_engines(module):
    if not module.startswith(ARRAYS):
        assert tops(MODULES[module]).isdisjoint(HEAVY)
    if not module.startswith("reduction.engines.spark."):
        assert tops(MODULES[module]).isdisjoint(SPARK)


@each_module
def test_modules_that_use_arrays_are_loaded_only_by_name(module):
    """Importing one of them would load pandas wherever the importing module is used."""
    if not module.startswith(ARRAYS):
        assert not [name for name in imports(MODULES[module], module) if name.startswith(ARRAYS)]


@pytest.mark.parametrize("name", ["reducer.py", "runner.py", "config.py"])
def test_the_entry_points_at_the_top_are_short(name):
    path = ROOT / name
    assert len(path.read_text().splitlines()) <= 30
    assert {name for name in imports(path) if name != "sys"} <= {
        "reduction.app.controller",
        "reduction.app.runner",
    }


def loaded_by(script: str, tree: Path, engine: str) -> list[str]:
    """Run a script that imports the controller and reduces `tree`; return the words that it prints."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("REDUCER_")}
    variables = {"ENGINE": engine, "INPUT_DIR": str(tree), "OUTPUT_DIR": str(tree), "RUNNERS_QTY": "2"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=inherited | {f"REDUCER_{name}": value for name, value in variables.items()},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert (tree / "Combined.csv").read_text().splitlines()[1:] == ["1.1.1.1,Asia Prod", "::1,Asia Prod"]
    return done.stdout.split()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "Asia Prod.csv").write_text("Source IP\n1.1.1.1\n::1\n")
    return tmp_path


def test_the_reference_engine_runs_without_pandas_and_numpy(tree):
    script = f"""if True:
        import sys
        from reduction.app import controller
        print(controller.main(["--inline"]), *({HEAVY!r} & set(sys.modules)))
        """
    assert loaded_by(script, tree, "reference") == ["0"]


@pytest.mark.parametrize("engine", [engine_param("native")])
def test_a_plain_native_run_imports_no_module_that_it_does_not_need(tree, engine):
    """Neither in the controller nor in a runner, which is the same process in the second run."""
    script = f"""if True:
        import os, sys
        from reduction.app import config, controller
        print(controller.main([]))
        controller.run(config.load(os.environ), inline=True)
        print(*sorted({HEAVY | NOT_AT_START!r} & set(sys.modules)))
        """
    assert loaded_by(script, tree, engine) == ["0"]
