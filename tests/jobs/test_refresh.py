"""Freshness without a schedule: old models are refreshed in memory when they forecast, and never silently old."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF, WEDNESDAY
from business import GONE, NEW, TRAINED, Business, sold

from skucast.core.combination import KEY
from skucast.core.run import Run
from skucast.core.tables.alerts import ALERTS
from skucast.core.tables.forecasts import FORECASTS, SCENARIOS
from skucast.core.tables.records import REGISTRY
from skucast.core.weeks import WEEK
from skucast.forecast import refreshing
from skucast.forecast.artifact import dumps, loads

AGE = 10
THEN = CUTOFF - AGE * WEEK
STAMP = pd.Timestamp(WEDNESDAY).to_pydatetime()
OFF = ("--tune", "off")


@pytest.fixture
def aged(kept: Path, tmp_path: Path) -> Business:
    """Return a business whose models were trained ten weeks ago, without tuning."""
    found = sold(tmp_path / "aged", kept)
    found.already("train", *OFF, "--as-of", str(WEDNESDAY - AGE * WEEK))
    return found


def first_steps(business: Business) -> pd.DataFrame:
    """Return the rows of the first week ahead, by combination."""
    return business.rows(FORECASTS).query("step == 1").set_index(KEY)


def files(business: Business) -> dict[Path, str]:
    """Return the digests of all model files."""
    return {each: hashlib.sha256(each.read_bytes()).hexdigest() for each in business.models.rglob("*.pkl")}


def test_an_old_model_forecasts_as_one_trained_today_and_its_file_stays(aged: Business) -> None:
    """Status says refreshed, version and model_cutoff are those of the file; the numbers are today's within 1e-9."""
    before = files(aged)
    aged.already("predict")
    fresh, rows = aged.rows(FORECASTS), first_steps(aged)
    assert rows.loc[TRAINED, "status"].eq("refreshed").all()
    assert rows.loc[[NEW, GONE], "status"].tolist() == ["short_history", "inactive"]
    assert rows.loc[TRAINED, "model_cutoff"].eq(pd.Timestamp(THEN)).all()
    assert rows.loc[TRAINED, "model_version"].str.startswith(str(THEN)).all()
    assert files(aged) == before
    assert aged("train", *OFF) == 0
    assert aged("predict") == 0
    today = aged.rows(FORECASTS)
    assert first_steps(aged).loc[TRAINED, "status"].eq("ok").all()
    np.testing.assert_allclose(fresh["yhat"], today["yhat"], rtol=1e-9)


def test_a_model_is_old_after_so_many_weeks_and_not_before(aged: Business) -> None:
    """Ten weeks are not more than ten; without refresh it forecasts as it is stored."""
    assert aged("predict", "--refresh-after-weeks", "10") == 0
    stored = first_steps(aged)
    assert stored.loc[TRAINED, "status"].eq("ok").all()
    assert aged("predict", "--no-refresh") == 0
    assert first_steps(aged).equals(stored)
    assert aged("predict", "--refresh-after-weeks", "9") == 0
    assert first_steps(aged).loc[TRAINED, "status"].eq("refreshed").all()


def test_a_model_whose_holidays_have_ended_is_never_silently_ok(aged: Business, shown: Callable[[], str]) -> None:
    """Without refresh a model of before two years says stale, and one line says what it lacks; the others are ok."""
    path = aged.models / "Пермь" / "KA" / "A1.pkl"
    model = loads(path.read_bytes())
    long_ago = replace(model.card, cutoff=str(CUTOFF - 101 * WEEK))
    path.write_bytes(dumps(model.models, long_ago).payload)
    assert aged("predict", "--no-refresh") == 0
    said = first_steps(aged)["status"]
    assert [said[parts] for parts in TRAINED] == ["stale", "ok", "ok", "ok"]
    line = next(each for each in shown().splitlines() if "without holidays" in each)
    assert "1 model without holidays in the weeks to come, first Пермь/KA/A1" in line
    assert aged("predict") == 0
    assert first_steps(aged).loc[TRAINED, "status"].eq("refreshed").all()


