"""Fixtures of all tests."""

from workdir import with_result, workdir  # noqa: F401 - pytest finds the fixtures here

# Collected only if given by name: it needs its own environment (`make test-airflow`).
collect_ignore = ["airflow"]
