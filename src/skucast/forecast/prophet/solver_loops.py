"""The compiled loops of the solver: ridge and lasso in closed steps, the noise by Newton, no general optimiser.

For a fixed v the additive case is quadratic in (k, m, beta) and a lasso in delta: (k, m, beta) are eliminated from the
Gram matrix by a partial Cholesky factorisation, and the lasso that is left is solved exactly by its active set. Few of
the hinges bend (one of 25 in the mean), so only those are eliminated from that have bent before; whoever's gradient
says that it should bend too joins them, until none does. The best v for given residuals is
(-T + sqrt(T^2 + 16 RSS)) / 8; the v for which both agree is found by Newton's method, and once that is near, the fit is
carried there without another factorisation (`noise_loops`). The multiplicative case repeats this on the linearised mean
(Gauss-Newton), with a line search that never lowers the posterior. What is minimised, and every letter: `solver`.

t and y have shape (T,), features (K, T), hinges (S, T); params and precisions are in the order k, m, beta (and delta);
p = 2 + K, n = p + S; the columns of the regression are rows in the order t, 1, X, y, hinges.

May import `noise_loops`, `ridge_loops` (what is done at one v), `compiling`, `design`, numpy and scipy.
"""

from __future__ import annotations

import math

import numpy as np
import scipy.linalg.cython_blas  # noqa: F401 - what numba's products call: loaded now, so that workers can pin its threads

from skucast.forecast.prophet.compiling import compiled
from skucast.forecast.prophet.design import Floats
from skucast.forecast.prophet.noise_loops import NEAR, STEEP, V_MIN, best_v, carry, step_of, turn_of
from skucast.forecast.prophet.ridge_loops import (
    TINY,
    Flags,
    Gram,
    Ints,
    Prior,
    Room,
    back,
    eliminate,
    lasso,
    leave_over,
    steepest,
    substitute,
)

Data = tuple[Floats, Floats, Floats, Floats]
"""t, features, hinges and y."""

TREND_PRECISION = 1.0 / 25.0
"""Of k and m: normal priors with a standard deviation of 5."""

V_START = 0.01
V_DEGENERATE = 1e-6
"""A setting that explains everything, sigma below a thousandth, is no place for the next one to start from."""

MAX_EVALUATIONS = 80
MAX_STEPS = 60
"""Bounds of the search for v and of Gauss-Newton; a fit that meets one is reported as not converged."""

V_TOLERANCE = 1e-6
STEP_TOLERANCE = 1e-7
"""On log(v), whose square the log posterior is off by; and on what a next Gauss-Newton step would gain in it."""

ROUNDING, MAX_BLUR = 2.3e-16, 1e-3
"""Of one sum; where a fit leaves next to nothing, the residuals are known no better, and v to a thousandth at least."""

STEP_V_TOLERANCE = 5e-2
"""On log(v) within one Gauss-Newton step, whose line search finds the best v anew."""

REACH_TOLERANCE = 1e-3
"""On any parameter: a Gauss-Newton step that is shorter and gains nothing has arrived."""


@compiled
def additive_grid(
    shared: Floats, products: Floats, own: Floats, groups: Ints, precisions: Floats, weights: Floats
) -> tuple[Floats, Floats, Ints, Flags]:
    """Fit every setting on the rows t, 1, features, hinges that histories share, their products, and a history's own.

    Those are further features and y; `precisions` are those of the groups of features.
    """
    n_settings, p = len(weights), 2 + len(groups)
    n = len(shared) + len(own) - 1
    params, v = np.zeros((n_settings, n)), np.empty(n_settings)
    steps, converged = np.zeros(n_settings, dtype=np.int64), np.zeros(n_settings, dtype=np.bool_)
    gram, room = _places(shared, p, n - p)
    _join(gram, products, own, p)
    precision, delta = np.empty(p), np.zeros(n - p)
    last = V_START
    for row in range(n_settings):
        _of_features(precisions[row], groups, precision)
        v[row], steps[row], converged[row] = _solve_v(
            gram, (precision, weights[row]), delta, last, V_TOLERANCE, room, params[row]
        )
        last = v[row]
        if last < V_DEGENERATE:
            last = V_START
            delta[:] = 0.0
    return params, v, steps, converged


