"""Roll fitted models forward: one model, the mean of a few, or all models of a job in one pass of arrays.

`recursion` says how a week follows from the one before it, `stack` makes rows of models, `paths` the intervals. May
import those, `model` and `design`, and what core says of combinations and of the forecasts table.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from skucast.core.combination import Combination
from skucast.core.errors import ModelError
from skucast.core.tables.forecasts import COMPONENTS
from skucast.forecast.prophet.design import Days, Floats
from skucast.forecast.prophet.model import FittedModel
from skucast.forecast.prophet.paths import interval
from skucast.forecast.prophet.recursion import Flags
from skucast.forecast.prophet.stack import components, stacked, terms_of

ROLLOUT_COLUMNS = ["ds", "yhat", "yhat_lower", "yhat_upper", *COMPONENTS, "is_capped"]


@dataclass(frozen=True)
class Rollout:
    """Forecasts of B models for the same H weeks, sales per week; arrays have shape (B, H).

    The components add up to the forecast before it was clipped; `is_finite` (B,) tells models that gave numbers.
    """

    yhat: Floats
    yhat_lower: Floats
    yhat_upper: Floats
    components: dict[str, Floats]
    is_capped: Flags
    is_finite: Flags


def roll_forward(model: FittedModel, future: pd.DataFrame, last_y: float, *, seed: int, n_paths: int) -> pd.DataFrame:
    """Return the forecast of consecutive weeks by one model, one row each: `ROLLOUT_COLUMNS`, sales per week.

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
    return roll_forward_mean([model], future, last_y, seed=seed, n_paths=n_paths)


def roll_forward_mean(
    models: Sequence[FittedModel], future: pd.DataFrame, last_y: float, *, seed: int, n_paths: int
) -> pd.DataFrame:
    """Return the mean of the models' forecasts, as `roll_forward` gives one; each feeds on its own predictions.

    Raises:
        ModelError: the forecast is not a finite number.
    """
    regressors = {name: future[name].to_numpy(dtype="float64") for name in future.columns if name != "ds"}
    ds = future["ds"].to_numpy(dtype="datetime64[D]")
    found = roll_forward_together(models, ds, regressors, last_y, seed, n_paths)
    rows = {
        "ds": future["ds"].to_numpy(),
        "yhat": found.yhat[0],
        "yhat_lower": found.yhat_lower[0],
        "yhat_upper": found.yhat_upper[0],
        **{name: values[0] for name, values in found.components.items()},
        "is_capped": found.is_capped[0],
    }
    return pd.DataFrame(rows)[ROLLOUT_COLUMNS]


def roll_forward_together(
    models: Sequence[FittedModel], ds: Days, regressors: Mapping[str, Floats], last_y: float, seed: int, n_paths: int
) -> Rollout:
    """Return what `roll_forward_mean` does, of arrays: the weeks `ds` (H,) and the regressors (H,) by name; B is 1.

    Raises:
        ModelError: the forecast is not a finite number.
    """
    n = len(models)
    tiled = {name: np.tile(values, (n, 1)) for name, values in regressors.items()}
    found = averaged(roll_forward_all(models, ds, tiled, np.full(n, last_y), [seed] * n, n_paths), [n])
    if not found.is_finite[0]:
        raise ModelError("the forecast is not a finite number; retrain this combination")
    return found


def roll_forward_all(
    models: Sequence[FittedModel],
    ds: Days,
    regressors: Mapping[str, Floats],
    last_y: Floats,
    seeds: Sequence[int],
    n_paths: int,
) -> Rollout:
    """Return the forecasts of all models for the consecutive weeks `ds` (H,).

    `regressors` has an array (B, H) for every regressor of any model but the lag; `last_y` (B,) and `seeds` as in
    `roll_forward`.

    Raises:
        KeyError: a regressor of a model is missing.
    """
    stack = stacked(models)
    terms = terms_of(models, stack, ds, regressors)
    recursion = stack.recursion
    lag = recursion.to_target(last_y)
    course = recursion.roll(terms.trend, terms.effect, lag)
    yhat = recursion.to_sales(course.clipped)
    lower, upper = interval(stack, terms, lag, seeds, n_paths) if n_paths else (yhat, yhat)
    steps = np.arange(1.0, len(ds) + 1)
    scale = stack.interval_scale[:, None] * steps ** stack.interval_growth[:, None]
    ends = np.clip(yhat - scale * (yhat - lower), 0.0, yhat), np.maximum(yhat + scale * (upper - yhat), yhat)
    parts = components(stack, terms, lag, course)
    numbers = np.stack([course.raw, *ends, *parts.values()])
    return Rollout(
        yhat=yhat,
        yhat_lower=ends[0],
        yhat_upper=ends[1],
        components=parts,
        is_capped=course.is_damped | (course.raw > recursion.cap[:, None]),
        is_finite=np.logical_and.reduce(np.isfinite(numbers), axis=(0, 2)),
    )


def averaged(each: Rollout, counts: Sequence[int]) -> Rollout:
    """Return the mean forecast of every `counts[i]` consecutive models; capped if one of them is."""
    if all(count == 1 for count in counts):
        return each
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])

    def mean(values: Floats) -> Floats:
        found: Floats = np.add.reduceat(values, starts, axis=0) / np.array(counts)[:, None]
        return found

    is_finite = [bool(each.is_finite[first : first + n].all()) for first, n in zip(starts, counts, strict=True)]
    return Rollout(
        yhat=mean(each.yhat),
        yhat_lower=mean(each.yhat_lower),
        yhat_upper=mean(each.yhat_upper),
        components={name: mean(values) for name, values in each.components.items()},
        is_capped=mean(each.is_capped.astype("float64")) > 0,
        is_finite=np.array(is_finite, dtype=np.bool_),
    )


def seed_of(combination: Combination, cutoff: object) -> int:
    """Return a seed that is the same on every machine for the same combination and cutoff."""
    digest = hashlib.sha256(f"{combination}|{cutoff}".encode()).digest()
    return int.from_bytes(digest[:8], "big")
