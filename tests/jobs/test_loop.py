"""The loop: what stays an alert is trained anew, once, within its bounds, and nothing of it costs the scorecard."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pandas as pd
import pytest
from a_cloud import CloudRun
from business import SHIFTED, Business

from skucast.backends import cloud_run
from skucast.core.errors import RunFailed
from skucast.core.tables.alerts import ALERTS
from skucast.core.tables.records import REGISTRY, RETRAININGS, RUNS
from skucast.jobs import loop, monitor

QUIET = ("--min-promo-coverage", "0")
OPENED, SECOND, THIRD = "2026-11-11", "2026-11-18", "2026-11-25"
LOOP = (*QUIET, "--retrain-alerts", "2")
JOB = "retrain-models --region asia-south1 --project a-project"


@pytest.fixture
def opened(shifted: Business, monkeypatch: pytest.MonkeyPatch) -> Business:
    """Return a business with an alert that was opened a week ago."""
    monkeypatch.setenv("TUNE", "off")
    shifted.already("monitor", *QUIET, "--as-of", OPENED)
    return shifted


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[CloudRun]:
    """Return Cloud Run, on which the jobs run: each start is another execution unless a test says which."""
    monkeypatch.setattr(cloud_run, "PAUSE_S", 0.0)
    server = CloudRun(200)
    monkeypatch.setenv("CLOUD_RUN_ENDPOINT", server.url)
    monkeypatch.setenv("RETRAIN_JOB", JOB)
    monkeypatch.setenv("LOG_FORMAT", "text")
    monkeypatch.setenv("CLOUD_RUN_EXECUTION", "monitor-one")
    yield server
    server.stop()


def requests(business: Business) -> pd.DataFrame:
    """Return what was asked for, oldest first."""
    return business.warehouse.read(RETRAININGS)


def live(business: Business) -> str:
    """Return the live model of the combination with the alert, by its bytes; empty without one."""
    path = business.models / SHIFTED.unit / SHIFTED.channel / f"{SHIFTED.sku_id}.pkl"
    return path.read_bytes().hex() if path.exists() else ""


def test_off_unless_it_is_asked_for(opened: Business) -> None:
    """Nothing is trained, and there is no table of requests."""
    assert opened("monitor", *QUIET, "--as-of", SECOND) == 0
    assert len(requests(opened)) == 0
    assert live(opened) == ""


def test_an_alert_that_stays_open_is_trained_anew_here_and_once(opened: Business, shown: Callable[[], str]) -> None:
    """After the scorecard, with a row of its own in runs and registry; a repeat of the week trains nothing."""
    assert opened("monitor", *QUIET, "--retrain-alerts", "3", "--as-of", SECOND) == 0
    assert live(opened) == ""
    assert opened("monitor", *LOOP, "--as-of", SECOND) == 0
    model = live(opened)
    assert model
    [row] = requests(opened).to_dict("records")
    assert (row["state"], row["attempt"], row["n_open_weeks"], row["SKU_ID"]) == ("done", 1, 2, "A1")
    registry = opened.warehouse.read(REGISTRY)
    assert registry[registry["run_id"] == row["execution"]]["outcome"].tolist() == ["saved"]
    runs = opened.warehouse.read(RUNS).query("job == 'retrain'")
    assert runs[["run_id", "exit_code", "scope", "n_combinations"]].to_numpy().tolist() == [
        [row["execution"], 0, "targets", 1]
    ]
    shown()
    assert opened("monitor", *LOOP, "--as-of", SECOND) == 0
    assert "asked for this week already: Пермь/KA/A1" in shown()
    assert live(opened) == model
    assert len(requests(opened)) == 1


def test_it_then_rests_for_the_cool_down_and_the_alert_says_since_when(
    opened: Business, shown: Callable[[], str]
) -> None:
    """A week later nothing is trained for it, and the evidence names the week in which it was."""
    assert opened("monitor", *LOOP, "--as-of", SECOND) == 0
    model = live(opened)
    shown()
    assert opened("monitor", *LOOP, "--as-of", THIRD) == 0
    assert "trained anew less than 8 weeks ago: Пермь/KA/A1" in shown()
    assert (live(opened), len(requests(opened))) == (model, 1)
    newest = opened.warehouse.read(ALERTS).query("cutoff == '2026-11-22' and unit != '*' and state != 'resolved'")
    assert newest["evidence"].str.contains("for this alert it was to be trained anew in week 2026-11-15").all()


def test_a_week_of_before_is_monitored_without_training(opened: Business) -> None:
    """Its models would be older than those that are live."""
    assert opened("monitor", *QUIET, "--as-of", THIRD) == 0
    assert opened("monitor", *LOOP, "--as-of", SECOND) == 0
    assert (live(opened), len(requests(opened))) == ("", 0)


def test_a_training_that_fails_is_one_line(
    opened: Business, shown: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Foreseen or not: the scorecard is there, the exit code is 0, the request says failed."""

    def refuse(*_: object) -> None:
        raise RunFailed("1 of 1 combinations failed")

    monkeypatch.setattr("skucast.jobs.train.retrain", refuse)
    shown()
    assert opened("monitor", *LOOP, "--as-of", SECOND) == 0
    lines = [line for line in shown().splitlines() if "WARNING" in line and "RETRAIN_ALERTS" in line]
    assert len(lines) == 1
    assert "the retraining failed of Пермь/KA/A1" in lines[0]
    [row] = requests(opened).to_dict("records")
    assert (row["state"], row["reason"]) == ("failed", "1 of 1 combinations failed")
    assert opened.warehouse.read(ALERTS)["cutoff"].max() == pd.Timestamp("2026-11-15")


