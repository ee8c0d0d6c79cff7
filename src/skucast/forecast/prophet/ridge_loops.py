"""What the solver does at one v: k, m, beta by a partial Cholesky factorisation, the hinges' lasso by its active set.

Every letter: `solver` and `solver_loops`. May import `compiling`, `design` and numpy.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from skucast.forecast.prophet.compiling import compiled
from skucast.forecast.prophet.design import Floats

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

Gram = tuple[Floats, Floats, Floats, Flags]
"""Columns, those of the hinges last; the products of all but the hinges with all, (p + 1, n + 1); those of the hinges,
(S, S), of which a row holds once its flag is set."""

Prior = tuple[Floats, float]
"""Of one setting: the precisions, and how much a bend of the trend weighs."""

Room = tuple[Floats, Floats, Ints]
"""Where one v is solved: the factor's p rows for k, m, beta, for y, and for each hinge that may bend; what is left of
these hinges, both triangles; which ones they are."""

TINY = 1e-300


@compiled
def leave_over(gram: Gram, room: Room, p: int, place: int) -> float:
    """Fill what is left of a hinge's products with those before it once k, m, beta are at their best; return y's."""
    (columns, top, bends, is_made), (work, left_over, members) = gram, room
    j = members[place]
    if not is_made[j]:
        hinges = columns[len(columns) - len(bends) :]
        bends[j] = np.dot(hinges, hinges[j])
        is_made[j] = True
    value: float = top[p, p + 1 + j]
    for k in range(p):
        value -= work[k, p] * work[k, p + 1 + place]
    for a in range(place + 1):
        product = bends[j, members[a]]
        for k in range(p):
            product -= work[k, p + 1 + a] * work[k, p + 1 + place]
        left_over[a, place] = left_over[place, a] = product
    return value


@compiled
def back(work: Floats, p: int, bends: Floats, params: Floats) -> float:
    """Fill k, m and beta with the best ones beside these bends; return minus what they explain without any."""
    explained = 0.0
    for k in range(p):
        value = work[k, p]
        explained -= value * value
        for a in range(len(bends)):
            value -= bends[a] * work[k, p + 1 + a]
        params[k] = value
    for k in range(p - 1, -1, -1):
        params[k] /= work[k, k]
        for i in range(k):
            params[i] -= work[i, k] * params[k]
    return explained


@compiled
def steepest(gram: Gram, p: int, params: Floats, members: Ints, bends: Floats, is_member: Flags, penalty: float) -> int:
    """Return the hinge that would gain most by a bend, of those that have had no chance to; -1 where none would."""
    _, top, products, _ = gram
    gradient = top[p, p + 1 :].copy()
    for b in range(p):
        for j in range(len(gradient)):
            gradient[j] -= params[b] * top[b, p + 1 + j]
    for a in range(len(bends)):
        for j in range(len(gradient)):
            gradient[j] -= bends[a] * products[members[a], j]
    worst, joins = penalty * (1.0 + 1e-9) + 1e-15, -1
    for j in range(len(gradient)):
        if abs(gradient[j]) > worst and not is_member[j]:
            worst, joins = abs(gradient[j]), j
    return joins


@compiled
def resolve(room: Room, p: int, n_members: int, params: Floats, column: Floats) -> float:
    """Divide a column by H, the Gram matrix and its ridge that stand factorised in the room, of the hinges that bend.

    Those of the others become 0. Return the product of the column before and after.
    """
    work, left_over, members = room
    eliminated = column[:p]
    substitute(work, eliminated)
    product: float = (eliminated * eliminated).sum()
    active, n_active = np.empty(n_members, dtype=np.int64), 0
    left, target = np.empty(n_members), np.empty(n_members)
    for place in range(n_members):
        j = p + members[place]
        if params[j] != 0.0:
            value = column[j]
            for b in range(p):
                value -= work[b, p + 1 + place] * eliminated[b]
            active[n_active], left[n_active], target[n_active] = place, value, value
            n_active += 1
    column[p:] = 0.0
    if n_active > 0 and solve_active(left_over, 0, active, n_active, np.empty((n_active, n_active)), target):
        for a in range(n_active):
            place = active[a]
            product += left[a] * target[a]
            column[p + members[place]] = target[a]
            for b in range(p):
                eliminated[b] -= target[a] * work[b, p + 1 + place]
    for k in range(p - 1, -1, -1):
        eliminated[k] /= work[k, k]
        for i in range(k):
            eliminated[i] -= work[i, k] * eliminated[k]
    return product


@compiled
def substitute(work: Floats, column: Floats) -> None:
    """Divide a column by the transposed factor in the rows of `work`."""
    for a in range(len(column)):
        column[a] /= work[a, a]
        for i in range(a + 1, len(column)):
            column[i] -= work[a, i] * column[a]


@compiled
def eliminate(top: Floats, precision: Floats, v: float, work: Floats, members: Ints, n_members: int) -> None:
    """Copy the upper triangle, add the ridge, and make the rows those of the factor: a partial Cholesky factorisation.

    Beside k, m, beta stand y and the hinges that may bend. Four rows at a time: a quarter of the passes over the rest.
    """
    p = len(precision)
    width = p + 1 + n_members
    for a in range(p):
        for b in range(a, p + 1):
            work[a, b] = top[a, b]
        for place in range(n_members):
            work[a, p + 1 + place] = top[a, p + 1 + members[place]]
        work[a, a] += v * precision[a]
    for a in range(0, p - 3, 4):
        _factorise(work, a, a + 4, width)
        for i in range(a + 4, p):
            row = work[i, i:width]  # slices: their places are known not to be negative
            one, two, three, four = work[a, i:width], work[a + 1, i:width], work[a + 2, i:width], work[a + 3, i:width]
            first, second, third, fourth = one[0], two[0], three[0], four[0]
            for b in range(len(row)):
                row[b] -= first * one[b] + second * two[b] + third * three[b] + fourth * four[b]
    _factorise(work, p - p % 4, p, width)


@compiled
def _factorise(work: Floats, first: int, end: int, width: int) -> None:
    """Make the rows `first` to `end` those of the factor; the rows before them have been eliminated."""
    for a in range(first, end):
        row = work[a, a:width]
        for done in range(first, a):
            above = work[done, a:width]
            factor = above[0]
            for b in range(len(row)):
                row[b] -= factor * above[b]
        inverse = 1.0 / math.sqrt(max(row[0], TINY))
        for b in range(len(row)):
            row[b] *= inverse


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
            is_solved = solve_active(work, p, active, n_active, factor, target)
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
def solve_active(work: Floats, p: int, active: Ints, n_active: int, factor: Floats, target: Floats) -> bool:
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
