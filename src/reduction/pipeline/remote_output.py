"""Output to a URL: files are written to a local folder, published as objects, and fetched to be collected.

The order is the same as in folders: a partial before the manifest that commits it, the report before the
result; manifests are removed first.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path

from reduction.errors import OutputError, PartialsRejected, WriteError
from reduction.pipeline import report
from reduction.pipeline.naming import (
    ANY_TEMP_FILE,
    PARTIAL_FILE,
    REPORT_NAME,
    RESULT_NAME,
    WORKING_PREFIX,
    manifest_name,
    partial_name,
    removal_order,
)
from reduction.pipeline.output import LocalOutput
from reduction.storage import open_store
from reduction.storage.base import ErrorKind, ObjectMeta, Store, StoreError
from reduction.storage.isolation import run_isolated
from reduction.storage.prefetch import prefetch_all
from reduction.storage.url import redact_url

_LOG = logging.getLogger("reduction.storage")


class RemoteOutput(LocalOutput):
    """The URL `url`; `directory` is a private folder of this run.

    `shared` is whether partials are exchanged through the URL, too: not if one process starts all runners
    and collects. Methods that run before the fork leave no thread behind (`storage.isolation`).
    """

    def __init__(self, directory: Path, url: str, *, shared: bool) -> None:
        super().__init__(directory)
        self.url = url
        self.shared = shared

    def locate(self, name: str) -> str:
        return f"{redact_url(self.url).rstrip('/')}/{name}"

    def check(self) -> None:
        super().check()
        run_isolated(self.url, self._check)

    def remove_all(self) -> None:
        super().remove_all()
        run_isolated(self.url, self._remove_all)

    def remove_partials(self, low: int, high: int) -> None:
        super().remove_partials(low, high)
        if not self.shared:
            return
        names = [name(runner) for runner in range(low, high + 1) for name in (manifest_name, partial_name)]
        try:
            _delete(open_store(self.url), names)
        except StoreError as error:
            raise WriteError(f"cannot remove old partials in '{redact_url(self.url)}': {error}") from None

    def publish_partial(self, runner: int) -> None:
        if self.shared:
            self._put(partial_name(runner))
            self._put(manifest_name(runner))

    def fetch_partials(self, run_id: str, runners: int) -> None:
        """Copy the partials of a run and the last report into the folder.

        If that report belongs to this very run, its result is copied as well, to be compared.
        """
        if not self.shared:  # everything is there already
            return
        try:
            store = open_store(self.url)
            wanted = [meta for meta in store.list(WORKING_PREFIX) if self._is_missing(meta.name, runners)]
            wanted += [meta for meta in store.list(REPORT_NAME) if meta.name == REPORT_NAME]
            self._download(store, wanted)
            plain = report.read_plain(self.directory)
            if plain is not None and plain.get("run_id") == run_id:
                self._download(store, [meta for meta in store.list(RESULT_NAME) if meta.name == RESULT_NAME])
        except StoreError as error:
            raise PartialsRejected(
                [f"cannot read the partials in '{redact_url(self.url)}': {error}"]
            ) from None

    def publish_result(self, *, is_new: bool) -> None:
        if is_new:
            self._put(REPORT_NAME)
            if (self.directory / RESULT_NAME).exists():
                self._put(RESULT_NAME)
            else:
                self._delete_result()
        self._remove_all()  # no fork follows, so threads of the client do no harm

    def private(self) -> LocalOutput:
        return RemoteOutput(self.directory, self.url, shared=False)

    def _check(self) -> None:
        probe = self.directory / f"{WORKING_PREFIX}.probe.{os.urandom(4).hex()}.tmp"
        probe.touch()
        try:
            store = open_store(self.url)
            store.put(probe.name, probe)
            store.delete(probe.name)
        except StoreError as error:
            raise OutputError(f"cannot write to the output '{redact_url(self.url)}': {error}") from None

    def _remove_all(self) -> None:
        try:
            store = open_store(self.url)
            names = [meta.name for meta in store.list(WORKING_PREFIX)]
            _delete(store, [name for name in names if _is_leftover(name)])
        except StoreError as error:
            raise WriteError(
                f"cannot remove the leftovers of a run in '{redact_url(self.url)}': {error}"
            ) from None

    def _is_missing(self, name: str, runners: int) -> bool:
        match = PARTIAL_FILE.fullmatch(name)
        return (
            match is not None
            and 1 <= int(match["runner"]) <= runners
            and not (self.directory / name).exists()
        )

    def _download(self, store: Store, wanted: list[ObjectMeta]) -> None:
        """Write objects into the folder, many at once.

        An object that was removed or replaced meanwhile is left out, as if it had never been listed: the rest
        of that partial does not match its manifest.
        """
        with prefetch_all(store, wanted) as prefetcher:
            for index, meta in enumerate(wanted):
                path = self.directory / meta.name
                try:
                    with path.open("wb") as file:
                        for chunk in prefetcher.chunks(index):
                            file.write(chunk.data)
                except StoreError as error:
                    if error.kind not in (ErrorKind.NOT_FOUND, ErrorKind.PRECONDITION_FAILED):
                        raise
                    path.unlink()
                except OSError as error:
                    raise WriteError(
                        f"cannot write '{path}': {error.strerror}; free up space, or set TMPDIR"
                    ) from error

    def _put(self, name: str) -> None:
        path = self.directory / name
        _LOG.debug("uploading '%s', %s bytes", self.locate(name), path.stat().st_size)
        try:
            open_store(self.url).put(name, path)
        except StoreError as error:
            raise WriteError(
                f"cannot write '{self.locate(name)}': {error}. The previous object is unchanged; run again"
            ) from None

    def _delete_result(self) -> None:
        try:
            open_store(self.url).delete(RESULT_NAME)
        except StoreError as error:
            raise WriteError(f"cannot remove the old '{self.locate(RESULT_NAME)}': {error}") from None


def _is_leftover(name: str) -> bool:
    return bool(PARTIAL_FILE.fullmatch(name) or ANY_TEMP_FILE.fullmatch(name))


def _delete(store: Store, names: Iterable[str]) -> None:
    for name in sorted(names, key=removal_order):
        store.delete(name)
