"""Weeks whose sales cannot be right: what is taken for one, and what is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import history_of, line, series, sunday, week

from skucast.core.combination import KEY
from skucast.forecast.short import fallback
from skucast.regressors.future import last_known
from skucast.sales.baselines import mean_4
from skucast.sales.history import with_lag
from skucast.sales.outliers import outliers

STEADY = [100.0 + 10 * (n % 4) for n in range(112)]


def frame(y: list[float], promo: tuple[int, ...] = (), SKU_ID: str = "A1") -> pd.DataFrame:  # noqa: N803
    """Return the weeks of one article, the last one newest."""
    weeks = pd.DataFrame({"ds": pd.date_range(end=sunday(0), periods=len(y), freq="W-SUN"), "y": y})
    weeks = weeks.assign(unit="P", channel="KA", SKU_ID=SKU_ID, quantity=weeks["y"].fillna(0.0))
    return weeks.assign(is_promo=weeks.index.isin(promo))[[*KEY, "ds", "y", "quantity", "is_promo"]]


def found(y: list[float], promo: tuple[int, ...] = (), holidays: tuple[int, ...] = (), **quantity: float) -> list[int]:
    """Return the places of the weeks that are taken for outliers; `quantity` at the last week, where it is given."""
    weeks = frame(y, promo)
    weeks.loc[weeks.index[-1], "quantity"] = quantity.get("last", weeks["quantity"].iloc[-1])
    return outliers(weeks, [weeks["ds"].iloc[place].date() for place in holidays]).index.tolist()


def with_weeks(changes: dict[int, float], y: list[float] = STEADY) -> list[float]:
    """Return the weeks with some of them changed, by their place; -1 is the newest."""
    changed = list(y)
    for place, value in changes.items():
        changed[place] = value
    return changed


@pytest.mark.parametrize("place", [20, 82, 111])
@pytest.mark.parametrize("much", [1_000_000.0, 10_000.0, 2_000.0])
def test_a_week_far_beyond_all_others_is_one(place: int, much: float) -> None:
    """About 115 a week, and once 2,000 or more: in the middle or in the newest week."""
    assert found(with_weeks({place: much})) == [place]


def test_two_mistakes_do_not_hide_each_other() -> None:
    """In two weeks of the year, and in two weeks in a row where both are absurd."""
    assert found(with_weeks({80: 1e6, 100: 1e6})) == [80, 100]
    assert found(with_weeks({110: 1e6, 111: 1e6})) == [110, 111]


def test_a_promotion_is_none() -> None:
    """Fourteen times as much in a promotion is believed, a million is not."""
    assert found(with_weeks({60: 1_700.0}), promo=(60,)) == []
    assert found(with_weeks({60: 1e6}), promo=(60,)) == [60]


def test_new_year_is_none() -> None:
    """Twenty times as much in the week before a holiday, with no year before to compare it with."""
    assert found(with_weeks({40: 2_500.0}, STEADY[:50]), holidays=(41,)) == []
    assert found(with_weeks({40: 2_500.0}, STEADY[:50])) == [40]


def test_a_season_is_none() -> None:
    """What is sold in one week a year is believed as soon as it has come twice, give or take a week."""
    assert found(with_weeks({20: 5_000.0, 73: 6_000.0})) == []


def test_a_new_level_is_none() -> None:
    """A new chain takes ten times as much from the second last week on."""
    assert found(with_weeks({110: 1_200.0, 111: 1_150.0})) == []


def test_a_new_article_is_judged_mildly() -> None:
    """Its first delivery may be thirty weeks' worth; four weeks tell what a million is."""
    assert found([3_000.0, 90, 110, 100, 95, 105, 100]) == []
    assert found([100.0, 110, 90, 1e6]) == [3]


@pytest.mark.parametrize(
    ("y", "places"),
    [([100.0, 1e6, 90], [1]), ([1e6, 100.0], [0]), ([1e6, 1e6, 100.0], [0, 1]), ([1e6], []), ([0.0, 1e6], [])],
)
def test_an_article_of_two_or_three_weeks(y: list[float], places: list[int]) -> None:
    """A thousand times the other weeks is too much; a single week says nothing of itself."""
    assert found(y) == places
    assert found([3_000.0, 90, 100]) == found([3_000.0, 90]) == found([2.0, 1_500]) == []


@pytest.mark.parametrize("y", [[1e6], [100.0, 1e6], [100.0, 90, 30_000]])
def test_an_article_of_few_weeks_beside_well_known_ones(y: list[float]) -> None:
    """Where the largest article sells about 115 a week no new one begins with forty times as much."""
    other = frame(STEADY, SKU_ID="B2")
    weeks = pd.concat([frame(y), other], ignore_index=True)
    assert outliers(weeks).index.tolist() == [y.index(max(y))]
    assert outliers(weeks)["usual"].between(90, 120).all()
    assert outliers(pd.concat([frame([4_000.0, *y[:-1]]), other], ignore_index=True)).empty


