"""The store for `s3://bucket/prefix`, on boto3.

Credentials, region, endpoint, proxies, certificates and retries are whatever boto3 finds in its own
variables, files and roles (docs/adr/0012). Of what a server answers only status and known codes are repeated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from reduction.errors import SettingsError
from reduction.storage.base import REFUSED, ErrorKind, ObjectMeta, StoreError
from reduction.storage.url import redact_url

_MAX_CONCURRENCY = 16
_ONE_REQUEST = 8 << 20  # bytes; what is larger is put in parts
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,254}")

_RENEW = "the credentials are refused ({}): renew or correct them"
_GRANT = REFUSED + " ({}): list, get, put and delete must be allowed there"
_NO_BUCKET = "there is no such bucket ({}): correct the address, or make the bucket"
_BUSY = "the store kept failing ({}): run again later"
_CODES = {  # those that may be repeated, and what they mean beyond their status
    **dict.fromkeys(
        ("ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch"),
        (ErrorKind.STORE, _RENEW),
    ),
    "RequestTimeTooSkewed": (ErrorKind.STORE, "the clock of this machine is wrong ({}): set it"),
    "NoSuchBucket": (ErrorKind.STORE, _NO_BUCKET),
    "InvalidBucketName": (ErrorKind.STORE, _NO_BUCKET),
    "PermanentRedirect": (ErrorKind.STORE, "the bucket is in another region ({}): set AWS_REGION"),
    "AuthorizationHeaderMalformed": (ErrorKind.STORE, "the region is wrong ({}): set AWS_REGION"),
    "NoSuchKey": (ErrorKind.NOT_FOUND, "there is no such object"),
    "PreconditionFailed": (ErrorKind.PRECONDITION_FAILED, "another version is there"),
    "InvalidRange": (ErrorKind.PRECONDITION_FAILED, "another version is there"),
    "InvalidObjectState": (ErrorKind.OBJECT, "it is archived ({}): restore it first"),
    **dict.fromkeys(
        ("SlowDown", "InternalError", "RequestTimeout", "ServiceUnavailable"), (ErrorKind.TRANSIENT, _BUSY)
    ),
}  # fmt: skip
_BY_STATUS = {
    401: (ErrorKind.STORE, _RENEW),
    403: (ErrorKind.OBJECT, _GRANT),
    404: (ErrorKind.NOT_FOUND, "there is no such object"),
    412: (ErrorKind.PRECONDITION_FAILED, "another version is there"),
    416: (ErrorKind.PRECONDITION_FAILED, "another version is there"),
    **dict.fromkeys((408, 429, 500, 502, 503, 504), (ErrorKind.TRANSIENT, _BUSY)),
}
_OTHER = (ErrorKind.OBJECT, "the store answered {}: run again later")
_BY_CLASS = {  # of botocore.exceptions, by name and by the names of their bases
    "NoCredentialsError": "no credentials were meta: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or"
    " AWS_PROFILE, or run where a role is attached",
    "PartialCredentialsError": "the credentials are not complete: set both AWS_ACCESS_KEY_ID and"
    " AWS_SECRET_ACCESS_KEY",
    "ProfileNotFound": "there is no such profile: correct AWS_PROFILE, or the file of profiles",
    "CredentialRetrievalError": "no credentials could be had where the profile says: correct it",
    "SSOError": "the login has expired: run aws sso login",
    "EndpointConnectionError": "the endpoint can't be reached: check network and AWS_ENDPOINT_URL",
    "ConnectTimeoutError": "the endpoint does not answer: check network and AWS_ENDPOINT_URL",
    "ProxyConnectionError": "the proxy can't be reached: check HTTPS_PROXY",
    "SSLError": "the endpoint's certificate is not trusted: check AWS_ENDPOINT_URL and AWS_CA_BUNDLE",
    "NoRegionError": "no region is set: set AWS_REGION",
    "ConfigParseError": "the file of profiles can't be read: correct it",
    "ParamValidationError": "the address is none of S3: correct it",
    "InvalidEndpointConfigurationError": "the endpoint is none: correct AWS_ENDPOINT_URL",
    "ValueError": "the endpoint is none: correct AWS_ENDPOINT_URL",
}
_CONNECTION = {"EndpointConnectionError", "ConnectTimeoutError", "ProxyConnectionError"}

# AWS_REGION is what the other SDKs take; of botocore itself it is not, though botocore reads it if told so.
_REGION = ("region", ["AWS_REGION", "AWS_DEFAULT_REGION"], None, None)

_T = TypeVar("_T")


class S3Store:
    """See `store.Store`. It starts no thread, but for putting what is larger than one request."""

    max_concurrency = _MAX_CONCURRENCY

    def __init__(self, address: str) -> None:
        """Raises `SettingsError` if boto3 is missing or the address has no bucket, `StoreError`."""
        self._bucket, _, self._prefix = address.removeprefix("s3://").partition("/")
        if not _BUCKET.fullmatch(self._bucket):
            raise SettingsError(
                [f"{redact_url(address)}: must be s3://BUCKET/PREFIX; credentials do not belong in it"]
            )
        if self._prefix and not self._prefix.endswith("/"):
            self._prefix += "/"
        try:
            import botocore.session
            from boto3.session import Session
            from botocore.config import Config
        except ImportError:
            raise SettingsError([f"{redact_url(address)}: needs boto3: pip install boto3"]) from None
        known = botocore.session.Session(session_vars={"region": _REGION})
        config = Config(max_pool_connections=_MAX_CONCURRENCY)
        self._s3 = _translated(lambda: Session(botocore_session=known).store("s3", config=config))

    def list(self, beginning: str = "") -> Iterator[ObjectMeta]:
        """Give every object below the prefix whose name has this beginning."""
        pages = iter(
            self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix + beginning
            )
        )
        while page := _translated(lambda: next(pages, None), of_object=False):
            for entry in page.get("Contents", ()):
                yield ObjectMeta(entry["Key"][len(self._prefix) :], entry["Size"], entry["ETag"])

    def read(self, meta: ObjectMeta, start: int, stop: int) -> bytes:
        """Return the bytes of a range, if the object still has the ETag."""
        is_part = (start, stop) != (0, meta.size)

        def read() -> bytes:
            answer = self._s3.get_object(
                Bucket=self._bucket,
                Key=self._prefix + meta.name,
                IfMatch=meta.version,
                **({"Range": f"bytes={start}-{stop - 1}"} if is_part else {}),
            )
            data: bytes = answer["Body"].read()
            return data

        data = _translated(read)
        if len(data) != stop - start:
            raise StoreError(ErrorKind.TRANSIENT, "the store gave fewer or more bytes than it has")
        return data

    def put(self, name: str, path: Path) -> None:
        """Put a file; what is large in parts, which are given up if one fails."""
        key = self._prefix + name
        if path.stat().st_size > _ONE_REQUEST:
            _translated(lambda: self._s3.upload_file(str(path), self._bucket, key), of_object=False)
            return
        with path.open("rb") as body:
            _translated(lambda: self._s3.put_object(Bucket=self._bucket, Key=key, Body=body), of_object=False)

    def delete(self, name: str) -> None:
        """Remove an object."""
        _translated(
            lambda: self._s3.delete_object(Bucket=self._bucket, Key=self._prefix + name), of_object=False
        )


def _translated(call: Callable[[], _T], *, of_object: bool = True) -> _T:
    """Return what `call` returns; whatever boto3 raises becomes a `StoreError` without its text."""
    try:
        return call()
    except (MemoryError, StoreError):
        raise
    except Exception as error:
        translated = _store_error(error)
    if not of_object and translated.kind in (ErrorKind.OBJECT, ErrorKind.TRANSIENT):
        translated = StoreError(ErrorKind.STORE, translated.text)
    raise translated


def _store_error(error: Any) -> StoreError:
    if not hasattr(error, "response") and hasattr(error.__context__, "response"):
        error = error.__context__  # a multipart upload wraps the actual error
    answer = getattr(error, "response", None)
    if isinstance(answer, dict):
        status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
        code = answer.get("Error", {}).get("Code")
        kind, text = _CODES.get(code) or _BY_STATUS.get(status) or _OTHER
        return StoreError(kind, text.format(f"{status} {code}" if code in _CODES else status))
    for name in (base.__name__ for base in type(error).__mro__):
        if text := _BY_CLASS.get(name, ""):
            return StoreError(ErrorKind.CONNECTION if name in _CONNECTION else ErrorKind.STORE, text)
    return StoreError(
        ErrorKind.TRANSIENT, f"the connection was lost ({type(error).__name__}): run again later"
    )
