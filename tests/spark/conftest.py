"""These tests need Spark: `make test-spark`. Where it is not installed they are not collected."""

from reduction import engines

if not engines.is_installed("spark"):
    collect_ignore_glob = ["test_*.py"]
