#!/usr/bin/env bash
# Stop all three triggers; executions that have begun go on. The opposite of deploy/resume.sh.
#
#   deploy/pause.sh [--dry-run]
set -euo pipefail
. "$(dirname "$0")/lib.sh"

for each in "${TRIGGERED[@]}"; do
  job=${each}_JOB
  turn pause "${!job}-trigger"
done
