"""Dates that cannot be right: sales of days to come, and a few of years before all others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.combination import KEY
from skucast.core.weeks import weeks_between
from skucast.core.words import counted

ISOLATED_AFTER_WEEKS = 104
"""Sales that lie so long before all later ones are suspected of a wrong date."""

FEW_SHARE = 0.02
FEW_ROWS = 3
"""So many of a group's rows are left out where they lie so long before the others: this share of them, or this number
if there are three times as many later. More of them are a past of its own."""

FIRST_DAY = pd.Timestamp(1990, 1, 1)
"""Older sales are left out in any case; the contract of the sales table knows none."""


def future_lines(later: pd.DataFrame | None) -> Iterator[str]:
    """Say what is dated after today: `later` as `Warehouse.later_sales` gives it; None = nobody asked."""
    if later is None or not len(later):
        return
    n_lines, last = int(later["n_lines"].sum()), later["last_date"].max().date()
    largest = later.sort_values(["n_lines", "unit"], ascending=[False, True])["unit"].tolist()
    most = f", most of them of {largest[0]}" if len(largest) > 1 else f", of {largest[0]}"
    verb = "is" if n_lines == 1 else "are"
    yield (
        f"{counted(n_lines, 'line')} {verb} dated after today{most}, the last {last}; not used: "
        "correct the dates at the source"
    )


def without_strays(known: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return the weekly rows without the few that lie years before all others, and what was left out, in words.

    First those before all others of the business, then those before all others of their combination: a line of 1900
    would make a century of zeros.
    """
    kept = known[known["last_date"] >= FIRST_DAY]
    kept = kept[~_before_a_gap(kept["ds"], np.zeros(len(kept), dtype="int64"))]
    kept = kept[~_before_a_gap(kept["ds"], kept.groupby(KEY, sort=False).ngroup().to_numpy())]
    return kept, list(_left_out(known.drop(kept.index)))


def _before_a_gap(ds: pd.Series, group: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.bool_]:
    """Whether each row lies before the last long gap of its group, where few of the group's rows do."""
    if not len(ds):
        return np.zeros(0, dtype=bool)
    week = ds.to_numpy(dtype="datetime64[D]").astype("int64") // 7
    order = np.lexsort((week, group))
    follows = np.concatenate([[False], group[order][1:] == group[order][:-1]])
    is_after_gap = follows & (np.diff(week[order], prepend=0) >= ISOLATED_AFTER_WEEKS)
    first_after = np.full(group.max() + 1, week.min(), dtype="int64")
    first_after[group[order][is_after_gap]] = week[order][is_after_gap]  # of several gaps the last one counts
    is_before: npt.NDArray[np.bool_] = week < first_after[group]
    before, rows = np.bincount(group, weights=is_before)[group], np.bincount(group)[group]
    are_few: npt.NDArray[np.bool_] = (before <= FEW_SHARE * rows) | ((before <= FEW_ROWS) & (4 * before <= rows))
    return is_before & are_few


def _left_out(rows: pd.DataFrame) -> Iterator[str]:
    if len(rows):
        n_lines, first, last = int(rows["n_lines"].sum()), rows["first_date"].min(), rows["last_date"].max()
        verb = "is" if n_lines == 1 else "are"
        example = "/".join(map(str, rows.sort_values("ds").iloc[0][KEY]))
        yield (
            f"{counted(n_lines, 'line')} {verb} dated {first.date()} to {last.date()}, "
            f"{ISOLATED_AFTER_WEEKS // 52} years or more before all others of the business or of their combination, "
            f"first {example}; not used: correct the dates at the source"
        )


def suspected_dates(known: pd.DataFrame) -> Iterator[str]:
    """Say where nothing was sold for years between two weeks, and too much before to be left out."""
    delivered = pd.DatetimeIndex(known["ds"].drop_duplicates().sort_values())
    isolated = np.flatnonzero(np.diff(delivered) >= pd.Timedelta(weeks=ISOLATED_AFTER_WEEKS))
    if len(isolated):
        last, following = delivered[isolated[-1]].date(), delivered[isolated[-1] + 1].date()
        yield (
            f"nothing was sold in the {_weeks_without(last, following)} weeks between {last} and {following}: "
            f"rows up to week {last} with a wrong date? correct them at the source"
        )


def _weeks_without(last: date, following: date) -> int:
    return weeks_between(last, following) - 1
