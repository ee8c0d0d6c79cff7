"""Freshness: what was published last, whatever else stands in the table of publishes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pandas as pd

from skucast.core.combination import KEY
from skucast.core.tables.records import PUBLISHES
from skucast.jobs.freshness import Age, Covered, covered, newest_scorecard


def test_a_failed_first_publish_hides_nothing(warehouse, run, settings):
    """It may leave a row without slice and run: the newest scorecard is the last one that was published."""
    at = datetime.fromisoformat("2026-11-27T00:10:00")
    rows = [("", ""), ("", "monitor-0"), ("all", "sql"), ("2026-11-15", "monitor-1"), ("2026-11-22", "monitor-2")]
    frame = pd.DataFrame(rows, columns=["partition_value", "run_id"])
    frame = frame.assign(table_name=settings().alerts_table, n_rows=0, published_at=at)

    class Published:
        """A warehouse that has these rows."""

        def read(self, table):
            assert table is PUBLISHES
            return frame

    assert newest_scorecard(settings(), Published()) == date(2026, 11, 22)
    assert newest_scorecard(settings(), Published(), date(2026, 11, 20)) == date(2026, 11, 15)


NOTHING_TRAINED = pd.DataFrame({"cutoff": pd.to_datetime([]), **{key: [] for key in KEY}, "outcome": []})


def made(cutoff: str, skus: str, status: str = "ok") -> pd.DataFrame:
    """Return forecasts of step 1 of these articles, one letter each."""
    rows: list[dict[str, Any]] = [
        {"cutoff": pd.Timestamp(cutoff), "unit": "U", "channel": "C", "SKU_ID": sku, "status": status} for sku in skus
    ]
    return pd.DataFrame(rows)


def test_a_targeted_run_alone_is_no_forecast_of_the_week() -> None:
    """Four articles a week ago, one of them this week: this week's forecast is not there."""
    found = covered(pd.concat([made("2026-11-15", "abcd"), made("2026-11-22", "a")]), NOTHING_TRAINED)
    assert found == [Covered(date(2026, 11, 15), 4, 4), Covered(date(2026, 11, 22), 1, 4)]
    age = Age("forecasts", date(2026, 11, 22), date(2026, 11, 15), "predict_weekly.py", str(found[-1]))
    assert age.is_stale
    assert "of 2026-11-22 only 1 of 4 active combinations are forecast; run predict_weekly.py" in str(age)


def test_what_is_no_longer_sold_need_not_be_forecast() -> None:
    """Of four, one was inactive a week ago and is gone, one is inactive now, one is closed for good."""
    before = pd.concat([made("2026-11-15", "abc"), made("2026-11-15", "d", "inactive")])
    now = pd.concat([made("2026-11-22", "a"), made("2026-11-22", "b", "inactive")])
    found = covered(pd.concat([before, now]), NOTHING_TRAINED, ["U/C/c"])
    assert found[-1] == Covered(date(2026, 11, 22), 1, 1)


def test_what_was_carried_on_is_not_forecast() -> None:
    """For want of its sales the forecast before stands in: it is there for planners, and counts as missing."""
    now = pd.concat([made("2026-11-22", "a"), made("2026-11-22", "b", "sales_missing")])
    found = covered(pd.concat([made("2026-11-15", "ab"), now]), NOTHING_TRAINED)
    assert found[-1] == Covered(date(2026, 11, 22), 1, 2)


def test_a_first_forecast_is_held_against_the_models() -> None:
    """Three models were trained, and the first forecast ever is of one article: it does not count."""
    trained = made("2026-11-15", "abc").drop(columns="status").assign(outcome="saved")
    assert covered(made("2026-11-22", "a"), trained) == [Covered(date(2026, 11, 22), 1, 3)]
