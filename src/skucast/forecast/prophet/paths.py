"""Simulated futures: the trend may bend, chance adds noise, and each path feeds its own weeks through the lag.

May import `stack`, `recursion`, `design` and numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from skucast.forecast.prophet.design import Floats
from skucast.forecast.prophet.recursion import Recursion
from skucast.forecast.prophet.stack import Stack, Terms

INTERVAL = (0.1, 0.9)
"""Quantiles of the 80 % interval."""

DRAWS_AT_ONCE = 1_000_000
"""Simulated weeks held in memory at a time, 8 MB an array."""

T = TypeVar("T", Stack, Terms, Recursion)


def interval(stack: Stack, terms: Terms, lag: Floats, seeds: Sequence[int], n_paths: int) -> tuple[Floats, Floats]:
    """Return both ends of the interval, (B, H) each, in sales per week; `lag` (B,) in the target's measure."""
    n_models, n_steps = terms.t.shape
    at_once = max(1, DRAWS_AT_ONCE // (n_paths * n_steps))
    ends = np.empty((2, n_models, n_steps))
    for first in range(0, n_models, at_once):
        rows = slice(first, first + at_once)
        paths = _paths(_part(stack, rows), _part(terms, rows), lag[rows], seeds[rows], n_paths)
        ends[:, rows] = np.quantile(paths, INTERVAL, axis=1)
    return stack.recursion.to_sales(ends[0]), stack.recursion.to_sales(ends[1])


def _paths(stack: Stack, terms: Terms, lag: Floats, seeds: Sequence[int], n_paths: int) -> Floats:
    """Simulated futures, shape (B, n_paths, H), in the target's measure.

    The draws of a model depend on its seed alone, not on its neighbours.
    """
    shape = (len(seeds), n_paths, terms.t.shape[1])
    happens, size, noise = np.empty(shape), np.empty(shape), np.empty(shape)
    for row, seed in enumerate(seeds):
        random = np.random.default_rng(seed)
        random.random(out=happens[row])
        random.random(out=size[row])
        random.standard_normal(out=noise[row])
    y_scale = stack.recursion.y_scale[:, None, None]
    trend = terms.trend[:, None, :] + _trend_changes(stack, terms.t, happens, size) * y_scale
    noise *= stack.sigma_obs[:, None, None] * y_scale
    return stack.recursion.roll(trend, terms.effect[:, None, :], lag[:, None], noise).clipped


def _trend_changes(stack: Stack, t: Floats, happens: Floats, size: Floats) -> Floats:
    """Draws of how the trend may bend from now on, shape (B, n_paths, H), in units of y_scale.

    As Prophet's vectorised sampler: a change in a week has the rate of the history's changepoints, its size a Laplace
    distribution as wide as the mean of the fitted changes; half of a week's change acts in that week. `happens` and
    `size` are uniform draws.
    """
    week = (7.0 / stack.t_scale_days)[:, None, None]
    is_future = t[:, None, :] > 1.0 + week / 2
    rate = stack.n_changepoints[:, None, None] * week
    is_bent = (happens < rate) & is_future
    from_middle = size[is_bent] - 0.5
    laplace = -np.sign(from_middle) * np.log1p(-2.0 * np.abs(from_middle))
    bends = np.zeros_like(size)
    bends[is_bent] = laplace * np.broadcast_to(stack.bend_scale[:, None, None], size.shape)[is_bent]
    bends[..., 1:] = (bends[..., 1:] + bends[..., :-1]) / 2  # the right side is evaluated before it is written
    bends[..., 0] /= 2
    return bends.cumsum(axis=-1).cumsum(axis=-1) * week


def _part(whole: T, rows: slice) -> T:
    """The models of a slice."""

    def cut(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: each[rows] for name, each in value.items()}
        return _part(value, rows) if isinstance(value, Recursion) else value[rows]

    return type(whole)(**{name: cut(value) for name, value in vars(whole).items()})
