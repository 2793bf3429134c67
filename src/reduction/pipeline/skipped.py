"""What is said of a file that is ignored and of a row that is rejected: the same words on every engine."""

from __future__ import annotations

from reduction.errors import FileSkipped
from reduction.pipeline.splits import Split
from reduction.pipeline.stats import SkipReason


def nul_byte(line: int) -> FileSkipped:
    """Return the verdict on a file with a NUL byte in line `line`."""
    return FileSkipped(SkipReason.BROKEN, "a NUL byte; this is not a CSV text file", line)


def open_quote(line: int) -> FileSkipped:
    """Return the verdict on a file that ends inside quotes, in the row that starts on line `line`."""
    return FileSkipped(SkipReason.BROKEN, "a quote is still open at the end of the file", line)


def wide_encoding(encoding: str) -> FileSkipped:
    """Return the verdict on a file that begins with the byte-order mark of UTF-16 or UTF-32."""
    return FileSkipped(SkipReason.BROKEN, f"{encoding}, not UTF-8; export it as UTF-8", 1)


def not_opened(error: OSError) -> FileSkipped:
    """Return the verdict on a file that can't be opened, or is gone."""
    if isinstance(error, FileNotFoundError):
        return removed()
    return FileSkipped(SkipReason.BROKEN, f"can't be opened: {error.strerror}")


def not_read(error: Exception) -> FileSkipped:
    """Return the verdict on a file, or the archive that it is, whose bytes can't be had to the end."""
    return FileSkipped(SkipReason.BROKEN, f"can't be read to its end: {error}")


def changed(split: Split, size: int) -> FileSkipped:
    """Return the verdict on a file that is not what was listed any more and has `size` bytes now."""
    return FileSkipped(
        SkipReason.CHANGED,
        f"listed with {split.size} bytes, now {size}: it was written to; the next run takes it",
    )


def removed() -> FileSkipped:
    """Return the verdict on a file or object that is gone."""
    return FileSkipped(SkipReason.CHANGED, "removed after it was listed")


def replaced() -> FileSkipped:
    """Return the verdict on an object that is there in another version than the listed one."""
    return FileSkipped(
        SkipReason.CHANGED, "another version than the listed one is there now; the next run takes it"
    )


def not_given(why: str) -> FileSkipped:
    """Return the verdict on an object that the store does not give out to its end."""
    return FileSkipped(SkipReason.BROKEN, f"can't be read to its end: {why}")


def too_many_fields(fields: int, columns: int) -> str:
    """Return what is shown of a row with more fields than the header has columns."""
    return f"{fields} fields, the header has {columns}"


def no_key(fields: int, key: int) -> str:
    """Return what is shown of a row that does not reach the key, field number `key` counted from 0."""
    return f"{fields} fields, the key is field {key + 1}"
