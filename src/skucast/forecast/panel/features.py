"""What the panel knows of a coming week: one function for training, backtest and prediction.

All of it is known at the origin, the last week of sales: sales up to it, promotions as the plan has them, the calendar.
Sales are divided by the level of their combination, so that all learn from each other.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import numpy as np

from skucast.core.combination import Combination
from skucast.core.declared import CHANGE, PREFIX, Regressor, name_of
from skucast.forecast.panel.grid import Grid, Ints, classes_of, summed_by
from skucast.forecast.prophet.design import Floats
from skucast.regressors.declared_values import CHANGE_WEEKS, change_of, filled, mean_before

LAGS = (0, 1, 2, 3, 5, 7, 12)
WINDOWS = (4, 8, 13, 26, 52)
PLAIN_WINDOWS = (1, 4, 13)
RECENT = 13
YEAR = 52
MAX_AGE = 104
MAX_PROMOTIONS = 30
DECLARED_WEEKS = 3 * YEAR
PROMO_LAGS = 3

LEAST_LEVEL = 0.02
"""A level is at least this share of the mean of all weeks, and at least this many pieces."""

SHRINK_OWN, SHRINK_SKU, SHRINK_ALL, SHRINK_LIFT = 3.0, 4.0, 2.0, 2.0
"""How many observations of the wider group an estimate begins with."""

GROUPS = ("unit", "channel", "sku")


PARTS = ("level", "yearly", "holidays", "promo", "carry_over")
"""The components of a forecast that features can add to; of weather the panel knows nothing."""

_PREFIXES = {
    "level": ("y_12",),
    "yearly": (
        "week_of_year",
        "day_of_month",
        "year_ago",
        "around_year_ago",
        "unit_year_ago",
        "sku_year_ago",
        "all_year",
    ),
    "holidays": ("holiday", "is_holiday"),
    "carry_over": ("y_0", "y_1", "y_2", "y_3", "unit_y_0", "channel_y_0", "sku_y_0", "all_y_0"),
    "promo": (
        "depth",
        "days",
        "promoted",
        "promotions",
        "lift",
        "weeks_since",
        "weeks_in_a_row",
        "response",
        "unit_promoted",
        "unit_depth",
        "sku_promoted",
        "sku_depth",
    ),
}


def part_of(feature: str) -> str:
    """Return the component that a feature adds to; of a declared regressor its column, for it is one by itself."""
    if name := name_of(feature):
        return PREFIX + name
    return next((part for part, prefixes in _PREFIXES.items() if feature.startswith(prefixes)), "level")


def levels(grid: Grid, end: int) -> Floats:
    """Return each combination's level after `end` weeks, sales per week, above 0; shape (S,)."""
    ever = np.nan_to_num(grid.sold.mean(0, end))
    year = grid.sold.mean(max(end - YEAR, 0), end)
    recent = grid.sold.mean(max(end - RECENT, 0), end)
    year = np.where(np.isnan(year), ever, year)
    level = 0.8 * np.where(np.isnan(recent), year, recent) + 0.2 * year
    found: Floats = np.maximum(level, np.maximum(LEAST_LEVEL * ever, LEAST_LEVEL))
    return found


def features_at(
    grid: Grid, end: int, depth: Floats, days: Floats, declared: Sequence[Floats] = ()
) -> tuple[Floats, list[str]]:
    """Return the features of the H weeks after the first `end` ones and their names.

    Args:
        grid: all combinations; weeks from `end` on are not looked at.
        end: how many weeks are known.
        depth: mean discount of each coming week as it was known then, percent; shape (S, H).
        days: days with a promotion, likewise.
        declared: values of the grid's further regressors, likewise, NaN where nothing was known.

    Returns:
        Features of shape (S, H, F), NaN where nothing tells, and the F names.
    """
    named = named_features(grid, end, depth, days, declared)
    return stacked(named), list(named)


def named_features(
    grid: Grid, end: int, depth: Floats, days: Floats, declared: Sequence[Floats] = ()
) -> dict[str, Floats]:
    """Return what `features_at` does by name, (S, H) each: most of them are views of what is the same in all weeks."""
    level, shape = levels(grid, end), depth.shape
    parts = {
        **{name: values[:, None] for name, values in _sales(grid, end, level)},
        **dict(_promotions(grid, end, depth, days)),
        **dict(_calendar(grid, end, shape[1])),
        **dict(_last_year(grid, end, level, shape[1])),
        **dict(_responses(grid, end, level, classes_of(depth, days))),
        **dict(_declared(grid, end, declared)),
    }
    return {name: np.broadcast_to(values, shape) for name, values in parts.items()}


