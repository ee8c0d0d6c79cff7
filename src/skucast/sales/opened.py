"""Combinations whose first sale lies in a week that is not over: they have no history yet."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

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


def opened_of(
    weekly: pd.DataFrame, known: Collection[Combination], *, by_day: bool = True
) -> dict[Combination, Opened]:
    """Return the combinations that begin after the weeks of a history.

    Args:
        weekly: rows of `Warehouse.weekly_sales`, of weeks after the last one of the history, in the names of the sales.
        known: combinations that have a history.
        by_day: a row of the source is a day; else it is a whole week.
    """
    sells = weekly[(weekly["quantity"] + weekly["returns_quantity"] > 0) & weekly[KEY].notna().all(axis=1)]
    if not len(sells):
        return {}
    last_day = weekly["last_date"].max().date()
    found = {}
    for parts, rows in sells.groupby(KEY):
        names = [str(part) for part in parts]
        if any(name_problem(part) or is_total(part) or is_nobody(part) for part in names):
            continue
        combination, sold = Combination(*names), float(rows["quantity"].sum())
        if combination not in known and sold > 0:
            first = rows["first_date"].min().date()
            found[combination] = Opened(sold, first, last_day if by_day else first + WEEK - timedelta(days=1))
    return found
