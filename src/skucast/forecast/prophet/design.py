"""Prophet's regression problem for one history: scales, changepoints, feature columns and prior scales, in plain numpy.

`week_grid` makes the columns that depend on the week alone, once for all combinations; `design` puts one history on it.
Equal to `Prophet.preprocess()` column by column (tested to 1e-12). May import `spec`, `regressor_columns`, numpy,
pandas, and from outside the errors of core and the name of pooled holidays.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.declared import OF_REGRESSORS
from skucast.core.errors import FitError
from skucast.forecast.prophet.regressor_columns import Column, standardised
from skucast.forecast.prophet.spec import DECLARED_PRIOR_SCALE, LAG, ModelSpec, Target
from skucast.regressors.built_in import component_of
from skucast.regressors.holidays import OTHER_HOLIDAYS, WORKING_DAYS

Floats = npt.NDArray[np.float64]
Days = npt.NDArray[np.datetime64]

YEAR_DAYS = 365.25
MIN_WEEKS = 12
"""Fewest known weeks with a lag that can be fitted at all."""

MAX_YEARLY_ORDER = 15
MIN_HOLIDAY_TIMES = 2
"""A holiday seen in fewer weeks of a history teaches nothing about its own effect; those are pooled."""

MAX_KEPT = 128
"""How many sets of weeks a grid keeps the columns of, 0.1 MB each: those of one combination's origins and more."""

SEASON, HOLIDAYS, LAGGED, *_OTHERS = range(3 + len(OF_REGRESSORS))
"""Groups of columns that share a prior scale: regressors by the component that they add to."""

_GROUPS = dict(zip(OF_REGRESSORS, _OTHERS, strict=True))


