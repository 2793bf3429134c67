"""The simulation of large runs: each of its formulas against drawing, counting or arithmetic."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

from benchmarks.scale import model, parts

PLAN = tomllib.loads((Path(model.__file__).parent / "plan.toml").read_text())


@pytest.mark.parametrize("exponent", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("rows", [300, 3_000, 30_000])
def test_distinct_rows_are_as_many_as_are_found_by_drawing(exponent, rows):
    distinct = 5_000
    rng = np.random.default_rng(1)
    chances = np.arange(1, distinct + 1) ** -exponent
    drawn = [len(np.unique(rng.choice(distinct, rows, p=chances / chances.sum()))) for _ in range(20)]
    assert model.distinct_in(rows, distinct, exponent) == pytest.approx(np.mean(drawn), rel=0.02)


@pytest.mark.parametrize("kind", PLAN["sizes"], ids=lambda kind: "-".join(map(str, kind.values())))
def test_drawn_sizes_add_up_and_shares_of_them_have_nothing_lost(kind):
    sizes = model.sizes_of(kind, 10_000, 1e12)
    assert sizes.sum() == pytest.approx(1e12, rel=1e-6)
    assert sizes.min() >= 0
    by_hand = [sizes[runner::7].sum() for runner in range(7)]
    assert model.largest_share_by_path(sizes, 7) == pytest.approx(max(by_hand) / np.mean(by_hand))
    within = sizes.max() / (sizes.sum() / 7)
    assert 1 <= model.largest_share(sizes, 7) <= 1 + within


def test_a_rhythm_that_fits_the_number_of_runners_is_uneven_by_path_only():
    sizes = model.sizes_of({"kind": "rhythm", "length": 16, "large": 2, "times": 20}, 16_000, 1e12)
    assert model.largest_share_by_path(sizes, 160) > 5
    assert model.largest_share(sizes, 160) < 1.2


def test_an_object_as_large_as_many_shares_makes_no_share_larger():
    sizes = np.full(1000, 1 << 20)
    sizes[500] = 1 << 40
    assert model.largest_share_by_path(sizes, 50) > 40
    assert model.largest_share(sizes, 50) < 1.01


def test_an_unknown_kind_of_sizes_is_rejected():
    with pytest.raises(ValueError, match="there is no kind flat"):
        model.sizes_of({"kind": "flat"}, 1, 1)


def test_one_node_that_fails_with_a_chance_costs_what_arithmetic_says():
    """It fails q / (1 - q) times on average, and loses half of its time with each."""
    mean, most = model.times_with_failures(1, 0.2, tries=200_000)
    assert mean == pytest.approx(1 + 0.5 * 0.2 / 0.8, rel=0.01)
    assert 1.5 < most < 2


def test_times_are_bounded_by_the_link_or_by_the_cores():
    cluster = {"link_bytes_a_second": 100.0, "runners_a_node": 4}
    assert model.reading_seconds(1000, cluster | {"store_bytes_a_core_second": 50}) == 10
    assert model.reading_seconds(1000, cluster | {"store_bytes_a_core_second": 10}) == 25
    assert model.collect_seconds(1000, cluster, merged_a_second=50) == 10 + 20


def test_every_node_lists_every_page():
    made = model.requests(1_000_001, PLAN)
    assert made == {"lists": 50 * 1001, "gets": 1_000_001 + 400, "puts": 402}
    seconds = model.listing_seconds(
        2000,
        {"list_page_keys": 1000, "list_page_seconds": 0.5},
        {"listed_seconds_a_unit": 0.001, "dealt_seconds_a_unit": 0.002},
    )
    assert seconds == pytest.approx(2 * 0.5 + 2000 * 0.003)


def test_real_runs_of_many_nodes_are_checked_against_the_right_answer(tmp_path):
    run = {"workload": "small", "nodes": 3, "runners_a_node": 2}
    figures = parts.many_nodes(run, tmp_path, scale=0.001)
    assert (figures["files"], figures["runners"]) == (20, 6)
    assert figures["rows_of_result"] > 100
    assert figures["partials_bytes"] >= figures["rows_of_result"] * figures["bytes_a_row"] * 0.9


def test_a_listing_is_measured_on_a_real_tree(tmp_path):
    figures = parts.listing(300, tmp_path)
    assert figures["units_listed"] == 300
    assert 0 < figures["listed_seconds_a_unit"] < 1
