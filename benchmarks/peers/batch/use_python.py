"""Whom HOST connected to with a loop: LOG RESULT HOST START END."""

import sys
from pathlib import Path

log, result, host, first, last = sys.argv[1:]
start, end = int(first), int(last)

earliest: dict[str, int] = {}
with Path(log).open() as lines:
    for line in lines:
        time, source, target = line.split()
        if source == host and start <= int(time) <= end:
            earliest[target] = min(int(time), earliest.get(target, end))
Path(result).write_text(",".join(sorted(earliest, key=earliest.__getitem__)) + "\n")
