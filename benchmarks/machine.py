"""Says on what machine, and with which versions, something was measured."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from datetime import datetime
from pathlib import Path

from benchmarks.workloads import REPOSITORY

BUSY_FROM = 0.5  # processes running on average, besides the benchmark


def processor() -> str:
    """Return the name of the processor."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def folder_name() -> str:
    """Return the processor's name as the name of a folder, with how many of them may be used."""
    name = re.sub(r"\(R\)|\(TM\)|CPU|Processor", "", processor())
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") + f"-{len(os.sched_getaffinity(0))}-cores"


def load() -> float:
    """Return how many processes were running in the last minute, on average."""
    return os.getloadavg()[0]


def _first_line(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return "none"
    shown = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    return (shown.stdout.splitlines() or ["unknown"])[0]


def description(load_at_start: float) -> dict[str, str]:
    """Return what a reader of a record has to know of the machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "commit": _first_line("git", "describe", "--always", "--abbrev=12", "--dirty=, with changes"),
        "processor": processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{memory:.0f} GiB",
        "kernel": platform.release(),
        "libc": " ".join(platform.libc_ver()),
        "compiler": _first_line("g++", "--version"),
        "load at start": f"{load_at_start:.2f}"
        + (" (BUSY: not to be trusted)" if load_at_start > BUSY_FROM else ""),
    }
