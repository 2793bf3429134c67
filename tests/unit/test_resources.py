"""What a process may use of the machine, read from trees of control groups made for the test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reduction.runtime import resources
from reduction.runtime.memory_budget import CONTROLLER_BYTES, runner_budget
from reduction.runtime.resources import (
    cgroup_memory,
    cgroup_quota,
    memory,
    processors,
)


class Groups:
    """A made-up /sys/fs/cgroup and /proc/self/cgroup."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "cgroup"
        self.membership = folder / "self"
        self.root.mkdir()

    def member_of(self, *lines: str) -> None:
        self.membership.write_text("".join(f"{line}\n" for line in lines))

    def two(self, group: str, cpu_max: str) -> None:
        """A group of version 2."""
        self._file(group, "cpu.max", cpu_max)

    def one(self, group: str, quota: int, period: int = 100_000) -> None:
        """A group of version 1."""
        self._file(group, "cpu.cfs_quota_us", str(quota))
        self._file(group, "cpu.cfs_period_us", str(period))

    def _file(self, group: str, name: str, content: str) -> None:
        folder = self.root / group
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content + "\n")

    def holds(self, group: str, **files: str) -> None:
        """A group with these files."""
        for name, content in files.items():
            self._file(group, name, content)

    def quota(self) -> float | None:
        return cgroup_quota(self.root, self.membership)

    def memory(self) -> int | None:
        return cgroup_memory(self.root, self.membership)


@pytest.fixture
def groups(tmp_path: Path) -> Groups:
    return Groups(tmp_path)


def test_without_control_groups_there_is_no_quota(groups):
    assert groups.quota() is None
    groups.member_of("0::/")
    assert groups.quota() is None


@pytest.mark.parametrize(
    ("cpu_max", "quota"),
    [
        ("max 100000", None),
        ("200000 100000", 2.0),
        ("150000 100000", 1.5),
        ("50000 100000", 0.5),
        ("1000 500", 2.0),
    ],
)
def test_version_2_has_quota_and_period_in_one_file(groups, cpu_max, quota):
    groups.member_of("0::/user.slice/app")
    groups.two("user.slice/app", cpu_max)
    assert groups.quota() == quota


def test_in_a_container_the_own_group_is_the_root(groups):
    groups.member_of("0::/")
    groups.two("", "300000 100000")
    assert groups.quota() == 3.0


def test_the_smallest_quota_of_all_groups_above_counts(groups):
    groups.member_of("0::/a/b/c")
    groups.two("a", "400000 100000")
    groups.two("a/b", "150000 100000")
    groups.two("a/b/c", "max 100000")
    groups.two("other", "10000 100000")
    assert groups.quota() == 1.5


@pytest.mark.parametrize(("quota", "processors_"), [(-1, None), (250_000, 2.5)])
@pytest.mark.parametrize("mount", ["cpu,cpuacct", "cpu"])
def test_version_1_has_them_in_two_files(groups, quota, processors_, mount):
    groups.member_of(
        "5:memory:/docker/1", "4:cpu,cpuacct:/docker/1", "1:name=systemd:/docker/1", "0::/system"
    )
    groups.one(f"{mount}/docker/1", quota)
    assert groups.quota() == processors_


def test_version_1_groups_above_count_as_well(groups):
    groups.member_of("4:cpu,cpuacct:/a/b")
    groups.one("cpu,cpuacct", -1)
    groups.one("cpu,cpuacct/a", 100_000)
    groups.one("cpu,cpuacct/a/b", 300_000)
    assert groups.quota() == 1.0


def test_the_processors_of_a_set_are_no_quota(groups):
    groups.member_of("3:cpuset:/docker/1")
    groups.one("cpuset/docker/1", 100_000)
    assert groups.quota() is None


def test_both_versions_side_by_side_count_both(groups):
    groups.member_of("4:cpu,cpuacct:/x", "0::/y")
    groups.one("cpu,cpuacct/x", 400_000)
    groups.two("unified/y", "300000 100000")
    assert groups.quota() == 3.0


@pytest.mark.parametrize("content", ["", "max", "rubbish", "x y", "1 2 3"])
def test_a_file_that_is_not_understood_is_no_quota(groups, content):
    groups.member_of("0::/")
    groups.two("", content)
    assert groups.quota() is None


def test_without_a_list_of_groups_the_root_is_looked_at(groups):
    groups.two("", "200000 100000")
    assert groups.quota() == 2.0


