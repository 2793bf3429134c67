"""Whom HOST connected to with DuckDB: LOG RESULT HOST START END."""

import sys
from pathlib import Path

import duckdb

log, result, host, start, end = sys.argv[1:]

found = duckdb.execute(
    """
    SELECT target
    FROM read_csv(?, delim = ' ', header = false, quote = '', auto_detect = false,
                  columns = {'time': 'BIGINT', 'source': 'VARCHAR', 'target': 'VARCHAR'})
    WHERE source = ? AND time BETWEEN ? AND ?
    GROUP BY target
    ORDER BY min(time)
    """,
    [log, host, int(start), int(end)],
).fetchall()
Path(result).write_text(",".join(target for (target,) in found) + "\n")
