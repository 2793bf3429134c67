"""Windows of a log with Polars: LOG RESULT HOST."""

import sys
from pathlib import Path

import polars as pl

HOUR_MS = 3_600_000

log, result, host = sys.argv[1:]

lines = pl.scan_csv(
    log,
    separator=" ",
    has_header=False,
    quote_char=None,
    schema={"time": pl.Int64, "source": pl.String, "target": pl.String},
).with_columns(hour=pl.col("time") // HOUR_MS)
made = lines.group_by("hour", "source").len()
asked = lines.filter((pl.col("source") == host) | (pl.col("target") == host)).select(
    "hour", "source", "target"
)
counts, met = pl.collect_all([made, asked], engine="streaming")
hours = (
    counts.with_columns(most=pl.col("len").max().over("hour"))
    .group_by("hour")
    .agg(
        pl.col("len").sum().alias("lines"),
        pl.col("most").first(),
        pl.col("source").filter(pl.col("len") == pl.col("most")).sort().alias("busiest"),
    )
    .sort("hour")
)
with Path(result).open("w") as out:
    for hour, total, most, busiest in hours.iter_rows():
        here = met.filter(pl.col("hour") == hour)
        outgoing = here.filter(pl.col("source") == host)["target"].unique().sort()
        incoming = here.filter(pl.col("target") == host)["source"].unique().sort()
        print(hour * HOUR_MS, total, most, *map(",".join, (busiest, outgoing, incoming)), sep="\t", file=out)
