"""The backtest: no origin sees what it forecasts, and later steps live on their own predictions."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF, sunday
from pandas.testing import assert_frame_equal
from stubs import forecast_one, plan, stored, stub_model, weeks_of

from skucast.core.combination import Combination
from skucast.core.weeks import WeekClock
from skucast.forecast.backtest import BACKTEST_COLUMNS, backtest, interval_scale, score_by_step
from skucast.forecast.forecasting import Horizon
from skucast.forecast.prophet.model import FittedModel, Regressor
from skucast.forecast.prophet.spec import ModelSpec
from skucast.forecast.training import fitter, make_recipe
from skucast.sales.columns import columns_of

PROMO = Regressor("promo_discount_perc", 0.1, mu=0.0, std=1.0)
"""10 more per percent, at a y_scale of 100."""


class Spy:
    """Fits nothing: keeps what it was given and returns a model at the level of the last week it was given."""

    def __init__(self, **model: Any) -> None:
        self.given: list[pd.DataFrame] = []
        self.model = model

    def __call__(self, weeks: pd.DataFrame) -> list[FittedModel]:
        self.given.append(weeks)
        return [stub_model(float(weeks["y"].iloc[-1]), **self.model)]


def run(y: Sequence[float], horizon: int = 4, origins: int = 3, **model: Any) -> tuple[pd.DataFrame, Spy]:
    """Return the backtest of these sales and the spy that fitted."""
    spy = Spy(**model)
    return backtest(weeks_of(y), spy, horizon, origins), spy


# --- Origins --------------------------------------------------------------------------------------------------------


def test_every_week_is_forecast_once() -> None:
    """3 origins, 4 steps: the last 12 weeks in order, each by the origin before it; no origin sees past itself."""
    rows, spy = run(range(30))
    assert list(rows) == BACKTEST_COLUMNS
    assert rows["ds"].dt.date.tolist() == [sunday(week) for week in range(11, -1, -1)]
    assert rows["y"].tolist() == list(range(18, 30))
    assert rows["step"].tolist() == [1, 2, 3, 4] * 3
    assert rows["origin"].dt.date.tolist() == [
        origin for origin in (sunday(12), sunday(8), sunday(4)) for _ in range(4)
    ]
    assert [weeks["ds"].iloc[-1].date() for weeks in spy.given] == [sunday(12), sunday(8), sunday(4)]
    assert [len(weeks) for weeks in spy.given] == [18, 22, 26]


def test_later_steps_do_not_see_true_lags() -> None:
    """Level 50, half of what last week had over 50: from 90 follow 70, 60, 55, 52.5, whatever was really sold."""
    rows = backtest(weeks_of([50.0] * 29 + [90.0] + [7.0] * 4), lambda _: [stub_model(50.0, mean_lag=50.0)], 4, 1)
    assert rows["yhat"].tolist() == [70.0, 60.0, 55.0, 52.5]
    assert rows["y"].tolist() == [7.0] * 4


def test_the_future_changes_no_forecast() -> None:
    """Other sales and promotions in the last 8 weeks leave the first origin's forecast as it is, to the last bit."""
    y = list(np.random.default_rng(1).uniform(50, 150, 40))
    weeks = weeks_of(y, promo=10.0)
    changed = weeks.copy()
    changed.loc[32:, ["y", "promo_discount_perc", "promo_days"]] = [1e6, 99.0, 1.0]

    def fit(past: pd.DataFrame) -> list[FittedModel]:
        return [stub_model(float(past["y"].mean()), regressors=(PROMO,))]

    first, second = (backtest(frame, fit, 4, 3).drop(columns="y").iloc[:4] for frame in (weeks, changed))
    assert_frame_equal(first, second)


@pytest.mark.slow
def test_the_future_changes_no_fit() -> None:
    """The same with real models: two of three origins lie before the change."""
    random = np.random.default_rng(2)
    weeks = weeks_of(random.uniform(80, 120, 40)).assign(promo_discount_perc=random.choice([0.0, 20.0], 40))
    changed = weeks.copy()
    changed.loc[36:, ["y", "promo_discount_perc"]] = [500.0, 40.0]
    fit = fitter(make_recipe(plan(), WeekClock(), weeks["ds"].iloc[0].date(), CUTOFF), [ModelSpec()])
    first, second = (backtest(frame, fit, 4, 3) for frame in (weeks, changed))
    assert_frame_equal(first.iloc[:8], second.iloc[:8])
    assert first["yhat"].iloc[8:].tolist() == second["yhat"].iloc[8:].tolist()


def test_promotions_to_come_are_not_known() -> None:
    """A forecast expects the mean of the last 26 weeks, 13 of 26 at 20 % = 10 %, not what was then really given."""
    weeks = weeks_of([100.0] * 40).assign(promo_discount_perc=[0.0] * 23 + [20.0] * 13 + [50.0] * 4)
    rows = backtest(weeks, lambda _: [stub_model(carry_over=None, regressors=(PROMO,))], 4, 1)
    assert rows["yhat"].tolist() == [200.0] * 4


