"""deploy/check.py: what gcloud would pass on is refused before anything is sent, each with what was expected."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from pathlib import Path

import check
import pytest
import yaml
from render import job_file

ROOT = Path(__file__).parents[2]


def test_the_settings_of_the_repository_are_right(deployed: dict[str, str]) -> None:
    """Nothing is found in deploy/settings.env and the jobs."""
    assert list(check.mistakes(deployed)) == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PROJECT", "EzTech", "PROJECT: found 'EzTech', expected a project's id"),
        ("PREDICT_JOB", "Predict-Weekly", "PREDICT_JOB: found 'Predict-Weekly', expected a job's name"),
        ("MODEL_BUCKET", "Models", "MODEL_BUCKET: found 'Models', expected a bucket's name"),
        ("PREDICT_ACCOUNT", "p", "PREDICT_ACCOUNT: found 'p', expected an account's id"),
        ("SCHEDULE_TZ", "Moscow", "SCHEDULE_TZ: found 'Moscow', expected a time zone's name"),
        ("PREDICT_SCHEDULE", "0 22 * *", "PREDICT_SCHEDULE: found '0 22 * *', expected five fields"),
        ("PREDICT_SCHEDULE", "0 24 * * 3", "PREDICT_SCHEDULE: found '0 24 * * 3', expected five fields"),
        ("PREDICT_SCHEDULE", "0 22 * * WED", "PREDICT_SCHEDULE: found '0 22 * * WED', expected five fields"),
        ("FRESHNESS_SCHEDULE", "daily", "FRESHNESS_SCHEDULE: found 'daily', expected five fields"),
        ("FRESHNESS_SCHEDULE", "0 0 6,18 * * *", "FRESHNESS_SCHEDULE: found '0 0 6,18 * * *', expected five fields"),
        ("PREDICT_SCHEDULE", "0 22 L * *", "PREDICT_SCHEDULE: found '0 22 L * *', expected five fields"),
        ("ALERT_WEBHOOK_SECRET", "my hook", "ALERT_WEBHOOK_SECRET: found 'my hook', expected a secret's name"),
        ("OPERATORS", "ops@example.com", "OPERATORS: found 'ops@example.com', expected group:NAME@DOMAIN"),
        ("MONITOR_ACCOUNT", "rich-dist-predict", "*_ACCOUNT: two of them are the same"),
        ("MONITOR_JOB", "predict-weekly", "*_JOB: two of them are the same"),
        (
            "STAGING_BUCKET",
            "eztech-442521-rich-distributor-forecast-models",
            "STAGING_BUCKET: found MODEL_BUCKET's name",
        ),
        ("SALES_TABLE", "staging_sales", "SALES_TABLE: found 'staging_sales', expected a table that no job writes"),
        ("SALES_TABLE", "distributor_forecasts_weekly", "SALES_TABLE: found 'distributor_forecasts_weekly', expected"),
        ("DATASET", "rich_данные", "DATASET: found 'rich_данные', expected a dataset's name"),
        ("MODEL_BUCKET", "a..b", "MODEL_BUCKET: found 'a..b', expected a bucket's name"),
        ("MODEL_BUCKET", "192.168.1.1", "MODEL_BUCKET: found '192.168.1.1', expected a bucket's name"),
        ("ALERT_EMAIL", "a@b.org,c@d.org", "ALERT_EMAIL: found 'a@b.org,c@d.org', expected one address"),
        ("SCHEDULE_TZ", "posixrules", "SCHEDULE_TZ: found 'posixrules', expected a time zone's name"),
        ("SCHEDULE_TZ", "localtime", "SCHEDULE_TZ: found 'localtime', expected a time zone's name"),
        ("PREDICT_SCHEDULE", "0 0 * * 5-1", "PREDICT_SCHEDULE: found '0 0 * * 5-1', expected five fields"),
        ("PREDICT_SCHEDULE", "0 0 * * */9", "PREDICT_SCHEDULE: found '0 0 * * */9', expected five fields"),
        ("PREDICT_SCHEDULE", "0 0 31 2,4 *", "PREDICT_SCHEDULE: found '0 0 31 2,4 *', expected days that there are"),
        ("FRESHNESS_SCHEDULE", "0 6 * * *", "FRESHNESS_SCHEDULE: found '0 6 * * *', expected twice a day or more"),
        ("FRESHNESS_SCHEDULE", "0 6,18 29 2 *", "FRESHNESS_SCHEDULE: found '0 6,18 29 2 *', expected twice a day"),
        ("FRESHNESS_SCHEDULE", "0 6,18 1 * 1-5", "FRESHNESS_SCHEDULE: found '0 6,18 1 * 1-5', expected twice a day"),
        ("FRESHNESS_SCHEDULE", "0 6,18 * * 1-5", "FRESHNESS_SCHEDULE: found '0 6,18 * * 1-5', expected twice a day"),
        ("PREDICT_TASKS", "true", "PREDICT_TASKS: found 'true', expected a whole number"),
        ("PREDICT_TIMEOUT_S", "1:30", "PREDICT_TIMEOUT_S: found '1:30', expected a whole number"),
        ("PREDICT_RETRIES", "010", "PREDICT_RETRIES: found '010', expected a whole number"),
        ("IMAGE_TAG", "V1.0", "IMAGE_TAG: found 'V1.0', expected a tag that can be a label too"),
        (
            "PYTHON_IMAGE",
            "python:3.10-slim",
            "PYTHON_IMAGE: found 'python:3.10-slim', expected an image of Python 3.11",
        ),
        ("SALES_COLUMNS", 'a="b"', "SALES_COLUMNS: found 'a=\"b\"', expected ours=theirs"),
        ("TRAIN_RETRIES", "50", "job train: maxRetries (TRAIN_RETRIES): found 50, expected 0 to 10"),
        (
            "TRAIN_TIMEOUT_S",
            "3240000",
            "job train: timeoutSeconds (TRAIN_TIMEOUT_S): found 3240000, expected 1 to 604800",
        ),
        ("TRAIN_TASKS", "0", "job train: taskCount (TRAIN_TASKS): found 0, expected 1 to 10000"),
        ("TRAIN_CPU", "3", "job train: cpu (TRAIN_CPU): found '3', expected one of 1, 2, 4, 6, 8"),
        ("TRAIN_MEMORY", "64Gi", "job train: memory (TRAIN_MEMORY): found 64Gi with 4 CPU, expected 2 to 16 GiB"),
        ("PREDICT_MEMORY", "8Gi", "job predict: memory (PREDICT_MEMORY): found 8Gi with 1 CPU, expected 0.5 to 4 GiB"),
        ("PREDICT_MEMORY", "2G", "job predict: memory (PREDICT_MEMORY): found '2G', expected a number with Gi or Mi"),
    ],
)
def test_each_mistake_is_named(deployed: dict[str, str], name: str, value: str, said: str) -> None:
    """Which setting or file, what was found, what was expected."""
    found = list(check.mistakes({**deployed, name: value}))
    assert found[0].startswith(said), found


@pytest.mark.parametrize("text", ["*/15 0-6,22 * * 1-5", "0 22 * * 3", "59 23 31 12 7", "0 0 31 2 3", "0 0 29 2 *"])
def test_other_schedules_are_right_too(deployed: dict[str, str], text: str) -> None:
    """Steps, ranges and lists."""
    assert list(check.mistakes({**deployed, "MONITOR_SCHEDULE": text})) == []


def good_job(settings: dict[str, str]) -> dict:
    """Return a job as it is sent."""
    image = f"r/i@sha256:{'0' * 64}"
    given = {**settings, "IMAGE": image, "COMMIT": "", "PREVIOUS": "", "NEWER": ""}
    return yaml.safe_load(job_file("PREDICT", given))


def test_a_job_of_ones_own_making_is_checked(deployed: dict[str, str]) -> None:
    """What somebody may write into the template by hand: each of these is sent by gcloud as it is."""

    def said(change) -> list[str]:
        job = copy.deepcopy(good_job(deployed))
        change(
            job, job["spec"]["template"]["spec"], job["spec"]["template"]["spec"]["template"]["spec"]["containers"][0]
        )
        return list(check.job_mistakes(job))

    assert said(lambda job, execution, container: None) == []
    assert said(lambda job, execution, container: job.update(kind="Service")) == ["kind: found Service, expected Job"]
    assert said(lambda job, execution, container: execution.update(parallelism=2)) == [
        "parallelism: found 2, expected 0 to taskCount"
    ]
    assert said(lambda job, execution, container: container.update(image="r/i:latest")) == [
        "image: found r/i:latest, expected one by digest, NAME@sha256:..."
    ]
    extra = {"name": "CLOUD_RUN_TASK_INDEX", "value": "0"}
    assert said(lambda job, execution, container: container["env"].append(extra)) == [
        "env CLOUD_RUN_TASK_INDEX: Cloud Run sets it itself"
    ]
    number = {"name": "WORKERS", "value": 4}
    assert said(lambda job, execution, container: container["env"].append(number)) == [
        "env WORKERS: found 4, expected text (quote it)"
    ]
    twice = {"name": "WAREHOUSE", "value": "x"}
    assert said(lambda job, execution, container: container["env"].append(twice)) == [
        "env WAREHOUSE: found twice, expected once"
    ]


def program(**variables: str) -> tuple[int, list[str]]:
    """Return the exit code and the lines of the check with these variables."""
    command = [sys.executable, str(ROOT / "deploy" / "check.py")]
    done = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr.splitlines()


def test_the_program_shows_all_mistakes_and_exits_2(tmp_path: Path) -> None:
    """Two settings of the environment are wrong: two lines, and that nothing was sent."""
    exit_code, lines = program(PROJECT="X", PREDICT_CPU="3")
    assert exit_code == 2
    assert [line.split(":")[0] for line in lines] == [
        "PROJECT",
        "job predict",
        "nothing was sent; correct deploy/settings.env, or what overrides it",
    ]


def check_with(own: Path) -> tuple[int, list[str]]:
    """Return the exit code and the mistakes of the check with a file of settings of one's own."""
    exit_code, lines = program(DEPLOY_SETTINGS=str(own))
    return exit_code, lines[:-1]


