"""Which engine it is, and why; a wish is never quietly replaced."""

from __future__ import annotations

import pytest
from workdir import TESTED, engine_param

from reduction import engines
from reduction.errors import SettingsError


@pytest.fixture
def without_native(monkeypatch) -> None:
    """As on a machine where the kernel could not be compiled."""
    there = engines.find_spec
    monkeypatch.setattr(
        engines, "find_spec", lambda name: None if name == "reduction._kernel" else there(name)
    )


@pytest.fixture
def without_pandas(monkeypatch) -> None:
    """As on a machine that has neither the kernel nor pandas."""
    monkeypatch.setattr(engines, "find_spec", lambda name: None)


@pytest.mark.parametrize("name", [engine_param(name) for name in TESTED])
def test_an_engine_that_is_asked_for_is_taken_for_that_reason(name):
    assert engines.choose(name) == (name, "requested by REDUCER_ENGINE")
    assert engines.load(name).name == name


@pytest.mark.skipif(not engines.is_installed("native"), reason="the kernel is not built here")
def test_auto_takes_the_fastest_and_says_so():
    name, why = engines.choose("auto")
    assert name == "native"
    assert why == "the fastest installed"


def test_without_the_kernel_auto_takes_pandas_and_says_what_is_missing(without_native):
    name, why = engines.choose("auto")
    assert name == "pandas"
    assert why.endswith("not installed: native")


def test_auto_says_what_it_did_without(without_pandas):
    name, why = engines.choose("auto")
    assert name == "reference"
    assert why.endswith("not installed: native, pandas")


def test_an_engine_that_is_asked_for_and_missing_is_an_error(without_pandas):
    with pytest.raises(SettingsError, match="REDUCER_ENGINE=pandas") as raised:
        engines.choose("pandas")
    assert raised.value.exit_code == 3


def test_auto_never_takes_spark():
    assert "spark" not in engines.choose("auto").why


def test_without_pyspark_the_error_says_how_to_install_it(without_pandas):
    with pytest.raises(SettingsError, match=r"pip install -c requirements-spark.txt") as raised:
        engines.choose("spark")
    assert raised.value.exit_code == 3


def test_the_reference_engine_is_always_there(without_pandas):
    assert engines.is_installed("reference")
