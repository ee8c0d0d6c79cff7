"""The best naive method beside a model: where it is better beyond doubt, it forecasts instead of the model alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from skucast.forecast.champion import LEAST_ORIGINS, TINY
from skucast.forecast.prophet.design import Floats
from skucast.forecast.short import has_last_year, naive_levels
from skucast.sales.columns import Weeks, numbers


def best_naive(weeks: Weeks, scored: pd.DataFrame, evidence: float) -> dict[str, Any]:
    """Return the naive method that did best over the weeks of a backtest, as the model's card keeps it.

    `method`, its `wape` and the `model`'s over the same weeks (ratio), the `origins`, `standard_errors`: by how many of
    its own the mean difference of their errors speaks for the method, and `is_better`: by more than `evidence`, at
    three origins or more. Empty where nothing was sold. `scored` is the model's backtest; `weeks` its history.

    The method is the best of five after the fact, over some 12 weeks, which is mostly luck: where it is merely better
    the model does better in the weeks to come (docs/decisions/0034).
    """
    y, model = (numbers(scored, name) for name in ("y", "yhat"))
    forecasts = _forecasts(weeks, scored)
    known = np.isfinite(y) & np.isfinite(model)
    for each in forecasts.values():
        known &= np.isfinite(each)
    sold = float(np.abs(y[known]).sum())
    if sold == 0 or not forecasts:
        return {}
    errors = {name: np.abs(each[known] - y[known]) for name, each in forecasts.items()}
    best = min(errors, key=lambda name: float(errors[name].sum()))
    of_model = np.abs(model[known] - y[known])
    beyond = _standard_errors(of_model - errors[best], sold / len(of_model))
    origins = len(set(np.asarray(scored["origin"])[known].tolist()))
    return {
        "method": best,
        "wape": float(errors[best].sum()) / sold,
        "model": float(of_model.sum()) / sold,
        "origins": origins,
        "standard_errors": beyond,
        "is_better": origins >= LEAST_ORIGINS and beyond > evidence,
    }


MOST = 1e3
"""Where a difference is the same in every week, its standard error is 0."""


def _standard_errors(differences: Floats, scale: float) -> float:
    mean = float(differences.mean())
    if len(differences) < 2 or abs(mean) < TINY * scale:
        return 0.0
    error = float(differences.std(ddof=1)) / len(differences) ** 0.5
    return float(np.clip(mean / max(error, abs(mean) / MOST), -MOST, MOST))


def _forecasts(weeks: Weeks, scored: pd.DataFrame) -> dict[str, Floats]:
    """What each method says at each origin of the weeks after it, in the rows of the backtest; sales per week."""
    y, ds = numbers(weeks, "y"), np.asarray(weeks["ds"])
    origins = np.asarray(scored["origin"])
    each = {origin: naive_levels(y[ds <= origin]) for origin in np.unique(origins)}
    names = next(iter(each.values()), {})
    found = {name: np.array([each[origin][name] for origin in origins], dtype="float64") for name in names}
    if has_last_year(y):
        found["seasonal_naive"] = numbers(scored, "baseline")
    return found
