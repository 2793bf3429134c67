"""IPv4 addresses as arrays (numpy): from text in a block of bytes, and back to lines of a result."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from reduction.engines.columnar.address_set import Ipv4Array
from reduction.engines.columnar.tokenizer import Bytes, Positions
from reduction.pipeline.rows import row_suffix

Mask = npt.NDArray[np.bool_]

SHORTEST, LONGEST = 7, 15  # characters of a dotted quad
WINDOW = 64  # bytes: a longer key is looked at on its own
_ZERO, _DOT = map(np.uint8, b"0.")
_1, _4, _8, _10 = np.uint8(1), np.uint8(4), np.uint32(8), np.uint16(10)
_NEVER = 0xFFFF
_LEAST_OF_DIGITS = np.array(
    [_NEVER, 0, 10, 100, _NEVER], np.uint16
)  # of a number written with so many digits
_IN_CACHE = 1 << 15  # rows


def windows(data: Bytes, starts: Positions, width: int) -> Bytes:
    """Return the `width` bytes from each start on, as an array of shape (starts, width)."""
    view = np.lib.stride_tricks.as_strided(data, shape=(len(data) - width + 1, width), strides=(1, 1))
    taken: Bytes = view[starts]
    return taken


def parse_dotted_quads(data: Bytes, starts: Positions, ends: Positions) -> tuple[Ipv4Array, Mask]:
    """Return the numbers of the dotted quads at `starts` to `ends` (exclusive), and which ones are such.

    The rule is `ipaddress.IPv4Address`'s: four decimal octets up to 255 without leading zeros. `data` must be
    readable for 16 bytes from each start on.
    """
    numbers = np.empty(len(starts), np.uint32)
    good = np.empty(len(starts), np.bool_)
    for first in range(0, len(starts), _IN_CACHE):
        part = slice(first, first + _IN_CACHE)
        numbers[part], good[part] = _parse_part(data, starts[part], ends[part] - starts[part])
    return numbers, good


def _parse_part(data: Bytes, starts: Positions, lengths: Positions) -> tuple[Ipv4Array, Mask]:
    """Parse so few that their columns stay in the processor's cache.

    All rows go through one state machine in step, a column of characters at a time. An octet is judged at the
    dot after it, and the end of the text counts as a last dot; what is left in `octet` and `digits` by other
    characters does not matter, because they make the row bad.
    """
    good = (lengths >= SHORTEST) & (lengths <= LONGEST)
    length = np.where(good, lengths, 0).astype(np.uint8)
    columns = np.ascontiguousarray(windows(data, starts, LONGEST + 1).T)
    number = np.zeros(len(starts), np.uint32)
    octet = np.zeros(len(starts), np.uint16)
    digits = np.zeros(len(starts), np.uint8)
    dots = np.zeros(len(starts), np.uint8)
    for position in range(int(length.max(initial=0)) + 1):
        is_outside = length <= position
        is_dot = np.where(is_outside, length == position, columns[position] == _DOT)
        digit = columns[position] - _ZERO  # wraps round: what is no digit becomes large
        good &= is_dot | is_outside | (digit < 10)
        has_no_leading_zero = octet >= _LEAST_OF_DIGITS[digits]
        good &= ~is_dot | ((octet <= 255) & has_no_leading_zero)
        number = np.where(is_dot, (number << _8) | octet, number)
        dots += is_dot
        goes_on = ~is_dot
        octet = (octet * _10 + digit) * goes_on
        digits = np.minimum(digits + _1, _4) * goes_on
    return number, good & (dots == 4)


class LineWriter:
    """Makes lines `address,environment` of arrays."""

    def __init__(self, environments: Sequence[str]) -> None:
        """Take the environments whose indices the rows will name."""
        endings = [row_suffix(environment).encode() + b"\n" for environment in environments]
        self._endings = _padded(endings)
        self._octets = _padded([b"%d." % octet for octet in range(256)])
        self._last_octets = _padded([b"%d," % octet for octet in range(256)])

    def lines(self, numbers: Ipv4Array, environments: npt.NDArray[np.integer]) -> bytes:
        """Return one line a row; zero bytes fill the gaps between the parts and are then discarded."""
        width = self._endings.shape[1]
        text = np.empty((len(numbers), 16 + width), np.uint8)
        for part, shift in enumerate((24, 16, 8)):
            text[:, 4 * part : 4 * part + 4] = self._octets[(numbers >> np.uint32(shift)) & np.uint32(255)]
        text[:, 12:16] = self._last_octets[numbers & np.uint32(255)]
        text[:, 16:] = self._endings[environments]
        filled: Bytes = text[text != 0]
        return filled.tobytes()


def _padded(texts: Sequence[bytes]) -> Bytes:
    """Return the texts as rows of one array, filled up with zeros."""
    width = max(map(len, texts), default=0)
    return np.frombuffer(b"".join(text.ljust(width, b"\0") for text in texts), np.uint8).reshape(
        len(texts), width
    )
