"""How ten terabytes in a million objects go on fifty nodes: measures its parts here, simulates the rest.

python -m benchmarks.scale              simulates with the figures that are kept (a minute)
python -m benchmarks.scale --measure    measures first, and keeps the figures (ten minutes, 3 GB of disk)
"""

from __future__ import annotations

import argparse
import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks import machine, make_data
from benchmarks.scale import model, parts

HERE = Path(__file__).resolve().parent
MEASURED = HERE / "measured.json"


def measure(plan: Mapping[str, Any], cache: Path, scale: float) -> dict[str, Any]:
    """Measure what the simulation needs, and run many nodes for real."""
    load = machine.load()
    figures: dict[str, Any] = {
        "machine": machine.description(load),
        "listing": parts.listing(max(1, round(plan["input"]["objects"] * scale)), cache),
        "scanned_bytes_a_core_second": parts.scan_rate(cache, scale),
    }
    figures["real"] = [parts.many_nodes(run, cache, scale) for run in plan["real"]]
    return figures


def show_measured(figures: Mapping[str, Any]) -> None:
    """Print the figures that were measured."""
    of = figures["listing"]
    print("measured on", ", ".join(f"{name} {text}" for name, text in figures["machine"].items()))
    print(
        f"  {of['units_listed']:,} files: listed in {of['listed_seconds_a_unit'] * 1e6:.1f} us each,"
        f" fingerprint and shares in {of['dealt_seconds_a_unit'] * 1e6:.1f} us each,"
        f" {of['memory_bytes_a_unit']:.0f} bytes each"
    )
    print(f"  one core scans {figures['scanned_bytes_a_core_second'] / 1e9:.2f} GB/s of twelve columns")
    for run in figures["real"]:
        print(
            f"  {run['workload']}: {run['files']:,} files, {run['bytes'] / 1e9:.2f} GB, {run['nodes']} nodes,"
            f" {run['runners']} runners: right answer of {run['rows_of_result']:,} rows; a node"
            f" {run['node_seconds_median']:.2f} s (most {run['node_seconds_most']:.2f}); partials"
            f" {run['partials_bytes'] / 1e6:,.0f} MB, collect {run['collect_seconds']:.1f} s,"
            f" {run['merged_bytes_a_second'] / 1e6:,.0f} MB/s"
        )


def show_shares(plan: Mapping[str, Any]) -> None:
    """Print how even shares are."""
    of, cluster = plan["input"], plan["cluster"]
    runners = cluster["nodes"] * cluster["runners_a_node"]
    print(f"\nlargest of {runners} shares, times the mean")
    for kind in plan["sizes"]:
        sizes = model.sizes_of(kind, of["objects"], of["bytes"])
        named = " ".join(str(value) for value in kind.values())
        print(
            f"  {named:<24} by size {model.largest_share(sizes, runners):6.3f}   were it by path"
            f" {model.largest_share_by_path(sizes, runners):6.3f}   the largest object alone"
            f" {int(sizes.max()) / (of['bytes'] / runners):6.3f}"
        )


def show_run(plan: Mapping[str, Any], figures: Mapping[str, Any]) -> None:
    """Print how long a run takes until the collect."""
    of, cluster = plan["input"], plan["cluster"]
    listing = model.listing_seconds(of["objects"], cluster, figures["listing"])
    reading = model.reading_seconds(of["bytes"] / cluster["nodes"], cluster)
    memory = of["objects"] * figures["listing"]["memory_bytes_a_unit"]
    print(
        f"\na node lists for {listing:.0f} s (and holds {memory / 1e6:,.0f} MB for it), then reads for"
        f" {reading:.0f} s: {cluster['nodes'] * (listing + reading) / 3600:.1f} node hours"
    )


def show_collect(plan: Mapping[str, Any], figures: Mapping[str, Any]) -> None:
    """Print how large partials are and how long collect takes, by the number of runners a node."""
    of, cluster = plan["input"], plan["cluster"]
    rows = of["bytes"] / of["bytes_a_row"]
    real = max(figures["real"], key=lambda run: run["partials_bytes"])
    compared = plan["compare"]["runners_a_node"]
    titles = "".join(f"{f'{number} a node: GB':>17}{'s':>8}" for number in compared)
    print(f"\nall partials, and the collect\n{'distinct':>13} exponent result GB{titles}")
    for population in plan["addresses"]:
        distinct, exponent = population["distinct"], population["exponent"]
        columns = f"{model.distinct_in(rows, distinct, exponent) * real['bytes_a_row'] / 1e9:10.2f}"
        for number in compared:
            runners = cluster["nodes"] * number
            partials = runners * model.distinct_in(rows / runners, distinct, exponent) * real["bytes_a_row"]
            collect = model.collect_seconds(partials, cluster, real["merged_bytes_a_second"])
            columns += f"{partials / 1e9:17,.0f}{collect:8,.0f}"
        print(f"{distinct:>13,} {exponent:>8}{columns}")


def show_rest(plan: Mapping[str, Any]) -> None:
    """Print what failures and requests cost."""
    cluster, prices = plan["cluster"], plan["prices"]
    print(
        "\na node must be repeated with chance: the reducing takes, on average and in 95 of 100 runs at most"
    )
    for chance in plan["failures"]["node_fails"]:
        mean, most = model.times_with_failures(cluster["nodes"], chance)
        print(f"  {chance:6.3f}   {mean:.2f} times   {most:.2f} times as long")
    made = model.requests(plan["input"]["objects"], plan)
    dollars = (made["lists"] + made["puts"]) / 1000 * prices["thousand_lists_or_puts"]
    dollars += made["gets"] / 1000 * prices["thousand_gets"]
    print(
        "\nrequests: "
        + ", ".join(f"{count:,.0f} {name}" for name, count in made.items())
        + f": ${dollars:.2f};"
        f" a node hour ${prices['node_hour']:.2f}"
    )


def chosen() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--measure", action="store_true", help="measure anew")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="of what is measured; below 1 nothing is kept"
    )
    parser.add_argument("--cache", type=Path, default=make_data.DEFAULT_CACHE, help="of data (%(default)s)")
    parser.add_argument("--plan", type=Path, default=HERE / "plan.toml", help="(%(default)s)")
    return parser.parse_args()


def main() -> None:
    """The command line."""
    asked = chosen()
    plan = tomllib.loads(asked.plan.read_text(encoding="utf-8"))
    if asked.measure:
        asked.cache.mkdir(parents=True, exist_ok=True)
        os.sync()
        figures = measure(plan, asked.cache, asked.scale)
        if asked.scale == 1:
            MEASURED.write_text(json.dumps(figures, indent=1) + "\n")
    else:
        figures = json.loads(MEASURED.read_text(encoding="utf-8"))
    show_measured(figures)
    show_shares(plan)
    show_run(plan, figures)
    show_collect(plan, figures)
    show_rest(plan)


if __name__ == "__main__":
    main()
