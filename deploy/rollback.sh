#!/usr/bin/env bash
# Give jobs the image back that they ran before, or with --forward the newer one again.
#
#   deploy/rollback.sh [--dry-run] [--forward] [predict|monitor|retrain|train|freshness]...     (default: all five)
#
# Repeating it changes nothing more: a job that is back stays where it is. Without names all jobs must be of one release;
# else which to take is yours to say. Settings of the job stay as they are. Models and forecasts are other matters:
# docs/runbook.md.
set -euo pipefail
own_flags="--forward" takes_jobs=yes
. "$(dirname "$0")/lib.sh"

way=back
! given --forward || way=forward
if [ "$dry" = yes ]; then
  for each in "${chosen[@]}"; do
    setting=${each^^}_JOB
    run gcloud run jobs replace "${!setting} with the image of its annotation skucast/$([ $way = back ] && echo previous || echo newer)" \
      --region="$REGION"
  done
  exit 0
fi

declare -A releases plans
for each in "${chosen[@]}"; do
  setting=${each^^}_JOB
  there gcloud run jobs describe "${!setting}" --region="$REGION" --format=json || refuse "there is no job ${!setting} yet"
  cp "$work/found" "$work/$each.found"
  doing="reading the images of ${!setting}"
  plans[$each]=$("$PYTHON" "$here/job_images.py" plan $way "$work/found")
  release=$("$PYTHON" "$here/job_images.py" release "$work/found")
  releases[${release:-unknown}]+=" ${!setting}"
done
if [ ${#arguments[@]} -eq 0 ] && [ ${#releases[@]} -gt 1 ]; then
  for release in "${!releases[@]}"; do echo "  $release:${releases[$release]}" >&2; done
  refuse "the jobs are of several releases; name those to take $way: deploy/rollback.sh predict ..."
fi

for each in "${chosen[@]}"; do
  setting=${each^^}_JOB
  say "${!setting}: ${plans[$each]}"
  case ${plans[$each]} in
    "$way to "*)
      doing="writing ${!setting}"
      "$PYTHON" "$here/job_images.py" $way "$work/$each.found" >"$work/$each.json"
      run gcloud run jobs replace "$work/$each.json" --region="$REGION"
      ;;
  esac
done
