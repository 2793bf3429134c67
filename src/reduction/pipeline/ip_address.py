"""IP addresses: parsing, canonical text and order.

The accepted texts are those of Python's `ipaddress`, without zone IDs. IPv6 addresses are formatted here,
because `str(IPv6Address)` writes IPv4-mapped addresses differently since Python 3.13, and a result must not
depend on the version of the interpreter.
"""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import NamedTuple

BLANKS = " \t"
LONGEST_TEXT = 45  # characters: eight hextets, the last two as a dotted quad


class Address(NamedTuple):
    """An IP address. It sorts like results: IPv4 before IPv6, each by number."""

    version: int
    number: int


def parse(text: str) -> Address | None:
    r"""Return the address in `text`, or None if it is invalid; spaces and tabs around it are ignored.

    >>> parse(" 10.0.0.1\t")
    Address(version=4, number=167772161)
    >>> parse("10.0.0.01") is None and parse("fe80::1%eth0") is None
    True
    """
    text = text.strip(BLANKS)
    if len(text) > LONGEST_TEXT:
        return None
    try:
        if ":" not in text:
            return Address(4, int(IPv4Address(text)))
        return None if "%" in text else Address(6, int(IPv6Address(text)))
    except AddressValueError:
        return None


def canonical(address: Address) -> str:
    """Return the canonical text of `address`: a dotted quad, or hextets compressed by RFC 5952, section 4.2.

    >>> canonical(Address(6, 1))
    '::1'
    >>> canonical(Address(6, 0xFFFF_0102_0304))
    '::ffff:102:304'
    """
    number = address.number
    if address.version == 4:
        return f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    hextets = [f"{number >> shift & 0xFFFF:x}" for shift in range(112, -1, -16)]
    start, length = _longest_run_of_zeros(hextets)
    if length < 2:
        return ":".join(hextets)
    return ":".join(hextets[:start]) + "::" + ":".join(hextets[start + length :])


def _longest_run_of_zeros(hextets: list[str]) -> tuple[int, int]:
    """Return start and length of the first longest run of '0'."""
    best = (0, 0)
    start = 0
    for position, hextet in enumerate([*hextets, "end"]):
        if hextet != "0":
            if position - start > best[1]:
                best = (start, position - start)
            start = position + 1
    return best
