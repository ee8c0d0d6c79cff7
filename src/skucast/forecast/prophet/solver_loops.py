"""The compiled loops of the solver: ridge and lasso in closed steps, the noise by Newton, no general optimiser.

For a fixed v the additive case is quadratic in (k, m, beta) and a lasso in delta: (k, m, beta) are eliminated from the
Gram matrix by a partial Cholesky factorisation, and the lasso that is left is solved exactly by its active set. The
best v for given residuals is (-T + sqrt(T^2 + 16 RSS)) / 8; the v for which both agree is found by Newton's method.
The multiplicative case repeats this on the linearised mean (Gauss-Newton), with a line search that never lowers the
posterior. What is minimised, and every letter: `solver`.

t and y have shape (T,), features (K, T), hinges (S, T); params and precisions are in the order k, m, beta (and delta);
p = 2 + K, n = p + S; a Gram matrix has n + 1 rows, the last for y, and only its upper triangle is read.

One file, because numba keeps a compiled function until its own file changes, not until what it calls does. May import
`compiling`, `design`, numpy and scipy.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import scipy.linalg.cython_blas  # noqa: F401 - what numba's products call: loaded now, so that workers can pin its threads

from skucast.forecast.prophet.compiling import compiled
from skucast.forecast.prophet.design import Floats

Data = tuple[Floats, Floats, Floats, Floats]
"""t, features, hinges and y."""

Prior = tuple[Floats, float]
"""Of one setting: the precisions, and how much a bend of the trend weighs."""

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

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

_TINY = 1e-300


@compiled
def additive_grid(
    gram: Floats, n_weeks: int, precisions: Floats, weights: Floats
) -> tuple[Floats, Floats, Ints, Flags]:
    """Fit every setting on the Gram matrix of [t, 1, X, hinges, y]."""
    (n_settings, p), n = precisions.shape, len(gram) - 1
    params, v = np.zeros((n_settings, n)), np.empty(n_settings)
    steps, converged = np.zeros(n_settings, dtype=np.int64), np.zeros(n_settings, dtype=np.bool_)
    work = np.empty_like(gram)
    delta = np.zeros(n - p)
    last = V_START
    for row in range(n_settings):
        v[row], steps[row], converged[row] = _solve_v(
            gram, n_weeks, (precisions[row], weights[row]), delta, last, V_TOLERANCE, work, params[row]
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
    n_settings, n = len(precisions), precisions.shape[1] + len(hinges)
    params, v = np.zeros((n_settings, n)), np.empty(n_settings)
    steps, converged = np.zeros(n_settings, dtype=np.int64), np.zeros(n_settings, dtype=np.bool_)
    columns = np.empty((n + 1, len(t)))
    gram, work = np.empty((n + 1, n + 1)), np.empty((n + 1, n + 1))
    current = np.zeros(n)
    current[1] = y.mean()
    for row in range(n_settings):
        v[row], steps[row], converged[row] = _gauss_newton(
            (t, features, hinges, y), (precisions[row], weights[row]), current, columns, gram, work
        )
        params[row] = current
        if v[row] < V_DEGENERATE or not converged[row]:
            current[:] = 0.0
            current[1] = y.mean()
    return params, v, steps, converged


@compiled
def _gauss_newton(
    data: Data, prior: Prior, current: Floats, columns: Floats, gram: Floats, work: Floats
) -> tuple[float, int, bool]:
    """Improve `current` in place until a step gains nothing; return v, the factorisations, and whether it converged."""
    n_weeks, p, n = len(data[0]), len(prior[0]), len(current)
    trend, effect = np.empty(n_weeks), np.empty(n_weeks)
    proposed, tried = np.empty(n), np.empty(n)
    delta = current[p:].copy()
    loss, v = _loss(data, prior, current, trend, effect)
    n_steps, gained_before = 0, 0.0
    for _ in range(MAX_STEPS):
        _linearise(data, trend, effect, columns)
        np.dot(columns, columns.T, gram)
        delta[:] = current[p:]
        _, n_more, is_solved = _solve_v(gram, n_weeks, prior, delta, v, STEP_V_TOLERANCE, work, proposed)
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
    """Fill the rows with the mean's derivatives and, last, the target whose regression on them is the next step."""
    t, features, hinges, y = data
    n_features, n_hinges = len(features), len(hinges)
    for i in range(len(t)):
        columns[0, i] = (1.0 + effect[i]) * t[i]
        columns[1, i] = 1.0 + effect[i]
        columns[2 + n_features + n_hinges, i] = y[i] + trend[i] * effect[i]
    for j in range(n_features):
        for i in range(len(t)):
            columns[2 + j, i] = trend[i] * features[j, i]
    for j in range(n_hinges):
        for i in range(len(t)):
            columns[2 + n_features + j, i] = columns[1, i] * hinges[j, i]


