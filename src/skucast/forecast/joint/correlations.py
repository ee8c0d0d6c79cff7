"""How errors of different combinations and weeks go together, by the errors at past origins.

Each error is turned into a normal score by its own distribution. What two scores have in common is what their
combinations share: everything, a unit, a channel, an article. A part of it lasts over the weeks of a forecast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from skucast.core.bounds import check_number
from skucast.core.combination import KEY
from skucast.forecast.intervals import Flags, Ints
from skucast.forecast.prophet.design import Floats

FACTORS = ("all", *KEY)
"""What combinations may share."""

DEFAULT_SHARES = {"all": 0.06, "unit": 0.05, "channel": 0.02, "SKU_ID": 0.4}
"""Share of the variance that is common to those who share it, where little is known: see decision 36."""

DEFAULT_LASTING = {"all": 0.4, "unit": 0.25, "channel": 0.25, "SKU_ID": 0.25, "own": 0.15}
"""Share of each part, and of what is a combination's own, that stays the same over all weeks of a forecast."""

DEFAULT_COUNT = 24.0
"""The defaults count as so many independent sights of a factor."""

MOST_SHARED = 0.9
"""Most of the variance that combinations may have in common with others: something is always their own."""


@dataclass(frozen=True)
class Correlations:
    """By factor the share of the variance that is common, and by factor and `own` the share of that which lasts."""

    n_origins: int
    shares: dict[str, float]
    lasting: dict[str, float]

    def check(self) -> None:
        """Refuse what is no correlation.

        Raises:
            ValueError: a share is missing or not between 0 and 1, or they add up to more than everything.
        """
        check_number(self.n_origins, "the number of origins", 0, 1_000)
        if set(self.shares) != set(FACTORS) or set(self.lasting) != {*FACTORS, "own"}:
            raise ValueError("correlations of other factors than there are")
        if not all(0 <= each <= 1 for each in (*self.shares.values(), *self.lasting.values())):
            raise ValueError("a correlation is not between 0 and 1")
        if sum(self.shares.values()) > MOST_SHARED + 1e-9:
            raise ValueError("correlations of more than all there is")

    @property
    def own(self) -> float:
        """The share of the variance that nobody else has."""
        return 1.0 - sum(self.shares.values())


DEFAULT = Correlations(0, DEFAULT_SHARES, DEFAULT_LASTING)


def group_codes(parts: Sequence[Sequence[str]]) -> dict[str, Ints]:
    """Return by factor the number of the group that each combination is in, from 0 in the order of their names."""
    found = {"all": np.zeros(len(parts), dtype="int64")}
    for place, name in enumerate(KEY):
        names = np.array([each[place] for each in parts], dtype=object)
        found[name] = np.unique(names, return_inverse=True)[1].astype("int64") if len(parts) else found["all"]
    return found


def correlations_of(scores: Floats, weights: Floats, codes: Mapping[str, Ints]) -> Correlations:
    """Return how scores go together, drawn towards the defaults the fewer sights of a factor there are.

    Args:
        scores: normal scores of O origins, S combinations and H steps, NaN = unknown; shape (O, S, H).
        weights: how much each counts, such as its scale: what is large makes the sums; same shape.
        codes: by factor each combination's group.
    """
    known = np.isfinite(scores) & (weights > 0)
    if not known.any():
        return DEFAULT
    score, weight = np.where(known, scores, 0.0), np.where(known, weights, 0.0)
    size = np.sqrt((weight * score**2).sum() / weight.sum())
    if size == 0:  # forecasts that were always right
        return DEFAULT
    score = score / size
    counts = _counts(known, codes)
    same, lasting, own = _common(score, weight, codes)
    n_origins = int(known.any(axis=(1, 2)).sum())
    same["all"] *= n_origins / max(n_origins - 1, 1)  # the mean of all scores is 0 by their making
    shares = {name: _drawn(same[name], DEFAULT_SHARES[name], counts[name]) for name in FACTORS}
    total = sum(shares.values())
    shares = {name: share * min(1.0, MOST_SHARED / total) if total else 0.0 for name, share in shares.items()}
    stays = {
        name: _drawn(_ratio(lasting[name], same[name], DEFAULT_LASTING[name]), DEFAULT_LASTING[name], counts[name])
        for name in FACTORS
    }
    of_others = sum(shares[name] * stays[name] for name in FACTORS)
    n_own = float(known.any(axis=2).sum())
    stays["own"] = _drawn((own - of_others) / (1.0 - sum(shares.values())), DEFAULT_LASTING["own"], n_own)
    return Correlations(
        n_origins,
        {name: round(share, 4) for name, share in shares.items()},
        {name: round(share, 4) for name, share in stays.items()},
    )


