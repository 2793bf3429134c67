"""IPv4 addresses as arrays (numpy): from text in a block of bytes, and back to lines of a result."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from reduction.engines.byte_scan import Bytes, Positions
from reduction.engines.distinct_buffer import Numbers
from reduction.rows import csv_field

Mask = npt.NDArray[np.bool_]

SHORTEST, LONGEST = 7, 15  # characters of a dotted quad
WINDOW = 64  # bytes: a longer key is looked at on its own
_ZERO, _DOT = b"0."


def windows(data: Bytes, starts: Positions, width: int) -> Bytes:
    """Return the `width` bytes from each start on, as an array of shape (starts, width)."""
    view = np.lib.stride_tricks.as_strided(data, shape=(len(data) - width + 1, width), strides=(1, 1))
    taken: Bytes = view[starts]
    return taken


def parse_dotted_quads(data: Bytes, starts: Positions, ends: Positions) -> tuple[Numbers, Mask]:
    """Return the numbers of the dotted quads at `starts` to `ends` (exclusive), and which ones are such.

    The rule is `ipaddress.IPv4Address`'s: four decimal octets up to 255 without leading zeros. `data` must be
    readable for 16 bytes from each start on. All rows go through one state machine in step, a column of
    characters at a time; the end of the text counts as a last dot.
    """
    lengths = ends - starts
    fits = (lengths >= SHORTEST) & (lengths <= LONGEST)
    length = np.where(fits, lengths, 0).astype(np.uint8)
    columns = np.ascontiguousarray(windows(data, starts, LONGEST + 1).T)
    number = np.zeros(len(starts), np.uint32)
    octet = np.zeros(len(starts), np.uint16)
    digits = np.zeros(len(starts), np.uint8)
    dots = np.zeros(len(starts), np.uint8)
    good = fits.copy()
    for position in range(int(length.max(initial=0)) + 1):
        digit = columns[position] - np.uint8(_ZERO)  # wraps round: what is no digit becomes large
        is_inside = length > position
        is_digit = (digit < 10) & is_inside
        is_dot = ((columns[position] == _DOT) & is_inside) | (length == position)
        good &= is_digit | is_dot | (length < position)
        good &= ~(is_digit & (digits == 1) & (octet == 0))  # a leading zero
        good &= ~(is_dot & (digits == 0))
        octet = np.where(is_digit, octet * np.uint16(10) + digit, octet)
        digits += is_digit
        good &= (digits <= 3) & (octet <= 255)
        number = np.where(is_dot, (number << np.uint32(8)) | octet, number)
        dots += is_dot
        octet[is_dot] = 0
        digits[is_dot] = 0
    return number, good & (dots == 4)


class LineWriter:
    """Makes lines `address,environment` of arrays."""

    def __init__(self, environments: Sequence[str]) -> None:
        """Take the environments whose indices the rows will name."""
        endings = [csv_field(environment).encode() + b"\n" for environment in environments]
        self._endings = _padded(endings)
        self._octets = _padded([b"%d." % octet for octet in range(256)])
        self._last_octets = _padded([b"%d," % octet for octet in range(256)])

    def lines(self, numbers: Numbers, environments: npt.NDArray[np.integer]) -> bytes:
        """Return one line a row; zero bytes fill the gaps between the parts and are then dropped."""
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
