"""Tuning of one combination: every setting of a grid forecasts the last origins, the best few are kept.

Each setting is fitted on what was known at an origin and rolled forward as prediction does, so no later step sees a
true lag. Settings that share their columns are solved together (`map_fit.solve_grid`).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from skucast.engine.design import Floats, WeekGrid, Window, design, future_columns, until
from skucast.engine.model import LAG, Mode, ModelSpec
from skucast.engine.rollout import MAX_GROWTH, carry_over_weight, recurse

Tune = Literal["off", "fast", "full"]

MIN_FOLDS = 2
"""Fewest origins that settings are chosen by; with fewer the default settings are used."""


@dataclass(frozen=True)
class Fold:
    """One origin: the last known position of the grid, the weeks it forecasts, and what was known of them then.

    `rows` (H,) positions of the weeks; `regressors` (H, R) as in `Window`; `last_y` the lag of the first; `y` (H,) what
    was sold, NaN = unknown.
    """

    last: int
    rows: npt.NDArray[np.int64]
    regressors: Floats
    last_y: float
    y: Floats


@dataclass(frozen=True)
class Scores:
    """Forecasts of G settings at F origins for H weeks, sales per week, shape (G, F, H); `y` (F, H), NaN = unknown."""

    specs: list[ModelSpec]
    yhat: Floats
    y: Floats

    def best(self, n: int, folds: slice = slice(None)) -> list[int]:
        """Return the n settings with the least absolute error over those origins, best first."""
        errors = np.abs(self.yhat[:, folds] - self.y[None, folds])
        order = np.argsort(np.nansum(errors, axis=(1, 2)), kind="stable")
        return [int(place) for place in order[:n]]

    def wape(self, chosen: Sequence[int], folds: slice = slice(None)) -> float | None:
        """Return the WAPE (ratio) of the chosen settings' mean forecast over those origins; None = undefined."""
        y = self.y[folds]
        sold = float(np.nansum(np.abs(y)))
        error = float(np.nansum(np.abs(self.yhat[list(chosen), :][:, folds].mean(axis=0) - y)))
        return error / sold if sold else None


@dataclass(frozen=True)
class Choice:
    """The settings to use: `final` chosen by all origins, `earlier` by those before the ones that the backtest reports.

    So the backtest of `earlier` is what choosing in this way would have reached. `report` goes into the model card.
    """

    final: list[ModelSpec]
    earlier: list[ModelSpec]
    report: dict[str, Any]


def choose(
    known: Window, grid: WeekGrid, folds: Sequence[Fold], base: ModelSpec, tune: Tune, n_late: int, n_best: int
) -> Choice:
    """Return the best settings of a grid around `base`.

    Args:
        known: the history.
        grid: the weeks that all combinations share.
        folds: origins, oldest first; the last `n_late` are those that the backtest reports.
        base: what the grid does not vary, and what is used where there are too few origins.
        tune: `off` (base alone), `fast` or `full`.
        n_late: origins of the backtest.
        n_best: how many settings' forecasts are averaged.
    """
    usable = [fold for fold in folds if np.isfinite(fold.y).any()]
    early = slice(0, len(usable) - n_late)
    if tune == "off" or len(usable) - n_late < MIN_FOLDS:
        return Choice([base], [base], {})
    scores = score(known, grid, usable, [base, *(spec for spec in GRIDS[tune](base) if spec != base)])
    if tune == "full":
        near = refinements(scores.specs[scores.best(1)[0]])
        scores = _joined(scores, score(known, grid, usable, near))
    final, earlier = scores.best(n_best), scores.best(n_best, early)
    report = {
        "grid": tune,
        "settings": len(scores.specs),
        "origins": len(usable),
        "wape": scores.wape(final),
        "wape_default": scores.wape([0]),
    }
    return Choice([scores.specs[i] for i in final], [scores.specs[i] for i in earlier], report)


def score(known: Window, grid: WeekGrid, folds: Sequence[Fold], specs: list[ModelSpec]) -> Scores:
    """Return what every setting would have forecast at every origin."""
    horizon = len(folds[0].rows)
    yhat = np.empty((len(specs), len(folds), horizon))
    by_shape = [list(group) for _, group in itertools.groupby(range(len(specs)), key=lambda i: specs[i].shape)]
    for place, fold in enumerate(folds):
        past = until(known, fold.last)
        for group in by_shape:
            yhat[group, place] = _forecasts(past, grid, fold, [specs[i] for i in group])
    return Scores(specs, yhat, np.array([fold.y for fold in folds]))


