#!/bin/sh
# Whom HOST connected to with awk alone: LOG RESULT HOST START END.
set -eu
export LC_ALL=C
awk -v host="$3" -v start="$4" -v end="$5" '$2 == host && $1 >= start && $1 <= end { print $1, $3 }' "$1" |
  sort -s -n -k1,1 |
  awk '!seen[$2]++ { printf "%s%s", comma, $2; comma = "," } END { print "" }' >"$2"
