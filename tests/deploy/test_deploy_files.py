"""The files that are deployed: one shape of three images, jobs whose variables exist, permissions that are few."""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import job_images
import permissions
import pytest
import render
import yaml
from job_table import IMAGES, JOBS, OPTIONS, SECRETS, TRIGGERED

from skucast.backends.warehouse.bigquery import tables
from skucast.core.tables.every import TABLES
from skucast.core.tables.sales import SALES
from skucast.runtime.groups.field import jobs_of
from skucast.runtime.settings import Settings

ROOT = Path(__file__).parents[2]
DOCKERFILES = sorted(ROOT.glob("Dockerfile.*"))
SHELL_SCRIPTS = sorted((ROOT / "deploy").glob("*.sh"))


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


# --- Images ---------------------------------------------------------------------------------------------------------


def test_the_three_dockerfiles_are_what_the_template_gives() -> None:
    """`make dockerfiles` writes them; there is one per image of the table, and none besides."""
    assert {path.name for path in DOCKERFILES} == {f"Dockerfile.{image}" for image in IMAGES}
    for image in IMAGES:
        assert text_of(f"Dockerfile.{image}") == render.dockerfile(image)


def test_the_three_dockerfiles_are_one_shape() -> None:
    """But for the title they are equal down to the line "the job"; so their layers are too."""
    assert len(DOCKERFILES) == 3
    shapes = {
        re.sub(r"\A.*\n|Dockerfile\.\w+|-t \w+", "", path.read_text().split("# --- the job ---")[0])
        for path in DOCKERFILES
    }
    assert len(shapes) == 1


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_an_image_starts_its_own_script_without_a_shell(path: Path) -> None:
    """What is copied exists and passes .dockerignore; the entrypoint is a list; the user is a number."""
    text = path.read_text(encoding="utf-8")
    scripts = re.search(r"^COPY ([\w. ]+\.py) \./$", text, re.MULTILINE)[1].split()
    allowed = text_of(".dockerignore")
    assert all((ROOT / script).is_file() and f"!{script}\n" in allowed for script in scripts)
    assert f'ENTRYPOINT ["python", "{scripts[0]}"]' in text
    assert "\nUSER 10001:10001\n" in text
    assert ("run_all_skus.py" in scripts) == (path.name == "Dockerfile.retrain")


def tool(name: str) -> str:
    """Return a tool of the development environment."""
    return shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}") or name


def test_linters_find_nothing() -> None:
    """The images by hadolint, the scripts by shellcheck."""
    hadolint = subprocess.run([tool("hadolint"), *map(str, DOCKERFILES)], capture_output=True, text=True, check=False)
    assert hadolint.returncode == 0, hadolint.stdout
    command = [tool("shellcheck"), "-x", "-P", str(ROOT / "deploy"), *map(str, SHELL_SCRIPTS)]
    shellcheck = subprocess.run(command, capture_output=True, text=True, check=False)
    assert shellcheck.returncode == 0, shellcheck.stdout


# --- Jobs -----------------------------------------------------------------------------------------------------------


IMAGE = {"IMAGE": f"r/i@sha256:{'0' * 64}", "COMMIT": "one", "PREVIOUS": "", "NEWER": ""}


def job_of(name: str, settings: dict[str, str]) -> dict:
    """Return the job as it is sent."""
    return yaml.safe_load(render.job_file(name, {**settings, **IMAGE}))


def task_of(job: dict) -> dict:
    """Return what each task of the job is."""
    return job["spec"]["template"]["spec"]["template"]["spec"]