def test_a_refresh_that_fails_leaves_the_stored_model_and_says_so(
    aged: Business, shown: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All rows are there by the models of the store, labelled, with one line for all of them; the run is fine."""
    aged.already("predict", "--no-refresh")
    stored = aged.rows(FORECASTS)

    def broken(*_: object) -> None:
        raise ValueError("planted")

    monkeypatch.setattr(refreshing, "refreshed", broken)
    shown()
    assert aged("predict") == 0
    rows = aged.rows(FORECASTS)
    assert rows["yhat"].equals(stored["yhat"])
    assert first_steps(aged).loc[TRAINED, "status"].eq("stale").all()
    lines = [each for each in shown().splitlines() if "could not be refreshed" in each and "WARNING" in each]
    assert len(lines) == 1
    assert "4 models older than 4 weeks could not be refreshed and forecast as stored" in lines[0]


def test_a_refreshed_model_that_gives_no_finite_number_gives_way_to_the_stored_one(
    aged: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the store has is asked before a fallback is."""
    aged.already("predict", "--no-refresh")
    stored = aged.rows(FORECASTS)
    real = refreshing.refreshed

    def absurd(*item: object) -> object:
        found = real(*item)  # type: ignore[arg-type]
        return replace(found, models=tuple(replace(each, m=1e308, y_scale=1e300) for each in found.models))

    monkeypatch.setattr(refreshing, "refreshed", absurd)
    assert aged("predict") == 0
    assert aged.rows(FORECASTS)["yhat"].equals(stored["yhat"])
    assert first_steps(aged).loc[TRAINED, "status"].eq("stale").all()


def test_an_old_model_is_an_alert_although_it_is_refreshed(aged: Business) -> None:
    """By the ledger: the age of what is in the store, with reason, evidence and the command that mends it.

    One that a later training has compared with a new one and kept is as new as that training.
    """
    aged.already("predict")
    assert aged("monitor", "--max-model-age-weeks", "10") == 0
    assert not aged.rows(ALERTS)["rule"].eq("model_age").any()
    assert aged("monitor", "--max-model-age-weeks", "9") == 0
    row = aged.rows(ALERTS).set_index("rule").loc["model_age"]
    assert (row["state"], row["value"], row["reason"], row["is_listed"]) == ("open", 10.0, "stale_model", True)
    assert row["evidence"].startswith("4 of 4 models trained more than 9 weeks ago, the oldest, 10 weeks, that of ")
    assert row["command"] == "python retrain_models.py --target '@stale'"
    registry = aged.warehouse.read(REGISTRY).query("outcome == 'saved'")
    kept = registry.assign(run_id="retrain-later", outcome="kept", cutoff=pd.Timestamp(CUTOFF - WEEK))
    aged.warehouse.replace(
        REGISTRY, kept, "retrain-later", run=Run("retrain", "retrain-later", STAMP, WEDNESDAY, CUTOFF)
    )
    assert aged("monitor", "--max-model-age-weeks", "9") == 0
    assert not aged.rows(ALERTS)["rule"].eq("model_age").any()


def test_a_scenario_compares_with_the_refreshed_models(aged: Business, tmp_path: Path) -> None:
    """Its baseline is what was published, so that the difference is the plan's alone."""
    aged.already("predict")
    plan = tmp_path / "other.csv"
    monday = CUTOFF + pd.Timedelta(days=1)
    plan.write_text(
        "unit,channel,SKU_ID,starts_on,ends_on,discount_perc,covers_through\n"
        f"Пермь,KA,A1,{monday.isoformat()[:10]},{(CUTOFF + WEEK).isoformat()},30,{(CUTOFF + WEEK).isoformat()}\n",
        encoding="utf-8",
    )
    assert aged("predict", "--scenario", "deeper", "--promotions", str(plan)) == 0
    both = aged.rows(SCENARIOS).merge(aged.rows(FORECASTS), on=[*KEY, "ds"], suffixes=("_scenario", ""))
    np.testing.assert_allclose(both["baseline_yhat"], both["yhat"], rtol=1e-9)
    assert (both["status_scenario"] == both["status"]).all()
