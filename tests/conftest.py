"""What every test may ask for."""

from workdir import with_result, workdir  # noqa: F401 - pytest finds the fixtures here

# Only where it is asked for by name: it needs an environment of its own (`make test-airflow`).
collect_ignore = ["airflow"]
