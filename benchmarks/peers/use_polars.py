"""Distinct addresses for each environment with Polars: TREE RESULT [--mixed-headers]."""

import sys
from collections import defaultdict
from pathlib import Path

import polars as pl

tree, result, *hints = sys.argv[1:]
mixed = {"missing_columns": "insert", "extra_columns": "ignore"} if "--mixed-headers" in hints else {}

environments = defaultdict(list)
for path in sorted(Path(tree).rglob("*.csv")):
    environments[" ".join(path.stem.split()[:2])].append(path)

# One scan for each environment is quicker than to take it from a column of paths; Polars sees by itself
# which files are packed.
distinct = pl.concat(
    pl.scan_csv(paths, infer_schema=False, **mixed)
    .select("Source IP")
    .unique()
    .with_columns(Environment=pl.lit(environment))
    for environment, paths in environments.items()
)
octet = pl.col("Source IP").str.split_exact(".", 3).struct
number = sum(octet.field(f"field_{place}").cast(pl.UInt32) * 256 ** (3 - place) for place in range(4))
distinct.with_columns(number=number).sort("number", "Environment").drop("number").sink_csv(result)
