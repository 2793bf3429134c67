"""Whom HOST connected to with Polars: LOG RESULT HOST START END."""

import sys
from pathlib import Path

import polars as pl

log, result, host, start, end = sys.argv[1:]

lines = pl.scan_csv(
    log,
    separator=" ",
    has_header=False,
    quote_char=None,
    schema={"time": pl.Int64, "source": pl.String, "target": pl.String},
)
found = (
    lines.filter((pl.col("source") == host) & pl.col("time").is_between(int(start), int(end)))
    .group_by("target")
    .agg(pl.col("time").min())
    .sort("time")
    .collect(engine="streaming")
)
Path(result).write_text(",".join(found["target"]) + "\n")
