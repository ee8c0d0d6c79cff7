#!/usr/bin/env bash
# Create or update the three triggers. A new one is paused: deploy/resume.sh goes live. An update leaves that as it is.
#
#   deploy/schedules.sh [--dry-run]
#
# A trigger calls the job's :run with an OAuth token: Google's own APIs take no OIDC token. It is tried again when it got
# no answer, so that a job may start twice; a second run changes nothing.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

new="being set up, must be paused"
trigger() { # JOB SCHEDULE
  local name=$1-trigger is_new=yes
  local flags=(--location="$REGION" --schedule="$2" --time-zone="$SCHEDULE_TZ" --http-method=POST --message-body='{}'
    --uri="https://run.googleapis.com/v2/projects/$PROJECT/locations/$REGION/jobs/$1:run"
    --oauth-service-account-email="$(email "$SCHEDULER_ACCOUNT")"
    --format=none --attempt-deadline=60s --max-retry-attempts=3 --min-backoff=30s)
  if there gcloud scheduler jobs describe "$name" --location="$REGION" --format=json; then
    grep -qF "$new" "$work/found" || is_new=no
  else
    run gcloud scheduler jobs create http "$name" "${flags[@]}" --headers=Content-Type=application/json \
      --description="$new"
  fi
  # A script that ends between creation and pausing leaves that description behind, by which the next run knows.
  [ $is_new = no ] || turn pause "$name"
  run gcloud scheduler jobs update http "$name" "${flags[@]}" --update-headers=Content-Type=application/json \
    --description="starts $1"
}
for each in "${TRIGGERED[@]}"; do
  job=${each}_JOB schedule=${each}_SCHEDULE
  trigger "${!job}" "${!schedule}"
done
say "triggers are there; new ones are paused. Go live: deploy/resume.sh"
