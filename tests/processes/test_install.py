"""What is installed is one package, `reduction`, and nothing of the application on top."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from workdir import ROOT

BUILD_FILES = ("pyproject.toml", "LICENSE", "README.md")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names in a wheel that is built from a copy, so that nothing is left in the checkout."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in BUILD_FILES:
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, source)
    (source / "README.md").touch()
    ignored = shutil.ignore_patterns("*.egg-info", "__pycache__")
    shutil.copytree(ROOT / "src", source / "src", ignore=ignored)
    for name in ("reducer.py", "runner.py", "config.py"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "tests" / "unit", source / "tests" / "unit", ignore=ignored)
    built = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", target, source],
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode:
        pytest.fail(built.stderr)
    [path] = target.iterdir()
    return zipfile.ZipFile(path).namelist()


@pytest.mark.timeout(300)
def test_a_wheel_has_one_package_and_nothing_else_on_top(wheel):
    tops = {name.partition("/")[0] for name in wheel}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"reduction"}


@pytest.mark.timeout(300)
def test_a_wheel_has_every_module_of_the_package(wheel):
    modules = {str(path.relative_to(ROOT / "src")) for path in (ROOT / "src").rglob("*.py")}
    assert modules <= set(wheel)
    assert "reduction/py.typed" in wheel


def test_the_package_alone_can_be_imported_from_anywhere_and_the_application_cannot(tmp_path):
    script = (
        "import importlib.util as util, reduction.collect\n"
        "print([name for name in ('config', 'runner', 'reducer') if util.find_spec(name)])\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "[]\n", done.stderr
    assert Path(done.args[0]).exists()
