# Which flavour runs, where nobody has said so.  Sourced by bash; wants `programs` and `say` from setup.sh, `engine_user` from docker.sh.
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # `programs` and `engine_user` are set by those who source this, and `chosen` is read by them.

reference=oraclelinux9
evaluation=debian12
# Not empty where the script has chosen the reference flavour by itself, and may go back to the other.
chosen=

# Oracle Linux where its repositories answer at once, Debian otherwise.
choose_flavour() {
  if [ -n "${QCLOCK_FLAVOUR:-}" ]; then
    say "flavour: $QCLOCK_FLAVOUR, as QCLOCK_FLAVOUR says"
    return
  fi
  local kept answer status=0
  # The two have different database servers: neither reads the other's files.
  if kept=$(flavour_of_data); then
    export QCLOCK_FLAVOUR=$kept
    say "flavour: $kept, in which this stack's database was made"
    return
  fi
  answer=$(QCLOCK_NETWORK_TIMEOUT=4 timeout 5 "$programs/qclock" --quiet --flavour "$reference" reach) || status=$?
  if [ "$status" = 0 ]; then
    chosen=yes
    export QCLOCK_FLAVOUR=$reference
    say "flavour: $reference, since its repositories answer"
    return
  fi
  # 2: it was never asked, and the reason is told.
  [ "$status" != 2 ] || return 2
  if [ "$status" = 124 ]; then
    answer="its repositories do not answer within 5 s"
  else
    answer=$(grep --max-count 1 --invert-match ' answers$' <<<"$answer") || answer="qclock reach ended with status $status"
  fi
  evaluate_instead "$answer"
  say "hint: QCLOCK_FLAVOUR=$reference insists on it; QCLOCK_ORACLELINUX_MIRROR names another mirror, or a folder"
}

evaluate_instead() {
  chosen=
  export QCLOCK_FLAVOUR=$evaluation
  say "flavour: $evaluation, for evaluation; $reference cannot be had here: $1"
}

# That of the image which has this stack's data.
flavour_of_data() {
  local label='{{index .Config.Labels "io.qclock.flavour"}}'
  "${engine_user[@]}" docker volume inspect "${COMPOSE_PROJECT_NAME:-qclock}_db" >/dev/null 2>&1 || return
  "${engine_user[@]}" docker image inspect --format "$label" "qclock-db:${QCLOCK_TAG:-latest}" 2>/dev/null | grep .
}
