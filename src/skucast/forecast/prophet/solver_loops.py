"""The compiled loops of the solver: ridge and lasso in closed steps, the noise by Newton, no general optimiser.

For a fixed v the additive case is quadratic in (k, m, beta) and a lasso in delta: (k, m, beta) are eliminated from the
Gram matrix by a partial Cholesky factorisation, and the lasso that is left is solved exactly by its active set. Few of
the hinges bend (one of 25 in the mean), so only those are eliminated from that have bent before; whoever's gradient
says that it should bend too joins them, until none does. The best v for given residuals is
(-T + sqrt(T^2 + 16 RSS)) / 8; the v for which both agree is found by Newton's method. The multiplicative case repeats
this on the linearised mean (Gauss-Newton), with a line search that never lowers the posterior. What is minimised, and
every letter: `solver`.

t and y have shape (T,), features (K, T), hinges (S, T); params and precisions are in the order k, m, beta (and delta);
p = 2 + K, n = p + S; the columns of the regression are rows in the order t, 1, X, y, hinges.

May import `ridge_loops` (what is done at one v), `compiling`, `design`, numpy and scipy.
"""

from __future__ import annotations

import math

import numpy as np
import scipy.linalg.cython_blas  # noqa: F401 - what numba's products call: loaded now, so that workers can pin its threads

from skucast.forecast.prophet.compiling import compiled
from skucast.forecast.prophet.design import Floats
from skucast.forecast.prophet.ridge_loops import (
    TINY,
    Flags,
    Gram,
    Ints,
    Room,
    back,
    eliminate,
    lasso,
    leave_over,
    solve_active,
    steepest,
    substitute,
)

Data = tuple[Floats, Floats, Floats, Floats]
"""t, features, hinges and y."""

Prior = tuple[Floats, float]
"""Of one setting: the precisions, and how much a bend of the trend weighs."""

V_START = 0.01
V_DEGENERATE = 1e-6
"""A setting that explains everything, sigma below a thousandth, is no place for the next one to start from."""

V_MIN = 1e-12
"""sigma is at least a millionth of the largest week: sales that the features explain exactly have no best sigma."""

MAX_EVALUATIONS = 80
MAX_STEPS = 60
"""Bounds of the search for v and of Gauss-Newton; a fit that meets one is reported as not converged."""

V_TOLERANCE = 1e-6
STEP_TOLERANCE = 1e-7
"""On log(v), whose square the log posterior is off by; and on what a next Gauss-Newton step would gain in it."""

ROUNDING, MAX_BLUR = 2.3e-16, 1e-3
"""Of one sum; where a fit leaves next to nothing, the residuals are known no better, and v to a thousandth at least."""

LEAST_SLOPE = -1e-3
"""Of the gap in log(v): less steep than this, the search for v steps as if v did not change the residuals."""

STEP_V_TOLERANCE = 5e-2
"""On log(v) within one Gauss-Newton step, whose line search finds the best v anew."""

REACH_TOLERANCE = 1e-3
"""On any parameter: a Gauss-Newton step that is shorter and gains nothing has arrived."""


@compiled
def additive_grid(columns: Floats, precisions: Floats, weights: Floats) -> tuple[Floats, Floats, Ints, Flags]:
    """Fit every setting on the columns of the regression."""
    (n_settings, p), n = precisions.shape, len(columns) - 1
    params, v = np.zeros((n_settings, n)), np.empty(n_settings)
    steps, converged = np.zeros(n_settings, dtype=np.int64), np.zeros(n_settings, dtype=np.bool_)
    gram, room = _places(columns, p)
    _multiply(gram, p)
    delta = np.zeros(n - p)
    last = V_START
    for row in range(n_settings):
        v[row], steps[row], converged[row] = _solve_v(
            gram, (precisions[row], weights[row]), delta, last, V_TOLERANCE, room, params[row]
        )
        last = v[row]
        if last < V_DEGENERATE:
            last = V_START
            delta[:] = 0.0
    return params, v, steps, converged


@compiled
def multiplicative_grid(
    t: Floats, features: Floats, hinges: Floats, y: Floats, precisions: Floats, weights: Floats
) -> tuple[Floats, Floats, Ints, Flags]:
    """Fit every setting by Gauss-Newton."""
    (n_settings, p), n = precisions.shape, precisions.shape[1] + len(hinges)
    params, v = np.zeros((n_settings, n)), np.empty(n_settings)
    steps, converged = np.zeros(n_settings, dtype=np.int64), np.zeros(n_settings, dtype=np.bool_)
    gram, room = _places(np.empty((n + 1, len(t))), p)
    current = np.zeros(n)
    current[1] = y.mean()
    for row in range(n_settings):
        v[row], steps[row], converged[row] = _gauss_newton(
            (t, features, hinges, y), (precisions[row], weights[row]), current, gram, room
        )
        params[row] = current
        if v[row] < V_DEGENERATE or not converged[row]:
            current[:] = 0.0
            current[1] = y.mean()
    return params, v, steps, converged


