#!/usr/bin/env bash
# Tries the image that misc/do_build.sh builds, on the samples in task/: bytes of the result, report, exit codes,
# users that nobody knows, termination; and in 256 MB of memory, on 1 GB of rows that are nearly all distinct. Needs docker
# (or CONTAINER_TOOL), python3 and 5 GB in the folder for temporary files; leaves nothing behind.
set -euo pipefail

tool=${CONTAINER_TOOL:-docker}
image=${IMAGE:-reducer:latest}
stranger=4321:4321 # a user that neither the image nor this machine knows
container=reducer-try-$$
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap '"$tool" rm -f "$container" >/dev/null 2>&1 || true; rm -rf "$work"' EXIT

fail() {
  printf 'FAILED: %s\n' "$1" >&2
  sed 's/^/  | /' "$work/log" >&2
  exit 1
}

# expect CODE WHAT COMMAND ...: the command ends with CODE; what it prints is in $work/log.
expect() {
  local wanted=$1 what=$2 code=0
  shift 2
  "$@" >"$work/log" 2>&1 </dev/null || code=$?
  [ "$code" -eq "$wanted" ] || fail "$what: exit code $code instead of $wanted"
  printf 'ok: %s (exit code %s)\n' "$what" "$code"
}

# reduce OUTBOUND [OPTION ...]: the samples, read-only, into OUTBOUND, by the stranger.
reduce() {
  local outbound=$1
  shift
  "$tool" run --rm --user "$stranger" -v "$work/in:/app/inbound:ro" -v "$outbound:/app/outbound" "$@" "$image"
}

# Combined.csv has the expected bytes, and the report beside it agrees with it.
check_result() {
  cmp "$1/Combined.csv" task/reducer/exercise.expected.csv || fail "other bytes than expected in $1"
  python3 - "$1" >>"$work/log" 2>&1 <<'PY' || fail "the report in $1 does not agree with the result"
import json, pathlib, sys
folder = pathlib.Path(sys.argv[1])
rows = json.loads((folder / "Combined.report.json").read_text())["rows"]
lines = (folder / "Combined.csv").read_text().count("\n")
assert rows["read"] == rows["valid"] + sum(rows["rejected"].values()) > 0, rows
assert rows["distinct"] == lines - 1, (rows, lines)
PY
  leftovers=$(cd "$1" && find . -mindepth 1 ! -name Combined.csv ! -name Combined.report.json)
  [ -z "$leftovers" ] || fail "left behind in $1: $leftovers"
  printf '    result, report and nothing else\n'
}

# Readable for the stranger, whatever the umask of the checkout was; writable for him: $work/out.
cp -R task/reducer/exercise "$work/in"
mkdir "$work/out" "$work/mine" "$work/slow" "$work/slow-out"
chmod -R a+rX "$work"
chmod a+rwx "$work/out" "$work/slow-out"

expect 0 "--explain, read-only, by an unknown user" \
  "$tool" run --rm --read-only --user "$stranger" "$image" --explain
grep -q REDUCER_BATCH_SIZE "$work/log" || fail "--explain does not list the variables"

expect 0 "reduce the samples by an unknown user" reduce "$work/out"
check_result "$work/out"
expect 0 "once more, read-only, with the reference engine and three runners" reduce "$work/out" --read-only \
  --env REDUCER_ENGINE=reference --env REDUCER_RUNNERS_QTY=3
check_result "$work/out"

expect 0 "misc/reduce_it.sh as the current user" env CONTAINER_TOOL="$tool" IMAGE="$image" \
  misc/reduce_it.sh "$work/in" "$work/mine" --env REDUCER_RUNNERS_QTY=2
check_result "$work/mine"
[ -O "$work/mine/Combined.csv" ] || fail "misc/reduce_it.sh: the result belongs to somebody else"

expect 3 "an invalid configuration" reduce "$work/out" --env REDUCER_BATCH_SIZE=never
grep -q REDUCER_BATCH_SIZE "$work/log" || fail "the message does not name the variable"
expect 1 "an input directory that does not exist" reduce "$work/out" --env REDUCER_INPUT_DIR=/nowhere
expect 2 "an output directory that cannot be written" reduce "$work/in" # the stranger may not write there

# Termination: rows enough to be busy for many seconds with the slowest engine, ended in the middle.
python3 - "$work/slow/Asia Prod 1.csv" <<'PY'
import sys
with open(sys.argv[1], "w") as file:
    file.write("Source IP,Count\n")
    file.writelines(f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255},1\n" for n in range(8_000_000))
