"""Promotions known ahead, with planted effects: the plan moves forecasts by what promotions do, and rows say so."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF, WEDNESDAY, line, sunday
from business import Business
from pandas.testing import assert_frame_equal

from skucast.core.run import Run
from skucast.core.tables.forecasts import FORECASTS, SCENARIOS
from skucast.core.tables.records import REGISTRY, RUNS
from skucast.core.tables.sales import PROMOTIONS

N_WEEKS = 90
UPLIFT = 0.6
"""What 30 % off on all seven days adds, in shares of a usual week."""

LEVELS = {"A1": 700.0, "B2": 1400.0}
MONDAY = CUTOFF + timedelta(days=1)
STAMP = pd.Timestamp(WEDNESDAY).to_pydatetime()


def lines() -> pd.DataFrame:
    """Return 90 weeks of two articles at a steady level, a third of the weeks promoted at 10, 20 or 30 %."""
    random = np.random.default_rng(11)
    sold = []
    for sku, level in LEVELS.items():
        for back in range(N_WEEKS - 1, -1, -1):
            depth = float(random.choice([10.0, 20.0, 30.0])) if random.random() < 1 / 3 else 0.0
            week = level * (1 + UPLIFT * depth / 30) * random.normal(1, 0.01)
            monday = sunday(back) - timedelta(days=6)
            sold += [line(monday + timedelta(days=day), week / 7, promo=depth or None, SKU_ID=sku) for day in range(7)]
    return pd.DataFrame(sold).astype({"quantity": "float64", "Promo_discount_perc": "float64", "stock": "float64"})


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with those sales and their models."""
    business = Business(tmp_path_factory.mktemp("promotions"))
    business.sell(lines(), "history")
    assert business("train") == 0
    return business.folder


@pytest.fixture
def business(trained: Path, tmp_path: Path) -> Business:
    """Return a copy of it for one test."""
    shutil.copytree(trained, tmp_path / "copy")
    return Business(tmp_path / "copy")


def statement(first: int, last: int, discount: float | None, known_from: date = CUTOFF, **other: Any) -> dict[str, Any]:
    """Return a row of the plan; days count from the Monday after the cutoff."""
    days = {"starts_on": MONDAY + timedelta(days=first), "ends_on": MONDAY + timedelta(days=last)}
    row = {"unit": "Пермь", "channel": "KA", "SKU_ID": "A1", **days, "discount_perc": discount, "plan_id": "P1"}
    return {**row, "known_from": pd.Timestamp(known_from) + pd.Timedelta(hours=9), "cancelled": None, **other}


def plan(business: Business, *rows: dict[str, Any], batch_id: str = "plan") -> None:
    """Append rows to the plan."""
    stamp = Run("test", "test", STAMP, WEDNESDAY, CUTOFF)
    business.warehouse.append_once(PROMOTIONS, pd.DataFrame(rows), batch_id=batch_id, source="test", run=stamp)


def forecast(business: Business, sku: str = "A1", *flags: str) -> pd.DataFrame:
    """Return the next four weeks of an article, forecast anew."""
    assert business("predict", *flags) == 0
    rows = business.rows(FORECASTS)
    return rows[rows["SKU_ID"] == sku].reset_index(drop=True)


COVERED = statement(0, 27, None, SKU_ID="*", plan_id="all")


# --- Planted effects ------------------------------------------------------------------------------------------------


def test_a_planned_promotion_moves_the_forecast_by_its_uplift(business: Business) -> None:
    """30 % off in the second week: 60 % more than without, in that week, for that article and no other.

    What of a steady level is the lag's and what is last week's promotion's cannot be told: the part is less exact.
    """
    plan(business, COVERED)
    without, other = forecast(business), forecast(business, "B2")
    plan(business, statement(7, 13, 30.0), batch_id="promotion")
    planned = forecast(business)
    change = planned["yhat"] / without["yhat"] - 1
    assert change[1] == pytest.approx(UPLIFT, abs=0.05)
    assert change[[0, 2, 3]].abs().max() < 0.05
    assert planned["promo_source"].tolist() == ["none", "planned", "none", "none"]
    assert planned["promo"][1] - without["promo"][1] == pytest.approx(UPLIFT * LEVELS["A1"], rel=0.15)
    assert_frame_equal(forecast(business, "B2"), other)


def test_half_the_discount_on_half_the_days_moves_less(business: Business) -> None:
    """Over a week boundary: the mean over seven days is what counts, as in history."""
    plan(business, COVERED)
    without = forecast(business)
    plan(business, statement(4, 10, 30.0), batch_id="promotion")
    change = forecast(business)["yhat"] / without["yhat"] - 1
    assert 0.05 < change[0] < UPLIFT
    assert 0.05 < change[1] < UPLIFT
    assert change[0] < change[1]


