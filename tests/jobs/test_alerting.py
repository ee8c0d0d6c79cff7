"""Alerts of whole runs: stored, said, acknowledged; and the check that the runs happen at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pandas as pd
import pytest
from builders import WEDNESDAY
from business import SHIFTED, Business

from skucast.backends.webhook import WebhookError
from skucast.core.tables.alerts import ALERTS
from skucast.core.tables.records import RUNS
from skucast.entry import cli
from skucast.jobs import alerting
from skucast.scorecard.alert_texts import gcloud_command, retrain_command

QUIET = ("--min-promo-coverage", "0")
OPENED = (*QUIET, "--as-of", "2026-11-11", "--retrain-job", "again --region eu")


def alerts_of(business: Business, cutoff: str | None = None) -> pd.DataFrame:
    """Return the alerts of a week, the newest one by default."""
    rows = business.warehouse.read(ALERTS)
    return rows[rows["cutoff"] == (rows["cutoff"].max() if cutoff is None else pd.Timestamp(cutoff))]


def entries(shown: str, event: str) -> list[dict[str, Any]]:
    """Return the log's entries of an event."""
    found = [json.loads(line) for line in shown.splitlines() if line.startswith("{")]
    return [entry for entry in found if entry.get("event") == event]


def tool(business: Business, *words: str) -> int:
    """Run a tool on the business's warehouse."""
    flags = ["--warehouse", f"duckdb:{business.warehouse.path}", "--as-of", str(WEDNESDAY)]
    return cli.main([*words, *flags])


def test_an_alert_has_reason_evidence_and_command(shifted: Business) -> None:
    """Fallbacks lag behind a level five times as high: two bad weeks, a level shift, and what trains a model."""
    shifted.already("monitor", *OPENED)
    alerts = alerts_of(shifted).query("unit != '*'").set_index("rule")
    assert set(alerts["SKU_ID"]) == {"A1"}
    wape = alerts.loc["wape"]
    assert (wape["state"], wape["reason"]) == ("open", "level_shift")
    assert wape["evidence"].startswith("the last 2 weeks sold ")
    assert wape["command"] == retrain_command(SHIFTED)
    assert wape["gcloud_command"] == gcloud_command(SHIFTED, "again --region eu")
    assert wape["is_listed"]


