"""Distinct addresses for each environment with DuckDB: TREE RESULT [--gzip] [--mixed-headers]."""

import sys

import duckdb

tree, result, *hints = sys.argv[1:]
options = ["filename = true", "all_varchar = true", "header = true"]
if "--gzip" in hints:
    options.append("compression = 'gzip'")
if "--mixed-headers" in hints:
    options.append("union_by_name = true")

duckdb.sql(f"""
    COPY (
        WITH combined AS (
            SELECT DISTINCT
                "Source IP",
                regexp_extract(filename, '([^/ ]+ [^/ .]+)[^/]*$', 1) AS "Environment"
            FROM read_csv('{tree}/**/*.csv', {", ".join(options)})
        )
        FROM combined
        ORDER BY list_transform(string_split("Source IP", '.'), lambda octet: octet::UTINYINT), "Environment"
    ) TO '{result}' (HEADER, DELIMITER ',')
""")
