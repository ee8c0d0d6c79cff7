"""Dates that cannot be right: sales of days to come, and a few that lie far before all others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.combination import KEY
from skucast.core.rows import kept_rows
from skucast.core.weeks import weeks_between
from skucast.core.words import counted

ISOLATED_AFTER_WEEKS = 104
"""Sales that lie so long before all later ones are suspected of a wrong date."""

FEW_SHARE = 0.02
FEW_ROWS = 3
"""So many of a group's rows are left out where they lie so long before the others: this share of them, or this number
if there are three times as many later. More of them are a past of its own."""

LONE_AFTER_WEEKS, DENSE, FEWEST_AFTER = 26, 0.95, 8
"""A combination's first week is left out if nothing follows for so long, and then, for so many weeks or more, hardly a
week without a row: its year is wrong, or it was a trial."""

FIRST_WEEKS, TIMES_APART, TIMES_MORE = 4, 4, 8
"""Likewise the first weeks of the business, up to so many, if the gap after them is four times as long and the run
that follows eight times: a whole business hardly pauses."""

SILENT_WEEKS = 52
"""A gap of the business that is said though too much lies before it to be left out."""

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
    """Return the weekly rows without the few that lie far before all others, and what was left out, in words.

    First those before all others of the business, then those before all others of their combination: a line of 1900
    would make a century of zeros, one of last year instead of this a year of them.
    """
    kept = kept_rows(known, known["last_date"] >= FIRST_DAY)
    kept = kept_rows(kept, ~_before_a_gap(kept["ds"], np.zeros(len(kept), dtype="int64")))
    kept = kept_rows(kept, ~kept["ds"].isin(_first_weeks_apart(kept["ds"])))
    kept = kept_rows(kept, ~_before_a_gap(kept["ds"], _groups(kept)))
    kept = kept_rows(kept, ~_is_lone_start(kept["ds"], _groups(kept)))
    return kept, list(_left_out(known[~known.index.isin(kept.index)]))


def _groups(known: pd.DataFrame) -> npt.NDArray[np.int64]:
    return np.asarray(known.groupby(KEY, sort=False).ngroup(), dtype="int64")


def _first_weeks_apart(ds: pd.Series) -> list[pd.Timestamp]:
    """The first weeks of the business, if they lie apart from its own run."""
    delivered = ds.drop_duplicates().sort_values()
    week = _week_numbers(delivered)
    for n in range(1, min(FIRST_WEEKS, len(week) - 1) + 1):
        after = week[n:]
        is_apart = after[0] - week[n - 1] > TIMES_APART * n and len(after) >= TIMES_MORE * n
        if is_apart and len(after) >= DENSE * (after[-1] - after[0] + 1):
            return list(delivered[:n])
    return []


def _is_lone_start(ds: pd.Series, group: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Whether each row is the one that its group began with, half a year or more before a dense run."""
    lone = np.zeros(len(ds), dtype=bool)
    week = _week_numbers(ds)
    order = np.lexsort((week, group))
    first = np.flatnonzero(np.diff(group[order], prepend=-1))
    n_after = np.diff(first, append=len(ds)) - 1
    first, n_after = first[n_after >= FEWEST_AFTER], n_after[n_after >= FEWEST_AFTER]
    start, second, last = (week[order[first + places]] for places in (0, 1, n_after))
    is_lone = (second - start >= LONE_AFTER_WEEKS) & (n_after >= DENSE * (last - second + 1))
    lone[order[first[is_lone]]] = True
    return lone


def _week_numbers(ds: pd.Series) -> npt.NDArray[np.int64]:
    return ds.to_numpy(dtype="datetime64[D]").astype("int64") // 7


def _before_a_gap(ds: pd.Series, group: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.bool_]:
    """Whether each row lies before the last long gap of its group, where few of the group's rows do."""
    if not len(ds):
        return np.zeros(0, dtype=bool)
    week = _week_numbers(ds)
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
            f"{counted(n_lines, 'line')} {verb} dated {first.date()} to {last.date()}, far before all others of the "
            f"business or of their combination, first {example}; not used: correct the dates at the source"
        )


def suspected_dates(known: pd.DataFrame) -> Iterator[str]:
    """Say where nothing was sold for a year or more between two weeks, and too much before to be left out."""
    delivered = pd.DatetimeIndex(known["ds"].drop_duplicates().sort_values())
    isolated = np.flatnonzero(np.diff(delivered) >= pd.Timedelta(weeks=SILENT_WEEKS))
    if len(isolated):
        last, following = delivered[isolated[-1]].date(), delivered[isolated[-1] + 1].date()
        yield (
            f"nothing was sold in the {_weeks_without(last, following)} weeks between {last} and {following}: "
            f"rows up to week {last} with a wrong date? correct them at the source"
        )


def _weeks_without(last: date, following: date) -> int:
    return weeks_between(last, following) - 1
