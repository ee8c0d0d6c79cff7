"""Errors as normal scores, by their own distribution; and what of a distribution belongs to a score."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from skucast.forecast.intervals import PROBABILITIES, Flags, Ints, Spread
from skucast.forecast.prophet.design import Floats

PLACES: Floats = np.array([NormalDist().inv_cdf(each) for each in PROBABILITIES])
"""The normal score of each kept quantile."""


def scores_of(error: Floats, scale: Floats, spread: Spread, thirds: Ints, is_promo: Flags) -> Floats:
    """Return the normal scores of errors (N, H) over their scale, NaN where one is not known; `thirds` (N,).

    The first and the last kept quantile are the ends: what lies beyond tells no more than they do.
    """
    told = np.isfinite(error) & (scale > 0)
    ratio = np.where(told, error, 0.0) / np.where(told, scale, 1.0)
    found = np.full(error.shape, np.nan)
    n_steps = len(spread.quantiles)
    for step in range(error.shape[1]):
        for third in np.unique(thirds):
            for promo in (False, True):
                mine = told[:, step] & (thirds == third) & (is_promo[:, step] == promo)
                quantiles = spread.quantiles[min(step, n_steps - 1), third, int(promo)]
                found[mine, step] = _score(ratio[mine, step], quantiles)
    return found


def _score(values: Floats, quantiles: Floats) -> Floats:
    """The scores by a distribution's quantiles; the middle of those that one value has, as 0 where sales are rare."""
    low = np.searchsorted(quantiles, values, side="left")
    high = np.searchsorted(quantiles, values, side="right")
    inside = np.interp(values, quantiles, PLACES)
    first, last = np.minimum(low, len(PLACES) - 1), np.maximum(high - 1, 0)
    return np.where(high > low, (PLACES[first] + PLACES[last]) / 2, inside)