def promoted_features(grid: Grid, end: int, depth: Floats, days: Floats) -> dict[str, Floats]:
    """Return those of `named_features` that the promotions of the coming weeks change, (S, H) each."""
    responses = _responses(grid, end, levels(grid, end), classes_of(depth, days))
    return {**dict(_promotions(grid, end, depth, days)), **dict(responses)}


def stacked(named: Mapping[str, Floats], rows: Ints | slice = slice(None), weeks: slice = slice(None)) -> Floats:
    """Return these features of some combinations and weeks, (S, H, F)."""
    return np.stack([values[rows, weeks] for values in named.values()], axis=-1)


@functools.cache
def feature_names(declared: tuple[Regressor, ...] = ()) -> tuple[str, ...]:
    """Return the names of all features in their order, which no sales change."""
    nothing = np.zeros((1, 1))
    of_one = (Combination("-", "-", "-"),), nothing, nothing, nothing, np.zeros((1, 3), dtype="int64")
    more = tuple((each, nothing) for each in declared)
    grid = Grid(date(2024, 1, 7), *of_one, np.zeros((1, 2, 4)), np.zeros(1, dtype="int64"), more)
    return tuple(features_at(grid, 1, nothing, nothing, [nothing] * len(more))[1])


def _sales(grid: Grid, end: int, level: Floats) -> Iterator[tuple[str, Floats]]:
    """Sales up to the origin: lags, means, spread, age, what the groups sell, how promotions have worked."""
    for lag in LAGS:
        yield f"y_{lag}", _week(grid.y, end - 1 - lag) / level
    for window in WINDOWS:
        yield f"mean_{window}", grid.sold.mean(max(end - window, 0), end) / level
    yield "mean_ever", grid.sold.mean(0, end) / level
    recent = grid.y[:, max(end - RECENT, 0) : end]
    known = ~np.isnan(recent)
    count = np.maximum(known.sum(axis=1), 1)
    mean = np.nan_to_num(recent).sum(axis=1) / count
    spread = np.where(known, recent - mean[:, None], 0.0)
    yield "spread_13", np.sqrt((spread**2).sum(axis=1) / count) / level
    yield "zeros_13", (known & (recent == 0)).sum(axis=1) / count
    for window in PLAIN_WINDOWS:
        yield f"plain_{window}", _last_plain(grid, end, window) / level
    is_known = grid.is_known[:, :end]
    age = np.where(is_known.any(axis=1), end - is_known.argmax(axis=1), 0)
    yield "age", np.minimum(age, MAX_AGE).astype("float64")
    yield "log_level", np.log(level)
    last, mean_4 = _week(grid.y, end - 1), grid.sold.mean(max(end - 4, 0), end)
    for group, codes in _groups(grid):
        yield f"{group}_y_0", _share_of_level(codes, last, level)
        yield f"{group}_mean_4", _share_of_level(codes, mean_4, level)
    total, count = (functools.reduce(np.add, each.T[1:]) for each in grid.responses_until(end))  # class by class
    everyone = (total.sum() + SHRINK_LIFT) / (count.sum() + SHRINK_LIFT)
    yield "lift", (total + SHRINK_LIFT * everyone) / (count + SHRINK_LIFT)
    is_promoted = (grid.days[:, :end] > 0).astype("float64")
    yield "promotions", np.minimum(is_promoted.sum(axis=1), MAX_PROMOTIONS)
    yield "promoted_26", _mean_of_last(is_promoted, 26)
    yield "depth_13", _mean_of_last(grid.depth[:, :end], RECENT)