@compiled
def multiplicative_grid(
    t: Floats, features: Floats, hinges: Floats, y: Floats, groups: Ints, precisions: Floats, weights: Floats
) -> tuple[Floats, Floats, Ints, Flags]:
    """Fit every setting by Gauss-Newton; `precisions` are those of the groups of features."""
    n_settings, p = len(weights), 2 + len(groups)
    n = p + len(hinges)
    params, v = np.zeros((n_settings, n)), np.empty(n_settings)
    steps, converged = np.zeros(n_settings, dtype=np.int64), np.zeros(n_settings, dtype=np.bool_)
    gram, room = _places(np.empty((n + 1, len(t))), p, n - p)
    precision, current = np.empty(p), np.zeros(n)
    current[1] = y.mean()
    for row in range(n_settings):
        _of_features(precisions[row], groups, precision)
        v[row], steps[row], converged[row] = _gauss_newton(
            (t, features, hinges, y), (precision, weights[row]), current, gram, room
        )
        params[row] = current
        if v[row] < V_DEGENERATE or not converged[row]:
            current[:] = 0.0
            current[1] = y.mean()
    return params, v, steps, converged


@compiled
def _of_features(of_groups: Floats, groups: Ints, precision: Floats) -> None:
    """Fill the precisions of k, m and each feature."""
    precision[0] = precision[1] = TREND_PRECISION
    for j in range(len(groups)):
        precision[2 + j] = of_groups[groups[j]]


@compiled
def _places(columns: Floats, p: int, size: int) -> tuple[Gram, Room]:
    """Return room for the products of the columns, and to solve in."""
    gram = (columns, np.empty((p + 1, p + 1 + size)), np.empty((size, size)), np.zeros(size, dtype=np.bool_))
    return gram, (np.empty((p, p + 1 + size)), np.empty((size, size + 1)), np.empty(size, dtype=np.int64))


@compiled
def _join(gram: Gram, products: Floats, own: Floats, p: int) -> None:
    """Fill the products from those of the shared rows and those of a history's own rows with all."""
    shared, top, bends, is_made = gram
    n_shared = p + 1 - len(own)
    crossed = np.dot(own, shared.T)
    for a in range(n_shared):
        for b in range(n_shared):
            top[a, b] = products[a, b]
        for b in range(len(own)):
            top[a, n_shared + b] = crossed[b, a]
        for j in range(len(bends)):
            top[a, p + 1 + j] = products[a, n_shared + j]
    top[n_shared:, n_shared : p + 1] = np.dot(own, own.T)
    top[n_shared:, p + 1 :] = crossed[:, n_shared:]
    bends[:] = products[n_shared:, n_shared:]
    is_made[:] = True


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
    v = best_v(rss, len(t))
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
    turn = np.empty(len(params))
    for evaluation in range(MAX_EVALUATIONS):
        v = math.exp(x)
        rss, is_solved, n_members = _solve_for(gram, prior, v, delta, room, params)
        gap = math.log(best_v(rss, n_weeks)) - x
        blurred = ROUNDING * gram[1][p, p] / max(rss, TINY)  # what rounding alone makes of the gap
        if abs(gap) < tolerance + min(blurred, MAX_BLUR):
            return v, evaluation + 1, is_solved
        first, second = turn_of(room, n_members, prior, params, turn)
        step, slope = step_of(rss, first, second, v, n_weeks, 1)
        if is_solved and abs(step) < NEAR and slope < STEEP:
            there = max(v * math.exp(step_of(rss, first, second, v, n_weeks, 4)[0]), V_MIN)
            if carry(gram, prior, room, n_members, v, there - v, turn, params):
                delta[:] = params[p:]
                return there, evaluation + 1, True
        x = max(x + step, math.log(V_MIN))
    return math.exp(x), MAX_EVALUATIONS, False


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
