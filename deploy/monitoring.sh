#!/usr/bin/env bash
# Create or update log metrics, alert policies and dashboards: every file of deploy/monitoring/.
#
#   deploy/monitoring.sh [--dry-run]
#
# metrics/NAME.yaml     a log metric called NAME            (LogMetric of the Logging API, without name)
# alerts/NAME.yaml      a policy, known by its displayName  (AlertPolicy of the Monitoring API)
# dashboards/NAME.yaml  a dashboard with the id NAME        (Dashboard of the Monitoring API, without name)
# ${SETTING} stands for a setting, ${CHANNELS} for the list of notification channels: that of ALERT_EMAIL, and those that
# the policy has already. Taking one away is done in Cloud Monitoring.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

say "== Where alerts go"
channel_of_address() {
  ask gcloud beta monitoring channels list --format='value(name,labels.email_address)' |
    awk -F'\t' -v wanted="$ALERT_EMAIL" '$2 == wanted && !n++ { print $1 }'
}
channel=
if [ -z "$ALERT_EMAIL" ]; then
  say "ALERT_EMAIL is empty: policies keep the channels they have; without any, alerts are only shown in Cloud Monitoring"
else
  doing="looking for the channel of $ALERT_EMAIL"
  channel=$(channel_of_address)
  if [ -z "$channel" ]; then
    run gcloud beta monitoring channels create --display-name="skucast" --type=email \
      --channel-labels="email_address=$ALERT_EMAIL"
    channel=$(channel_of_address)
    [ "$dry" = yes ] || [ -n "$channel" ] || { echo "the channel of $ALERT_EMAIL is not there" >&2 && exit 1; }
  fi
  say "$ALERT_EMAIL: ${channel:-a new channel}"
fi

filled() { # FILE: its path with the settings put in
  doing="filling in $1"
  "$PYTHON" "$here/render.py" file "$1" >"$work/$(basename "$1")"
}
shopt -s nullglob

say "== Log metrics"
for file in "$here"/monitoring/metrics/*.yaml; do
  name=$(basename "$file" .yaml)
  filled "$file"
  verb=create
  ! there gcloud logging metrics describe "$name" --format=json || verb=update
  run gcloud logging metrics $verb "$name" --config-from-file="$work/$name.yaml"
done

say "== Alert policies"
# A log metric that is new is not known to the policies at once: Google says up to ten minutes.
create_policy() { # FILE
  local tries=${POLICY_TRIES:-21}
  doing="creating the policy of $1"
  say "+ gcloud alpha monitoring policies create --policy-from-file=$1"
  [ "$dry" = no ] || return 0
  until gcloud alpha monitoring policies create --policy-from-file="$1" 2>"$work/error"; do
    tries=$((tries - 1))
    if [ "$tries" -le 0 ] || ! grep -qi 'cannot find metric' "$work/error"; then
      cat "$work/error" >&2
      exit 1
    fi
    say "  its metric is not known yet; once more in ${POLICY_PAUSE_S:-30} s"
    sleep "${POLICY_PAUSE_S:-30}"
  done
}
doing="looking for the policies that there are"
ask gcloud alpha monitoring policies list --format='value(name,displayName,notificationChannels.list())' >"$work/policies"
for file in "$here"/monitoring/alerts/*.yaml; do
  title=$(sed -n 's/^displayName: *//p' "$file" | tr -d '"')
  IFS=$'\x1f' read -r policy channels < <(
    awk -F'\t' -v wanted="$title" '$2 == wanted && !n++ { print $1 "\x1f" $3 }' "$work/policies") || true
  CHANNELS=$(printf '%s\n' "${channels//[,;]/$'\n'}" "$channel" | awk 'NF && !seen[$1]++ { printf "%s\"%s\"", sep, $1; sep = ", " }')
  export CHANNELS="[$CHANNELS]"
  filled "$file"
  if [ -n "$policy" ]; then
    run gcloud alpha monitoring policies update "$policy" --policy-from-file="$work/$(basename "$file")"
  else
    create_policy "$work/$(basename "$file")"
  fi
done

say "== Dashboards"
for file in "$here"/monitoring/dashboards/*.yaml; do
  id=$(basename "$file" .yaml)
  filled "$file"
  name=projects/$PROJECT/dashboards/$id
  printf 'name: %s\n' "$name" >>"$work/$id.yaml"
  if there gcloud monitoring dashboards describe "$name" --format='value(etag)'; then
    etag=$(cat "$work/found")
    [ -z "$etag" ] || printf 'etag: %s\n' "$etag" >>"$work/$id.yaml"
    run gcloud monitoring dashboards update "$name" --config-from-file="$work/$id.yaml"
  else
    run gcloud monitoring dashboards create --config-from-file="$work/$id.yaml"
  fi
done
