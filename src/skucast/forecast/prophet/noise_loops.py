"""What a factorisation at one v says of others: how the residuals grow, where v may be best for them, the fit there.

With H the Gram matrix and its ridge at v, of what is active, P the precisions, q = (P params, weight sign(delta)):

    params(v + h) = params(v) - h H^-1 q + h^2 H^-1 P H^-1 q - ..., as long as the same hinges bend to the same side
    d RSS / d v = 2 (v + h) q' (I + h H^-1 P)^-3 H^-1 q at v + h, taken as if H^-1 P had one eigenvalue

Letters and shapes: `solver` and `solver_loops`. May import `ridge_loops`, `compiling`, `design` and numpy.
"""

from __future__ import annotations

import math

import numpy as np

from skucast.forecast.prophet.compiling import compiled
from skucast.forecast.prophet.design import Floats
from skucast.forecast.prophet.ridge_loops import TINY, Gram, Prior, Room, resolve, steepest

V_MIN = 1e-12
"""sigma is at least a millionth of the largest week: sales that the features explain exactly have no best sigma."""

NEAR = 1e-2
"""On log(v): what the parameters are carried over by two terms of their series, whose third is a millionth."""

LEAST_SLOPE = -1e-3
"""Of the gap in log(v): less steep than this, the search for v steps as if v did not change the residuals."""

STEEP = -0.1
"""Of the gap: where it is flatter, a short step of the search may be the first of many."""

MAX_STEP = 3.0
"""On log(v)."""


@compiled
def best_v(rss: float, n_weeks: int) -> float:
    """(-T + sqrt(T^2 + 16 RSS)) / 8, without the difference of nearly equal numbers."""
    rss = max(rss, 0.0)
    return max(2.0 * rss / (n_weeks + math.sqrt(n_weeks * n_weeks + 16.0 * rss)), V_MIN)


@compiled
def turn_of(room: Room, n_members: int, prior: Prior, params: Floats, turn: Floats) -> tuple[float, float]:
    """Fill H^-1 q, minus the derivative of the parameters; return q' H^-1 q and q' H^-1 P H^-1 q."""
    precision, weight = prior
    p = len(precision)
    turn[:p] = precision * params[:p]
    turn[p:] = weight * np.sign(params[p:])
    first: float = resolve(room, p, n_members, params, turn)
    return first, (precision * turn[:p] ** 2).sum()


@compiled
def step_of(rss: float, first: float, second: float, v: float, n_weeks: int, n_rounds: int) -> tuple[float, float]:
    """Return by how much log(v) changes until it is best for the residuals there, and the slope of the gap at v.

    One round is Newton's step.
    """
    x = math.log(v)
    at, slope_here = x, 0.0
    turns = min(second, first / v) / max(first, TINY)  # at most 1 / v, but for rounding
    for done in range(n_rounds):
        there = math.exp(at)
        change = there - v
        shrinks = 1.0 + change * turns
        share = change / shrinks
        left = max(rss + first * share * (v * (1.0 + 1.0 / shrinks) + share), 0.0)
        best = best_v(left, n_weeks)
        grows = 2.0 * there * first / (shrinks * shrinks * shrinks)
        slope = there * grows / (best * math.sqrt(n_weeks * n_weeks + 16.0 * left)) - 1.0
        if done == 0:
            slope_here = slope
        gap = math.log(best) - at
        step = -gap / slope if slope < LEAST_SLOPE else gap
        at = min(max(at + step, x - MAX_STEP), x + MAX_STEP)
    return at - x, slope_here


@compiled
def carry(
    gram: Gram, prior: Prior, room: Room, n_members: int, v: float, change: float, turn: Floats, params: Floats
) -> bool:
    """Carry the parameters over to v + change and return True, unless another set of hinges would bend there."""
    precision, weight = prior
    p, n = len(precision), len(params)
    bent = np.zeros(n)
    bent[:p] = precision * turn[:p]
    resolve(room, p, n_members, params, bent)
    carried, is_active, n_active = np.empty(n), np.zeros(n - p, dtype=np.bool_), 0
    active = np.empty(n_members, dtype=np.int64)
    for j in range(n):
        carried[j] = params[j] - change * turn[j] + change * change * bent[j]
        if j >= p and params[j] != 0.0:
            if carried[j] * params[j] <= 0.0:
                return False
            active[n_active], is_active[j - p] = j - p, True
            n_active += 1
    bends = carried[p:][active[:n_active]]
    if steepest(gram, p, carried, active, bends, is_active, (v + change) * weight) >= 0:
        return False
    params[:] = carried
    return True
