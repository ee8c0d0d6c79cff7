"""Values of regressors as models know them: weeks of days, what stands in for the unknown; nothing of later weeks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import numpy as np
import numpy.typing as npt

from skucast.core.declared import CHANGE, Regressor, Rule, Unknown
from skucast.sales.columns import Weeks, numbers

Floats = npt.NDArray[np.float64]

CHANGE_WEEKS = 13
"""Weeks before one that its price is compared with."""

MOST_CHANGE = 3.0
"""A price is at most so many times above its last weeks: beyond it the measure has changed, not the price."""

YEARS = (52, 104)

RECENT_WEEKS = 26
"""Weeks whose mean is the recent one."""

FAR = 0.5
"""How far beyond the values of before a value is far outside them, if these lie closer together: part of the largest.
"""


def plain_sum(by_day: Floats) -> Floats:
    """Return the sum over the last axis."""
    found: Floats = by_day.sum(axis=-1)
    return found


def sum_of_a_group(by_day: Floats) -> Floats:
    """Return the sum over the last axis as pandas adds up a group: the first, and the sum of the others.

    It may differ from `plain_sum` in the last bit, and a model's version in all.
    """
    found: Floats = by_day[..., 0] + by_day[..., 1:].sum(axis=-1)
    return found


@dataclass(frozen=True)
class DeclaredWeeks:
    """What was known of H weeks of one combination: `values` by a regressor's name, shape (H,), NaN = not known.

    `said` names the regressors of which anything had been said of the combination by then, about these weeks or earlier
    ones: what was said of later weeks alone tells nothing of what was known.
    """

    declared: tuple[Regressor, ...] = ()
    values: Mapping[str, Floats] = field(default_factory=dict)
    said: frozenset[str] = frozenset()

    def part(self, part: slice) -> DeclaredWeeks:
        """Return some of the weeks."""
        return DeclaredWeeks(self.declared, {name: each[part] for name, each in self.values.items()}, self.said)

    @property
    def known(self) -> frozenset[str]:
        """The regressors of which the value of a week is known."""
        return frozenset(name for name, values in self.values.items() if not np.isnan(values).all())


NOTHING_DECLARED = DeclaredWeeks()

DeclaredAsOf = Callable[[datetime, Sequence[date]], Sequence[DeclaredWeeks]]
"""What was known at a moment (naive UTC) of consecutive weeks, of each combination in their order."""


def declared_columns(weeks: Weeks, declared: Sequence[Regressor]) -> dict[str, Floats]:
    """Return all regressors of one combination's weeks, (T,), by their column."""
    found: dict[str, Floats] = {}
    for each in declared:
        found |= columns_of(each, _raw(weeks, each))
    return found


def declared_ahead(weeks: Weeks, known: DeclaredWeeks) -> dict[str, Floats]:
    """Return all regressors of the weeks after a history, (H,), by their column."""
    found: dict[str, Floats] = {}
    for each in known.declared:
        whole = np.concatenate([_raw(weeks, each), known.values[each.name]])
        found |= {name: values[len(weeks) :] for name, values in columns_of(each, whole, len(weeks)).items()}
    return found


def columns_of(regressor: Regressor, raw: Floats, n_past: int | None = None) -> dict[str, Floats]:
    """Return the regressors that one declaration makes of its values, oldest first in the last axis, NaN = unknown.

    The first `n_past` of the weeks are of the history, the others to come; unless said all are.
    """
    values = filled(raw, regressor.unknown, n_past)
    found = {regressor.column: values}
    if regressor.column + CHANGE in regressor.columns:
        found[regressor.column + CHANGE] = change_of(values)
    return found


def change_of(values: Floats) -> Floats:
    """Return how far each value lies above the mean of up to 13 before it, as a ratio; 0 where none is, or it is 0."""
    usual = mean_before(values, CHANGE_WEEKS)
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.where(usual != 0, values / usual - 1.0, 0.0)
    found: Floats = np.clip(np.nan_to_num(change), -MOST_CHANGE, MOST_CHANGE)
    return found


def is_far_outside(values: Floats, low: float, high: float) -> npt.NDArray[np.bool_]:
    """Return which values, (H,), lie further outside those from `low` to `high` than these lie apart (see `FAR`).

    What is not known is not, nor is anything where there was nothing but zeros: no model has learnt of it.
    """
    far = max(high - low, FAR * max(abs(low), abs(high)))
    found: npt.NDArray[np.bool_] = (values < low - far) | (values > high + far)
    return found & (far > 0)


def mean_before(values: Floats, n_weeks: int) -> Floats:
    """Return the mean of up to so many values before each; NaN before the first."""
    sums = np.concatenate([np.zeros((*values.shape[:-1], 1)), np.cumsum(values, axis=-1)], axis=-1)
    ends = np.arange(values.shape[-1])
    starts = np.maximum(ends - n_weeks, 0)
    with np.errstate(invalid="ignore"):
        found: Floats = np.where(ends > 0, (sums[..., ends] - sums[..., starts]) / np.maximum(ends - starts, 1), np.nan)
    return found


