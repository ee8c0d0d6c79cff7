#!/usr/bin/env bash
# Make what the jobs need: APIs, buckets, dataset and tables, image repository, accounts and their permissions.
#
#   deploy/setup.sh [--dry-run]
#
# Safe to repeat; what is there is left as it is, or completed; lifecycle and clean-up rules of others stay. Whoever runs it
# needs roles/owner, or the admin roles of these services. Settings: deploy/settings.env.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

say "== APIs"
run gcloud services enable run.googleapis.com cloudscheduler.googleapis.com cloudbuild.googleapis.com \
  artifactregistry.googleapis.com bigquery.googleapis.com bigquerystorage.googleapis.com storage.googleapis.com \
  containeranalysis.googleapis.com ondemandscanning.googleapis.com \
  secretmanager.googleapis.com logging.googleapis.com monitoring.googleapis.com iam.googleapis.com

say "== Buckets"
bucket() { # NAME LIFECYCLE
  local flag flags=() own_rules=no
  if ! there gcloud storage buckets describe "gs://$1" --format=json; then
    run gcloud storage buckets create "gs://$1" --location="$REGION" --uniform-bucket-level-access --public-access-prevention \
      ${KMS_KEY:+"--default-encryption-key=$KMS_KEY"}
    run gcloud storage buckets update "gs://$1" --versioning --lifecycle-file="$2"
    return
  fi
  "$PYTHON" "$here/render.py" bucket "$work/found" "$2" >"$work/lacking"
  while read -r flag; do
    case $flag in
      '') ;;
      own-rules) own_rules=yes ;;
      *) flags+=("$flag") ;;
    esac
  done <"$work/lacking"
  if [ ${#flags[@]} -gt 0 ]; then run gcloud storage buckets update "gs://$1" "${flags[@]}"; else say "gs://$1: there"; fi
  [ $own_rules = no ] ||
    say "  its lifecycle rules stay; ours: gcloud storage buckets update gs://$1 --lifecycle-file=$2"
}
bucket "$MODEL_BUCKET" "$here/policies/models-lifecycle.json"
bucket "$STAGING_BUCKET" "$here/policies/staging-lifecycle.json"

say "== Dataset and tables"
if there bq --project_id="$PROJECT" --format=json show --dataset "$PROJECT:$DATASET"; then
  say "dataset $DATASET: there"
else
  run bq --project_id="$PROJECT" --location="$DATASET_LOCATION" mk --dataset ${KMS_KEY:+"--default_kms_key=$KMS_KEY"} \
    --description="Sales, and the forecasts of skucast" "$PROJECT:$DATASET"
fi
doing="making the tables' definitions"
mkdir "$work/tables"
"$PYTHON" "$here/render.py" tables "$work/tables"
: >"$work/present"
ask bq --project_id="$PROJECT" --format=json ls --max_results=10000 "$PROJECT:$DATASET" >"$work/present"
while IFS=$'\x1f' read -r name partition cluster meaning <&3; do
  if grep -q "\"tableId\": *\"$name\"" "$work/present"; then
    say "table $name: there"
    continue
  fi
  flags=(--schema="$work/tables/$name.json" --description="$meaning")
  [ -z "$partition" ] || flags+=(--time_partitioning_type=DAY --time_partitioning_field="$partition")
  [ -z "$cluster" ] || flags+=(--clustering_fields="$cluster")
  run bq --project_id="$PROJECT" mk --table "${flags[@]}" "$PROJECT:$DATASET.$name"
done 3<"$work/tables/flags"
if [ "$dry" = no ] && ! grep -q "\"tableId\": *\"$SALES_TABLE\"" "$work/present"; then
  say "note: there is no table $SALES_TABLE with the sales yet; its own pipeline makes it"
fi

say "== Image repository"
images_of="Images of skucast"
if there gcloud artifacts repositories describe "$REPOSITORY" --location="$REGION" --format=json; then
  say "repository $REPOSITORY: there"
else
  run gcloud artifacts repositories create "$REPOSITORY" --location="$REGION" --repository-format=docker ${KMS_KEY:+"--kms-key=$KMS_KEY"} \
    --description="$images_of"
  printf '%s' "$images_of" >"$work/found"
fi
cleanup=(gcloud artifacts repositories set-cleanup-policies "$REPOSITORY" --location="$REGION"
  --policy="$here/policies/images-cleanup.json" --no-dry-run)
if grep -q '"cleanupPolicies"' "$work/found"; then
  : # it has rules
elif grep -qF "$images_of" "$work/found"; then
  run "${cleanup[@]}"
else
  say "it was not made by this script, and deletes nothing. To keep ten images, and others for 90 days:"
  say " $(printf ' %q' "${cleanup[@]}")"
fi

say "== Accounts"
account() { # NAME WHAT
  if there gcloud iam service-accounts describe "$(email "$1")" --format=json; then
    say "account $1: there"
  else
    run gcloud iam service-accounts create "$1" --display-name="$2"
  fi
}
if [ "$ACCOUNT_MODE" = single ]; then
  account "$SINGLE_ACCOUNT" "skucast: all jobs"
else
  for each in "${JOBS[@]}"; do
    name=${each}_ACCOUNT job=${each}_JOB
    account "${!name}" "skucast: ${!job}"
  done
  account "$SCHEDULER_ACCOUNT" "skucast: triggers"
fi
account "$BUILD_ACCOUNT" "skucast: builds images, replaces jobs"

say "== Role of the build's account"
if there gcloud iam roles describe skucastDeployer --project="$PROJECT" --format=json; then
  say "role skucastDeployer: there"
else
  run gcloud iam roles create skucastDeployer --project="$PROJECT" --title="skucast: replaces jobs" --stage=GA \
    --permissions=run.jobs.get,run.jobs.update
fi

if [ "$RETRAIN_ALERTS" != 0 ]; then
  say "== Role of whoever has models trained anew"
  if there gcloud iam roles describe skucastRetrainer --project="$PROJECT" --format=json; then
    say "role skucastRetrainer: there"
  else
    run gcloud iam roles create skucastRetrainer --project="$PROJECT" --title="skucast: starts retrainings" --stage=GA \
      --permissions=run.jobs.run,run.jobs.runWithOverrides
  fi
fi

say "== Permissions (docs/permissions.md says why)"
grant project "project $PROJECT" gcloud projects VERB "$PROJECT"
grant models "gs://$MODEL_BUCKET" gcloud storage buckets VERB "gs://$MODEL_BUCKET"
grant staging "gs://$STAGING_BUCKET" gcloud storage buckets VERB "gs://$STAGING_BUCKET"
grant repository "repository $REPOSITORY" gcloud artifacts repositories VERB "$REPOSITORY" --location="$REGION"
if [ "$ACCOUNT_MODE" = single ]; then
  grant account:SINGLE_ACCOUNT "account $SINGLE_ACCOUNT" gcloud iam service-accounts VERB "$(email "$SINGLE_ACCOUNT")"
else
  for job in "${JOBS[@]}"; do
    setting=${job}_ACCOUNT
    grant "account:$setting" "account ${!setting}" gcloud iam service-accounts VERB "$(email "${!setting}")"
  done
fi

say "== Secrets"
for each in "${SECRETS[@]}"; do
  setting=${each}_SECRET
  secret=${!setting}
  if there gcloud secrets describe "$secret" --format=json; then
    grant "secret:$each" "secret $secret" gcloud secrets VERB "$secret"
  else
    case $each in
      OPEN_METEO) without="the weather service is used without a key" ;;
      ALERT_WEBHOOK) without="no chat gets the digest of alerts" ;;
    esac
    say "no secret $secret: $without. To add it, and then run this and deploy/jobs.sh again:"
    say "  gcloud secrets create $secret --replication-policy=automatic --data-file=FILE"
  fi
done
say "set up. Next: deploy/build.sh"