def test_one_entry_per_alert_and_one_per_digest(shifted: Business, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON lines with fixed events; the gauges stand in one of their own."""
    capsys.readouterr()
    assert shifted("monitor", "--log-format", "json") == 0
    shown = capsys.readouterr().out
    said = entries(shown, "forecast_alert")
    assert {entry["alert_id"] for entry in said} == set(alerts_of(shifted)["alert_id"])
    assert {entry["severity"] for entry in said} == {"WARNING"}
    (digest,) = entries(shown, "forecast_alert_digest")
    assert digest["n_open"] == len(said)
    (health,) = entries(shown, "forecast_health")
    assert health["forecast_coverage"] == 1.0
    assert health["n_alerts"] == len(said)


def test_alerts_live_from_week_to_week(shifted: Business, capsys: pytest.CaptureFixture[str]) -> None:
    """Opened, still open a week later, and over when the forecasts have caught up; each week's rows stay."""
    shifted.already("monitor", *OPENED)
    assert shifted("monitor", *QUIET, "--as-of", "2026-11-18") == 0
    of_wape = [alerts_of(shifted, cutoff).query("rule == 'wape'") for cutoff in ("2026-11-08", "2026-11-15")]
    assert of_wape[0]["state"].item() == "open"
    assert of_wape[1]["state"].item() in {"still_open", "resolved"}
    assert of_wape[1]["alert_id"].item() == of_wape[0]["alert_id"].item()
    assert of_wape[1]["n_open_weeks"].item() == 2
    first = alerts_of(shifted, "2026-11-08").drop(columns=["run_id", "created_at"])
    assert shifted("monitor", *OPENED) == 0
    again = alerts_of(shifted, "2026-11-08").drop(columns=["run_id", "created_at"])
    assert again.reset_index(drop=True).equals(first.reset_index(drop=True))


def test_rules_of_the_system(business: Business) -> None:
    """No forecast this week, no plan at all, and two weeks without sales."""
    business.already("predict", "--as-of", "2026-10-28")
    assert business("monitor", "--as-of", "2026-12-09") == 0
    alerts = alerts_of(business).query("unit == '*'").set_index("rule")
    assert set(alerts.index) == {"no_run", "promo_plan", "sales_late"}
    assert alerts["command"].isna().all()
    assert alerts.loc["sales_late", "message"].startswith(
        "sales are 2 weeks late: the last complete week is 2026-11-22, expected 2026-12-06"
    )
    assert alerts.loc["no_run", "value"] == 6


def test_a_targeted_run_that_fails_is_no_alert(business: Business) -> None:
    """All were forecast; then one of them alone, whose model file is broken, was not: one of one is not too many."""
    business.already("predict")
    next(business.models.glob("*/KA/A1.pkl")).write_bytes(b"")
    assert business("predict", "--target-combinations", "*/KA/A1") == 1
    assert business("monitor", *QUIET) == 0
    assert "failures" not in set(alerts_of(business)["rule"])


def test_a_run_in_which_too_many_failed(business: Business) -> None:
    """Every model file is broken: nothing was published, and monitoring says why."""
    for path in business.models.glob("*/*/*.pkl"):
        path.write_bytes(b"")
    assert business("predict") == 1
    assert business("monitor", *QUIET) == 0
    alerts = alerts_of(business).set_index("rule")
    assert set(alerts.index) == {"no_run", "failures"}
    assert alerts.loc["failures", "message"].startswith("67 % of the combinations failed in predict, the limit is 5 %")


def test_an_acknowledged_alert_is_quiet_until_its_day(shifted: Business, capsys: pytest.CaptureFixture[str]) -> None:
    """Acknowledged by the tool: the week's next run keeps it and says nothing of it; a wrong name is refused."""
    shifted.already("monitor")
    alert = alerts_of(shifted).query("rule == 'promo_plan'")["alert_id"].item()
    assert tool(shifted, "alerts", "ack", alert, "--until", "2027-01-31") == 0
    before = alerts_of(shifted).drop(columns=["run_id", "created_at"])
    assert before.set_index("alert_id")["acknowledged_until"].dropna().to_dict() == {alert: pd.Timestamp("2027-01-31")}
    capsys.readouterr()
    assert shifted("monitor", "--log-format", "json") == 0
    shown = capsys.readouterr().out
    assert alert not in {entry["alert_id"] for entry in entries(shown, "forecast_alert")}
    assert entries(shown, "forecast_alert_digest")[0]["n_acknowledged"] == 1
    row = alerts_of(shifted).set_index("alert_id").loc[alert]
    assert (row["acknowledged_until"], row["is_listed"]) == (pd.Timestamp("2027-01-31"), False)
    assert tool(shifted, "alerts", "ack", "promo_plan-0", "--until", "2027-01-31") == 2
    assert f"no open alert of this name ({alert}" in capsys.readouterr().err


def test_a_day_that_has_passed_lets_it_speak_and_a_week_that_has_passed_is_refused(
    shifted: Business, capsys: pytest.CaptureFixture[str]
) -> None:
    """A day of the past ends an acknowledgement, and is refused where there is none to end.

    Of two weeks only the newest knows of an acknowledgement.
    """
    assert shifted("monitor", "--as-of", "2026-11-18") == 0
    assert shifted("monitor") == 0
    alert = alerts_of(shifted).query("rule == 'promo_plan'")["alert_id"].item()
    capsys.readouterr()
    assert tool(shifted, "alerts", "ack", alert, "--until", "2020-01-01") == 2
    assert "--until: found 2020-01-01, which has passed: the alert speaks already" in capsys.readouterr().err
    assert tool(shifted, "alerts", "ack", alert, "--until", "2027-01-31") == 0
    assert tool(shifted, "alerts", "ack", alert, "--until", "2020-01-01") == 0
    assert f"{alert} (system) speaks again: 2020-01-01 has passed" in capsys.readouterr().err
    flags = ["--warehouse", f"duckdb:{shifted.warehouse.path}", "--as-of", "2026-11-18"]
    assert cli.main(["alerts", "ack", alert, "--until", "2027-01-31", *flags]) == 2
    assert "AS_OF: found 2026-11-18, but week 2026-11-22 has been monitored too" in capsys.readouterr().err


def test_the_list_shows_the_newest_week_and_writes_nothing(
    shifted: Business, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not even a row of its run."""
    assert tool(shifted, "alerts", "list") == 0
    assert "no alerts" in capsys.readouterr().out
    shifted.already("monitor")
    n_runs = len(shifted.warehouse.read(RUNS))
    assert tool(shifted, "alerts", "list") == 0
    assert alerts_of(shifted)["alert_id"].iloc[0] in capsys.readouterr().out
    assert len(shifted.warehouse.read(RUNS)) == n_runs


def test_the_webhook_gets_the_digest(
    shifted: Business, monkeypatch: pytest.MonkeyPatch, shown: Callable[[], str]
) -> None:
    """Its text is the digest; one that fails is a warning, and the run ends well; the address is never shown."""
    sent = []
    monkeypatch.setenv("ALERT_WEBHOOK_URL", "https://hooks.example.com/SECRET")
    monkeypatch.setattr(alerting, "post", lambda url, text: sent.append((url, text)))
    assert shifted("monitor") == 0
    ((url, text),) = sent
    assert url == "https://hooks.example.com/SECRET"
    assert text.startswith("Sales forecast, week 2026-11-22: alerts: ")

    def refuse(url: str, text: str) -> None:
        raise WebhookError("ALERT_WEBHOOK_URL: the digest was not delivered (status 500); check the address")

    monkeypatch.setattr(alerting, "post", refuse)
    shown()
    assert shifted("monitor") == 0
    said = shown()
    assert "WARNING ALERT_WEBHOOK_URL: the digest was not delivered (status 500)" in said
    assert "SECRET" not in said


def test_the_webhook_is_told_of_what_is_stored(shifted: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the digest is sent the alerts are there: who is stopped while a chat drips has lost none."""
    stored = []
    monkeypatch.setenv("ALERT_WEBHOOK_URL", "https://hooks.example.com/SECRET")
    monkeypatch.setattr(alerting, "post", lambda *_: stored.append(len(alerts_of(shifted))))
    assert shifted("monitor") == 0
    assert stored == [len(alerts_of(shifted))]
    assert stored[0] > 0


def test_without_anything_to_say_the_webhook_is_left_alone(business: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    """No alert this week."""
    business.already("predict")
    monkeypatch.setenv("ALERT_WEBHOOK_URL", "https://hooks.example.com/SECRET")
    monkeypatch.setattr(alerting, "post", lambda url, text: pytest.fail("nothing to say"))
    assert business("monitor", *QUIET) == 0
    assert len(alerts_of(business)) == 0


# --- freshness ------------------------------------------------------------------------------------------------------


def fresh_at(business: Business, day: date, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Return what the check says of forecasts and scorecard on that day."""
    capsys.readouterr()
    flags = ["--warehouse", f"duckdb:{business.warehouse.path}", "--as-of", str(day), "--log-format", "json"]
    exit_code = cli.main(["freshness", *flags])
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    found = {entry["what"]: entry["event"] for entry in said if "what" in entry}
    assert exit_code == int("forecast_stale" in found.values())
    return found


def test_the_heartbeat(business: Business, capsys: pytest.CaptureFixture[str]) -> None:
    """Forecast on Wednesday, scored on Friday; due by Thursday and Saturday, four and six days after a week's end."""
    business.already("predict")
    assert business("monitor", "--as-of", "2026-11-27") == 0
    fresh, stale = "forecast_fresh", "forecast_stale"
    n_runs = len(business.warehouse.read(RUNS))
    expected = {
        date(2026, 11, 26): (fresh, fresh),  # Thursday: the forecasts of this week are there
        date(2026, 12, 2): (fresh, fresh),  # Wednesday: those of the next are not due before tomorrow
        date(2026, 12, 3): (stale, fresh),
        date(2026, 12, 4): (stale, fresh),
        date(2026, 12, 5): (stale, stale),
    }
    for day, events in expected.items():
        assert fresh_at(business, day, capsys) == dict(zip(("forecasts", "scorecard"), events, strict=True)), day
    assert len(business.warehouse.read(RUNS)) == n_runs


def test_a_scorecard_of_one_task_of_two_is_none(
    business: Business, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The task ended well, and published nothing: the other one has not."""
    business.already("predict")
    for name, value in {"JOB": "j", "EXECUTION": "x", "TASK_INDEX": "0", "TASK_COUNT": "2"}.items():
        monkeypatch.setenv(f"CLOUD_RUN_{name}", value)
    assert business("monitor") == 0
    assert fresh_at(business, WEDNESDAY, capsys) == {"forecasts": "forecast_fresh", "scorecard": "forecast_stale"}


def test_nothing_was_ever_forecast(untrained: Business, capsys: pytest.CaptureFixture[str]) -> None:
    """Stale, and said so; a warehouse that cannot be read is bad input."""
    assert fresh_at(untrained, WEDNESDAY, capsys) == {"forecasts": "forecast_stale", "scorecard": "forecast_stale"}
    untrained.warehouse.path.write_bytes(b"no database")
    assert tool(untrained, "freshness") == 2
    assert "freshness is not known" in capsys.readouterr().err
