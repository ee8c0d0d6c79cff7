"""What no forecast is: models that cannot be computed, numbers that are none, or absurd beside what was sold.

Model files are data from outside: one of them must stop nobody else's forecast, nor change it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from skucast.forecast.prophet.rollout import Rollout

MOST_TIMES = 30.0
"""A forecast of so many times the largest week that was ever sold is none: ten times a model's own bound, which is of
the largest week of its training."""

MOST_TIMES_UPPER = 100.0
"""The same of the upper end of an interval, which may be wide."""

MOST_TIMES_PART = 1e6
"""The same of a component, which others may outweigh."""

ABSURD = "absurd beside what was sold"
NOT_FINITE = "not a finite number"

BROKEN = (ArithmeticError, AttributeError, LookupError, MemoryError, RuntimeError, TypeError, ValueError)
"""What is raised of parts that cannot be computed together; what stops a process is none of them."""

S = TypeVar("S")


def attempted(starts: Sequence[S], roll: Callable[[Sequence[S]], Rollout]) -> Rollout | Exception:
    """Return what rolling them forward together gives, or what it raised."""
    try:
        return roll(starts)
    except BROKEN as error:
        return error


def breaking(starts: Sequence[S], roll: Callable[[Sequence[S]], Rollout], error: Exception) -> dict[int, str]:
    """Return the places of those that cannot be rolled forward alone either, and why, found by halves.

    Raises:
        Exception: `error`, which all together raised, where each half can be rolled forward: then it is no model's.
    """
    if len(starts) == 1:
        return {0: f"nothing that can be computed ({type(error).__name__}: {error})"}
    middle = len(starts) // 2
    found: dict[int, str] = {}
    for first, half in ((0, starts[:middle]), (middle, starts[middle:])):
        again = attempted(half, roll)
        if isinstance(again, Exception):
            found |= {first + place: why for place, why in breaking(half, roll, again).items()}
    if not found:
        raise error
    return found


def faults(rolled: Rollout, largest: Sequence[float]) -> dict[int, str]:
    """Return the places of forecasts that cannot be published, and why; `largest` are the largest weeks ever sold."""
    most = np.maximum(largest, 1.0)[:, None]
    is_absurd = (rolled.yhat / most > MOST_TIMES) | (rolled.yhat_upper / most > MOST_TIMES_UPPER)
    for part in rolled.components.values():
        is_absurd |= np.abs(part) / most > MOST_TIMES_PART
    whys = np.where(rolled.is_finite, np.where(is_absurd.any(axis=1), ABSURD, ""), NOT_FINITE).tolist()
    return {place: why for place, why in enumerate(whys) if why}
