"""Weeks of one combination: the lag, what is inactive, the days on which it sells."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from builders import history_of, line, sunday, week

from skucast.core.combination import KEY, Combination
from skucast.sales.history import (
    active_combinations,
    carried,
    inactive_combinations,
    is_inactive,
    with_lag,
)

nan = pytest.approx(float("nan"), nan_ok=True)


def test_split_yields_each_wanted_combination_with_its_weeks(warehouse, run):
    """Sorted by combination, key columns left out, rows counted from 0; all of them unless some are wanted."""
    history = history_of(warehouse, [*week(sunday(1), 7), *week(sunday(0), 9), *week(sunday(0), 5, SKU_ID="B2")], run)
    a1, b2 = Combination("Пермь", "KA", "A1"), Combination("Пермь", "KA", "B2")
    parts = dict(history.split())
    assert list(parts) == [a1, b2]
    assert parts[a1]["y"].tolist() == [7.0, 9.0]
    assert parts[b2].index.tolist() == [0]
    assert not set(KEY) & set(parts[b2].columns)
    assert [combination for combination, _ in history.split([b2])] == [b2]


def test_the_lag_is_the_week_before():
    """The first week has none."""
    assert with_lag(pd.DataFrame({"y": [3.0, 5.0, 8.0]}))["y_lag1"].tolist() == [nan, 3.0, 5.0]


def test_the_lag_of_an_unknown_week_is_the_mean_of_four_before():
    """1 2 3 4 6 ?: the missing week counts as (2 + 3 + 4 + 6) / 4; y itself stays unknown."""
    weeks = with_lag(pd.DataFrame({"y": [1, 2, 3, 4, 6, np.nan, 9]}))
    assert weeks["y_lag1"].tolist() == [nan, 1.0, 2.0, 3.0, 4.0, 6.0, 3.75]
    assert np.isnan(weeks["y"][5])


def test_consecutive_unknown_weeks_build_on_each_other():
    """8 ? ?: 8, then the mean of 8 and 8; nothing known before stays unknown."""
    assert carried(pd.Series([np.nan, 4, 8, np.nan, np.nan])).tolist() == [nan, 4.0, 8.0, 6.0, 6.0]


def test_a_known_series_is_carried_as_it_is():
    """Without unknown weeks nothing changes, and the given series is never written to."""
    given = pd.Series([1.0, np.nan])
    carried(given)
    assert given.isna().tolist() == [False, True]
    assert carried(pd.Series([1.0, 0.0])).tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("y", "inactive"), [([5, 0, 0, 0], True), ([0, 0, 5, 0], False), ([0, 0], False), ([5, 0, np.nan, 0], False)]
)
def test_inactive_means_known_to_have_sold_nothing(y, inactive):
    """Three zero weeks at the end, each of them known; a shorter history is new, not inactive."""
    assert is_inactive(pd.DataFrame({"y": y, "is_stockout": False, "is_censored": False}), 3) == inactive


def test_an_article_without_stock_for_good_is_inactive():
    """Three weeks out of stock at the end: unknown sales, but none; a delivery that failed is another matter."""
    gone = pd.DataFrame(
        {"y": [5, np.nan, np.nan, np.nan], "is_stockout": [False, True, True, True], "is_censored": False}
    )
    assert is_inactive(gone, 3)
    assert not is_inactive(gone.assign(is_stockout=False), 3)


def test_many_combinations_are_judged_as_each_by_itself():
    """Seldom sold, out of stock or not delivered, for few weeks or many, in any order of the combinations."""
    random = np.random.default_rng(7)
    parts = []
    for number in random.permutation(60):
        y = random.choice([0.0, 0.0, 0.0, 1.0, np.nan], random.integers(1, 9))
        parts.append(pd.DataFrame({"unit": "U", "channel": "C", "SKU_ID": f"S{number:02d}", "y": y}))
    weeks = pd.concat(parts, ignore_index=True)
    weeks["is_censored"] = False
    weeks["is_stockout"] = weeks["y"].isna() & (random.uniform(size=len(weeks)) < 0.5)
    alone = {key: is_inactive(rows, 3) for key, rows in weeks.groupby(KEY)}
    assert inactive_combinations(weeks, 3).to_dict() == alone
    active = [key for key, inactive in alone.items() if not inactive]
    assert 0 < len(active) < len(alone)
    assert active_combinations(weeks, 3).to_numpy().tolist() == [list(key) for key in active]
    assert not len(active_combinations(weeks.head(0), 3))


# --- Selling days ---------------------------------------------------------------------------------------------------


def test_the_usual_selling_days_are_known(warehouse, run):
    """Monday to Friday, with a stray Saturday in one week of ten; what sells every day is not named."""
    weekdays = [
        line(sunday(back) - timedelta(days=6 - day), 5.0)
        for back in range(10)
        for day in ([0, 1, 2, 3, 4, 5] if back == 3 else range(5))
    ]
    daily = [line(sunday(back) - timedelta(days=day), 5.0, SKU_ID="B2") for back in range(10) for day in range(7)]
    found = history_of(warehouse, [*weekdays, *daily], run)
    assert found.selling_days == {Combination("Пермь", "KA", "A1"): (True,) * 5 + (False,) * 2}


def test_weekly_rows_tell_of_no_selling_days(warehouse, run):
    """Their day is that of the week's label."""
    rows = [line(sunday(back), 5.0) for back in range(10)]
    assert history_of(warehouse, rows, run, grain="week").selling_days == {}