@dataclass(frozen=True)
class WeekGrid:
    """All weeks of a run with the columns that every combination shares.

    `ds` has shape (W,), consecutive labels; `fourier` (W, 2 * MAX_YEARLY_ORDER): sine and cosine of each order in turn;
    `holidays` (W, N): the share of each holiday in the week, 1 where it is no block, 0 where it is not; columns in the
    order of `holiday_names`; `bits`: of each the weeks in which it is there. Kept once they were asked for: `said`, the
    weeks of each holiday as text; `seen`, the holidays that each span of weeks has seen; `columns`, what histories of
    the same weeks share.
    """

    ds: Days
    fourier: Floats
    holidays: Floats
    holiday_names: tuple[str, ...]
    bits: tuple[int, ...]
    said: dict[tuple[int, ...], list[tuple[int, str]]] = field(default_factory=dict, compare=False, repr=False)
    seen: dict[tuple[int, int], tuple[HolidayColumn, ...]] = field(default_factory=dict, compare=False, repr=False)
    columns: dict[tuple[object, ...], WeekColumns] = field(default_factory=dict, compare=False, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        """Return what goes to another process: what is kept can be made anew there."""
        return {**self.__dict__, "said": {}, "seen": {}, "columns": {}}

    def rows(self, ds: Days) -> npt.NDArray[np.int64]:
        """Return the position of each week; all lie on the grid."""
        weeks: npt.NDArray[np.int64] = ((ds - self.ds[0]) // np.timedelta64(7, "D")).astype("int64")
        return weeks


@dataclass(frozen=True)
class Window:
    """The known weeks of one combination, oldest first, as arrays.

    `rows` (T,): positions in the grid; `span`: first and last position of the history, known or not; `y` (T,) in sales
    per week; `regressors` (T, R) as delivered, in the order of `names`, the lag last. `said` keeps the weeks as text.
    """

    rows: npt.NDArray[np.int64]
    span: tuple[int, int]
    y: Floats
    regressors: Floats
    names: tuple[str, ...]
    said: dict[tuple[object, ...], str] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True)
class HolidayColumn:
    """One holiday that is used; its value in a week is the largest of its `members`, columns of the grid."""

    name: str
    members: tuple[int, ...]


@dataclass(frozen=True)
class WeekColumns:
    """What all histories of the same known weeks share.

    `rows` (2 + F + S, T): t, 1, the features of season and holidays, the hinges; `changepoints` (S,) in units of t.
    """

    start: np.datetime64
    t_scale_days: float
    rows: Floats
    changepoints: Floats
    yearly_order: int
    holiday_columns: tuple[HolidayColumn, ...]

    @property
    def n_features(self) -> int:
        """How many features season and holidays have."""
        return 2 * self.yearly_order + len(self.holiday_columns)

    @functools.cached_property
    def products(self) -> Floats:
        """The products of the rows with each other."""
        found: Floats = np.dot(self.rows, self.rows.T)
        return found


@dataclass(frozen=True)
class Design:
    """One history as the problem that Prophet hands to Stan.

    `weeks`: what depends on the weeks alone; `own` (R + 1, T): the regressors and, last, y, scaled; `groups` (K,) which
    prior scale each feature has: yearly, holidays, regressors.
    """

    weeks: WeekColumns
    target: Target
    y_scale: float
    y_max: float
    own: Floats
    groups: npt.NDArray[np.int64]
    columns: tuple[Column, ...]
    dropped: tuple[str, ...]

    @property
    def y(self) -> Floats:
        """The target, scaled, shape (T,)."""
        found: Floats = self.own[-1]
        return found

    @property
    def t(self) -> Floats:
        """The time, scaled, shape (T,)."""
        found: Floats = self.weeks.rows[0]
        return found

    @property
    def changepoints(self) -> Floats:
        """The changepoints in units of t, shape (S,)."""
        return self.weeks.changepoints

    @property
    def holiday_columns(self) -> tuple[HolidayColumn, ...]:
        """The holidays among the features."""
        return self.weeks.holiday_columns

    @property
    def hinges(self) -> Floats:
        """How far each week is beyond each changepoint, shape (S, T)."""
        return self.weeks.rows[2 + self.weeks.n_features :]

    @property
    def features(self) -> Floats:
        """The features as rows, shape (K, T)."""
        return np.concatenate([self.weeks.rows[2 : 2 + self.weeks.n_features], self.own[:-1]])

    @property
    def X(self) -> Floats:  # noqa: N802 - its name in Prophet
        """The features as columns, shape (T, K)."""
        return self.features.T

    def prior_scales(self, spec: ModelSpec) -> Floats:
        """Return the prior scale of each feature, shape (K,)."""
        return scales_by_group(spec)[self.groups]


def scales_by_group(spec: ModelSpec) -> Floats:
    """Return the prior scales of the groups of columns, in the order of their numbers."""
    others = (getattr(spec, f"{component}_prior_scale", DECLARED_PRIOR_SCALE) for component in _GROUPS)
    return np.array([spec.seasonality_prior_scale, spec.holidays_prior_scale, spec.lag_prior_scale, *others])


def group_of(regressor: str) -> int:
    """Return the group of a regressor, by its name."""
    return LAGGED if regressor == LAG else _GROUPS[component_of(regressor)]


def week_grid(first: np.datetime64, last: np.datetime64, holidays: pd.DataFrame) -> WeekGrid:
    """Return the grid of the weeks labelled `first` to `last`, with the holidays.

    Those are rows of `holiday`, `ds` (a week's label) and `share` (above 0, at most 1).
    """
    ds = np.arange(first, last + np.timedelta64(1, "D"), np.timedelta64(7, "D")).astype("datetime64[D]")
    names = tuple(sorted(set(holidays["holiday"])))
    table = np.zeros((len(ds), len(names)))
    place = {name: column for column, name in enumerate(names)}
    weeks = holidays["ds"].to_numpy(dtype="datetime64[D]")
    for name, week, share in zip(holidays["holiday"], weeks, holidays["share"], strict=True):
        if first <= week <= last:
            table[int((week - ds[0]) // np.timedelta64(7, "D")), place[name]] = share
    bits = tuple(int.from_bytes(np.packbits(each != 0, bitorder="little").tobytes(), "little") for each in table.T)
    return WeekGrid(ds, fourier(ds, MAX_YEARLY_ORDER), table, names, bits)


def fourier(ds: Days, order: int, period: float = YEAR_DAYS) -> Floats:
    """Return the Fourier columns of the days, sine and cosine of each order in turn, shape (W, 2 * order)."""
    days = (ds - np.datetime64("1970-01-01", "D")) / np.timedelta64(1, "D")
    angle = (2 * np.pi * days)[:, None] * (np.arange(1, order + 1) / period)
    return np.stack([np.sin(angle), np.cos(angle)], axis=2).reshape(len(ds), -1)


def window(weeks: pd.DataFrame | Mapping[str, Any], regressors: Sequence[str], grid: WeekGrid) -> Window:
    """Return the weeks of a history (columns by name) whose sales and lag are known.

    Raises:
        FitError: fewer than 12 known weeks, or values that are not finite; the weeks are named.
    """
    names = (*regressors, LAG)
    y, lag = (np.asarray(weeks[name], dtype="float64") for name in ("y", LAG))
    known = ~np.isnan(y) & ~np.isnan(lag)
    ds: Days = np.asarray(weeks["ds"]).astype("datetime64[D]")
    values = np.column_stack([np.asarray(weeks[name], dtype="float64") for name in names])[known]
    wrong = ~np.isfinite(np.column_stack([y[known], values])).all(axis=1)
    if wrong.any():
        labels = ", ".join(str(day) for day in ds[known][wrong][:3])
        raise FitError(f"values that are not finite in week {labels}; correct them at the source")
    if known.sum() < MIN_WEEKS:
        raise FitError(f"{int(known.sum())} known weeks with a lag, at least {MIN_WEEKS} are needed")
    rows = grid.rows(ds)
    return Window(rows[known], (int(rows[0]), int(rows[-1])), y[known], values, names)


def until(whole: Window, last: int) -> Window:
    """Return the part of a window up to and including the grid's position `last`.

    Raises:
        FitError: fewer than 12 known weeks are left.
    """
    n = int(np.searchsorted(whole.rows, last, side="right"))
    if n < MIN_WEEKS:
        raise FitError(f"{n} known weeks with a lag, at least {MIN_WEEKS} are needed")
    return Window(whole.rows[:n], (whole.span[0], last), whole.y[:n], whole.regressors[:n], whole.names)


def design(known: Window, grid: WeekGrid, spec: ModelSpec) -> Design:
    """Return the problem of these weeks under these settings."""
    y, values = known.y, known.regressors
    if spec.target == "log1p":
        y = np.log1p(y)
        values = np.column_stack([values[:, :-1], np.log1p(values[:, -1])])
    y_scale = float(np.maximum.reduce(np.abs(y))) or 1.0
    weeks = _week_columns(known, grid, spec)
    columns, own = standardised(known.names, values)
    np.divide(y, y_scale, out=own[-1])
    used = [column.name for column in columns]
    return Design(
        weeks=weeks,
        target=spec.target,
        y_scale=y_scale,
        y_max=float(np.maximum.reduce(known.y)),
        own=own,
        groups=_groups_of(2 * weeks.yearly_order, len(weeks.holiday_columns), tuple(used)),
        columns=columns,
        dropped=tuple([name for name in known.names if name not in used]),
    )


def _week_columns(known: Window, grid: WeekGrid, spec: ModelSpec) -> WeekColumns:
    """What these weeks have in common for all histories, made once and kept with the grid."""
    rows, order = known.rows, spec.yearly_order if len(known.rows) >= spec.yearly_min_weeks else 0
    first, end = int(rows[0]), int(rows[-1]) + 1
    is_whole = end - first == len(rows)  # a slice is read in a fraction of the time
    which = (first, end) if is_whole else rows.tobytes()
    key = known.span, which, order, spec.n_changepoints, spec.changepoint_range
    found = grid.columns.get(key)
    if found is None:
        at = slice(first, end) if is_whole else rows
        if len(grid.columns) >= MAX_KEPT:
            grid.columns.pop(next(iter(grid.columns)), None)
        found = grid.columns[key] = _made(grid, at, _holidays_seen(known.span, grid), order, spec)
    return found


def _made(
    grid: WeekGrid,
    at: npt.NDArray[np.int64] | slice,
    holidays: tuple[HolidayColumn, ...],
    order: int,
    spec: ModelSpec,
) -> WeekColumns:
    ds = grid.ds[at]
    days = (ds - ds[0]).astype("float64")
    t = days / days[-1]
    changepoints = _changepoints(t, spec.n_changepoints, spec.changepoint_range)
    seasons = 2 + 2 * order
    n = seasons + len(holidays)
    rows = np.empty((n + len(changepoints), len(t)))
    rows[0], rows[1], rows[2:seasons] = t, 1.0, grid.fourier[at, : 2 * order].T
    rows[seasons:n] = holiday_values(grid, at, holidays).T
    np.subtract(t, changepoints[:, None], out=rows[n:])
    np.maximum(rows[n:], 0.0, out=rows[n:])
    return WeekColumns(ds[0], float(days[-1]), rows, changepoints, order, holidays)


@functools.lru_cache(maxsize=1024)
def _groups_of(seasons: int, n_holidays: int, regressors: tuple[str, ...]) -> npt.NDArray[np.int64]:
    groups = [SEASON] * seasons + [HOLIDAYS] * n_holidays + [group_of(name) for name in regressors]
    return np.array(groups, dtype="int64")


def future_columns(
    problem: Design, grid: WeekGrid, rows: npt.NDArray[np.int64], regressors: Floats
) -> tuple[Floats, Floats]:
    """Return t (H,) and the features (H, K) of weeks of the grid, as the design scales them; the lag's column is 0.

    `regressors` has shape (H, R), as in `Window`, its lag not read.
    """
    weeks = problem.weeks
    t = ((grid.ds[rows] - weeks.start) / np.timedelta64(1, "D")) / weeks.t_scale_days
    columns = [
        np.zeros(len(rows)) if column.name == LAG else (regressors[:, column.index] - column.mu) / column.std
        for column in problem.columns
    ]
    shared = [grid.fourier[rows, : 2 * weeks.yearly_order], holiday_values(grid, rows, weeks.holiday_columns)]
    return t, np.column_stack([*shared, *columns])


@dataclass(frozen=True)
class Problem:
    """The design of an origin's past and, as it scales them, the weeks ahead: t, features and hinges, (H, ...)."""

    design: Design
    t: Floats
    features: Floats
    hinges: Floats


def problem_of(made: Design, grid: WeekGrid, rows: npt.NDArray[np.int64], regressors: Floats) -> Problem:
    """Return the problem of a design and weeks ahead of it, as in `future_columns`."""
    t, features = future_columns(made, grid, rows, regressors)
    return Problem(made, t, features, np.maximum(0.0, t[:, None] - made.changepoints))


def holiday_values(grid: WeekGrid, rows: npt.NDArray[np.int64] | slice, columns: Sequence[HolidayColumn]) -> Floats:
    """Return the values of holidays in weeks of the grid, shape (H, number of columns)."""
    table = grid.holidays[rows]
    values = table[:, [column.members[0] for column in columns]]
    for place, column in enumerate(columns):
        if len(column.members) > 1:
            values[:, place] = table[:, list(column.members)].max(axis=1)
    return values


def _holidays_seen(span: tuple[int, int], grid: WeekGrid) -> tuple[HolidayColumn, ...]:
    """The holidays that the history, known weeks or not, has seen in at least two weeks, and the rest as one.

    Moved working days are no holiday: seen less often they are in no column. The rest counts in the weeks of all its
    holidays, those never seen too, and only if two such weeks were seen. In Prophet's order of columns.
    """
    if span in grid.seen:
        return grid.seen[span]
    first, last = span
    inside = (1 << last - first + 1) - 1
    weeks = [bits >> first & inside for bits in grid.bits]
    columns, pooled, of_pooled = [], [], 0
    for place, (name, bits) in enumerate(zip(grid.holiday_names, weeks, strict=True)):
        if _times(bits) >= MIN_HOLIDAY_TIMES:
            columns.append(HolidayColumn(name, (place,)))
        elif name != WORKING_DAYS:
            pooled.append(place)
            of_pooled |= bits
    if _times(of_pooled) >= MIN_HOLIDAY_TIMES:
        columns.append(HolidayColumn(OTHER_HOLIDAYS, tuple(pooled)))
    grid.seen[span] = tuple(sorted(columns, key=lambda column: f"{column.name}_delim_+0"))
    return grid.seen[span]


def _times(bits: int) -> int:
    """How often a holiday was there, of whose weeks each is a bit: weeks in a row are one time."""
    return (bits & ~(bits << 1)).bit_count()


def _changepoints(t: Floats, n_changepoints: int, changepoint_range: float) -> Floats:
    """Evenly placed over the first part of the known weeks; as many as fit."""
    places = _changepoint_places(int(np.floor(len(t) * changepoint_range)), n_changepoints)
    return t[places]


@functools.cache
def _changepoint_places(n_weeks: int, n_changepoints: int) -> npt.NDArray[np.int64]:
    wanted = n_weeks - 1 if n_changepoints + 1 > n_weeks else n_changepoints
    return np.linspace(0, n_weeks - 1, wanted + 1).round().astype("int64")[1:]