def test_a_cancelled_promotion_moves_it_back(business: Business) -> None:
    """To the last digit."""
    plan(business, COVERED)
    without = forecast(business)
    promotion = statement(7, 13, 30.0)
    plan(business, promotion, batch_id="promotion")
    assert (forecast(business)["yhat"] != without["yhat"]).any()
    plan(business, {**promotion, "cancelled": True, "known_from": pd.Timestamp(MONDAY)}, batch_id="cancelled")
    assert_frame_equal(forecast(business), without)


def test_what_is_entered_later_is_not_known_yet(business: Business) -> None:
    """A row of Thursday does not change Wednesday's forecast, whenever that is made."""
    plan(business, COVERED)
    before = forecast(business)
    plan(business, statement(7, 13, 30.0, known_from=WEDNESDAY + timedelta(days=1)), batch_id="late")
    assert_frame_equal(forecast(business), before)


# --- Backtests ------------------------------------------------------------------------------------------------------


def backtest_of(business: Business) -> pd.DataFrame:
    """Return the registry's rows of the newest training, all combinations trained anew."""
    before = business.warehouse.read(REGISTRY)["run_id"]
    assert business("retrain", "--target", "*/*/*") == 0
    rows = business.warehouse.read(REGISTRY)
    newest = rows[~rows["run_id"].isin(before)]  # not by time: two trainings may begin in one second
    return newest[["SKU_ID", "backtest_wape", "backtest_wape_perfect_plan", "backtest_promotions"]]


def history_plan(known_before_weeks: int) -> list[dict[str, Any]]:
    """Return the plan of all that came to pass, each week known so many weeks before it begins."""
    sold = lines()
    days = sold[sold["Promo_discount_perc"].notna()].drop_duplicates(["SKU_ID", "date"])
    return [
        {
            **{name: row[name] for name in ("unit", "channel", "SKU_ID")},
            "starts_on": row["date"],
            "ends_on": row["date"],
            "discount_perc": row["Promo_discount_perc"],
            "known_from": pd.Timestamp(row["date"]) - pd.Timedelta(weeks=known_before_weeks),
            "plan_id": f"day {row['date']}",
        }
        for row in days.to_dict("records")
    ]


def archive(known_before_weeks: int) -> list[dict[str, Any]]:
    """Return that plan, complete for all days and for years."""
    complete = {**COVERED, "starts_on": date(2020, 1, 1), "known_from": pd.Timestamp("2020-01-01")}
    return [complete, *history_plan(known_before_weeks)]


def test_a_backtest_uses_the_plan_of_then(business: Business) -> None:
    """A plan that knew all promotions in time is worth a lot: without one, a third of the weeks is a surprise."""
    without = backtest_of(business)
    assert set(without["backtest_promotions"]) == {"expected"}
    plan(business, *archive(known_before_weeks=10))
    with_plan = backtest_of(business)
    assert set(with_plan["backtest_promotions"]) == {"plan"}
    assert with_plan["backtest_wape"].max() < 0.05 < without["backtest_wape"].min()
    assert without["backtest_wape_perfect_plan"].max() < 0.1
    assert with_plan["backtest_wape"].tolist() == pytest.approx(with_plan["backtest_wape_perfect_plan"].tolist())


def test_a_plan_entered_after_the_origin_changes_nothing(business: Business) -> None:
    """All true promotions, each entered a day after it began: no origin's forecast knows one."""
    nothing = {**COVERED, "starts_on": date(2020, 1, 1), "known_from": pd.Timestamp("2020-01-01")}
    plan(business, nothing)
    before = backtest_of(business)
    plan(business, *[{**row, "plan_id": f"late {row['plan_id']}"} for row in history_plan(-3)], batch_id="late")
    assert_frame_equal(backtest_of(business).reset_index(drop=True), before.reset_index(drop=True))
    assert set(before["backtest_promotions"]) == {"plan"}


def test_before_the_first_plan_the_backtest_says_so(business: Business) -> None:
    """The plan begins today: the origins of the backtest had none, so the promotions that came stand in, labelled."""
    plan(business, COVERED)
    found = backtest_of(business)
    assert set(found["backtest_promotions"]) == {"perfect_plan"}
    assert found["backtest_wape"].tolist() == found["backtest_wape_perfect_plan"].tolist()


# --- What a run says ------------------------------------------------------------------------------------------------


def last_run(business: Business) -> dict[str, Any]:
    rows = business.warehouse.read(RUNS).sort_values("run_at")
    return json.loads(rows[rows["job"] == "predict"]["sources"].iloc[-1])


