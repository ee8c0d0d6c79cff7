"""Rolling-origin backtest: at each origin the model is fitted anew and forecasts what it could not have seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from skucast.forecast.prophet.design import MIN_WEEKS, Floats
from skucast.forecast.prophet.model import FittedModel
from skucast.forecast.prophet.paths import INTERVAL
from skucast.forecast.prophet.recursion import Flags
from skucast.forecast.prophet.rollout import Rollout, roll_forward_together
from skucast.regressors.future import NO_ARCHIVE, Ahead, Archive, PromotionsFrom, ahead_at, last_known, perfect_plan
from skucast.sales.baselines import last_year
from skucast.sales.columns import Weeks, cut, days, numbers
from skucast.scorecard.metrics import ratio

BACKTEST_COLUMNS = [
    "origin",
    "ds",
    "step",
    "y",
    "yhat",
    "yhat_lower",
    "yhat_upper",
    "yhat_perfect_plan",
    "promotions",
    "baseline",
]
BACKTEST_PATHS = 200

Fit = Callable[[Any], Sequence[FittedModel]]
"""Fits some of the weeks, told as the backtest's were: a frame or columns."""

MIN_CALIBRATION_ERRORS = 8
"""Fewest backtest errors that an interval is calibrated with."""

SCALE_LIMITS = (0.5, 4.0)


def backtest(
    weeks: Weeks,
    fit: Fit,
    horizon_weeks: int,
    origins: int,
    archive: Archive = NO_ARCHIVE,
) -> pd.DataFrame:
    """Return the forecasts of the last origins, one row per origin and step: `BACKTEST_COLUMNS`, sales per week.

    Each forecast, the mean of the models that `fit` returns, knows what prediction would have known: earlier weeks and
    the promotions that `ahead_at` names in the column `promotions`; later lags are its own predictions.
    `yhat_perfect_plan` is the same models' forecast had all promotions been planned: the difference is the plan's.
    """
    ends = origin_ends(weeks, horizon_weeks, origins)
    found = [_one_origin(weeks, fit, end, horizon_weeks, archive) for end in ends]
    return pd.DataFrame(
        {name: np.concatenate([each[name] for each in found]) if found else [] for name in BACKTEST_COLUMNS}
    )


def forecasts_back(weeks: Weeks, fit: Fit, horizon_weeks: int, origins: int, archive: Archive) -> Floats:
    """Return the column `yhat` of `backtest`, in a fraction of its time."""
    found = [np.empty(0)]
    for end in origin_ends(weeks, horizon_weeks, origins):
        past, coming = cut(weeks, 0, end), cut(weeks, end, end + horizon_weeks)
        known = ahead_at(past, coming, archive)[0]
        found.append(roll_forward_together(fit(past), days(coming), known.regressors, last_known(past), end, 0).yhat[0])
    return np.concatenate(found)


def origin_ends(weeks: Weeks, horizon_weeks: int, origins: int) -> list[int]:
    """Return how many weeks are known at each of the last origins, oldest first.

    Origins lie `horizon_weeks` apart, so that every week is forecast once; those with too few known weeks are left out.
    """
    ends = [len(weeks) - horizon_weeks * back for back in range(origins, 0, -1)]
    known = (~np.isnan(numbers(weeks, "y"))).cumsum()
    return [end for end in ends if end > 0 and known[end - 1] > MIN_WEEKS]


def score_by_step(scored: pd.DataFrame) -> dict[str, Any]:
    """Return WAPE (ratio, None = undefined) by step and `pooled`, `baseline` for last year's week, and `origins`.

    `promotions` says what stood in for those of the forecast weeks, `perfect_plan` is the WAPE had all been planned.
    """
    y, step = (numbers(scored, name) for name in ("y", "step"))
    known = ~np.isnan(y)
    yhat, baseline, perfect = (numbers(scored, name) for name in ("yhat", "baseline", "yhat_perfect_plan"))
    return {
        **{str(int(each)): _wape(y, yhat, known & (step == each)) for each in np.unique(step[known])},
        "pooled": _wape(y, yhat, known),
        "baseline": _wape(y, baseline, known),
        "perfect_plan": _wape(y, perfect, known),
        "promotions": _promotions(scored),
        "origins": len(set(np.asarray(scored["origin"]).tolist())),
    }


def interval_scale(scored: pd.DataFrame, growth: float = 0.0) -> float:
    """Return the factor on the interval's half-widths that would have covered 80 % of the backtest's weeks.

    It is that of step 1; at step h the half-widths count h ** growth times as much.

    Split conformal prediction (Papadopoulos et al. 2002) with the half-width on the error's side as its scale: the
    ceil(0.8 (n + 1))-th smallest ratio of error to half-width. 1 if there are too few errors to tell.
    """
    known = ~np.isnan(numbers(scored, "y"))
    if known.sum() < MIN_CALIBRATION_ERRORS:
        return 1.0
    names = ("y", "yhat", "yhat_lower", "yhat_upper", "step")
    y, yhat, lower, upper, step = (numbers(scored, name)[known] for name in names)
    error = y - yhat
    width = np.where(error > 0, upper - yhat, yhat - lower) * step**growth
    ratios = np.sort(np.abs(error) / np.maximum(width, 1e-9))
    rank = min(len(ratios), math.ceil((INTERVAL[1] - INTERVAL[0]) * (len(ratios) + 1)))
    return float(np.clip(ratios[rank - 1], *SCALE_LIMITS))


def _one_origin(weeks: Weeks, fit: Fit, end: int, horizon_weeks: int, archive: Archive) -> dict[str, Any]:
    """The columns of one origin, arrays (H,)."""
    past, coming = cut(weeks, 0, end), cut(weeks, end, end + horizon_weeks)
    ds, n_weeks = np.asarray(coming["ds"]), len(coming)
    labels = days(coming)
    known, promotions = ahead_at(past, coming, archive)
    models, last_y = fit(past), last_known(past)

    def forecast_with(what: Ahead, n_paths: int) -> Rollout:
        return roll_forward_together(models, labels, what.regressors, last_y, end, n_paths)

    forecast = forecast_with(known, BACKTEST_PATHS)
    perfect = forecast if promotions == "perfect_plan" else forecast_with(perfect_plan(past, coming, archive), 0)
    return {
        "origin": np.full(n_weeks, np.asarray(past["ds"])[-1]),
        "ds": ds,
        "step": np.arange(1, n_weeks + 1),
        "y": np.asarray(coming["y"]),
        **{name: getattr(forecast, name)[0] for name in ("yhat", "yhat_lower", "yhat_upper")},
        "yhat_perfect_plan": perfect.yhat[0],
        "promotions": np.full(n_weeks, promotions, dtype=object),
        "baseline": last_year(past, labels.tolist()),
    }


def _promotions(scored: pd.DataFrame) -> PromotionsFrom | None:
    """The one word for all origins: what flatters most, if it stood in at any of them."""
    found = set(np.asarray(scored["promotions"], dtype=object).tolist())
    if not found:
        return None
    if "perfect_plan" in found:
        return "perfect_plan"
    return "plan" if found == {"plan"} else "expected"


def _wape(y: Floats, yhat: Floats, rows: Flags) -> float | None:
    value = ratio(float(np.nansum(np.abs(yhat[rows] - y[rows]))), float(np.abs(y[rows]).sum()))
    return None if np.isnan(value) else value
