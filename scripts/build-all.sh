#!/usr/bin/env bash
# Builds all images, loads them into Docker, and makes the passwords if there are none.  Starts nothing: `docker compose up -d` does.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
. scripts/lib/setup.sh

take_turn
read_settings
check_cache
prepare_tools
compile
choose_flavour
prepare_images
say "ready: ${left_out:+QCLOCK_IDENTITY=$QCLOCK_IDENTITY }docker compose up -d"