def _promotions(grid: Grid, end: int, depth: Floats, days: Floats) -> Iterator[tuple[str, Floats]]:
    """The promotion of the week, those before it, and those of the same unit and article at the same time."""
    horizon = depth.shape[1]
    all_depth = np.concatenate([grid.depth[:, :end], depth], axis=1)
    all_days = np.concatenate([grid.days[:, :end], days], axis=1)
    is_promoted = all_days > 0
    targets = np.arange(end, end + horizon)
    yield "depth", depth
    yield "days", days
    for back in range(1, PROMO_LAGS + 1):
        yield f"depth_before_{back}", _weeks(all_depth, targets - back)
        yield f"days_before_{back}", _weeks(all_days, targets - back)
    before = np.stack([_weeks(is_promoted.astype("float64"), targets - back) for back in range(1, 5)])
    yield "promoted_4_before", np.nan_to_num(before).mean(axis=0)
    since, in_a_row = _since_and_in_a_row(is_promoted, targets)
    yield "weeks_since", since
    yield "weeks_in_a_row", in_a_row
    recent_depth, recent_share = (
        _mean_of_last(grid.depth[:, :end], RECENT),
        _mean_of_last((grid.days[:, :end] > 0).astype("float64"), RECENT),
    )
    now = (days > 0).astype("float64")
    for group, codes in (("unit", grid.codes[:, 0]), ("sku", grid.codes[:, 2])):
        others = summed_by(codes, np.ones(len(codes))) - 1
        for what, values, recent in (("promoted", now, recent_share), ("depth", depth, recent_depth)):
            share = _of_others(codes, values, others)
            yield f"{group}_{what}", share
            yield f"{group}_{what}_more", share - _of_others(codes, recent, others)[:, None]
    yield "depth_more", depth - recent_depth[:, None]
    yield "depth_change", depth - _week(grid.depth, end - 1)[:, None]


def _calendar(grid: Grid, end: int, horizon: int) -> Iterator[tuple[str, Floats]]:
    """Season and holidays of the week and its neighbours; and which week it is of those ahead."""
    targets = np.arange(end, end + horizon)
    last = grid.calendars.shape[1] - 1

    def of(what: int, weeks: Ints) -> Floats:
        found: Floats = grid.calendars[grid.calendar[:, None], np.clip(weeks, 0, last)[None, :], what]
        return found

    yield "week_of_year", of(0, targets)
    yield "day_of_month", of(1, targets)
    yield "holiday_days", of(2, targets)
    yield "holiday_days_before", of(2, targets - 1)
    yield "holiday_days_after", of(2, targets + 1)
    yield "is_holiday", of(3, targets)
    yield "step", np.arange(1.0, horizon + 1)


def _last_year(grid: Grid, end: int, level: Floats, horizon: int) -> Iterator[tuple[str, Floats]]:
    """What the same week of last year was, of the combination and of its groups."""
    then = np.arange(end, end + horizon) - YEAR
    y = _weeks(grid.y, then)
    around = np.stack(
        [y, _weeks(grid.y, then - 1), _weeks(np.where(np.arange(grid.y.shape[1]) < end, grid.y, np.nan), then + 1)]
    )
    known = ~np.isnan(around)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known.any(axis=0), np.nan_to_num(around).sum(axis=0) / known.sum(axis=0), np.nan)
    yield "year_ago", y / level[:, None]
    yield "around_year_ago", mean / level[:, None]
    was = end - YEAR
    nothing = np.full(len(level), np.nan)
    yield "year_ago_of_its_level", y / (levels(grid, was) if was > 0 else nothing)[:, None]
    yield "days_year_ago", _weeks(grid.days, then)
    mean_then = grid.sold.mean(max(was - RECENT, 0), was) if was > 0 else nothing
    is_both = ~np.isnan(y) & ~np.isnan(mean_then)[:, None]
    for group, codes in _groups(grid):
        if group == "channel":
            continue
        sold = summed_by(codes, np.where(is_both, y, 0.0))
        usual = summed_by(codes, np.where(is_both, mean_then[:, None], 0.0))
        with np.errstate(invalid="ignore", divide="ignore"):
            yield f"{group}_year_ago", np.where(usual > 0, sold / usual, np.nan)


def _responses(grid: Grid, end: int, level: Floats, classes: Ints) -> Iterator[tuple[str, Floats]]:
    """How promotions of this depth have worked: of the article there, else of the article, else of everyone."""
    total, count = grid.responses_until(end)
    everyone = (total.sum(axis=0) + SHRINK_ALL) / (count.sum(axis=0) + SHRINK_ALL)
    sku = grid.codes[:, 2]
    of_sku = (summed_by(sku, total) + SHRINK_SKU * everyone) / (summed_by(sku, count) + SHRINK_SKU)
    own = (total + SHRINK_OWN * of_sku) / (count + SHRINK_OWN)
    response = np.take_along_axis(own, classes, axis=1)
    yield "response", response
    yield "response_of_plain", response * (_last_plain(grid, end, RECENT) / level)[:, None]


