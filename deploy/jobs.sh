#!/usr/bin/env bash
# Create or replace the five jobs of deploy/job_table.py, with the images of IMAGE_TAG, by digest.
#
#   deploy/jobs.sh [--dry-run] [--keep-image] [predict|monitor|retrain|train|freshness]...       (default: all five)
#
# --keep-image changes the settings of jobs that are there, and leaves the image that each runs. Which image a job ran
# before is kept in the job itself; deploy/rollback.sh goes back to it. GRANTS=no leaves the permissions on the jobs
# alone (the build's account may replace jobs, but give nobody permissions). A job gets one version of a secret, the newest of
# now unless a setting names another: a new version is used after the next run of this. PROVENANCE=required refuses images
# that Cloud Build does not vouch for.
set -euo pipefail
own_flags="--keep-image" takes_jobs=yes
. "$(dirname "$0")/lib.sh"
given --keep-image || needs_tag

for each in "${SECRETS[@]}"; do
  setting=${each}_SECRET wanted=${each}_SECRET_VERSION
  exists=no
  if there gcloud secrets versions describe "${!wanted:-latest}" --secret="${!setting}" --format='value(name,state)'; then
    read -r name state <"$work/found"
    [ "$state" = ENABLED ] || refuse "version ${name##*/} of secret ${!setting} is ${state:-of no known state}: enable it, or add another"
    exists=yes
    export "$wanted=${name##*/}"
  elif [ -n "${!wanted}" ] && [ "$dry" = no ]; then
    refuse "$wanted: secret ${!setting} has no version ${!wanted}"
  fi
  export "${each}_SECRET_EXISTS=$exists"
done

# Whether Cloud Build vouches for an image: it does for what a build names in images: (cloudbuild.yaml).
vouched() { # IMAGE
  there gcloud artifacts docker images describe "$1" --show-provenance --format='value(provenance_summary.provenance.noteName)' || return
  grep -q . "$work/found" && return
  echo "$1 has no provenance of Cloud Build; build it with deploy/build.sh and BUILDER=cloud" >&2
  exit 1
}

# The image of a job by digest.
by_digest() { # JOB
  local name found
  name=$(image "$("$PYTHON" "$here/job_table.py" image "$1")")
  if [ "$dry" = yes ]; then
    echo "$name@sha256:$(printf '0%.0s' {1..64})"
  elif there gcloud artifacts docker images describe "$name:$IMAGE_TAG" --format='value(image_summary.digest)'; then
    found=$name@$(cat "$work/found")
    [ "${PROVENANCE:-}" != required ] || vouched "$found" || return
    echo "$found"
  else
    echo "no image $name:$IMAGE_TAG; run deploy/build.sh first, or name another with IMAGE_TAG" >&2
    exit 1
  fi
}

for each in "${chosen[@]}"; do
  setting=${each^^}_JOB
  job=${!setting}
  doing="finding the image of $job"
  IMAGE=
  given --keep-image || IMAGE=$(by_digest "$each")
  COMMIT=$IMAGE_TAG PREVIOUS='' NEWER=''
  if there gcloud run jobs describe "$job" --region="$REGION" --format=json; then
    IFS=$'\t' read -r running commit PREVIOUS NEWER < <("$PYTHON" "$here/job_images.py" images "$work/found")
    if given --keep-image; then
      IMAGE=$running COMMIT=$commit
    elif [ "$running" != "$IMAGE" ]; then
      PREVIOUS="$running $commit" NEWER=-
    fi
  elif given --keep-image && [ "$dry" = no ]; then
    refuse "there is no job $job yet; without --keep-image it is made"
  fi
  : "${IMAGE:=the image that it runs}"
  export IMAGE COMMIT=${COMMIT#-} PREVIOUS=${PREVIOUS#-} NEWER=${NEWER#-}
  doing="writing $job"
  "$PYTHON" "$here/render.py" job "$each" >"$work/$each.yaml"
  say "$job: $IMAGE"
  [ -z "$PREVIOUS" ] || say "  before: $PREVIOUS"
  run gcloud run jobs replace "$work/$each.yaml" --region="$REGION"
  [ "${GRANTS:-yes}" = no ] ||
    grant "job:${each^^}" "job $job" gcloud run jobs VERB "$job" --region="$REGION"
done
say "deployed. Next: deploy/schedules.sh"
