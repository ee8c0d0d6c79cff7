"""All combinations on one grid of weeks, and the sums over weeks that the panel's features are made of."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.combination import KEY, Combination
from skucast.core.declared import Regressor
from skucast.core.weeks import WEEK, weeks_between
from skucast.forecast.prophet.design import Floats

Ints = npt.NDArray[np.int64]

DEPTH_CLASSES = np.array([1.0, 10.0, 20.0, 30.0, 45.0])
"""Where one class of promotions, by mean discount in percent, ends and the next begins; class 0 is no promotion."""

N_CLASSES = len(DEPTH_CLASSES) + 2

USUAL_WEEKS = 13
"""Weeks before one whose sales without promotion tell what is usual."""

MOST_RESPONSE = 20.0

DAYS_A_WEEK = 7.0

_AT_ONCE = 2_000
"""Combinations whose responses are summed up at once: the places of three years of all are more than their sales."""


@dataclass(frozen=True)
class Grid:
    """Weeks of all combinations: shape (S, W) for S combinations and W consecutive weeks, the last one the newest.

    `first` is the label of the first week, `combinations` are in the order of the rows. `y` are sales per week, NaN
    where unknown and before a combination's first week; `depth` mean discount, percent, 0 where there was none; `days`
    days with a promotion, 0 to 7. `codes` (S, 3) are unit, channel and SKU as numbers, from 0; `calendars`
    (C, W + H + 1, 4) say of each week, H coming ones and one more included: week of the year, day of the month
    of its last day, days of public holidays, 1 where there is one; `calendar` (S,) which of them counts. `declared` are
    further regressors with their values, (S, W), NaN where not known.
    """

    first: date
    combinations: tuple[Combination, ...]
    y: Floats
    depth: Floats
    days: Floats
    codes: Ints
    calendars: Floats
    calendar: Ints
    declared: tuple[tuple[Regressor, Floats], ...] = ()

    @property
    def n_weeks(self) -> int:
        """W, the number of weeks."""
        return int(self.y.shape[1])

    def label(self, end: int) -> date:
        """Return the label of the last of the first `end` weeks."""
        return self.first + (end - 1) * WEEK

    def end(self, label: date) -> int:
        """Return how many weeks there are up to this one."""
        return weeks_between(self.first, label) + 1

    @property
    def is_known(self) -> npt.NDArray[np.bool_]:
        """Which weeks' sales are known; shape (S, W)."""
        return ~np.isnan(self.y)

    @functools.cached_property
    def first_weeks(self) -> Ints:
        """Where each combination's first known week is; W without one: shape (S,)."""
        found: Ints = np.where(self.is_known.any(axis=1), self.is_known.argmax(axis=1), self.n_weeks)
        return found

    @functools.cached_property
    def classes(self) -> npt.NDArray[np.int8]:
        """The class of depth of each week; shape (S, W)."""
        return classes_of(self.depth, self.days).astype("int8")

    @functools.cached_property
    def sold(self) -> Sums:
        """Sales of all known weeks."""
        return Sums.of(np.nan_to_num(self.y), self.is_known)

    @functools.cached_property
    def sold_plain(self) -> Sums:
        """Sales of the known weeks without a promotion."""
        return Sums.of(np.nan_to_num(self.y), self.is_known & (self.days == 0))

    @functools.cached_property
    def response(self) -> Floats:
        """Sales of a week over what is usual without a promotion before it, at most 20; NaN where nothing tells."""
        weeks = np.arange(self.y.shape[1])
        usual = self.sold_plain.mean(np.maximum(weeks - USUAL_WEEKS, 0), weeks)
        with np.errstate(divide="ignore", invalid="ignore"):
            found: Floats = np.where(usual > 0, np.minimum(self.y / usual, MOST_RESPONSE), np.nan)
        return found

    def let_go(self) -> None:
        """Forget what was worked out of the weeks, six times as much as their sales; it is again when asked for."""
        for name in ("first_weeks", "classes", "sold", "sold_plain", "response"):
            self.__dict__.pop(name, None)

    def responses_until(self, end: int) -> tuple[Floats, Floats]:
        """Return the sums of the responses of the first `end` weeks and how many there are, by class; (S, classes)."""
        parts = [self._responses_of(slice(first, first + _AT_ONCE), end) for first in range(0, len(self.y), _AT_ONCE)]
        total, count = (np.concatenate(each) for each in zip(*parts, strict=True))
        return total, count

    def _responses_of(self, rows: slice, end: int) -> tuple[Floats, Floats]:
        response, classes = self.response[rows, :end], self.classes[rows, :end]
        row, week = np.nonzero(~np.isnan(response))
        cell, n_cells = row * N_CLASSES + classes[row, week], len(response) * N_CLASSES
        total, count = (np.bincount(cell, weights, n_cells) for weights in (response[row, week], None))
        return total.astype("float64").reshape(-1, N_CLASSES), count.astype("float64").reshape(-1, N_CLASSES)


