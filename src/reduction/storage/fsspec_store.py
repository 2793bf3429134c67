"""The store for all other schemes that fsspec supports: `file://`, `gs://`, `abfs://`, `sftp://` ...

fsspec cannot read a certain version of an object, so its version is compared after each read. The text of a
library's exception is never repeated: it may contain secrets of the URL.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, unquote

from reduction.errors import SettingsError
from reduction.storage.base import ACCESS_DENIED, ErrorKind, ObjectMeta, StoreError
from reduction.storage.constants import UNVERSIONED
from reduction.storage.url import redact_url, url_scheme

_MAX_CONCURRENCY = 8
# Uploads are atomic there. Elsewhere an object is uploaded under a temporary name and renamed.
_ATOMIC_UPLOADS = {"abfs", "abfss", "adl", "az", "gcs", "gs", "memory", "oci", "oss"}
_THREAD_SAFE = {"file", "local", "memory"}  # in addition to clients that are asynchronous internally
# Fields that change with an object, the best first; fsspec has no common name for them.
_VERSION = (
    "etag", "ETag", "generation", "version_id", "content_md5", "md5Hash", "Content-MD5", "mtime", "modify",
    "last_modified", "LastModified", "Last-Modified", "updated", "created",
)  # fmt: skip

_READ_ONLY = "this kind of store is read-only: choose another one for the output"

_T = TypeVar("_T")


class FsspecStore:
    """A `Store` on an fsspec file system, which may start threads."""

    def __init__(self, url: str) -> None:
        """Raises `SettingsError` if fsspec or a package for the scheme is missing, or `StoreError`."""
        shown, scheme = redact_url(url), url_scheme(url)
        try:
            from fsspec.core import url_to_fs
        except ImportError:
            raise SettingsError([f"{shown}: needs fsspec: pip install fsspec"]) from None
        try:
            self._fs, root = _translate_errors(lambda: url_to_fs(url))
        except _UnknownScheme:
            raise SettingsError([f"{shown}: fsspec does not support {scheme}://"]) from None
        except _MissingPackage:
            raise SettingsError([f"{shown}: needs another package: pip install 'fsspec[{scheme}]'"]) from None
        self._root = root.rstrip("/") + "/"
        self._is_http = scheme in ("http", "https")
        self._has_atomic_uploads = scheme in _ATOMIC_UPLOADS
        self.max_concurrency = _MAX_CONCURRENCY if self._fs.async_impl or scheme in _THREAD_SAFE else 1

    def list(self, prefix: str = "") -> Iterator[ObjectMeta]:
        depth = {"maxdepth": 1} if prefix else {}
        self._fs.invalidate_cache()
        try:
            entries = _translate_errors(
                lambda: self._fs.find(self._root, withdirs=False, detail=True, **depth)
            )
        except StoreError as error:
            if error.kind == ErrorKind.NOT_FOUND:
                return
            raise
        for path, info in entries.items():
            name = unquote(self._name(path)) if self._is_http else self._name(path)
            if name and name.startswith(prefix):
                yield self._meta(name, path, info)

    def read(self, meta: ObjectMeta, start: int, stop: int) -> bytes:
        path = self._root + (quote(meta.name) if self._is_http else meta.name)

        def read() -> tuple[bytes, Any]:
            data = self._fs.cat_file(path, start, stop) if stop > start else b""
            self._fs.invalidate_cache()  # some clients cache the listings of folders
            return data, self._fs.info(path)

        data, info = _translate_errors(read)
        if (info["size"] or 0, _version(info)) != (meta.size, meta.version):
            raise StoreError(ErrorKind.PRECONDITION_FAILED, "the object has another version now")
        if len(data) == meta.size:  # the server does not support ranges
            data = data[start:stop]
        if len(data) != stop - start:
            raise StoreError(ErrorKind.TRANSIENT, "unexpected response length: run again later")
        return bytes(data)

    def put(self, name: str, path: Path) -> None:
        if self._is_http:
            raise StoreError(ErrorKind.STORE, _READ_ONLY)
        target = self._root + name
        if self._has_atomic_uploads:
            _translate_errors(lambda: self._fs.put_file(str(path), target))
            return
        temp = f"{self._root}.{name.removeprefix('.')}.{os.urandom(4).hex()}.tmp"
        try:
            _translate_errors(lambda: self._fs.put_file(str(path), temp))
            _translate_errors(lambda: self._fs.mv(temp, target))
        except BaseException:
            with suppress(StoreError):
                _translate_errors(lambda: self._fs.rm_file(temp))
            raise

    def delete(self, name: str) -> None:
        path = self._root + name
        try:
            _translate_errors(lambda: self._fs.rm_file(path))
        except StoreError:  # not every library reports that the object did not exist
            self._fs.invalidate_cache()
            if _translate_errors(lambda: self._fs.exists(path)):
                raise

    def _meta(self, name: str, path: str, info: dict[str, Any]) -> ObjectMeta:
        if info.get("size") is None:  # as in directory pages of web servers
            info = _translate_errors(lambda: self._fs.info(path))
        return ObjectMeta(name, info["size"] or 0, _version(info))

    def _name(self, path: str) -> str:
        # Web servers list URLs, most other stores paths; the root may lack its first slash.
        _, root, name = path.partition(self._root)
        return name if root else path.lstrip("/").partition(self._root.lstrip("/"))[2]


class _UnknownScheme(Exception):
    """fsspec does not support the scheme."""


class _MissingPackage(Exception):
    """The scheme needs a package that is not installed."""


def _version(info: dict[str, Any]) -> str:
    return next((f"{name} {info[name]}" for name in _VERSION if info.get(name) is not None), UNVERSIONED)


def _translate_errors(call: Callable[[], _T]) -> _T:
    """Return the result of `call`; an exception of fsspec becomes a `StoreError` in our own words."""
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
        return StoreError(ErrorKind.NOT_FOUND, "no such object")
    if "Auth" in kinds or "Credential" in kinds or status in (401, 407):
        return StoreError(ErrorKind.STORE, f"the credentials are missing or rejected ({name}): correct them")
    if isinstance(error, PermissionError) or status == 403:
        return StoreError(ErrorKind.OBJECT, f"{ACCESS_DENIED} ({name}): grant it to this user")
    if isinstance(error, ValueError) and "Protocol not known" in str(error):
        return _UnknownScheme()
    if isinstance(error, NotImplementedError):
        return StoreError(ErrorKind.STORE, _READ_ONLY)
    if isinstance(error, ConnectionError | TimeoutError) or "Connect" in kinds or "gaierror" in kinds:
        return StoreError(
            ErrorKind.CONNECTION, f"cannot connect to the server ({name}): check the URL and the network"
        )
    return StoreError(ErrorKind.TRANSIENT, f"the store kept failing ({name}): run again later")
