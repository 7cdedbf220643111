# Docker Engine and Compose v2: asked for, installed from the distribution where missing, started where nothing else does.
# Sourced by bash; wants `say`, `fail`, `as_root` and `install_packages` from setup.sh.
# shellcheck shell=bash

engine_log=/var/log/qclock-dockerd.log
# `as_root` where only root may speak to the engine.
engine_user=()

# The daemon is asked, not the client: a client may be there without one.
engine_answers() {
  docker version --format '{{.Server.Version}}' >/dev/null 2>&1 && return
  [ "$(id -u)" != 0 ] && as_root docker version --format '{{.Server.Version}}' >/dev/null 2>&1 && engine_user=(as_root)
}

prepare_engine() {
  engine_answers && return
  export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
  command -v dockerd >/dev/null || install_packages "Docker Engine" docker.io
  engine_answers || start_engine
}

start_engine() {
  say "starting Docker"
  if [ -d /run/systemd/system ]; then
    as_root systemctl start docker
    wait_for_engine true && return
  else
    local attempt pid
    for attempt in 1 2 3; do
      [ "$attempt" = 1 ] || say "it ended; once more"
      forget_dead /var/run/docker.pid dockerd
      forget_dead /var/run/docker/containerd/containerd.pid containerd
      # Without the turn that take_turn has taken: it would be kept as long as the daemon runs.
      pid=$(as_root sh -c "setsid dockerd </dev/null >>$engine_log 2>&1 8<&- & echo \$!")
      wait_for_engine is_alive "$pid" && return
    done
    as_root tail -n 5 "$engine_log" >&2
  fi
  fail "Docker does not answer"
}

# Up to a minute, and as long as the given command succeeds.
wait_for_engine() {
  local second
  for ((second = 0; second < 60; second++)); do
    engine_answers && return
    "$@" || return
    sleep 1
  done
  return 1
}

# Not so for the remains of a process that nobody has collected.
is_alive() { grep --quiet --no-messages '^State:[[:space:]]*[DIKPRSTWt]' "/proc/$1/status"; }

# The pid file of a process that was killed makes the next one refuse to start while its number is in use again.
forget_dead() {
  local file=$1 program=$2 pid
  pid=$(as_root cat "$file" 2>/dev/null) || return 0
  is_alive "$pid" && [ "$(cat "/proc/$pid/comm")" = "$program" ] && return
  as_root rm -f "$file"
}

# 2.20 is the first that knows `required: false`.
compose_answers() {
  local version
  version=$("${engine_user[@]}" docker compose version --short 2>/dev/null) || return
  printf '%s\n' 2.20 "${version#v}" | sort --version-sort --check=quiet
}

prepare_compose() {
  compose_answers && return
  local candidate
  candidate=$(apt-cache policy docker-compose 2>/dev/null | sed -n 's/ *Candidate: //p')
  if [[ $candidate == 2.* ]]; then
    install_packages "Docker Compose v2" docker-compose
  else
    fetch_compose
  fi
  compose_answers || fail "Docker Compose 2.20 or newer is needed, and could not be installed"
}

# Debian 12 has no Compose v2.  The next release's package holds it as one static file: apt fetches and verifies that from
# a list of its own, so that nothing of this machine's configuration changes.
fetch_compose() (
  plugin=usr/libexec/docker/cli-plugins/docker-compose
  target=/usr/local/lib/docker/cli-plugins/docker-compose
  keys=/usr/share/keyrings/debian-archive-keyring.gpg
  [ -e "$keys" ] || install_packages "keys of the Debian archive" debian-archive-keyring
  say "installing Docker Compose v2 from the package docker-compose of Debian 13 as $target"
  folder=$(mktemp --directory)
  trap 'rm -rf "$folder"' EXIT
  mkdir -p "$folder"/{state/lists/partial,cache/archives/partial}
  : >"$folder/status"
  printf 'deb [signed-by=%s] %s trixie main\n' "$keys" "$(debian_mirror)" >"$folder/sources.list"
  options=(
    --quiet --option "APT::Sandbox::User=" --option "Acquire::Languages=none" --option "Dir::State=$folder/state"
    --option "Dir::State::status=$folder/status" --option "Dir::Cache=$folder/cache" --option "Dir::Etc::SourceParts=/dev/null"
    --option "Dir::Etc::SourceList=$folder/sources.list" --option "Dir::Etc::Preferences=/dev/null"
    --option "Dir::Etc::PreferencesParts=/dev/null" --option "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false"
  )
  apt-get "${options[@]}" update >&2
  (cd "$folder" && apt-get "${options[@]}" download docker-compose >&2)
  dpkg-deb --fsys-tarfile "$folder"/docker-compose_*.deb | tar --extract --directory "$folder" "./$plugin"
  as_root install -D --mode 0755 "$folder/$plugin" "$target"
)

# The archive that this machine's apt uses, in whatever form it is written there.
# shellcheck disable=SC2016 # The dollars are apt's.
debian_mirror() {
  local mirror=${QCLOCK_DEBIAN_MIRROR:-}
  [ -n "$mirror" ] || mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | head -n 1)
  [ -n "$mirror" ] || mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep '/debian/*$' | head -n 1)
  [ -n "$mirror" ] || fail "apt knows no Debian mirror: set QCLOCK_DEBIAN_MIRROR to the address of one"
  printf '%s\n' "$mirror"
}
