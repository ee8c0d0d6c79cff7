"""The one roll-forward: each week's prediction becomes the next week's lag, intervals come from simulated paths."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd

from skucast.combination import Combination
from skucast.engine.design import Floats, Terms, standardized, terms
from skucast.engine.model import FittedModel
from skucast.errors import ModelError
from skucast.tables import COMPONENTS

INTERVAL = (0.1, 0.9)
"""Quantiles of the 80 % interval."""

MAX_CARRY_OVER = 0.98
"""Largest weight of last week's sales; at 1 or more the recursion grows without end."""

MAX_GROWTH = 3.0
"""A forecast above this many times the largest week of history is capped and flagged."""

ROLLOUT_COLUMNS = ["ds", "yhat", "yhat_lower", "yhat_upper", *COMPONENTS, "is_capped"]


def roll_forward(model: FittedModel, future: pd.DataFrame, last_y: float, *, seed: int, n_paths: int) -> pd.DataFrame:
    """Return the forecast of consecutive weeks, one row each: `ROLLOUT_COLUMNS`, sales per week.

    Args:
        model: the fitted model.
        future: consecutive weeks, `ds` and every regressor of the model but the lag, which is not read.
        last_y: sales of the week before the first one; later lags are the previous week's max(0, yhat).
        seed: equal seeds give equal intervals.
        n_paths: simulated paths; each feeds its own draws through the lag. 0 = no interval (it equals yhat).

    yhat is at least 0 and at most 3 times the largest week of history; the components add up to it before that.

    Raises:
        ModelError: the forecast is not a finite number.
    """
    values = terms(model, future)
    weight, offset, is_damped = _carry_over(model, values)
    base = values.trend * (1 + values.sum_multiplicative()) + values.sum_additive()
    raw, clipped, cap = _recursion(base, weight, offset, last_y, MAX_GROWTH * model.y_max)
    if not np.isfinite(raw).all():
        raise ModelError("the forecast is not a finite number; retrain this combination")
    lower, upper = (
        _interval(model, values, weight, offset, last_y, cap, seed, n_paths) if n_paths else (clipped, clipped)
    )
    lags = np.concatenate([[last_y], clipped[:-1]])
    rows = pd.DataFrame(
        {
            "ds": future["ds"].to_numpy(),
            "yhat": clipped,
            "yhat_lower": np.clip(clipped - model.interval_scale * (clipped - lower), 0.0, clipped),
            "yhat_upper": np.maximum(clipped + model.interval_scale * (upper - clipped), clipped),
            "level": values.trend,
            **{name: values.component(name) for name in ("yearly", "holidays", "promo", "weather")},
            "carry_over": weight * (lags - offset),
            "is_capped": is_damped | (raw > cap),
        }
    )
    return rows[ROLLOUT_COLUMNS]


def seed_of(combination: Combination, cutoff: object) -> int:
    """Return a seed that is the same on every machine for the same combination and cutoff."""
    digest = hashlib.sha256(f"{combination}|{cutoff}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


def _carry_over(model: FittedModel, values: Terms) -> tuple[Floats, float, bool]:
    """Weight of last week's sales per week, the sales it is counted from, and whether it had to be damped.

    The lag's effect is weight * (lag - offset): damping the weight keeps the forecast at an average lag.
    """
    lag = model.lag
    if lag is None:
        return np.zeros_like(values.trend), 0.0, False
    slope = float(standardized(lag, np.array([lag.mu + 1.0]))[0])
    weight = slope * (np.full_like(values.trend, model.y_scale) if lag.mode == "additive" else values.trend)
    damped = np.clip(weight, -MAX_CARRY_OVER, MAX_CARRY_OVER)
    return damped, lag.mu, bool((damped != weight).any())


def _recursion(base: Floats, weight: Floats, offset: float, last_y: float, cap: float) -> tuple[Floats, Floats, float]:
    raw = np.empty_like(base)
    clipped = np.empty_like(base)
    lag = last_y
    for step in range(len(base)):
        raw[step] = base[step] + weight[step] * (lag - offset)
        lag = clipped[step] = min(max(0.0, raw[step]), cap)
    return raw, clipped, cap


def _interval(
    model: FittedModel,
    values: Terms,
    weight: Floats,
    offset: float,
    last_y: float,
    cap: float,
    seed: int,
    n_paths: int,
) -> tuple[Floats, Floats]:
    random = np.random.default_rng(seed)
    shape = (n_paths, len(values.t))
    trends = values.trend + _trend_changes(model, values.t, n_paths, random) * model.y_scale
    noise = random.normal(0.0, model.sigma_obs * model.y_scale, shape)
    base = trends * (1 + values.sum_multiplicative()) + values.sum_additive() + noise
    paths = np.empty(shape)
    lag = np.full(n_paths, last_y)
    for step in range(shape[1]):
        lag = paths[:, step] = np.clip(base[:, step] + weight[step] * (lag - offset), 0.0, cap)
    lower, upper = np.quantile(paths, INTERVAL, axis=0)
    return lower, upper


def _trend_changes(model: FittedModel, t: Floats, n_paths: int, random: np.random.Generator) -> Floats:
    """Draws of how the trend may bend from now on, shape (n_paths, H), in units of y_scale.

    As Prophet's vectorised sampler: a change in a week has the rate of the history's changepoints, its size a Laplace
    distribution as wide as the mean of the fitted changes; half of a week's change acts in that week.
    """
    week = 7.0 / model.t_scale_days
    is_future = t > 1 + week / 2
    n_future = int(is_future.sum())
    scale = (float(np.mean(np.abs(model.delta))) if model.delta else 0.0) + 1e-8
    happens = random.uniform(size=(n_paths, n_future)) < len(model.changepoints) * week
    bends = random.laplace(0.0, scale, size=(n_paths, n_future)) * happens
    bends = (np.hstack([np.zeros((n_paths, 1)), bends[:, :-1]]) + bends) / 2
    changes = bends.cumsum(axis=1).cumsum(axis=1) * week
    return np.hstack([np.zeros((n_paths, len(t) - n_future)), changes])