def test_a_file_of_ones_own_settings_is_checked(tmp_path: Path) -> None:
    """Its values, its lines, names that nobody knows, and whether it is there."""
    own = tmp_path / "own.env"
    own.write_text("# mine\r\nPREDICT_CPU=2\r\n\r\n", encoding="utf-8", newline="")
    assert check_with(own) == (0, [])
    own.write_text("PREDICT_RETRIES=11\nPREDCIT_JOB=x\nexport PROJECT=y\n PROJECT = z\n", encoding="utf-8")
    assert check_with(own) == (
        2,
        [
            f"{own}, line 3: found export PROJECT=y, expected NAME=value",
            f"{own}, line 4: found  PROJECT = z, expected NAME=value",
            f"{own}: PREDCIT_JOB: there is no such setting",
            "job predict: maxRetries (PREDICT_RETRIES): found 11, expected 0 to 10",
        ],
    )
    assert check_with(tmp_path / "none.env") == (
        2,
        [f"{tmp_path / 'none.env'}: no file of settings (FileNotFoundError)"],
    )


@pytest.mark.parametrize(
    ("call", "settings", "said"),
    [
        ("pause.sh predict", "", "deploy/pause.sh: takes no arguments, found predict"),
        ("rollback.sh --dry-run foo", "", "deploy/rollback.sh: there is no job foo; expected some of predict monitor"),
        ("jobs.sh --forward", "", "deploy/jobs.sh: unknown flag --forward; --help shows them"),
        ("jobs.sh", "PREDICT_JOB = x\n", "OWN, line 1: found PREDICT_JOB = x, expected NAME=value"),
        ("jobs.sh", None, "OWN: there is no such file of settings"),
    ],
)
def test_a_wrong_call_is_one_line(tmp_path: Path, call: str, settings: str | None, said: str) -> None:
    """What is wrong, and exit code 2; nothing is asked or sent."""
    own = tmp_path / "own.env"
    if settings is not None:
        own.write_text(settings, encoding="utf-8")
    environment = {**os.environ, "PYTHON": sys.executable, "DEPLOY_SETTINGS": str(own)}
    script, *arguments = call.split()
    done = subprocess.run(
        [f"deploy/{script}", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert line.startswith(said.replace("OWN", str(own)))


@pytest.mark.parametrize("text", ["0 6,12,18 * * *", "0 6,18 * * 0-6", "0 6,18 * * 1-7", "*/30 * * * *"])
def test_a_heartbeat_of_every_day_is_right(deployed: dict[str, str], text: str) -> None:
    """Whichever way the seven days are written: 0 and 7 are both Sunday."""
    assert list(check.mistakes({**deployed, "FRESHNESS_SCHEDULE": text})) == []


@pytest.mark.parametrize(("zone", "is_right"), [("Europe/Moscow", True), ("Etc/UTC", True), ("Europe/Berlin", False)])
def test_the_heartbeat_s_silence_is_that_of_the_clock(deployed: dict[str, str], zone: str, is_right: bool) -> None:
    """From 00:30 to 24:00 are 23.5 h, but for the night in which the clocks of Berlin go back: Moscow's do not."""
    found = list(check.mistakes({**deployed, "FRESHNESS_SCHEDULE": "0,30 0 * * *", "SCHEDULE_TZ": zone}))
    assert (found == []) == is_right
