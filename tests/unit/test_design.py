"""The design: Prophet's own preprocessing, column by column."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF
from models import generated, holidays_of

from skucast.core.errors import FitError
from skucast.forecast.prophet.as_published import history_frame
from skucast.forecast.prophet.design import Design, design, future_columns, until, week_grid, window
from skucast.forecast.prophet.fit import as_model
from skucast.forecast.prophet.model import FittedModel
from skucast.forecast.prophet.prophet_object import unfitted
from skucast.forecast.prophet.solver import solve
from skucast.forecast.prophet.spec import LAG, ModelSpec
from skucast.sales.history import with_lag

REGRESSORS = ["promo_discount_perc", "promo_days", "promo_flag"]


def weeks_of_many_kinds(n_weeks: int, seed: int) -> pd.DataFrame:
    """Return weeks with a binary regressor, a constant one, and some weeks unknown."""
    random = np.random.default_rng(seed)
    weeks = generated(n_weeks, seed).assign(promo_flag=random.integers(0, 2, n_weeks).astype("float64"))
    weeks.loc[random.choice(np.arange(2, n_weeks - 1), n_weeks // 12, replace=False), "y"] = np.nan
    return with_lag(weeks)


def both(weeks: pd.DataFrame, spec: ModelSpec, country: str = "RU") -> tuple[Design, Any, FittedModel]:
    """Return our design, what Prophet makes of the same weeks and settings, and the model between them."""
    holidays = holidays_of(weeks, country)
    first = weeks["ds"].iloc[0].to_numpy().astype("datetime64[D]")
    grid = week_grid(first, first + np.timedelta64(7 * 400, "D"), holidays)
    known = window(weeks, REGRESSORS, grid)
    ours = design(known, grid, spec)
    blank = as_model(ours, known, grid, spec, np.zeros(2 + ours.X.shape[1] + len(ours.changepoints)), 1.0)
    prophet = unfitted(blank)
    return ours, prophet.preprocess(history_frame(blank)), blank


SPECS = {
    "default": ModelSpec(),
    "multiplicative": ModelSpec(seasonality_mode="multiplicative"),
    "log1p": ModelSpec(target="log1p"),
    "many changepoints": ModelSpec(n_changepoints=60, changepoint_range=0.95),
    "few changepoints, low order": ModelSpec(n_changepoints=3, changepoint_range=0.6, yearly_order=4),
    "other scales": ModelSpec(
        seasonality_prior_scale=3.0, holidays_prior_scale=0.5, promo_prior_scale=2.0, lag_prior_scale=0.02
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@pytest.mark.parametrize("n_weeks", [14, 40, 75, 130, 270])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_design_is_prophets_own(spec: ModelSpec, n_weeks: int, seed: int) -> None:
    """Scaled y and t, changepoints, every column, prior scales and modes: equal to 1e-12."""
    ours, theirs, _ = both(weeks_of_many_kinds(n_weeks, seed), spec)
    same = {"rtol": 1e-12, "atol": 1e-12}
    np.testing.assert_allclose(ours.y, theirs.y, **same)
    np.testing.assert_allclose(ours.t, theirs.t, **same)
    np.testing.assert_allclose(ours.changepoints, theirs.t_change, **same)
    np.testing.assert_allclose(ours.X, theirs.X, **same)
    np.testing.assert_allclose(ours.prior_scales(spec), theirs.sigmas, **same)
    is_multiplicative = np.asarray(theirs.s_m) == 1
    assert is_multiplicative.all() == (spec.seasonality_mode == "multiplicative")
    assert (np.asarray(theirs.s_a) == 1).all() == (spec.seasonality_mode == "additive")
    assert (theirs.T, theirs.K, theirs.tau) == (len(ours.y), ours.X.shape[1], spec.changepoint_prior_scale)


def test_a_binary_regressor_is_left_alone_and_a_constant_one_dropped() -> None:
    """0 and 1 stay 0 and 1; `promo_days`, always 7, is no column; a discount is counted from its mean."""
    ours, _, _ = both(weeks_of_many_kinds(60, 1), ModelSpec())
    by_name = {column.name: (column.mu, column.std) for column in ours.columns}
    assert by_name["promo_flag"] == (0.0, 1.0)
    assert list(by_name) == ["promo_discount_perc", "promo_flag", LAG]
    assert ours.dropped == ("promo_days",)
    assert by_name["promo_discount_perc"][0] > 1.0


def test_weeks_to_come_continue_the_columns() -> None:
    """The columns of known weeks, asked for as if they were to come, are those of the design, without the lag's."""
    weeks = generated(130)
    first = weeks["ds"].iloc[0].to_numpy().astype("datetime64[D]")
    grid = week_grid(first, first + np.timedelta64(7 * 300, "D"), holidays_of(weeks))
    known = window(weeks, REGRESSORS[:2], grid)
    ours = design(known, grid, ModelSpec())
    t, features = future_columns(ours, grid, known.rows, known.regressors)
    np.testing.assert_allclose(t, ours.t)
    np.testing.assert_allclose(features[:, :-1], ours.X[:, :-1])
    assert not features[:, -1].any()


