"""The panel's grid, and what it knows of promotions: the same as each combination alone would."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from builders import sunday

from skucast.core.combination import KEY, Combination
from skucast.core.weeks import WeekClock
from skucast.forecast.panel.features import features_at
from skucast.forecast.panel.grid import Grid, grid_of
from skucast.forecast.panel.known import KnownAhead
from skucast.regressors.future import Archive, ahead_at
from skucast.regressors.promotions import PROMO_REGRESSORS, Plan

CLOCK = WeekClock("SUN", "UTC")
A, B, C = Combination("North", "KA", "A"), Combination("North", "KA", "B"), Combination("South", "KA", "A")
N = 40
NO_HOLIDAYS = pd.DataFrame({"holiday": pd.Series(dtype="str"), "ds": pd.Series(dtype="object"), "share": []})


def weeks_of(*combinations: Combination, first: int = N) -> pd.DataFrame:
    """Return weeks of sales, promotions in some; the last combination begins ten weeks later."""
    chance = np.random.default_rng(5)
    frames = []
    for number, combination in enumerate(combinations):
        n = first - 10 * (number == len(combinations) - 1)
        days = np.where(chance.random(n) < 0.3, 7.0, 0.0)
        frames.append(
            pd.DataFrame(
                {
                    **dict(zip(KEY, combination.parts, strict=True)),
                    "ds": pd.to_datetime([sunday(back) for back in range(n - 1, -1, -1)]),
                    "y": chance.poisson(20, n).astype("float64"),
                    "promo_discount_perc": np.where(days > 0, chance.uniform(5, 40, n), 0.0),
                    "promo_days": days,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def whole(weeks: pd.DataFrame, holidays: dict[str, pd.DataFrame] | None = None) -> Grid:
    return grid_of(weeks, holidays or dict.fromkeys(weeks["unit"].unique(), NO_HOLIDAYS), 4)


def test_each_week_is_where_it_belongs() -> None:
    """Rows by combination, columns by week; before the first week sales are unknown and promotions none."""
    weeks = weeks_of(A, B, C)
    grid = whole(weeks)
    assert grid.combinations == (A, B, C)
    assert (grid.n_weeks, grid.first, grid.label(N)) == (N, sunday(N - 1), sunday(0))
    assert grid.end(sunday(3)) == N - 3
    assert np.isnan(grid.y[2, :10]).all()
    assert grid.first_weeks.tolist() == [0, 0, 10]
    for row, combination in enumerate((A, B, C)):
        its = weeks[(weeks[KEY] == list(combination.parts)).all(axis=1)]
        assert grid.y[row, -len(its) :].tolist() == its["y"].tolist()
        assert grid.depth[row, -len(its) :].tolist() == its["promo_discount_perc"].tolist()
    assert grid.codes.tolist() == [[0, 0, 0], [0, 0, 1], [1, 0, 0]]


def test_each_unit_has_its_holidays() -> None:
    """A holiday in the South alone, a block of four days among them: days of the week, and whether there is any."""
    block = pd.DataFrame({"holiday": ["Fair"], "ds": [sunday(1)], "share": [4 / 7]})
    grid = whole(weeks_of(A, C), {"North": NO_HOLIDAYS, "South": block})
    north, south = (grid.calendars[grid.calendar[row]] for row in (0, 1))
    assert south[N - 2, 2:].tolist() == [4.0, 1.0]
    assert north[N - 2, 2:].tolist() == [0.0, 0.0]
    assert north[N - 1, :2].tolist() == [sunday(0).isocalendar().week, sunday(0).day]


def test_the_week_after_the_last_one_has_its_holidays() -> None:
    """Five weeks after the data, of which four are forecast: the last one's neighbour, as in training."""
    block = pd.DataFrame({"holiday": ["New Year"], "ds": [sunday(-5)], "share": [1.0]})
    grid = whole(weeks_of(A, C), {"North": block, "South": block})
    none = np.zeros((2, 4))
    features, names = features_at(grid, N, none, none)
    assert features[0, :, names.index("holiday_days_after")].tolist() == [0.0, 0.0, 0.0, 1.0]


def plan_row(combination: Combination, start: date, known_from: datetime, percent: float | None) -> dict[str, object]:
    return {
        **dict(zip(KEY, combination.parts, strict=True)),
        "plan_id": f"{combination} {start}",
        "starts_on": pd.Timestamp(start),
        "ends_on": pd.Timestamp(start + timedelta(days=6)),
        "discount_perc": percent,
        "promo_type": None,
        "is_promo": None,
        "cancelled": False,
        "known_from": pd.Timestamp(known_from),
    }


@pytest.mark.parametrize("back", [1, 5, 9, 20])
def test_promotions_are_known_as_each_combination_alone_knows_them(back: int) -> None:
    """One with a plan since week 12, one whose plan begins now (what came to pass stands in), one without any."""
    weeks = weeks_of(A, B, C)
    grid = whole(weeks)
    since = CLOCK.end_of(sunday(12))
    monday = [sunday(n) - timedelta(days=6) for n in range(N)]
    rows = pd.DataFrame(
        [
            *(plan_row(A, monday[n], since, 20.0) for n in (0, 4, 5, 8)),
            plan_row(A, monday[3], since, None),
            plan_row(B, sunday(0) + timedelta(days=1), CLOCK.end_of(sunday(0)), 15.0),
        ]
    )
    plan = Plan(rows, grid.combinations)
    coming = CLOCK.targets(sunday(0), 4)
    now = plan.as_of(CLOCK.end_of(sunday(0)), coming)
    has_plan = np.array([bool(now[each].is_covered.any()) for each in grid.combinations])
    known = KnownAhead(grid, plan, CLOCK, has_plan)(N - back, 1)
    origin = sunday(back)
    then = plan.as_of(CLOCK.end_of(origin), CLOCK.targets(origin, 1))
    for row, combination in enumerate(grid.combinations):
        its = weeks[(weeks[KEY] == list(combination.parts)).all(axis=1)].reset_index(drop=True)
        past, next_week = its["ds"] <= pd.Timestamp(origin), its["ds"] == pd.Timestamp(origin + timedelta(days=7))
        archive = Archive({origin: then[combination]}, has_plan=bool(has_plan[row]))
        alone, _ = ahead_at(its[past], its[next_week], archive)
        found = known.depth[row], known.days[row]
        for values, name in zip(found, PROMO_REGRESSORS, strict=True):
            np.testing.assert_allclose(values, alone.regressors[name], err_msg=f"{combination} {name}")
        assert known.is_planned[row].tolist() == (alone.promo_source == "planned").tolist()


def test_responses_are_summed_up_to_a_week_by_class() -> None:
    """Two plain weeks of 10, promotions of 20 and 30 % that sell 20 and 40: responses 2 and 4, each in its class."""
    y, depth = np.array([[10.0, 10.0, 20.0, 40.0]]), np.array([[0.0, 0.0, 15.0, 35.0]])
    days = np.where(depth > 0, 7.0, 0.0)
    grid = Grid(sunday(3), (A,), y, depth, days, np.zeros((1, 3), "int64"), np.zeros((1, 5, 4)), np.zeros(1, "int64"))
    total, count = grid.responses_until(4)
    assert total.tolist() == [[1.0, 0.0, 0.0, 2.0, 0.0, 4.0, 0.0]]
    assert count.tolist() == [[1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0]]
    assert grid.responses_until(3)[0].tolist() == [[1.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0]]
