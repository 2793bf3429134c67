#!/bin/sh
# The limit of reading it all: looks at each byte once. count_lines.sh LOG RESULT.
wc -l <"$1" >"$2"
