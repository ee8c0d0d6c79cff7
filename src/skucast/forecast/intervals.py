"""How far sales may lie from the published number: the errors that it made, on a scale that fits each week.

Split conformal prediction (Papadopoulos et al. 2002): errors of past origins over a scale s, the width of the panel's
own interval plus a share of the level, so that a week that is hard to tell has a wide interval; their quantiles by
step, volume and promotion. The error's mean on the same scale tells how far the expected value lies from the number.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from skucast.core.bounds import check_number, check_numbers
from skucast.forecast.prophet.design import Floats

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

PROBABILITIES = (0.005, 0.01, 0.025, *(round(0.05 * k, 2) for k in range(1, 20)), 0.975, 0.99, 0.995)
"""The quantiles that are kept of the errors."""

DIGITS = 3
"""Decimals of a quantile, as it is stored."""

LEVEL_SHARE = 0.1
"""Share of the mean of 26 weeks in the scale."""

LEAST_ERRORS = 60
"""A group with fewer errors is judged with others: all volumes, then all steps, then weeks without promotion too."""

N_THIRDS = 3


@dataclass(frozen=True)
class Group:
    """Errors of one step (from 1), volume third (0 = least) and promotion or not, over their scale."""

    step: int
    third: int
    is_promo: bool
    n: int
    quantiles: tuple[float, ...]
    mean: float


MOST_STEPS = 520
MOST_ERROR = 1e9
"""Farthest that an error lies from 0, in units of its scale."""


def check_groups(groups: Sequence[Group]) -> None:
    """Refuse what is no distribution of errors.

    Raises:
        ValueError: a group twice, of a step or third that there is not, or quantiles that are none.
    """
    if len({(each.step, each.third, each.is_promo) for each in groups}) != len(groups):
        raise ValueError("a group of errors is there twice")
    for each in groups:
        check_number(each.step, "a group's step", 1, MOST_STEPS)
        check_number(each.third, "a group's third", 0, N_THIRDS - 1)
        check_number(each.mean, "a group's mean", -MOST_ERROR, MOST_ERROR)
        check_number(each.n, "a group's errors", 0, 1e9)
        check_numbers(each.quantiles, "a group's quantiles", MOST_ERROR)
        if len(each.quantiles) != len(PROBABILITIES):
            raise ValueError("a group has other quantiles than there are")
        if any(later < before - ROUNDED for before, later in itertools.pairwise(each.quantiles)):
            raise ValueError("a group's quantiles are not in order")


ROUNDED = 1e-6


def as_texts(probabilities: Sequence[float], quantiles: Floats) -> list[str]:
    """Return each row's quantiles, (N, Q), as JSON by probability."""
    form = "{" + ", ".join(f'"{each:g}": %s' for each in probabilities) + "}"  # a third of what json.dumps takes
    return [form % tuple(values) for values in np.round(quantiles, DIGITS).tolist()]


def scale_of(lower: Floats, upper: Floats, mean_26: Floats) -> Floats:
    """Return the scale of each week; `lower` and `upper` (S, H) are the panel's 10 % and 90 %, `mean_26` (S,)."""
    return np.abs(upper - lower) + LEVEL_SHARE * mean_26[:, None]


def thirds_of(level: Floats, is_active: Flags) -> Ints:
    """Return the volume third of each combination, 0 = the least, by the levels of those that sell; shape (S,)."""
    bounds = np.quantile(level[is_active], [1 / 3, 2 / 3]) if is_active.any() else np.zeros(2)
    return np.searchsorted(bounds, level).astype("int64")