@pytest.mark.parametrize("job", JOBS)
def test_a_job_s_variables_are_settings_that_it_reads(deployed: dict[str, str], job: str) -> None:
    """A misspelt one would be ignored by the job, and unseen by everybody."""
    [container] = task_of(job_of(job, deployed))["containers"]
    for each in container["env"]:
        field = Settings.model_fields[each["name"].lower()]
        assert job.lower() in field.json_schema_extra["jobs"], each["name"]
    names = [each["name"] for each in container["env"]]
    assert set(names) == {"WAREHOUSE", "BUSINESS_TZ", "WEEK_ANCHOR", *JOBS[job].variables}
    assert ("MODEL_STORE" in names) == (job not in ("MONITOR", "FRESHNESS"))


def test_the_template_has_the_parts_that_the_table_names() -> None:
    """A part that no job has would never be sent, and one that the template lacks neither."""
    parts = re.findall(r"^ *# if: (\w+)$", text_of("deploy/templates/job.yaml"), re.MULTILINE)
    named = {each for job in JOBS.values() for each in (*job.variables, *job.secrets)}
    assert sorted(parts) == sorted({"COMMAND", "ARGS", *named, *OPTIONS})
    assert {each for job in JOBS.values() for each in job.secrets} == set(SECRETS)
    assert {job.image for job in JOBS.values()} == set(IMAGES)