def of_weeks(by_day: Floats, rule: Rule, add: Callable[[Floats], Floats] = plain_sum) -> Floats:
    """Return the value of weeks by those of their days in the last axis; NaN where none is known."""
    is_known = ~np.isnan(by_day)
    count = is_known.sum(axis=-1)
    if rule == "last":
        last = by_day.shape[-1] - 1 - is_known[..., ::-1].argmax(axis=-1)
        found = np.take_along_axis(by_day, last[..., None], axis=-1)[..., 0]
    elif rule == "max":
        found = np.where(is_known, by_day, -np.inf).max(axis=-1)
    else:
        found = add(np.nan_to_num(by_day)) / (np.maximum(count, 1) if rule == "mean" else 1)
    return np.where(count > 0, found, np.nan)


def filled_ahead(past: Floats, coming: Floats, unknown: Unknown) -> Floats:
    """Return the values of weeks to come with what stands in for those not known, by those before in the last axis."""
    if unknown == "recent":
        return np.where(np.isnan(coming), _recent(past)[..., None], coming)
    whole = np.concatenate([past, coming], axis=-1)
    return filled(whole, unknown, past.shape[-1])[..., past.shape[-1] :]


def filled(raw: Floats, unknown: Unknown, n_past: int | None = None) -> Floats:
    """Return the values with what stands in for those not known, by values before them alone.

    The first `n_past` of them are of the history, unless said all; the recent mean of weeks to come is that of its last
    ones. Before the first known value that stands for all; where none is known, 0 does.
    """
    is_known = ~np.isnan(raw)
    if unknown == "zero" or not is_known.any():
        return np.nan_to_num(raw)
    if unknown == "recent":
        n_weeks = raw.shape[-1] if n_past is None else n_past
        past, coming = raw[..., :n_weeks], raw[..., n_weeks:]
        whole = np.where(is_known[..., :n_weeks], past, _recent_until(past))
        return np.concatenate([whole, filled_ahead(past, coming, unknown)], axis=-1)
    stands_in = _last(raw, is_known) if unknown == "last" else _average(raw, is_known)
    if unknown == "climate":
        usual = _climate(raw)
        stands_in = np.where(np.isnan(usual), stands_in, usual)
    return np.where(is_known, raw, stands_in)


def _recent(past: Floats) -> Floats:
    """The mean of the known values of the last weeks; where there are none the last one known, or 0."""
    recent = past[..., -RECENT_WEEKS:]
    count = (~np.isnan(recent)).sum(axis=-1)
    mean: Floats = np.nan_to_num(recent).sum(axis=-1) / np.maximum(count, 1)
    if not past.shape[-1] or (count > 0).all():
        return mean
    return np.where(count > 0, mean, _last(past, ~np.isnan(past))[..., -1])


def _recent_until(past: Floats) -> Floats:
    """The recent mean before each week; before the first known value that."""
    is_known = ~np.isnan(past)
    if is_known.all():
        return past
    before = [_recent(past[..., :week]) for week in range(past.shape[-1])]
    has_begun = np.maximum.accumulate(is_known, axis=-1)
    return np.where(has_begun, np.stack(before, axis=-1), _last(past, is_known))


def _last(raw: Floats, is_known: npt.NDArray[np.bool_]) -> Floats:
    """The last known value up to each week, the first one before that."""
    place = np.maximum.accumulate(np.where(is_known, np.arange(raw.shape[-1]), -1), axis=-1)
    first = is_known.argmax(axis=-1)[..., None]
    found: Floats = np.nan_to_num(np.take_along_axis(raw, np.where(place >= 0, place, first), axis=-1))
    return found


def _average(raw: Floats, is_known: npt.NDArray[np.bool_]) -> Floats:
    """The mean of the known values up to each week, the first one before that."""
    count = np.cumsum(is_known, axis=-1)
    total = np.cumsum(np.nan_to_num(raw), axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1), _last(raw, is_known))


def _climate(raw: Floats) -> Floats:
    """The mean of the same week's known values of the last two years; NaN where there is none."""
    then = np.full((len(YEARS), *raw.shape), np.nan)
    for each, back in zip(then, YEARS, strict=True):
        each[..., back:] = raw[..., :-back]
    count = (~np.isnan(then)).sum(axis=0)
    with np.errstate(invalid="ignore"):
        found: Floats = np.where(count > 0, np.nan_to_num(then).sum(axis=0) / np.maximum(count, 1), np.nan)
    return found


def _raw(weeks: Weeks, regressor: Regressor) -> Floats:
    if regressor.column not in weeks:
        return np.full(len(weeks), np.nan)
    return numbers(weeks, regressor.column)