def groups_of(error: Floats, scale: Floats, thirds: Ints, is_promo: Flags) -> list[Group]:
    """Return the distribution of the errors by group; all groups of H steps.

    Args:
        error: sales less forecast of N weeks at each step, NaN = unknown; shape (N, H).
        scale: its scale; a week of scale 0 tells nothing.
        thirds: the volume third of each row, (N,).
        is_promo: whether a promotion was known of, (N, H).
    """
    told = ~np.isnan(error) & (scale > 0)
    groups = []
    for step, third, promo in itertools.product(range(error.shape[1]), range(N_THIRDS), (False, True)):
        at_step, of_third, of_promo = np.zeros_like(told), (thirds == third)[:, None], is_promo == promo
        at_step[:, step] = True
        wider = (at_step & of_third & of_promo, at_step & of_promo, of_promo, at_step & of_third, at_step)
        chosen = next((each & told for each in wider if (each & told).sum() >= LEAST_ERRORS), at_step & told)
        if chosen.any():
            groups.append(Group(step + 1, third, promo, *_errors(error[chosen], scale[chosen])))
    return groups


def _errors(error: Floats, scale: Floats) -> tuple[int, tuple[float, ...], float]:
    """How many errors there are, their quantiles and their mean, both over the scale."""
    ratios = error / scale
    quantiles = np.quantile(ratios, PROBABILITIES, method="weibull")  # finite sample: rank (n + 1) p
    return len(ratios), tuple(quantiles.tolist()), float(error.sum() / scale.sum())


def _no_surer_of_promotions(quantiles: Floats) -> Floats:
    """The quantiles (H, 3, 2, Q) with those of promotions no nearer to the middle than those of other weeks.

    A promotion makes no week easier to tell: where it seems so, the past origins had few of them; see decision 28.
    """
    other, promo = quantiles[..., 0, :], quantiles[..., 1, :]
    places = np.array(PROBABILITIES)
    low, high = np.minimum(other, promo), np.maximum(other, promo)
    promo = np.where(places < 0.5, low, np.where(places > 0.5, high, promo))
    return np.stack([other, promo], axis=2)


@dataclass(frozen=True)
class Spread:
    """The groups as arrays by step, third and promotion: `quantiles` (H, 3, 2, Q), `mean` (H, 3, 2).

    The interval of a promotion is never narrower than that of another week.
    """

    quantiles: Floats
    mean: Floats

    @classmethod
    def of(cls, groups: Sequence[Group]) -> Spread | None:
        """Return the arrays; None where a group is missing."""
        n_steps = max((group.step for group in groups), default=0)
        if len(groups) != n_steps * N_THIRDS * 2 or not n_steps:
            return None
        quantiles = np.full((n_steps, N_THIRDS, 2, len(PROBABILITIES)), np.nan)
        mean = np.full((n_steps, N_THIRDS, 2), np.nan)
        for group in groups:
            quantiles[group.step - 1, group.third, int(group.is_promo)] = group.quantiles
            mean[group.step - 1, group.third, int(group.is_promo)] = group.mean
        return cls(_no_surer_of_promotions(quantiles), mean)

    def quantile(
        self,
        probability: float,
        yhat: Floats,
        scale: Floats,
        thirds: Ints,
        is_promo: Flags,
        steps: Ints | None = None,
    ) -> Floats:
        """Return that quantile of what may be sold, at least 0; arrays (S, H), `thirds` (S,).

        `steps` count from the last week that is known, from 1; None: 1 to H.
        """
        place = float(np.interp(probability, PROBABILITIES, range(len(PROBABILITIES))))
        low, high = math.floor(place), math.ceil(place)
        of_groups = self.quantiles[..., low] + (place - low) * (self.quantiles[..., high] - self.quantiles[..., low])
        return np.maximum(yhat + scale * self._by_row(of_groups, thirds, is_promo, steps), 0.0)

    def expected(self, yhat: Floats, scale: Floats, thirds: Ints, is_promo: Flags, steps: Ints | None = None) -> Floats:
        """Return the expected value of what may be sold, at least 0; the arguments as of `quantile`."""
        return np.maximum(yhat + scale * self._by_row(self.mean, thirds, is_promo, steps), 0.0)

    def _by_row(self, of_groups: Floats, thirds: Ints, is_promo: Flags, steps: Ints | None) -> Floats:
        steps = np.arange(1, is_promo.shape[1] + 1)[None, :] if steps is None else steps
        place = np.minimum(steps, len(of_groups)) - 1
        found: Floats = of_groups[place, thirds[:, None], is_promo.astype("int64")]
        return found
