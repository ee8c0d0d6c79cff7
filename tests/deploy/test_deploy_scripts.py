"""The scripts are really run, against a stand-in for Google's APIs that records what gcloud and bq send."""

from __future__ import annotations

import fcntl
import json
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from skucast.core.tables.every import TABLES

ROOT = Path(__file__).parents[2]
PROJECT, REGION = "eztech-442521", "asia-south1"
REPOSITORY = f"/v1/projects/{PROJECT}/locations/{REGION}/repositories/rich-distributor-images"
REGISTRY = f"{REGION}-docker.pkg.dev/{PROJECT}/rich-distributor-images"
JOBS = f"/apis/run.googleapis.com/v1/namespaces/{PROJECT}/jobs"
TRIGGERS = f"/v1/projects/{PROJECT}/locations/{REGION}/jobs"

pytestmark = [
    pytest.mark.skipif("TEST_IMAGES" not in os.environ, reason="the scripts are run by make test-images only"),
    pytest.mark.usefixtures("gcloud"),
]


@dataclass
class Step:
    """One command: its exit code, what it said, and the requests it sent."""

    code: int
    said: str
    requests: list[dict[str, Any]]

    def sent(self, *methods: str) -> list[dict[str, Any]]:
        """Return the requests of these methods that changed something: no look-ups, no read-only calls."""
        wanted = methods or ("POST", "PUT", "PATCH", "DELETE")
        return [each for each in self.requests if each["method"] in wanted and "IamPolicy" not in each["path"]]

    def body(self, path: str) -> dict[str, Any]:
        """Return the body of the one request to a path that ends so and has a body."""
        [body] = [each["body"] for each in self.requests if each["path"].endswith(path) and each["body"]]
        return body


def digest(image: str, tag: str) -> str:
    """Return the made-up digest of an image."""
    return f"sha256:{(image + tag).encode().hex():0<64}"[: 7 + 64]


def things() -> dict[str, Any]:
    """Return what is there already: images of two commits."""
    there: dict[str, Any] = {REPOSITORY: {"name": REPOSITORY.removeprefix("/v1/"), "format": "DOCKER"}}
    for image in ("predict", "monitor", "retrain"):
        for tag in ("one", "two"):
            package = f"{REPOSITORY}/packages/{image}"
            version = f"{package}/versions/{digest(image, tag)}".removeprefix("/v1/")
            there[f"{package}/tags/{tag}"] = {"name": f"{package}/tags/{tag}".removeprefix("/v1/"), "version": version}
    return there


