"""What is installed is one package, `reduction`, and nothing of the application on top."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from workdir import ROOT

import reduction

BUILD_FILES = ("pyproject.toml", "LICENSE", "README.md")
COMPILERS = [os.environ["CXX"]] if "CXX" in os.environ else ["c++", "g++", "clang++"]
Build = Callable[..., "subprocess.CompletedProcess[str]"]


def a_kernel_can_be_compiled() -> bool:
    return any(map(shutil.which, COMPILERS)) and Path(sysconfig.get_path("include"), "Python.h").exists()


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Builds a wheel from a copy, so that nothing is left in the checkout, with the tools installed here."""
    source = tmp_path_factory.mktemp("source")
    for name in BUILD_FILES:
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, source)
    (source / "README.md").touch()
    ignored = shutil.ignore_patterns("*.egg-info", "__pycache__")
    for name in ("src", "native", "tests/unit"):
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for name in ("reducer.py", "runner.py", "config.py"):
        shutil.copy(ROOT / name, source)

    def build(target: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        command = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(target), str(source)]
        return subprocess.run(
            [sys.executable, "-m", "pip", *command],
            env=os.environ | {"REDUCTION_REQUIRE_NATIVE": ""} | variables,
            capture_output=True,
            text=True,
            check=False,
        )

    return build


@pytest.fixture(scope="module")
def wheel(build: Build, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names in the wheel that comes out here."""
    target = tmp_path_factory.mktemp("wheel")
    built = build(target)
    if built.returncode:
        pytest.fail(built.stderr)
    return names_in(target)


def names_in(folder: Path) -> list[str]:
    [path] = folder.iterdir()
    return zipfile.ZipFile(path).namelist()


def kernels(names: list[str]) -> list[str]:
    return [name for name in names if name.startswith("reduction/_kernel.") and not name.endswith(".pyi")]


@pytest.mark.timeout(300)
def test_a_wheel_has_one_package_and_nothing_else_on_top(wheel):
    tops = {name.partition("/")[0] for name in wheel}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"reduction"}


@pytest.mark.timeout(300)
def test_a_wheel_has_every_module_of_the_package(wheel):
    modules = {str(path.relative_to(ROOT / "src")) for path in (ROOT / "src").rglob("*.py")}
    assert modules <= set(wheel)
    assert {"reduction/py.typed", "reduction/_kernel.pyi"} <= set(wheel)


@pytest.mark.timeout(300)
def test_a_wheel_has_the_native_kernel_where_it_can_be_compiled(wheel):
    assert len(kernels(wheel)) == a_kernel_can_be_compiled()


@pytest.mark.timeout(300)
def test_without_a_compiler_a_wheel_has_no_kernel_and_is_named_so(build, tmp_path):
    built = build(tmp_path, CXX="/bin/false")
    assert built.returncode == 0, built.stderr
    assert "native_kernel_NOT_built-py3-none-any.whl" in built.stdout
    assert "reduction/__init__.py" in names_in(tmp_path)
    assert not kernels(names_in(tmp_path))


@pytest.mark.timeout(300)
def test_without_a_compiler_there_is_no_wheel_if_the_kernel_is_required(build, tmp_path):
    built = build(tmp_path, CXX="/bin/false", REDUCTION_REQUIRE_NATIVE="1")
    assert built.returncode != 0
    assert "but REDUCTION_REQUIRE_NATIVE requires it" in built.stdout + built.stderr


def test_the_kernel_installed_here_is_of_the_same_version():
    if os.environ.get("REDUCTION_REQUIRE_NATIVE") != "1":
        pytest.importorskip("reduction._kernel", reason="the native kernel is not built here")
    assert importlib.import_module("reduction._kernel").version() == reduction.__version__


def test_the_package_alone_can_be_imported_from_anywhere_and_the_application_cannot(tmp_path):
    script = (
        "import importlib.util as util, reduction.app.controller\n"
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
