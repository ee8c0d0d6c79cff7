"""The loop: what stays an alert is trained anew, once, within its bounds, and nothing of it costs the scorecard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest
from a_cloud import CloudRun
from builders import CUTOFF, WEDNESDAY
from business import SHIFTED, Business

from skucast.backends import cloud_run
from skucast.backends.store.local import LocalStore
from skucast.core.combination import KEY
from skucast.core.errors import RunFailed
from skucast.core.run import Run
from skucast.core.tables.alerts import ALERTS
from skucast.core.tables.records import REGISTRY, RETRAININGS, RUNS
from skucast.core.weeks import WEEK
from skucast.jobs import loop, monitor
from skucast.jobs.inputs import read_history
from skucast.runtime.outcome import RunReport
from skucast.runtime.reading import settings_from

QUIET = ("--min-promo-coverage", "0")
OPENED, SECOND, THIRD = (str(WEDNESDAY - timedelta(weeks=back)) for back in (2, 1, 0))
LOOP = (*QUIET, "--retrain-alerts", "2")
JOB = "retrain-models --region asia-south1 --project a-project"


@pytest.fixture
def opened(shifted: Business, monkeypatch: pytest.MonkeyPatch) -> Business:
    """Return a business with an alert that was opened a week ago."""
    monkeypatch.setenv("TUNE", "off")
    shifted.already("monitor", *QUIET, "--as-of", OPENED)
    return shifted


@pytest.fixture
def alerted(untrained: Business) -> Business:
    """Return a business of which an alert, as monitoring would write it, has been open for two weeks."""
    write(untrained, alert_of(CUTOFF))
    return untrained


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[CloudRun]:
    """Return Cloud Run, on which the jobs run."""
    monkeypatch.setattr(cloud_run, "PAUSE_S", 0.0)
    server = CloudRun(200)
    monkeypatch.setenv("CLOUD_RUN_ENDPOINT", server.url)
    monkeypatch.setenv("RETRAIN_JOB", JOB)
    monkeypatch.setenv("LOG_FORMAT", "text")
    monkeypatch.setenv("CLOUD_RUN_EXECUTION", "monitor-one")
    yield server
    server.stop()


def alert_of(cutoff: object, **changed: Any) -> dict[str, Any]:
    """Return an alert's row of that week."""
    row: dict[str, Any] = {
        **dict.fromkeys(ALERTS.column_names),
        **dict(zip(KEY, SHIFTED.parts, strict=True)),
        "cutoff": pd.Timestamp(str(cutoff)),
        "alert_id": "wape-1",
        "state": "still_open",
        "rule": "wape",
        "opened": pd.Timestamp(CUTOFF - WEEK),
        "n_open_weeks": 2,
        "value_limit": 0.7,
        "message": "wrong",
        "reason": "level_shift",
        "evidence": "numbers",
        "lost_volume": 100.0,
        "is_listed": True,
        "run_id": "monitor-before",
        "created_at": pd.Timestamp(WEDNESDAY),
    }
    return row | changed


def write(business: Business, row: dict[str, Any]) -> None:
    """Put the alert into its week."""
    types = {column.name: "float64" for column in ALERTS.columns if column.type == "FLOAT64"}
    rows = pd.DataFrame([row]).astype({**types, "acknowledged_until": "datetime64[us]"})
    business.warehouse.replace(ALERTS, rows, row["cutoff"].date(), run=run_of("before"))


def run_of(name: str) -> Run:
    """Return a monitoring of the newest week."""
    return Run("monitor", f"monitor-{name}", pd.Timestamp("2026-11-25 12:00").to_pydatetime(), WEDNESDAY, CUTOFF)


def close(business: Business, name: str = "one", **changed: Any) -> list[str]:
    """Let a run close the loop and return its notes."""
    places = {"warehouse": f"duckdb:{business.warehouse.path}", "model_store": str(business.models)}
    settings = settings_from({**places, "as_of": str(WEDNESDAY), "retrain_alerts": 2, "workers": 1, **changed})
    report, run = RunReport(), run_of(name)
    history = read_history(settings, business.warehouse, run)
    loop.close_the_loop(settings, business.warehouse, LocalStore(business.models), run, history, report)
    return report.notes


def requests(business: Business) -> pd.DataFrame:
    """Return what was asked for, oldest first."""
    return business.warehouse.read(RETRAININGS)


def live(business: Business) -> bytes:
    """Return the live model of the combination with the alert; empty without one."""
    path = business.models / SHIFTED.unit / SHIFTED.channel / f"{SHIFTED.sku_id}.pkl"
    return path.read_bytes() if path.exists() else b""


