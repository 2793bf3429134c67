"""Constants for modules that must not load a store."""

MAX_PREFETCH_BYTES = 64 << 20
"""Bytes of objects that a runner may fetch ahead of the reader, if its memory allows it."""

UNVERSIONED = "unknown"
"""The version of an object whose store reports nothing that changes with the object."""
