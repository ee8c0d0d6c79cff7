#!/usr/bin/env bash
# Go live: let both triggers start their jobs. The opposite of deploy/pause.sh.
#
#   deploy/resume.sh [--dry-run]
set -euo pipefail
. "$(dirname "$0")/lib.sh"

for job in "$PREDICT_JOB" "$MONITOR_JOB"; do
  run gcloud scheduler jobs resume "$job-trigger" --location="$REGION"
done
