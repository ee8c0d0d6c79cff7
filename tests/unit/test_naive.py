"""The best naive method beside a model, and what forecasts where it is clearly better."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from test_forecasting import HORIZON

from skucast.core.combination import Combination
from skucast.forecast.naive import best_naive
from skucast.forecast.published import with_naive
from skucast.forecast.short import choose, naive_levels

N_WEEKS, STEPS = 40, 4


def history(y: list[float]) -> pd.DataFrame:
    """Return weeks with these sales."""
    return pd.DataFrame({"ds": pd.date_range("2026-01-04", periods=len(y), freq="7D"), "y": y})


def backtest_of(weeks: pd.DataFrame, yhat: float, origins: int = 3) -> pd.DataFrame:
    """Return the rows of a model that says one number at the last origins."""
    parts = []
    for back in range(origins, 0, -1):
        end = len(weeks) - STEPS * back
        coming = weeks.iloc[end : end + STEPS]
        parts.append(coming.assign(origin=weeks["ds"].iloc[end - 1], yhat=yhat, baseline=yhat))
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize(("yhat", "is_better"), [(130.0, True), (100.0, False)])
def test_a_model_far_off_a_level_is_beaten(yhat: float, is_better: bool) -> None:
    """Sales of 99 and 101 in turn: 30 % off is beaten by the mean, the level itself is not."""
    weeks = history([99.0, 101.0] * (N_WEEKS // 2))
    found = best_naive(weeks, backtest_of(weeks, yhat), 3.0)
    assert found["is_better"] == is_better
    assert found["method"] in ("mean_4", "mean_8", "ses")
    assert found["wape"] == pytest.approx(0.01, abs=0.003)
    assert found["model"] == pytest.approx(0.3 if is_better else 0.01)
    assert found["origins"] == 3


@pytest.mark.parametrize(("evidence", "is_better"), [(3.0, False), (0.0, True)])
def test_a_little_better_is_luck_unless_it_is_asked_for(evidence: float, is_better: bool) -> None:
    """Off by 1 each week, a model by 0 and 2.1 in turn: a twentieth worse, within one standard error."""
    weeks = history([99.0, 101.0] * (N_WEEKS // 2))
    scored = backtest_of(weeks, 100.0)
    scored["yhat"] = scored["y"] + [0.0, 2.1] * 6
    found = best_naive(weeks, scored, evidence)
    assert 0 < found["standard_errors"] < 1
    assert found["is_better"] == is_better


def test_two_origins_tell_too_little_and_no_sales_nothing() -> None:
    """No verdict with two origins; an empty one where nothing was sold."""
    weeks = history([100.0] * N_WEEKS)
    assert not best_naive(weeks, backtest_of(weeks, 300.0, origins=2), 3.0)["is_better"]
    nothing = history([0.0] * N_WEEKS)
    assert best_naive(nothing, backtest_of(nothing, 5.0), 3.0) == {}


def test_an_origin_knows_no_later_week() -> None:
    """The level doubles in the last week: no naive forecast of the backtest has seen it."""
    weeks = history([100.0] * (N_WEEKS - 1) + [1e6])
    before = history([100.0] * N_WEEKS)
    scored = backtest_of(before, 100.0)
    assert best_naive(weeks, scored, 3.0) == best_naive(before, scored, 3.0)


def test_the_wanted_method_is_taken_if_the_history_is_long_enough() -> None:
    """Last week is taken when it is asked for, last year's weeks not from forty weeks."""
    y = np.array([10.0, 20.0] * 20)
    assert choose(y, 4, "last_week").yhat.tolist() == [20.0] * 4
    assert choose(y, 4, "seasonal_naive").method == choose(y, 4).method


def test_unknown_weeks_are_passed_over() -> None:
    """NaN at the start and within; nothing at all where no week is known."""
    assert naive_levels(np.array([np.nan, 10.0, np.nan, 30.0]))["mean_4"] == 20.0
    assert naive_levels(np.array([np.nan])) == {}


def test_a_blend_is_left_as_it_is() -> None:
    """The rows of a beaten model that is one of three in a blend, and those of the panel, are not replaced."""
    rows = pd.DataFrame({"unit": "U", "channel": "C", "SKU_ID": ["a", "b"], "method": ["blend", "panel"]})
    beaten = {Combination("U", "C", each): "ses" for each in "ab"}
    assert with_naive(rows, beaten, pytest.fail, HORIZON) is rows
