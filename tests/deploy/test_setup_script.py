"""deploy/setup.sh: refused in the middle, completed by the next run, and left alone by the one after."""

from __future__ import annotations

from pathlib import Path

import pytest
from playing import PROJECT, REGION, Step, once, play

from skucast.core.tables.every import TABLES

pytestmark = pytest.mark.usefixtures("gcloud")


@pytest.fixture(scope="module")
def setups(tools: Path, gcloud: None, tmp_path_factory: pytest.TempPathFactory) -> list[Step]:
    """Run setup.sh three times: refused at its first table, completed, repeated."""
    refused = "POST datasets/rich/tables$ 403"

    def played(folder: Path) -> list[Step]:
        return play(tools, folder, ["deploy/setup.sh"] * 3, fail_once=refused, there={})

    return once("setup", tmp_path_factory, played)


def test_a_failure_in_the_middle_stops_with_a_clear_message(setups: list[Step]) -> None:
    """What was refused, that nothing came after it, what to do; and nothing did come after it."""
    failed = setups[0]
    assert failed.code != 0
    assert "setup.sh stopped at: bq --project_id=eztech-442521 mk --table" in failed.said
    assert "run it again: it goes on from there" in failed.said
    assert failed.requests[-1]["path"].endswith("/datasets/rich/tables")
    assert failed.requests[-1]["status"] == 403


def test_the_next_run_makes_what_is_missing_and_no_more(setups: list[Step]) -> None:
    """APIs, tables, repository, seven accounts and permissions; buckets and dataset were there."""
    completed = setups[1]
    assert completed.code == 0, completed.said
    made = [each["path"].rsplit("/", 1)[-1] for each in completed.sent("POST")]
    assert made.count("tables") == len(TABLES) - 1  # the sales are not ours
    assert made.count("serviceAccounts") == 7
    assert made.count("repositories") == 1
    assert not {"b", "datasets"} & set(made)


def test_buckets_keep_versions_and_are_closed_to_the_public(setups: list[Step]) -> None:
    """Created in the region, with uniform access; then versions and rules."""
    models, staging = [each["body"] for each in setups[0].sent("POST") if each["path"] == "/storage/v1/b"]
    assert models["name"] == "eztech-442521-rich-distributor-forecast-models"
    assert staging["location"] == REGION
    access = {"publicAccessPrevention": "enforced", "uniformBucketLevelAccess": {"enabled": True}}
    assert models["iamConfiguration"] == staging["iamConfiguration"] == access
    updates = [each["body"] for each in setups[0].sent("PATCH")]
    assert [body["versioning"] for body in updates] == [{"enabled": True}] * 2
    rule = {"daysSinceNoncurrentTime": 90, "isLive": False, "numNewerVersions": 3}
    assert updates[0]["lifecycle"]["rule"] == [{"action": {"type": "Delete"}, "condition": rule}]


def test_the_forecasts_table_is_partitioned_and_clustered(setups: list[Step]) -> None:
    """As bq sends it."""
    tables = {
        each["body"]["tableReference"]["tableId"]: each["body"]
        for each in setups[1].sent("POST")
        if each["path"].endswith("/tables")
    }
    forecasts = tables["distributor_forecasts_weekly"]
    assert forecasts["timePartitioning"] == {"field": "cutoff", "type": "DAY"}
    assert forecasts["clustering"] == {"fields": ["unit", "channel", "SKU_ID"]}
    assert forecasts["schema"]["fields"][0]["mode"] == "REQUIRED"


def test_permissions_are_those_of_the_list(setups: list[Step]) -> None:
    """On the project with conditions; predict reads models, the trainings replace them."""
    [project] = [
        each["body"]["policy"] for each in setups[1].requests if each["path"].endswith(f"{PROJECT}:setIamPolicy")
    ]
    assert project["version"] == 3
    editors = [each for each in project["bindings"] if each["role"] == "roles/bigquery.dataEditor"]
    assert len(editors) == 5  # that of the forecasts in two parts
    assert all("distributor_sales" not in each["condition"]["expression"] for each in editors)
    models = [each["body"] for each in setups[1].sent("PUT") if each["path"].endswith("forecast-models/iam")]
    by_role = {each["role"]: each["members"] for each in models[0]["bindings"]}
    account = "serviceAccount:rich-dist-{}@eztech-442521.iam.gserviceaccount.com".format
    assert by_role["roles/storage.objectViewer"] == [account("predict")]
    assert by_role["roles/storage.objectUser"] == [account("retrain"), account("train")]


def test_a_further_run_changes_nothing(setups: list[Step]) -> None:
    """But that it enables the APIs, which are enabled."""
    repeated = setups[2]
    assert repeated.code == 0, repeated.said
    assert [each["path"] for each in repeated.sent()] == [f"/v1/projects/{PROJECT}/services:batchEnable"]
    assert not [each for each in repeated.requests if "setIamPolicy" in each["path"]]
