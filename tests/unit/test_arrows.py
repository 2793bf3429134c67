"""Who may know whom: read from the imports, and from what a run really loads."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from workdir import engine_param

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "reduction"
TOP = ("reducer", "runner", "config")
HEAVY = {"pandas", "numpy"}
NOT_AT_START = {  # together more than Python itself takes to start (docs/kernel-log.md)
    "argparse", "backports.zstd", "bz2", "compression.zstd", "csv", "dataclasses", "difflib", "dotenv",
    "gzip", "inspect", "isal", "lzma", "multiprocessing", "pickle", "random", "reduction.opening",
    "reduction.storage.client", "reduction.storage.objects", "rich", "secrets",
    "socket", "subprocess", "tempfile",
}  # fmt: skip
USE_ARRAYS = {
    "pandas_engine", "address_arrays", "byte_scan", "distinct_buffer", "odd_keys", "partial_arrays",
    "spark_engine", "spark_rows", "spark_tasks",
}  # fmt: skip
SPARK = {"pyspark", "py4j", "pyarrow"}
# The program inside the package: only these know the command line, and only `__main__` reads it.
PROGRAM = {"hosts/__main__.py", "hosts/arguments.py", "hosts/batch_command.py", "hosts/streaming_command.py"}
modules = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def in_package(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, anywhere in it, and everything it takes from one, with full names."""
    package = module_of(path).split(".") if path.is_relative_to(PACKAGE) else []
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            yield source
            yield from (f"{source}.{alias.name}" for alias in node.names)


def tops(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(path)}


def mentions(path: Path, module: str, *names: str) -> set[str]:
    """The names of `module` that a file uses, as `module.name` or imported from it."""
    used = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == module:
            used.add(node.attr)
        if isinstance(node, ast.ImportFrom) and node.module == module:
            used |= {alias.name for alias in node.names}
    return used & set(names)


def test_the_check_sees_imports_of_every_kind(tmp_path):
    file = tmp_path / "x.py"
    file.write_text(
        "import a.b\nfrom c import d\ndef f():\n    import e\n    from os import environ\nos.getenv\n"
    )
    assert set(imports(file)) == {"a.b", "c", "c.d", "e", "os", "os.environ"}
    assert mentions(file, "os", "environ", "getenv") == {"environ", "getenv"}


@pytest.mark.parametrize("path", modules, ids=name_of)
def test_the_package_knows_neither_the_application_nor_the_environment(path):
    assert tops(path).isdisjoint({*TOP, "dotenv"})
    assert "argparse" not in tops(path) or in_package(path) in PROGRAM
    assert not mentions(path, "os", "environ", "environb", "getenv", "getenvb", "putenv")
    assert not mentions(path, "sys", "argv")


def test_the_runner_does_not_know_the_controller_and_config_knows_neither():
    assert "reducer" not in tops(ROOT / "runner.py")
    assert tops(ROOT / "config.py").isdisjoint({"reducer", "runner"})


def test_only_the_top_reads_the_environment():
    """The controller and the runner hand it to `config`, which makes settings of it."""
    assert not mentions(ROOT / "config.py", "os", "environ", "getenv")
    for name in ("reducer.py", "runner.py"):
        assert mentions(ROOT / name, "os", "environ", "getenv") == {"environ"}


@pytest.mark.parametrize("path", modules, ids=name_of)
def test_engines_and_hosts_do_not_know_each_other(path):
    folder = path.relative_to(PACKAGE).parts[0]
    stranger = {"engines": "reduction.hosts", "hosts": "reduction.engines"}.get(folder)
    if stranger:
        assert not [name for name in imports(path) if name == stranger or name.startswith(f"{stranger}.")]


@pytest.mark.parametrize("path", modules, ids=name_of)
def test_the_library_does_not_know_the_program_in_it(path):
    program = {module_of(PACKAGE / name) for name in PROGRAM}
    if in_package(path) not in PROGRAM:
        assert program.isdisjoint(imports(path))


@pytest.mark.parametrize("path", modules, ids=name_of)
def test_pandas_and_numpy_stay_in_the_modules_of_their_engine(path):
    if path.stem not in USE_ARRAYS:
        assert tops(path).isdisjoint(HEAVY)


@pytest.mark.parametrize("path", modules, ids=name_of)
def test_only_the_spark_engine_knows_spark(path):
    if not path.stem.startswith("spark_"):
        assert tops(path).isdisjoint(SPARK)
        assert not [name for name in imports(path) if name.startswith("reduction.engines.spark_")]


@pytest.mark.parametrize("path", [path for path in modules if path.stem not in USE_ARRAYS], ids=name_of)
def test_modules_that_use_arrays_are_loaded_only_by_name(path):
    """An import of one of them would load pandas wherever the importing module is needed."""
    taken = {name.removeprefix("reduction.engines.") for name in imports(path)}
    assert taken.isdisjoint(USE_ARRAYS)


def loaded_by(script: str, tree: Path, engine: str) -> list[str]:
    """What a script prints, in one line, that imports `reducer` and reduces `tree`."""
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
        import sys, reducer
        print(reducer.main(["--inline"]), *({HEAVY!r} & set(sys.modules)))
        """
    assert loaded_by(script, tree, "reference") == ["0"]


@pytest.mark.parametrize("engine", [engine_param("native")])
def test_a_plain_native_run_waits_for_no_module_that_it_does_not_need(tree, engine):
    """In the controller, and in a runner, which is the same process in the second run."""
    script = f"""if True:
        import os, sys, config, reducer
        print(reducer.main([]))
        reducer.run(config.load(os.environ), inline=True)
        print(*sorted({HEAVY | NOT_AT_START!r} & set(sys.modules)))
        """
    assert loaded_by(script, tree, engine) == ["0"]
