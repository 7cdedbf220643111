# What up.sh and build-all.sh have in common.  Sourced by bash, from the root of the checkout.
# shellcheck shell=bash

. scripts/lib/docker.sh
. scripts/lib/flavour.sh
. scripts/lib/identity.sh
. scripts/lib/images.sh
. scripts/lib/settings.sh

say() { printf '==> %s\n' "$*" >&2; }

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 4
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo --preserve-env "$@"
  else
    fail "\`$(basename "$1")\` needs root: run this as root, or install sudo"
  fi
}

# Everything that building and running need.  What is missing is named before it is installed.
prepare_tools() {
  command -v cargo >/dev/null || fail "there is no Rust toolchain: install the one of rust-toolchain.toml, then run this again"
  local missing=()
  command -v cc >/dev/null || missing+=(gcc)
  [ -e /usr/include/stdio.h ] || missing+=(libc6-dev)
  [ "${#missing[@]}" = 0 ] || install_packages "to compile" "${missing[@]}"
  prepare_engine
  prepare_compose
}

install_packages() {
  local purpose=$1
  shift
  command -v apt-get >/dev/null || fail "please install $*: this script only knows apt"
  say "installing $* ($purpose)"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get --quiet update >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes --no-install-recommends install "$@" >&2
}

compile() {
  say "compiling"
  cargo build --release --workspace --locked
  programs=${CARGO_TARGET_DIR:-target}/$(rustc --print host-tuple)/release
}

# The application is read by the containers' account: a checkout made under umask 077 is closed to it, and every page would be 403.
warn_of_closed_www() {
  local folder=${QCLOCK_WWW:-./www} closed account=10001
  [ -d "$folder" ] || return 0
  closed=$(find -L "$folder" -maxdepth 3 ! -uid "$account" ! -gid "$account" \
    \( -type d ! -perm -o=rx -o -type f ! -perm -o=r \) -print -quit 2>/dev/null) || true
  [ -n "$closed" ] || return 0
  say "warning: \`$closed\` cannot be read by the containers' account ($account): Apache answers 403 to what is in it"
  say "hint: chmod -R o+rX \"$folder\""
}

# To images in Docker and passwords in files; quick when nothing has changed.
prepare_images() {
  make_secrets
  warn_of_closed_www
  local status=0
  build_images || status=$?
  [ "$status" != 0 ] || return 0
  # 3: something is not what was signed.  That is no reason to look elsewhere.
  [[ -n $chosen && $status != 3 ]] || return "$status"
  evaluate_instead "its images could not be built: see above"
  [ -z "$left_out" ] || unset QCLOCK_IDENTITY
  left_out=
  build_images
}

# Made once: the owner is the account that the containers run as, so that nobody else on this machine reads them.
make_secrets() {
  local made
  # Where all are there, nobody's help is needed to see that.
  [ "$(id -u)" = 0 ] || ! "$programs/qclock" --quiet secrets >/dev/null 2>&1 || return 0
  made=$(as_root "$programs/qclock" secrets) || return
  [ -n "$made" ] || return 0
  printf '%s\n' "$made" >&2
  [[ $made != *identity_admin_password* ]] || [ "${QCLOCK_IDENTITY:-on}" = off ] || {
    say "the first person who signs in is \`admin\`: the password for the first time is in ${QCLOCK_SECRETS_DIR:-secrets}/identity_admin_password"
    [ "$(id -u)" = 0 ] || say "hint: it belongs to the containers' account: sudo cat \"${QCLOCK_SECRETS_DIR:-secrets}/identity_admin_password\""
  }
}

# The overall state that the dashboard tells, asked without any client program.
ask_dashboard() {
  local port=${QCLOCK_NOC_PORT:-8082} answer
  { exec 9<>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null || return
  printf 'GET /api/v1/status HTTP/1.0\r\nHost: localhost\r\n\r\n' >&9
  answer=$(timeout 5 cat <&9)
  exec 9>&-
  [[ $answer =~ \"evaluation\":[a-z]+,\"state\":\"([a-z]+)\" ]] && printf '%s' "${BASH_REMATCH[1]}"
}