def test_the_scripts_have_the_lists_of_the_table() -> None:
    """In its order; the shell holds no list of its own."""
    show = (
        '. deploy/lib.sh; for each in JOBS TRIGGERED SECRETS IMAGES; do declare -n list=$each; echo "${list[*]}"; done'
    )
    environment = {**os.environ, "PYTHON": sys.executable, "CHECKED": "yes"}
    done = subprocess.run(["bash", "-c", show], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [" ".join(names) for names in (JOBS, TRIGGERED, SECRETS, IMAGES)]
    assert list(permissions.WRITES) == list(permissions.BUCKETS) == list(JOBS)


def test_without_the_lists_a_script_stops() -> None:
    """Which Python was asked in vain, and exit code 2."""
    environment = {**os.environ, "PYTHON": "false"}
    command = ["deploy/pause.sh", "--dry-run"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "false cannot read deploy/job_table.py: set PYTHON to a Python 3.11\n"


@pytest.mark.parametrize(
    ("job", "secret", "variable", "name"),
    [
        *((job, "OPEN_METEO", "OPEN_METEO_API_KEY", "open-meteo-api-key") for job in SECRETS["OPEN_METEO"]),
        *((job, "ALERT_WEBHOOK", "ALERT_WEBHOOK_URL", "skucast-alert-webhook") for job in SECRETS["ALERT_WEBHOOK"]),
    ],
)
def test_a_secret_is_asked_for_only_where_it_is(
    deployed: dict[str, str], job: str, secret: str, variable: str, name: str
) -> None:
    """A job that names a secret which is not there would not start; one that may not read it neither."""
    assert secret not in render.job_file(job, {**deployed, **IMAGE})
    there = {f"{secret}_SECRET_EXISTS": "yes", f"{secret}_SECRET_VERSION": "3"}
    [container] = task_of(job_of(job, {**deployed, **there}))["containers"]
    assert container["env"][-1] == {"name": variable, "valueFrom": {"secretKeyRef": {"name": name, "key": "3"}}}
    readers = {line.split("\t")[1] for line in permissions.lines(f"secret:{secret}", deployed)}
    assert f"serviceAccount:{deployed[f'{job}_ACCOUNT']}@{deployed['PROJECT']}.iam.gserviceaccount.com" in readers


@pytest.mark.parametrize(
    ("secret", "setting"), [("OPEN_METEO", "open_meteo_api_key"), ("ALERT_WEBHOOK", "alert_webhook_url")]
)
def test_every_job_that_reads_a_secret_gets_it(secret: str, setting: str) -> None:
    """A forecast that is stopped tells the chat as the monitoring does: its job names what its settings read."""
    readers = set(jobs_of(Settings.model_fields[setting]))
    assert {name.lower() for name in SECRETS[secret]} == readers & {name.lower() for name in JOBS}


def test_the_check_runs_on_the_monitoring_s_image(deployed: dict[str, str]) -> None:
    """The tool that docs/alerts.md names, once per start: a second try would be a second answer."""
    task = task_of(job_of("FRESHNESS", deployed))
    [container] = task["containers"]
    assert [*container["command"], *container["args"]] == ["python", "-m", "skucast", "freshness"]
    assert task["maxRetries"] == 0


def test_a_setting_that_is_missing_is_named() -> None:
    """And what is for Cloud Monitoring stays."""
    assert render.render("${resource.label.job_name} ${A}", {"A": "b"}) == "${resource.label.job_name} b"
    with pytest.raises(render.UnknownName, match=r"\$\{B\}: there is no such setting"):
        render.render("${B}", {})


def test_a_rollback_goes_back_once_and_forward_again(deployed: dict[str, str]) -> None:
    """Image and commit; nothing that Cloud Run adds to a job is sent back."""
    job = job_of("PREDICT", deployed)
    now = job_images.Images.of(job).now
    job["metadata"]["annotations"][job_images.PREVIOUS] = "before abc"
    job["metadata"] |= {"uid": "1", "generation": 4, "resourceVersion": "A"}
    job["status"] = {"conditions": []}
    assert job_images.Images.of(job).plan("back") == "back to before abc"
    assert job_images.Images.of(job).plan("forward") == "was not taken back; left as it is"
    back = job_images.moved(copy.deepcopy(job), "back")
    assert job_images.Images.of(back) == job_images.Images("before abc", "", now)
    assert back["metadata"]["labels"]["commit"] == "abc"
    assert set(back) == {"apiVersion", "kind", "metadata", "spec"}
    assert set(back["metadata"]) == {"name", "labels", "annotations"}
    assert job_images.Images.of(back).plan("back") == "is back already, at before abc"
    assert job_images.Images.of(back).release == job_images.Images.of(job).release == "one"
    forward = job_images.moved(back, "forward")
    assert job_images.Images.of(forward) == job_images.Images.of(job)


@pytest.mark.parametrize(
    ("bucket", "lacking"),
    [
        ({}, ["--versioning", "--uniform-bucket-level-access", "--public-access-prevention", "--lifecycle-file=RULES"]),
        (
            {"versioning_enabled": True, "lifecycle_config": {"rule": "others"}},
            ["--uniform-bucket-level-access", "own-rules"],
        ),
        ({"versioning_enabled": True, "lifecycle_config": {"rule": []}}, ["--uniform-bucket-level-access"]),
    ],
)
def test_a_bucket_that_is_there_is_completed(tmp_path: Path, bucket: dict[str, Any], lacking: list[str]) -> None:
    """What it lacks is added; rules that somebody else gave it stay."""
    rules = tmp_path / "rules.json"
    rules.write_text('{"rule": []}', encoding="utf-8")
    found = render.lacking(bucket | ({"public_access_prevention": "enforced"} if bucket else {}), str(rules))
    assert found == [each.replace("RULES", str(rules)) for each in lacking]


# --- Tables ---------------------------------------------------------------------------------------------------------


def test_tables_are_made_as_the_jobs_would_make_them(tmp_path: Path) -> None:
    """The same columns, modes, descriptions, partition and clusters; the sales are not ours to make."""
    render.write_tables(tmp_path)
    flags = [line.split("\x1f") for line in (tmp_path / "flags").read_text(encoding="utf-8").splitlines()]
    assert [name for name, *_ in flags] == [table.name for table in TABLES if table is not SALES]
    for table, (name, partition, cluster, meaning) in zip((t for t in TABLES if t is not SALES), flags, strict=True):
        schema = json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))
        fields = [tables.field_of(column).to_api_repr() for column in table.columns]
        types = {"FLOAT64": "FLOAT", "INT64": "INTEGER", "BOOL": "BOOLEAN"}
        same = [{**field, "type": types.get(field["type"], field["type"])} for field in schema]
        assert [{**field, "type": types.get(field["type"], field["type"])} for field in fields] == same
        assert partition == (table.partition if tables.is_by_day(table) else "")
        assert cluster.split(",") == list(table.cluster[:4]) or (cluster, table.cluster) == ("", ())
        assert meaning == table.meaning


