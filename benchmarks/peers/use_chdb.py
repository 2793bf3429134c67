"""Distinct addresses for each environment with chDB: TREE RESULT [--gzip]."""

import sys

import chdb

tree, result, *hints = sys.argv[1:]
compression = "gzip" if "--gzip" in hints else "none"

chdb.query(f"""
    SELECT DISTINCT `Source IP`, extract(_file, '^(\\\\S+ [^ .]+)') AS Environment
    FROM file('{tree}/**/*.csv', 'CSVWithNames', '`Source IP` IPv4', '{compression}')
    ORDER BY `Source IP`, Environment
    INTO OUTFILE '{result}'
    FORMAT CSVWithNames
""")
