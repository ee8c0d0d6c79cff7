#!/usr/bin/env bash
# Go live: let all three triggers start their jobs. The opposite of deploy/pause.sh.
#
#   deploy/resume.sh [--dry-run]
set -euo pipefail
. "$(dirname "$0")/lib.sh"

for each in "${TRIGGERED[@]}"; do
  job=${each}_JOB
  turn resume "${!job}-trigger"
done
