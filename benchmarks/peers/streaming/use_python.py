"""Windows of a log with a loop, which also says what is right: LOG RESULT HOST."""

import sys
from collections import Counter
from pathlib import Path

HOUR_MS = 3_600_000

log, result, host = sys.argv[1:]

made: dict[int, Counter[str]] = {}
outgoing: dict[int, set[str]] = {}
incoming: dict[int, set[str]] = {}
with Path(log).open() as lines:
    for line in lines:
        time, source, target = line.split()
        hour = int(time) // HOUR_MS
        if hour not in made:
            made[hour], outgoing[hour], incoming[hour] = Counter(), set(), set()
        made[hour][source] += 1
        if source == host:
            outgoing[hour].add(target)
        if target == host:
            incoming[hour].add(source)
with Path(result).open("w") as out:
    for hour in sorted(made):
        counts = made[hour]
        most = max(counts.values())
        busiest = [source for source, count in counts.items() if count == most]
        hosts = (",".join(sorted(names)) for names in (busiest, outgoing[hour], incoming[hour]))
        print(hour * HOUR_MS, counts.total(), most, *hosts, sep="\t", file=out)
