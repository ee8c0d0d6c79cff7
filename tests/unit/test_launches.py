"""New articles begin like those before them, where those began alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF
from stubs import weeks_of
from test_forecasting import ARTICLE, HORIZON, MISSING

from skucast.core.combination import KEY, Combination
from skucast.core.weeks import WEEK
from skucast.forecast.forecasting import Peers, forecast_all, start, start_without_model
from skucast.forecast.launches import NO_LAUNCHES, Launches, begun_like, first_weeks, launches_of

RISING = [10.0, 20.0, 40.0, 60.0, 80.0, 100.0, 100.0, 100.0, 100.0, 100.0, 100.0, 100.0, 100.0, 100.0]
FIRST = CUTOFF - WEEK * 100


def begun(*series: list[float]) -> np.ndarray:
    """Return launches, one row each, as long as 40 weeks."""
    return np.array([[*y, *[np.nan] * (40 - len(y))] for y in series])


LAUNCHES = begun(*([size * y for y in RISING] for size in (0.5, 1, 2, 3, 5) * 8))
"""Forty articles of all sizes that began alike."""


def history(launches: dict[tuple[str, str, str], list[float]]) -> pd.DataFrame:
    """Return these articles' weeks up to the cutoff, and one that has been sold for 101 weeks."""
    old = {("A", "x", "OLD"): [50.0] * 101}
    parts = [weeks_of(y).assign(**dict(zip(KEY, names, strict=True))) for names, y in (old | launches).items()]
    return pd.concat(parts, ignore_index=True).sort_values([*KEY, "ds"], ignore_index=True)


def test_an_article_rises_like_those_before_it() -> None:
    """Two weeks of 30 and 60 are three times as much as usual: 120, 180, 240, 300 come, but for the curve's doubt."""
    found = begun_like(np.array([30.0, 60.0]), LAUNCHES, 4)
    assert found is not None
    assert found.yhat.tolist() == pytest.approx([120, 180, 240, 300], rel=0.25)
    assert (np.diff(found.yhat) > 0).all()
    assert (found.lower <= found.yhat).all()
    assert (found.yhat <= found.upper).all()


@pytest.mark.parametrize(
    ("y", "launches"),
    [
        ([30.0, 60.0], LAUNCHES[:4]),
        ([30.0, 60.0], begun(*[[50.0] * 20] * 40)),
        ([100.0] * 9, LAUNCHES),
        ([], LAUNCHES),
        ([np.nan, np.nan], LAUNCHES),
        ([30.0, 60.0], begun(*[[50.0] * 2] * 40)),
    ],
)
def test_no_curve_where_it_tells_nothing(y: list[float], launches: np.ndarray) -> None:
    """Four launches are too few, steady ones need no curve, nor do nine weeks; one of unknown weeks has no level."""
    assert begun_like(np.array(y), launches, 4) is None


def test_what_nobody_has_sold_yet_begins_like_the_middle_of_the_others() -> None:
    """Of launches half, once, two, three and five times as large: twice; the interval holds all but a tenth a side."""
    found = first_weeks(LAUNCHES, 4)
    assert found is not None
    assert found.yhat.tolist() == [20.0, 40.0, 80.0, 120.0]
    assert found.lower.tolist() == [5.0, 10.0, 20.0, 30.0]
    assert first_weeks(LAUNCHES[:4], 4) is None


def test_launches_are_those_of_the_smallest_group_with_five() -> None:
    """Unit and channel, the unit, all; what was sold in the first quarter of the sales may be older than they are."""
    names = [("A", "x", f"N{n}") for n in range(5)] + [("A", "y", "N1"), ("B", "x", "N1")]
    found = launches_of(history(dict.fromkeys(names, RISING)), FIRST)
    assert found.y.shape == (7, 40)
    assert len(found.of(Combination("A", "x", "NEW"))) == 5
    assert len(found.of(Combination("A", "y", "NEW"))) == 6
    assert len(found.of(Combination("C", "y", "NEW"))) == 7
    assert found.of(Combination("A", "x", "NEW"))[0, :14].tolist() == RISING
    assert np.isnan(found.y[:, 14:]).all()
    assert len(launches_of(history({}), FIRST).y) == 0
    assert len(NO_LAUNCHES.of(ARTICLE)) == 0
    few = Launches(found.y[:2], {(): np.array([0, 1])})
    assert len(few.of(ARTICLE)) == 0


def test_the_forecast_of_a_new_article_says_that_it_is_a_launch_curve() -> None:
    """With a status that says why it has no model; and with the method of long histories where it is not new."""
    rising = weeks_of([30.0, 60.0])

    def rows(peers: Peers) -> pd.DataFrame:
        begins = start(ARTICLE, rising, MISSING, HORIZON, peers=peers)
        return forecast_all([begins], HORIZON, lambda _: pytest.fail("no model"))

    new = rows(Peers(launches=LAUNCHES))
    assert set(new["method"]) == {"launch_curve"}
    assert set(new["status"]) == {"short_history"}
    assert new["yhat"].iloc[-1] > 200
    assert (new["level"] == new["yhat"]).all()
    assert set(rows(Peers())["method"]) == {"ses"}
    late = replace(HORIZON, data_cutoff=CUTOFF - WEEK)
    failed = start_without_model(ARTICLE, weeks_of([30.0, 60.0], last=late.data_cutoff), late, peers=Peers(1, LAUNCHES))
    assert failed.rows is not None
    assert failed.rows["status"].unique().tolist() == ["forecast_failed"]
    assert len(failed.rows) == 5
