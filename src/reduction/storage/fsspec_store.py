"""The store for every other scheme that fsspec knows: `file://`, `gs://`, `abfs://`, `sftp://` ...

There is no reading of one certain version here; what an object is like is looked at again after each read.
What a library says is never repeated: it may hold what is in the address.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, unquote

from reduction.errors import SettingsError
from reduction.storage.base import REFUSED, ErrorKind, ObjectMeta, StoreError
from reduction.storage.constants import UNVERSIONED
from reduction.storage.url import redact_url, url_scheme

_MAX_CONCURRENCY = 8
# Where an object appears whole when its last byte has come. Elsewhere it is written beside and renamed.
_PUT_WHOLE = {"abfs", "abfss", "adl", "az", "gcs", "gs", "memory", "oci", "oss"}
_ANY_THREAD = {"file", "local", "memory"}  # beside the clients that are asynchronous within
# What tells one version from another, the best first; fsspec has no one name for it.
_VERSION = (
    "etag", "ETag", "generation", "version_id", "content_md5", "md5Hash", "Content-MD5", "mtime", "modify",
    "last_modified", "LastModified", "Last-Modified", "updated", "created",
)  # fmt: skip

_T = TypeVar("_T")


class FsspecStore:
    """See `store.Store`. It may start threads."""

    def __init__(self, address: str) -> None:
        """Raises `SettingsError` if fsspec, or what it needs for the scheme, is missing; `StoreError`."""
        shown, scheme = redact_url(address), url_scheme(address)
        try:
            from fsspec.core import url_to_fs
        except ImportError:
            raise SettingsError([f"{shown}: needs fsspec: pip install fsspec"]) from None
        try:
            self._fs, root = _translated(lambda: url_to_fs(address))
        except _UnknownScheme:
            raise SettingsError(
                [f"{shown}: fsspec knows no {scheme}://; s3:// and many others it does"]
            ) from None
        except _MissingPackage:
            raise SettingsError(
                [f"{shown}: needs one more package: pip install 'fsspec[{scheme}]'"]
            ) from None
        self._root = root.rstrip("/") + "/"
        self._in_links = scheme in ("http", "https")
        self._puts_whole = scheme in _PUT_WHOLE
        self.max_concurrency = _MAX_CONCURRENCY if self._fs.async_impl or scheme in _ANY_THREAD else 1

    def list(self, beginning: str = "") -> Iterator[ObjectMeta]:
        """Give every object below; stores of this kind are listed whole, whatever the beginning."""
        depth = {"maxdepth": 1} if beginning else {}
        self._fs.invalidate_cache()
        try:
            entries = _translated(lambda: self._fs.find(self._root, withdirs=False, detail=True, **depth))
        except StoreError as error:
            if error.kind == ErrorKind.NOT_FOUND:
                return
            raise
        for path, facts in entries.items():
            name = unquote(self._name(path)) if self._in_links else self._name(path)
            if name and name.startswith(beginning):
                yield self._found(name, path, facts)

    def read(self, meta: ObjectMeta, start: int, stop: int) -> bytes:
        """Return the bytes of a range, if the object is as it was listed when they have come."""
        path = self._root + (quote(meta.name) if self._in_links else meta.name)

        def read() -> tuple[bytes, Any]:
            data = self._fs.cat_file(path, start, stop) if stop > start else b""
            self._fs.invalidate_cache()  # of clients that remember what a folder was like
            return data, self._fs.info(path)

        data, facts = _translated(read)
        if (facts["size"] or 0, _version(facts)) != (meta.size, meta.version):
            raise StoreError(ErrorKind.PRECONDITION_FAILED, "another version is there")
        if len(data) == meta.size:  # of a server that knows no ranges
            data = data[start:stop]
        if len(data) != stop - start:
            raise StoreError(ErrorKind.TRANSIENT, "the store gave fewer or more bytes than it has")
        return bytes(data)

    def put(self, name: str, path: Path) -> None:
        """Put a file; the object is seen when it is whole."""
        if self._in_links:
            raise StoreError(
                ErrorKind.STORE, "this kind of store can only be read: choose another for the output"
            )
        target = self._root + name
        if self._puts_whole:
            _translated(lambda: self._fs.put_file(str(path), target))
            return
        beside = f"{self._root}.{name.removeprefix('.')}.{os.urandom(4).hex()}.tmp"
        try:
            _translated(lambda: self._fs.put_file(str(path), beside))
            _translated(lambda: self._fs.mv(beside, target))
        except BaseException:
            with suppress(StoreError):
                _translated(lambda: self._fs.rm_file(beside))
            raise

    def delete(self, name: str) -> None:
        """Remove an object."""
        path = self._root + name
        try:
            _translated(lambda: self._fs.rm_file(path))
        except StoreError:  # not every library tells why
            self._fs.invalidate_cache()
            if _translated(lambda: self._fs.exists(path)):
                raise

    def _found(self, name: str, path: str, facts: dict[str, Any]) -> ObjectMeta:
        if facts.get("size") is None:  # as on pages of links
            facts = _translated(lambda: self._fs.info(path))
        return ObjectMeta(name, facts["size"] or 0, _version(facts))

    def _name(self, path: str) -> str:
        # A page of links gives whole addresses, most others paths; the root may differ in its first slash.
        _, root, name = path.partition(self._root)
        return name if root else path.lstrip("/").partition(self._root.lstrip("/"))[2]


class _UnknownScheme(Exception):
    """There is no such scheme."""


class _MissingPackage(Exception):
    """The scheme needs a package that is not there."""


def _version(facts: dict[str, Any]) -> str:
    return next((f"{name} {facts[name]}" for name in _VERSION if facts.get(name) is not None), UNVERSIONED)


def _translated(call: Callable[[], _T]) -> _T:
    """Return what `call` returns; whatever fsspec raises becomes a `StoreError` in our own words."""
    try:
        return call()
    except (MemoryError, StoreError):
        raise
    except ImportError:
        translated: Exception = _MissingPackage()
    except Exception as error:
        translated = _store_error(error)
    raise translated


def _store_error(error: Exception) -> Exception:  # noqa: PLR0911 - a list of reasons
    kinds = " ".join(kind.__name__ for kind in type(error).__mro__)
    status = getattr(error, "status", None) or getattr(error, "code", None)
    if type(error).__module__ == "ftplib" and str(error)[:3].isdigit():
        status = {530: 401, 550: 404, 553: 403}.get(int(str(error)[:3]), int(str(error)[:3]))
    name = type(error).__name__ + (f", status {status}" if isinstance(status, int) else "")
    if isinstance(error, FileNotFoundError) or status == 404:
        return StoreError(ErrorKind.NOT_FOUND, "there is no such object")
    if "Auth" in kinds or "Credential" in kinds or status in (401, 407):
        return StoreError(ErrorKind.STORE, f"the credentials are refused or missing ({name}): correct them")
    if isinstance(error, PermissionError) or status == 403:
        return StoreError(ErrorKind.OBJECT, f"{REFUSED} ({name}): grant it to this user")
    if isinstance(error, ValueError) and "Protocol not known" in str(error):
        return _UnknownScheme()
    if isinstance(error, NotImplementedError):
        return StoreError(
            ErrorKind.STORE, "this kind of store can only be read: choose another one for the output"
        )
    if isinstance(error, ConnectionError | TimeoutError) or "Connect" in kinds or "gaierror" in kinds:
        return StoreError(
            ErrorKind.CONNECTION, f"the server can't be reached ({name}): check address and network"
        )
    return StoreError(ErrorKind.TRANSIENT, f"the store kept failing ({name}): run again later")