def _declared(grid: Grid, end: int, ahead: Sequence[Floats]) -> Iterator[tuple[str, Floats]]:
    """Further regressors of the week: against the last 13 weeks, and on the scale of the combination's last year.

    An event is what it is, and how much more than it was; of a combination without any value nothing is told.
    """
    for (regressor, values), known in zip(grid.declared, ahead, strict=True):
        past = values[:, max(end - DECLARED_WEEKS, 0) : end]
        whole = filled(np.concatenate([past, known], axis=1), regressor.unknown, past.shape[1])
        targets = np.arange(past.shape[1], whole.shape[1])
        is_told = (~np.isnan(past)).any(axis=1, keepdims=True)
        value = whole[:, targets]
        if regressor.kind == "event":
            change = value - mean_before(whole, CHANGE_WEEKS)[:, targets]
        else:
            usual = np.abs(whole[:, : past.shape[1]][:, -YEAR:]).mean(axis=1, keepdims=True)
            value, change = value / np.where(usual > 0, usual, 1.0), change_of(whole)[:, targets]
        yield regressor.column, np.where(is_told, value, np.nan)
        yield regressor.column + CHANGE, np.where(is_told, change, np.nan)


# --- pieces ----------------------------------------------------------------------------------------------------------


def _groups(grid: Grid) -> Iterator[tuple[str, Ints]]:
    """The groups of combinations: of a unit, a channel, an article, and all."""
    for number, group in enumerate(GROUPS):
        yield group, grid.codes[:, number]
    yield "all", np.zeros(len(grid.codes), dtype="int64")


def _week(values: Floats, week: int) -> Floats:
    """One column, NaN before the first."""
    found: Floats = values[:, week] if week >= 0 else np.full(len(values), np.nan)
    return found


def _weeks(values: Floats, weeks: Ints) -> Floats:
    """These columns, NaN where there are none."""
    inside = (weeks >= 0) & (weeks < values.shape[1])
    found: Floats = np.where(inside, values[:, np.clip(weeks, 0, values.shape[1] - 1)], np.nan)
    return found


def _mean_of_last(values: Floats, window: int) -> Floats:
    found: Floats = values[:, -window:].mean(axis=1)
    return found


def _last_plain(grid: Grid, end: int, n_weeks: int) -> Floats:
    """The mean of the last so many known weeks without a promotion."""
    count = grid.sold_plain.count[:, : end + 1]
    first = (count > (count[:, -1:] - n_weeks - 0.5)).argmax(axis=1)  # before it are all but the last `n_weeks`
    rows = np.arange(len(count))
    found = count[:, -1] - count[rows, first]
    total = grid.sold_plain.total[rows, end] - grid.sold_plain.total[rows, first]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: Floats = np.where(found > 0, total / found, np.nan)
    return mean


def _since_and_in_a_row(is_promoted: np.ndarray, targets: Ints) -> tuple[Floats, Floats]:
    """For each target: weeks since the last promotion before it (NaN: never), promoted weeks in a row before it."""
    week = np.arange(is_promoted.shape[1], dtype="int32")
    never = np.int32(-1)

    def last_before(flags: np.ndarray) -> Ints:
        last = np.maximum.accumulate(np.where(flags, week, never), axis=1)
        return np.where(targets > 0, last[:, targets - 1], never).astype("int64")

    before, gap_before = last_before(is_promoted), last_before(~is_promoted)
    since = np.where(before >= 0, targets - before, np.nan)
    return np.minimum(since, MAX_AGE), (targets - 1 - gap_before).astype("float64")


def _share_of_level(codes: Ints, sold: Floats, level: Floats) -> Floats:
    """What each one's group sold over the level of those of which that is known; NaN where it is of none."""
    usual = summed_by(codes, np.where(np.isnan(sold), 0.0, level))
    with np.errstate(invalid="ignore", divide="ignore"):
        share: Floats = np.where(usual > 0, summed_by(codes, sold) / usual, np.nan)
    return share


def _of_others(codes: Ints, values: Floats, others: Floats) -> Floats:
    """The mean over the others of each one's group; NaN where it is alone."""
    rest = summed_by(codes, values) - values
    divisor = others if rest.ndim == 1 else others[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: Floats = np.where(divisor > 0, rest / divisor, np.nan)
    return mean
