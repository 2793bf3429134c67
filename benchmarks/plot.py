"""Draws a record: for each workload how long each system took, on one scale of seconds, as an SVG.

python -m benchmarks.plot                            the newest record, beside it
python -m benchmarks.plot RECORD.csv --into X.svg    that one, there
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks import records

Row = dict[str, str]
OURS, PEER, LIMIT = "#0b6e4f", "#b8c4cc", "#7a7a7a"
COLUMNS = 2


def colour(system: str, limits: Sequence[str] = ("wc",)) -> str:
    """Return the colour of a system's bar."""
    if system.startswith("reducer"):
        return OURS
    return LIMIT if system in limits else PEER


def draw_workload(axes: Axes, workload: str, rows: Sequence[Row]) -> None:
    """Draw the bars of one workload, the fastest on top; a system without a right answer has only a word."""
    rows = sorted(rows, key=lambda row: float(row["median_seconds"] or "inf"), reverse=True)
    seconds = [float(row["median_seconds"] or 0) for row in rows]
    names = [row["system"] for row in rows]
    axes.barh(names, seconds, color=[colour(name) for name in names], height=0.7)
    most = max(seconds, default=0) or 1
    for place, (row, value) in enumerate(zip(rows, seconds, strict=True)):
        text = row["status"]
        if row["status"] == "ok":
            text = f"{value:.3g} s, {int(row['peak_bytes']) / 2**20:,.0f} MiB"
        axes.text(value + most * 0.015, place, text, va="center", fontsize=7.5)
    size = int(rows[0]["input_bytes"]) / 1e6
    size_text = f"{size:,.0f} MB" if size >= 1 else "4 samples"
    axes.set_title(
        f"{workload}: {size_text}, {int(rows[0]['rows']):,} rows in the answer", fontsize=9, loc="left"
    )
    axes.set_xlim(0, most * 1.4)
    axes.tick_params(labelsize=8, left=False)
    axes.spines[["top", "right", "left"]].set_visible(False)


def draw(rows: Sequence[Row], facts: str, into: Path) -> None:
    """Draw all workloads of a record into a file."""
    workloads = list(dict.fromkeys(row["workload"] for row in rows))
    lines = -(-len(workloads) // COLUMNS)
    mpl.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "reducer", "font.family": "sans-serif"}
    figure = Figure(figsize=(10, 2.2 * lines + 0.5), layout="constrained")
    grid = figure.subplots(lines, COLUMNS, squeeze=False)
    for place, axes in enumerate(grid.flat):
        if place < len(workloads):
            of_it = [row for row in rows if row["workload"] == workloads[place]]
            draw_workload(axes, workloads[place], of_it)
        else:
            axes.axis("off")
    figure.suptitle(f"seconds (median) and peak memory; {facts}", fontsize=9, x=0.01, ha="left")
    figure.savefig(into, metadata={"Date": None, "Creator": None})


def facts_of(record: Path) -> str:
    """Return the machine and the day of a record, from the text beside it."""
    lines = record.with_suffix(".txt").read_text().splitlines()
    facts = dict(line.partition(": ")[::2] for line in lines)
    text = f"{facts['processor']}, {facts['cores']} cores, {facts['date'][:10]}"
    return text + (", BUSY MACHINE" if "BUSY" in facts["load at start"] else "")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("record", nargs="?", type=Path, help="a CSV of record/ (default: the newest)")
    parser.add_argument("--into", type=Path, help="default: beside the record")
    asked = parser.parse_args()
    record = asked.record or records.newest()
    into = asked.into or record.with_suffix(".svg")
    draw(records.read(record), facts_of(record), into)
    print(into)


if __name__ == "__main__":
    main()
