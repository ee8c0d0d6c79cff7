"""Stock: which days were out of it, and what a week would have sold without them.

A day is empty if none was left and nothing was sold, on a weekday on which the combination usually sells, and only
where stock is kept: some sources write 0 where they keep none, and some for every day on which nothing was asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.combination import KEY
from skucast.core.narrow import repeated
from skucast.core.rows import is_about
from skucast.core.weeks import SOLD_BY_WEEKDAY, WEEK

RECENT_WEEKS = 26

SUSPICIOUS_SHARE = 0.5
"""Share of the recent weeks out of stock from which on a combination that sells, or the business, is named."""

NEAR_WEEKS = 8
"""What holds in a week is told by so many weeks with sales before and after it: sources and customers change."""

KEPT_SHARE = 0.25
"""Stock is kept where some was left on this share of the days that sold. A single number among zeros tells nothing."""

FEWEST_DAYS, DAYS_OF_A_SIDE = 8, 12
"""With fewer selling days the weekdays of a week without a sale are those of unit and channel; with so many before a
week, or after it, each side must agree: what changes in a week holds no longer, or not yet."""

USUAL_SHARE = 0.25
"""A weekday is usual that sells as often as this share of the weekday that sells most often."""

SHARED_WEEKS = 8
"""The weekdays' shares of unit and channel count as so many weeks beside the combination's own."""

MAX_MISSED_SHARE = 0.75
"""Most of a usual week that is added for days out of stock: beyond it the days that sold tell too little."""

EMPTY_DAYS_COLUMNS = ["empty_days", "is_mostly_empty", "missed_share"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


def empty_days(sold: pd.DataFrame, *, by_day: bool) -> pd.DataFrame:
    """Return how far each row of `Warehouse.weekly_sales` was out of stock, by its index: `EMPTY_DAYS_COLUMNS`.

    `is_mostly_empty`: more than half of the usual selling days were empty (not `by_day`: its row). `missed_share` is
    the share of a usual week that these days have, 0 to 1, by the mean of the weeks without an empty day, each of them
    of the same weight whatever it sold: the combination's own, and as long as those are few its unit's and channel's.
    """
    if not sold["stockout_weekdays"].any():
        nothing = zip(EMPTY_DAYS_COLUMNS, (0, False, 0.0), strict=True)
        one = {name: repeated(np.array([value]), len(sold)) for name, value in nothing}
        return pd.DataFrame(one, index=sold.index, copy=False)
    rows = sold.sort_values([*KEY, "ds"])
    group, place = _groups(rows, KEY), _groups(rows, ["unit", "channel"])
    kept = _is_kept(rows, group)
    if not by_day:
        n_empty = np.where(kept, rows["stockout_days"].to_numpy(dtype="int64"), 0)
        is_mostly = 2 * n_empty > rows["stock_days"].to_numpy(dtype="int64")
        found = pd.DataFrame(
            {"empty_days": n_empty, "is_mostly_empty": is_mostly, "missed_share": 0.0}, index=rows.index
        )
    else:
        usual = _usual_days(rows, group, place)
        empty = _days(rows["stockout_weekdays"]) & usual & kept[:, None]
        n_empty = empty.sum(axis=1)
        found = pd.DataFrame(
            {
                "empty_days": n_empty,
                "is_mostly_empty": 2 * n_empty > usual.sum(axis=1),
                "missed_share": _missed(rows, empty, usual, group, place),
            },
            index=rows.index,
        )
    return found.loc[sold.index, EMPTY_DAYS_COLUMNS]


def stock_left(sold: pd.DataFrame, until: date) -> pd.DataFrame:
    """Return what was left at the end of the week `until`, by rows of `Warehouse.weekly_sales`.

    Columns KEY, `on_hand` (at least 0) and `on_hand_day`, the last day of the week on which stock was delivered. Only
    of combinations whose stock is kept: some was left on a day of the last weeks.
    """
    week = pd.Timestamp(until)
    recent = sold[sold["ds"].between(week - (NEAR_WEEKS - 1) * WEEK, week)]
    kept = recent[recent["left_weekdays"] > 0]
    rows = recent[(recent["ds"] == week) & (recent["stock_weekdays"] > 0) & is_about(recent, kept)]
    known = _days(rows["stock_weekdays"])
    back = (until.weekday() - np.arange(7)) % 7  # of each weekday, Monday first, from the end of the week
    days = np.where(known, back, 7).min(axis=1, initial=7)
    return rows[KEY].assign(
        on_hand=rows["last_stock"].clip(lower=0.0),
        on_hand_day=week - pd.to_timedelta(days, unit="D"),
    )


def suspected_stock(weeks: pd.DataFrame) -> Iterator[str]:
    """Combinations that sell and count as out of stock most of the time, and the business if it does."""
    recent = weeks[weeks["ds"] > weeks["ds"].max() - RECENT_WEEKS * WEEK]
    empty = (recent["is_stockout"] | recent["is_censored"]).groupby([recent[name] for name in KEY]).mean()
    sells = (recent["is_censored"] | (recent["y"] > 0)).groupby([recent[name] for name in KEY]).mean()
    odd = empty.index[(empty > SUSPICIOUS_SHARE) & (sells > SUSPICIOUS_SHARE)]
    if len(odd):
        yield (
            f"stock: {len(odd)} of {len(empty)} combinations sell and count as out of stock in most of the last "
            f"{RECENT_WEEKS} weeks, first {'/'.join(map(str, odd[0]))}: is stock kept as it was in the evening?"
        )


def _is_kept(rows: pd.DataFrame, group: Ints) -> Flags:
    """Whether the stock of each row is kept at all, by the days that sold near it."""
    sold = _days(rows["selling_weekdays"])
    known = (sold & _days(rows["stock_weekdays"])).sum(axis=1)
    left = (sold & _days(rows["left_weekdays"])).sum(axis=1)
    sides = _sides(np.column_stack([known, left]), group, rows["selling_weekdays"].to_numpy() > 0)

    def judge(days: Ints) -> Flags:
        kept: Flags = (days[:, 0] > 0) & (days[:, 1] >= KEPT_SHARE * days[:, 0])
        return kept

    known_days = [days[:, 0] for days in sides]
    return _on_each_side([judge(days) for days in sides], known_days)


def _usual_days(rows: pd.DataFrame, group: Ints, place: Ints) -> Flags:
    """The weekdays on which each row's combination usually sells around that week; rows x 7."""
    sold, sells = _days(rows["selling_weekdays"]), rows["selling_weekdays"].to_numpy() > 0
    sides = _sides(sold.astype("int64"), group, sells)
    n_days = [days.sum(axis=1) for days in sides]
    own = _on_each_side([_usual(days) for days in sides], n_days)
    of_place = _usual(_sums(sold.astype("float64"), place))[place]
    little_known: Flags = ~sells & (n_days[0] < FEWEST_DAYS)
    return np.where(little_known[:, None], of_place, own)


