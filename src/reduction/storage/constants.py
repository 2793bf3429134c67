"""What others must know of stores without loading a store."""

MAX_PREFETCH_BYTES = 64 << 20
"""Bytes of objects that a runner has fetched and not yet read, if its memory allows so much."""

UNVERSIONED = "unknown"
"""The version of an object whose store reports nothing that changes with it."""
