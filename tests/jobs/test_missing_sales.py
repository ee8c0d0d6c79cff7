"""A loss of input: a part of the sales is not there any more, and jobs are run again."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest
from builders import CUTOFF
from business import Business, business_lines
from pandas.testing import assert_frame_equal

from skucast.core.combination import Combination
from skucast.core.tables.alerts import ALERTS
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.records import RUNS
from skucast.core.tables.sales import SALES
from skucast.core.weeks import WEEK
from skucast.jobs import targets

UNIT = "Чайковский"
ALLOWED = ("--max-failed-share", "0.3")
NEXT_WEEK = ("--as-of", "2026-12-02")


def lose(business: Business, where: str) -> None:
    """Take these lines out of the sales, as a reload without them does."""
    with business.warehouse._file.transaction() as connection:
        connection.execute(f"DELETE FROM {SALES.name} WHERE {where}")


@pytest.mark.parametrize("where", [f"unit = '{UNIT}'", "channel = 'ON TRADE'", "SKU_ID = 'B2' AND unit = 'Пермь'"])
def test_a_blind_repeat_without_a_part_of_the_sales_fails_and_keeps_what_is_published(
    business: Business, shown: Callable[[], str], where: str
) -> None:
    """One of five that sell, a unit, a channel or an article, is not delivered: exit 1, all rows stay, it is named."""
    business.already("predict")
    before = business.rows(FORECASTS)
    lose(business, where)
    shown()
    assert business("predict") == 1
    assert "1 combination was active lately and is not in the sales at all: " in shown()
    assert_frame_equal(business.rows(FORECASTS), before)


def test_a_small_part_that_is_missing_stays_as_published_and_is_an_alert(business: Business) -> None:
    """Below the share that may fail the others are forecast anew; coverage counts all, and the alert names the unit."""
    business.already("predict")
    before = business.warehouse.read(FORECASTS)
    lose(business, f"unit = '{UNIT}'")
    assert business("predict", *ALLOWED) == 0
    after = business.warehouse.read(FORECASTS)
    assert_frame_equal(after.query("unit == @UNIT"), before.query("unit == @UNIT"))
    assert len(after) == len(before)
    run = business.warehouse.read(RUNS).query("job == 'predict'").sort_values("n_failed").iloc[-1]
    assert (run["n_failed"], run["n_combinations"]) == (1, 6)
    assert business("monitor") == 0
    alert = business.rows(ALERTS).set_index("rule").loc["sales_missing"]
    assert alert["value"] == 1
    assert f"{UNIT} (1 combination)" in alert["message"]


def test_a_new_week_carries_on_what_was_forecast_before(business: Business) -> None:
    """Nothing is published of this week yet: the earlier forecast goes on, labelled, and does not count as forecast."""
    business.already("predict")
    before = business.rows(FORECASTS).query("unit == @UNIT").sort_values("ds")
    lose(business, f"unit = '{UNIT}'")
    assert business("predict", *NEXT_WEEK, *ALLOWED) == 0
    newest = business.rows(FORECASTS).query("cutoff == cutoff.max()")
    rows = newest[newest["unit"] == UNIT].sort_values("ds")
    assert rows["status"].tolist() == ["sales_missing"] * 4
    yhat = before["yhat"].tolist()
    assert rows["yhat"].tolist() == [*yhat[1:], yhat[-1]]
    assert business("monitor", *NEXT_WEEK, "--alert-forecast-coverage", "0.9") == 0
    alerts = business.rows(ALERTS).set_index("rule")["message"]
    assert "4 of 5 active combinations were forecast" in alerts["forecast_coverage"]


@pytest.mark.parametrize("how", [ALLOWED, ("--accept-missing", f"{UNIT}/*/*")])
def test_what_may_be_missing_does_not_jump(business: Business, how: tuple[str, ...], shown: Callable[[], str]) -> None:
    """A week later the largest unit's sales are gone, which this run allows: the others alone are compared."""
    business.already("predict")
    lines = business_lines()
    last = lines[(lines["date"] > CUTOFF - WEEK) & (lines["unit"] != UNIT)]
    business.sell(last.assign(date=last["date"] + pd.Timedelta(weeks=1)), "next week")
    lose(business, f"unit = '{UNIT}'")
    shown()
    assert business("predict", *NEXT_WEEK, *how) == 0
    assert "jump" not in shown()


def test_what_is_accepted_as_missing_is_no_more(business: Business) -> None:
    """A unit was closed: its rows are left out of the week, nothing fails or jumps and no alert is opened."""
    business.already("predict")
    lose(business, f"unit = '{UNIT}'")
    accepted = ("--accept-missing", f"{UNIT}/*/*")
    assert business("predict", *accepted) == 0
    assert UNIT not in set(business.rows(FORECASTS)["unit"])
    assert business("monitor", *accepted) == 0
    assert "sales_missing" not in set(business.rows(ALERTS)["rule"])