def test_on_cloud_run_an_execution_is_started_with_the_targets(opened: Business, service: CloudRun) -> None:
    """One request, to the job of the settings; its execution is in the table, nothing is trained here."""
    assert opened("monitor", *LOOP, "--as-of", SECOND) == 0
    assert service.paths == ["/v2/projects/a-project/locations/asia-south1/jobs/retrain-models:run"]
    assert service.variables() == {"TARGET_COMBINATIONS": "Пермь/KA/A1", "AS_OF": SECOND}
    [row] = requests(opened).to_dict("records")
    assert (row["state"], row["execution"]) == ("started", "again-1")
    assert live(opened) == ""


def test_two_monitors_start_one_execution(opened: Business, service: CloudRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another execution of the week, and one that had read before the first one wrote."""
    assert opened("monitor", *LOOP, "--as-of", SECOND) == 0
    monkeypatch.setenv("CLOUD_RUN_EXECUTION", "monitor-two")
    assert opened("monitor", *LOOP, "--as-of", SECOND) == 0
    nothing = requests(opened).head(0)
    monkeypatch.setattr(loop, "stored_requests", lambda *_: nothing)
    monkeypatch.setenv("CLOUD_RUN_EXECUTION", "monitor-three")
    assert opened("monitor", *LOOP, "--as-of", SECOND) == 0
    assert len(service.paths) == 1
    assert requests(opened)["run_id"].tolist() == ["monitor-monitor-one"]


def test_two_tasks_start_one_execution(opened: Business, service: CloudRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """The task that publishes asks; the other one, also when it is started again, does not."""
    monkeypatch.setenv("CLOUD_RUN_TASK_COUNT", "2")
    for index in ("0", "1", "0", "1"):
        monkeypatch.setenv("CLOUD_RUN_TASK_INDEX", index)
        assert opened("monitor", *LOOP, "--as-of", SECOND) == 0
    assert len(service.paths) == 1
    assert len(requests(opened)) == 1


def test_a_run_that_was_stopped_after_publishing_goes_on_with_the_loop(
    opened: Business, service: CloudRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is started again under its name: the scorecard is there already, and the request is made."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(monitor, "close_the_loop", stop)
        assert opened("monitor", *LOOP, "--as-of", SECOND) == 130
    assert len(service.paths) == 0
    assert opened("monitor", *LOOP, "--as-of", SECOND) == 0
    assert len(service.paths) == 1


def test_a_run_that_was_stopped_while_it_asked_asks_no_second_time(
    opened: Business, service: CloudRun, shown: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows whether something was started: that is said, and counts as asked."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(loop, "start_execution", stop)
        assert opened("monitor", *LOOP, "--as-of", SECOND) == 130
    shown()
    assert opened("monitor", *LOOP, "--as-of", SECOND) == 0
    assert "nobody knows whether the retraining of Пермь/KA/A1 has begun" in shown()
    assert len(service.paths) == 0
    assert requests(opened)["state"].tolist() == ["asked"]


def test_a_refusal_is_one_line_and_is_tried_again_by_the_next_run(
    opened: Business, service: CloudRun, shown: Callable[[], str]
) -> None:
    """Without the permission nothing is started; when it is there, the same week's next run asks again."""
    service.statuses[:] = [403]
    shown()
    assert opened("monitor", *LOOP, "--as-of", SECOND) == 0
    lines = [line for line in shown().splitlines() if "WARNING" in line and "RETRAIN_ALERTS" in line]
    assert len(lines) == 1
    assert "could not be asked for of Пермь/KA/A1" in lines[0]
    assert "refused, status 403: Permission 'run.jobs.runWithOverrides' denied" in lines[0]
    service.statuses[:] = [200]
    assert opened("monitor", *LOOP, "--as-of", SECOND) == 0
    assert requests(opened)[["attempt", "state"]].to_numpy().tolist() == [[1, "refused"], [2, "started"]]


def test_a_job_without_its_place_is_said(opened: Business, service: CloudRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """RETRAIN_JOB has to say region and project; nothing is asked for."""
    monkeypatch.setenv("RETRAIN_JOB", "retrain-models")
    assert opened("monitor", *LOOP, "--as-of", SECOND) == 0
    [row] = requests(opened).to_dict("records")
    assert (row["state"], len(service.paths)) == ("refused", 0)
    assert row["reason"] == "RETRAIN_JOB: found 'retrain-models', without --region"