@compiled
def _solve_v(
    gram: Floats, n_weeks: int, prior: Prior, delta: Floats, v: float, tolerance: float, work: Floats, params: Floats
) -> tuple[float, int, bool]:
    """Find the v that is the best one for its own residuals; fill `params` and, as the next start, `delta`."""
    x = math.log(v)
    for evaluation in range(MAX_EVALUATIONS):
        v = math.exp(x)
        rss, is_solved = _solve_for(gram, prior, v, delta, work, params)
        best = _best_v(rss, n_weeks)
        gap = math.log(best) - x
        blurred = ROUNDING * gram[-1, -1] / max(rss, _TINY)  # what rounding alone makes of the gap
        if abs(gap) < tolerance + min(blurred, MAX_BLUR):
            return v, evaluation + 1, is_solved
        grows = _residuals_grow(work, prior, v, params)
        slope = v * grows / (best * math.sqrt(n_weeks * n_weeks + 16.0 * max(rss, 0.0))) - 1.0
        step = -gap / slope if slope < LEAST_SLOPE else gap
        x = max(x + min(max(step, -3.0), 3.0), math.log(V_MIN))
    return math.exp(x), MAX_EVALUATIONS, False


@compiled
def _residuals_grow(work: Floats, prior: Prior, v: float, params: Floats) -> float:
    """Return the derivative of the residual sum of squares with respect to v, the active coefficients kept.

    H params = c - v q, with H the Gram matrix and its ridge, and q = (precision params, weight sign(delta)), so that
    d RSS / d v = 2 v q' H^-1 q; H's factor stands in `work`.
    """
    precision, weight = prior
    p = len(precision)
    eliminated = np.empty(p)
    total = 0.0
    for a in range(p):
        value = precision[a] * params[a]
        for b in range(a):
            value -= work[b, a] * eliminated[b]
        eliminated[a] = value / work[a, a]
        total += eliminated[a] * eliminated[a]
    active = np.flatnonzero(params[p:])
    n_active = len(active)
    left, target = np.empty(n_active), np.empty(n_active)
    for a in range(n_active):
        value = weight if params[p + active[a]] > 0 else -weight
        for b in range(p):
            value -= work[b, p + active[a]] * eliminated[b]
        left[a] = target[a] = value
    if n_active > 0 and _solve_active(work, p, active, n_active, np.empty((n_active, n_active)), target):
        for a in range(n_active):
            total += left[a] * target[a]
    return 2.0 * v * total


@compiled
def _best_v(rss: float, n_weeks: int) -> float:
    """(-T + sqrt(T^2 + 16 RSS)) / 8, without the difference of nearly equal numbers."""
    rss = max(rss, 0.0)
    return max(2.0 * rss / (n_weeks + math.sqrt(n_weeks * n_weeks + 16.0 * rss)), V_MIN)


@compiled
def _solve_for(gram: Floats, prior: Prior, v: float, delta: Floats, work: Floats, params: Floats) -> tuple[float, bool]:
    """Fill `params` with the best ones at sigma^2 = v; return their residual sum of squares, and if they are exact."""
    precision, weight = prior
    p, n = len(precision), len(gram) - 1
    _eliminate(gram, precision, v, work, p)
    for a in range(p, n):  # the lasso that is left: both triangles
        for b in range(a + 1, n):
            work[b, a] = work[a, b]
    is_solved = lasso(work, p, n, v * weight, delta)
    explained = work[n, n]
    for a in range(p, n):
        inner = 0.0
        for b in range(p, n):
            inner += work[a, b] * delta[b - p]
        explained += delta[a - p] * (inner - 2.0 * work[a, n])
        params[a] = delta[a - p]
    ridge = 0.0
    for a in range(p - 1, -1, -1):
        value = work[a, n]
        for b in range(a + 1, n):
            value -= work[a, b] * params[b]
        params[a] = value / work[a, a]
        ridge += precision[a] * params[a] * params[a]
    return explained - v * ridge, is_solved


