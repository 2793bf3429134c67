#!/bin/sh
# Whom HOST connected to with grep, which finds its lines, and awk, which reads them: LOG RESULT HOST START END.
set -eu
export LC_ALL=C
grep -F -w -- "$3" "$1" |
  awk -v host="$3" -v start="$4" -v end="$5" '$2 == host && $1 >= start && $1 <= end { print $1, $3 }' |
  sort -s -n -k1,1 |
  awk '!seen[$2]++ { printf "%s%s", comma, $2; comma = "," } END { print "" }' >"$2"
