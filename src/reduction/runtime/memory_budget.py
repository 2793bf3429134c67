"""How the memory that a run may use is divided: the one place for this policy.

The controller, the page cache and the list of splits get a fixed part; the runners share the rest in equal
parts. Within a runner, the native engine keeps what its process and its store client need and spends the rest
on rows. Where the figures come from: docs/performance-notes.md, "Memory".
"""

from __future__ import annotations

MIN_MEMORY = 80 << 20
"""The smallest REDUCER_MEMORY: one runner of the native engine and the controller."""

CONTROLLER_BYTES = 32 << 20  # while runners work
_SPLIT_BYTES = 1536  # of one split in the lists of the controller and its runner
_PAGE_CACHE_DIVISOR = 8  # a control group also pays for cached file pages: leave one byte of eight to them

PROCESS_BYTES = 24 << 20  # of a native runner without rows: Python, buffers, merging
STORE_CLIENT_BYTES = 40 << 20  # of a runner that reads objects: its client library
MIN_ROW_BYTES = 4 << 20  # less would spill a run for every few files


def runner_budget(memory: int, runners: int, splits: int = 0) -> int:
    """Return the bytes each of `runners` may use if all processes together may use `memory` bytes.

    `splits` is the length of the list of splits, which all processes hold. Returns 0 if nothing is left.
    """
    rest = memory - memory // _PAGE_CACHE_DIVISOR - CONTROLLER_BYTES - splits * _SPLIT_BYTES
    return max(0, rest) // runners


def runners_that_fit(memory: int, min_runner_bytes: int, processors: int) -> int:
    """Return the default number of runners: one per processor, fewer if `memory` bytes allow no more."""
    return max(1, min(processors, runner_budget(memory, 1) // min_runner_bytes))


def row_budget(runner_bytes: int | None, prefetch_bytes: int | None = None) -> int | None:
    """Return the bytes that a native runner may spend on rows; None if there is no limit.

    `prefetch_bytes` is what it may fetch ahead, None if it reads files and needs no store client.
    """
    if runner_bytes is None:
        return None
    # Twice: a chunk that is read is held until the next one is there.
    client = 0 if prefetch_bytes is None else STORE_CLIENT_BYTES + 2 * prefetch_bytes
    return max(MIN_ROW_BYTES, runner_bytes - PROCESS_BYTES - client)


def prefetch_budget(runner_bytes: int | None, most: int) -> int:
    """Return the bytes that a runner may fetch ahead, at most `most`: a quarter of its memory."""
    return most if runner_bytes is None else min(most, runner_bytes // 4)


def task_budget(memory: int, tasks: int) -> int:
    """Return the bytes each of `tasks` on a machine with `memory` bytes may use next to a JVM."""
    return runner_budget(memory // 2, tasks)