def _forecasts(past: Window, grid: WeekGrid, fold: Fold, specs: list[ModelSpec]) -> Floats:
    """Fit the settings on the past and roll them forward over the fold's weeks, shape (G, H), sales per week."""
    from skucast.engine.map_fit import solve_grid

    problem = design(past, grid, specs[0])
    params = solve_grid(problem, specs).params
    t, features = future_columns(problem, grid, fold.rows, fold.regressors)
    hinges = np.maximum(0.0, t[:, None] - problem.changepoints)
    n_features = features.shape[1]
    scale = problem.y_scale
    trend = (params[:, :2] @ np.vstack([t, np.ones_like(t)]) + params[:, 2 + n_features :] @ hinges.T) * scale
    effect = params[:, 2 : 2 + n_features] @ features.T
    is_multiplicative, is_log = specs[0].seasonality_mode == "multiplicative", problem.target == "log1p"
    base = trend * (1.0 + effect) if is_multiplicative else trend + scale * effect
    lag = next((column for column in problem.columns if column.name == LAG), None)
    slope = np.zeros_like(trend)
    if lag is not None:
        beta = params[:, 2 + n_features - 1]  # the lag is the last feature
        slope = (beta / lag.std)[:, None] * (trend if is_multiplicative else np.full_like(trend, scale))
    weight, _ = carry_over_weight(slope)
    cap, last = MAX_GROWTH * problem.y_max, fold.last_y
    if is_log:
        cap, last = np.log1p(cap), np.log1p(last)
    n = len(specs)
    offset = np.full(n, lag.mu if lag else 0.0)
    _, clipped = recurse(base, weight, offset, np.full(n, last), np.full(n, cap))
    return np.expm1(clipped) if is_log else clipped


def _joined(one: Scores, other: Scores) -> Scores:
    return Scores(one.specs + other.specs, np.concatenate([one.yhat, other.yhat]), one.y)


# --- Grids ----------------------------------------------------------------------------------------------------------


def fast_grid(base: ModelSpec) -> list[ModelSpec]:
    """Return 44 settings, most of them on log(1 + sales); chosen on real sales, see docs/decisions/0012."""
    log = dataclasses.replace(base, target="log1p", seasonality_mode="additive")
    plain = dataclasses.replace(base, target="sales", seasonality_prior_scale=0.02)
    modes: tuple[Mode, ...] = ("additive", "multiplicative")
    return [
        *(
            dataclasses.replace(
                log,
                holidays_prior_scale=holidays,
                lag_prior_scale=lag,
                seasonality_prior_scale=season,
                changepoint_prior_scale=trend,
            )
            for holidays in (0.02, 0.1)
            for lag in (10.0, 0.02)
            for season in (0.01, 0.02, 0.1)
            for trend in (0.01, 0.05, 0.1)
        ),
        *(
            dataclasses.replace(plain, seasonality_mode=mode, lag_prior_scale=lag, changepoint_prior_scale=trend)
            for mode in modes
            for lag in (10.0, 0.02)
            for trend in (0.01, 0.1)
        ),
    ]


def full_grid(base: ModelSpec) -> list[ModelSpec]:
    """Return the 900 settings of this business: 2 modes x 3 ranges x 5 holiday x 6 season x 5 changepoint scales."""
    modes: tuple[Mode, ...] = ("additive", "multiplicative")
    return [
        dataclasses.replace(
            base,
            seasonality_mode=mode,
            changepoint_range=changepoint_range,
            holidays_prior_scale=holidays,
            seasonality_prior_scale=season,
            changepoint_prior_scale=trend,
        )
        for mode in modes
        for changepoint_range in (0.8, 0.9, 0.95)
        for holidays in (0.01, 0.1, 0.5, 1.0, 10.0)
        for season in (0.01, 0.02, 0.1, 0.5, 1.0, 10.0)
        for trend in (0.001, 0.01, 0.05, 0.1, 0.5)
    ]


def refinements(best: ModelSpec) -> list[ModelSpec]:
    """Return the neighbours of the best of the 900 in what that grid leaves alone: the target and the lag's scale."""
    shapes = [best, dataclasses.replace(best, target="log1p", seasonality_mode="additive")]
    near = [dataclasses.replace(shape, lag_prior_scale=lag) for shape in shapes for lag in (10.0, 0.1, 0.02)]
    return [spec for spec in near if spec != best]


GRIDS: dict[str, Callable[[ModelSpec], list[ModelSpec]]] = {"fast": fast_grid, "full": full_grid}
