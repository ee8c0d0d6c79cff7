"""How far a group's total lies from the last run, recent weeks and last year, in shares of what is usual for it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.scorecard.totals import Pair, Totals

RECENT_WEEKS = 8
YEAR_SHIFTS = (52, 51, 53)
"""Weeks back to last year's same weeks; holidays wander by a week, so the nearest of the three counts."""

USUAL_ORIGINS = 104
USUAL_QUANTILE = 0.9
USUAL_FACTOR = 1.5
"""A jump must be this many times what nine of ten earlier weeks stayed within."""

MIN_USUAL, MIN_RECENT = 8, 4
"""Fewest earlier weeks that tell what is usual for a group, and fewest that are a mean of recent weeks."""

LITTLE_KNOWN = 2.0
"""How many times as far a group may jump of which fewer weeks are known, and no last year."""

RESTATED_SHARE = 0.5
"""Where sales that were known have changed beyond the limit, this share of it is enough for the forecast to move."""

Floats = npt.NDArray[np.float64]

FLOOR_SHARE = 0.02
"""Totals count as at least this share of the group's usual week, so that 0 has a ratio."""


@dataclass(frozen=True)
class Beside:
    """What a total is compared with besides recent weeks and last year; numbers per week, NaN = not known.

    `known_then` are recent weeks as the last run knew them, where they have changed since: what they are now, and what
    is usual by it, says nothing then. `last_week` is the week before, where the last run was published with it or, of a
    forecast that no last year tells of, where it is judged by itself. `is_certain` where it is known to be
    wrong, so that what is usual excuses nothing.
    """

    last_run: float
    known_then: float = math.nan
    last_week: float = math.nan
    is_certain: bool = False


class Judge:
    """Compares a group's mean over some weeks with those before `known_through` and a year ago."""

    def __init__(self, sales: Totals, weeks: pd.DatetimeIndex, known_through: pd.Timestamp, max_jump: float) -> None:
        has_begun = (sales > 0).cummax()
        self._known = sales.where(has_begun)[sales.index <= known_through]
        self.limit = math.log1p(max_jump)
        self._recent = self._known.tail(RECENT_WEEKS).mean()
        self._level = self._known.tail(52).median()
        a_year_ago = [self._known.reindex(weeks - pd.Timedelta(weeks=shift)) for shift in YEAR_SHIFTS]
        self._a_year_ago = [each.mean(skipna=False).to_dict() for each in a_year_ago]
        n, gap = len(weeks), (weeks[0] - known_through).days // 7 - 1
        means = self._known.rolling(n).mean()
        recent = self._known.rolling(RECENT_WEEKS, min_periods=MIN_RECENT).mean()
        from_recent = self._distances(means.shift(-(n + gap)), [recent])
        from_year = self._distances(means, [means.shift(weeks_back) for weeks_back in YEAR_SHIFTS])
        self._usual_recent, self._usual_year = _usual(from_recent), _usual(from_year)
        self._farthest = {group: float(each.max()) for group, each in from_recent.items() if len(each) >= MIN_USUAL}

    def recent(self, group: Pair) -> float:
        """Return the mean of the last known weeks; NaN for a group without sales."""
        return float(self._recent[group]) if group in self._known else math.nan

    def peak(self, group: Pair) -> float:
        """Return the largest known week; NaN for a group without sales."""
        return float(self._known[group].max()) if group in self._known else math.nan

    def level(self, group: Pair) -> float:
        """Return the median of its known weeks of a year; NaN for a group without sales."""
        return float(self._level[group]) if group in self._known else math.nan

    def newest(self, group: Pair) -> float:
        """Return the newest known week; NaN for a group without sales."""
        return float(self._known[group].iloc[-1]) if group in self._known else math.nan

    def last_year(self, group: Pair, value: float) -> float:
        """Return the mean of last year's same weeks, of the shift that lies nearest to the value; NaN if not known."""
        if group not in self._known:
            return math.nan
        means = [mean for by_group in self._a_year_ago if math.isfinite(mean := by_group[group])]
        return min(means, key=lambda mean: abs(self.distance(group, value, mean)), default=math.nan)

    def distance(self, group: Pair, value: float, other: float) -> float:
        """Return the logarithm of the ratio of two totals of the group; NaN if one is not known."""
        floor = self._floor(group)
        return math.log((value + floor) / (other + floor)) if min(value, other) + floor > 0 else math.nan

    def share(self, group: Pair, value: float, beside: Beside) -> float:
        """Return how far beyond its limits the nearest comparison lies, in shares of the limit: 1 = at the limit.

        0 where the last run said nothing of the group, and where the value lies between what it is compared with.
        """
        shares = [self.distance(group, value, other) / limit for other, limit in self._limits(group, value, beside)]
        known = [share for share in shares if math.isfinite(share)]
        if not math.isfinite(shares[0]) or len({share > 0 for share in known}) > 1:
            return 0.0
        return min(map(abs, known))

    def _recent_limit(self, group: Pair, last_year: float) -> float:
        """How far it may lie from recent weeks: where no last year tells a season from a fault, as far as ever."""
        usual = self._usual_recent.get(group, 0.0)
        if math.isnan(last_year):
            usual = max(usual, self._farthest.get(group, LITTLE_KNOWN * self.limit))
        return max(self.limit, usual)

    def _limits(self, group: Pair, value: float, beside: Beside) -> list[tuple[float, float]]:
        if math.isfinite(beside.known_then):
            limit = RESTATED_SHARE * self.limit
            return [(beside.last_run, limit), (beside.known_then, limit)]
        last_year = self.last_year(group, value)
        recent_limit, year_limit = (
            self._recent_limit(group, last_year),
            max(self.limit, self._usual_year.get(group, 0.0)),
        )
        if beside.is_certain:
            recent_limit = year_limit = self.limit
        return [
            (beside.last_run, self.limit),
            (self.recent(group), recent_limit),
            (last_year, year_limit),
            (beside.last_week, self.limit),
        ]

    def _floor(self, group: Pair) -> float:
        level = float(self._level[group]) if group in self._known else 0.0
        return FLOOR_SHARE * level if level > 0 else 0.5

    def _distances(self, later: Totals, before: Sequence[Totals]) -> dict[Pair, Floats]:
        """How far each group's later weeks lay from those before, from the nearest where there are several."""
        groups = cast("list[Pair]", self._known.columns.tolist())
        floors = np.array([self._floor(group) for group in groups])
        logs = [np.log(each.to_numpy("float64") + floors) for each in (later, *before)]
        distances = np.fmin.reduce([np.abs(logs[0] - each) for each in logs[1:]])[-USUAL_ORIGINS:]
        return {group: each[np.isfinite(each)] for group, each in zip(groups, distances.T, strict=True)}


def _usual(distances: dict[Pair, Floats]) -> dict[Pair, float]:
    """What is usual for each group of which enough is known."""
    return {
        group: USUAL_FACTOR * float(np.quantile(each, USUAL_QUANTILE))
        for group, each in distances.items()
        if len(each) >= MIN_USUAL
    }
