"""Articles without a history in the jobs: forecast in the running week, moved to, not missed, by any task."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pandas as pd
import pytest
from builders import CUTOFF, WEDNESDAY, line
from business import TRAINED, Business, Task, of_run
from pandas.testing import assert_frame_equal

from skucast.core.combination import KEY
from skucast.core.run import Run
from skucast.core.tables.forecasts import FORECASTS, SCENARIOS
from skucast.core.tables.predecessors import PREDECESSORS
from skucast.core.tables.scorecard import METRICS
from skucast.core.tables.validation import validate

OPENED, LIKE, HEIR = ("Пермь", "KA", "TODAY"), ("Пермь", "KA", "LEMON"), ("Чайковский", "TF", "HEIR")
MONDAY = CUTOFF + timedelta(days=1)


def announce(business: Business, *rows: dict[str, object]) -> None:
    """Say what new articles are like, as of two weeks ago."""
    usual = {"known_from": pd.Timestamp(WEDNESDAY) - pd.Timedelta(weeks=2)}
    stamp = Run("test", "test", pd.Timestamp(WEDNESDAY).to_pydatetime(), WEDNESDAY, CUTOFF)
    found = validate(PREDECESSORS, pd.DataFrame([usual | row for row in rows]))
    business.warehouse.append_once(PREDECESSORS, found, batch_id="new.csv", source="new.csv", run=stamp)
    business.steps = None


@pytest.fixture
def growing(business: Business) -> Business:
    """Return the business with an article since Monday, one that is announced, and one that follows another."""
    names = dict(zip(KEY, OPENED, strict=True))
    lines = [line(MONDAY + timedelta(days=day), 15.0, **names) for day in range(2)]
    announced = [
        {**dict(zip(KEY, LIKE, strict=True)), "like_SKU_ID": "A1", "scale": 0.5},
        {"unit": "*", "channel": "TF", "SKU_ID": "HEIR", "like_SKU_ID": "B2", "phase_out_from": date(2026, 12, 7)},
    ]

    def grow(business: Business) -> None:
        business.sell(pd.DataFrame(lines).astype({"quantity": "float64", "stock": "float64"}), "today")
        announce(business, *announced)

    business.once("new articles", grow)
    return business


def of(rows: pd.DataFrame, combination: tuple[str, str, str]) -> pd.DataFrame:
    return rows[(rows[KEY] == list(combination)).all(axis=1)].sort_values("ds", ignore_index=True)


def test_newcomers_are_forecast_in_the_running_week_and_predecessors_leave(growing: Business) -> None:
    """Each with a number, a method and a status of its own; the successor has what its predecessor loses."""
    assert growing("predict", "--forecaster", "prophet") == 0
    rows = growing.rows(FORECASTS)
    opened, like, heir, left = (of(rows, each) for each in (OPENED, LIKE, HEIR, TRAINED[3]))
    assert opened["yhat"].iloc[1:].tolist() == pytest.approx([105.0] * 3)
    assert set(opened["status"]) == {"new"}
    assert like["yhat"].tolist() == pytest.approx((of(rows, TRAINED[0])["yhat"] / 2).tolist())
    assert set(zip(like["method"], like["status"], strict=True)) == {("reference", "announced")}
    assert heir["yhat"].iloc[:2].tolist() == [0.0, 0.0]
    assert (heir["yhat"].iloc[2:] > 100).all()
    assert left["yhat"].iloc[2:].tolist() == [0.0, 0.0]
    assert left["status"].tolist() == ["ok", "ok", "phase_out", "phase_out"]
    assert left["yhat_prophet"].iloc[2:].tolist() == pytest.approx(heir["yhat"].iloc[2:].tolist())


def test_three_tasks_forecast_the_newcomers_that_one_forecasts(growing: Business, task: Task) -> None:
    """Also where a successor and its predecessor belong to different tasks."""
    growing.already("predict")
    alone = growing.rows(FORECASTS)
    assert [task("predict", index, 3) for index in range(3)] == [0] * 3
    together = of_run(growing, FORECASTS, "predict-execution")
    assert_frame_equal(together, alone, check_exact=True)
    assert len(alone) == 4 * 9


def test_a_newcomer_can_be_asked_for_by_name(growing: Business) -> None:
    """Alone, with what it is like looked at; the others' rows stay as they are."""
    growing.already("predict")
    before = growing.rows(FORECASTS)
    assert growing("predict", "--target-combinations", "Чайковский/TF/HEIR") == 0
    assert_frame_equal(growing.rows(FORECASTS), before, check_exact=True)
    assert growing("predict", "--target-combinations", "Пермь/KA/TODAY; Пермь/KA/LEMON") == 0
    assert_frame_equal(growing.rows(FORECASTS), before, check_exact=True)


def test_nobody_misses_what_is_announced_and_not_sold(growing: Business) -> None:
    """A week later it is still announced, the other one has a week of sales; the scorecard scores what was sold."""
    growing.already("predict")
    names = [*TRAINED, ("Пермь", "KA", "NEW"), OPENED]
    lines = [
        line(MONDAY + timedelta(days=day), 20.0, **dict(zip(KEY, each, strict=True)))
        for each in names
        for day in range(7)
        if each != OPENED or day > 1
    ]
    growing.sell(pd.DataFrame(lines).astype({"quantity": "float64", "stock": "float64"}), "week")
    next_week = str(WEDNESDAY + timedelta(weeks=1))
    assert growing("predict", "--as-of", next_week, "--max-jump", "off") == 0
    rows = growing.rows(FORECASTS)
    newest = rows[rows["cutoff"] == rows["cutoff"].max()]
    assert set(of(newest, LIKE)["status"]) == {"announced"}
    assert set(of(newest, OPENED)["status"]) == {"short_history"}
    assert "sales_missing" not in set(newest["status"])
    assert growing("monitor", "--as-of", next_week) == 0
    scored = growing.rows(METRICS)
    mine = scored[(scored["SKU_ID"] == "TODAY") & (scored["level"] == "combination") & (scored["window"] == "week")]
    assert (mine["n_weeks"] > 0).any()


def test_a_scenario_knows_phase_outs_too(growing: Business, shown: Callable[[], str]) -> None:
    """Its baseline is what was published, so nothing is said to differ; newcomers themselves are in no scenario."""
    growing.already("predict")
    plan = growing.folder / "other.csv"
    head = "unit,channel,SKU_ID,starts_on,ends_on,discount_perc,covers_through"
    plan.write_text(f"{head}\nЧайковский,TF,B2,2026-12-07,2026-12-13,20,2026-12-31\n", encoding="utf-8")
    shown()
    assert growing("predict", "--scenario", "what", "--promotions", str(plan)) == 0
    assert "differ from the baseline" not in shown()
    rows = growing.rows(SCENARIOS)
    assert of(rows, TRAINED[3])["yhat"].iloc[2:].tolist() == [0.0, 0.0]
    assert not len(of(rows, HEIR))
