"""Articles of a season: forecast like in the one before, labelled, and never 0 in silence."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF
from stubs import forecast_one, stored, weeks_of
from test_forecasting import ARTICLE, HORIZON, forecast

from skucast.core.combination import KEY, Combination
from skucast.core.weeks import WEEK
from skucast.sales.demand import coming_season, life_class, life_classes
from skucast.sales.seasons import LevelChanges, level_changes, may_rest

SEASON = [470.0] * 13
"""What is sold in the weeks of November to January; the weeks after the cutoff (22 November) are those."""

REST = [0.0] * 39
LONG_AGO = CUTOFF - WEEK * 200


def coming(y: list[float], n_weeks: int = 4, inactive_after_weeks: int = 13) -> list[float] | None:
    """Return the forecast of the coming weeks, None where there is no season."""
    season = coming_season(weeks_of(y), n_weeks, inactive_after_weeks)
    return None if season is None else season.forecast()[0].tolist()


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        (SEASON + REST, [470.0] * 4),
        (SEASON + REST + SEASON + REST, [470.0] * 4),
        (SEASON + REST + [0.0] * 13 + REST, [470.0] * 4),
        ([*SEASON, *REST[:20], *[nan] * 3, *REST[23:]], [470.0] * 4),
        ([nan, *SEASON[1:], *REST], [470.0] * 4),
        ([*SEASON, *[2.0, 0.0, 0.0] * 13], [470.0] * 4),
        ([100.0, 0.0, 200.0, 0.0, *SEASON[4:], *REST], [100.0, 0.0, 200.0, 0.0]),
        (SEASON + [0.0] * 37, [0.0, 470.0, 470.0, 470.0]),
        (SEASON + [0.0] * 38, [470.0] * 4),
        ([300.0, *[nan] * 4, *SEASON[5:], *REST], [300.0, 334.0, 368.0, 402.0]),
        ([400.0] * 13 + REST + [430.0] * 13 + REST, [420.0] * 4),
    ],
)
def test_what_sold_in_the_coming_weeks_of_an_earlier_year_is_forecast_like_then(
    y: list[float], expected: list[float]
) -> None:
    """Of last year, twice as much as of the year before where both had a season; of that one where it skipped one.

    Remnants that are sold in between, and unknown weeks, end no rest; a week that is not known then is not 0, nor is
    the one before the first (sold in part, it is no week of the history).
    """
    assert coming(y) == pytest.approx(expected)


@pytest.mark.parametrize(
    "y",
    [
        [100.0] * 104,
        [100.0] * 60 + [0.0] * 20,
        [100.0] * 32 + [0.0] * 20,
        [0.0] * 60,
        SEASON + [0.0] * 12,
        SEASON + [0.0] * 20,
        [5.0, 0.0, 0.0, 0.0, 5.0, *REST, *[0.0] * 8],
        [5.0, 5.0, *[0.0] * 50],
        [*SEASON, *[30.0] * 39],
        [*SEASON, *REST, *SEASON, *[0.0] * 14, *SEASON[:3]],
        [nan] * 20,
        [470.0],
    ],
)
def test_what_was_given_up_or_never_rested_has_no_season(y: list[float]) -> None:
    """What sold for more than half a year and then no more is gone; one season alone says nothing of other weeks.

    Nor do some sales here and there, two weeks, or two seasons of what sells out of them.
    """
    assert coming(y) is None


def test_a_season_that_has_begun_finds_its_own_level() -> None:
    """Three weeks at 600 where last year had 300: (1800 + 2 weeks of 300) / (900 + 2 weeks of 300) times then."""
    y = [*[300.0] * 13, *REST, *[600.0] * 3]
    assert coming(y) == pytest.approx([300.0 * 2400 / 1500] * 4)


@pytest.mark.parametrize("before", [1, 2, 3])
@pytest.mark.parametrize("moved", [-1, 0, 1])
def test_a_season_is_forecast_like_those_before_it_to_its_end_and_after_it(before: int, moved: int) -> None:
    """Nothing is forecast of weeks in which it never sold; to its end, whatever week it began in, it follows last year.

    So it is with one season before this one, two or three, which began and ended a week earlier or later.
    """
    season, rest = [470.0] * 9, [0.0] * 43
    y = [*season, *rest] * (before - 1) + [*season, *([0.0] * (43 + moved))]
    assert coming([*y, *season[:7]]) == pytest.approx([470.0] * (2 - moved) + [0.0] * (2 + moved), rel=0.35)
    for n_rest in (1, 2, 5, 12, 13, 20):
        assert coming([*y, *season, *[0.0] * n_rest]) == [0.0] * 4
        assert life_class(weeks_of([*y, *season, *[0.0] * n_rest]), 4, 13, LONG_AGO) == "seasonal"


def test_a_season_that_goes_on_is_left_to_the_models() -> None:
    """Two weeks after the end of those before it still sells: it is no article of that season any more."""
    y = [*SEASON, *REST, *SEASON, *REST]
    assert coming([*y, *SEASON, 470.0]) == [0.0] * 4
    assert coming([*y, *SEASON, 470.0, 470.0]) is None
    assert coming([*y, *SEASON, 470.0, 470.0, 0.0]) == [0.0] * 4, "it ended two weeks later"
    assert coming([*y, *SEASON, nan, 470.0, nan]) is None, "by what is known"


@pytest.mark.parametrize("before", [[200.0], [200.0, *[0.0] * 5, 200.0, *[0.0] * 5, 200.0]])
def test_odd_sales_a_year_ago_end_nothing(before: list[float]) -> None:
    """An article that has sold for ten weeks is not forecast 0 because a year ago it sold a piece here and there."""
    assert coming([*before, *[0.0] * (52 - len(before)), *[100.0] * 17, 0.0]) is None
    assert coming([*before, *[0.0] * (52 - len(before)), *[20.0] * 10, 0.0]) is None


@pytest.mark.parametrize("n_rest", [4, 12, 13, 30])
def test_remnants_after_a_season_are_no_season(n_rest: int) -> None:
    """What is left over sells on at its own small rate, in every week or in some."""
    y = [*SEASON, *REST, *SEASON]
    assert coming([*y, *[5.0] * n_rest]) == pytest.approx([5.0] * 4)
    assert coming([*SEASON, *REST, *y, *[60.0] * 4]) == pytest.approx([60.0] * 4)


def test_two_seasons_of_unlike_size_are_not_one() -> None:
    """A year at 1500 and what was left of it in the next year's weeks: only the last year's counts."""
    y = [*[1500.0] * 13, *REST, *[60.0] * 13, *REST]
    assert coming(y) == pytest.approx([60.0] * 4)


def test_a_season_that_does_not_come_is_given_up() -> None:
    """Four weeks late it is forecast in full, then less with each week; after eight, one that came once has ended."""
    full = [470.0] * 4
    assert coming([*SEASON, *REST, *[0.0] * 4]) == pytest.approx(full)
    assert coming([*SEASON, *REST, *[0.0] * 6]) == pytest.approx([235.0] * 4)
    assert coming([*SEASON, *REST, *[0.0] * 8]) == pytest.approx([470.0 / 3] * 4)
    assert coming([*SEASON, *REST, *[0.0] * 9]) is None
    assert coming([*SEASON, *REST, *SEASON, *REST, *[0.0] * 9]) == pytest.approx([470.0 * 2 / 7] * 4)


def test_an_article_that_sells_on_is_not_asked_for_its_season() -> None:
    """The look at every article of a run costs next to nothing of one that never rested."""
    assert not may_rest(np.full(104, 100.0), 13)
    assert may_rest(np.array([*SEASON, *REST, *SEASON, 0.0]), 13)


def test_between_two_known_seasons_it_rests() -> None:
    """Nothing is forecast in summer, and it is said why; it is not inactive."""
    y = [*SEASON, *REST, *SEASON, *[0.0] * 20]
    rows = forecast(y, None)
    assert rows["yhat"].tolist() == [0.0] * 4
    assert set(rows["status"]) == {"seasonal"}
    assert life_class(weeks_of(y), 4, 13, LONG_AGO) == "seasonal"


@pytest.mark.parametrize("inactive_after_weeks", [1, 4, 13, 52])
def test_an_article_of_november_to_january_is_forecast_on_25_november(inactive_after_weeks: int) -> None:
    """Some 470 a week with a method and a status of its own, whatever its old model says, or how long rest is."""
    horizon = replace(HORIZON, inactive_after_weeks=inactive_after_weeks)
    for model in (stored(), None):
        rows = forecast(SEASON + REST, model, horizon)
        assert rows["yhat"].tolist() == pytest.approx([470.0] * 4)
        assert (rows["yhat_lower"] < 470).all()
        assert (rows["yhat_upper"] > 470).all()
        assert set(rows["method"]) == {"last_season"}
        assert set(rows["status"]) == {"seasonal"}


def test_a_late_unit_has_a_season_too() -> None:
    """Weeks that are bridged count: of six weeks after the last known one the last four are forecast."""
    horizon = replace(HORIZON, data_cutoff=CUTOFF - WEEK * 2)
    y = SEASON + [0.0] * 39
    rows = forecast_one(ARTICLE, weeks_of(y, last=horizon.data_cutoff), None, horizon)
    assert rows["yhat"].tolist() == pytest.approx([470.0] * 4)


def test_the_forecast_follows_the_level_of_its_group() -> None:
    """A quarter more than a year ago: a quarter more in season, twice over where the season was two years ago."""
    season = coming_season(weeks_of(SEASON + REST), 4, 13)
    assert season is not None
    assert season.forecast(1.25)[0].tolist() == pytest.approx([587.5] * 4)
    skipped = coming_season(weeks_of(SEASON + REST + [0.0] * 13 + REST), 4, 13)
    assert skipped is not None
    yhat, lower, _ = skipped.forecast(1.1)
    assert yhat.tolist() == pytest.approx([470 * 1.21] * 4)
    assert lower.tolist() == [0.0] * 4, "it may not come again"


def history_of(levels: dict[tuple[str, str, str], tuple[float, float]]) -> pd.DataFrame:
    """Return two years of each combination, one level each."""
    parts = [
        weeks_of([before] * 52 + [after] * 52).assign(**dict(zip(KEY, names, strict=True)))
        for names, (before, after) in levels.items()
    ]
    return pd.concat(parts, ignore_index=True)


def test_a_group_changes_like_the_articles_that_sold_in_both_years() -> None:
    """Unit and channel where three sold in both, else the unit, else all; an article of one year tells nothing."""
    weeks = history_of(
        {
            ("A", "x", "1"): (100, 150),
            ("A", "x", "2"): (100, 150),
            ("A", "x", "3"): (100, 150),
            ("A", "x", "4"): (0, 900),
            ("A", "y", "1"): (100, 90),
            ("B", "x", "1"): (100, 50),
        }
    )
    changes = level_changes(weeks)
    assert changes.of(Combination("A", "x", "9")) == pytest.approx(1.5)
    assert changes.of(Combination("A", "y", "9")) == pytest.approx(540 / 400)
    assert changes.of(Combination("B", "x", "9")) == pytest.approx(590 / 500)
    assert level_changes(weeks.head(0)).of(ARTICLE) == 1.0
    assert LevelChanges({}).of(ARTICLE) == 1.0


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        (SEASON + REST, "seasonal"),
        ([100.0] * 60 + [0.0] * 20, "inactive"),
        ([0.0] * 20, "inactive"),
        ([nan] * 20, "inactive"),
        ([5.0] * 13, "new"),
        ([5.0] * 14, "smooth"),
        ([5.0, 0.0, 0.0] * 20, "intermittent"),
    ],
)
def test_every_combination_has_one_class(y: list[float], expected: str) -> None:
    """Seasonal before inactive, inactive before new, else by how often and how evenly it sells."""
    assert life_class(weeks_of(y), 4, 13, LONG_AGO) == expected


def test_nothing_is_new_where_the_sales_themselves_begin() -> None:
    """Ten weeks of a table that has no more of anything are no launch."""
    weeks = weeks_of([5.0] * 10)
    assert life_class(weeks, 4, 13, weeks["ds"].iloc[0].date()) == "smooth"


def test_classes_of_many_combinations_are_those_of_each() -> None:
    """Whatever their lengths: seasonal, inactive, new, seldom and smooth ones, one after the other."""
    sales = {
        "A": [*SEASON, *[0.0] * 37, *SEASON, *REST],
        "B": [5.0] * 60 + [0.0] * 20,
        "C": [5.0] * 9,
        "D": [0.0, 0.0, 7.0] * 20,
        "E": [5.0, np.nan, 6.0] * 20,
        "F": [0.0] * 30,
    }
    one_by_one = {name: weeks_of(y).assign(unit="U", channel="C", SKU_ID=name) for name, y in sales.items()}
    last = max(len(weeks) for weeks in one_by_one.values())
    for weeks in one_by_one.values():
        weeks["ds"] += pd.Timedelta(weeks=last - len(weeks))
    together = pd.concat(one_by_one.values(), ignore_index=True)
    first = together["ds"].min().date()
    found = life_classes(together, 4, 13)
    assert found["SKU_ID"].tolist() == list(sales)
    assert found["demand_class"].tolist() == [life_class(weeks, 4, 13, first) for weeks in one_by_one.values()]
    assert {"seasonal", "inactive", "new", "intermittent", "smooth"} <= {*found["demand_class"]}
    assert life_classes(together.iloc[:0], 4, 13).empty


def test_the_interval_of_an_edge_of_a_season_knows_its_neighbours() -> None:
    """A week of 0 beside one of 470 may have sales."""
    season = coming_season(weeks_of([*SEASON, *[0.0] * 37]), 4, 13)
    assert season is not None
    _, lower, upper = season.forecast()
    assert upper.tolist() == pytest.approx([0.7 * 470 / 3, 470 * 1.7, 470 * 1.7, 470 * 1.7])
    assert lower.tolist() == pytest.approx([0.0, 141.0, 141.0, 141.0])
