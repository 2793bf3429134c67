"""Where a run writes: a folder; or an address, for which it works in a folder of its own and publishes.

What writes, merges and checks knows folders only. Where the output is a folder, nothing here does more.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from reduction.errors import WriteError
from reduction.pipeline import partials
from reduction.runtime.atomic_file import check_directory
from reduction.storage.url import redact_url


class OutputLocation(NamedTuple):
    """The folder `directory`, and the `address` that its files are published at, if the output is one.

    `shares` is whether partials travel there, too: not if one process starts all runners and collects.
    """

    directory: Path
    address: str = ""
    shares: bool = False

    def shown(self, name: str) -> str:
        """Return where a user finds the result `name`."""
        return (
            f"{redact_url(self.address).rstrip('/')}/{name}" if self.address else str(self.directory / name)
        )

    def check(self) -> None:
        """Raise `OutputError` unless files can be written there."""
        check_directory(self.directory)
        if self.address:
            from reduction.pipeline import remote_output

            remote_output.check(self.address, self.directory)

    def remove_all(self) -> None:
        """Remove what any run has left beside its result; to be called before runners are forked."""
        partials.remove_all(self.directory)
        if self.address:
            from reduction.pipeline import remote_output

            remote_output.remove_all(self.address)

    def remove(self, low: int, high: int) -> None:
        """Remove the partials of the runners `low` to `high`; raises `WriteError`."""
        partials.remove(self.directory, low, high)
        if self.shares:
            from reduction.pipeline import remote_output

            remote_output.remove(self.address, low, high)

    def publish_partial(self, runner: int) -> None:
        """Let the committed partial of this runner be seen by the collector; raises `WriteError`."""
        if self.shares:
            from reduction.pipeline import remote_output

            remote_output.publish_partial(self.address, self.directory, runner)

    def fetch_partials(self, run_id: str, runners: int) -> None:
        """Have in the folder what a collect needs; raises `PartialsRejected` if it can't be had."""
        if self.shares:  # or all of it is there
            from reduction.pipeline import remote_output

            remote_output.fetch(self.address, self.directory, run_id, runners)

    def publish_result(self, *, is_new: bool) -> None:
        """Publish report and result, if they are new, then remove all partials; raises `WriteError`."""
        if self.address:
            from reduction.pipeline import remote_output

            if is_new:
                remote_output.publish_result(self.address, self.directory)
            remote_output.remove_all_at_the_end(self.address)

    @contextmanager
    def cleanup_on_failure(self, low: int, high: int) -> Iterator[None]:
        """Remove the partials of these runners if the block raises, whatever it is; that goes on."""
        try:
            yield
        except BaseException:
            with suppress(WriteError):  # what was raised first says more
                self.remove(low, high)
            raise


@contextmanager
def opened(output: Path | str, *, shares: bool) -> Iterator[OutputLocation]:
    """Give the place that `REDUCER_OUTPUT_DIR` names: a folder (a path) or an address (a string)."""
    if isinstance(output, Path):
        yield OutputLocation(output)
        return
    from reduction.storage.scratch_dir import working_folder

    with working_folder() as folder:
        yield OutputLocation(folder, output, shares)
