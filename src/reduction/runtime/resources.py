"""What this process may use of the machine: processors and memory, and where each limit comes from.

Affinity, and the limits of the control groups this process is in, version 1, version 2 or both side by side
(Linux: Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst, scheduler/sched-bwc.rst).
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

_T = TypeVar("_T")
_CGROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


class Resource(NamedTuple):
    """An amount that may be used, and what limits it."""

    amount: int
    why: str


def processors() -> Resource:
    """Return the number of processors to plan for, at least 1; half a processor of quota counts as one."""
    try:
        allowed = len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        allowed = os.cpu_count() or 1
    quota = cgroup_quota()
    if quota is None or math.ceil(quota) >= allowed:
        return Resource(allowed, "affinity")
    return Resource(max(1, math.ceil(quota)), "quota of the control group")


def memory() -> Resource:
    """Return the bytes that all processes here may use: the limit of the control group, or all memory."""
    limit = cgroup_memory()
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    # Version 1 expresses "no limit" as a number larger than any memory.
    if limit is None or limit >= physical:
        return Resource(physical, "physical")
    return Resource(limit, "limit of the control group")


def cgroup_quota(root: Path = _CGROUPS, membership: Path = _MEMBERSHIP) -> float | None:
    """Return the smallest CPU quota, in processors, of the groups this process is in; None if unlimited.

    Version 2 has `cpu.max` ("QUOTA PERIOD" in microseconds, or "max"), version 1 `cpu.cfs_quota_us` and
    `cpu.cfs_period_us`.
    """
    return min(_limits_of_groups(_quota_of, "cpu", root, membership), default=None)


def cgroup_memory(root: Path = _CGROUPS, membership: Path = _MEMBERSHIP) -> int | None:
    """Return the smallest memory limit, in bytes, of the groups this process is in; None if unlimited.

    Version 2 has `memory.max`, at which processes are killed, and `memory.high`, at which they are slowed
    down, each in bytes or "max"; version 1 has `memory.limit_in_bytes`.
    """
    return min(_limits_of_groups(_memory_of, "memory", root, membership), default=None)


def _limits_of_groups(
    read: Callable[[Path], _T | None], controller: str, root: Path, membership: Path
) -> Iterator[_T]:
    """Yield what `read` finds in the folders of this process's groups and of all groups above them."""
    for folder in _group_folders(controller, root, membership):
        if (limit := read(folder)) is not None:
            yield limit


def _group_folders(controller: str, root: Path, membership: Path) -> list[Path]:
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return [root, root / controller]
    folders: list[Path] = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        tops = [root / controllers, root / controller] if controllers else [root, root / "unified"]
        for top in dict.fromkeys(tops):
            group = top / path.strip("/")
            folders += [folder for folder in (group, *group.parents) if folder.is_relative_to(top)]
    return folders


def _quota_of(folder: Path) -> float | None:
    try:
        if (file := folder / "cpu.max").exists():
            quota, period = file.read_text().split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text().strip()
            period = (folder / "cpu.cfs_period_us").read_text().strip()
        return int(quota) / int(period) if quota not in ("max", "-1") else None
    except (OSError, ValueError):
        return None


def _memory_of(folder: Path) -> int | None:
    limits = []
    for name in ("memory.max", "memory.high", "memory.limit_in_bytes"):
        try:
            limits.append(int((folder / name).read_text()))
        except (OSError, ValueError):  # missing, "max", or not understood
            continue
    return min((limit for limit in limits if limit > 0), default=None)
