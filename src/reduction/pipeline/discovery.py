"""Finds the input: lists a folder tree, or the objects below a URL, and decides what is read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator

from reduction.errors import InputError
from reduction.pipeline.naming import WORKING_PREFIXES, environment_of, refused_name
from reduction.pipeline.splits import Listing, Unit
from reduction.pipeline.stats import Ignored, IgnoredFile
from reduction.runtime.text import shown
from reduction.storage.url import is_address


def find(tree: str) -> Listing:
    """List the folder `tree` and everything below it in one pass; or the objects below an address.

    Raises `InputError` if the folder itself is missing or cannot be listed; a folder below it that
    cannot be listed is an ignored one. Of an address: if there is nothing below it, or it can't be listed;
    `SettingsError` if what it takes to read it is not installed.
    """
    if is_address(tree):
        from reduction.pipeline.remote_input import found_below

        return _sorted(found_below(tree))
    return _sorted(_walk(tree))


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
