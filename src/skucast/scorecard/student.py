"""Student's t distribution: how far an interval of few values reaches. The image of the monitoring has no SciPy."""

from __future__ import annotations

import math


def quantile(share: float, freedom: int) -> float:
    """Return the value that Student's t, with so many degrees of freedom, stays below with this probability.

    By halving the interval until it is one number; `share` lies between 0 and 1, `freedom` is at least 1.
    """
    if not (0 < share < 1 and freedom >= 1):
        raise ValueError(f"expected a share between 0 and 1 and a freedom of 1 or more, found {share} and {freedom}")
    if share < 0.5:
        return -quantile(1 - share, freedom)
    low, high = 0.0, 1.0
    while below(high, freedom) < share:
        low, high = high, 2 * high
    while low < (middle := (low + high) / 2) < high:
        if below(middle, freedom) < share:
            low = middle
        else:
            high = middle
    return high


def below(value: float, freedom: int) -> float:
    """Return the probability that Student's t is at most the value: Abramowitz and Stegun, 26.7.3 and 26.7.4."""
    angle = math.atan2(value, math.sqrt(freedom))
    square = math.cos(angle) ** 2
    is_odd = freedom % 2
    term = math.cos(angle) if is_odd else 1.0
    total = term if freedom > 1 else 0.0
    for n in range(2 if is_odd else 1, freedom - 1, 2):
        term *= square * n / (n + 1)
        total += term
    inside = 2 / math.pi * (angle + math.sin(angle) * total) if is_odd else math.sin(angle) * total
    return 0.5 + inside / 2
