"""Distinct addresses for each environment with pandas: TREE RESULT [--gzip]."""

import sys
from pathlib import Path

import pandas as pd

tree, result, *hints = sys.argv[1:]
compression = "gzip" if "--gzip" in hints else None

parts = []
for path in sorted(Path(tree).rglob("*.csv")):
    with pd.read_csv(
        path, usecols=["Source IP"], dtype=str, chunksize=1_000_000, compression=compression
    ) as chunks:
        distinct = pd.concat([chunk.drop_duplicates() for chunk in chunks]).drop_duplicates()
    parts.append(distinct.assign(Environment=" ".join(path.stem.split()[:2])))

combined = pd.concat(parts).drop_duplicates()
octets = combined["Source IP"].str.split(".", expand=True).astype("uint8")
order = octets.assign(Environment=combined["Environment"].to_numpy())
order = order.reset_index(drop=True).sort_values([0, 1, 2, 3, "Environment"]).index
combined.iloc[order].to_csv(result, index=False)
