"""Naive forecasts: the yardstick of a backtest, and the fallback where there is no model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

FALLBACK_WEEKS = 8
YEAR_WEEKS = 52
FALLBACK_ORIGINS = 6
MIN_FALLBACK_ERRORS = 4
"""Fewest past errors that an interval is made from; with fewer it reaches from 0 to twice the forecast."""


def last_week(weeks: pd.DataFrame, targets: Sequence[date]) -> Floats:
    """Return the last known week's sales for every target; 0 if none is known."""
    return np.full(len(targets), _tail_mean(weeks, 1))


def mean_8(weeks: pd.DataFrame, targets: Sequence[date]) -> Floats:
    """Return the mean of the last 8 known weeks for every target."""
    return np.full(len(targets), _tail_mean(weeks, FALLBACK_WEEKS))


def last_year(weeks: pd.DataFrame, targets: Sequence[date]) -> Floats:
    """Return each target's week 52 weeks before, or the last known week where that is not known."""
    by_week = pd.Series(weeks["y"].to_numpy(), index=pd.DatetimeIndex(weeks["ds"]))
    a_year_ago = pd.DatetimeIndex([pd.Timestamp(ds) - pd.Timedelta(weeks=YEAR_WEEKS) for ds in targets])
    values = by_week.reindex(a_year_ago).to_numpy(dtype="float64")
    forecast: Floats = np.where(np.isnan(values), last_week(weeks, targets), values)
    return forecast


def fallback(weeks: pd.DataFrame, targets: Sequence[date]) -> tuple[str, pd.DataFrame]:
    """Return the method and forecast for a combination without a model: `ds`, `yhat`, `yhat_lower`, `yhat_upper`.

    The mean of the last 8 weeks; last year's weeks instead where they did better over the last origins. The interval
    holds 80 % of the method's own past errors.
    """
    method, forecast = "mean_8", mean_8
    errors = _past_errors(weeks, mean_8, len(targets))
    if len(weeks) >= YEAR_WEEKS + FALLBACK_ORIGINS:
        yearly_errors = _past_errors(weeks, last_year, len(targets))
        if len(errors) and len(yearly_errors) and np.abs(yearly_errors).mean() < np.abs(errors).mean():
            method, forecast, errors = "seasonal_naive", last_year, yearly_errors
    yhat = np.maximum(0.0, forecast(weeks, targets))
    lower, upper = _interval(yhat, errors)
    ds = pd.to_datetime(list(targets)).astype("datetime64[us]")
    return method, pd.DataFrame({"ds": ds, "yhat": yhat, "yhat_lower": lower, "yhat_upper": upper})


def _tail_mean(weeks: pd.DataFrame, n: int) -> float:
    known = weeks["y"].dropna().iloc[-n:]
    return float(known.mean()) if len(known) else 0.0


def _past_errors(
    weeks: pd.DataFrame, forecast: Callable[[pd.DataFrame, Sequence[date]], Floats], horizon: int
) -> Floats:
    """Errors y - yhat of the method at the last origins, all steps together, without unknown weeks."""
    errors = []
    for back in range(1, FALLBACK_ORIGINS + 1):
        end = len(weeks) - back
        if end < 2:
            break
        coming = weeks.iloc[end : end + horizon]
        errors.append(coming["y"].to_numpy() - forecast(weeks.iloc[:end], [ds.date() for ds in coming["ds"]]))
    found = np.concatenate(errors) if errors else np.array([])
    known: Floats = found[~np.isnan(found)]
    return known


def _interval(yhat: Floats, errors: Floats) -> tuple[Floats, Floats]:
    if len(errors) < MIN_FALLBACK_ERRORS:
        return np.zeros_like(yhat), 2 * yhat
    low, high = np.quantile(errors, (0.1, 0.9))
    return np.clip(yhat + min(low, 0.0), 0.0, yhat), yhat + max(high, 0.0)
