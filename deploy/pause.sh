#!/usr/bin/env bash
# Stop both triggers; executions that have begun go on. The opposite of deploy/resume.sh.
#
#   deploy/pause.sh [--dry-run]
set -euo pipefail
. "$(dirname "$0")/lib.sh"

for job in "$PREDICT_JOB" "$MONITOR_JOB"; do
  run gcloud scheduler jobs pause "$job-trigger" --location="$REGION"
done
