#!/usr/bin/env bash
# Runs every test in a container: building the image from Dockerfile.test is the test run.
set -euo pipefail

usage() {
  cat <<USAGE
usage: do_test.sh [BUILD OPTION ...]
Builds reducer-test:latest; it fails if a test fails. Options are handed to '$tool build', for instance --no-cache.
  IMAGE           another name for the image
  CONTAINER_TOOL  podman, or another tool that takes docker's commands (default: docker)
USAGE
}

tool=${CONTAINER_TOOL:-docker}
case ${1:-} in -h | --help) usage; exit 0 ;; esac
cd "$(dirname "$0")/.."
exec "$tool" build -f Dockerfile.test -t "${IMAGE:-reducer-test:latest}" "$@" .
