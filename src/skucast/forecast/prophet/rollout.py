"""The one roll-forward: each week's prediction becomes the next week's lag, intervals come from simulated paths.

All models of a job go through it in one pass, as rows of arrays; `recurse` is the recursion itself, also for tuning.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.combination import Combination
from skucast.core.errors import ModelError
from skucast.core.tables.forecasts import COMPONENTS
from skucast.forecast.prophet.design import Days, Floats, fourier
from skucast.forecast.prophet.model import FittedModel
from skucast.forecast.prophet.spec import LAG

Flags = npt.NDArray[np.bool_]

INTERVAL = (0.1, 0.9)
"""Quantiles of the 80 % interval."""

MAX_CARRY_OVER = 0.98
"""Largest weight of last week's sales; at 1 or more the recursion grows without end."""

MAX_GROWTH = 3.0
"""A forecast above this many times the largest week of history is capped and flagged."""

ROLLOUT_COLUMNS = ["ds", "yhat", "yhat_lower", "yhat_upper", *COMPONENTS, "is_capped"]

_TERMS = ("yearly", "holidays", "promo", "weather")
"""The components beside level and carry-over, in the order of `COMPONENTS`."""

_DRAWS_AT_ONCE = 1_000_000
"""Simulated weeks held in memory at a time, 8 MB an array."""


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
    n = len(models)
    regressors = {
        name: np.tile(future[name].to_numpy(dtype="float64"), (n, 1)) for name in future.columns if name != "ds"
    }
    ds = future["ds"].to_numpy(dtype="datetime64[D]")
    each = roll_forward_all(models, ds, regressors, np.full(n, last_y), [seed] * n, n_paths)
    found = averaged(each, [n])
    if not found.is_finite[0]:
        raise ModelError("the forecast is not a finite number; retrain this combination")
    rows = {
        "ds": future["ds"].to_numpy(),
        "yhat": found.yhat[0],
        "yhat_lower": found.yhat_lower[0],
        "yhat_upper": found.yhat_upper[0],
        **{name: values[0] for name, values in found.components.items()},
        "is_capped": found.is_capped[0],
    }
    return pd.DataFrame(rows)[ROLLOUT_COLUMNS]


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
    stack = _stacked(models)
    terms = _terms(models, stack, ds, regressors)
    lag = _to_target(stack, last_y[:, None])[:, 0]
    weight, is_damped = carry_over_weight(_lag_slope(stack, terms.trend))
    raw, clipped = recurse(terms.base, weight, stack.lag_mu, lag, stack.cap)
    yhat = _to_sales(stack, clipped)
    lower, upper = _interval(stack, terms, lag, seeds, n_paths) if n_paths else (yhat, yhat)
    scale = stack.interval_scale[:, None]
    lags = np.concatenate([lag[:, None], clipped[:, :-1]], axis=1)
    ends = np.clip(yhat - scale * (yhat - lower), 0.0, yhat), np.maximum(yhat + scale * (upper - yhat), yhat)
    components = _components(stack, terms, weight * (lags - stack.lag_mu[:, None]))
    numbers = np.stack([raw, *ends, *components.values()])
    return Rollout(
        yhat=yhat,
        yhat_lower=ends[0],
        yhat_upper=ends[1],
        components=components,
        is_capped=is_damped | (raw > stack.cap[:, None]),
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


def recurse(base: Floats, weight: Floats, offset: Floats, last: Floats, cap: Floats) -> tuple[Floats, Floats]:
    """Return z before and after it is clipped to 0..cap, z = base + weight (lag - offset), each the lag of the next.

    `base` and `weight` have shape (..., H); `offset`, `last` (the lag of the first week) and `cap` (...).
    """
    raw, clipped = np.empty_like(base), np.empty_like(base)
    lag = last
    for step in range(base.shape[-1]):
        raw[..., step] = base[..., step] + weight[..., step] * (lag - offset)
        clipped[..., step] = np.clip(raw[..., step], 0.0, cap)
        lag = clipped[..., step]
    return raw, clipped


def base_of(trend: Floats, effect: Floats, y_scale: Floats, is_multiplicative: Flags) -> Floats:
    """Return z without the lag: trend (1 + effect) if multiplicative, else trend + y_scale effect."""
    base: Floats = trend + effect * gain_of(trend, y_scale, is_multiplicative)
    return base


def gain_of(trend: Floats, y_scale: Floats, is_multiplicative: Flags) -> Floats:
    """Return what an effect of 1 adds to z: the trend if multiplicative, else y_scale; all broadcast."""
    return np.where(is_multiplicative, trend, y_scale)


def carry_over_weight(slope: Floats) -> tuple[Floats, Flags]:
    """Return the weight of last week's sales, and where it had to be damped.

    The lag's effect is weight * (lag - offset): damping the weight keeps the forecast at an average lag.
    """
    damped = np.clip(slope, -MAX_CARRY_OVER, MAX_CARRY_OVER)
    return damped, damped != slope


def seed_of(combination: Combination, cutoff: object) -> int:
    """Return a seed that is the same on every machine for the same combination and cutoff."""
    digest = hashlib.sha256(f"{combination}|{cutoff}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


# --- models as rows of arrays ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Stack:
    """The numbers of B models, padded with zeros; `cap`, `lag_mu` and `lag_std` in the target's measure."""

    start: Days
    t_scale_days: Floats
    y_scale: Floats
    k: Floats
    m: Floats
    delta: Floats
    changepoints: Floats
    n_changepoints: Floats
    bend_scale: Floats
    sigma_obs: Floats
    yearly: Floats
    lag_beta: Floats
    lag_mu: Floats
    lag_std: Floats
    cap: Floats
    interval_scale: Floats
    is_multiplicative: Flags
    is_log: Flags


@dataclass(frozen=True)
class _Terms:
    """The terms of B models on H weeks, arrays (B, H): `trend` and `base` (all but the lag) in the target's measure.

    `effects` by component and their sum `effect`: ratio to the trend if multiplicative, else in units of y_scale.
    """

    t: Floats
    trend: Floats
    effects: dict[str, Floats]
    effect: Floats
    base: Floats


T = TypeVar("T", _Stack, _Terms)


def _stacked(models: Sequence[FittedModel]) -> _Stack:
    lags = [model.lag for model in models]
    is_log = np.array([model.spec.target == "log1p" for model in models])
    cap = MAX_GROWTH * np.array([model.y_max for model in models])
    n_changepoints = np.array([len(model.changepoints) for model in models], dtype="float64")
    delta = _padded([model.delta for model in models])
    return _Stack(
        start=np.array([model.start for model in models], dtype="datetime64[D]"),
        t_scale_days=np.array([model.t_scale_days for model in models]),
        y_scale=np.array([model.y_scale for model in models]),
        k=np.array([model.k for model in models]),
        m=np.array([model.m for model in models]),
        delta=delta,
        changepoints=_padded([model.changepoints for model in models]),
        n_changepoints=n_changepoints,
        bend_scale=np.abs(delta).sum(axis=1) / np.maximum(n_changepoints, 1.0) + 1e-8,
        sigma_obs=np.array([model.sigma_obs for model in models]),
        yearly=_padded([model.yearly for model in models]),
        lag_beta=np.array([lag.beta if lag else 0.0 for lag in lags]),
        lag_mu=np.array([lag.mu if lag else 0.0 for lag in lags]),
        lag_std=np.array([lag.std if lag else 1.0 for lag in lags]),
        cap=np.where(is_log, np.log1p(cap), cap),
        interval_scale=np.array([model.interval_scale for model in models]),
        is_multiplicative=np.array([model.spec.seasonality_mode == "multiplicative" for model in models]),
        is_log=is_log,
    )


def _padded(rows: Sequence[Sequence[float]]) -> Floats:
    table = np.zeros((len(rows), max(map(len, rows))))
    for row, values in zip(table, rows, strict=True):
        row[: len(values)] = values
    return table


def _terms(models: Sequence[FittedModel], stack: _Stack, ds: Days, regressors: Mapping[str, Floats]) -> _Terms:
    t = ((ds[None, :] - stack.start[:, None]) / np.timedelta64(1, "D")) / stack.t_scale_days[:, None]
    trend = stack.k[:, None] * t + stack.m[:, None]
    for place in range(stack.delta.shape[1]):
        trend += stack.delta[:, place, None] * np.maximum(0.0, t - stack.changepoints[:, place, None])
    trend *= stack.y_scale[:, None]
    effects = {name: np.zeros_like(t) for name in _TERMS}
    season = fourier(ds, stack.yearly.shape[1] // 2)
    for order in range(stack.yearly.shape[1]):  # not `@`, whose last digits depend on how many models there are
        effects["yearly"] += stack.yearly[:, order, None] * season[:, order]
    _add_holidays(effects["holidays"], models, ds)
    for row, model in enumerate(models):
        for regressor in model.regressors:
            if regressor.name != LAG:
                values = regressors[regressor.name][row]
                effects[component_of(regressor.name)][row] += regressor.beta * (values - regressor.mu) / regressor.std
    effect = sum(effects.values(), np.zeros_like(t))
    is_multiplicative, y_scale = stack.is_multiplicative[:, None], stack.y_scale[:, None]
    return _Terms(t, trend, effects, effect, base_of(trend, effect, y_scale, is_multiplicative))


def component_of(regressor: str) -> str:
    """Return the component of the forecast table that a regressor belongs to."""
    return regressor.split("_", 1)[0]


def _add_holidays(effect: Floats, models: Sequence[FittedModel], ds: Days) -> None:
    place = {label: step for step, label in enumerate(ds.astype("str").tolist())}
    for row, model in zip(effect, models, strict=True):
        for holiday in model.holidays:
            for week, share in holiday.shares.items():
                if week in place:
                    row[place[week]] += holiday.beta * share


def _lag_slope(stack: _Stack, trend: Floats) -> Floats:
    """What one more of last week's sales adds, shape of `trend`: (B, H), or (B, paths, H)."""
    shape = (-1,) + (1,) * (trend.ndim - 1)
    weight = (stack.lag_beta / stack.lag_std).reshape(shape)
    return weight * gain_of(trend, stack.y_scale.reshape(shape), stack.is_multiplicative.reshape(shape))


def _to_target(stack: _Stack, sales: Floats) -> Floats:
    result = sales.copy()
    result[stack.is_log] = np.log1p(sales[stack.is_log])
    return result


def _to_sales(stack: _Stack, target: Floats) -> Floats:
    result = target.copy()
    result[stack.is_log] = np.expm1(target[stack.is_log])
    return result


def _components(stack: _Stack, terms: _Terms, carry_over: Floats) -> dict[str, Floats]:
    """The components in sales per week.

    With the target log1p a component is what it adds to those before it: exp(a + b) - exp(a).
    """
    gain = gain_of(terms.trend, stack.y_scale[:, None], stack.is_multiplicative[:, None])
    parts = [terms.trend.copy(), *(terms.effects[name] * gain for name in _TERMS), carry_over]
    sums = np.cumsum([part[stack.is_log] for part in parts], axis=0)
    for part, step in zip(parts, np.diff(np.expm1(sums), axis=0, prepend=0.0), strict=True):
        part[stack.is_log] = step
    return dict(zip(COMPONENTS, parts, strict=True))


# --- intervals ------------------------------------------------------------------------------------------------------


def _interval(stack: _Stack, terms: _Terms, lag: Floats, seeds: Sequence[int], n_paths: int) -> tuple[Floats, Floats]:
    """The quantiles of simulated paths, in sales per week."""
    n_models, n_steps = terms.t.shape
    at_once = max(1, _DRAWS_AT_ONCE // (n_paths * n_steps))
    ends = np.empty((2, n_models, n_steps))
    for first in range(0, n_models, at_once):
        part = slice(first, first + at_once)
        paths = _paths(_part(stack, part), _part(terms, part), lag[part], seeds[part], n_paths)
        ends[:, part] = np.quantile(paths, INTERVAL, axis=1)
    return _to_sales(stack, ends[0]), _to_sales(stack, ends[1])


def _paths(stack: _Stack, terms: _Terms, lag: Floats, seeds: Sequence[int], n_paths: int) -> Floats:
    """Simulated futures, shape (B, n_paths, H), in the target's measure: trend changes and noise, fed through the lag.

    The draws of a model depend on its seed alone, not on its neighbours.
    """
    shape = (len(seeds), n_paths, terms.t.shape[1])
    happens, size, noise = np.empty(shape), np.empty(shape), np.empty(shape)
    for row, seed in enumerate(seeds):
        random = np.random.default_rng(seed)
        random.random(out=happens[row])
        random.random(out=size[row])
        random.standard_normal(out=noise[row])
    y_scale = stack.y_scale[:, None, None]
    trend = terms.trend[:, None, :] + _trend_changes(stack, terms.t, happens, size) * y_scale
    effect = terms.effect[:, None, :]
    base = base_of(trend, effect, y_scale, stack.is_multiplicative[:, None, None])
    base += noise * (stack.sigma_obs[:, None, None] * y_scale)
    weight, _ = carry_over_weight(_lag_slope(stack, trend))
    _, clipped = recurse(base, weight, stack.lag_mu[:, None], lag[:, None], stack.cap[:, None])
    return clipped


def _trend_changes(stack: _Stack, t: Floats, happens: Floats, size: Floats) -> Floats:
    """Draws of how the trend may bend from now on, shape (B, n_paths, H), in units of y_scale.

    As Prophet's vectorised sampler: a change in a week has the rate of the history's changepoints, its size a Laplace
    distribution as wide as the mean of the fitted changes; half of a week's change acts in that week. `happens` and
    `size` are uniform draws.
    """
    week = (7.0 / stack.t_scale_days)[:, None, None]
    is_future = t[:, None, :] > 1.0 + week / 2
    rate = stack.n_changepoints[:, None, None] * week
    from_middle = size - 0.5
    laplace = -np.sign(from_middle) * np.log1p(-2.0 * np.abs(from_middle))
    bends = np.where((happens < rate) & is_future, laplace * stack.bend_scale[:, None, None], 0.0)
    bends[..., 1:] = (bends[..., 1:] + bends[..., :-1]) / 2  # the right side is evaluated before it is written
    bends[..., 0] /= 2
    return bends.cumsum(axis=-1).cumsum(axis=-1) * week


def _part(whole: T, part: slice) -> T:
    """The models of a slice."""

    def cut(value: Any) -> Any:
        return {name: each[part] for name, each in value.items()} if isinstance(value, dict) else value[part]

    return type(whole)(**{name: cut(value) for name, value in vars(whole).items()})
