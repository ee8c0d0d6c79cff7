#!/usr/bin/env bash
# Create or update log metrics, alert policies and dashboards: every file of deploy/monitoring/.
#
#   deploy/monitoring.sh [--dry-run]
#
# metrics/NAME.yaml     a log metric called NAME            (LogMetric of the Logging API, without name)
# alerts/NAME.yaml      a policy, known by its displayName  (AlertPolicy of the Monitoring API)
# dashboards/NAME.yaml  a dashboard with the id NAME        (Dashboard of the Monitoring API, without name)
# ${SETTING} stands for a setting, ${CHANNELS} for the list of notification channels: that of ALERT_EMAIL, or none.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

say "== Where alerts go"
CHANNELS='[]'
if [ -n "$ALERT_EMAIL" ]; then
  doing="looking for the channel of $ALERT_EMAIL"
  ask gcloud beta monitoring channels list --format='value(name,labels.email_address)' >"$work/channels"
  if [ "$dry" = no ] && ! grep -qF "$ALERT_EMAIL" "$work/channels"; then
    run gcloud beta monitoring channels create --display-name="skucast" --type=email \
      --channel-labels="email_address=$ALERT_EMAIL"
    ask gcloud beta monitoring channels list --format='value(name,labels.email_address)' >"$work/channels"
  fi
  CHANNELS=$(awk -v wanted="$ALERT_EMAIL" '$2 == wanted && !n++ { printf "[\"%s\"]", $1 }' "$work/channels")
  CHANNELS=${CHANNELS:-[]}
  say "$ALERT_EMAIL: $CHANNELS"
else
  say "ALERT_EMAIL is empty: alerts are only shown in Cloud Monitoring"
fi
export CHANNELS

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
for file in "$here"/monitoring/alerts/*.yaml; do
  filled "$file"
  title=$(sed -n 's/^displayName: *//p' "$work/$(basename "$file")" | tr -d '"')
  doing="looking for the policy $title"
  policy=$(ask gcloud alpha monitoring policies list --format='value(name,displayName)' |
    awk -F'\t' -v wanted="$title" '$2 == wanted && !n++ { print $1 }')
  if [ -n "$policy" ]; then
    run gcloud alpha monitoring policies update "$policy" --policy-from-file="$work/$(basename "$file")"
  else
    run gcloud alpha monitoring policies create --policy-from-file="$work/$(basename "$file")"
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
