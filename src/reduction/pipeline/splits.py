"""What is to be done: splits of the input, how they are shared out among runners, and what names the run."""

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

# A file is cut if it is larger than this part of a runner's fair share of the input, and not into more splits.
_SHARE_PARTS = 4
_MOST_UNITS_OF_A_FILE = 1 << 16


class Split(NamedTuple):
    """One result of work: the bytes `start` to `stop` (exclusive) of a file, as it was when it was listed.

    `path` is relative to the tree; `size` in bytes and `modified_ns` are those of the whole file. `split_file_id`
    is the file's number among those of the run that are cut, from 0 on; None if the split is a whole file.
    `version` tells of an object which one was listed ("" for a file, whose size and time do).
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
        """The environment that its name gives."""
        environment = environment_of(self.path)
        assert environment is not None, self.path  # noqa: S101 - what is listed as a split has one
        return environment

    @property
    def ends_file(self) -> bool:
        """Whether it is a whole file or the last split of one: of each file one split is."""
        return self.stop == self.size


class Listing:
    """What one look at the tree found, each part in the byte order of the paths."""

    def __init__(self, splits: tuple[Split, ...], ignored: tuple[SkippedFile, ...]) -> None:
        self.splits = splits
        self.ignored = ignored

    @property
    def files(self) -> int:
        """How many files the splits are made of."""
        return sum(split.ends_file for split in self.splits)

    def fingerprint(self) -> str:
        """Return a digest of the whole split list: two nodes that saw the same input have the same."""
        return self._fingerprint

    def share_of(self, runner: int, runners: int) -> list[Split]:
        """Return the splits of one runner in their order: each `runners`-th from the `runner`-th (from 1) on.

        They are counted from the largest to the smallest, so shares are of one size even where each
        `runners`-th path is that of a large file (docs/adr/0016).
        """
        return [self.splits[place] for place in sorted(self._largest_first[runner - 1 :: runners])]

    @cached_property
    def _largest_first(self) -> list[int]:
        splits = self.splits
        return sorted(range(len(splits)), key=lambda place: splits[place].start - splits[place].stop)

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
    """Cut files into splits of `split_bytes` (0: none), where that shares the work out better.

    That is a file which is larger than a split and than a quarter of a runner's fair share of all bytes. So at
    most four files a runner are cut, and it follows from the listing alone: every node cuts in the same way.
    An object is cut like a file, but not where the store tells no version of it: split_results of two might be put
    together then.
    """
    total = sum(split.size for split in listing.splits)
    splits: list[Split] = []
    number = 0
    for split in listing.splits:
        large = 0 < split_bytes < split.size and split.size * _SHARE_PARTS * runners > total
        if runners > 1 and large and split.version != UNVERSIONED:
            step = max(split_bytes, -(-split.size // _MOST_UNITS_OF_A_FILE))
            splits += [
                split._replace(start=start, stop=min(start + step, split.size), split_file_id=number)
                for start in range(0, split.size, step)
            ]
            number += 1
        else:
            splits.append(split)
    return Listing(tuple(splits), listing.ignored)


def share_of_ignored(files: Sequence[SkippedFile], runner: int, runners: int) -> list[SkippedFile]:
    """Return the ignored files that the `runner`-th reports: by their names, not by their places in the list.

    So one that is there for one node only does not shift the others from share to share.
    """
    return [file for file in files if zlib.crc32(file.path.encode()) % runners == runner - 1]


def derived_run_id(listing: Listing, runners: int) -> str:
    """Return the id of a run that nobody named: the same wherever the same input meets as many runners."""
    return hashlib.sha256(f"{listing.fingerprint()} {runners}".encode()).hexdigest()[:16]
