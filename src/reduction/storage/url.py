"""What an address is, and how it is shown: without anything in it that might be a secret."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<rest>.*)", re.DOTALL)
_HIDDEN = "***"


def is_url(text: str) -> bool:
    """Tell whether `text` names a place in object storage (`scheme://...`) and not a folder.

    >>> is_url("s3://bucket/in"), is_url("/data/in")
    (True, False)
    """
    return _ADDRESS.fullmatch(text) is not None


def url_scheme(address: str) -> str:
    """Return what stands before `://`."""
    return address.partition("://")[0]


def redact_url(text: str) -> str:
    """Return an address as it may be logged: no user, no password, no query; a folder as it is.

    Rather too much is hidden than too little: a password may hold any character.

    >>> redact_url("sftp://user:secret@host/in?token=abc")
    'sftp://***@host/in?***'
    """
    match = _ADDRESS.fullmatch(text)
    if match is None:
        return text
    rest = match["rest"]
    authority = rest.partition("/")[0]
    if "@" in authority or ("@" in rest and ":" in authority):
        rest = f"{_HIDDEN}@{rest.rpartition('@')[2]}"
    if mark := re.search("[?#]", rest):
        rest = rest[: mark.start() + 1] + _HIDDEN
    return f"{match['scheme']}://{rest}"
