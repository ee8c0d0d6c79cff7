"""How much each component's forecast counts, by the evidence of past origins.

A combination's weights are the mean over a simplex of mixes, weighted by how little worse each was than the best: for
this combination, and four times as much for all together, since one alone has little to tell. Half of what is
published is that mix, half the median of our components: one that has broken must not cost. Others are in the mix
alone: in the median each would count whatever it is worth.
"""

from __future__ import annotations

import functools
import itertools

import numpy as np
import numpy.typing as npt

from skucast.forecast.prophet.design import Floats

COMPONENTS = ("prophet", "panel", "panel_log")
"""Ours: the combination's own model; the panel by absolute error; the panel on logarithms. Others may come after."""

SIMPLEX_PARTS, FEWER_PARTS, MOST_IN_TENTHS = 10, 5, 4
"""Of more than four components mixes go in fifths: in tenths those of six were 3,003."""

SHARPNESS = 20.0
"""How fast a mix loses weight as it gets worse: a tenth worse counts exp(-2) as much."""

OF_ALL = 4.0
"""How much more the evidence of all combinations counts than that of one."""

LEAST_ORIGINS = 3
"""With fewer origins the median of the components is published."""


@functools.cache
def mixes(n_components: int) -> Floats:
    """Return all mixes in steps of a tenth, of many components a fifth; shape (P, K), each row adds up to 1."""
    n_parts = SIMPLEX_PARTS if n_components <= MOST_IN_TENTHS else FEWER_PARTS
    bars = itertools.combinations(range(n_parts + n_components - 1), n_components - 1)
    ends = np.array([(-1, *bar, n_parts + n_components - 1) for bar in bars])
    return (np.diff(ends, axis=1) - 1) / n_parts


def weights_of(forecasts: Floats, actual: Floats) -> Floats:
    """Return how much each component counts in each combination's mix.

    Args:
        forecasts: of K components, S combinations and N past weeks, NaN = none; shape (K, S, N).
        actual: what was sold, NaN = unknown; shape (S, N).

    Returns:
        Shape (S, K), each row adds up to 1. Weeks that a component did not forecast tell nothing; a combination
        without any other has the weights of all together.
    """
    points = mixes(len(forecasts))
    known = ~np.isnan(actual) & ~np.isnan(forecasts).any(axis=0)
    told, sold = np.where(known, forecasts, 0.0), np.where(known, actual, 0.0)
    error = np.stack([np.abs(np.tensordot(mix, told, 1) - sold).sum(axis=1) for mix in points])
    has_sold = sold.sum(axis=1) > 0
    penalty = OF_ALL * _beyond_best(error.sum(axis=1))[:, None] + np.where(has_sold, _beyond_best(error), 0.0)
    likely = np.exp(-SHARPNESS * (penalty - penalty.min(axis=0)))
    found: Floats = (likely / likely.sum(axis=0)).T @ points
    return found


def weights_where_told(forecasts: Floats, actual: Floats) -> Floats:
    """Return `weights_of` of ours and others; one that never says anything of a combination has no weight there.

    The others' weights in it are what the combinations teach of which all of these say something.
    """
    n_ours = len(COMPONENTS)
    known = ~np.isnan(actual)
    is_told = known & ~np.isnan(forecasts[:n_ours]).any(axis=0)
    is_new = ~is_told.any(axis=1)
    speaks = np.array([(known & ~np.isnan(each)).any(axis=1) | is_new for each in forecasts[n_ours:]])
    speaks = speaks.reshape(-1, len(actual)).T
    weights = np.zeros((len(actual), len(forecasts)))
    for kind in set(map(tuple, speaks.tolist())):
        of = (speaks == kind).all(axis=1)
        chosen = [*range(n_ours), *(n_ours + number for number, is_there in enumerate(kind) if is_there)]
        weights[np.ix_(of, chosen)] = weights_of(forecasts[chosen], actual)[of]
    return weights


def shares_of(forecasts: Floats, weights: Floats | None) -> Floats:
    """Return how much of each component is in the blend; shape (K, S, H), adding up to 1 where there is one, else NaN.

    Half by the weights (S, K), half the median of ours: the middle one, or half each of the two in the middle; the
    median alone without weights. A component that does not exist is NaN in `forecasts` (K, S, H) and is left out, the
    weights of the others are scaled.
    """
    exists = ~np.isnan(forecasts)
    n_ours = len(COMPONENTS)
    middle = np.zeros(forecasts.shape)
    middle[:n_ours] = _shares_of_median(forecasts[:n_ours], exists[:n_ours])
    if weights is None:
        return middle
    mix = np.where(exists, weights.T[:, :, None], 0.0)
    total = mix.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0, (mix / total + middle) / 2, middle)


def blended(forecasts: Floats, weights: Floats | None) -> Floats:
    """Return the blend of K components, shape (S, H); NaN where there is none. See `shares_of`."""
    shares = shares_of(forecasts, weights)
    found: Floats = (shares * np.nan_to_num(forecasts)).sum(axis=0)
    return found


def _beyond_best(error: Floats) -> Floats:
    """How much worse than the best mix each is, as a share of the best's error; the first axis are the mixes."""
    best = error.min(axis=0)
    worse: Floats = (error - best) / np.maximum(best, 1e-9 * np.maximum(error.max(axis=0), 1e-300))
    return worse


def _shares_of_median(forecasts: Floats, exists: npt.NDArray[np.bool_]) -> Floats:
    order = np.argsort(forecasts, axis=0, kind="stable")  # NaN last
    n = exists.sum(axis=0)
    shares = np.zeros(forecasts.shape)
    for middle in ((n - 1) // 2, n // 2):
        places = np.take_along_axis(order, np.maximum(middle, 0)[None], axis=0)
        np.put_along_axis(shares, places, np.take_along_axis(shares, places, axis=0) + 0.5, axis=0)
    return np.where(n > 0, shares, np.nan)
