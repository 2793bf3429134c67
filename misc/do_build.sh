#!/usr/bin/env bash
# Builds the image that runs the Reducer, from Dockerfile.build.
set -euo pipefail

usage() {
  cat <<USAGE
usage: do_build.sh [BUILD OPTION ...]
Builds reducer:latest. Options are handed to '$tool build', for instance --build-arg BASE_IMAGE=python:3.11-slim.
  IMAGE           another name for the image
  CONTAINER_TOOL  podman, or another tool that takes docker's commands (default: docker)
USAGE
}

tool=${CONTAINER_TOOL:-docker}
case ${1:-} in -h | --help) usage; exit 0 ;; esac
cd "$(dirname "$0")/.."
version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' src/reduction/__init__.py)
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
exec "$tool" build -f Dockerfile.build -t "${IMAGE:-reducer:latest}" \
  --build-arg VERSION="$version" --build-arg REVISION="$revision" "$@" .