PY
chmod a+r "$work/slow/"*
"$tool" run -d --name "$container" --user "$stranger" --env REDUCER_ENGINE=reference \
  -v "$work/slow:/app/inbound:ro" -v "$work/slow-out:/app/outbound" "$image" >"$work/log" 2>&1 </dev/null ||
  fail "the container did not start"
for _ in $(seq 100); do # it has begun when it says something
  [ -z "$("$tool" logs "$container" 2>&1)" ] || break
  sleep 0.1
done
sleep 1
"$tool" kill --signal TERM "$container" >/dev/null
code=$("$tool" wait "$container")
"$tool" logs "$container" >"$work/log" 2>&1
[ "$code" = 143 ] || fail "terminated: exit code $code instead of 143"
[ -z "$(ls -A "$work/slow-out")" ] || fail "terminated: left behind: $(ls -A "$work/slow-out")"
printf 'ok: terminated in the middle of the work, nothing left behind (exit code 143)\n'

# A limit on memory.
# make_distinct TIMES FILE ...: so many times 65,536 addresses into all files together, every other one IPv6, all
# distinct, in no order.
make_distinct() {
  python3 - "$@" <<'PY'
import random, sys
times, paths = int(sys.argv[1]), sys.argv[2:]
shuffled = random.Random(1)
lines = [f"@.{n >> 8}.{n & 255},{n % 997},1.5\n" if n % 2 else f"2001:db8:#::{n:x},{n % 997},2.5\n" for n in range(1 << 16)]
shuffled.shuffle(lines)
block = "".join(lines).encode()
upper = shuffled.sample(range(1 << 16), times)
for number, path in enumerate(paths):
    with open(path, "wb") as file:
        file.write(b"Source IP,Count,Events per Second\n")
        for of in upper[number :: len(paths)]:
            file.write(block.replace(b"@", b"%d.%d" % (of >> 8, of & 255)).replace(b"#", b"%x" % of))
PY
}

# check_memory OPTION ...: reduces $work/large with the limit and looks at the result; what the log says is in $work/log.
times=640 # 65,536 rows each: a bit more than 1 GB
check_memory() {
  local started=$SECONDS
  "$tool" run --rm --user "$stranger" -v "$work/large:/app/inbound:ro" -v "$work/large-out:/app/outbound" \
    --memory 256m --memory-swap 256m "$@" "$image" >"$work/log" 2>&1 </dev/null ||
    fail "1 GB in 256 MB of memory: exit code $?"
  grep -q ' 256 MiB of memory (limit of the control group) for ' "$work/log" || fail "the log does not name the limit"
  python3 - "$work/large-out" "$((times << 16))" >>"$work/log" 2>&1 <<'PY' || fail "1 GB in 256 MB of memory: wrong result"
import json, pathlib, sys
folder, rows = pathlib.Path(sys.argv[1]), int(sys.argv[2])
report = json.loads((folder / "Combined.report.json").read_text())
assert report["bytes"] >= 10**9, report["bytes"]
assert report["rows"]["read"] == report["rows"]["valid"] == report["rows"]["distinct"] == rows, report["rows"]
with open(folder / "Combined.csv", "rb") as file:
    lines = sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))
assert lines == rows + 1, lines
PY
  printf '    %s s; %s\n' "$((SECONDS - started))" "$(sed -n 's/.*INFO: \(.* MiB each\)$/\1/p' "$work/log")"
  rm -f "$work/large-out"/*
}

mkdir "$work/large" "$work/large-out"
chmod a+rwx "$work/large-out"
# The limit is a real one: in the same container a process that takes more dies.
expect 137 "300 MB taken where 256 MB are allowed" "$tool" run --rm --memory 256m --memory-swap 256m \
  --entrypoint python "$image" -c 'print(len(b"x" * 300_000_000))'
make_distinct "$times" "$work/large/"{Asia,EU,NA}\ {Prod,Test}\ {1..4}.csv
chmod a+r "$work/large/"*
check_memory
printf 'ok: 1 GB of distinct rows in 24 files, in 256 MB of memory\n'
rm "$work/large/"*
make_distinct "$times" "$work/large/Asia Prod.csv"
chmod a+r "$work/large/"*
check_memory --cpus 1
grep -q ' for 1 runner here, ' "$work/log" || fail "with one processor there is not one runner"
printf 'ok: 1 GB of distinct rows in one file, in 256 MB of memory, with one processor and so one runner\n'
rm "$work/large/"*
printf 'the image %s is good\n' "$image"
