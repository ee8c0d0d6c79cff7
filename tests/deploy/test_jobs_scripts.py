"""deploy/build.sh, jobs.sh and rollback.sh: images by digest, and back to those before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from job_table import JOBS
from playing import PROJECT, REGISTRY, Step, digest, images, once, play
from render import job_file

pytestmark = pytest.mark.usefixtures("gcloud")


@pytest.fixture(scope="module")
def deployments(tools: Path, gcloud: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Step]:
    """Deploy, again, another commit, back and forward, and without an image."""
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
    }

    def played(folder: Path) -> list[Step]:
        return play(tools, folder, list(steps.values()))

    return dict(zip(steps, once("jobs", tmp_path_factory, played), strict=True))


def test_an_image_is_built_once_per_commit(tools: Path, tmp_path: Path) -> None:
    """Those of one are there; for a tag without images the source goes to Cloud Build, with the builder's account."""
    base = f"python:3.11-slim@sha256:{'1' * 64}"
    steps = [
        "deploy/build.sh",
        f"IMAGE_TAG=three PYTHON_IMAGE={base} deploy/build.sh",
    ]
    there, built = play(tools, tmp_path, steps)
    assert there.code == 0, there.said
    assert not there.sent()
    assert built.code == 0, built.said
    build = built.body("/builds")
    assert build["substitutions"]["_TAG"] == "three"
    assert build["substitutions"]["_PYTHON_IMAGE"] == base
    assert build["serviceAccount"].endswith("${_BUILD_ACCOUNT}@${PROJECT_ID}.iam.gserviceaccount.com")
    assert [step["id"] for step in build["steps"]] == ["build", "sbom", "scan"]
    assert build["options"]["requestedVerifyOption"] == "VERIFIED"
    (tmp_path / "unpinned").mkdir()
    (unpinned,) = play(tools, tmp_path / "unpinned", ["IMAGE_TAG=three deploy/build.sh"])
    locked = (Path(__file__).parents[2] / "deploy" / "base.lock").read_text(encoding="utf-8").splitlines()[-1]
    is_pinned = "@sha256:" in locked
    assert unpinned.code == 0, unpinned.said
    assert unpinned.body("/builds")["substitutions"]["_PYTHON_IMAGE"] == (locked if is_pinned else "")
    assert is_pinned or "to stay on one: deploy/base_image.py refresh" in unpinned.said


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


def release_two(settings: dict[str, str]) -> dict[str, Any]:
    """Return a cloud with the five jobs as the deployment of two left them, after that of one."""
    there = images()
    for name, job in JOBS.items():
        image = f"{REGISTRY}/{job.image}@"
        before = f"{image}{digest(job.image, 'one')} one"
        given = {"IMAGE": image + digest(job.image, "two"), "COMMIT": "two", "PREVIOUS": before, "NEWER": ""}
        made = yaml.safe_load(job_file(name, {**settings, **given}))
        made["status"] = {"conditions": [{"type": "Ready", "status": "True"}], "observedGeneration": 1}
        made["metadata"]["generation"] = 1
        there[f"/apis/run.googleapis.com/v1/namespaces/{PROJECT}/jobs/{made['metadata']['name']}"] = made
    return there


def test_a_rollback_that_was_refused_goes_on(tools: Path, deployed: dict[str, str], tmp_path: Path) -> None:
    """Two of five are back when Google refuses the third: the next run takes the other three, and all are of one."""
    steps = ["deploy/rollback.sh", "deploy/rollback.sh", "deploy/rollback.sh --forward"]
    refusal = "PUT jobs/retrain-models 403"
    refused, completed, forward = play(tools, tmp_path, steps, fail_once=refusal, there=release_two(deployed))

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
