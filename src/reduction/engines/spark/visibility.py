"""Whether the executors of a Spark job saw the tree that was listed: the driver looks at what they ignored.

Otherwise an executor with an old copy, another bucket or fewer rights would cost files, one by one, and a
good result would be replaced by a poor one.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from reduction.errors import SparkFailed
from reduction.pipeline.remote_input import check_readable
from reduction.pipeline.splits import Split
from reduction.pipeline.stats import SkippedFile, SkipReason, Stats
from reduction.runtime.text import display_path
from reduction.storage.base import ACCESS_DENIED, ErrorKind, StoreUnavailable
from reduction.storage.url import is_url, redact_url


def check_same_tree(tree: str, splits: Sequence[Split], stats: Stats) -> None:
    """Raise `SparkFailed` if an executor ignored what from here is as it was listed, and may be read.

    Of an address also `StoreUnavailable`, if that can't be found out.
    """
    is_to_do = "reach the same '{}' with the same rights" if is_url(tree) else "see the same '{}'"
    suspects = {file.path: file for file in stats.ignored if _is_suspect(tree, file)}
    for split in splits if suspects else ():
        file = suspects.get(display_path(split.path))
        if file is not None and _is_as_listed(tree, split):
            raise SparkFailed(
                f"'{file.path}' is as it was listed, but an executor says: {file.detail};"
                f" let all executors {is_to_do.format(redact_url(tree))}"
            )


def _is_suspect(tree: str, file: SkippedFile) -> bool:
    return file.reason == SkipReason.CHANGED or (is_url(tree) and ACCESS_DENIED in file.detail)


def _is_as_listed(tree: str, split: Split) -> bool:
    if is_url(tree):
        return _is_given(tree, split)
    try:
        status = os.stat(os.path.join(tree, split.path))  # noqa: PTH116, PTH118 - it need not be UTF-8
    except OSError:
        return False
    return (status.st_size, status.st_mtime_ns) == (split.size, split.modified_ns)


def _is_given(tree: str, split: Split) -> bool:
    """Return whether the store gives out the listed version."""
    error = check_readable(tree, split)
    if error is not None and error.kind in (ErrorKind.STORE, ErrorKind.CONNECTION):
        raise StoreUnavailable(f"{error}; then run again")
    return error is None
