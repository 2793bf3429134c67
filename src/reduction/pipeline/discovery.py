"""Finds the input: lists a folder tree, or the objects below a URL, and decides what is read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator

from reduction.errors import InputError
from reduction.pipeline.naming import WORKING_PREFIXES, environment_of, refused_name
from reduction.pipeline.splits import Listing, Split
from reduction.pipeline.stats import SkippedFile, SkipReason
from reduction.runtime.text import display_path
from reduction.storage.url import is_url


def find(tree: str) -> Listing:
    """List the folder `tree` and everything below it in one pass; or the objects below an address.

    Raises `InputError` if the folder itself is missing or cannot be listed; a folder below it that
    cannot be listed is an ignored one. Of an address: if there is nothing below it, or it can't be listed;
    `SettingsError` if what it takes to read it is not installed.
    """
    if is_url(tree):
        from reduction.pipeline.remote_input import list_objects

        return _sorted(list_objects(tree))
    return _sorted(_walk(tree))


def _sorted(all_found: Iterable[Split | SkippedFile]) -> Listing:
    splits: list[Split] = []
    ignored: list[SkippedFile] = []
    for found in all_found:
        if isinstance(found, Split):
            splits.append(found)
        else:
            ignored.append(found)
    splits.sort(key=lambda split: (os.fsencode(split.path), split.start))
    ignored.sort(key=lambda file: file.path.encode())
    return Listing(tuple(splits), tuple(ignored))


def _walk(tree: str) -> Iterator[Split | SkippedFile]:
    folders = [""]
    while folders:
        folder = folders.pop()
        try:
            entries = list(os.scandir(os.path.join(tree, folder)))  # noqa: PTH118 - a hot path for large trees
        except OSError as error:
            if not folder:
                raise InputError(f"the input directory '{tree}' can't be listed: {error.strerror}") from error
            yield SkippedFile(
                display_path(folder), SkipReason.BROKEN, f"the folder can't be listed: {error.strerror}"
            )
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


def _judged(entry: os.DirEntry[str], path: str) -> Split | SkippedFile:
    """Return the split that a directory entry is, or the reason why it is none."""

    def ignored(reason: SkipReason, detail: str, end: str = "") -> SkippedFile:
        return SkippedFile(display_path(path) + end, reason, detail)

    if entry.is_dir(follow_symlinks=False):
        return ignored(SkipReason.HIDDEN, "a folder whose name begins with a dot is not entered", "/")
    if _leads_to_folder(entry):
        return ignored(SkipReason.FOLDER_LINK, "links to folders are not followed", "/")
    if refusal := refused_name(entry.name):
        return ignored(*refusal)
    return _looked_at(entry, path)


def _looked_at(entry: os.DirEntry[str], path: str) -> Split | SkippedFile:
    """Return the split that an entry with the name of an input file is, or why it is none."""
    try:
        status = entry.stat()
    except OSError as error:
        return SkippedFile(display_path(path), SkipReason.BROKEN, f"can't be looked at: {error.strerror}")
    if not stat.S_ISREG(status.st_mode):
        return SkippedFile(display_path(path), SkipReason.NOT_A_FILE, "not a regular file")
    return Split(path, status.st_size, status.st_mtime_ns, 0, status.st_size)


def _leads_to_folder(link: os.DirEntry[str]) -> bool:
    try:
        return link.is_dir()
    except OSError:  # it leads in a circle, or through a folder that may not be entered
        return False
