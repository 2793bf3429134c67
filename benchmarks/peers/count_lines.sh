#!/bin/sh
# The limit: nobody can do the job without looking at each byte once. count_lines.sh TREE RESULT [--gzip].
set -eu
tree=$1 result=$2
case " $* " in
  *' --gzip '*) find "$tree" -name '*.csv' -exec zcat {} + | wc -l >"$result" ;;
  *) find "$tree" -name '*.csv' -exec wc -l {} + | awk '$2 != "total" { lines += $1 } END { print lines }' >"$result" ;;
esac
