#!/usr/bin/env bash
# Reduces one folder of this machine into another with the image that misc/do_build.sh builds.
set -euo pipefail

usage() {
  cat <<USAGE
usage: reduce_it.sh INBOUND OUTBOUND [--env NAME=VALUE ...]
Reads the CSV files below INBOUND and writes Combined.csv and Combined.report.json to OUTBOUND, as the current
user. The exit code is the Reducer's. What follows OUTBOUND is handed to '$tool run', for instance
--env REDUCER_RUNNERS_QTY=2 --env REDUCER_STRICT=true
  IMAGE           another name of the image (default: reducer:latest)
  CONTAINER_TOOL  podman, or another tool that takes docker's commands (default: docker)
USAGE
}

tool=${CONTAINER_TOOL:-docker}
case ${1:-} in -h | --help) usage; exit 0 ;; esac
[ $# -ge 2 ] || { usage >&2; exit 3; }

# Docker would make a missing folder itself, as root; here it is an error, as without a container.
[ -d "$1" ] || { echo "reduce_it.sh: the input directory '$1' does not exist" >&2; exit 1; }
[ -d "$2" ] || { echo "reduce_it.sh: the output directory '$2' does not exist" >&2; exit 2; }
inbound=$(cd "$1" && pwd)
outbound=$(cd "$2" && pwd)
shift 2

options=(--user "$(id -u):$(id -g)" -v "$inbound:/app/inbound:ro" -v "$outbound:/app/outbound")
# podman without root numbers users anew inside the container; the folders' owner must stay who he is.
[ "${tool##*/}" = podman ] && [ "$(id -u)" -ne 0 ] && options+=(--userns keep-id)

exec "$tool" run --rm "${options[@]}" "$@" "${IMAGE:-reducer:latest}"
