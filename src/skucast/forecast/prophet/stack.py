"""Many models as rows of arrays: their numbers, their terms on the weeks to come, what each term is worth in sales.

May import `model`, `design`, `spec`, `recursion`, the names of the components in core, and numpy.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from skucast.core.declared import OF_DECLARED, PREFIX, name_of
from skucast.core.tables.forecasts import COMPONENTS
from skucast.forecast.prophet.design import Days, Floats, fourier
from skucast.forecast.prophet.model import FittedModel, shares_of
from skucast.forecast.prophet.recursion import Course, Recursion, recursion_of
from skucast.forecast.prophet.spec import LAG
from skucast.regressors.built_in import component_of

_EFFECTS = COMPONENTS[1:-1]
"""The components beside level and carry-over, in the order of `COMPONENTS`."""


TINY = 1e-9


@dataclass(frozen=True)
class Stack:
    """The numbers of B models, padded with zeros."""

    start: Days
    t_scale_days: Floats
    k: Floats
    m: Floats
    delta: Floats
    changepoints: Floats
    n_changepoints: Floats
    bend_scale: Floats
    sigma_obs: Floats
    yearly: Floats
    interval_scale: Floats
    interval_growth: Floats
    recursion: Recursion


@dataclass(frozen=True)
class Terms:
    """The terms of B models on H weeks, arrays (B, H), all but the lag; `trend` in the target's measure.

    `effects` by component and their sum `effect`: ratio to the trend if multiplicative, else in units of y_scale;
    `named` what of them each declared regressor adds, by its column.
    """

    t: Floats
    trend: Floats
    effects: dict[str, Floats]
    effect: Floats
    named: dict[str, Floats] = field(default_factory=dict)


def stacked(models: Sequence[FittedModel]) -> Stack:
    """Return the models as rows."""
    lags = [model.lag for model in models]
    n_changepoints = np.array([len(model.changepoints) for model in models], dtype="float64")
    delta = _padded([model.delta for model in models])
    return Stack(
        start=np.array([model.start for model in models], dtype="datetime64[D]"),
        t_scale_days=np.array([model.t_scale_days for model in models]),
        k=np.array([model.k for model in models]),
        m=np.array([model.m for model in models]),
        delta=delta,
        changepoints=_padded([model.changepoints for model in models]),
        n_changepoints=n_changepoints,
        bend_scale=_sizes(delta, n_changepoints) / np.maximum(n_changepoints, 1.0) + 1e-8,
        sigma_obs=np.array([model.sigma_obs for model in models]),
        yearly=_padded([model.yearly for model in models]),
        interval_scale=np.array([model.interval_scale for model in models]),
        interval_growth=np.array([model.interval_growth for model in models]),
        recursion=recursion_of(
            y_scale=np.array([model.y_scale for model in models]),
            y_max=np.array([model.y_max for model in models]),
            is_multiplicative=np.array([model.spec.seasonality_mode == "multiplicative" for model in models]),
            is_log=np.array([model.spec.target == "log1p" for model in models]),
            lag_beta=np.array([lag.beta if lag else 0.0 for lag in lags]),
            lag_mean=np.array([lag.mu if lag else 0.0 for lag in lags]),
            lag_std=np.array([lag.std if lag else 1.0 for lag in lags]),
        ),
    )


def terms_of(models: Sequence[FittedModel], stack: Stack, ds: Days, regressors: Mapping[str, Floats]) -> Terms:
    """Return the terms of the models on the weeks `ds` (H,); `regressors` (B, H) as in `roll_forward_all`."""
    t = ((ds[None, :] - stack.start[:, None]) / np.timedelta64(1, "D")) / stack.t_scale_days[:, None]
    trend = stack.k[:, None] * t + stack.m[:, None]
    for place in np.flatnonzero(stack.delta.any(axis=0)):  # few bend
        trend += stack.delta[:, place, None] * np.maximum(0.0, t - stack.changepoints[:, place, None])
    trend *= stack.recursion.y_scale[:, None]
    effects = {name: np.zeros_like(t) for name in _EFFECTS}
    season = fourier(ds, stack.yearly.shape[1] // 2)
    for order in range(stack.yearly.shape[1]):  # not `@`, whose last digits depend on how many models there are
        effects["yearly"] += stack.yearly[:, order, None] * season[:, order]
    _add_holidays(effects["holidays"], models, ds)
    named: dict[str, Floats] = {}
    for row, model in enumerate(models):
        for regressor in model.regressors:
            if regressor.name != LAG:
                values = regressors[regressor.name][row]
                effect = regressor.beta * (values - regressor.mu) / regressor.std
                effects[component_of(regressor.name)][row] += effect
                if name := name_of(regressor.name):
                    named.setdefault(PREFIX + name, np.zeros_like(t))[row] += effect
    return Terms(t, trend, effects, sum(effects.values(), np.zeros_like(t)), named)


def components(stack: Stack, terms: Terms, lag: Floats, course: Course) -> dict[str, Floats]:
    """Return the components in sales per week, of forecasts whose first lag was `lag` (B,).

    With the target log1p a component is what it adds to those before it: exp(a + b) - exp(a). What each declared
    regressor adds to theirs stands beside it, by its column.
    """
    recursion = stack.recursion
    lags = np.concatenate([lag[:, None], course.clipped[:, :-1]], axis=1)
    carry_over = course.weight * (lags - recursion.lag_mean[:, None])
    gain = recursion.gain(terms.trend)
    parts = [terms.trend.copy(), *(terms.effects[name] * gain for name in _EFFECTS), carry_over]
    sums = np.cumsum([part[recursion.is_log] for part in parts], axis=0)
    for part, step in zip(parts, np.diff(np.expm1(sums), axis=0, prepend=0.0), strict=True):
        part[recursion.is_log] = step
    found = dict(zip(COMPONENTS, parts, strict=True))
    if not terms.named:
        return found
    place = COMPONENTS.index(OF_DECLARED)
    sales_of_one = np.ones_like(gain)  # what one more of the target adds in sales, on the way through the component
    with np.errstate(invalid="ignore", divide="ignore"):
        whole = sums[place] - sums[place - 1]
        mean = np.where(np.abs(whole) > TINY, found[OF_DECLARED][recursion.is_log] / whole, np.exp(sums[place - 1]))
    sales_of_one[recursion.is_log] = mean
    return {**found, **{name: effect * gain * sales_of_one for name, effect in terms.named.items()}}


def _padded(rows: Sequence[Sequence[float]]) -> Floats:
    table = np.zeros((len(rows), max(map(len, rows))))
    for row, values in zip(table, rows, strict=True):
        row[: len(values)] = values
    return table


def _sizes(table: Floats, lengths: Floats) -> Floats:
    """The sum of each row's sizes, over its own length: zeros beyond it would change the order of the additions."""
    found = np.empty(len(table))
    for length in np.unique(lengths):
        rows = lengths == length
        found[rows] = np.abs(table[rows, : int(length)]).sum(axis=1)
    return found


def _add_holidays(effect: Floats, models: Sequence[FittedModel], ds: Days) -> None:
    place = {label: step for step, label in enumerate(ds.astype("str").tolist())}
    for row, model in zip(effect, models, strict=True):
        for holiday in model.holidays:
            shares = _shares(holiday.weeks)
            for week, step in place.items():
                if week in shares:
                    row[step] += holiday.beta * shares[week]


_shares = functools.lru_cache(maxsize=1024)(shares_of)
"""Models that begin in one week share the texts of their holidays."""
