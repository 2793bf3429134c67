"""File types by first bytes: compressed formats and byte-order marks.

The native kernel has these tables in native/src/io/byte_source.cpp; tests/unit/test_magic.py compares them.
"""

from __future__ import annotations

HEAD_BYTES = 16
"""How many first bytes of a file are enough for every function here."""

GZIP = "gzip"
ZSTANDARD = "zstandard"
XZ = "xz"
BZIP2 = "bzip2"

COMPRESSED: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b\x08", GZIP),
    (b"\x28\xb5\x2f\xfd", ZSTANDARD),
    (b"\xfd7zXZ\x00", XZ),
    # The fourth byte is the level; the next six are the magic number of the first block.
    *((b"BZh%d1AY&SY" % level, BZIP2) for level in range(1, 10)),
)
UTF8_BOM = b"\xef\xbb\xbf"
WIDE_BOMS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)


def compression_of(head: bytes) -> str | None:
    """Return the compressed format of a file that begins with `head`; None if it is not compressed."""
    return next((name for magic, name in COMPRESSED if head.startswith(magic)), None)


def wide_encoding(head: bytes) -> str | None:
    """Return "UTF-16" or "UTF-32" if `head` begins with the byte-order mark of either, otherwise None."""
    return next((encoding for mark, encoding in WIDE_BOMS if head.startswith(mark)), None)


def bom_length(head: bytes) -> int:
    """Return the length of the byte-order mark of UTF-8 at the beginning of `head`: 3 or 0."""
    return len(UTF8_BOM) if head.startswith(UTF8_BOM) else 0
