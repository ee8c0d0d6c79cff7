#!/usr/bin/env bash
# Stop all three triggers; executions that have begun go on. The opposite of deploy/resume.sh.
#
#   deploy/pause.sh [--dry-run]
set -euo pipefail
. "$(dirname "$0")/lib.sh"

for each in "${TRIGGERED[@]}"; do
  job=${each}_JOB
  # Google refuses to pause what is paused already.
  if [ "$(state_of "${!job}-trigger")" = PAUSED ]; then
    say "${!job}-trigger: paused"
  else
    run gcloud scheduler jobs pause "${!job}-trigger" --location="$REGION"
  fi
done