def test_models_alone_tell_what_is_missing(business: Business, shown: Callable[[], str]) -> None:
    """Nothing was ever forecast: the store has the models, the sales lack a unit; no run that covers less passes."""
    lose(business, f"unit = '{UNIT}'")
    assert business("predict") == 1
    assert f"{UNIT} (1 combination)" in shown()
    assert len(business.rows(FORECASTS)) == 0
    assert business("train") == 1
    assert "their models stay" in shown()


def test_an_article_that_ended_long_ago_is_not_missed(business: Business) -> None:
    """Its lines were taken out of the sales once it counted as inactive: the run is as good as without it."""
    business.already("predict")
    lose(business, "SKU_ID = 'GONE'")
    assert business("predict") == 0
    assert "GONE" not in set(business.rows(FORECASTS)["SKU_ID"])


def test_a_day_of_the_past_misses_nothing_that_began_later(business: Business) -> None:
    """A week before the new article sold, although it has been forecast since and models know later weeks."""
    business.already("predict")
    assert business("predict", "--as-of", "2026-08-12") == 0


def test_sales_that_are_replaced_by_their_newest_weeks_are_said(business: Business, shown: Callable[[], str]) -> None:
    """All that sells is there, with ten weeks instead of seventy: models forecast on, the log and an alert say it."""
    lose(business, "date < '2026-09-14'")
    shown()
    assert business("predict") == 0
    assert "a run of the last weeks found 2,380 in them: most of them are gone" in shown()
    assert business("monitor") == 0
    alert = business.rows(ALERTS).set_index("rule").loc["sales_missing", "message"]
    assert alert.endswith("most of them are gone; load them again")


def test_every_task_of_a_blind_repeat_fails(business: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tasks without a unit's sales: training fails in one of them, prediction in each, nothing is published."""
    business.already("predict")
    before = business.rows(FORECASTS)
    lose(business, f"unit = '{UNIT}'")
    monkeypatch.setenv("CLOUD_RUN_EXECUTION", "again")
    monkeypatch.setenv("CLOUD_RUN_TASK_COUNT", "2")
    codes: dict[str, list[int]] = {"train": [], "predict": []}
    for index in range(2):
        monkeypatch.setenv("CLOUD_RUN_TASK_INDEX", str(index))
        codes["train"].append(business("train"))
        codes["predict"].append(business("predict"))
    assert codes == {"train": [1, 0], "predict": [1, 1]}
    assert_frame_equal(business.rows(FORECASTS), before)


NEWEST = "unit = 'Пермь' AND SKU_ID = 'B2' AND date > '2026-07-01'"
"""Most of an article's newest months; all others of its unit go on."""


def test_an_article_that_lost_its_newest_months_stays_as_published_and_is_named(
    business: Business, shown: Callable[[], str]
) -> None:
    """Twenty weeks without a line where the ledger knew sales: not inactive, but missing; it is counted and carried."""
    business.already("predict")
    before = business.warehouse.read(FORECASTS).query("unit == 'Пермь' and SKU_ID == 'B2'")
    assert set(before["status"]) == {"ok"}
    lose(business, NEWEST)
    shown()
    assert business("predict") == 1
    assert "1 combination was active lately and is not in the sales any more, with weeks that earlier" in shown()
    assert business("train", *ALLOWED) == 0
    assert business("predict", *ALLOWED) == 0
    after = business.warehouse.read(FORECASTS).query("unit == 'Пермь' and SKU_ID == 'B2'")
    assert_frame_equal(after, before)
    assert business("predict", *ALLOWED, "--target-combinations", "Пермь/KA/B2") == 1
    assert business("monitor") == 0
    alert = business.rows(ALERTS).set_index("rule").loc["sales_missing"]
    assert "Пермь/KA/B2" in alert["message"]


def test_what_a_word_means_is_passed_over_where_it_has_lost_its_sales(
    business: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has named it: the others are forecast, and what is published of it stays."""
    business.already("predict")
    before = business.warehouse.read(FORECASTS).query("unit == 'Пермь' and SKU_ID == 'B2'")
    lose(business, NEWEST)
    two = [Combination("Пермь", "KA", "A1"), Combination("Пермь", "KA", "B2")]
    monkeypatch.setitem(targets._WORDS, "alerts", lambda *_: (two, "with an alert"))
    assert business("predict", "--target-combinations", "@alerts") == 0
    assert_frame_equal(business.warehouse.read(FORECASTS).query("unit == 'Пермь' and SKU_ID == 'B2'"), before)
    assert business("retrain", "--target", "@alerts; Пермь/KA/B2") == 1


def test_an_article_that_is_accepted_to_have_stopped_is_inactive(business: Business) -> None:
    """Its newest months were no sales of its own, and somebody says so."""
    business.already("predict")
    lose(business, NEWEST)
    assert business("predict", "--accept-missing", "Пермь/KA/B2") == 0
    rows = business.warehouse.read(FORECASTS).query("unit == 'Пермь' and SKU_ID == 'B2'")
    assert set(rows["status"]) == {"inactive"}
