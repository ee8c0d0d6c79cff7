"""Combinations whose first sale lies in a week that is not over, or in a part of the last one: they have no history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from skucast.core.combination import KEY, Combination, name_problem
from skucast.core.spelling import is_nobody, is_total
from skucast.core.weeks import WEEK


@dataclass(frozen=True)
class Opened:
    """What a combination has sold since its first day: net, from `first_day` to `last_day`, the last one with sales."""

    sold: float
    first_day: date
    last_day: date

    @property
    def n_days(self) -> int:
        """Days from its first sale to the last day of any sales."""
        return max((self.last_day - self.first_day).days + 1, 1)


def opened_of(weekly: pd.DataFrame, history: pd.DataFrame, *, by_day: bool = True) -> dict[Combination, Opened]:
    """Return the combinations that begin after the weeks of a history, or in the midst of its last one.

    Args:
        weekly: rows of `Warehouse.weekly_sales`, of the history's last week and later ones, in the names of the sales.
        history: the weeks of the history: KEY, `ds`.
        by_day: a row of the source is a day; else it is a whole week.
    """
    sells = weekly[(weekly["quantity"] + weekly["returns_quantity"] > 0) & weekly[KEY].notna().all(axis=1)]
    n_weeks = history.groupby(KEY).size() if len(history) else pd.Series(dtype="int64")
    known = {tuple(map(str, parts)) for parts in n_weeks.index}
    single = {tuple(map(str, parts)) for parts in n_weeks.index[n_weeks == 1]} if by_day else set()
    others = known - single
    is_known = [parts in others for parts in sells[KEY].itertuples(index=False, name=None)]
    sells = sells[~np.array(is_known, dtype=bool)]
    if not len(sells):
        return {}
    last_day = weekly["last_date"].max().date()
    found = {}
    for parts, rows in sells.groupby(KEY):
        names = [str(part) for part in parts]
        if any(name_problem(part) or is_total(part) or is_nobody(part) for part in names):
            continue
        combination, sold = Combination(*names), float(rows["quantity"].sum())
        first, label = rows["first_date"].min().date(), rows["ds"].min().date()
        is_whole = combination.parts in single and first == label - timedelta(days=6)
        if sold > 0 and not is_whole:
            found[combination] = Opened(sold, first, last_day if by_day else first + WEEK - timedelta(days=1))
    return found
