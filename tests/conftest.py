"""What every test may ask for."""

from workdir import with_result, workdir  # noqa: F401 - pytest finds the fixtures here
