"""What every test may ask for."""

from workdir import workdir  # noqa: F401 - pytest finds the fixture here
