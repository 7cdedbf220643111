# Building the images and handing them to Docker.  Sourced by bash; wants `programs`, `say` and `engine_user`.
# shellcheck shell=bash
# shellcheck disable=SC2154 # `programs` and `engine_user` are set by those who source this.

build_images() {
  case ${QCLOCK_DATABASE:-} in
    '') ;;
    mysql) build_mysql || return ;;
    *) fail "QCLOCK_DATABASE is \`$QCLOCK_DATABASE\`: leave it out for MariaDB, or say \`mysql\`" ;;
  esac
  build_flavour
}

# MySQL from a suite that moves: locked anew each time, beside the repository, and with nobody's verdict on its install scripts.
build_mysql() {
  local lock=.qclock/debian-sid.lock
  local build=("$programs/qclock" --flavour debian-sid build db --lock "$lock" --unreviewed warn)
  say "the database is MySQL from Debian's unstable suite: an evaluation, never for production"
  mkdir -p .qclock
  "$programs/qclock" --flavour debian-sid lock --output "$lock" || return
  [ "${#engine_user[@]}" = 0 ] || "${build[@]}" --quiet >/dev/null || return
  "${engine_user[@]}" "${build[@]}" --load --tag "mysql-${QCLOCK_TAG:-latest}"
}

build_flavour() {
  local flavour=${QCLOCK_FLAVOUR:-debian12} status=0
  local committed=images/$flavour.lock own=.qclock/$flavour.lock
  if [ ! -e "$committed" ] && [ ! -e "$own" ]; then
    say "there is no $committed yet: locking to $own"
    lock_again "$own" || return
  fi
  # A lock of this machine's own, made after the committed one, was made because that one had aged.
  if [ "$own" -nt "$committed" ]; then
    [ ! -e "$committed" ] || say "building with $own, which is newer than $committed"
    build_with "$own" --unreviewed warn && return
    [ -e "$committed" ] || return
  fi
  build_with "$committed" || status=$?
  # 4: the environment failed.  Mirrors drop superseded packages within days, and an evaluation may go on with newer ones.
  if [ "$status" = 4 ] && is_evaluation "$flavour" && ! cache_is_full; then
    say "not all files of $committed can be had any more; locking again to $own ($committed stays as it is)"
    lock_again "$own" || return
    # The ledger speaks of the committed lock's packages. Newer ones may have other install scripts: none is run, and each is named.
    build_with "$own" --unreviewed warn
    return
  fi
  return "$status"
}

lock_again() {
  mkdir -p .qclock
  "$programs/qclock" lock --output "$1"
}

build_with() {
  local status=0
  build_wanted "$@" || status=$?
  # What is no package comes from elsewhere, and no other lock would help.
  if [ "$status" = 4 ] && lacks_keycloak "$1"; then
    do_about_keycloak || return "$status"
    build_with "$@"
    return
  fi
  return "$status"
}

build_wanted() {
  local lock=$1 images
  shift
  mapfile -t images < <(wanted_images)
  # As the user who runs the script, so that what is written belongs to that one; then, where it takes root, into Docker.
  if [ "${#engine_user[@]}" != 0 ]; then
    "$programs/qclock" build "${images[@]}" --lock "$lock" "$@" >/dev/null || return
  fi
  "${engine_user[@]}" "$programs/qclock" build "${images[@]}" --lock "$lock" "$@" --load || return
  tag_images
}

# A stack beside the usual one names its images itself.  What images/*/Dockerfile begin with is called `factory`.
tag_images() {
  local image tag=${QCLOCK_TAG:-latest}
  for image in images/*/image.toml; do
    image=$(basename "$(dirname "$image")")
    # Not every flavour has every image.
    "${engine_user[@]}" docker image inspect "qclock-$image:latest" >/dev/null 2>&1 || continue
    "${engine_user[@]}" docker tag "qclock-$image:latest" "qclock-$image:factory"
    [ "$tag" = latest ] || "${engine_user[@]}" docker tag "qclock-$image:latest" "qclock-$image:$tag"
  done
}

is_evaluation() { grep --quiet '^evaluation *= *true' "images/flavours/$1.toml"; }
