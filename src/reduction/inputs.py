"""Finds the input: which files are taken, in which order, whose share they are, which environment they name.

It lists and names; it opens no file (that is `opening`). What an address names is listed by `storage`, under
the same rules of names.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from reduction.accounting import Ignored, IgnoredFile
from reduction.errors import InputError
from reduction.printable import shown
from reduction.storage import NO_VERSION
from reduction.storage.addresses import is_address

RESULT_NAME = "Combined.csv"
REPORT_NAME = "Combined.report.json"
WORKING_PREFIXES = (".Combined_", ".Combined.")  # partials, manifests and half-written results

# Two or three words parted by single spaces; a word holds neither dots nor control characters.
_WORD = r"[^ ./\x00-\x1f\x7f]+"
_INPUT_NAME = re.compile(rf"({_WORD} {_WORD})(?: {_WORD})?\.csv")

# A file is cut if it is larger than this part of a runner's fair share of the input, and not into more units.
_SHARE_PARTS = 4
_MOST_UNITS_OF_A_FILE = 1 << 16


class Unit(NamedTuple):
    """One piece of work: the bytes `start` to `stop` (exclusive) of a file, as it was when it was listed.

    `path` is relative to the tree; `size` in bytes and `modified_ns` are those of the whole file. `cut_file`
    is the file's number among those of the run that are cut, from 0 on; None if the unit is a whole file.
    `version` tells of an object which one was listed ("" for a file, whose size and time do).
    """

    path: str
    size: int
    modified_ns: int
    start: int
    stop: int
    cut_file: int | None = None
    version: str = ""

    @property
    def environment(self) -> str:
        """The environment that its name gives."""
        environment = environment_of(self.path)
        assert environment is not None, self.path  # noqa: S101 - what is listed as a unit has one
        return environment

    @property
    def ends_file(self) -> bool:
        """Whether it is a whole file or the last unit of one: of each file one unit is."""
        return self.stop == self.size


class Listing:
    """What one look at the tree found, each part in the byte order of the paths."""

    def __init__(self, units: tuple[Unit, ...], ignored: tuple[IgnoredFile, ...]) -> None:
        self.units = units
        self.ignored = ignored

    @property
    def files(self) -> int:
        """How many files the units are made of."""
        return sum(unit.ends_file for unit in self.units)

    def fingerprint(self) -> str:
        """Return a digest of the whole unit list: two nodes that saw the same input have the same."""
        return self._fingerprint

    def share_of(self, runner: int, runners: int) -> list[Unit]:
        """Return the units of one runner in their order: each `runners`-th from the `runner`-th (from 1) on.

        They are counted from the largest to the smallest, so shares are of one size even where each
        `runners`-th path is that of a large file (docs/adr/0016).
        """
        return [self.units[place] for place in sorted(self._largest_first[runner - 1 :: runners])]

    @cached_property
    def _largest_first(self) -> list[int]:
        units = self.units
        return sorted(range(len(units)), key=lambda place: units[place].start - units[place].stop)

    @cached_property
    def _fingerprint(self) -> str:
        digest = hashlib.sha256()
        for unit in self.units:
            digest.update(os.fsencode(unit.path))
            version = f"\0{unit.version}" if unit.version else ""
            digest.update(f"\0{unit.size}\0{unit.modified_ns}\0{unit.start}\0{unit.stop}{version}\n".encode())
        return digest.hexdigest()


def cut(listing: Listing, split_bytes: int, runners: int) -> Listing:
    """Cut files into units of `split_bytes` (0: none), where that shares the work out better.

    That is a file which is larger than a unit and than a quarter of a runner's fair share of all bytes. So at
    most four files a runner are cut, and it follows from the listing alone: every node cuts in the same way.
    An object is cut like a file, but not where the store tells no version of it: pieces of two might be put
    together then.
    """
    total = sum(unit.size for unit in listing.units)
    units: list[Unit] = []
    number = 0
    for unit in listing.units:
        large = 0 < split_bytes < unit.size and unit.size * _SHARE_PARTS * runners > total
        if runners > 1 and large and unit.version != NO_VERSION:
            step = max(split_bytes, -(-unit.size // _MOST_UNITS_OF_A_FILE))
            units += [
                unit._replace(start=start, stop=min(start + step, unit.size), cut_file=number)
                for start in range(0, unit.size, step)
            ]
            number += 1
        else:
            units.append(unit)
    return Listing(tuple(units), listing.ignored)


def environment_of(path: str) -> str | None:
    """Return the environment that a file's name gives, or None if the name is not that of an input file.

    >>> environment_of("deep/Asia Prod 1.csv")
    'Asia Prod'
    >>> environment_of("Combined.csv") is None
    True
    """
    match = _INPUT_NAME.fullmatch(path.rpartition("/")[2])
    return match[1] if match and (path.isascii() or _is_utf8(match[0])) else None


def share_of_ignored(files: Sequence[IgnoredFile], runner: int, runners: int) -> list[IgnoredFile]:
    """Return the ignored files that the `runner`-th reports: by their names, not by their places in the list.

    So one that is there for one node only does not shift the others from share to share.
    """
    return [file for file in files if zlib.crc32(file.path.encode()) % runners == runner - 1]


def derived_run_id(listing: Listing, runners: int) -> str:
    """Return the id of a run that nobody named: the same wherever the same input meets as many runners."""
    return hashlib.sha256(f"{listing.fingerprint()} {runners}".encode()).hexdigest()[:16]


def find(tree: str) -> Listing:
    """List the folder `tree` and everything below it in one pass; or the objects below an address.

    Raises `InputError` if the folder itself is missing or cannot be listed; a folder below it that
    cannot be listed is an ignored one. Of an address: if there is nothing below it, or it can't be listed;
    `SettingsError` if what it takes to read it is not installed.
    """
    if is_address(tree):
        from reduction.storage.objects import found_below

        return _sorted(found_below(tree))
    return _sorted(_walk(tree))


def refused_name(name: str) -> tuple[Ignored, str] | None:
    """Return why a file of this name is not input, and what is said of it; None if it is."""
    if name.startswith("."):
        return Ignored.HIDDEN, "a name that begins with a dot is not input"
    if name in (RESULT_NAME, REPORT_NAME):
        return Ignored.OWN_RESULT, "the result of a run is not input"
    if not name.endswith(".csv"):
        return Ignored.OTHER_TYPE, "the name does not end in .csv"
    if environment_of(name) is None:
        return Ignored.OTHER_NAME, "the name is not two or three words parted by single spaces"
    return None


def _sorted(all_found: Iterable[Unit | IgnoredFile]) -> Listing:
    units: list[Unit] = []
    ignored: list[IgnoredFile] = []
    for found in all_found:
        if isinstance(found, Unit):
            units.append(found)
        else:
            ignored.append(found)
    units.sort(key=lambda unit: (os.fsencode(unit.path), unit.start))
    ignored.sort(key=lambda file: file.path.encode())
    return Listing(tuple(units), tuple(ignored))


def _walk(tree: str) -> Iterator[Unit | IgnoredFile]:
    folders = [""]
    while folders:
        folder = folders.pop()
        try:
            entries = list(os.scandir(os.path.join(tree, folder)))  # noqa: PTH118 - a hot path for large trees
        except OSError as error:
            if not folder:
                raise InputError(f"the input directory '{tree}' can't be listed: {error.strerror}") from error
            yield IgnoredFile(shown(folder), Ignored.BROKEN, f"the folder can't be listed: {error.strerror}")
            continue
        for entry in entries:
            path = folder + entry.name
            if entry.is_file(follow_symlinks=False) and environment_of(entry.name) is not None:
                yield _looked_at(entry, path)  # first, for nearly all are such
            elif entry.name.startswith(WORKING_PREFIXES):
                continue
            elif entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
                folders.append(path + "/")
            else:
                yield _judged(entry, path)


def _judged(entry: os.DirEntry[str], path: str) -> Unit | IgnoredFile:
    """Return the unit that a directory entry is, or the reason why it is none."""

    def ignored(reason: Ignored, detail: str, end: str = "") -> IgnoredFile:
        return IgnoredFile(shown(path) + end, reason, detail)

    if entry.is_dir(follow_symlinks=False):
        return ignored(Ignored.HIDDEN, "a folder whose name begins with a dot is not entered", "/")
    if _leads_to_folder(entry):
        return ignored(Ignored.FOLDER_LINK, "links to folders are not followed", "/")
    if refusal := refused_name(entry.name):
        return ignored(*refusal)
    return _looked_at(entry, path)


def _looked_at(entry: os.DirEntry[str], path: str) -> Unit | IgnoredFile:
    """Return the unit that an entry with the name of an input file is, or why it is none."""
    try:
        status = entry.stat()
    except OSError as error:
        return IgnoredFile(shown(path), Ignored.BROKEN, f"can't be looked at: {error.strerror}")
    if not stat.S_ISREG(status.st_mode):
        return IgnoredFile(shown(path), Ignored.NOT_A_FILE, "not a regular file")
    return Unit(path, status.st_size, status.st_mtime_ns, 0, status.st_size)


def _leads_to_folder(link: os.DirEntry[str]) -> bool:
    try:
        return link.is_dir()
    except OSError:  # it leads in a circle, or through a folder that may not be entered
        return False


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
