"""Kinds of demand: how often an article sells, how much its sales vary when it does, and where in its life it is."""

from __future__ import annotations

import itertools
from datetime import date
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.combination import KEY
from skucast.core.weeks import weeks_between
from skucast.sales.columns import Weeks, days, numbers
from skucast.sales.history import ends_without_a_sale, nothing_sold
from skucast.sales.seasons import Season, may_rest, season_of

Pattern = Literal["smooth", "erratic", "intermittent", "lumpy"]
DemandClass = Literal["smooth", "erratic", "intermittent", "lumpy", "new", "seasonal", "inactive"]

SELDOM_WEEKS = 1.32
VARIED = 0.49
"""Cut-offs of weeks between sales (ADI) and of the squared coefficient of variation of what is sold (CV²): Syntetos,
Boylan and Croston (2005), "On the categorization of demand patterns"."""

NEW_WEEKS = 13
"""So many weeks after its first sale an article is new, if sales are known of weeks before it."""


def demand_class(y: npt.NDArray[np.float64]) -> Pattern | None:
    """Return the pattern of one combination's weekly sales (NaN = unknown), or None where nothing was sold."""
    known = y[~np.isnan(y)]
    sold = known[known > 0]
    if not len(sold):
        return None
    is_seldom = len(known) / len(sold) >= SELDOM_WEEKS
    is_varied = float(np.var(sold)) >= VARIED * float(np.mean(sold)) ** 2
    if is_seldom:
        return "lumpy" if is_varied else "intermittent"
    return "erratic" if is_varied else "smooth"


def life_class(weeks: pd.DataFrame, n_weeks: int, inactive_after_weeks: int, first_week: date) -> DemandClass:
    """Return the class of one combination: seasonal, inactive or new, else the pattern of its sales.

    Args:
        weeks: its history up to the last known week: `ds`, `y`, `is_stockout`, without gaps.
        n_weeks: weeks that are forecast after it: of an article of a season its weeks come, or two seasons are known.
        inactive_after_weeks: weeks without a sale after which an article is inactive.
        first_week: the first week of which any sales are known: what sold then is not new.
    """
    y, nothing, first = weeks["y"].to_numpy(dtype="float64"), nothing_sold(weeks), weeks["ds"].iloc[0].date()
    return _life_class(y, nothing, first, n_weeks, inactive_after_weeks, first_week)


def life_classes(weeks: pd.DataFrame, n_weeks: int, inactive_after_weeks: int) -> pd.DataFrame:
    """Return the class of each combination, as `life_class` gives it: KEY, demand_class, in the order of the weeks."""
    keys = weeks[KEY]
    starts = np.flatnonzero((keys != keys.shift()).any(axis=1))  # rows are sorted by combination
    y, nothing = weeks["y"].to_numpy(dtype="float64"), nothing_sold(weeks)
    firsts, first_week = weeks["ds"].iloc[starts].dt.date.tolist(), weeks["ds"].min()
    classes = [
        _life_class(y[start:end], nothing[start:end], first, n_weeks, inactive_after_weeks, first_week.date())
        for first, (start, end) in zip(firsts, itertools.pairwise([*starts.tolist(), len(y)]), strict=True)
    ]
    return keys.iloc[starts].assign(demand_class=classes).reset_index(drop=True)


def _life_class(
    y: npt.NDArray[np.float64],
    nothing: npt.NDArray[np.bool_],
    first: date,
    n_weeks: int,
    inactive_after_weeks: int,
    first_week: date,
) -> DemandClass:
    if may_rest(y, inactive_after_weeks) and season_of(y, nothing, n_weeks, inactive_after_weeks) is not None:
        return "seasonal"
    if ends_without_a_sale(nothing, inactive_after_weeks):
        return "inactive"
    if _is_new(len(y), first, first_week):
        return "new"
    return demand_class(y) or "inactive"


def is_new(weeks: Weeks, first_week: date) -> bool:
    """Return whether a combination has been sold for no more than 13 weeks, and sales of weeks before are known."""
    return _is_new(len(weeks), days(weeks)[0].item(), first_week)


def _is_new(n_weeks: int, first: date, first_week: date) -> bool:
    return n_weeks <= NEW_WEEKS and weeks_between(first_week, first) >= NEW_WEEKS


def coming_season(weeks: Weeks, n_weeks: int, inactive_after_weeks: int) -> Season | None:
    """Return the season of the weeks after these, as `season_of` gives it."""
    y = numbers(weeks, "y")
    if not may_rest(y, inactive_after_weeks):
        return None
    return season_of(y, nothing_sold(weeks), n_weeks, inactive_after_weeks)