@pytest.mark.parametrize("n_weeks", [8, 12, 20, 112])
def test_three_mistakes_do_not_hide_each_other(n_weeks: int) -> None:
    """A million in three weeks: one after the other, or apart."""
    y = STEADY[:n_weeks]
    for places in ([n_weeks - 3, n_weeks - 2, n_weeks - 1], [1, n_weeks // 2, n_weeks - 1]):
        assert found(with_weeks(dict.fromkeys(places, 1e6), y)) == places


def test_the_same_mistake_in_two_years_is_no_season() -> None:
    """A million in the same week of both years, and three of them."""
    assert found(with_weeks({50: 1e6, 102: 1e6})) == [50, 102]
    assert found(with_weeks(dict.fromkeys((49, 50, 51, 101, 102, 103), 1e6))) == [49, 50, 51, 101, 102, 103]


def test_an_article_that_seldom_sells_is_judged_mildly() -> None:
    """One or two pieces every fourth week, and once an order of forty."""
    seldom = [float(n % 4 == 0) + float(n % 8 == 0) for n in range(112)]
    assert found(with_weeks({60: 40.0}, seldom)) == []
    assert found(with_weeks({60: 40_000.0}, seldom)) == [60]


def test_a_correction_of_other_weeks_is_one() -> None:
    """Returns of a million, or of 700, beyond the sales are no week without demand; of 300 they are a week of 0."""
    assert found(with_weeks({-1: 0.0}), last=-1e6) == [111]
    assert found(with_weeks({-1: 0.0}), last=-700.0) == [111]
    assert found(with_weeks({-1: 0.0}), last=-300.0) == []


def test_returns_of_what_is_no_longer_sold_are_a_week_of_0() -> None:
    """Six times a week's sales come back after the season of an article that sells eight weeks a year."""
    season = [100.0 if n % 52 < 8 else 0.0 for n in range(112)]
    assert found(with_weeks({-1: 0.0}, season), last=-600.0) == []
    assert found(with_weeks({-1: 0.0}, season), last=-900.0) == [111]


def test_unknown_weeks_are_no_outliers() -> None:
    """A week that is unknown anyhow is neither judged nor compared with."""
    assert found(with_weeks({60: np.nan, 61: 1e6})) == [61]


# --- In the history -------------------------------------------------------------------------------------------------


def sold(quantities: list[float], **names: str) -> list[dict[str, Any]]:
    """Return the lines of consecutive whole weeks, the last one newest."""
    return [each for ago, much in enumerate(reversed(quantities)) for each in week(sunday(ago), much, **names)]


def test_one_line_of_a_million_is_unknown_and_named(warehouse, run):
    """It is no lag, no largest week, no fallback; the warning names article, week and what is usual."""
    history = history_of(warehouse, [*sold([100.0] * 20), line(sunday(0), 1_000_000)], run)
    assert np.isnan(series(history)[-1])
    assert series(history, "is_outlier") == [False] * 19 + [True]
    weeks = next(history.split())[1]
    assert last_known(weeks) == 100.0
    assert mean_4(weeks, [sunday(-1)]).tolist() == [100.0]
    assert fallback(weeks, [sunday(-1)])[1]["yhat"].tolist() == [100.0]
    (text,) = history.report.warnings
    assert f"Пермь/KA/A1, week {sunday(0)}: 1,000,100 where about 100 is usual" in text
    assert (history.report.n_outlier_weeks, len(history.report.outlier_weeks)) == (1, 1)


def test_the_week_after_has_a_usual_lag(warehouse, run):
    """The lag of the week after the million is what was usual before it."""
    history = history_of(warehouse, [*sold([100.0] * 20), line(sunday(3), 1_000_000)], run)
    assert with_lag(next(history.split())[1])["y_lag1"].iloc[-3:].tolist() == [100.0] * 3


def test_a_million_and_its_correction_in_one_week_are_nothing(warehouse, run):
    """The net of the week is right, so the week is."""
    lines = [*sold([100.0] * 20), line(sunday(0), 1_000_000), line(sunday(0), -1_000_000)]
    history = history_of(warehouse, lines, run)
    assert series(history) == [100.0] * 20
    assert history.report.warnings == []


def test_a_correction_in_a_later_week_takes_both_out(warehouse, run):
    """A million in one week, taken back a fortnight later: neither is a week of sales."""
    lines = [*sold([100.0] * 20), line(sunday(5), 1_000_000), line(sunday(3), -1_000_000)]
    history = history_of(warehouse, lines, run)
    assert [ago for ago, y in enumerate(reversed(series(history))) if np.isnan(y)] == [3, 5]


def test_other_units_do_not_matter(warehouse, run):
    """What one unit sells says nothing of another's weeks."""
    lines = [*sold([100.0] * 20), line(sunday(0), 5_000), *sold([1e6] * 20, unit="Чайковский")]
    history = history_of(warehouse, lines, run)
    assert series(history, "is_outlier") == [False] * 19 + [True]
    assert not any(series(history, "is_outlier", unit="Чайковский"))


def test_outliers_can_be_believed(warehouse, run):
    """With CENSOR_OUTLIERS=false the week counts as it was delivered."""
    history = history_of(warehouse, [*sold([100.0] * 20), line(sunday(0), 5_000)], run, censor_outliers=False)
    assert (series(history)[-1], history.report.warnings) == (5_100.0, [])
