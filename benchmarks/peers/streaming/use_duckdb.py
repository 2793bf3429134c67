"""Windows of a log with DuckDB: LOG RESULT HOST."""

import sys
from pathlib import Path

import duckdb

HOUR_MS = 3_600_000

log, result, host = sys.argv[1:]

duckdb.execute(
    """
    CREATE VIEW log AS SELECT time // 3600000 AS hour, source, target
    FROM read_csv($log, delim = ' ', header = false, quote = '', auto_detect = false,
                  columns = {'time': 'BIGINT', 'source': 'VARCHAR', 'target': 'VARCHAR'})
    """.replace("$log", f"'{log}'")
)
hours = duckdb.execute(
    """
    WITH made AS (SELECT hour, source, count(*) AS connections FROM log GROUP BY ALL),
         most AS (SELECT hour, sum(connections) AS lines, max(connections) AS most FROM made GROUP BY hour)
    SELECT hour, lines, most, list_sort(list(source))
    FROM most JOIN made USING (hour) WHERE connections = most GROUP BY ALL ORDER BY hour
    """
).fetchall()
met = duckdb.execute(
    """
    SELECT hour,
           list_sort(list(DISTINCT target) FILTER (source = $1)),
           list_sort(list(DISTINCT source) FILTER (target = $1))
    FROM log WHERE source = $1 OR target = $1 GROUP BY hour
    """,
    [host],
).fetchall()
partners = {hour: (outgoing or [], incoming or []) for hour, outgoing, incoming in met}
with Path(result).open("w") as out:
    for hour, lines, most, busiest in hours:
        lists = map(",".join, (busiest, *partners.get(hour, ([], []))))
        print(hour * HOUR_MS, lines, most, *lists, sep="\t", file=out)