@pytest.mark.parametrize(
    ("allowed", "quota", "planned", "why"),
    [
        (8, None, 8, "affinity"),
        (8, 2.0, 2, "quota of the control group"),
        (8, 1.5, 2, "quota of the control group"),
        (8, 0.5, 1, "quota of the control group"),
        (8, 0.001, 1, "quota of the control group"),
        (2, 16.0, 2, "affinity"),
        (1, None, 1, "affinity"),
    ],
)
def test_the_smaller_of_affinity_and_quota_is_planned_for(monkeypatch, allowed, quota, planned, why):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(allowed)))
    monkeypatch.setattr(resources, "cgroup_quota", lambda: quota)
    assert processors() == (planned, why)


def test_where_there_is_no_affinity_all_processors_count(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    monkeypatch.setattr(resources, "cgroup_quota", lambda: None)
    assert processors().amount == 5
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert processors().amount == 1


# Memory --------------------------------------------------------------------------------------------------

NO_LIMIT = 9223372036854771712  # what version 1 says where there is none


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({}, None),
        ({"memory.max": "max"}, None),
        ({"memory.max": "268435456"}, 256 << 20),
        ({"memory.max": "268435456", "memory.high": "max"}, 256 << 20),
        ({"memory.max": "268435456", "memory.high": "134217728"}, 128 << 20),
        ({"memory.max": "max", "memory.high": "134217728"}, 128 << 20),
        ({"memory.max": "0"}, None),
        ({"memory.max": "rubbish"}, None),
        ({"memory.max": ""}, None),
    ],
)
def test_version_2_kills_above_one_limit_and_slows_down_above_another(groups, files, limit):
    groups.member_of("0::/user.slice/app")
    groups.holds("user.slice/app", **files)
    assert groups.memory() == limit


def test_version_1_has_one_limit(groups):
    groups.member_of("5:memory:/docker/1", "4:cpu,cpuacct:/docker/1", "0::/system")
    groups.holds("memory/docker/1", **{"memory.limit_in_bytes": "268435456"})
    groups.holds("cpu/docker/1", **{"memory.limit_in_bytes": "1"})
    assert groups.memory() == 256 << 20


def test_the_smallest_memory_limit_of_all_groups_above_counts(groups):
    groups.member_of("0::/a/b/c")
    groups.holds("a", **{"memory.max": "300000000"})
    groups.holds("a/b", **{"memory.max": "max", "memory.high": "200000000"})
    groups.holds("a/b/c", **{"memory.max": "400000000"})
    groups.holds("other", **{"memory.max": "1000000"})
    assert groups.memory() == 200_000_000


def test_in_a_container_the_own_group_of_version_1_is_the_root_whatever_path_is_given(groups):
    groups.member_of("4:memory:/libpod_parent/libpod-0123", "0::/")
    groups.holds("memory", **{"memory.limit_in_bytes": "268435456"})
    assert groups.memory() == 256 << 20


def test_a_hybrid_layout_has_limits_on_both_sides(groups):
    groups.member_of("4:memory:/x", "1:cpu:/x", "0::/y")
    groups.holds("memory/x", **{"memory.limit_in_bytes": "300000000"})
    groups.holds("unified/y", **{"memory.max": "200000000"})
    assert groups.memory() == 200_000_000
    groups.holds("unified/y", **{"memory.max": "max"})
    assert groups.memory() == 300_000_000


def test_without_a_list_of_groups_the_root_has_the_limit(groups):
    groups.holds("", **{"memory.max": "200000000"})
    assert groups.memory() == 200_000_000


@pytest.mark.parametrize(
    ("limit", "planned"),
    [
        (None, (4 << 30, "physical")),
        (NO_LIMIT, (4 << 30, "physical")),
        (5 << 30, (4 << 30, "physical")),
        (256 << 20, (256 << 20, "limit of the control group")),
    ],
)
def test_the_smaller_of_limit_and_physical_memory_is_planned_for(monkeypatch, limit, planned):
    monkeypatch.setattr(os, "sysconf", {"SC_PHYS_PAGES": 1 << 20, "SC_PAGE_SIZE": 4096}.__getitem__)
    monkeypatch.setattr(resources, "cgroup_memory", lambda: limit)
    assert memory() == planned


@given(memory=st.integers(1 << 20, 1 << 40), runners=st.integers(1, 500))
def test_all_runners_together_leave_room_for_the_controller(memory, runners):
    each = runner_budget(memory, runners)
    assert each >= 0
    assert each == 0 or runners * each + CONTROLLER_BYTES < memory