def test_sources_and_coverage_add_up(business: Business, shown: Callable[[], str]) -> None:
    """Of eight forecast weeks one is planned, one is free, six lie beyond the plan: 25 % covered is too little."""
    plan(business, statement(7, 13, 30.0), statement(0, 6, None, plan_id="coverage"))
    rows = pd.concat([forecast(business), forecast(business, "B2")])
    assert rows["promo_source"].value_counts().to_dict() == {"expected": 6, "planned": 1, "none": 1}
    shares = last_run(business)["promotions"]
    assert shares == {"planned": 0.125, "none": 0.125, "expected": 0.75}
    assert sum(shares.values()) == 1
    assert "the promotions plan covers 25 % of the weeks to come" in shown()


def test_enough_coverage_warns_nobody(business: Business, shown: Callable[[], str]) -> None:
    """Everything covered, or a lower bar."""
    forecast(business, "A1", "--min-promo-coverage", "0")
    plan(business, COVERED)
    forecast(business)
    assert "promotions plan covers" not in shown()


# --- What if --------------------------------------------------------------------------------------------------------


HEADER = "unit,channel,SKU_ID,starts_on,ends_on,discount_perc,covers_through\n"


def scenario(business: Business, text: str, name: str = "Black week") -> int:
    """Run a what-if with a file of this text and return its exit code."""
    path = business.folder / "what_if.csv"
    path.write_text(HEADER + text, encoding="utf-8")
    return business("predict", "--scenario", name, "--promotions", str(path))


def test_a_scenario_forecasts_another_plan_and_touches_nothing(business: Business) -> None:
    """60 % more in the promoted week than the baseline, which is the published forecast; nothing else is written."""
    plan(business, COVERED)
    published, planned = forecast(business), business.rows(PROMOTIONS)
    week = MONDAY + timedelta(days=7)
    assert scenario(business, f"Пермь,KA,A1,{week},{week + timedelta(days=6)},30,{MONDAY + timedelta(days=27)}\n") == 0
    rows = business.rows(SCENARIOS)
    mine = rows[rows["SKU_ID"] == "A1"]
    assert set(rows["scenario_id"]) == {f"Black week/{CUTOFF}"}
    assert mine["baseline_yhat"].tolist() == published["yhat"].tolist()
    assert mine["difference"].tolist() == pytest.approx((mine["yhat"] - mine["baseline_yhat"]).tolist())
    assert (mine["difference"] / mine["baseline_yhat"]).iloc[1] == pytest.approx(UPLIFT, abs=0.05)
    assert mine["promo_source"].tolist() == ["none", "planned", "none", "none"]
    assert (rows[rows["SKU_ID"] == "B2"]["difference"] == 0).all()
    now = business.rows(FORECASTS)
    assert_frame_equal(now[now["SKU_ID"] == "A1"].reset_index(drop=True), published)
    assert_frame_equal(business.rows(PROMOTIONS), planned)


def test_a_scenario_again_replaces_itself_alone(business: Business) -> None:
    """The same name is the same scenario; another name is another."""
    day = f"{MONDAY},{MONDAY + timedelta(days=6)}"
    for name, discount in (("one", 10), ("one", 20), ("two", 30)):
        assert scenario(business, f"Пермь,KA,A1,{day},{discount},{MONDAY + timedelta(days=6)}\n", name) == 0
    rows = business.rows(SCENARIOS)
    assert rows.groupby("scenario")["ds"].count().to_dict() == {"one": 8, "two": 8}
    first = rows[(rows["SKU_ID"] == "A1") & (rows["step"] == 1)].set_index("scenario")["difference"]
    assert 0 < first["one"] < first["two"]


def test_a_scenario_with_a_wrong_row_is_refused(business: Business, shown: Callable[[], str]) -> None:
    """One line that names the row, exit 2, nothing written."""
    assert scenario(business, f"Пермь,KA,A1,{MONDAY},{MONDAY},0.3,{MONDAY}\n") == 2
    assert "row 2" in shown()
    assert len(business.rows(SCENARIOS)) == 0


@pytest.mark.parametrize("flags", [["--scenario", "x"], ["--promotions", "x.csv"], ["--scenario", "a/b"]])
def test_a_scenario_needs_a_name_and_a_file(business: Business, flags: list[str]) -> None:
    """Both, and a name that can stand in a key."""
    assert business("predict", *flags) == 2


# --- Days of the past -----------------------------------------------------------------------------------------------


def test_a_run_of_a_past_day_leaves_the_inbox_alone(business: Business) -> None:
    """It knows neither today's files nor the articles that are new since."""
    inbox = business.folder / "staging" / "promotions" / "inbox"
    inbox.mkdir(parents=True)
    (inbox / "plan.csv").write_text(HEADER + f"Пермь,KA,A1,{MONDAY},{MONDAY},30,{MONDAY}\n", encoding="utf-8")
    assert business("predict", "--as-of", str(sunday(1))) == 0
    assert [path.name for path in inbox.iterdir()] == ["plan.csv"]
    assert len(business.rows(PROMOTIONS)) == 0
