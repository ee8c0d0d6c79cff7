#!/usr/bin/env bash
# Create or replace the five jobs from deploy/jobs/*.yaml, with the images of IMAGE_TAG, by digest.
#
#   deploy/jobs.sh [--dry-run] [predict|monitor|retrain|train|freshness]...       (default: all five)
#
# The image that a job ran before is kept in the job itself; deploy/rollback.sh goes back to it. GRANTS=no leaves the
# permissions on the jobs alone (the build's account may replace jobs, but give nobody permissions).
set -euo pipefail
. "$(dirname "$0")/lib.sh"

chosen=("${arguments[@]:-}")
[ -n "${chosen[0]}" ] || chosen=("${JOBS[@],,}")
for each in "${chosen[@]}"; do
  [ -f "$here/jobs/$each.yaml" ] || { doing="choosing jobs" && echo "no job $each: predict, monitor, retrain, train or freshness" >&2 && exit 2; }
done

for each in "${SECRETS[@]}"; do
  setting=${each}_SECRET
  exists=no
  if there gcloud secrets versions describe latest --secret="${!setting}" --format=json; then exists=yes; fi
  export "${each}_SECRET_EXISTS=$exists"
done

# The image of a job by digest: the bulk training runs on that of the retraining, the check on that of the monitoring.
by_digest() {
  local name=$1
  case $name in
    train) name=retrain ;;
    freshness) name=monitor ;;
  esac
  name=$(image "$name")
  if [ "$dry" = yes ]; then
    echo "$name@sha256:$(printf '0%.0s' {1..64})"
  elif there gcloud artifacts docker images describe "$name:$IMAGE_TAG" --format='value(image_summary.digest)'; then
    echo "$name@$(cat "$work/found")"
  else
    echo "no image $name:$IMAGE_TAG; run deploy/build.sh first" >&2
    exit 1
  fi
}

for each in "${chosen[@]}"; do
  setting=${each^^}_JOB
  job=${!setting}
  doing="finding the image of $job"
  IMAGE=$(by_digest "$each")
  PREVIOUS_IMAGE=
  if there gcloud run jobs describe "$job" --region="$REGION" --format=json; then
    PREVIOUS_IMAGE=$("$PYTHON" "$here/render.py" image "$work/found")
    [ "$PREVIOUS_IMAGE" != "$IMAGE" ] || PREVIOUS_IMAGE=$("$PYTHON" "$here/render.py" previous "$work/found")
  fi
  export IMAGE PREVIOUS_IMAGE
  doing="writing $job"
  "$PYTHON" "$here/render.py" file "$here/jobs/$each.yaml" >"$work/$each.yaml"
  say "$job: $IMAGE"
  [ -z "$PREVIOUS_IMAGE" ] || say "  before: $PREVIOUS_IMAGE"
  run gcloud run jobs replace "$work/$each.yaml" --region="$REGION"
  [ "${GRANTS:-yes}" = no ] ||
    grant "job:${each^^}" "job $job" gcloud run jobs VERB "$job" --region="$REGION"
done
say "deployed. Next: deploy/schedules.sh"
