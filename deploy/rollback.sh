#!/usr/bin/env bash
# Give jobs the image back that they ran before; run again, it brings the newer one back.
#
#   deploy/rollback.sh [--dry-run] [predict|monitor|retrain|train|freshness]...     (default: all five)
#
# Settings of the job stay as they are. Models and forecasts are other matters: docs/runbook.md.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

chosen=("${arguments[@]:-}")
[ -n "${chosen[0]}" ] || chosen=("${JOBS[@],,}")
for each in "${chosen[@]}"; do
  setting=${each^^}_JOB
  job=${!setting:-}
  if [ "$dry" = yes ]; then
    run gcloud run jobs replace "$job with the image of its annotation skucast/previous-image" --region="$REGION"
    continue
  fi
  if [ -z "$job" ] || ! there gcloud run jobs describe "$job" --region="$REGION" --format=json; then
    echo "there is no job $each" >&2
    exit 1
  fi
  previous=$("$PYTHON" "$here/render.py" previous "$work/found")
  if [ -z "$previous" ]; then
    say "$job: no earlier image is known; left as it is"
    continue
  fi
  doing="writing $job"
  "$PYTHON" "$here/render.py" swap "$work/found" >"$work/$each.json"
  say "$job: back to $previous"
  run gcloud run jobs replace "$work/$each.json" --region="$REGION"
done
