"""What is said of a file that is ignored and of a row that is rejected: the same words on every engine."""

from __future__ import annotations

from reduction.errors import FileIgnored
from reduction.pipeline.splits import Unit
from reduction.pipeline.stats import Ignored


def nul_byte(line: int) -> FileIgnored:
    """Return the verdict on a file with a NUL byte in line `line`."""
    return FileIgnored(Ignored.BROKEN, "a NUL byte; this is not a CSV text file", line)


def open_quote(line: int) -> FileIgnored:
    """Return the verdict on a file that ends inside quotes, in the row that starts on line `line`."""
    return FileIgnored(Ignored.BROKEN, "a quote is still open at the end of the file", line)


def wide_encoding(encoding: str) -> FileIgnored:
    """Return the verdict on a file that begins with the byte-order mark of UTF-16 or UTF-32."""
    return FileIgnored(Ignored.BROKEN, f"{encoding}, not UTF-8; export it as UTF-8", 1)


def not_opened(error: OSError) -> FileIgnored:
    """Return the verdict on a file that can't be opened, or is gone."""
    if isinstance(error, FileNotFoundError):
        return removed()
    return FileIgnored(Ignored.BROKEN, f"can't be opened: {error.strerror}")


def not_read(error: Exception) -> FileIgnored:
    """Return the verdict on a file, or the archive that it is, whose bytes can't be had to the end."""
    return FileIgnored(Ignored.BROKEN, f"can't be read to its end: {error}")


def changed(unit: Unit, size: int) -> FileIgnored:
    """Return the verdict on a file that is not what was listed any more and has `size` bytes now."""
    return FileIgnored(
        Ignored.CHANGED,
        f"listed with {unit.size} bytes, now {size}: it was written to; the next run takes it",
    )


def removed() -> FileIgnored:
    """Return the verdict on a file or object that is gone."""
    return FileIgnored(Ignored.CHANGED, "removed after it was listed")


def replaced() -> FileIgnored:
    """Return the verdict on an object that is there in another version than the listed one."""
    return FileIgnored(
        Ignored.CHANGED, "another version than the listed one is there now; the next run takes it"
    )


def not_given(why: str) -> FileIgnored:
    """Return the verdict on an object that the store does not give out to its end."""
    return FileIgnored(Ignored.BROKEN, f"can't be read to its end: {why}")


def too_many_fields(fields: int, columns: int) -> str:
    """Return what is shown of a row with more fields than the header has columns."""
    return f"{fields} fields, the header has {columns}"


def no_key(fields: int, key: int) -> str:
    """Return what is shown of a row that does not reach the key, field number `key` counted from 0."""
    return f"{fields} fields, the key is field {key + 1}"
