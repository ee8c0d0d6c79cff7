"""A first year's season as a cause: a change that most units share, and that is no week loaded twice."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.combination import KEY
from skucast.core.tables.contract import ALL
from skucast.sales.outliers import TIMES_USUAL
from skucast.scorecard.gate_limits import RECENT_WEEKS, Judge
from skucast.scorecard.gate_promotions import usual_sales
from skucast.scorecard.totals import Pair, of_group

MOST_TIMES_USUAL = 6.0
"""No season sells more than so many times what is usual."""

LEAST_OF_USUAL, LEAST_OF_PART = 0.5, 0.25
"""Nor does the business sell less than this share of it, as it does in a week of three days, nor a part of it."""

MOST = 0.5

LITTLE = 0.5
"""Share of what the article in the middle sells that is added to both sides of a ratio."""

SHARED_PART = 1 / 3
"""A unit shares a jump if it moves the same way by this part of the limit."""

TIMES_LOADED = (2, 3)
MULTIPLES = 0.9
BY_CHANCE = 1e-3
"""A week is loaded twice if nine of ten articles sold a multiple of two, which by what they sell would be less probable
than this."""

SAME_NUMBERS = 1e-6
DECIMALS = (1.0, 10.0, 100.0, 1000.0)
WHOLE_SHARE = 0.95

ALIKE_SPREAD = 1.25
NEAR_TIMES = 0.1
"""Where the numbers cannot tell, as with weights: all articles lie as near to twice what is usual as they usually lie
to it."""


@dataclass(frozen=True)
class Season:
    """The newest week of each article, `sold` and `expected`; `before` the history's weeks before it."""

    articles: pd.DataFrame
    before: pd.DataFrame

    @classmethod
    def of(cls, sold: pd.DataFrame, expected: pd.DataFrame, weeks: pd.DataFrame) -> Season:
        """Return it from the rows of the newest week, `yhat` the number, and all weeks."""
        articles = sold[[*KEY, "yhat", "is_promo"]].rename(columns={"yhat": "sold"})
        forecast = expected[[*KEY, "yhat"]].rename(columns={"yhat": "expected"})
        return cls(articles.merge(forecast, on=KEY), weeks[weeks["ds"] < sold["ds"].iloc[0]])

    @property
    def _ordinary(self) -> pd.DataFrame:
        """The articles without a promotion: what one does is no season's doing, and hides none."""
        return self.articles[~self.articles["is_promo"]]

    def cause(self, judge: Judge, group: Pair, value: float, last_run: float) -> str:
        """What explains the jump of a group of which no last year is known; empty if nothing does."""
        if not math.isnan(judge.last_year(group, value)):
            return ""
        level = judge.level(group)
        usual = min(level, float(usual_sales(of_group(self.before, group)).to_numpy("float64").sum()))
        if value < last_run and -judge.distance(group, value, usual) < judge.limit:
            return "back at what it usually sells"
        ordinary = of_group(self._ordinary, group)
        promoted = value - float(ordinary["sold"].to_numpy("float64").sum())
        least = LEAST_OF_USUAL if group == (ALL, ALL) else LEAST_OF_PART
        if not len(ordinary) or not least * level - promoted <= value - promoted <= MOST_TIMES_USUAL * level:
            return ""
        if not self._is_believed(group):
            return ""
        moved = self._moved(group)
        sign = 1 if value > last_run else -1
        if sign * moved < judge.limit:
            return "a few of its articles moved, the most did not, and no last year is known"
        if self._is_shared(judge, group, sign):
            return "most units and articles moved alike, and no last year is known: a season?"
        return ""

    def _is_shared(self, judge: Judge, group: Pair, sign: int) -> bool:
        """Whether most of the other units moved the same way, in its channel or as a whole; so if there is none."""
        unit, channel = group
        is_alone = True
        for part in dict.fromkeys((channel, ALL)):
            sums = of_group(self._ordinary, (ALL, part)).groupby("unit")[["sold", "expected"]].sum()
            others = sums[(sums.index != unit) & (sums["expected"] > 0)]
            moved = sign * np.log(others["sold"].clip(lower=1e-9) / others["expected"])
            if len(others) and (moved >= SHARED_PART * judge.limit).mean() > MOST:
                return True
            is_alone = is_alone and not len(others)
        return is_alone

    def _moved(self, group: Pair) -> float:
        """How far the article in the middle has moved, as the logarithm of the ratio; those that sell little, less."""
        mine = of_group(self._ordinary, group)
        mine = mine[mine["expected"] > 0]
        if not len(mine):
            return math.nan
        sold, expected = (mine[column].to_numpy("float64") for column in ("sold", "expected"))
        more = LITTLE * float(np.median(expected))
        return float(np.median(np.log((sold + more) / (expected + more))))

    def _is_believed(self, group: Pair) -> bool:
        """Whether none of its articles sold more than what is no mistake without a promotion."""
        mine = of_group(self._ordinary, group)
        known = usual_sales(of_group(self.before, group)).rename("usual").reset_index()
        both = mine.merge(known, on=KEY, how="left").fillna({"usual": 0.0})[["usual", "expected"]]
        usual = both.to_numpy("float64").max(axis=1)
        believed = TIMES_USUAL * usual.clip(min=float(np.median(usual)))
        return bool((mine["sold"].to_numpy("float64") <= believed).all())

    def is_loaded_twice(self, group: Pair) -> bool:
        """Whether every article of the group sold a multiple of something, as a week does that is there twice."""
        mine, before = of_group(self.articles, group), of_group(self.before, group)
        mine, before = mine[mine["sold"] > 0], before[before["y"] > 0]
        if not len(mine) or not len(before):
            return False
        parts = _parts_per_unit(before["y"].to_numpy(dtype="float64"))
        return any(self._is_multiple(mine, before, times, parts) for times in TIMES_LOADED)

    def _is_multiple(self, mine: pd.DataFrame, before: pd.DataFrame, times: int, parts: float) -> bool:
        if not math.isnan(parts):
            is_one = _is_multiple_of(mine["sold"], times, parts)
            if is_one.mean() < MULTIPLES:
                return False
            usually = before.assign(is_one=_is_multiple_of(before["y"], times, parts)).groupby(KEY)["is_one"]
            chance = ((usually.sum() + 0.5) / (usually.count() + 1)).rename("chance").reset_index()
            chances = mine[KEY].merge(chance, on=KEY, how="left")["chance"].fillna(1.0).to_numpy("float64")
            n_others = math.comb(len(is_one), int(np.count_nonzero(~is_one)))
            if n_others * float(np.prod(chances[is_one])) < BY_CHANCE:
                return True
            if float(np.prod(chances)) < BY_CHANCE:
                return False
        return _lies_at(mine, before, times)


