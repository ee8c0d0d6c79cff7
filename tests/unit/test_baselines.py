"""Naive forecasts, by hand."""

from __future__ import annotations

from math import nan

import numpy as np
import pandas as pd
import pytest
from builders import sunday
from hypothesis import given, settings
from hypothesis import strategies as st
from stubs import weeks_of

from skucast.core.combination import KEY
from skucast.core.tables.scorecard import BASELINES
from skucast.sales.baselines import YARDSTICKS, fallback, last_week, last_year, mean_4, mean_8, with_baselines

TARGETS = [sunday(-1), sunday(-2)]


@pytest.mark.parametrize(
    ("y", "expected_last", "expected_4", "expected_8"),
    [
        ([1, 2, 3, 4, 5, 6, 7, 8, 9], 9.0, 7.5, 5.5),
        ([1, 2, 3, 4, 5, nan, nan], 5.0, 3.5, 3.0),
        ([6], 6.0, 6.0, 6.0),
        ([nan, nan], 0.0, 0.0, 0.0),
        ([], 0.0, 0.0, 0.0),
    ],
    ids=["long", "unknown at the end", "one week", "all unknown", "no weeks"],
)
def test_flat_baselines_are_means_of_the_last_known_weeks(
    y: list[float], expected_last: float, expected_4: float, expected_8: float
) -> None:
    """Of 1, 4 and 8 weeks, unknown ones skipped, the same for every target; 0 where nothing is known."""
    weeks = weeks_of(y)
    assert last_week(weeks, TARGETS).tolist() == [expected_last] * 2
    assert mean_4(weeks, TARGETS).tolist() == [expected_4] * 2
    assert mean_8(weeks, TARGETS).tolist() == [expected_8] * 2


def test_last_year_is_52_weeks_before() -> None:
    """Weeks 0 to 59: the week after is the 60th, a year before it the 8th; an unknown one becomes the last week."""
    y = [float(week) for week in range(60)]
    assert last_year(weeks_of(y), TARGETS).tolist() == [8.0, 9.0]
    y[9] = nan
    assert last_year(weeks_of(y), TARGETS).tolist() == [8.0, 59.0]
    assert last_year(weeks_of(y[-10:]), TARGETS).tolist() == [59.0, 59.0]


SALES = st.lists(st.one_of(st.just(nan), st.floats(0, 1e4)), max_size=70)


@pytest.mark.slow
@settings(deadline=None, max_examples=50)
@given(several=st.lists(SALES, min_size=1, max_size=3), step=st.integers(1, 26), late=st.integers(0, 26))
def test_many_combinations_have_the_baselines_of_each_alone(several: list[list[float]], step: int, late: int) -> None:
    """With gaps, short and long, for a week up to half a year ahead, on sales up to half a year late."""
    names = [("U", "C", f"S{number}") for number in range(len(several))]
    alone = [weeks_of(y) for y in several]
    weeks = pd.concat(
        [rows.assign(**dict(zip(KEY, name, strict=True))) for name, rows in zip(names, alone, strict=True)],
        ignore_index=True,
    )
    target, known_until = sunday(late - step), pd.Timestamp(sunday(late))
    forecasts = pd.DataFrame(names, columns=KEY).astype("str").assign(data_cutoff=known_until, ds=pd.Timestamp(target))
    found = with_baselines(forecasts, weeks.astype(dict.fromkeys(KEY, "str")))
    assert list(YARDSTICKS) == list(BASELINES)
    for rows, row in zip(alone, found.to_dict("records"), strict=True):
        known = rows[rows["ds"] <= known_until]
        expected = {f"baseline_{name}": forecast(known, [target])[0] for name, forecast in YARDSTICKS.items()}
        assert {name: row[name] for name in expected} == pytest.approx(expected, abs=1e-9)


def test_the_fallback_is_the_mean_of_8_weeks() -> None:
    """Sales swing between 8 and 12: forecast 10, and 80 % of past errors were within 2."""
    method, rows = fallback(weeks_of([8.0, 12.0] * 10), TARGETS)
    assert method == "mean_8"
    assert rows["ds"].dt.date.tolist() == TARGETS
    assert rows[["yhat_lower", "yhat", "yhat_upper"]].to_numpy().tolist() == [[8.0, 10.0, 12.0]] * 2


def test_the_fallback_is_last_year_where_that_did_better() -> None:
    """A wave of 52 weeks that repeats itself is forecast without an error."""
    wave = 100 + 50 * np.sin(2 * np.pi * np.arange(110) / 52)
    method, rows = fallback(weeks_of(wave), TARGETS)
    assert method == "seasonal_naive"
    assert rows["yhat"].tolist() == pytest.approx(wave[58:60].tolist())
    assert (rows["yhat_upper"] - rows["yhat_lower"]).tolist() == pytest.approx([0.0, 0.0], abs=1e-9)


def test_the_fallback_stays_with_the_mean_where_last_year_did_worse() -> None:
    """Sales swing between 90 and 110, always 10 off the mean; a year ago 115 were sold, 25 or 5 off."""
    method, rows = fallback(weeks_of([115.0] * 52 + [90.0, 110.0] * 10), TARGETS)
    assert method == "mean_8"
    assert rows["yhat"].tolist() == [100.0, 100.0]


def test_the_fallback_of_little_history_is_wide() -> None:
    """With fewer than 4 past errors the interval reaches from 0 to twice the forecast."""
    _, rows = fallback(weeks_of([10.0, 20.0]), TARGETS)
    assert rows[["yhat_lower", "yhat", "yhat_upper"]].to_numpy().tolist() == [[0.0, 15.0, 30.0]] * 2


@pytest.mark.parametrize("y", [[], [nan] * 9, [0.0] * 9, [0.0, 0.0, 50.0, 0.0, 0.0, nan] * 4])
def test_the_fallback_always_answers(y: list[float]) -> None:
    """Nothing, nothing known, nothing sold, seldom sold: finite numbers, 0 <= lower <= yhat <= upper."""
    _, rows = fallback(weeks_of(y), TARGETS)
    numbers = rows[["yhat_lower", "yhat", "yhat_upper"]].to_numpy()
    assert np.isfinite(numbers).all()
    assert (numbers[:, 0] >= 0).all()
    assert (np.diff(numbers) >= 0).all()