def stop(*_: object) -> None:
    """Be stopped."""
    raise KeyboardInterrupt


# --- Whole runs -----------------------------------------------------------------------------------------------------


def test_an_alert_that_stays_open_is_trained_anew_here_and_once(opened: Business, shown: Callable[[], str]) -> None:
    """After the scorecard; a repeat trains nothing, a week later it rests, and the evidence says since when."""
    assert opened("monitor", *QUIET, "--as-of", SECOND) == 0
    assert (live(opened), len(requests(opened))) == (b"", 0)
    assert opened("monitor", *LOOP, "--as-of", SECOND) == 0
    model = live(opened)
    assert model
    [row] = requests(opened).to_dict("records")
    assert (row["state"], row["attempt"], row["n_open_weeks"], row["SKU_ID"]) == ("done", 1, 2, "A1")
    shown()
    assert opened("monitor", *LOOP, "--as-of", SECOND) == 0
    assert "asked for this week already: Пермь/KA/A1" in shown()
    assert opened("monitor", *LOOP, "--as-of", THIRD) == 0
    assert "trained anew less than 8 weeks ago: Пермь/KA/A1" in shown()
    assert (live(opened), len(requests(opened))) == (model, 1)
    newest = opened.warehouse.read(ALERTS).query("cutoff == '2026-11-22' and unit != '*' and state != 'resolved'")
    assert newest["evidence"].str.contains("for this alert it was to be trained anew in week 2026-11-15").all()


