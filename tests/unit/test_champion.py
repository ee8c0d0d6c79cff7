"""Champion and challenger: what is compared, and when the stored model stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF
from stubs import plan, weeks_of

from skucast.core.weeks import WeekClock
from skucast.forecast.backtest import forecasts_back
from skucast.forecast.champion import Comparison, compare
from skucast.forecast.prophet.tuning import fast_grid
from skucast.forecast.training import Material, fitter, make_recipe, tuned


def scored(n_origins: int, y: float = 10.0) -> pd.DataFrame:
    """Return the weeks of a backtest, four of each origin."""
    return pd.DataFrame({"origin": np.repeat(np.arange(n_origins), 4), "y": y})


def test_wape_is_that_of_the_same_weeks() -> None:
    """Off by 1 and by 2 of 10: 0.1 and 0.2; a week that is not known, or lacks a number, tells nothing."""
    weeks = scored(3)
    weeks.loc[0, "y"] = np.nan
    champion, challenger = np.full(12, 11.0), np.full(12, 12.0)
    champion[1] = np.nan
    found = compare(weeks, champion, challenger)
    assert found is not None
    assert (found.champion, found.challenger, found.n_origins) == (pytest.approx(0.1), pytest.approx(0.2), 3)


@pytest.mark.parametrize("weeks", [scored(2), scored(3, y=0.0)], ids=["two origins", "nothing sold"])
def test_too_little_tells_nothing(weeks: pd.DataFrame) -> None:
    """Fewer than three origins, or nothing sold: no comparison."""
    assert compare(weeks, np.ones(len(weeks)), np.ones(len(weeks))) is None


@pytest.mark.parametrize(
    ("stored", "new", "only_if_better", "stays"),
    [
        (0.2, 0.21, False, False),
        (0.2, 0.2101, False, True),
        (0.2, 0.2, True, True),
        (0.2, 0.1999, True, False),
        (0.2, 0.3, True, True),
        (0.0, 0.0, False, False),
        (0.0, 0.1, False, True),
    ],
)
def test_the_stored_model_stays_where_the_new_one_is_clearly_worse(
    stored: float, new: float, only_if_better: bool, stays: bool
) -> None:
    """Worse by more than 5 % of the stored model's WAPE; with a gain asked for, all that is no better."""
    why = Comparison(stored, new, 3).why_kept(0.05, only_if_better=only_if_better)
    assert (why is not None) == stays
    assert why is None or f"WAPE {new:.3f} against {stored:.3f} at 3 origins" in why


@pytest.mark.slow
def test_what_tuning_has_forecast_is_what_a_backtest_would() -> None:
    """The mean of two settings of the grid, at the origins of the backtest: the same numbers; none of untried ones."""
    weeks = weeks_of(100 + np.random.default_rng(4).normal(0, 10, 90))
    asked = plan(tune="fast")
    recipe = make_recipe(asked, WeekClock(), weeks["ds"].iloc[0].date(), CUTOFF)
    material = Material(weeks)
    choice = tuned(material, recipe)
    specs = fast_grid(asked.spec)[:2]
    tried = choice.forecast_late(specs)
    again = forecasts_back(weeks, fitter(recipe, specs), asked.backtest_weeks, asked.backtest_origins, material.archive)
    assert tried == pytest.approx(again, rel=1e-6)
    assert choice.forecast_late([replace(specs[0], yearly_order=3)]) is None
