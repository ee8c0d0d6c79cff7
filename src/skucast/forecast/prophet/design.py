"""Prophet's regression problem for one history: scales, changepoints, feature columns and prior scales, in plain numpy.

`week_grid` makes the columns that depend on the week alone, once for all combinations; `design` puts one history on it.
Equal to `Prophet.preprocess()` column by column (tested to 1e-12). May import `spec`, numpy, pandas, and from outside
the errors of core and the name of pooled holidays.
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
from skucast.forecast.prophet.spec import DECLARED_PRIOR_SCALE, LAG, ModelSpec, Target
from skucast.regressors.built_in import component_of
from skucast.regressors.holidays import OTHER_HOLIDAYS, WORKING_DAYS
from skucast.regressors.responses import RESPONSE_REGRESSORS

Floats = npt.NDArray[np.float64]
Days = npt.NDArray[np.datetime64]

YEAR_DAYS = 365.25
MIN_WEEKS = 12
"""Fewest known weeks with a lag that can be fitted at all."""

MAX_YEARLY_ORDER = 15
MIN_HOLIDAY_TIMES = 2
"""A holiday seen in fewer weeks of a history teaches nothing about its own effect; those are pooled."""

CONSTANT_WITHIN = 1e-9
"""A regressor that varies by no more than this share of its size is constant."""

SEASON, HOLIDAYS, LAGGED, *_OTHERS = range(3 + len(OF_REGRESSORS))
"""Groups of columns that share a prior scale: regressors by the component that they add to."""

_GROUPS = dict(zip(OF_REGRESSORS, _OTHERS, strict=True))


@dataclass(frozen=True)
class WeekGrid:
    """All weeks of a run with the columns that every combination shares.

    `ds` has shape (W,), consecutive labels; `fourier` (W, 2 * MAX_YEARLY_ORDER): sine and cosine of each order in turn;
    `holidays` (W, N): the share of each holiday in the week, 1 where it is no block, 0 where it is not; columns in the
    order of `holiday_names`. `said` keeps the weeks of each holiday as text, once they were asked for, and `seen` the
    holidays that each span of weeks has seen.
    """

    ds: Days
    fourier: Floats
    holidays: Floats
    holiday_names: tuple[str, ...]
    said: dict[tuple[int, ...], list[tuple[int, str]]] = field(default_factory=dict, compare=False, repr=False)
    seen: dict[tuple[int, int], tuple[HolidayColumn, ...]] = field(default_factory=dict, compare=False, repr=False)

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
class Column:
    """One regressor that is used: its values enter as (value - mu) / std; `index` is its place in the window."""

    name: str
    index: int
    mu: float
    std: float


@dataclass(frozen=True)
class HolidayColumn:
    """One holiday that is used; its value in a week is the largest of its `members`, columns of the grid."""

    name: str
    members: tuple[int, ...]


@dataclass(frozen=True)
class Design:
    """One history as the problem that Prophet hands to Stan.

    `y` (T,) and `t` (T,) scaled; `X` (T, K) features: yearly, holidays, regressors; `groups` (K,) which prior scale
    each column has; `changepoints` (S,) in units of t.
    """

    target: Target
    start: np.datetime64
    t_scale_days: float
    y_scale: float
    y_max: float
    y: Floats
    t: Floats
    X: Floats
    groups: npt.NDArray[np.int64]
    changepoints: Floats
    yearly_order: int
    holiday_columns: tuple[HolidayColumn, ...]
    columns: tuple[Column, ...]
    dropped: tuple[str, ...]

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
    return WeekGrid(ds, fourier(ds, MAX_YEARLY_ORDER), table, names)


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
    at = _slice_of(known.rows)
    ds = grid.ds[at]
    days = (ds - ds[0]).astype("float64")
    t_scale_days = float(days[-1])
    t = days / t_scale_days
    y_scale = float(np.abs(y).max()) or 1.0
    order = spec.yearly_order if len(y) >= spec.yearly_min_weeks else 0
    holidays = _holidays_seen(known.span, grid)
    columns, standardized = _columns(known.names, values)
    seasons, last_holiday = 2 * order, 2 * order + len(holidays)
    X = np.empty((len(y), last_holiday + len(columns)))
    X[:, :seasons] = grid.fourier[at, :seasons]
    X[:, seasons:last_holiday] = holiday_values(grid, at, holidays)
    X[:, last_holiday:] = standardized.T
    used = [column.name for column in columns]
    return Design(
        target=spec.target,
        start=ds[0],
        t_scale_days=t_scale_days,
        y_scale=y_scale,
        y_max=float(known.y.max()),
        y=y / y_scale,
        t=t,
        X=X,
        groups=_groups_of(seasons, len(holidays), tuple(used)),
        changepoints=_changepoints(t, spec.n_changepoints, spec.changepoint_range),
        yearly_order=order,
        holiday_columns=holidays,
        columns=columns,
        dropped=tuple(name for name in known.names if name not in used),
    )


def _slice_of(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64] | slice:
    """The weeks as a slice where none is missing, which is read in a fraction of the time."""
    first, end = int(rows[0]), int(rows[-1]) + 1
    return slice(first, end) if end - first == len(rows) else rows


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
    t = ((grid.ds[rows] - problem.start) / np.timedelta64(1, "D")) / problem.t_scale_days
    columns = [
        np.zeros(len(rows)) if column.name == LAG else (regressors[:, column.index] - column.mu) / column.std
        for column in problem.columns
    ]
    shared = [grid.fourier[rows, : 2 * problem.yearly_order], holiday_values(grid, rows, problem.holiday_columns)]
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
    is_there = grid.holidays[first : last + 1] != 0
    is_seen = _times(is_there) >= MIN_HOLIDAY_TIMES
    is_holiday = np.array([name != WORKING_DAYS for name in grid.holiday_names], dtype=bool)
    pooled = ~is_seen & is_holiday
    columns = [HolidayColumn(grid.holiday_names[place], (place,)) for place in np.flatnonzero(is_seen).tolist()]
    rest: npt.NDArray[np.bool_] = is_there[:, pooled].any(axis=1).reshape(-1, 1)
    if _times(rest)[0] >= MIN_HOLIDAY_TIMES:
        columns.append(HolidayColumn(OTHER_HOLIDAYS, tuple(np.flatnonzero(pooled).tolist())))
    grid.seen[span] = tuple(sorted(columns, key=lambda column: f"{column.name}_delim_+0"))
    return grid.seen[span]


def _times(is_there: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """How often each holiday was there: weeks in a row are one time."""
    before = np.zeros_like(is_there)
    before[1:] = is_there[:-1]
    times: npt.NDArray[np.int64] = (is_there & ~before).sum(axis=0)
    return times


def _columns(names: Sequence[str], values: Floats) -> tuple[tuple[Column, ...], Floats]:
    """The regressors that vary and their values (R, T) standardised, as Prophet does: binary ones are left alone.

    Constant up to rounding: a mean of equal discounts differs in its last digit with the number of days. A response to
    promotions is left alone too: it has a measure of its own, in which the prior scale bounds what a few small ones can
    say of a large one.
    """
    rows = np.ascontiguousarray(values.T)
    lowest, highest = rows.min(axis=1), rows.max(axis=1)
    varies = highest - lowest > CONSTANT_WITHIN * np.maximum(1.0, np.maximum(np.abs(lowest), np.abs(highest)))
    mu = rows.sum(axis=1) / rows.shape[1]
    centred = rows - mu[:, None]
    std = np.sqrt((centred * centred).sum(axis=1) / (rows.shape[1] - 1))
    columns = []
    for index in np.flatnonzero(varies).tolist():
        is_binary = lowest[index] == 0.0 and highest[index] == 1.0 and np.isin(rows[index], (0.0, 1.0)).all()
        if is_binary or names[index] in RESPONSE_REGRESSORS:
            mu[index], std[index], centred[index] = 0.0, 1.0, rows[index]
        columns.append(Column(names[index], index, float(mu[index]), float(std[index])))
    return tuple(columns), centred[varies] / std[varies, None]


def _changepoints(t: Floats, n_changepoints: int, changepoint_range: float) -> Floats:
    """Evenly placed over the first part of the known weeks; as many as fit."""
    places = _changepoint_places(int(np.floor(len(t) * changepoint_range)), n_changepoints)
    return t[places]


@functools.cache
def _changepoint_places(n_weeks: int, n_changepoints: int) -> npt.NDArray[np.int64]:
    wanted = n_weeks - 1 if n_changepoints + 1 > n_weeks else n_changepoints
    return np.linspace(0, n_weeks - 1, wanted + 1).round().astype("int64")[1:]
