#!/usr/bin/env bash
# Builds the images from signed packages, starts the stack and waits until everything is healthy.  Asks nothing; can be run again at any time.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
. scripts/lib/setup.sh

take_turn
read_settings
check_cache
prepare_tools
check_ports
compile
choose_flavour
prepare_images

say "starting"
compose=("${engine_user[@]}" docker compose)
if ! "${compose[@]}" up --detach --remove-orphans --wait --wait-timeout 240; then
  "${compose[@]}" ps --all >&2
  "${compose[@]}" logs --no-color --tail 20 >&2
  [ -z "$chosen" ] || say "hint: docker compose down -v && QCLOCK_FLAVOUR=$evaluation ./scripts/up.sh evaluates without Oracle Linux"
  fail "not every service became healthy: see above"
fi

[ -z "$left_out" ] || say "this stack has no identity provider: nobody can sign in (see above)"
# Healthy containers are not yet a working product: a volume may hold another installation's passwords.
for ((second = 0; second < 20; second++)); do
  truth=$(ask_dashboard || true)
  [[ $truth == operational || $truth == degraded ]] && break
  sleep 1
done
case $truth in
  operational | degraded) say "everything is healthy; the dashboard:" ;;
  *)
    "${compose[@]}" logs --no-color --tail 50 db | grep secret-changed >&2 || true
    say "the containers are healthy, but the dashboard says \`${truth:-nothing}\`: open it to see what is wrong"
    say "hint: if PHP is refused by the database, its volume was made with other passwords: bring the old secrets back, or"
    say "hint: take the volume away with its data (docker compose down -v) and run this again"
    ;;
esac
printf 'http://localhost:%s/\n' "${QCLOCK_HTTP_PORT:-8080}"
