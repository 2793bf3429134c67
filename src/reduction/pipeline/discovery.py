"""Discovery of the input: lists a folder tree, or the objects below a URL, and decides what is read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator

from reduction.errors import InputError
from reduction.pipeline.naming import HIDDEN_FOLDER, WORKING_PREFIXES, environment_of, skip_reason_of
from reduction.pipeline.splits import Listing, Split
from reduction.pipeline.stats import SkippedFile, SkipReason
from reduction.runtime.text import display_path
from reduction.storage.url import is_url


def find(tree: str) -> Listing:
    """List the input tree, a folder or a URL, in one pass; each file is one split.

    Raises `InputError` if the tree does not exist or cannot be listed, or has no object if it is a URL, and
    `SettingsError` if a library for the URL is not installed. A folder in the tree that cannot be listed is
    skipped.
    """
    if is_url(tree):
        from reduction.pipeline.remote_input import list_objects

        return _sorted(list_objects(tree))
    return _sorted(_walk(tree))


def _sorted(entries: Iterable[Split | SkippedFile]) -> Listing:
    splits: list[Split] = []
    ignored: list[SkippedFile] = []
    for entry in entries:
        if isinstance(entry, Split):
            splits.append(entry)
        else:
            ignored.append(entry)
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
                raise InputError(f"cannot list the input directory '{tree}': {error.strerror}") from error
            yield SkippedFile(
                display_path(folder), SkipReason.BROKEN, f"the folder cannot be listed: {error.strerror}"
            )
            continue
        for entry in entries:
            path = folder + entry.name
            if entry.is_file(follow_symlinks=False) and environment_of(entry.name) is not None:
                yield _file(entry, path)  # first, because nearly all entries are of this kind
            elif entry.name.startswith(WORKING_PREFIXES):
                continue
            elif entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
                folders.append(path + "/")
            else:
                yield _other_entry(entry, path)


def _other_entry(entry: os.DirEntry[str], path: str) -> Split | SkippedFile:
    """Return the split of a directory entry that is a link, or the reason to skip the entry."""

    def skip(reason: SkipReason, detail: str, suffix: str = "") -> SkippedFile:
        return SkippedFile(display_path(path) + suffix, reason, detail)

    if entry.is_dir(follow_symlinks=False):
        return skip(SkipReason.HIDDEN, HIDDEN_FOLDER, "/")
    if _is_link_to_folder(entry):
        return skip(SkipReason.FOLDER_LINK, "links to folders are not followed", "/")
    if reason := skip_reason_of(entry.name):
        return skip(*reason)
    return _file(entry, path)


def _file(entry: os.DirEntry[str], path: str) -> Split | SkippedFile:
    """Return the split of an entry with the name of an input file, or the reason to skip it."""
    try:
        status = entry.stat()
    except OSError as error:
        return SkippedFile(
            display_path(path), SkipReason.BROKEN, f"its status cannot be read: {error.strerror}"
        )
    if not stat.S_ISREG(status.st_mode):
        return SkippedFile(display_path(path), SkipReason.NOT_A_FILE, "not a regular file")
    return Split(path, status.st_size, status.st_mtime_ns, 0, status.st_size)


def _is_link_to_folder(link: os.DirEntry[str]) -> bool:
    try:
        return link.is_dir()
    except OSError:  # a cycle of links, or a folder on the way that may not be entered
        return False
