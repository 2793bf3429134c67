"""URLs of object stores, and their form for logs, without secrets."""

from __future__ import annotations

import re

_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<rest>.*)", re.DOTALL)
_HIDDEN = "***"


def is_url(text: str) -> bool:
    """Return whether `text` is a URL (`scheme://...`) and not the path of a folder.

    >>> is_url("s3://bucket/in"), is_url("/data/in")
    (True, False)
    """
    return _URL.fullmatch(text) is not None


def url_scheme(url: str) -> str:
    """Return the part before `://`."""
    return url.partition("://")[0]


def redact_url(text: str) -> str:
    """Return a URL without user, password, query and fragment, to be logged; a path is returned as it is.

    In doubt, too much is hidden: a password may contain any character.

    >>> redact_url("sftp://user:secret@host/in?token=abc")
    'sftp://***@host/in?***'
    """
    match = _URL.fullmatch(text)
    if match is None:
        return text
    rest = match["rest"]
    authority = rest.partition("/")[0]
    if "@" in authority or ("@" in rest and ":" in authority):
        rest = f"{_HIDDEN}@{rest.rpartition('@')[2]}"
    if mark := re.search("[?#]", rest):
        rest = rest[: mark.start() + 1] + _HIDDEN
    return f"{match['scheme']}://{rest}"
