"""The store for `s3://bucket/prefix`, based on boto3.

Credentials, region, endpoint, proxies, certificates and retries are set by boto3's own variables, files
and roles (docs/adr/0012). Messages repeat only the status and known error codes of a response.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from reduction.errors import SettingsError
from reduction.storage.base import ACCESS_DENIED, ErrorKind, ObjectMeta, StoreError
from reduction.storage.url import redact_url

_MAX_CONCURRENCY = 16
_MULTIPART_BYTES = 8 << 20  # a larger file is uploaded in parts
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,254}")

_INVALID_CREDENTIALS = "the credentials are rejected ({}): renew or correct them"
_DENIED = ACCESS_DENIED + " ({}): this user must be allowed to list, get, put and delete objects there"
_NO_BUCKET = "no such bucket ({}): correct the URL, or create the bucket"
_KEPT_FAILING = "the store kept failing ({}): run again later"
_NO_OBJECT = "no such object"
_OTHER_VERSION = "the object has another version now"
_CODES = {  # known error codes, which say more than the status
    **dict.fromkeys(
        ("ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch"),
        (ErrorKind.STORE, _INVALID_CREDENTIALS),
    ),
    "RequestTimeTooSkewed": (ErrorKind.STORE, "the clock of this machine is wrong ({}): set it"),
    "NoSuchBucket": (ErrorKind.STORE, _NO_BUCKET),
    "InvalidBucketName": (ErrorKind.STORE, _NO_BUCKET),
    "PermanentRedirect": (ErrorKind.STORE, "the bucket is in another region ({}): set AWS_REGION"),
    "AuthorizationHeaderMalformed": (ErrorKind.STORE, "the region is wrong ({}): set AWS_REGION"),
    "NoSuchKey": (ErrorKind.NOT_FOUND, _NO_OBJECT),
    "PreconditionFailed": (ErrorKind.PRECONDITION_FAILED, _OTHER_VERSION),
    "InvalidRange": (ErrorKind.PRECONDITION_FAILED, _OTHER_VERSION),
    "InvalidObjectState": (ErrorKind.OBJECT, "the object is archived ({}): restore it first"),
    **dict.fromkeys(
        ("SlowDown", "InternalError", "RequestTimeout", "ServiceUnavailable"),
        (ErrorKind.TRANSIENT, _KEPT_FAILING),
    ),
}  # fmt: skip
_STATUSES = {
    401: (ErrorKind.STORE, _INVALID_CREDENTIALS),
    403: (ErrorKind.OBJECT, _DENIED),
    404: (ErrorKind.NOT_FOUND, _NO_OBJECT),
    412: (ErrorKind.PRECONDITION_FAILED, _OTHER_VERSION),
    416: (ErrorKind.PRECONDITION_FAILED, _OTHER_VERSION),
    **dict.fromkeys((408, 429, 500, 502, 503, 504), (ErrorKind.TRANSIENT, _KEPT_FAILING)),
}
_OTHER_STATUS = (ErrorKind.OBJECT, "unexpected response of the store ({}): run again later")
_INVALID_ENDPOINT = "invalid endpoint URL: correct AWS_ENDPOINT_URL"
_EXCEPTIONS = {  # of botocore.exceptions, by their own name or that of a base class
    "NoCredentialsError": "no credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or"
    " AWS_PROFILE, or run where a role is attached",
    "PartialCredentialsError": "the credentials are incomplete: set both AWS_ACCESS_KEY_ID and"
    " AWS_SECRET_ACCESS_KEY",
    "ProfileNotFound": "no such profile: correct AWS_PROFILE, or the configuration file",
    "CredentialRetrievalError": "the profile's source of credentials failed: correct the profile",
    "SSOError": "the login has expired: run aws sso login",
    "EndpointConnectionError": "cannot connect to the endpoint: check the network and AWS_ENDPOINT_URL",
    "ConnectTimeoutError": "the endpoint does not respond: check the network and AWS_ENDPOINT_URL",
    "ProxyConnectionError": "cannot connect to the proxy: check HTTPS_PROXY",
    "SSLError": "the endpoint's certificate is not trusted: check AWS_ENDPOINT_URL and AWS_CA_BUNDLE",
    "NoRegionError": "no region is set: set AWS_REGION",
    "ConfigParseError": "the configuration file of AWS cannot be parsed: correct it",
    "ParamValidationError": "invalid S3 URL: correct it",
    "InvalidEndpointConfigurationError": _INVALID_ENDPOINT,
    "ValueError": _INVALID_ENDPOINT,
}
_CONNECTION_EXCEPTIONS = {"EndpointConnectionError", "ConnectTimeoutError", "ProxyConnectionError"}

# Other SDKs read AWS_REGION. botocore does so only if it is configured here.
_REGION = ("region", ["AWS_REGION", "AWS_DEFAULT_REGION"], None, None)

_T = TypeVar("_T")


class S3Store:
    """A `Store` in S3. It starts no thread, except to upload a file in parts."""

    max_concurrency = _MAX_CONCURRENCY

    def __init__(self, url: str) -> None:
        """Raises `SettingsError` if boto3 is missing or the URL has no bucket, or `StoreError`."""
        self._bucket, _, self._prefix = url.removeprefix("s3://").partition("/")
        if not _BUCKET.fullmatch(self._bucket):
            raise SettingsError(
                [f"{redact_url(url)}: must be s3://BUCKET/PREFIX; credentials do not belong in it"]
            )
        if self._prefix and not self._prefix.endswith("/"):
            self._prefix += "/"
        try:
            import botocore.session
            from boto3.session import Session
            from botocore.config import Config
        except ImportError:
            raise SettingsError([f"{redact_url(url)}: needs boto3: pip install boto3"]) from None
        session = botocore.session.Session(session_vars={"region": _REGION})
        config = Config(max_pool_connections=_MAX_CONCURRENCY)
        self._client = _translate_errors(
            lambda: Session(botocore_session=session).client("s3", config=config)
        )

    def list(self, prefix: str = "") -> Iterator[ObjectMeta]:
        pages = iter(
            self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix + prefix
            )
        )
        while page := _translate_errors(lambda: next(pages, None), of_object=False):
            for entry in page.get("Contents", ()):
                yield ObjectMeta(entry["Key"][len(self._prefix) :], entry["Size"], entry["ETag"])

    def read(self, meta: ObjectMeta, start: int, stop: int) -> bytes:
        is_range = (start, stop) != (0, meta.size)

        def read() -> bytes:
            response = self._client.get_object(
                Bucket=self._bucket,
                Key=self._prefix + meta.name,
                IfMatch=meta.version,
                **({"Range": f"bytes={start}-{stop - 1}"} if is_range else {}),
            )
            data: bytes = response["Body"].read()
            return data

        data = _translate_errors(read)
        if len(data) != stop - start:
            raise StoreError(ErrorKind.TRANSIENT, "unexpected response length: run again later")
        return data

    def put(self, name: str, path: Path) -> None:
        key = self._prefix + name
        if path.stat().st_size > _MULTIPART_BYTES:  # boto3 removes the uploaded parts if one fails
            _translate_errors(lambda: self._client.upload_file(str(path), self._bucket, key), of_object=False)
            return
        with path.open("rb") as body:
            _translate_errors(
                lambda: self._client.put_object(Bucket=self._bucket, Key=key, Body=body), of_object=False
            )

    def delete(self, name: str) -> None:
        _translate_errors(
            lambda: self._client.delete_object(Bucket=self._bucket, Key=self._prefix + name),
            of_object=False,
        )


def _translate_errors(call: Callable[[], _T], *, of_object: bool = True) -> _T:
    """Return the result of `call`; an exception of boto3 becomes a `StoreError` without its text."""
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
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        code = response.get("Error", {}).get("Code")
        kind, text = _CODES.get(code) or _STATUSES.get(status) or _OTHER_STATUS
        return StoreError(kind, text.format(f"{status} {code}" if code in _CODES else status))
    for name in (base.__name__ for base in type(error).__mro__):
        if text := _EXCEPTIONS.get(name, ""):
            kind = ErrorKind.CONNECTION if name in _CONNECTION_EXCEPTIONS else ErrorKind.STORE
            return StoreError(kind, text)
    return StoreError(
        ErrorKind.TRANSIENT, f"the connection was lost ({type(error).__name__}): run again later"
    )
