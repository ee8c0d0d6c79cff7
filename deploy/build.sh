#!/usr/bin/env bash
# Build the three images of this commit and push them, tagged with it.
#
#   deploy/build.sh [--dry-run]
#
# BUILDER=cloud sends the source to Cloud Build (cloudbuild.yaml), BUILDER=docker builds and pushes with this machine's
# docker, without provenance. A tag that has all three images is not built again. Jobs are deployed by digest, so a moved tag
# changes no job. The base is one by digest: PYTHON_IMAGE, that of deploy/base.lock, or what the tag there is today.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
needs_tag

missing=()
for image in "${IMAGES[@]}"; do
  there gcloud artifacts docker images describe "$(image "$image"):$IMAGE_TAG" --format=json || missing+=("$image")
done
if [ ${#missing[@]} -eq 0 ]; then
  say "images of $IMAGE_TAG: there"
  exit 0
fi
doing="looking for changes that no commit has"
# shellcheck disable=SC2154 # set in lib.sh
if [ "$dry" = no ] && [ "$tag_is_given" = no ] && [ -n "$(git -C "$repo" status --porcelain)" ]; then
  echo "the working tree differs from commit $IMAGE_TAG: commit first, or set IMAGE_TAG to a name that says so" >&2
  exit 2
fi
doing="reading the base of the images"
if [ -z "$PYTHON_IMAGE" ] && ! PYTHON_IMAGE=$("$PYTHON" "$here/base_image.py" show 2>/dev/null); then
  PYTHON_IMAGE=
  say "deploy/base.lock has no digest: the base is what its tag is today; to stay on one: deploy/base_image.py refresh, and a commit"
fi
version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' "$repo/src/skucast/__init__.py")
case $BUILDER in
  cloud)
    run gcloud builds submit "$repo" --config="$repo/cloudbuild.yaml" --region="$REGION" \
      --substitutions="_TAG=$IMAGE_TAG,_REGION=$REGION,_REPOSITORY=$REPOSITORY,_PYTHON_IMAGE=$PYTHON_IMAGE,_VERSION=$version,_BUILD_ACCOUNT=$BUILD_ACCOUNT,_STAGING_BUCKET=$STAGING_BUCKET"
    ;;
  docker)
    run gcloud auth configure-docker "$REGION-docker.pkg.dev"
    if [ -z "$PYTHON_IMAGE" ]; then
      tag=$(grep --invert-match '^#' "$here/base.lock")
      run docker pull --quiet "$tag"
      PYTHON_IMAGE=$tag@DIGEST
      [ "$dry" = yes ] || PYTHON_IMAGE=$(docker inspect --format='{{index .RepoDigests 0}}' "$tag")
    fi
    for image in "${IMAGES[@]}"; do
      run docker build --platform=linux/amd64 --file "$repo/Dockerfile.$image" --tag "$(image "$image"):$IMAGE_TAG" \
        --build-arg "PYTHON_IMAGE=$PYTHON_IMAGE" --build-arg "COMMIT=$IMAGE_TAG" --build-arg "VERSION=$version" "$repo"
      run docker push "$(image "$image"):$IMAGE_TAG"
    done
    ;;
esac
say "built. Next: deploy/jobs.sh"