# --- Permissions ----------------------------------------------------------------------------------------------------


def writable(job: str, settings: dict[str, str]) -> set[str]:
    """Return the tables that a job's account may write."""
    grants = [each for each in permissions.separate() if each.who == f"{job}_ACCOUNT" and each.tables]
    expressions = [
        permissions.condition(each, settings)[1] for each in grants if each.role == "roles/bigquery.dataEditor"
    ]
    expression = " ".join(expressions)
    return set(re.findall(r'== "projects/[\w-]+/datasets/\w+/tables/(\w+)"', expression))


def test_an_account_may_write_what_its_job_writes_and_no_more(deployed: dict[str, str]) -> None:
    """Predict writes no sales and no models; monitor touches no models; nobody writes the sales."""
    names = {table.name for table in TABLES} | {"distributor_forecast_alerts"}
    by_job = {job: writable(job, deployed) for job in JOBS}
    assert all(tables <= names for tables in by_job.values())
    assert not any(SALES.name in tables or deployed["SALES_TABLE"] in tables for tables in by_job.values())
    assert "distributor_forecasts_weekly" in by_job["PREDICT"] - by_job["MONITOR"] - by_job["RETRAIN"]
    roles = {(each.who, each.resource): each.role for each in permissions.separate()}
    assert roles["PREDICT_ACCOUNT", "models"] == "roles/storage.objectViewer"
    assert ("MONITOR_ACCOUNT", "models") not in roles
    assert not by_job["FRESHNESS"]
    assert not [each for each in permissions.separate() if each.who == "FRESHNESS_ACCOUNT" and "ditor" in each.role]
    assert not any(each.role in ("roles/owner", "roles/editor") for each in permissions.separate())


@pytest.mark.parametrize(("mode", "who"), [("separate", "rich-dist-monitor"), ("single", "rich-dist-forecast-runner")])
def test_whoever_monitors_may_start_the_retraining_where_the_loop_is_on(
    deployed: dict[str, str], mode: str, who: str
) -> None:
    """That one job, by a role of two permissions; and not where RETRAIN_ALERTS is 0, as it is delivered."""
    settings = {**deployed, "ACCOUNT_MODE": mode}
    off, on = (set(permissions.grants({**settings, "RETRAIN_ALERTS": weeks})) for weeks in ("0", "4"))
    [more] = on - off
    assert settings["RETRAIN_ALERTS"] == "0"
    assert off < on
    assert (settings[more.who], more.resource) == (who, "job:RETRAIN")
    assert more.role == "projects/{PROJECT}/roles/skucastRetrainer"


def test_only_the_trigger_s_account_and_operators_may_run(deployed: dict[str, str]) -> None:
    """And only operators with overrides: another set of variables is another program."""
    given = {**deployed, "OPERATORS": "group:ops@example.com"}
    runs = {job: permissions.lines(f"job:{job}", given) for job in JOBS}
    invokers = [line.split("\t")[:2] for lines in runs.values() for line in lines if "run.invoker" in line]
    scheduler = "serviceAccount:rich-dist-scheduler@eztech-442521.iam.gserviceaccount.com"
    assert invokers == [["roles/run.invoker", scheduler]] * 3
    with_overrides = [line.split("\t")[1] for lines in runs.values() for line in lines if "Overrides" in line]
    assert with_overrides == ["group:ops@example.com"] * 5
    others = {
        line.split("\t")[0]
        for resource in ("project", *(f"job:{job}" for job in runs))
        for line in permissions.lines(resource, given)
    }
    assert others & {"roles/run.developer", "roles/run.admin", "roles/run.jobsExecutor", "roles/editor"} == set()