def play(
    tools: Path, folder: Path, steps: list[str], *, fail_once: str = "", saying: str = "", with_images: bool = True
) -> list[Step]:
    """Run the commands one after the other in one cloud, which begins empty but for the images."""
    (folder / "things.json").write_text(json.dumps(things() if with_images else {}), encoding="utf-8")
    out = folder / "recorded"
    lines = [
        f"({step}) >{folder}/said-{n} 2>&1; echo $? $(wc -l <{out}/requests.jsonl)" for n, step in enumerate(steps)
    ]
    environment = {
        **{name: value for name, value in os.environ.items() if name not in ("PROJECT", "REGION")},
        "PYTHON": sys.executable,
        "IMAGE_TAG": "one",
        "GRANT_PAUSE_S": "0",
        "THINGS": str(folder / "things.json"),
        "FAIL_ONCE": fail_once,
        **({"FAIL_TEXT": saying} if saying else {}),
    }
    recorder = [sys.executable, str(Path(__file__).with_name("recorder.py")), str(tools / "gcloud_recorder.py")]
    command = [*recorder, "--project", PROJECT, "--out", str(out), "--", "bash", "-c", "\n".join(lines)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    requests = [json.loads(line) for line in (out / "requests.jsonl").read_text(encoding="utf-8").splitlines()]
    ends = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    first, found = 0, []
    for number, (code, last) in enumerate(ends):
        said = (folder / f"said-{number}").read_text(encoding="utf-8")
        found.append(Step(code, said, requests[first:last]))
        first = last
    return found


def once(name: str, factory: pytest.TempPathFactory, played: Callable[[Path], list[Step]]) -> list[Step]:
    """Return what was played, by whichever of the test processes came first."""
    shared = factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    kept = shared / f"{name}.pickle"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            kept.write_bytes(pickle.dumps(played(factory.mktemp(name))))
        return pickle.loads(kept.read_bytes())


# --- setup.sh -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def setups(tools: Path, gcloud: None, tmp_path_factory: pytest.TempPathFactory) -> list[Step]:
    """Run setup.sh three times: refused at its first table, completed, repeated."""
    refused = "POST datasets/rich/tables$ 403"

    def played(folder: Path) -> list[Step]:
        return play(tools, folder, ["deploy/setup.sh"] * 3, fail_once=refused, with_images=False)

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
    assert len(editors) == 4
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


# --- jobs.sh, rollback.sh, schedules.sh, pause.sh, resume.sh, monitoring.sh ------------------------------------------


@pytest.fixture(scope="module")
def deployments(tools: Path, gcloud: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Step]:
    """Deploy, again, another commit, back; triggers refused in the middle, completed, live; alerts twice."""
    steps = {
        "first": "OPERATORS=group:ops@example.com deploy/jobs.sh",
        "again": "deploy/jobs.sh train",
        "newer": "IMAGE_TAG=two GRANTS=no deploy/jobs.sh predict",
        "newer again": "IMAGE_TAG=two GRANTS=no deploy/jobs.sh predict",
        "several": "deploy/rollback.sh",
        "back": "deploy/rollback.sh predict",
        "back again": "deploy/rollback.sh predict",
        "larger": "IMAGE_TAG=two PREDICT_MEMORY=4Gi deploy/jobs.sh --keep-image predict",
        "forward": "deploy/rollback.sh --forward predict",
        "no image": "IMAGE_TAG=three deploy/jobs.sh monitor",
        "triggers refused": "deploy/schedules.sh",
        "triggers": "deploy/schedules.sh",
        "live": "deploy/resume.sh",
        "triggers changed": "MONITOR_SCHEDULE='0 3 * * 5' deploy/schedules.sh",
        "live again": "deploy/resume.sh",
        "paused": "deploy/pause.sh",
        "paused again": "deploy/pause.sh",
        "alerts": "ALERT_EMAIL=ops@example.com deploy/monitoring.sh",
        "alerts again": "ALERT_EMAIL=ops@example.com deploy/monitoring.sh",
        "alerts of another": "ALERT_EMAIL=s@example.com deploy/monitoring.sh",
        "alerts of nobody": "deploy/monitoring.sh",
    }
    refused = "POST jobs/predict-weekly-trigger:pause 403"

    def played(folder: Path) -> list[Step]:
        return play(tools, folder, list(steps.values()), fail_once=refused)

    return dict(zip(steps, once("deploy", tmp_path_factory, played), strict=True))


def test_five_jobs_are_made_with_their_images_by_digest(deployments: dict[str, Step]) -> None:
    """Image, account, size, tries, variables; the bulk training and the check run on other jobs' images."""
    first = deployments["first"]
    assert first.code == 0, first.said
    jobs = {each["body"]["metadata"]["name"]: each["body"]["spec"]["template"] for each in first.sent("POST")}
    assert list(jobs) == [
        "predict-weekly",
        "monitor-performance",
        "retrain-models",
        "train-all-models",
        "check-freshness",
    ]
    task = jobs["predict-weekly"]["spec"]["template"]["spec"]
    [container] = task["containers"]
    assert container["image"] == f"{REGISTRY}/predict@{digest('predict', 'one')}"
    assert container["resources"]["limits"] == {"cpu": "1", "memory": "2Gi"}
    assert task["serviceAccountName"] == "rich-dist-predict@eztech-442521.iam.gserviceaccount.com"
    assert (task["maxRetries"], task["timeoutSeconds"]) == (2, "1800")
    variables = {each["name"]: each.get("value") for each in container["env"]}
    assert variables["WAREHOUSE"] == "bigquery://eztech-442521/rich"
    assert variables["MODEL_STORE"] == "gs://eztech-442521-rich-distributor-forecast-models"
    training = jobs["train-all-models"]["spec"]["template"]["spec"]["containers"][0]
    assert training["image"] == f"{REGISTRY}/retrain@{digest('retrain', 'one')}"
    assert training["command"] == ["python", "run_all_skus.py"]
    check = jobs["check-freshness"]["spec"]["template"]["spec"]["containers"][0]
    assert check["image"] == f"{REGISTRY}/monitor@{digest('monitor', 'one')}"


def test_who_may_start_them(deployments: dict[str, Step]) -> None:
    """The trigger's account where there is a trigger, operators everywhere with overrides."""
    policies = {
        each["path"].split("/jobs/")[1].split(":")[0]: each["body"]["policy"]["bindings"]
        for each in deployments["first"].requests
        if each["path"].endswith(":setIamPolicy")
    }
    roles = {job: sorted(each["role"] for each in bindings) for job, bindings in policies.items()}
    others = [f"projects/{PROJECT}/roles/skucastDeployer", "roles/run.jobsExecutorWithOverrides", "roles/run.viewer"]
    assert roles["retrain-models"] == roles["train-all-models"] == others
    assert roles["predict-weekly"] == roles["check-freshness"] == [others[0], "roles/run.invoker", *others[1:]]


def test_a_second_deployment_updates_in_place(deployments: dict[str, Step]) -> None:
    """One PUT of the same, and no permission is written again."""
    again = deployments["again"]
    assert [each["method"] for each in again.sent()] == ["PUT"]
    before = {each["body"]["metadata"]["name"]: each["body"]["spec"] for each in deployments["first"].sent("POST")}
    assert again.sent()[0]["body"]["spec"] == before["train-all-models"]
    assert not [each for each in again.requests if "setIamPolicy" in each["path"]]


def test_a_rollback_goes_to_the_image_before(deployments: dict[str, Step]) -> None:
    """Also after the newer one was deployed twice; done again it changes nothing; settings change without the image."""
    one, two = (f"{REGISTRY}/predict@{digest('predict', tag)} {tag}" for tag in ("one", "two"))

    def images(step: str) -> tuple[str, str, str]:
        body = deployments[step].sent("PUT")[0]["body"]
        container = body["spec"]["template"]["spec"]["template"]["spec"]["containers"][0]
        metadata = body["metadata"]
        now = f"{container['image']} {metadata['labels']['commit']}"
        annotations = metadata["annotations"]
        return now, annotations.get("skucast/previous", ""), annotations.get("skucast/newer", "")

    assert images("newer") == images("newer again") == (two, one, "")
    assert images("back") == images("larger") == (one, "", two)
    assert images("forward") == (two, one, "")
    assert deployments["back again"].code == 0
    assert "predict-weekly: is back already" in deployments["back again"].said
    assert not deployments["back again"].sent()
    larger = deployments["larger"].sent("PUT")[0]["body"]["spec"]["template"]["spec"]["template"]["spec"]
    assert larger["containers"][0]["resources"]["limits"]["memory"] == "4Gi"


def test_jobs_of_several_releases_are_not_rolled_back_together(deployments: dict[str, Step]) -> None:
    """One was deployed alone: who wants which back has to say so."""
    several = deployments["several"]
    assert several.code == 2
    assert "  two: predict-weekly\n" in several.said
    assert "  one: monitor-performance retrain-models train-all-models check-freshness\n" in several.said
    assert not several.sent()


def test_a_rollback_that_was_refused_goes_on(tools: Path, tmp_path: Path) -> None:
    """Two of five are back when Google refuses the third: the next run takes the other three, and all are of one."""
    deploy = "GRANTS=no deploy/jobs.sh"
    steps = [
        deploy,
        f"IMAGE_TAG=two {deploy}",
        "deploy/rollback.sh",
        "deploy/rollback.sh",
        "deploy/rollback.sh --forward",
    ]
    # The second PUT of this job: the first deployment made it, the first PUT was the second one.
    played = play(tools, tmp_path, steps, fail_once="PUT jobs/retrain-models#1 403")
    _, _, refused, completed, forward = played

    def commits(step: Step) -> dict[str, str]:
        bodies = [each["body"]["metadata"] for each in step.sent("PUT") if each["status"] == 200]
        return {body["name"]: body["labels"]["commit"] for body in bodies}

    assert refused.code != 0
    assert "rollback.sh stopped at: gcloud run jobs replace" in refused.said
    assert commits(refused) == {"predict-weekly": "one", "monitor-performance": "one"}
    assert completed.code == 0, completed.said
    assert commits(completed) == {"retrain-models": "one", "train-all-models": "one", "check-freshness": "one"}
    assert set(commits(forward).values()) == {"two"}
    assert len(commits(forward)) == 5


def test_without_an_image_no_job_is_touched(deployments: dict[str, Step]) -> None:
    """It says which, and what to run."""
    missing = deployments["no image"]
    assert missing.code == 1
    assert f"no image {REGISTRY}/monitor:three; run deploy/build.sh first" in missing.said
    assert not missing.sent()


def test_triggers_call_the_jobs_with_oauth_on_moscow_time(deployments: dict[str, Step]) -> None:
    """The v2 endpoint, which takes no OIDC token."""
    predict = deployments["triggers refused"].body(TRIGGERS)
    monitor, check = [each["body"] for each in deployments["triggers"].sent("POST") if each["path"] == TRIGGERS]
    assert check["schedule"] == "0 6,12,18 * * *"
    assert (predict["schedule"], monitor["schedule"]) == ("0 22 * * 3", "0 0 * * 5")
    assert predict["timeZone"] == monitor["timeZone"] == "Europe/Moscow"
    account = "rich-dist-scheduler@eztech-442521.iam.gserviceaccount.com"
    target = monitor["httpTarget"]
    assert target["oauthToken"] == {"serviceAccountEmail": account}
    assert target["httpMethod"] == "POST"
    assert target["uri"] == (
        f"https://run.googleapis.com/v2/projects/{PROJECT}/locations/{REGION}/jobs/monitor-performance:run"
    )


def test_a_new_trigger_is_paused_whatever_happens(deployments: dict[str, Step]) -> None:
    """Refused between creation and pausing, the next run pauses it; once it is live no update pauses it."""
    assert deployments["triggers refused"].code != 0
    assert deployments["triggers"].code == 0

    def actions(step: str) -> list[str]:
        paths = [each["path"] for each in deployments[step].sent("POST")]
        return [path.removeprefix(TRIGGERS) for path in paths]

    names = ["/predict-weekly-trigger", "/monitor-performance-trigger", "/check-freshness-trigger"]
    assert actions("triggers") == [f"{names[0]}:pause", "", f"{names[1]}:pause", "", f"{names[2]}:pause"]
    assert actions("live") == [f"{name}:resume" for name in names]
    assert actions("triggers changed") == []
    assert [each["body"]["schedule"] for each in deployments["triggers changed"].sent("PATCH")][1] == "0 3 * * 5"
    assert actions("paused") == [f"{name}:pause" for name in names]
    for repeated in ("live again", "paused again"):
        assert deployments[repeated].code == 0, deployments[repeated].said
        assert actions(repeated) == []


def test_alerts_are_made_once_and_then_updated(deployments: dict[str, Step]) -> None:
    """One channel, one policy per file that goes there; the second run makes none."""
    made = [each["path"].rsplit("/", 1)[-1] for each in deployments["alerts"].sent("POST")]
    files = len(list((ROOT / "deploy" / "monitoring" / "alerts").glob("*.yaml")))
    assert made.count("notificationChannels") == 1
    assert made.count("alertPolicies") == files >= 1
    policies = [each["body"] for each in deployments["alerts"].sent("POST") if each["path"].endswith("/alertPolicies")]
    assert all(len(policy["notificationChannels"]) == 1 for policy in policies)
    assert made.count("dashboards") == 1
    [failed] = [policy for policy in policies if policy["displayName"] == "skucast: a job has failed"]
    assert "run.googleapis.com/job/completed_execution_count" in failed["conditions"][0]["conditionThreshold"]["filter"]
    again = deployments["alerts again"]
    assert again.code == 0, again.said
    assert not [
        each for each in again.sent("POST") if re.search(r"(Channels|Policies|dashboards|metrics)$", each["path"])
    ]
    assert len([each for each in again.sent("PATCH") if "/alertPolicies/" in each["path"]]) == files


def test_channels_of_policies_are_kept(deployments: dict[str, Step]) -> None:
    """An address that is a part of another is another; a run without an address takes nobody's away."""
    another, nobody = deployments["alerts of another"], deployments["alerts of nobody"]
    assert [each["path"].rsplit("/", 1)[-1] for each in another.sent("POST")].count("notificationChannels") == 1

    def n_channels(step: Step) -> set[int]:
        updates = [each["body"] for each in step.sent("PATCH") if "/alertPolicies/" in each["path"]]
        return {len(set(body["notificationChannels"])) for body in updates}

    assert n_channels(deployments["alerts again"]) == {1}
    assert n_channels(another) == n_channels(nobody) == {2}


def test_a_policy_waits_for_its_metric(tools: Path, tmp_path: Path) -> None:
    """Google does not know a new log metric at once, and says so; any other refusal stops the script."""
    unknown = "Cannot find metric(s) that match type = logging.googleapis.com/user/x; it could take up to 10 minutes"
    refused = "POST /alertPolicies$ 404"
    [waited] = play(tools, tmp_path, ["POLICY_PAUSE_S=0 deploy/monitoring.sh"], fail_once=refused, saying=unknown)
    assert waited.code == 0, waited.said
    assert "its metric is not known yet; once more in 0 s" in waited.said
    [stopped] = play(tools, tmp_path, ["deploy/monitoring.sh"], fail_once=refused.replace("404", "403"))
    assert stopped.code == 1
    assert "monitoring.sh stopped at: creating the policy" in stopped.said


# --- build.sh and dry runs ------------------------------------------------------------------------------------------


def test_an_image_is_built_once_per_commit(tools: Path, tmp_path: Path) -> None:
    """Those of one are there; for a tag without images the source goes to Cloud Build, with the builder's account."""
    there, built = play(tools, tmp_path, ["deploy/build.sh", "IMAGE_TAG=three deploy/build.sh"])
    assert there.code == 0, there.said
    assert not there.sent()
    assert built.code == 0, built.said
    build = built.body("/builds")
    assert build["substitutions"]["_TAG"] == "three"
    assert build["substitutions"]["_DEPLOY"] == "no"
    assert build["serviceAccount"].endswith("${_BUILD_ACCOUNT}@${PROJECT_ID}.iam.gserviceaccount.com")
    assert [step["id"] for step in build["steps"]] == ["build", "push", "check", "deploy"]


def test_a_dry_run_sends_nothing(tools: Path, tmp_path: Path) -> None:
    """Every script shows what it would send, and asks Google nothing."""
    names = ["setup", "build", "jobs", "schedules", "monitoring", "pause", "resume", "rollback"]
    steps = play(tools, tmp_path, [f"deploy/{name}.sh --dry-run" for name in names])
    for name, step in zip(names, steps, strict=True):
        assert step.code == 0, step.said
        assert "+ gcloud " in step.said, name
        assert not step.requests


def test_wrong_settings_stop_every_script(tools: Path, tmp_path: Path) -> None:
    """Before anything is asked or sent."""
    [step] = play(tools, tmp_path, ["PREDICT_CPU=3 deploy/jobs.sh"])
    assert step.code == 2
    assert "job predict: cpu (PREDICT_CPU): found '3'" in step.said
    assert not step.requests
