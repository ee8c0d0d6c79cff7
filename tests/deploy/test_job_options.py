"""What an auditor asks of a job: a key, a network, a policy of images, one version of a secret."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import job_images
import pytest
import yaml
from check import job_mistakes, mistakes
from job_table import JOBS, SECRETS
from playing import PROJECT, images, play
from render import job_file

IMAGE = {"IMAGE": f"r/i@sha256:{'0' * 64}", "COMMIT": "one", "PREVIOUS": "", "NEWER": ""}
SECRET = "open-meteo-api-key"
VERSIONS = f"/v1/projects/{PROJECT}/secrets/{SECRET}/versions"


def job_of(name: str, settings: dict[str, str]) -> dict[str, Any]:
    """Return the job as it is sent."""
    return yaml.safe_load(job_file(name, {**IMAGE, **settings}))


OF_AN_AUDITOR = {
    "KMS_KEY": "projects/p/locations/asia-south1/keyRings/r/cryptoKeys/k",
    "VPC_NETWORK": "shared",
    "VPC_SUBNET": "jobs",
    "BINARY_AUTHORIZATION": "default",
}


@pytest.mark.parametrize("job", JOBS)
def test_key_network_and_policy_are_asked_for_where_they_are_set(deployed: dict[str, str], job: str) -> None:
    """As Cloud Run reads them: of executions, the policy of the job; as it is delivered a job has none of them."""
    plain, with_all = job_of(job, deployed), job_of(job, {**deployed, **OF_AN_AUDITOR})
    before, after = (each["spec"]["template"]["metadata"]["annotations"] for each in (plain, with_all))
    assert {name: after[name] for name in after.keys() - before.keys()} == {
        "run.googleapis.com/encryption-key": OF_AN_AUDITOR["KMS_KEY"],
        "run.googleapis.com/network-interfaces": '[{"network":"shared","subnetwork":"jobs"}]',
        "run.googleapis.com/vpc-access-egress": "private-ranges-only",
    }
    policy = "run.googleapis.com/binary-authorization"
    assert policy not in plain["metadata"]["annotations"]
    assert with_all["metadata"]["annotations"][policy] == "default"
    moved = job_images.moved(job_of(job, {**deployed, **OF_AN_AUDITOR, "PREVIOUS": "before abc"}), "back")
    assert moved["metadata"]["annotations"][policy] == "default"


def test_with_all_of_them_a_job_has_the_shape_that_google_publishes(
    tools: Path, deployed: dict[str, str], tmp_path: Path
) -> None:
    """Held against the document of the API, as the jobs without them are."""
    for job in JOBS:
        (tmp_path / f"{job}.yaml").write_text(job_file(job, {**deployed, **IMAGE, **OF_AN_AUDITOR}), encoding="utf-8")
    paths = sorted(map(str, tmp_path.glob("*.yaml")))
    command = [sys.executable, str(tools / "api_schema_check.py"), "run.v1", "Job", *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, len(paths)) == (0, len(JOBS)), done.stdout + done.stderr


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"KMS_KEY": "k"}, "KMS_KEY: found 'k', expected projects/P/locations/L/keyRings/R/cryptoKeys/K"),
        (
            {"KMS_KEY": "projects/p/locations/europe-west1/keyRings/r/cryptoKeys/k"},
            "expected a key in REGION, asia-south1",
        ),
        ({"VPC_NETWORK": "shared"}, "VPC_NETWORK and VPC_SUBNET: found one of them"),
        ({"VPC_SUBNET": "jobs"}, "VPC_NETWORK and VPC_SUBNET: found one of them"),
        ({"VPC_NETWORK": 'a","x', "VPC_SUBNET": "jobs"}, "VPC_NETWORK: found"),
        ({"VPC_EGRESS": "all"}, "VPC_EGRESS: found 'all', expected private-ranges-only or all-traffic"),
        ({"BINARY_AUTHORIZATION": "on"}, "BINARY_AUTHORIZATION: found 'on', expected default or nothing"),
        ({"OPEN_METEO_SECRET_VERSION": "latest"}, "OPEN_METEO_SECRET_VERSION: found 'latest', expected a version's"),
        ({"PYTHON_IMAGE": "python:3.11-slim"}, "PYTHON_IMAGE: found 'python:3.11-slim', expected an image of Python"),
    ],
)
def test_what_google_would_refuse_is_refused_before(deployed: dict[str, str], given: dict[str, str], said: str) -> None:
    """One line that names the setting."""
    assert any(said in line for line in mistakes({**deployed, **given}))


def test_as_it_is_delivered_and_with_all_of_them_nothing_is_wrong(deployed: dict[str, str]) -> None:
    """No mistake where there is none."""
    base = {"PYTHON_IMAGE": f"python:3.11-slim@sha256:{'0' * 64}"}
    assert list(mistakes(deployed)) == list(mistakes({**deployed, **OF_AN_AUDITOR, **base})) == []


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_of_no_version_is_refused(deployed: dict[str, str], secret: str) -> None:
    """`latest` changes what runs without anybody's deploying it."""
    given = {**deployed, f"{secret}_SECRET_EXISTS": "yes", f"{secret}_SECRET_VERSION": "latest"}
    [line] = job_mistakes(job_of(SECRETS[secret][0], given))
    assert line.endswith("found version 'latest' of its secret, expected a number")


@pytest.mark.usefixtures("gcloud")
def test_a_job_gets_the_newest_version_by_its_number(tools: Path, tmp_path: Path) -> None:
    """Or the one that is set; one that is disabled, or is not there, stops the script before any job is changed."""
    there = {
        f"{VERSIONS}/latest": {"name": f"{VERSIONS.removeprefix('/v1/')}/3", "state": "ENABLED"},
        f"{VERSIONS}/2": {"name": f"{VERSIONS.removeprefix('/v1/')}/2", "state": "ENABLED"},
        f"{VERSIONS}/1": {"name": f"{VERSIONS.removeprefix('/v1/')}/1", "state": "DISABLED"},
    }
    deploy = "GRANTS=no deploy/jobs.sh predict"
    steps = [deploy, *(f"OPEN_METEO_SECRET_VERSION={number} {deploy}" for number in (2, 1, 9))]
    newest, second, disabled, absent = play(tools, tmp_path, steps, there={**images(), **there})
    for step, number in ((newest, "3"), (second, "2")):
        assert step.code == 0, step.said
        [job] = [each["body"] for each in step.sent("POST", "PUT")]
        [container] = job["spec"]["template"]["spec"]["template"]["spec"]["containers"]
        references = [each["valueFrom"]["secretKeyRef"] for each in container["env"] if "valueFrom" in each]
        assert references == [{"name": SECRET, "key": number}]
    assert (disabled.code, disabled.sent()) == (2, [])
    assert f"version 1 of secret {SECRET} is DISABLED: enable it, or add another" in disabled.said
    assert (absent.code, absent.sent()) == (2, [])
    assert f"OPEN_METEO_SECRET_VERSION: secret {SECRET} has no version 9" in absent.said
