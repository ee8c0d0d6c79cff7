"""How a plan of promotions differs from what it was at an earlier moment, named by promotion."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from skucast.core.combination import Combination
from skucast.regressors.promotions import WEEK_DAYS, Flags, Floats, Plan

AROUND_DAYS = 28
"""Days before and after the weeks that are looked at too, so that a promotion has its own first and last day."""

Change = dict[str, Any]
"""A `kind`, and what there is of depth (percent), starts_on, ends_on and, with `_before`, of what they were."""


@dataclass(frozen=True)
class Promotion:
    """A promotion of consecutive days, numbered from a first one; `depth` is None where none is said."""

    start: int
    end: int
    depth: float | None

    def meets(self, other: Promotion) -> bool:
        """Return whether they have a day together."""
        return self.start <= other.end and other.start <= self.end

    @property
    def is_alike(self) -> tuple[int, float | None]:
        """What a promotion keeps that is put on other days."""
        return self.end - self.start, self.depth


def plan_changes(
    plan: Plan, combinations: Sequence[Combination], then: datetime, now: datetime, weeks: Sequence[date]
) -> dict[tuple[Combination, date], str]:
    """Return what of a combination's week is planned otherwise now than then: JSON, a list of changes.

    Args:
        plan: of these combinations, in this order.
        combinations: whose plan it is.
        then: the earlier moment, naive UTC.
        now: the later one.
        weeks: labels of consecutive weeks.
    """
    first = weeks[0] - timedelta(days=WEEK_DAYS - 1 + AROUND_DAYS)
    n_days = len(weeks) * WEEK_DAYS + 2 * AROUND_DAYS
    (old, was), (new, is_now) = (plan.by_day(moment, first, n_days) for moment in (then, now))
    differs = (was != is_now) | ~((old == new) | (np.isnan(old) & np.isnan(new)))
    inside = differs[:, AROUND_DAYS : n_days - AROUND_DAYS]
    found: dict[tuple[Combination, date], str] = {}
    for place in np.flatnonzero(inside.any(axis=1)).tolist():
        before, after = _promotions(old[place], was[place]), _promotions(new[place], is_now[place])
        changes = [(_days(each), _named(each, first)) for each in _pairs(before, after)]
        for number, week in enumerate(weeks):
            days = slice(AROUND_DAYS + number * WEEK_DAYS, AROUND_DAYS + (number + 1) * WEEK_DAYS)
            if not differs[place, days].any():
                continue
            here = [change for touched, change in changes if touched & set(range(days.start, days.stop))]
            here = here or _coverage(old[place, days], new[place, days])
            if here:
                found[combinations[place], week] = json.dumps(here)
    return found


def _promotions(depth: Floats, is_promoted: Flags) -> list[Promotion]:
    """The promotions of a combination: consecutive days of one depth."""
    known = np.where(is_promoted, np.nan_to_num(depth), -1.0)
    starts = np.flatnonzero(np.diff(known, prepend=np.nan) != 0)
    ends = np.append(starts[1:], len(known)) - 1
    return [
        Promotion(start, end, float(known[start]) or None)
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
        if known[start] >= 0
    ]


Pair = tuple[Promotion | None, Promotion | None]


def _pairs(before: Sequence[Promotion], after: Sequence[Promotion]) -> Iterator[Pair]:
    """What became of each promotion, in the order of their days: those with a day together, then those moved whole."""
    gone = [each for each in before if each not in after]
    come = [each for each in after if each not in before]
    pairs: list[Pair] = []
    for fits in (Promotion.meets, lambda one, other: one.is_alike == other.is_alike):
        for one in list(gone):
            other = next((each for each in come if fits(one, each)), None)
            if other is not None:
                pairs.append((one, other))
                gone.remove(one)
                come.remove(other)
    pairs += [(each, None) for each in gone] + [(None, each) for each in come]
    yield from sorted(pairs, key=lambda pair: min(each.start for each in pair if each))


def _days(pair: Pair) -> set[int]:
    return {day for each in pair if each for day in range(each.start, each.end + 1)}


def _named(pair: Pair, first: date) -> Change:
    """What the change is called, and its places."""
    before, after = pair
    places: Change = {}
    for each, suffix in ((after, ""), (before, "_before")):
        if each is not None:
            places[f"starts_on{suffix}"] = str(first + timedelta(days=each.start))
            places[f"ends_on{suffix}"] = str(first + timedelta(days=each.end))
            if each.depth is not None:
                places[f"depth{suffix}"] = round(each.depth, 1)
    return {"kind": _kind(before, after), **places}


def _kind(before: Promotion | None, after: Promotion | None) -> str:
    if before is None or after is None:
        kind = "added" if before is None else "withdrawn"
        has_depth = any(each is not None and each.depth is not None for each in (before, after))
        return kind if has_depth else f"{kind}_without_depth"
    if before.depth is None or after.depth is None:
        return "changed_without_depth"
    if (before.start, before.end) == (after.start, after.end):
        return "deeper" if after.depth > before.depth else "shallower"
    return "moved" if before.depth == after.depth else "moved_and_changed"


def _coverage(old: Floats, new: Floats) -> list[Change]:
    """A week without a promotion, then and now, that only now, or no longer, is said to have none."""
    if np.isnan(old).any() and not np.isnan(new).any():
        return [{"kind": "none_planned"}]
    if not np.isnan(old).any() and np.isnan(new).any():
        return [{"kind": "not_planned"}]
    return []
