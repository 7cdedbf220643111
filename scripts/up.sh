#!/usr/bin/env bash
# Builds the images from signed packages, starts the stack and waits until everything is healthy.  Asks nothing; can be run again at any time.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
. scripts/lib/setup.sh

prepare_tools
prepare_images

say "starting"
compose=("${engine_user[@]}" docker compose)
if ! "${compose[@]}" up --detach --remove-orphans --wait --wait-timeout 120; then
  "${compose[@]}" ps --all >&2
  "${compose[@]}" logs --no-color --tail 20 >&2
  fail "not every service became healthy: see above"
fi
say "everything is healthy; the dashboard:"
printf 'http://localhost:%s/\n' "${QCLOCK_HTTP_PORT:-8080}"