@dataclass(frozen=True)
class Sums:
    """Sums of the first 0, 1, ..., W weeks, of values and of how many there are; shape (S, W + 1)."""

    total: Floats
    count: npt.NDArray[np.int16]

    @classmethod
    def of(cls, values: Floats, counts: npt.NDArray[np.bool_]) -> Sums:
        """Return the sums of the values that count."""
        start = np.zeros((len(values), 1))
        parts = (np.where(counts, values, 0.0), counts)
        total, count = (
            np.concatenate([start.astype(kind), np.cumsum(part, axis=1, dtype=kind)], axis=1)
            for part, kind in zip(parts, ("float64", "int16"), strict=True)
        )
        return cls(total, count)

    def mean(self, first: Ints | int, end: Ints | int) -> Floats:
        """Return the mean of the weeks from `first` up to but not including `end`; NaN where none counts."""
        count = self.count[:, end] - self.count[:, first]
        with np.errstate(divide="ignore", invalid="ignore"):
            found: Floats = np.where(count > 0, (self.total[:, end] - self.total[:, first]) / count, np.nan)
        return found


def grid_of(
    weeks: pd.DataFrame,
    holidays: Mapping[str, pd.DataFrame],
    weeks_ahead: int,
    declared: Sequence[Regressor] = (),
) -> Grid:
    """Return the grid of all combinations.

    Args:
        weeks: one row per combination and week, `HISTORY_COLUMNS`, sorted by combination.
        holidays: `HOLIDAY_COLUMNS` of the weeks and those ahead, by unit; units with the same ones share the frame.
        weeks_ahead: how far past the last week forecasts reach; the calendar reaches one further.
        declared: further regressors, whose columns the weeks have.
    """
    first, last = weeks["ds"].min().date(), weeks["ds"].max().date()
    keys, is_first = weeks[KEY], weeks[KEY].ne(weeks[KEY].shift()).any(axis=1)
    rows = is_first.cumsum().to_numpy() - 1
    columns = ((weeks["ds"] - pd.Timestamp(first)).dt.days // 7).to_numpy()
    shape = (int(is_first.sum()), weeks_between(first, last) + 1)

    def table(name: str, where_missing: float) -> Floats:
        found = np.full(shape, where_missing)
        found[rows, columns] = weeks[name].to_numpy(dtype="float64")
        return found

    depth, days = (np.nan_to_num(table(name, 0.0)) for name in ("promo_discount_perc", "promo_days"))
    names = keys[is_first]
    codes = np.stack([pd.factorize(names[name])[0] for name in KEY], axis=1).astype("int64")
    combinations = tuple(Combination(*map(str, parts)) for parts in names.itertuples(index=False, name=None))
    labels = [first + week * WEEK for week in range(shape[1] + weeks_ahead + 1)]  # the last one's neighbour too
    frames = list({id(holidays[unit]): holidays[unit] for unit in sorted(holidays)}.values())
    calendars = np.stack([calendar_of(labels, frame) for frame in frames])
    place = {unit: next(n for n, each in enumerate(frames) if each is frame) for unit, frame in holidays.items()}
    calendar = np.array([place[each.unit] for each in combinations], dtype="int64")
    more = tuple((each, table(each.column, np.nan)) for each in declared)
    return Grid(first, combinations, table("y", np.nan), depth, days, codes, calendars, calendar, more)


def calendar_of(labels: Sequence[date], holidays: pd.DataFrame) -> Floats:
    """Return what the calendar says of consecutive weeks, (W, 4), as a grid has it; `holidays`: `HOLIDAY_COLUMNS`."""
    days = np.zeros(len(labels))
    place = {label: number for number, label in enumerate(labels)}
    for ds, share in zip(pd.to_datetime(holidays["ds"]).dt.date, holidays["share"], strict=True):
        if ds in place:
            days[place[ds]] += share * DAYS_A_WEEK if share < 1 else 1.0
    season = np.array([(label.isocalendar().week, label.day) for label in labels], dtype="float64").reshape(-1, 2)
    return np.column_stack([season, np.minimum(days, DAYS_A_WEEK), days > 0])


def classes_of(depth: Floats, days: Floats) -> Ints:
    """Return the class of each promotion, by its depth; 0 where there is none. Known to be one without a depth: 1."""
    return np.asarray(np.where(days > 0, 1 + np.digitize(depth, DEPTH_CLASSES), 0), dtype="int64")


def summed_by(codes: Ints, values: Floats) -> Floats:
    """Return for each combination the sum over all of its group; values of shape (S,) or (S, H), NaN counts as 0."""
    filled = np.nan_to_num(values)
    columns = filled.reshape(len(filled), -1).T
    sums: Floats = np.stack([np.bincount(codes, weights=column) for column in columns], axis=1)
    return sums[codes].reshape(filled.shape)