def test_conditions_are_within_google_s_limit(deployed: dict[str, str]) -> None:
    """At most twelve logical operators in one expression."""
    for line in permissions.lines("project", deployed):
        assert len(re.findall(r"\|\||&&", line)) <= 12


def test_in_the_simple_mode_one_account_has_it_all(deployed: dict[str, str]) -> None:
    """No other account appears but that of the build."""
    single = {**deployed, "ACCOUNT_MODE": "single"}
    resources = [
        "project",
        "models",
        "staging",
        "secret:OPEN_METEO",
        "secret:ALERT_WEBHOOK",
        "job:PREDICT",
        "job:FRESHNESS",
    ]
    members = {line.split("\t")[1] for resource in resources for line in permissions.lines(resource, single)}
    assert {member.split("@")[0] for member in members} == {
        "serviceAccount:rich-dist-forecast-runner",
        "serviceAccount:rich-dist-builder",
    }


def test_a_policy_is_completed_and_otherwise_left_alone() -> None:
    """What others have granted stays; a second time nothing is missing; a condition needs version 3."""
    policy = {"etag": "x", "bindings": [{"role": "roles/a", "members": ["user:b"]}]}
    given = ["roles/a\tuser:c\t\t", "roles/a\tuser:c\ttitle\tresource.name == 1"]
    assert permissions.merge(policy, given)
    assert policy == {
        "etag": "x",
        "version": 3,
        "bindings": [
            {"role": "roles/a", "members": ["user:b", "user:c"]},
            {
                "role": "roles/a",
                "members": ["user:c"],
                "condition": {"title": "title", "expression": "resource.name == 1"},
            },
        ],
    }
    assert not permissions.merge(policy, given)


def test_the_table_of_permissions_is_that_of_the_code(deployed: dict[str, str]) -> None:
    """docs/permissions.md; `make docs` writes it."""
    text = text_of("docs/permissions.md")
    for mode in ("separate", "single"):
        shown = text.split(f"<!-- {mode}:start -->\n")[1].split(f"\n<!-- {mode}:end -->")[0]
        assert shown == permissions.table(mode, deployed)


# --- Google's own shapes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "kind", "pattern"),
    [
        ("monitoring.v3", "AlertPolicy", "deploy/monitoring/alerts/*.yaml"),
        ("monitoring.v1", "Dashboard", "deploy/monitoring/dashboards/*.yaml"),
        ("logging.v2", "LogMetric", "deploy/monitoring/metrics/*.yaml"),
        ("cloudbuild.v1", "Build", "cloudbuild*.yaml"),
    ],
)
def test_files_have_the_shape_that_google_publishes(
    tools: Path, deployed: dict[str, str], tmp_path: Path, document: str, kind: str, pattern: str
) -> None:
    """No unknown key, no wrong type, no wrong word of an enumeration."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in ROOT.glob(pattern)}
    if pattern != "cloudbuild*.yaml":
        texts = {name: render.render(text, {**deployed, "CHANNELS": "[]"}) for name, text in texts.items()}
    held_against_google(tools, tmp_path, document, kind, texts)


def test_jobs_have_the_shape_that_google_publishes(tools: Path, deployed: dict[str, str], tmp_path: Path) -> None:
    """With the secrets, of which each job has those that it reads."""
    given = {**deployed, **IMAGE, **{f"{secret}_SECRET_EXISTS": "yes" for secret in SECRETS}}
    held_against_google(tools, tmp_path, "run.v1", "Job", {f"{job}.yaml": render.job_file(job, given) for job in JOBS})


def held_against_google(tools: Path, folder: Path, document: str, kind: str, texts: dict[str, str]) -> None:
    """Hold the files against a document of Google's."""
    assert texts
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    paths = [str(folder / name) for name in texts]
    command = [sys.executable, str(tools / "api_schema_check.py"), document, kind, *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
