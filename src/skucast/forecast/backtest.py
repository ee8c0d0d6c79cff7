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
from skucast.forecast.prophet.rollout import Rollout, roll_forward_together
from skucast.regressors.future import NO_ARCHIVE, Ahead, Archive, PromotionsFrom, ahead_at, last_known, perfect_plan
from skucast.sales.baselines import last_year
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

Fit = Callable[[pd.DataFrame], Sequence[FittedModel]]

MIN_CALIBRATION_ERRORS = 8
"""Fewest backtest errors that an interval is calibrated with."""

SCALE_LIMITS = (0.5, 4.0)


def backtest(
    weeks: pd.DataFrame,
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


def forecasts_back(weeks: pd.DataFrame, fit: Fit, horizon_weeks: int, origins: int, archive: Archive) -> Floats:
    """Return the column `yhat` of `backtest`, in a fraction of its time."""
    found = [np.empty(0)]
    for end in origin_ends(weeks, horizon_weeks, origins):
        past, coming = weeks.iloc[:end], weeks.iloc[end : end + horizon_weeks]
        ds, known = coming["ds"].to_numpy().astype("datetime64[D]"), ahead_at(past, coming, archive)[0]
        found.append(roll_forward_together(fit(past), ds, known.regressors, last_known(past), end, 0).yhat[0])
    return np.concatenate(found)


def origin_ends(weeks: pd.DataFrame, horizon_weeks: int, origins: int) -> list[int]:
    """Return how many weeks are known at each of the last origins, oldest first.

    Origins lie `horizon_weeks` apart, so that every week is forecast once; those with too few known weeks are left out.
    """
    ends = [len(weeks) - horizon_weeks * back for back in range(origins, 0, -1)]
    known = weeks["y"].notna().cumsum().to_numpy()
    return [end for end in ends if end > 0 and known[end - 1] > MIN_WEEKS]


def score_by_step(scored: pd.DataFrame) -> dict[str, Any]:
    """Return WAPE (ratio, None = undefined) by step and `pooled`, `baseline` for last year's week, and `origins`.

    `promotions` says what stood in for those of the forecast weeks, `perfect_plan` is the WAPE had all been planned.
    """
    known = scored[scored["y"].notna()]
    by_step = {str(step): _wape(rows, "yhat") for step, rows in known.groupby(known["step"].astype("int64"))}
    return {
        **by_step,
        "pooled": _wape(known, "yhat"),
        "baseline": _wape(known, "baseline"),
        "perfect_plan": _wape(known, "yhat_perfect_plan"),
        "promotions": _promotions(scored),
        "origins": int(scored["origin"].nunique()),
    }


def interval_scale(scored: pd.DataFrame, growth: float = 0.0) -> float:
    """Return the factor on the interval's half-widths that would have covered 80 % of the backtest's weeks.

    It is that of step 1; at step h the half-widths count h ** growth times as much.

    Split conformal prediction (Papadopoulos et al. 2002) with the half-width on the error's side as its scale: the
    ceil(0.8 (n + 1))-th smallest ratio of error to half-width. 1 if there are too few errors to tell.
    """
    known = scored[scored["y"].notna()]
    if len(known) < MIN_CALIBRATION_ERRORS:
        return 1.0
    error = (known["y"] - known["yhat"]).to_numpy(dtype="float64")
    width = np.where(error > 0, known["yhat_upper"] - known["yhat"], known["yhat"] - known["yhat_lower"])
    width = width.astype("float64") * known["step"].to_numpy(dtype="float64") ** growth
    ratios = np.sort(np.abs(error) / np.maximum(width, 1e-9))
    rank = min(len(ratios), math.ceil((INTERVAL[1] - INTERVAL[0]) * (len(ratios) + 1)))
    return float(np.clip(ratios[rank - 1], *SCALE_LIMITS))


def _one_origin(weeks: pd.DataFrame, fit: Fit, end: int, horizon_weeks: int, archive: Archive) -> dict[str, Any]:
    """The columns of one origin, arrays (H,)."""
    past, coming = weeks.iloc[:end], weeks.iloc[end : end + horizon_weeks]
    ds, n_weeks = coming["ds"].to_numpy(), len(coming)
    known, promotions = ahead_at(past, coming, archive)
    models, last_y = fit(past), last_known(past)

    def forecast_with(what: Ahead, n_paths: int) -> Rollout:
        return roll_forward_together(models, ds.astype("datetime64[D]"), what.regressors, last_y, end, n_paths)

    forecast = forecast_with(known, BACKTEST_PATHS)
    perfect = forecast if promotions == "perfect_plan" else forecast_with(perfect_plan(past, coming, archive), 0)
    return {
        "origin": np.full(n_weeks, past["ds"].to_numpy()[-1]),
        "ds": ds,
        "step": np.arange(1, n_weeks + 1),
        "y": coming["y"].to_numpy(),
        **{name: getattr(forecast, name)[0] for name in ("yhat", "yhat_lower", "yhat_upper")},
        "yhat_perfect_plan": perfect.yhat[0],
        "promotions": np.full(n_weeks, promotions, dtype=object),
        "baseline": last_year(past, [each.date() for each in coming["ds"]]),
    }


def _promotions(scored: pd.DataFrame) -> PromotionsFrom | None:
    """The one word for all origins: what flatters most, if it stood in at any of them."""
    found = set(scored["promotions"])
    if not found:
        return None
    if "perfect_plan" in found:
        return "perfect_plan"
    return "plan" if found == {"plan"} else "expected"


def _wape(rows: pd.DataFrame, forecast: str) -> float | None:
    value = ratio(float((rows[forecast] - rows["y"]).abs().sum()), float(rows["y"].abs().sum()))
    return None if np.isnan(value) else value
