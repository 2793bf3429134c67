"""Splits of the input, the shares of the runners, and the run ID derived from both."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from reduction.pipeline.naming import environment_of
from reduction.pipeline.stats import SkippedFile
from reduction.storage.constants import UNVERSIONED

# A file is split if it is larger than this fraction of a runner's fair share of the input.
_FAIR_SHARE_DIVISOR = 4
_MAX_SPLITS_PER_FILE = 1 << 16


class Split(NamedTuple):
    """A unit of work: the bytes `start` to `stop` (exclusive) of a file, as it was when it was listed.

    `path` is relative to the input tree; `size` in bytes and `modified_ns` are those of the whole file.
    `split_file_id` numbers the split files of a run from 0; it is None if the split is a whole file.
    `version` identifies the listed version of an object; it is "" for a file, which has a modification time.
    """

    path: str
    size: int
    modified_ns: int
    start: int
    stop: int
    split_file_id: int | None = None
    version: str = ""

    @property
    def environment(self) -> str:
        """The environment, by the name of the file."""
        environment = environment_of(self.path)
        assert environment is not None, self.path  # noqa: S101 - only files with one become splits
        return environment

    @property
    def ends_file(self) -> bool:
        """Whether this is a whole file or the last split of one: true for exactly one split per file."""
        return self.stop == self.size


class Listing:
    """The splits and the skipped files of an input tree, each in the byte order of their paths."""

    def __init__(self, splits: tuple[Split, ...], ignored: tuple[SkippedFile, ...]) -> None:
        self.splits = splits
        self.ignored = ignored

    @property
    def files(self) -> int:
        """The number of files to which the splits belong."""
        return sum(split.ends_file for split in self.splits)

    def fingerprint(self) -> str:
        """Return a digest of all splits: two nodes that see the same input get the same."""
        return self._fingerprint

    def share_of(self, runner: int, runners: int) -> list[Split]:
        """Return the splits of one runner (from 1), in their order: every `runners`-th one by size.

        Splits are dealt out from the largest to the smallest, so shares have similar sizes even if every
        `runners`-th path is that of a large file (docs/adr/0016).
        """
        return [self.splits[index] for index in sorted(self._largest_first[runner - 1 :: runners])]

    @cached_property
    def _largest_first(self) -> list[int]:
        splits = self.splits
        return sorted(range(len(splits)), key=lambda index: splits[index].start - splits[index].stop)

    @cached_property
    def _fingerprint(self) -> str:
        digest = hashlib.sha256()
        for split in self.splits:
            digest.update(os.fsencode(split.path))
            version = f"\0{split.version}" if split.version else ""
            digest.update(
                f"\0{split.size}\0{split.modified_ns}\0{split.start}\0{split.stop}{version}\n".encode()
            )
        return digest.hexdigest()


def plan_splits(listing: Listing, split_bytes: int, runners: int) -> Listing:
    """Divide large files into splits of `split_bytes` (0: none) where that balances the shares better.

    A file is split if larger than `split_bytes` and than a quarter of a runner's fair share of all bytes.
    So at most four files per runner are split, and the result depends on the listing alone: all nodes agree.
    An object is split like a file, unless its store reports no version: splits of two versions could mix.
    """
    total = sum(split.size for split in listing.splits)
    splits: list[Split] = []
    split_files = 0
    for split in listing.splits:
        is_large = 0 < split_bytes < split.size and split.size * _FAIR_SHARE_DIVISOR * runners > total
        if runners > 1 and is_large and split.version != UNVERSIONED:
            step = max(split_bytes, -(-split.size // _MAX_SPLITS_PER_FILE))
            splits += [
                split._replace(start=start, stop=min(start + step, split.size), split_file_id=split_files)
                for start in range(0, split.size, step)
            ]
            split_files += 1
        else:
            splits.append(split)
    return Listing(tuple(splits), listing.ignored)


def share_of_skipped(files: Sequence[SkippedFile], runner: int, runners: int) -> list[SkippedFile]:
    """Return the skipped files that a runner reports, chosen by a hash of the path, not by position.

    So a file that only one node sees does not move the others from one share to another.
    """
    return [file for file in files if zlib.crc32(file.path.encode()) % runners == runner - 1]


def derived_run_id(listing: Listing, runners: int) -> str:
    """Return the default run ID: equal on all nodes with the same input and number of runners."""
    return hashlib.sha256(f"{listing.fingerprint()} {runners}".encode()).hexdigest()[:16]