@compiled
def _eliminate(gram: Floats, precision: Floats, v: float, work: Floats, p: int) -> None:
    """Copy the upper triangle, add the ridge, and eliminate the first p rows: a partial Cholesky factorisation.

    The first p rows become those of the factor; below them is what is left with their parameters at their best. Four
    rows at a time: a quarter of the passes over what is left.
    """
    n = gram.shape[0]
    for a in range(n):
        for b in range(a, n):
            work[a, b] = gram[a, b]
    for a in range(p):
        work[a, a] += v * precision[a]
    for a in range(0, p - 3, 4):
        _factorise(work, a, a + 4)
        for i in range(a + 4, n):
            first, second, third, fourth = work[a, i], work[a + 1, i], work[a + 2, i], work[a + 3, i]
            for b in range(i, n):
                work[i, b] -= (
                    first * work[a, b] + second * work[a + 1, b] + third * work[a + 2, b] + fourth * work[a + 3, b]
                )
    rest = p - p % 4
    _factorise(work, rest, p)
    for a in range(rest, p):
        for i in range(p, n):
            factor = work[a, i]
            for b in range(i, n):
                work[i, b] -= factor * work[a, b]


@compiled
def _factorise(work: Floats, first: int, end: int) -> None:
    """Make the rows `first` to `end` those of the factor; the rows before them have been eliminated."""
    for a in range(first, end):
        for done in range(first, a):
            factor = work[done, a]
            for b in range(a, work.shape[0]):
                work[a, b] -= factor * work[done, b]
        inverse = 1.0 / math.sqrt(max(work[a, a], _TINY))
        for b in range(a, work.shape[0]):
            work[a, b] *= inverse


@compiled
def lasso(work: Floats, p: int, n: int, penalty: float, delta: Floats) -> bool:
    """Minimise delta'Q delta / 2 - c'delta + penalty |delta|_1 in place, Q and c standing in rows p to n of `work`.

    An active-set method (feature-sign search, Lee et al. 2007): with signs fixed the optimum is a linear system; the
    way there ends at the first coefficient that would change its sign. Every step lowers the objective, so it ends;
    return False where rounding lets it go round in circles until the bound.
    """
    size = n - p
    active = np.empty(size, dtype=np.int64)
    sign = np.sign(delta)
    n_active = 0
    for j in range(size):
        if sign[j] != 0.0:
            active[n_active] = j
            n_active += 1
    factor, target = np.empty((size, size)), np.empty(size)
    for _ in range(20 * size + 20):
        if n_active > 0:
            for a in range(n_active):
                target[a] = work[p + active[a], n] - penalty * sign[active[a]]
            is_solved = _solve_active(work, p, active, n_active, factor, target)
            share, dropped = 1.0, -1
            if not is_solved:
                share, dropped = 0.0, n_active - 1
            for a in range(n_active):
                j = active[a]
                if is_solved and target[a] * sign[j] <= 0.0:
                    reach = delta[j] / (delta[j] - target[a]) if delta[j] != target[a] else 0.0
                    if reach < share:
                        share, dropped = reach, a
            for a in range(n_active):
                delta[active[a]] += share * (target[a] - delta[active[a]]) if is_solved else 0.0
            if dropped >= 0:
                delta[active[dropped]] = 0.0
                sign[active[dropped]] = 0.0
                for a in range(dropped, n_active - 1):
                    active[a] = active[a + 1]
                n_active -= 1
                continue
        worst, chosen, slope = penalty * (1.0 + 1e-9) + 1e-15, -1, 0.0
        for j in range(size):
            if sign[j] == 0.0:
                gradient = work[p + j, n]
                for a in range(n_active):
                    gradient -= work[p + j, p + active[a]] * delta[active[a]]
                if abs(gradient) > worst:
                    worst, chosen, slope = abs(gradient), j, gradient
        if chosen < 0:
            return True
        sign[chosen] = 1.0 if slope > 0 else -1.0
        active[n_active] = chosen
        n_active += 1
    return False


@compiled
def _solve_active(work: Floats, p: int, active: Ints, n_active: int, factor: Floats, target: Floats) -> bool:
    """Divide `target` by Q of the active coefficients, by Cholesky; False if Q is singular there."""
    for a in range(n_active):
        for b in range(a, n_active):
            factor[a, b] = work[p + active[a], p + active[b]]
    for a in range(n_active):
        if factor[a, a] <= 1e-14 * work[p + active[a], p + active[a]]:
            return False
        inverse = 1.0 / math.sqrt(factor[a, a])
        for b in range(a, n_active):
            factor[a, b] *= inverse
        target[a] *= inverse
        for i in range(a + 1, n_active):
            scale = factor[a, i]
            target[i] -= scale * target[a]
            for b in range(i, n_active):
                factor[i, b] -= scale * factor[a, b]
    for a in range(n_active - 1, -1, -1):
        value = target[a]
        for b in range(a + 1, n_active):
            value -= factor[a, b] * target[b]
        target[a] = value / factor[a, a]
    return True
