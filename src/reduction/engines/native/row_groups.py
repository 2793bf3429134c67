"""Groups of rows: the kernel keeps rows of different environments, and of different split files, apart."""

from __future__ import annotations

from collections.abc import Sequence

from reduction.pipeline.rows import row_suffix
from reduction.pipeline.splits import Split

_WHOLE_FILES = -1  # sorts before every split file of the same environment


class RowGroups:
    """The groups of the rows of some splits, in the order in which a partial has the rows of one address.

    The kernel knows a group by its index, and nothing of what makes the rows of a group belong together.
    `suffixes` has the text that follows the address in the rows of each group; `of_splits` has the group of
    each split.
    """

    def __init__(self, splits: Sequence[Split]) -> None:
        of_splits = [
            (split.environment, _WHOLE_FILES if split.split_file_id is None else split.split_file_id)
            for split in splits
        ]
        self._groups = sorted(set(of_splits))
        indexes = {group: index for index, group in enumerate(self._groups)}
        self.of_splits = [indexes[group] for group in of_splits]
        self.suffixes = [
            row_suffix(environment, None if split_file_id == _WHOLE_FILES else split_file_id)
            for environment, split_file_id in self._groups
        ]

    def by_environment(self, rows: Sequence[int]) -> dict[str, int]:
        """Return the rows of whole files by environment, without zeros; `rows` are those of each group."""
        return {
            environment: count
            for (environment, split_file_id), count in zip(self._groups, rows, strict=True)
            if split_file_id == _WHOLE_FILES and count
        }

    def by_split_file(self, rows: Sequence[int]) -> dict[int, int]:
        """Return the rows of split files by their IDs, without zeros; `rows` are those of each group."""
        return {
            split_file_id: count
            for (_, split_file_id), count in zip(self._groups, rows, strict=True)
            if split_file_id != _WHOLE_FILES and count
        }
