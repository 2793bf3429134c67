"""The output side: files are published at an address, and fetched from there to be collected.

The order is that of folders: a partial before the manifest that commits it, the report before the result, and
manifests are the first to go.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable
from pathlib import Path

from reduction.errors import OutputError, PartialsRejected, WriteError
from reduction.pipeline import partials, report
from reduction.pipeline.naming import REPORT_NAME, RESULT_NAME
from reduction.storage import open_store
from reduction.storage.base import Client, ErrorKind, ObjectMeta, StoreError
from reduction.storage.isolation import run_isolated
from reduction.storage.prefetch import ahead_of_all
from reduction.storage.url import redact_url

_LOG = logging.getLogger("reduction.storage")
_WORKING = ".Combined"
_PARTIAL = re.compile(r"\.Combined_(?P<runner>\d+)\.(?:csv|json)")
_LEFTOVER = re.compile(r"\.Combined(?:[_.].*)?\.[0-9a-f]+\.tmp")


def check(address: str, folder: Path) -> None:
    """Raise `OutputError` unless an object can be put there and removed; nothing of it stays."""
    run_isolated(address, lambda: _check(address, folder))


def _check(address: str, folder: Path) -> None:
    probe = folder / f"{_WORKING}.probe.{os.urandom(4).hex()}.tmp"
    probe.touch()
    try:
        client = open_store(address)
        client.put(probe.name, probe)
        client.delete(probe.name)
    except StoreError as fault:
        raise OutputError(f"the output '{redact_url(address)}' can't be written: {fault}") from None


def remove_all(address: str) -> None:
    """Remove what any run has left beside its result; raises `WriteError`."""
    run_isolated(address, lambda: _remove_all(address))


def remove_all_at_the_end(address: str) -> None:
    """Do the same where no fork follows, and this process may have clients with threads already."""
    _remove_all(address)


def _remove_all(address: str) -> None:
    try:
        client = open_store(address)
        names = [found.name for found in client.list(_WORKING)]
        _delete(client, [name for name in names if _PARTIAL.fullmatch(name) or _LEFTOVER.fullmatch(name)])
    except StoreError as fault:
        raise WriteError(f"what is left in '{redact_url(address)}' can't be removed: {fault}") from None


def remove(address: str, low: int, high: int) -> None:
    """Remove the partials of the runners `low` to `high`; raises `WriteError`."""
    paths = [
        path(Path(), runner).name
        for runner in range(low, high + 1)
        for path in (partials.manifest_path, partials.partial_path)
    ]
    try:
        _delete(open_store(address), paths)
    except StoreError as fault:
        raise WriteError(f"old partials in '{redact_url(address)}' can't be removed: {fault}") from None


def _delete(client: Client, names: Iterable[str]) -> None:
    for name in sorted(names, key=lambda name: not name.endswith(".json")):  # manifests first
        client.delete(name)


def publish_partial(address: str, folder: Path, runner: int) -> None:
    """Put a partial, then the manifest that commits it; raises `WriteError`."""
    for path in (partials.partial_path(folder, runner), partials.manifest_path(folder, runner)):
        _put(address, path)


def fetch(address: str, folder: Path, run_id: str, runners: int) -> None:
    """Have in `folder` whatever of a run's partials is there, and the last report.

    If that report says that this run was collected before, its result is fetched, too, to be compared.
    Raises `PartialsRejected` if what is there can't be had.
    """
    try:
        client = open_store(address)
        wanted = []
        for found in client.list(_WORKING):
            match = _PARTIAL.fullmatch(found.name)
            if match and 1 <= int(match["runner"]) <= runners and not (folder / found.name).exists():
                wanted.append(found)
        wanted += (found for found in client.list(REPORT_NAME) if found.name == REPORT_NAME)
        _download(client, wanted, folder)
        plain = report.read_plain(folder)
        if plain is None or plain.get("run_id") != run_id:
            return
        _download(client, [found for found in client.list(RESULT_NAME) if found.name == RESULT_NAME], folder)
    except StoreError as fault:
        raise PartialsRejected([f"the partials in '{redact_url(address)}' can't be read: {fault}"]) from None


def _download(client: Client, wanted: list[ObjectMeta], folder: Path) -> None:
    """Write objects into `folder`, many at once; one that has gone meanwhile is left out, as if never listed.

    What is left of it here does not fit its manifest.
    """
    with ahead_of_all(client, wanted) as ahead:
        for index, found in enumerate(wanted):
            path = folder / found.name
            try:
                with path.open("wb") as file:
                    for part in ahead.parts(index):
                        file.write(part.data)
            except StoreError as fault:
                if fault.trouble not in (ErrorKind.NOT_FOUND, ErrorKind.PRECONDITION_FAILED):
                    raise
                path.unlink()
            except OSError as error:
                raise WriteError(
                    f"'{path}' can't be written: {error.strerror}; free space, or set TMPDIR"
                ) from error


def publish_result(address: str, folder: Path) -> None:
    """Put the report and then the result, or remove the old one if there is none.

    Raises `WriteError`; the old result stays.
    """
    _put(address, folder / REPORT_NAME)
    if (folder / RESULT_NAME).exists():
        _put(address, folder / RESULT_NAME)
    else:
        try:
            open_store(address).delete(RESULT_NAME)
        except StoreError as fault:
            raise WriteError(
                f"the old '{redact_url(address)}/{RESULT_NAME}' can't be removed: {fault}"
            ) from None


def _put(address: str, path: Path) -> None:
    shown = f"{redact_url(address).rstrip('/')}/{path.name}"
    _LOG.debug("putting '%s', %s bytes", shown, path.stat().st_size)
    try:
        open_store(address).put(path.name, path)
    except StoreError as fault:
        raise WriteError(
            f"'{shown}' can't be written: {fault}. What stood there before is untouched; then run again"
        ) from None