def test_the_past_of_a_window_knows_nothing_later() -> None:
    """Up to a week, the design is that of a history that ends there: scales, holidays seen, changepoints."""
    weeks = generated(130)
    first = weeks["ds"].iloc[0].to_numpy().astype("datetime64[D]")
    grid = week_grid(first, first + np.timedelta64(7 * 300, "D"), holidays_of(weeks))
    past = design(until(window(weeks, REGRESSORS[:2], grid), 79), grid, ModelSpec())
    alone = design(window(weeks.iloc[:80], REGRESSORS[:2], grid), grid, ModelSpec())
    np.testing.assert_array_equal(past.X, alone.X)
    np.testing.assert_array_equal(past.changepoints, alone.changepoints)
    assert past.holiday_columns == alone.holiday_columns
    assert len(past.holiday_columns) < len(
        design(window(weeks, REGRESSORS[:2], grid), grid, ModelSpec()).holiday_columns
    )
    with pytest.raises(FitError, match="9 known weeks with a lag, at least 12"):
        until(window(weeks, REGRESSORS[:2], grid), 9)


def test_histories_of_the_same_weeks_share_their_columns() -> None:
    """What the weeks alone make is made once, and says of a history what it would say if it stood alone."""
    one, other, short = generated(130, 1), generated(130, 2), generated(129, 2)
    holidays = holidays_of(one)
    first = one["ds"].iloc[0].to_numpy().astype("datetime64[D]")
    grids = [week_grid(first, first + np.timedelta64(7 * 300, "D"), holidays) for _ in range(2)]
    made = [design(window(weeks, REGRESSORS[:2], grids[0]), grids[0], ModelSpec()) for weeks in (one, other, short)]
    alone = design(window(other, REGRESSORS[:2], grids[1]), grids[1], ModelSpec())
    assert made[0].weeks is made[1].weeks is not made[2].weeks
    np.testing.assert_array_equal(made[1].X, alone.X)
    np.testing.assert_array_equal(made[1].weeks.products, alone.weeks.products)
    assert solve(made[1], ModelSpec()).log_posterior == solve(alone, ModelSpec()).log_posterior


def test_unknown_weeks_and_other_changepoints_share_nothing() -> None:
    """A week less, in the middle, is another time; so are other changepoints, on the same weeks."""
    weeks = generated(60)
    gap = with_lag(weeks.drop(columns="y_lag1").assign(y=weeks["y"].where(weeks.index != 30)))
    first = weeks["ds"].iloc[0].to_numpy().astype("datetime64[D]")
    grid = week_grid(first, first + np.timedelta64(7 * 100, "D"), holidays_of(weeks))
    whole, holed = (window(each, REGRESSORS[:2], grid) for each in (weeks, gap))
    found = [design(known, grid, ModelSpec(n_changepoints=n)) for known in (whole, holed) for n in (5, 6)]
    assert [(len(each.t), len(each.changepoints)) for each in found] == [(59, 5), (59, 6), (58, 5), (58, 6)]
    np.testing.assert_array_equal(found[2].t, (grid.ds[holed.rows] - grid.ds[1]).astype("float64") / (58 * 7))


def test_a_grid_keeps_the_columns_of_so_many_sets_of_weeks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest goes when there is no more room: a hundred thousand beginnings are not kept beside each other."""
    monkeypatch.setattr("skucast.forecast.prophet.design.MAX_KEPT", 3)
    weeks = generated(60)
    first = weeks["ds"].iloc[0].to_numpy().astype("datetime64[D]")
    grid = week_grid(first, first + np.timedelta64(7 * 100, "D"), holidays_of(weeks))
    known = window(weeks, REGRESSORS[:2], grid)
    made = [design(until(known, last), grid, ModelSpec()).weeks for last in range(30, 40)]
    assert list(grid.columns.values()) == made[-3:]


def test_what_a_grid_keeps_goes_to_no_other_process() -> None:
    """A worker is handed the weeks and their holidays; the rest, megabytes of it, is made anew where it is needed."""
    weeks = generated(130)
    first = weeks["ds"].iloc[0].to_numpy().astype("datetime64[D]")
    grid = week_grid(first, first + np.timedelta64(7 * 300, "D"), holidays_of(weeks))
    before = len(pickle.dumps(grid))
    known = window(weeks, REGRESSORS[:2], grid)
    made = design(known, grid, ModelSpec())
    assert made.weeks.products.nbytes > 20_000
    assert len(pickle.dumps(grid)) == before
    there = design(known, pickle.loads(pickle.dumps(grid)), ModelSpec())
    np.testing.assert_array_equal(there.weeks.products, made.weeks.products)


def test_the_grid_ends_with_the_cutoffs_holidays() -> None:
    """Weeks are rows by label; a holiday outside the grid is passed over."""
    holidays = pd.DataFrame({"holiday": "A", "ds": pd.to_datetime([CUTOFF, "2050-01-02"]), "share": [3 / 7, 1.0]})
    grid = week_grid(np.datetime64(CUTOFF), np.datetime64(CUTOFF) + np.timedelta64(21, "D"), holidays)
    assert grid.rows(np.array([CUTOFF], dtype="datetime64[D]")).tolist() == [0]
    assert grid.holidays[:, 0].tolist() == [3 / 7, 0.0, 0.0, 0.0]