def _lies_at(mine: pd.DataFrame, before: pd.DataFrame, times: int) -> bool:
    """Whether the articles lie at so many times what was expected, no farther apart than they usually are."""
    mine = mine[mine["expected"] > 0]
    means = before.groupby(KEY)["y"].transform(
        lambda y: y.rolling(RECENT_WEEKS, min_periods=RECENT_WEEKS).mean().shift()
    )
    lately = before["ds"] > before["ds"].max() - pd.Timedelta(weeks=RECENT_WEEKS)
    usual = np.log((before["y"] / means)[lately].dropna().to_numpy("float64"))
    moved = np.log((mine["sold"] / mine["expected"]).to_numpy("float64"))
    if len(moved) < 2 or len(usual) < RECENT_WEEKS:
        return False
    is_near = abs(float(np.median(moved)) - math.log(times)) <= NEAR_TIMES
    return is_near and float(moved.std()) <= ALIKE_SPREAD * float(usual.std())


def _is_multiple_of(values: pd.Series, times: int, parts: float) -> npt.NDArray[np.bool_]:
    left: npt.NDArray[np.bool_] = np.rint(values.to_numpy(dtype="float64") * parts) % times == 0
    return left


def _parts_per_unit(values: npt.NDArray[np.float64]) -> float:
    """How finely sales are counted: 1 = whole pieces, 1000 = grams of a kilogram; NaN if in no such parts."""
    for parts in DECIMALS:
        scaled = values * parts
        if np.mean(np.abs(scaled - np.rint(scaled)) <= SAME_NUMBERS * np.maximum(scaled, 1.0)) >= WHOLE_SHARE:
            return parts
    return math.nan