def _drawn(found: float, default: float, n: float) -> float:
    """What is found, at least 0 and at most 1, drawn towards the default by the number of sights."""
    return min(max((n * found + DEFAULT_COUNT * default) / (n + DEFAULT_COUNT), 0.0), 1.0)


def _ratio(part: float, whole: float, default: float) -> float:
    """The part of the whole, 0 to 1; the default where there is no whole."""
    return min(max(part / whole, 0.0), 1.0) if whole > 1e-3 else default


def _counts(known: Flags, codes: Mapping[str, Ints]) -> dict[str, float]:
    """How many independent sights there are of each factor: groups with several members, by origin and step.

    The steps of an origin are worth less the more of the factor lasts.
    """
    at_origin: Flags = np.asarray(known.any(axis=2))
    n_steps = known.shape[2]
    return {
        name: n_steps
        / (1 + (n_steps - 1) * DEFAULT_LASTING[name])
        * float(sum((np.bincount(code[row]) > 1).sum() for row in at_origin))
        for name, code in codes.items()
    }


def _common(
    score: Floats, weight: Floats, codes: Mapping[str, Ints]
) -> tuple[dict[str, float], dict[str, float], float]:
    """What pairs have in common by what they share: in the same week, in different weeks; and one with itself.

    Least squares over all pairs of scores: their product by what they share. Pairs are never listed: those of a group
    are the square of its sum less the sum of its squares.
    """
    n_steps = score.shape[2]
    both = {(a, b): _both(codes[a], codes[b]) for a in FACTORS for b in FACTORS if FACTORS.index(a) <= FACTORS.index(b)}
    same = [(step, step) for step in range(n_steps)]
    other = [(one, two) for one in range(n_steps) for two in range(n_steps) if one != two]
    own, own_weight = 0.0, 0.0
    for one, two in other:
        product = weight[:, :, one] * weight[:, :, two]
        own += float((product * score[:, :, one] * score[:, :, two]).sum())
        own_weight += float(product.sum())
    alone = own / own_weight if own_weight else DEFAULT_LASTING["own"]
    return _solved(score, weight, both, same), _solved(score, weight, both, other), alone


Groups = Mapping[tuple[str, str], Ints]


def _both(first: Ints, second: Ints) -> Ints:
    """The number of the group of those who share both."""
    return np.unique(first * (second.max(initial=0) + 1) + second, return_inverse=True)[1].astype("int64")


def _solved(score: Floats, weight: Floats, both: Groups, steps: Sequence[tuple[int, int]]) -> dict[str, float]:
    size = len(FACTORS)
    left, right = np.zeros((size, size)), np.zeros(size)
    for (first, second), code in both.items():
        row, column = FACTORS.index(first), FACTORS.index(second)
        n, total = 0.0, 0.0
        for origin in range(len(score)):
            for one, two in steps:
                its = weight[origin, :, one], weight[origin, :, two]
                n += _pairs(code, *its)
                if row == column:
                    total += _pairs(code, its[0] * score[origin, :, one], its[1] * score[origin, :, two])
        left[row, column] = left[column, row] = n
        if row == column:
            right[row] = total
    if left[0, 0] <= 0:
        return dict.fromkeys(FACTORS, 0.0)
    scale = left[0, 0]
    found = np.linalg.lstsq(left / scale, right / scale, rcond=1e-9)[0]
    return dict(zip(FACTORS, found.tolist(), strict=True))


def _pairs(code: Ints, first: Floats, second: Floats) -> float:
    """The sum over all pairs of two different members of a group of the product of their values."""
    sums = np.bincount(code, first) * np.bincount(code, second)
    return float(sums.sum() - (first * second).sum())
