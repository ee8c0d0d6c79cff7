# shellcheck shell=bash
# What the scripts of this folder share: settings, what is said, how Google is asked. Sourced, never run.
#
#   --dry-run   print every command that would be sent on a first run, send nothing, ask nothing
#
# A script that takes other flags, or names of jobs, says so before: own_flags="--x --y", takes_jobs=yes.
# Each command is safe to repeat. What exists is asked for first; any other answer than "yes" or "not found" stops the
# script, and the next run goes on from there.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repo=$(dirname "$here")
PYTHON=${PYTHON:-python3}
refuse() { # WHY: what is wrong with how it was called
  echo "$*" >&2
  doing=
  exit 2
}

dry=no
arguments=()
flags=()
for argument in "$@"; do
  case $argument in
    --dry-run) dry=yes ;;
    -h | --help)
      sed -n '2,/^set -/p' "$0" | sed -n 's/^# \{0,1\}//p'
      exit 0
      ;;
    -*)
      [[ " ${own_flags:-} " == *" $argument "* ]] || refuse "$0: unknown flag $argument; --help shows them"
      flags+=("$argument")
      ;;
    *) arguments+=("$argument") ;;
  esac
done
given() { [[ " ${flags[*]} " == *" $1 "* ]]; } # FLAG
# shellcheck disable=SC2034 # all four are for the scripts that source this
{ read -ra JOBS && read -ra TRIGGERED && read -ra SECRETS && read -ra IMAGES; } \
  < <("$PYTHON" "$here/job_table.py" lists) || refuse "$PYTHON cannot read deploy/job_table.py: set PYTHON to a Python 3.11"
chosen=("${JOBS[@],,}")
if [ ${#arguments[@]} -gt 0 ]; then
  [ "${takes_jobs:-no}" = yes ] || refuse "$0: takes no arguments, found ${arguments[*]}"
  chosen=("${arguments[@]}")
fi
for each in "${chosen[@]}"; do
  [[ " ${JOBS[*],,} " == *" $each "* ]] || refuse "$0: there is no job $each; expected some of ${JOBS[*],,}"
done

work=$(mktemp -d)
doing=starting
# shellcheck disable=SC2329 # called by the trap
finish() {
  local code=$?
  rm -rf "$work"
  if [ "$code" -ne 0 ] && [ -n "$doing" ]; then
    echo "$(basename "$0") stopped at: $doing" >&2
    echo "nothing after it was done; mend the cause and run it again: it goes on from there" >&2
  fi
}
trap finish EXIT

# --- Settings: the environment, over the file that DEPLOY_SETTINGS names, over deploy/settings.env

read_settings() { # FILE of NAME=value lines
  local line name number=0
  [ -r "$1" ] || refuse "$1: there is no such file of settings"
  while IFS= read -r line || [ -n "$line" ]; do
    number=$((number + 1))
    line=${line%$'\r'}
    case $line in '' | '#'*) continue ;; esac
    name=${line%%=*}
    [[ $line == *=* && $name =~ ^[A-Z][A-Z0-9_]*$ ]] || refuse "$1, line $number: found $line, expected NAME=value"
    [ -n "${!name+set}" ] || export "$name=${line#*=}"
  done <"$1"
}
doing="reading the settings"
[ -z "${DEPLOY_SETTINGS:-}" ] || read_settings "$DEPLOY_SETTINGS"
read_settings "$here/settings.env"
tag_is_given=yes
if [ -z "$IMAGE_TAG" ]; then
  # shellcheck disable=SC2034 # build.sh reads it
  tag_is_given=no
  IMAGE_TAG=$(git -C "$repo" rev-parse --short=12 HEAD 2>/dev/null || true)
  export IMAGE_TAG
fi
if [ "${CHECKED:-no}" != yes ]; then # make deploy and cloudbuild.yaml check once for all scripts
  doing="checking the settings"
  "$PYTHON" "$here/check.py" || { doing= && exit 2; }
  export CHECKED=yes
fi
if [ "$ACCOUNT_MODE" = single ]; then
  for each in "${JOBS[@]}" SCHEDULER; do export "${each}_ACCOUNT=$SINGLE_ACCOUNT"; done
fi
export CLOUDSDK_CORE_PROJECT=$PROJECT CLOUDSDK_CORE_DISABLE_PROMPTS=1

email() { echo "$1@$PROJECT.iam.gserviceaccount.com"; }
image() { echo "$REGION-docker.pkg.dev/$PROJECT/$REPOSITORY/$1"; }

# --- Saying and asking

say() { printf '%s\n' "$*"; }

# Do what changes something; shown as it is sent.
run() {
  doing=$*
  say "+$(printf ' %q' "$@")"
  [ "$dry" = yes ] || "$@"
}

# Whether a describe command finds its resource; "$work/found" is what it shows.
there() {
  doing=$*
  [ "$dry" = no ] || return 1
  if "$@" >"$work/found" 2>"$work/error"; then return 0; fi
  if grep -qiE 'not[ _-]?found|cannot find|does not exist' "$work/error" "$work/found"; then return 1; fi
  cat "$work/error" "$work/found" >&2
  exit 1
}

needs_tag() {
  [ -n "$IMAGE_TAG" ] || refuse "IMAGE_TAG: this folder is no clone with a commit to name the images by; set it"
}

# Pause or resume a trigger; Google refuses to pause what is paused, and to resume what is running.
turn() { # pause|resume TRIGGER
  local wanted=PAUSED word=paused state
  [ "$1" = pause ] || { wanted=ENABLED && word=running; }
  doing="reading the state of $2"
  state=$(ask gcloud scheduler jobs describe "$2" --location="$REGION" --format='value(state)')
  if [ "$state" = $wanted ]; then say "$2: $word"; else run gcloud scheduler jobs "$1" "$2" --location="$REGION"; fi
}

# Show something; nothing in a dry run.
ask() {
  doing=$*
  [ "$dry" = yes ] || "$@"
}

# Give what deploy/permissions.py lists for a resource: grant RESOURCE COMMAND..., where COMMAND takes get-iam-policy and
# set-iam-policy. The policy is read, completed and written back with its etag; one that is complete is left alone.
grant() {
  local resource=$1 what=$2 code=0
  shift 2
  "$PYTHON" "$here/permissions.py" grants "$resource" >"$work/grants"
  [ -s "$work/grants" ] || return 0
  say "permissions on $what:"
  sed 's/^/  /; s/\t/ /g' "$work/grants"
  [ "$dry" = no ] || return 0
  # Twice more: an account that is new is not known everywhere at once, and somebody may have changed the policy meanwhile.
  for pause in "${GRANT_PAUSE_S:-10}" "${GRANT_PAUSE_S:-10}" last; do
    doing="reading the policy of $what"
    "${@//VERB/get-iam-policy}" --format=json >"$work/policy.json"
    doing="completing the policy of $what"
    "$PYTHON" "$here/permissions.py" merge "$work/policy.json" <"$work/grants" || code=$?
    case $code in
      0) ;;
      3) say "  all there" && return 0 ;;
      *) return "$code" ;;
    esac
    doing="writing the policy of $what"
    if "${@//VERB/set-iam-policy}" "$work/policy.json" --format=none; then return 0; fi
    [ "$pause" != last ] || return 1
    say "  once more in $pause s"
    sleep "$pause"
  done
}
