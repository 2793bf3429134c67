"""Input and output that is no folder of this machine: objects behind an address such as `s3://bucket/prefix`.

Nothing here is imported by a run on folders but `addresses`, and no client library before a client is made.
"""

MOST_AHEAD_BYTES = 64 << 20
"""Of objects that a runner has fetched and not yet read, if its memory allows so much."""

NO_VERSION = "unknown"
"""The version of an object whose store tells nothing that changes with it."""
