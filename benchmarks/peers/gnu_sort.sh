#!/bin/sh
# Distinct addresses for each environment with cut and GNU sort: TREE RESULT [--gzip] [--quoted].
set -eu
export LC_ALL=C
tree=$1 result=$2
hints=" $* "

# The texts of the named files.
texts() {
  case $hints in *' --gzip '*) zcat "$@" ;; *) cat "$@" ;; esac
}

# The key of each row of the files whose names come in; what stands in quotes may hold commas and is in the way.
keys() {
  case $hints in
    *' --gzip '*) xargs -0 zcat | cut -d, -f"$column" ;;
    *' --quoted '*) xargs -0 cat | sed 's/"[^"]*"//g' | cut -d, -f"$column" ;;
    *) xargs -0 cut -d, -f"$column" ;;
  esac
}

first=$(find "$tree" -name '*.csv' -print -quit)
column=$(texts "$first" | head -n 1 | tr ',' '\n' | grep -n 'Source IP' | cut -d: -f1)

{
  echo 'Source IP,Environment'
  find "$tree" -name '*.csv' -printf '%f\n' | sed 's/\.csv$//' | cut -d' ' -f1,2 | sort -u |
    while read -r environment; do
      find "$tree" \( -name "$environment.csv" -o -name "$environment *.csv" \) -print0 |
        keys | grep -v 'Source IP' | sort -u | sed "s/\$/,$environment/"
    done | sort -t. -k1,1n -k2,2n -k3,3n -k4,4n
} >"$result"
