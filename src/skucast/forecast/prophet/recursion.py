"""The recursion of a forecast, said once: each week's prediction is the next week's lag.

Prediction, simulated paths, backtests and tuning all go through `Recursion.roll`, so that none of them ever sees a true
lag after the first step. Arrays in, arrays out; may import numpy and `design`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from skucast.forecast.prophet.design import Floats

Flags = npt.NDArray[np.bool_]
Scalar = TypeVar("Scalar", np.float64, np.bool_)

MAX_CARRY_OVER = 0.98
"""Largest weight of last week's sales; at 1 or more the recursion grows without end."""

MAX_GROWTH = 3.0
"""A forecast above this many times the largest week of history is capped and flagged."""


@dataclass(frozen=True)
class Course:
    """Forecasts week by week in the measure of the target, before and after they were clipped to 0..cap.

    Each is a base plus `weight` (the lag less its mean); `is_damped` tells where the weight had to be.
    """

    raw: Floats
    clipped: Floats
    weight: Floats
    is_damped: Flags


@dataclass(frozen=True)
class Recursion:
    """How B models get from trend and effects to sales, arrays (B,).

    `lag_slope` is what one more of last week adds to the effects; it, `lag_mean` and `cap` are in the target's measure.
    """

    y_scale: Floats
    is_multiplicative: Flags
    is_log: Flags
    lag_slope: Floats
    lag_mean: Floats
    cap: Floats

    def roll(self, trend: Floats, effect: Floats, last: Floats, shocks: Floats | None = None) -> Course:
        """Return the forecasts of consecutive weeks, each the lag of the next.

        Args:
            trend: shape (B, H), or (B, paths, H), in the target's measure.
            effect: the sum of all effects but the lag's, as in `gain`.
            last: (B,) or (B, paths), the lag of the first week, in the target's measure.
            shocks: what chance adds to each week; None = nothing.
        """
        gain = self.gain(trend)
        base = trend + effect * gain
        if shocks is not None:
            base += shocks
        slope = _spread(self.lag_slope, trend.ndim) * gain
        weight = np.clip(slope, -MAX_CARRY_OVER, MAX_CARRY_OVER)  # so the forecast stays at an average lag
        mean, cap = (_spread(values, trend.ndim - 1) for values in (self.lag_mean, self.cap))
        raw, clipped = np.empty_like(base), np.empty_like(base)
        for step in range(base.shape[-1]):
            raw[..., step] = base[..., step] + weight[..., step] * (last - mean)
            clipped[..., step] = np.clip(raw[..., step], 0.0, cap)
            last = clipped[..., step]
        return Course(raw, clipped, weight, weight != slope)

    def gain(self, trend: Floats) -> Floats:
        """Return what an effect of 1 adds to a forecast: the trend if multiplicative, else y_scale."""
        is_multiplicative = _spread(self.is_multiplicative, trend.ndim)
        gain: Floats = np.where(is_multiplicative, trend, _spread(self.y_scale, trend.ndim))
        return gain

    def to_target(self, sales: Floats) -> Floats:
        """Return sales (B, ...) in the measures of the models' targets."""
        target = sales.copy()
        target[self.is_log] = np.log1p(sales[self.is_log])
        return target

    def to_sales(self, target: Floats) -> Floats:
        """Return values (B, ...) in the measures of the models' targets as sales."""
        sales = target.copy()
        sales[self.is_log] = np.expm1(target[self.is_log])
        return sales


def recursion_of(
    y_scale: Floats,
    y_max: Floats,
    is_multiplicative: Flags,
    is_log: Flags,
    lag_beta: Floats,
    lag_mean: Floats,
    lag_std: Floats,
) -> Recursion:
    """Return the recursion of B models; `y_max` is the largest week of history in sales, `lag_beta` 0 without a lag."""
    cap = MAX_GROWTH * y_max
    return Recursion(
        y_scale=y_scale,
        is_multiplicative=is_multiplicative,
        is_log=is_log,
        lag_slope=lag_beta / lag_std,
        lag_mean=lag_mean,
        cap=np.where(is_log, np.log1p(cap), cap),
    )


def _spread(values: npt.NDArray[Scalar], ndim: int) -> npt.NDArray[Scalar]:
    """Values (B,) with so many dimensions, to be broadcast."""
    return values.reshape((-1,) + (1,) * (ndim - 1))