def _usual(days: npt.NDArray[Any]) -> Flags:
    usual: Flags = (days > 0) & (days >= USUAL_SHARE * days.max(axis=1, keepdims=True))
    return usual


def _on_each_side(found: list[Flags], n_days: list[Ints]) -> Flags:
    """What is found around each row, or where a side has enough days, on each such side."""
    around, *sides = found
    n_around, *n_sides = n_days
    told = [n >= DAYS_OF_A_SIDE for n in n_sides]
    shape = (len(n_around), *[1] * (around.ndim - 1))
    agreed = np.logical_and.reduce([~is_told.reshape(shape) | side for is_told, side in zip(told, sides, strict=True)])
    return np.where(np.logical_or.reduce(told).reshape(shape), agreed, around)


def _missed(rows: pd.DataFrame, empty: Flags, usual: Flags, group: Ints, place: Ints) -> Floats:
    """The share of each row's usual week that its empty days have."""
    sold = rows[list(SOLD_BY_WEEKDAY)].to_numpy(dtype="float64")
    total = sold.sum(axis=1, keepdims=True)
    whole = (total > 0) & np.isfinite(total)
    if (whole & ~empty.any(axis=1, keepdims=True)).any():
        whole &= ~empty.any(axis=1, keepdims=True)
    shares = np.divide(sold, total, out=np.zeros_like(sold), where=whole)
    weight = whole.astype("float64")
    of_place = _sums(shares, place) / np.maximum(_sums(weight, place), 1.0)
    week = _sums(shares, group)[group] + SHARED_WEEKS * of_place[place]
    of_usual = (week * usual).sum(axis=1)
    missed: Floats = np.divide((week * empty).sum(axis=1), of_usual, out=np.zeros(len(rows)), where=of_usual > 0)
    return missed


def _groups(rows: pd.DataFrame, names: list[str]) -> Ints:
    numbers: Ints = np.asarray(rows.groupby(names, sort=False).ngroup(), dtype="int64")
    return numbers


def _days(weekdays: pd.Series) -> Flags:
    """A column of weekdays (a sum of 1, 2, 4 ... 64) as seven flags, Monday first."""
    bits: Flags = (weekdays.to_numpy(dtype="int64")[:, None] >> np.arange(7)) & 1 > 0
    return bits


def _sides(values: Ints, group: Ints, sells: Flags) -> list[Ints]:
    """Sums of the columns over the weeks with sales near each row of its group: around it, before it and after it.

    The row itself counts on both sides; rows are sorted by group and week.
    """
    before: Ints = np.cumsum(sells) - sells
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    bounds: Ints = np.append(before[starts], sells.sum())
    low = np.maximum(before - NEAR_WEEKS, bounds[group])
    high = np.minimum(before + sells + NEAR_WEEKS, bounds[group + 1])
    sums = np.vstack([np.zeros((1, values.shape[1]), dtype="int64"), np.cumsum(values[sells], axis=0)])
    return [sums[end] - sums[first] for first, end in ((low, high), (low, before + sells), (before, high))]


def _sums(values: Floats, group: Ints) -> npt.NDArray[Any]:
    """Sums of the columns by group."""
    return np.column_stack([np.bincount(group, weights=column) for column in values.T])
