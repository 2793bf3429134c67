"""How many processors this process may use: affinity, and the CPU quota of its control group."""

from __future__ import annotations

import math
import os
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")


def usable() -> int:
    """Return the number of processors to plan for, at least 1; half a processor of quota counts as one."""
    try:
        allowed = len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        allowed = os.cpu_count() or 1
    quota = cgroup_quota()
    return allowed if quota is None else max(1, min(allowed, math.ceil(quota)))


def cgroup_quota(root: Path = _CGROUPS, membership: Path = Path("/proc/self/cgroup")) -> float | None:
    """Return the smallest CPU quota, in processors, of the groups this process is in; None if unlimited.

    Version 2 has `cpu.max` ("QUOTA PERIOD" in microseconds, or "max"), version 1 `cpu.cfs_quota_us` and
    `cpu.cfs_period_us` (Linux: Documentation/admin-guide/cgroup-v2.rst, scheduler/sched-bwc.rst).
    """
    quotas = [
        quota for folder in _group_folders(root, membership) if (quota := _quota_of(folder)) is not None
    ]
    return min(quotas, default=None)


def _group_folders(root: Path, membership: Path) -> list[Path]:
    """Return the folders of this process's groups and of all groups above them."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return [root]
    folders: list[Path] = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        tops = [root, root / "unified"] if not controllers else [root / controllers, root / "cpu"]
        for top in tops:
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
