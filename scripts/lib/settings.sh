# What is set for the whole stack, and what stands in its way.  Sourced by bash; wants `say` and `fail` from setup.sh, `engine_user` from
# docker.sh.
# shellcheck shell=bash
# shellcheck disable=SC2154 # `engine_user` is set by those who source this.

# Docker Compose reads `.env` beside its file: what counts for it counts for the scripts.  The environment comes first.
read_settings() {
  local line name value
  [ -r .env ] || return 0
  while IFS= read -r line || [ -n "$line" ]; do
    line=${line%$'\r'}
    [[ $line =~ ^[[:space:]]*(export[[:space:]]+)?((QCLOCK|COMPOSE)_[A-Z0-9_]+)[[:space:]]*=[[:space:]]*(.*)$ ]] || continue
    name=${BASH_REMATCH[2]} value=${BASH_REMATCH[4]}
    case $value in
      \"*) value=${value#\"} value=${value%%\"*} ;;
      \'*) value=${value#\'} value=${value%%\'*} ;;
      *) value=${value%%[[:space:]]\#*} value=${value%"${value##*[![:space:]]}"} ;;
    esac
    [ -n "${!name+set}" ] || export "$name=$value"
  done <.env
}

# Two at once in one checkout would build, name and start the same things.  Held until the script ends.
take_turn() {
  exec 8<scripts/lib
  flock --nonblock 8 && return
  say "another run in this checkout is busy: waiting for it"
  flock 8
}

# Where `qclock` keeps what it downloads: a folder that cannot be written to is told before anything is compiled.
check_cache() {
  local folder=${QCLOCK_CACHE_DIR:-${XDG_CACHE_HOME:+$XDG_CACHE_HOME/qclock}}
  cache=${folder:-${HOME:+$HOME/.cache/qclock}}
  [ -n "$cache" ] || fail "there is no folder for what is downloaded: set QCLOCK_CACHE_DIR, or HOME"
  mkdir -p "$cache" 2>/dev/null || true
  [ -w "$cache" ] ||
    fail "cannot write to \`$cache\`, the folder for what is downloaded: name another one with QCLOCK_CACHE_DIR"
}

# Less than any attempt to download would take: the disk is the trouble then.
cache_is_full() { [ "$(df --output=avail --block-size=1M "${cache:-.}" | tail -n 1)" -lt 64 ]; }

# A port that somebody else has is told before anything is built, not after.
check_ports() {
  local taken=() loopback='(0100007F|0000000000000000FFFF00000100007F|0+)'
  [[ ${DOCKER_HOST:-unix:} == unix:* ]] || return 0
  check_port QCLOCK_HTTP_PORT "${QCLOCK_HTTP_PORT:-8080}" '[0-9A-F]+'
  check_port QCLOCK_IDENTITY_PORT "${QCLOCK_IDENTITY_PORT:-8081}" "$loopback"
  check_port QCLOCK_NOC_PORT "${QCLOCK_NOC_PORT:-8082}" "$loopback"
  [ "${#taken[@]}" != 0 ] || return 0
  printf 'error: %s\n' "${taken[@]}" >&2
  say "hint: choose others, in the environment or in the file .env:"
  say "hint: QCLOCK_HTTP_PORT=18080 QCLOCK_IDENTITY_PORT=18081 QCLOCK_NOC_PORT=18082 ./scripts/up.sh"
  exit 4
}

# Adds to `taken` what is neither free nor this stack's own.  `address` is an expression for those that stand in the way, as the kernel
# writes them.
check_port() {
  local name=$1 port=$2 address=$3 number holders
  [[ $port =~ ^[0-9]+$ ]] || return 0
  holders=$("${engine_user[@]}" docker ps --filter "publish=$port" --format '{{.Label "com.docker.compose.project"}} {{.Names}}')
  if [ -n "$holders" ]; then
    grep --quiet "^${COMPOSE_PROJECT_NAME:-qclock} " <<<"$holders" ||
      taken+=("port $port ($name) is taken by the container ${holders##* }")
    return 0
  fi
  printf -v number '%04X' "$port"
  # The state 0A listens.
  ! grep --quiet --extended-regexp "^ *[0-9]+: $address:$number [0-9A-F]+:0000 0A " /proc/net/tcp /proc/net/tcp6 2>/dev/null ||
    taken+=("port $port ($name) is taken by another program of this machine")
}
