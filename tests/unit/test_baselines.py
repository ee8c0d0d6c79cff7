"""Naive forecasts, by hand."""

from __future__ import annotations

from math import nan

import pandas as pd
import pytest
from builders import sunday
from hypothesis import given, settings
from hypothesis import strategies as st
from stubs import weeks_of

from skucast.core.combination import KEY
from skucast.core.tables.scorecard import BASELINES
from skucast.sales.baselines import YARDSTICKS, last_week, last_year, mean_4, with_baselines

TARGETS = [sunday(-1), sunday(-2)]


@pytest.mark.parametrize(
    ("y", "expected_last", "expected_4"),
    [
        ([1, 2, 3, 4, 5, 6, 7, 8, 9], 9.0, 7.5),
        ([1, 2, 3, 4, 5, nan, nan], 5.0, 3.5),
        ([6], 6.0, 6.0),
        ([nan, nan], 0.0, 0.0),
        ([], 0.0, 0.0),
    ],
    ids=["long", "unknown at the end", "one week", "all unknown", "no weeks"],
)
def test_flat_baselines_are_means_of_the_last_known_weeks(
    y: list[float], expected_last: float, expected_4: float
) -> None:
    """Of 1 and 4 weeks, unknown ones skipped, the same for every target; 0 where nothing is known."""
    weeks = weeks_of(y)
    assert last_week(weeks, TARGETS).tolist() == [expected_last] * 2
    assert mean_4(weeks, TARGETS).tolist() == [expected_4] * 2


def test_last_year_is_52_weeks_before() -> None:
    """Weeks 0 to 59: the week after is the 60th, a year before it the 8th; an unknown one becomes the last week."""
    y = [float(week) for week in range(60)]
    assert last_year(weeks_of(y), TARGETS).tolist() == [8.0, 9.0]
    y[9] = nan
    assert last_year(weeks_of(y), TARGETS).tolist() == [8.0, 59.0]
    assert last_year(weeks_of(y[-10:]), TARGETS).tolist() == [59.0, 59.0]


SALES = st.lists(st.one_of(st.just(nan), st.floats(0, 1e4)), max_size=70)


@pytest.mark.slow
@settings(deadline=None, max_examples=25)
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