def test_a_backtest_forecasts_what_prediction_would_have() -> None:
    """The rows of an origin are those of `forecast_one` on that day."""
    y = list(np.random.default_rng(3).uniform(50, 150, 40))
    rows, _ = run(y)
    origin = sunday(4)
    horizon = Horizon(WeekClock(), sunday(3), origin, origin, 4, 26, 13, n_paths=10)
    forecast = forecast_one(
        Combination("Пермь", "KA", "A1"), weeks_of(y).iloc[:-4], stored(stub_model(y[-5]), origin), horizon
    )
    assert rows["yhat"].tolist()[-4:] == forecast["yhat"].tolist()


@pytest.mark.slow
def test_columns_are_backtested_as_their_frame_is() -> None:
    """Training hands arrays on, people frames: the same rows to the last bit, with weeks unknown and promotions too."""
    random = np.random.default_rng(4)
    y = np.where(random.random(60) < 0.1, nan, random.uniform(50, 150, 60))
    weeks = weeks_of(list(y)).assign(promo_discount_perc=random.choice([0.0, 20.0], 60))
    fit = fitter(make_recipe(plan(), WeekClock(), weeks["ds"].iloc[0].date(), CUTOFF), [ModelSpec()])
    names = [str(name) for name in weeks if name != "ds"]
    rows = backtest(weeks, fit, 4, 3)
    assert len(rows) == 12
    assert_frame_equal(backtest(columns_of(weeks, names), fit, 4, 3), rows, check_exact=True)


def test_short_histories_have_fewer_origins() -> None:
    """A fit needs more than 12 known weeks: of 18 weeks one origin is left, of 16 none, of 18 with two unknown none."""
    assert run([1.0] * 18)[0]["origin"].nunique() == 1
    assert run([1.0] * 5 + [nan] * 2 + [1.0] * 11)[0]["origin"].nunique() == 0
    nothing, spy = run([1.0] * 16)
    assert len(nothing) == 0
    assert spy.given == []
    assert list(nothing) == BACKTEST_COLUMNS


def test_the_baseline_knows_the_same_weeks() -> None:
    """Last year's week: of weeks 0 to 69, the forecasts of 66 to 69 are 14 to 17."""
    rows, _ = run(range(70), origins=1)
    assert rows["baseline"].tolist() == [14.0, 15.0, 16.0, 17.0]


# --- Scores ---------------------------------------------------------------------------------------------------------


def scored(*rows: tuple[int, int, float, float, float]) -> pd.DataFrame:
    """Return backtest rows from (origin, step, y, yhat, baseline), their interval yhat +- 10, without a plan.

    A perfect plan would have hit every week.
    """
    frame = pd.DataFrame(rows, columns=["origin", "step", "y", "yhat", "baseline"])
    return frame.assign(
        ds=frame["origin"] + frame["step"],
        yhat_lower=frame["yhat"] - 10,
        yhat_upper=frame["yhat"] + 10,
        yhat_perfect_plan=frame["y"],
        promotions="expected",
    )


def test_wape_by_step_is_a_ratio_of_sums() -> None:
    """Step 1: errors 2 + 4 of 10 + 30 sold; step 2: 10 of 20, the unknown week left out; pooled 16 of 60."""
    rows = scored((0, 1, 10, 12, 10), (0, 2, 20, 30, 30), (2, 1, 30, 26, 30), (2, 2, nan, 26, 30))
    found = score_by_step(rows)
    assert found.pop("promotions") == "expected"
    wape = {"1": 6 / 40, "2": 0.5, "pooled": 16 / 60, "baseline": 10 / 60, "perfect_plan": 0.0}
    assert found == pytest.approx({**wape, "origins": 2})


def test_scores_without_sales_or_origins_are_undefined() -> None:
    """None, which a card can hold; never 0."""
    found = score_by_step(scored((0, 1, 0, 5, 0)))
    undefined = dict.fromkeys(["1", "pooled", "baseline", "perfect_plan"])
    assert found == {**undefined, "promotions": "expected", "origins": 1}
    nothing = dict.fromkeys(["pooled", "baseline", "perfect_plan", "promotions"])
    assert score_by_step(run([1.0] * 5)[0]) == {**nothing, "origins": 0}


def test_the_interval_scale_is_what_would_have_covered_80_percent() -> None:
    """Errors of 1, 2, ... 9 half-widths: the 8th of 9; clipped to 0.5 and 4; 1 with too few errors."""
    widths = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 1.5, 9.0]
    rows = scored(*((0, step, 100 + 10 * width * (-1) ** step, 100, 0) for step, width in enumerate(widths)))
    assert interval_scale(rows) == pytest.approx(1.5)
    assert interval_scale(rows.assign(y=100.0)) == 0.5
    assert interval_scale(rows.assign(y=1000.0)) == 4.0
    assert interval_scale(rows.iloc[:7]) == 1.0
    assert interval_scale(rows.assign(y=nan)) == 1.0


def test_the_interval_scale_is_that_of_the_first_step() -> None:
    """Errors of 1, 2, 3 and 4 half-widths at steps 1 to 4, at every origin: with a growth of 1 the scale is 1."""
    rows = scored(*((origin, step, 100 + 10 * step, 100, 0) for origin in range(3) for step in (1, 2, 3, 4)))
    assert interval_scale(rows, growth=1.0) == pytest.approx(interval_scale(rows) / 4)
