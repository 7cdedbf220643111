#!/usr/bin/env bash
# Runs every test: unit, integration, and the stack on ports and under a name of its own.  Asks nothing; leaves nothing running.
#   --full    the randomised rounds (kills, flips, fuzz, a second compilation elsewhere) at their full count
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
. scripts/lib/setup.sh

for argument in "$@"; do
  case $argument in
    --full) export QCLOCK_TEST_FULL=1 ;;
    *) printf 'usage: scripts/test.sh [--full]\n' >&2; exit 2 ;;
  esac
done

prepare_tools
[ "${#engine_user[@]}" = 0 ] || fail "the stack tests speak to Docker as you: add yourself to the group docker, or run this as root"
laboratory=()
for tool in rpmbuild:rpm createrepo_c:createrepo-c dnf:dnf gpg:gpg; do
  command -v "${tool%%:*}" >/dev/null || laboratory+=("${tool##*:}")
done
[ "${#laboratory[@]}" = 0 ] || install_packages "for the laboratory of Oracle Linux, for the tests" "${laboratory[@]}"
command -v skopeo >/dev/null || install_packages "a second reader of images, for the tests" skopeo
command -v chromium-headless-shell >/dev/null || command -v chromium >/dev/null || command -v google-chrome >/dev/null ||
  install_packages "a browser, for the tests of sign-in" chromium-headless-shell
/usr/bin/python3 -c "import dnf" 2>/dev/null || install_packages "the reference answers to requests on RPM repositories, for the tests" dnf
command -v curl >/dev/null || install_packages "for the tests" curl

say "compiling"
cargo build --release --workspace --locked
cargo test --release --workspace --locked --no-run

say "testing"
QCLOCK_STACK_TESTS=required cargo test --release --workspace --locked --no-fail-fast
