"""Whether the executors of a Spark job saw the tree that was listed: the driver looks at what they ignored.

Otherwise an executor with an old copy, another bucket or fewer rights would cost files, one by one, and a
good result would be replaced by a poor one.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from reduction.errors import SparkFailed
from reduction.pipeline.remote_input import fault_with
from reduction.pipeline.splits import Unit
from reduction.pipeline.stats import Accounting, Ignored, IgnoredFile
from reduction.runtime.text import shown
from reduction.storage.base import REFUSED, StoreUnusable, Trouble
from reduction.storage.url import is_address, shown_address


def check_same_tree(tree: str, units: Sequence[Unit], books: Accounting) -> None:
    """Raise `SparkFailed` if an executor ignored what from here is as it was listed, and may be read.

    Of an address also `StoreUnusable`, if that can't be found out.
    """
    is_to_do = "reach the same '{}' with the same rights" if is_address(tree) else "see the same '{}'"
    suspects = {file.path: file for file in books.ignored if _is_suspect(tree, file)}
    for unit in units if suspects else ():
        file = suspects.get(shown(unit.path))
        if file is not None and _is_as_listed(tree, unit):
            raise SparkFailed(
                f"'{file.path}' is as it was listed, but an executor says: {file.detail};"
                f" let all executors {is_to_do.format(shown_address(tree))}"
            )


def _is_suspect(tree: str, file: IgnoredFile) -> bool:
    return file.reason == Ignored.CHANGED or (is_address(tree) and REFUSED in file.detail)


def _is_as_listed(tree: str, unit: Unit) -> bool:
    if is_address(tree):
        return _is_given(tree, unit)
    try:
        status = os.stat(os.path.join(tree, unit.path))  # noqa: PTH116, PTH118 - it need not be UTF-8
    except OSError:
        return False
    return (status.st_size, status.st_mtime_ns) == (unit.size, unit.modified_ns)


def _is_given(tree: str, unit: Unit) -> bool:
    """Tell whether the store gives out the listed version."""
    fault = fault_with(tree, unit)
    if fault is not None and fault.trouble in (Trouble.STORE, Trouble.LINE):
        raise StoreUnusable(f"{fault}; then run again")
    return fault is None
