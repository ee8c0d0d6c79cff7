"""How new articles begin: what the weeks after a launch sold, for each week of what the first ones did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.combination import KEY, Combination
from skucast.sales.demand import NEW_WEEKS

Floats = npt.NDArray[np.float64]

WEEKS = 40
"""Of a launch so many weeks are looked at: those in which an article is new, and as far as is forecast."""

FEWEST = 5
"""A group tells how articles begin in it from so many launches on."""

DOUBT, QUARTILES_APART = 10.0, 1.35
"""The less launches agree, the less they tell: as if, at a standard deviation of 1 of their logarithms, so many more
had had no curve. Of a normal distribution the quartiles lie so many standard deviations apart."""

WIDEST = 8.0
"""No week of a curve is more than so many times, or less than such a part of, the weeks before it."""

SPANS = (1, 2, 4)
"""The level that a curve begins at is that of the last one, two or four weeks, whichever would have come nearest."""

CURVE_WEEKS = 8
"""An article with more known weeks is forecast by them alone: its own level says more."""

FLAT_WEEKS = 4
MARGIN = 0.1
"""A curve is taken if it would have been so much nearer at the launches before than the mean of the last four weeks."""


@dataclass(frozen=True)
class Weeks:
    """A forecast of some weeks and its 80 % interval, sales per week."""

    yhat: Floats
    lower: Floats
    upper: Floats


@dataclass(frozen=True)
class Launches:
    """What articles sold by age: one row per launch and one column per week from the first sale on, NaN = not known.

    `rows` has the launches of each group: unit and channel, the unit, all.
    """

    y: Floats
    rows: Mapping[tuple[str, ...], npt.NDArray[np.int64]]

    def of(self, combination: Combination) -> Floats:
        """Return those of the smallest group that has enough; none at all where none has."""
        groups = (combination.parts[:2], combination.parts[:1], ())
        mine = next((self.rows[each] for each in groups if len(self.rows.get(each, ())) >= FEWEST), None)
        return self.y[:0] if mine is None else self.y[mine]


NO_LAUNCHES = Launches(np.zeros((0, WEEKS)), {})


def launches_of(weeks: pd.DataFrame, first_week: date) -> Launches:
    """Return the launches in a history: KEY, `ds`, `y`, sorted, without gaps.

    What sold within a quarter of a year of `first_week`, the first week of any sales, may have been sold before.
    """
    by_combination = weeks.groupby(KEY, sort=False)
    begun = by_combination["ds"].transform("min")
    age = by_combination.cumcount()
    is_launch = begun >= pd.Timestamp(first_week) + pd.Timedelta(weeks=NEW_WEEKS)
    found = weeks[is_launch & (age < WEEKS)]
    if not len(found):
        return NO_LAUNCHES
    number, names = pd.factorize(pd.MultiIndex.from_frame(found[KEY]))
    y = np.full((len(names), WEEKS), np.nan)
    y[number, age[found.index]] = found["y"]
    rows: dict[tuple[str, ...], Any] = {}
    for place, parts in enumerate(names):
        for group in (parts[:2], parts[:1], ()):
            rows.setdefault(tuple(map(str, group)), []).append(place)
    return Launches(y, {group: np.array(places) for group, places in rows.items()})


def begun_like(y: Floats, launches: Floats, n_weeks: int) -> Weeks | None:
    """Return what the weeks after the first ones sell, if articles begin alike; None where they do not.

    Args:
        y: sales of the first weeks, NaN = unknown; of more than eight the curve says no more.
        launches: of the articles before, as `Launches.of` gives them.
        n_weeks: weeks to forecast.
    """
    n = len(y)
    if not 1 <= n <= CURVE_WEEKS or n + n_weeks > WEEKS or len(launches) < FEWEST:
        return None
    coming = launches[:, n : n + n_weeks]
    flat = _level(launches[:, :n], FLAT_WEEKS)[:, None]
    usable = ~np.isnan(coming) & ~np.isnan(flat)
    if np.count_nonzero(usable.any(axis=1)) < FEWEST:
        return None
    best, least = None, (1 - MARGIN) * np.abs(coming - flat)[usable].sum()
    for span in SPANS[: n if n < len(SPANS) else None]:
        said = _level(launches[:, :n], span)[:, None] * _curve(launches, n, n_weeks, span)
        error = np.abs(coming - said)[usable].sum()
        if error < least:
            best, least = span, error
    if best is None:
        return None
    yhat = _level(y[None, :], best)[0] * _curve(launches, n, n_weeks, best)
    return None if np.isnan(yhat).any() else _with_interval(yhat, coming, launches[:, :n], best)


def _with_interval(yhat: Floats, coming: Floats, begun: Floats, span: int) -> Weeks:
    """The interval holds what the launches sold in those weeks, each by its own level, but for a tenth each way."""
    level = _level(begun, span)
    ratios = coming[level > 0] / level[level > 0, None]
    middle = np.median(ratios[~np.isnan(ratios)]) if (~np.isnan(ratios)).any() else 1.0
    known = ratios[~np.isnan(ratios)] / max(float(middle), 1 / WIDEST)
    low, high = np.quantile(known, [0.1, 0.9]) if len(known) else (0.0, 2.0)
    return Weeks(yhat, yhat * min(float(low), 1.0), yhat * max(float(high), 1.0))


def first_weeks(launches: Floats, n_weeks: int) -> Weeks | None:
    """Return what an article of which nothing is known sells in its first weeks; None if that cannot be told.

    The middle of the launches before; the interval holds all but a tenth of them either way.
    """
    known = launches[:, :n_weeks]
    if len(known) < FEWEST or n_weeks > WEEKS or np.isnan(known).all(axis=0).any():
        return None
    lower, middle, upper = np.nanquantile(known, [0.1, 0.5, 0.9], axis=0)
    return Weeks(middle, lower, upper)


def _level(y: Floats, span: int) -> Floats:
    """The mean of the last weeks that are known, of each row; NaN where none is."""
    last = y[:, -span:]
    n = (~np.isnan(last)).sum(axis=1)
    return np.where(n > 0, np.nansum(last, axis=1) / np.maximum(n, 1), np.nan)


def _curve(launches: Floats, n: int, n_weeks: int, span: int) -> Floats:
    """Each coming week as a multiple of the level: the middle of those of the launches, drawn towards none."""
    level = _level(launches[:, :n], span)
    curve = np.ones(n_weeks)
    for step in range(n_weeks):
        coming = launches[:, min(n + step, WEEKS - 1)]
        known = ~np.isnan(coming) & (level > 0)
        n_known = int(known.sum())
        if n_known:
            changes = np.log(np.clip(coming[known] / level[known], 1 / WIDEST, WIDEST))
            low, middle, high = np.quantile(changes, [0.25, 0.5, 0.75])
            doubt = DOUBT * ((high - low) / QUARTILES_APART) ** 2
            curve[step] = np.exp(middle * n_known / (n_known + doubt))
        elif step:
            curve[step] = curve[step - 1]
    return curve