def test_two_tasks_of_which_one_is_stopped_start_one_execution(
    opened: Business, service: CloudRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The task that publishes is stopped before it asks; started again it asks, and after that no task does."""
    monkeypatch.setenv("CLOUD_RUN_TASK_COUNT", "2")
    assert opened("monitor", *LOOP, "--as-of", SECOND) == 0
    monkeypatch.setenv("CLOUD_RUN_TASK_INDEX", "1")
    with monkeypatch.context() as patched:
        patched.setattr(monitor, "close_the_loop", stop)
        assert opened("monitor", *LOOP, "--as-of", SECOND) == 130
    assert (len(service.paths), opened.warehouse.read(ALERTS)["cutoff"].max()) == (0, pd.Timestamp("2026-11-15"))
    for index in ("1", "0", "1"):
        monkeypatch.setenv("CLOUD_RUN_TASK_INDEX", index)
        assert opened("monitor", *LOOP, "--as-of", SECOND) == 0
    assert len(service.paths) == 1
    assert len(requests(opened)) == 1


# --- The loop alone -------------------------------------------------------------------------------------------------


def test_the_training_here_leaves_its_rows(alerted: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    """In registry and runs, under the name that the request has; off, nothing is asked for."""
    monkeypatch.setenv("TUNE", "off")
    assert close(alerted, retrain_alerts=0) == []
    assert close(alerted, retrain_alerts=3) == []
    assert len(requests(alerted)) == 0
    notes = close(alerted)
    [row] = requests(alerted).to_dict("records")
    assert notes == [
        "RETRAIN_ALERTS: trained anew: Пермь/KA/A1, whose alert has been open for 2 weeks or more; retrain-one"
    ]
    assert (row["state"], row["execution"], row["alert_id"]) == ("done", "retrain-one", "wape-1")
    registry = alerted.warehouse.read(REGISTRY)
    assert registry[["run_id", "SKU_ID", "outcome"]].to_numpy().tolist() == [["retrain-one", "A1", "saved"]]
    runs = alerted.warehouse.read(RUNS)
    assert runs[["run_id", "job", "exit_code", "scope"]].to_numpy().tolist() == [
        ["retrain-one", "retrain", 0, "targets"]
    ]


def test_an_article_that_is_not_in_the_sales_stops_no_other(alerted: Business, service: CloudRun) -> None:
    """Its alert is open all the same: it is left out, and said."""
    gone = alert_of(CUTOFF, SKU_ID="NO SUCH", alert_id="wape-2")
    rows = alerted.warehouse.read(ALERTS)
    types = {column.name: "float64" for column in ALERTS.columns if column.type == "FLOAT64"}
    more = pd.DataFrame([gone]).astype({**types, "acknowledged_until": "datetime64[us]"})
    both = pd.concat([rows, more], ignore_index=True)
    alerted.warehouse.replace(ALERTS, both, CUTOFF, run=run_of("before"))
    notes = close(alerted)
    assert "RETRAIN_ALERTS: not in the sales, or too short for a model, so not trained: Пермь/KA/NO SUCH" in notes
    assert service.variables()["TARGET_COMBINATIONS"] == "Пермь/KA/A1"


def test_a_week_of_before_trains_nothing(alerted: Business) -> None:
    """Its models would be older than those that are live."""
    write(alerted, alert_of(CUTOFF + WEEK, state="resolved"))
    assert close(alerted) == [f"RETRAIN_ALERTS: a later week than {CUTOFF} has been monitored; nothing is trained"]
    assert len(requests(alerted)) == 0


@pytest.mark.parametrize(
    ("error", "reason"), [(RunFailed("1 failed"), "1 failed"), (ZeroDivisionError("by 0"), "ZeroDivisionError: by 0")]
)
def test_a_training_that_fails_is_one_line(
    alerted: Business, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    """Foreseen or not: it is recorded and said, and nothing is raised."""

    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr("skucast.jobs.train.retrain", refuse)
    [note] = close(alerted)
    assert note.startswith("RETRAIN_ALERTS: the retraining failed of Пермь/KA/A1")
    assert note.endswith(f": {reason}")
    assert requests(alerted)[["state", "reason"]].to_numpy().tolist() == [["failed", reason]]


def test_on_cloud_run_two_monitors_start_one_execution(
    alerted: Business, service: CloudRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the targets; not another execution of the week, nor one that had read before the first one wrote."""
    close(alerted)
    assert service.paths == ["/v2/projects/a-project/locations/asia-south1/jobs/retrain-models:run"]
    assert service.variables() == {"TARGET_COMBINATIONS": "Пермь/KA/A1", "AS_OF": THIRD}
    [row] = requests(alerted).to_dict("records")
    assert (row["state"], row["execution"]) == ("started", "again-1")
    assert live(alerted) == b""
    assert close(alerted, "two") == ["RETRAIN_ALERTS: asked for this week already: Пермь/KA/A1"]
    nothing = requests(alerted).head(0)
    monkeypatch.setattr(loop, "stored_requests", lambda *_: nothing)
    assert close(alerted, "three") == [f"RETRAIN_ALERTS: another run has asked for the retraining of week {CUTOFF}"]
    assert len(service.paths) == 1
    assert requests(alerted)["run_id"].tolist() == ["monitor-one"]


def test_a_run_that_was_stopped_while_it_asked_asks_no_second_time(
    alerted: Business, service: CloudRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows whether something was started: that is said, and counts as asked."""
    with monkeypatch.context() as patched:
        patched.setattr(loop, "start_execution", stop)
        with pytest.raises(KeyboardInterrupt):
            close(alerted)
    assert "nobody knows whether the retraining of Пермь/KA/A1 has begun" in close(alerted)[0]
    assert len(service.paths) == 0
    assert requests(alerted)["state"].tolist() == ["asked"]


def test_a_lost_answer_counts_as_asked(alerted: Business, service: CloudRun) -> None:
    """It may have been started: said, and not sent again."""
    service.statuses[:] = [0]
    assert "it may have been started: see its executions" in close(alerted)[0]
    close(alerted, "two")
    assert len(service.paths) == 1
    assert requests(alerted)["state"].tolist() == ["asked"]


def test_a_refusal_is_one_line_and_is_tried_again_by_the_next_run(alerted: Business, service: CloudRun) -> None:
    """Without the permission nothing is started; when it is there, the same week's next run asks again."""
    service.statuses[:] = [403]
    [note] = close(alerted)
    assert "could not be asked for of Пермь/KA/A1" in note
    assert "refused, status 403: Permission 'run.jobs.runWithOverrides' denied" in note
    service.statuses[:] = [200]
    close(alerted, "two")
    assert requests(alerted)[["attempt", "state"]].to_numpy().tolist() == [[1, "refused"], [2, "started"]]


def test_a_job_without_its_place_is_said(alerted: Business, service: CloudRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """RETRAIN_JOB has to say region and project; nothing is asked for."""
    monkeypatch.setenv("RETRAIN_JOB", "retrain-models")
    close(alerted)
    [row] = requests(alerted).to_dict("records")
    assert (row["state"], len(service.paths)) == ("refused", 0)
    assert row["reason"] == "RETRAIN_JOB: found 'retrain-models', without --region"


def test_a_warehouse_that_fails_is_one_line(alerted: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scorecard is published; the loop is for another time."""

    def broken(*_: object) -> None:
        raise RunFailed("no answer")

    monkeypatch.setattr(loop, "stored_requests", broken)
    assert close(alerted) == ["RETRAIN_ALERTS: no answer"]
