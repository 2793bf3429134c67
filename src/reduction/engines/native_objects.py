"""The objects of a share through the kernel: fetched ahead, and fed to it in their order."""

from __future__ import annotations

from collections.abc import Sequence

from reduction import _kernel
from reduction.accounting import Accounting
from reduction.engines.file_by_file import files_taken
from reduction.engines.native_files import fed, take_books
from reduction.inputs import Unit
from reduction.opening import plain_bytes
from reduction.progress import Progress
from reduction.storage.objects import Objects


def read_objects(
    share: _kernel.Share,
    tree: str,
    units: Sequence[Unit],
    progress: Progress,
    books: Accounting,
    most_ahead: int,
) -> None:
    """Read all units below the address `tree` into the share; what is told of them is added to `books`.

    At most about `most_ahead` bytes are fetched and not yet read.
    """
    with Objects(tree, units, most_ahead) as objects:

        def read(unit: Unit, path: str, file_books: Accounting) -> bool:
            raw = objects.raw(next(indices), progress.read_bytes)
            take_books(fed(share, unit, plain_bytes(raw)), path, file_books)
            return True

        indices = iter(range(len(units)))  # `read` is called once for each unit, in their order
        for _ in files_taken(units, books, progress, read):
            pass