@compiled
def _places(columns: Floats, p: int) -> tuple[Gram, Room]:
    """Return room for the products of the columns, and to solve in."""
    size = len(columns) - 1 - p
    gram = (columns, np.empty((p + 1, p + 1 + size)), np.empty((size, size)), np.zeros(size, dtype=np.bool_))
    return gram, (np.empty((p, p + 1 + size)), np.empty((size, size + 1)), np.empty(size, dtype=np.int64))


@compiled
def _multiply(gram: Gram, p: int) -> None:
    """Fill the products of the columns, but for those of two hinges."""
    columns, top, _, is_made = gram
    np.dot(columns[: p + 1], columns.T, top)
    is_made[:] = False


@compiled
def _gauss_newton(data: Data, prior: Prior, current: Floats, gram: Gram, room: Room) -> tuple[float, int, bool]:
    """Improve `current` in place until a step gains nothing; return v, the factorisations, and whether it converged."""
    n_weeks, p, n = len(data[0]), len(prior[0]), len(current)
    trend, effect = np.empty(n_weeks), np.empty(n_weeks)
    proposed, tried = np.empty(n), np.empty(n)
    delta = current[p:].copy()
    loss, v = _loss(data, prior, current, trend, effect)
    n_steps, gained_before = 0, 0.0
    for _ in range(MAX_STEPS):
        _linearise(data, trend, effect, gram[0])
        _multiply(gram, p)
        delta[:] = current[p:]
        _, n_more, is_solved = _solve_v(gram, prior, delta, v, STEP_V_TOLERANCE, room, proposed)
        n_steps += n_more
        reach = np.abs(proposed - current).max()
        share = 1.0
        better = loss
        while share > 1e-4:
            tried[:] = current + share * (proposed - current)
            better, v_tried = _loss(data, prior, tried, trend, effect)
            if better < loss:
                current[:] = tried
                v = v_tried
                break
            share *= 0.5
        if not better < loss:
            loss, v = _loss(data, prior, current, trend, effect)
            return v, n_steps, is_solved and reach < REACH_TOLERANCE  # else the way there goes nowhere: no optimum
        gained = loss - better
        loss = better
        if gained < STEP_TOLERANCE or gained * gained < STEP_TOLERANCE * gained_before:  # next time as much less again
            return v, n_steps, is_solved
        gained_before = gained
    return v, n_steps, False


@compiled
def _loss(data: Data, prior: Prior, params: Floats, trend: Floats, effect: Floats) -> tuple[float, float]:
    """The negative log posterior at the best v, and that v; fills the trend and the multiplicative effect."""
    (t, features, hinges, y), (precision, weight) = data, prior
    p, n_hinges = len(precision), len(hinges)
    for i in range(len(t)):
        trend[i], effect[i] = params[0] * t[i] + params[1], 0.0
    for j in range(n_hinges):
        bend = params[p + j]
        if bend != 0.0:  # few bend
            for i in range(len(t)):
                trend[i] += bend * hinges[j, i]
    for j in range(p - 2):
        beta = params[2 + j]
        for i in range(len(t)):
            effect[i] += beta * features[j, i]
    rss = 0.0
    for i in range(len(t)):
        error = y[i] - trend[i] * (1.0 + effect[i])
        rss += error * error
    penalty = 0.5 * (precision * params[:p] ** 2).sum() + weight * np.abs(params[p:]).sum()
    v = _best_v(rss, len(t))
    return 0.5 * len(t) * math.log(v) + rss / (2 * v) + 2 * v + penalty, v


@compiled
def _linearise(data: Data, trend: Floats, effect: Floats, columns: Floats) -> None:
    """Fill the rows with the mean's derivatives and the target whose regression on them is the next step."""
    t, features, hinges, y = data
    n_features, n_hinges = len(features), len(hinges)
    for i in range(len(t)):
        columns[0, i] = (1.0 + effect[i]) * t[i]
        columns[1, i] = 1.0 + effect[i]
        columns[2 + n_features, i] = y[i] + trend[i] * effect[i]
    for j in range(n_features):
        for i in range(len(t)):
            columns[2 + j, i] = trend[i] * features[j, i]
    for j in range(n_hinges):
        for i in range(len(t)):
            columns[3 + n_features + j, i] = columns[1, i] * hinges[j, i]


