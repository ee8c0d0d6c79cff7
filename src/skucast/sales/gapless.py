"""Weeks without gaps: each combination from its first week with a sale to the last one of all, and where rows lie."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.combination import KEY

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Gapless:
    """The weeks of all combinations: `starts` has KEY, sorted, and the label of the first week (`start`).

    `places` tells of each weekly row where it lies among the weeks, -1 for one of before the start.
    """

    starts: pd.DataFrame
    n_weeks: Ints
    places: Ints

    @classmethod
    def of(cls, sold: pd.DataFrame, starts: pd.DataFrame, group: Ints, data_cutoff: date) -> Gapless:
        """Return the weeks up to the cutoff; `group` has each row's place among the starts, -1 for none."""
        first = _days(starts["start"])
        n_weeks = (np.datetime64(data_cutoff, "D").astype("int64") - first) // 7 + 1
        if not len(starts):
            return cls(starts, n_weeks, np.full(len(sold), -1))
        days = _days(sold["ds"]) - first[group]
        before = np.cumsum(n_weeks) - n_weeks
        is_there = (group >= 0) & (days >= 0) & (days % 7 == 0)
        return cls(starts, n_weeks, np.where(is_there, before[group] + days // 7, -1))

    def weeks(self) -> pd.DataFrame:
        """Return one row per combination and week: KEY, `ds`."""
        number = np.repeat(np.arange(len(self.starts)), self.n_weeks)
        names = self.starts[KEY].take(number).reset_index(drop=True)
        before = np.cumsum(self.n_weeks) - self.n_weeks
        first = _days(self.starts["start"]) - 7 * before
        ds = (first[number] + 7 * np.arange(len(number))).astype("datetime64[D]").astype("datetime64[us]")
        return names.assign(ds=ds)

    def spread(self, values: npt.NDArray[Any], other: Any) -> npt.NDArray[Any]:
        """Return a value for each week: that of the row which lies there, or `other` without one.

        `values` are those of the rows that lie somewhere, in their order.
        """
        there = self.places[self.places >= 0]
        n_weeks = int(self.n_weeks.sum())
        if len(there) == n_weeks:
            made = np.empty(n_weeks, dtype=values.dtype)
        else:
            made = np.full(n_weeks, other, dtype=np.result_type(values, np.min_scalar_type(other)))
        made[there] = values
        return made


def first_weeks(sold: pd.DataFrame, grain: str) -> tuple[pd.DataFrame, Ints, pd.DataFrame]:
    """Return the first week of each combination that sells, and of each row which combination that is.

    As KEY and `start`, sorted, and places among these, -1 for none. A partial first week is dropped, unless it is the
    only one; the last frame has those: KEY, `ds`, `y`.
    """
    number = np.asarray(sold.groupby(KEY).ngroup(), dtype="int64")
    days = _days(sold["ds"])
    selling = np.flatnonzero(sold["quantity"] + sold["returns_quantity"] > 0)
    selling = selling[np.lexsort((days[selling], number[selling]))]
    firsts = selling[np.flatnonzero(np.diff(number[selling], prepend=-1))]
    first = sold[[*KEY, "ds", "first_date", "quantity"]].iloc[firsts].reset_index(drop=True)
    last = np.full(number.max(initial=-1) + 1, np.iinfo("int64").min)
    np.maximum.at(last, number, days)
    week_start = first["ds"] - pd.Timedelta(days=6)
    more_weeks = days[firsts] < last[number[firsts]]
    partial = (first["first_date"] > week_start) & more_weeks & (grain == "day")
    start = first["ds"] + pd.to_timedelta(np.where(partial, 7, 0), unit="D")
    dropped = first.loc[partial, [*KEY, "ds"]].assign(y=first.loc[partial, "quantity"].clip(lower=0.0))
    place = np.full(len(last), -1)
    place[number[firsts]] = np.arange(len(firsts))
    return first[KEY].assign(start=start), place[number], dropped


def _days(ds: pd.Series) -> Ints:
    found: Ints = ds.to_numpy().astype("datetime64[D]").astype("int64")
    return found
