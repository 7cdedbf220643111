# What of the identity provider this stack has.  Sourced by bash; wants `programs`, `say` and `install_packages` from setup.sh, `evaluation`
# from flavour.sh.
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # `programs` and `evaluation` are set by those who source this, and `left_out` is read by them.

# Not empty where the script has left the identity provider out by itself.
left_out=

# The folders' names; nothing where it is all of them.  Nobody waits for 200 MB that the stack leaves out.
wanted_images() {
  local image unwanted
  case ${QCLOCK_IDENTITY:-on} in
    off) unwanted=' identity identity-db ' ;;
    database) unwanted=' identity ' ;;
    *) return 0 ;;
  esac
  for image in images/*/image.toml; do
    image=$(basename "$(dirname "$image")")
    [[ $unwanted == *" $image "* ]] || printf '%s\n' "$image"
  done
}

# Keycloak's archive is no package: it is fetched from its own address, or by a Maven client.
lacks_keycloak() {
  local said
  [ "${QCLOCK_IDENTITY:-on}" = on ] || return
  said=$("$programs/qclock" --quiet build identity --lock "$1" --unreviewed warn 2>&1 >/dev/null) && return 1
  [[ $said == *'cannot get the archive'* ]]
}

# Another way to fetch it; where there is none, an evaluation goes on without people who sign in.
do_about_keycloak() {
  if ! command -v mvn >/dev/null && command -v apt-get >/dev/null; then
    if install_packages "a Maven client: Keycloak's own address does not answer, its repository may" maven; then
      return
    fi
  fi
  is_evaluation "${QCLOCK_FLAVOUR:-$evaluation}" || return
  export QCLOCK_IDENTITY=database
  left_out=yes
  say "going on without the identity provider: its archive cannot be had here, see above. Nobody can sign in; all else is there"
  say "hint: put the archive into vendor/ and run this again; QCLOCK_IDENTITY=database is for docker compose, too"
}