@compiled
def _solve_v(
    gram: Gram, prior: Prior, delta: Floats, v: float, tolerance: float, room: Room, params: Floats
) -> tuple[float, int, bool]:
    """Find the v that is the best one for its own residuals; fill `params` and, as the next start, `delta`."""
    x, p, n_weeks = math.log(v), len(prior[0]), gram[0].shape[1]
    for evaluation in range(MAX_EVALUATIONS):
        v = math.exp(x)
        rss, is_solved, n_members = _solve_for(gram, prior, v, delta, room, params)
        best = _best_v(rss, n_weeks)
        gap = math.log(best) - x
        blurred = ROUNDING * gram[1][p, p] / max(rss, TINY)  # what rounding alone makes of the gap
        if abs(gap) < tolerance + min(blurred, MAX_BLUR):
            return v, evaluation + 1, is_solved
        grows = _residuals_grow(room, n_members, prior, v, params)
        slope = v * grows / (best * math.sqrt(n_weeks * n_weeks + 16.0 * max(rss, 0.0))) - 1.0
        step = -gap / slope if slope < LEAST_SLOPE else gap
        x = max(x + min(max(step, -3.0), 3.0), math.log(V_MIN))
    return math.exp(x), MAX_EVALUATIONS, False


@compiled
def _residuals_grow(room: Room, n_members: int, prior: Prior, v: float, params: Floats) -> float:
    """Return the derivative of the residual sum of squares with respect to v, the active coefficients kept.

    H params = c - v q, with H the Gram matrix and its ridge, and q = (precision params, weight sign(delta)), so that
    d RSS / d v = 2 v q' H^-1 q; H's factor stands in the room.
    """
    (work, left_over, members), (precision, weight) = room, prior
    p = len(precision)
    eliminated = precision * params[:p]
    substitute(work, eliminated)
    total: float = (eliminated * eliminated).sum()
    active, n_active = np.empty(n_members, dtype=np.int64), 0
    left, target = np.empty(n_members), np.empty(n_members)
    for place in range(n_members):
        bend = params[p + members[place]]
        if bend != 0.0:
            value = weight if bend > 0 else -weight
            for b in range(p):
                value -= work[b, p + 1 + place] * eliminated[b]
            active[n_active], left[n_active], target[n_active] = place, value, value
            n_active += 1
    if n_active > 0 and solve_active(left_over, 0, active, n_active, np.empty((n_active, n_active)), target):
        for a in range(n_active):
            total += left[a] * target[a]
    return 2.0 * v * total


@compiled
def _best_v(rss: float, n_weeks: int) -> float:
    """(-T + sqrt(T^2 + 16 RSS)) / 8, without the difference of nearly equal numbers."""
    rss = max(rss, 0.0)
    return max(2.0 * rss / (n_weeks + math.sqrt(n_weeks * n_weeks + 16.0 * rss)), V_MIN)


@compiled
def _solve_for(
    gram: Gram, prior: Prior, v: float, delta: Floats, room: Room, params: Floats
) -> tuple[float, bool, int]:
    """Fill `params` with the best ones at sigma^2 = v.

    Return their residual sum of squares, whether they are exact, and how many hinges stand in the room.
    """
    (_, top, _, _), (precision, weight), (work, left_over, members) = gram, prior, room
    p, size, n_members = len(precision), len(delta), 0
    for j in range(size):
        if delta[j] != 0.0:
            members[n_members] = j
            n_members += 1
    eliminate(top, precision, v, work, members, n_members)
    target = np.empty(size)
    for place in range(n_members):
        target[place] = leave_over(gram, room, p, place)
    is_member, is_solved, explained = delta != 0.0, True, 0.0
    for _ in range(size + 1):
        bends = delta[members[:n_members]]
        left_over[:n_members, n_members] = target[:n_members]
        is_solved = lasso(left_over, 0, n_members, v * weight, bends)
        delta[members[:n_members]] = bends
        explained = back(work, p, bends, params)
        for a in range(n_members):
            inner = -2.0 * target[a]
            for b in range(n_members):
                inner += left_over[a, b] * bends[b]
            explained += bends[a] * inner
        joins = steepest(gram, p, params, members, bends, is_member, v * weight)
        if joins < 0:
            break
        is_member[joins] = True
        members[n_members] = joins
        column = top[:p, p + 1 + joins].copy()
        substitute(work, column)
        work[:, p + 1 + n_members] = column
        target[n_members] = leave_over(gram, room, p, n_members)
        n_members += 1
    params[p:] = delta
    ridge = (precision * params[:p] ** 2).sum()
    return top[p, p] + explained - v * ridge, is_solved, n_members
