"""Where a run writes: `LocalOutput` is a folder; `remote_output.RemoteOutput` publishes from one to a URL.

Code that writes, merges and checks works on the folder only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from reduction.errors import WriteError
from reduction.pipeline import partials
from reduction.runtime.atomic_file import check_directory


class LocalOutput:
    """The folder `directory`, which all nodes of the run see."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def locate(self, name: str) -> str:
        """Return where a user finds the result `name`."""
        return str(self.directory / name)

    def check(self) -> None:
        """Raise `OutputError` unless files can be written there."""
        check_directory(self.directory)

    def remove_all(self) -> None:
        """Remove what any run has left next to its result; must be called before runners are forked."""
        partials.remove_all(self.directory)

    def remove_partials(self, low: int, high: int) -> None:
        """Remove the partials of the runners `low` to `high`; raises `WriteError`."""
        partials.remove(self.directory, low, high)

    def publish_partial(self, runner: int) -> None:
        """Make the committed partial of this runner visible to the collector; raises `WriteError`."""

    def fetch_partials(self, run_id: str, runners: int) -> None:
        """Copy what a collect needs into the folder; raises `PartialsRejected` if that fails."""

    def publish_result(self, *, is_new: bool) -> None:
        """Publish the report and the result, if they are new, then remove all partials; raises
        `WriteError`.
        """

    def private(self) -> LocalOutput:
        """Return the same output without exchange of partials with other nodes."""
        return self

    @contextmanager
    def cleanup_on_failure(self, low: int, high: int) -> Iterator[None]:
        """Remove the partials of these runners if the block raises anything; the exception propagates."""
        try:
            yield
        except BaseException:
            with suppress(WriteError):  # the first exception is more useful
                self.remove_partials(low, high)
            raise
