"""The simulation: what follows from a plan and from measured figures. Nothing is run or read here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reduction.app import config
from reduction.pipeline.splits import Listing, Split, plan_splits

_SEED = 16
_BINS = 4000  # of the ranks of addresses, in equal steps of their logarithm


def sizes_of(kind: Mapping[str, Any], objects: int, total: float) -> NDArray[np.int64]:
    """Return the sizes in bytes of so many objects, by path; they add up to about `total`."""
    rng = np.random.default_rng(_SEED)
    if kind["kind"] == "equal":
        drawn = np.ones(objects)
    elif kind["kind"] == "lognormal":
        drawn = rng.lognormal(0, kind["parameter"], objects)
    elif kind["kind"] == "pareto":
        drawn = rng.pareto(kind["parameter"], objects) + 1
    elif kind["kind"] == "rhythm":
        large = np.arange(objects) % kind["length"] < kind["large"]
        drawn = np.where(large, kind["times"], 1.0) * rng.lognormal(0, 0.3, objects)
    else:
        raise ValueError(f"sizes: there is no kind {kind['kind']}")
    return (drawn * (total / drawn.sum())).astype(np.int64)


def listing_of(sizes: NDArray[np.int64]) -> Listing:
    """Return a listing of objects with these sizes, as a node would have it."""
    return Listing(
        tuple(Split(f"{n:09}/Asia Prod.csv", size, 0, 0, size) for n, size in enumerate(sizes.tolist())), ()
    )


def largest_share(sizes: NDArray[np.int64], runners: int) -> float:
    """Return how much larger than the mean the largest share is, as the Reducer cuts and deals out."""
    listing = plan_splits(listing_of(sizes), config.load({}).split_bytes, runners)
    shares = [
        sum(split.stop - split.start for split in listing.share_of(runner, runners))
        for runner in range(1, runners + 1)
    ]
    return max(shares) / (sum(shares) / runners)


def largest_share_by_path(sizes: NDArray[np.int64], runners: int) -> float:
    """Return the same if every N-th path were a share, whatever the sizes."""
    shares = [int(sizes[runner::runners].sum()) for runner in range(runners)]
    return max(shares) / (sum(shares) / runners)


def distinct_in(rows: float, distinct: float, exponent: float) -> float:
    """Return how many distinct ones are to be expected in so many rows drawn at random.

    Of the r-th most frequent of `distinct` there are Poisson(rows * p_r), p_r ~ r^-exponent; ranks are taken
    together in bins of nearly equal frequency.
    """
    borders = np.unique(np.round(np.geomspace(1, distinct + 1, _BINS)))
    counts = np.diff(borders)
    ranks = (borders[:-1] + borders[1:] - 1) / 2
    weights = ranks**-exponent
    chances = weights / (weights * counts).sum()
    return float((counts * -np.expm1(-rows * chances)).sum())


def listing_seconds(objects: int, cluster: Mapping[str, float], measured: Mapping[str, float]) -> float:
    """Return how long a node needs to list: pages one after the other, then what the listing costs us."""
    pages = -(-objects // int(cluster["list_page_keys"]))
    ours = measured["listed_seconds_a_unit"] + measured["dealt_seconds_a_unit"]
    return pages * cluster["list_page_seconds"] + objects * ours


def reading_seconds(node_bytes: float, cluster: Mapping[str, float]) -> float:
    """Return how long a node reads its part: as fast as its link or its runners, whichever is slower."""
    by_runners = cluster["store_bytes_a_core_second"] * cluster["runners_a_node"]
    return node_bytes / min(cluster["link_bytes_a_second"], by_runners)


def collect_seconds(partial_bytes: float, cluster: Mapping[str, float], merged_a_second: float) -> float:
    """Return how long one node fetches all partials and then merges them, both in bytes a second."""
    return partial_bytes / cluster["link_bytes_a_second"] + partial_bytes / merged_a_second


def times_with_failures(nodes: int, chance: float, tries: int = 20_000) -> tuple[float, float]:
    """Return how much longer the slowest node makes the reducing: on average, and in 95 % of runs at most.

    A node that fails does so anywhere in its part, and starts its part anew (it may fail again).
    """
    rng = np.random.default_rng(_SEED)
    lost = np.zeros((tries, nodes))
    fails = np.ones((tries, nodes), dtype=bool)
    while fails.any():
        fails &= rng.random((tries, nodes)) < chance
        lost += fails * rng.random((tries, nodes))
    slowest = 1 + lost.max(axis=1)
    return float(slowest.mean()), float(np.quantile(slowest, 0.95))


def requests(objects: int, plan: Mapping[str, Any]) -> dict[str, float]:
    """Return how many requests a run makes: every node lists for itself; partials and manifests are put."""
    cluster = plan["cluster"]
    pages = -(-objects // int(cluster["list_page_keys"]))
    runners = cluster["nodes"] * cluster["runners_a_node"]
    return {
        "lists": pages * cluster["nodes"],
        "gets": objects + 2 * runners,
        "puts": 2 * runners + 2,
    }
