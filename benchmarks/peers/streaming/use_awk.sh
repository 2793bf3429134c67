#!/bin/sh
# Windows of a log with awk, and sort for the few lines that come out: LOG RESULT HOST.
set -eu
export LC_ALL=C
awk -v host="$3" '
  {
    hour = int($1 / 3600000)
    lines[hour]++
    if ((made = ++count[hour, $2]) > most[hour]) most[hour] = made
    if ($2 == host) outgoing[hour, $3]
    if ($3 == host) incoming[hour, $2]
  }
  END {
    for (hour in lines) print hour, "a", lines[hour], most[hour]
    for (key in count) { split(key, part, SUBSEP); if (count[key] == most[part[1]]) print part[1], "b", part[2] }
    for (key in outgoing) { split(key, part, SUBSEP); print part[1], "c", part[2] }
    for (key in incoming) { split(key, part, SUBSEP); print part[1], "d", part[2] }
  }' "$1" | sort -k1,1n -k2,2 -k3,3 | awk '
  function report() { if (hour) printf "%s000\t%s\t%s\t%s\t%s\n", hour * 3600, numbers, list["b"], list["c"], list["d"] }
  $2 == "a" { report(); hour = $1; numbers = $3 "\t" $4; delete list; next }
  { list[$2] = list[$2] ($2 in list && list[$2] != "" ? "," : "") $3 }
  END { report() }' >"$2"
