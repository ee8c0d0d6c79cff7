"""Examples: those of templates of earlier versions, which are refused unchanged, and what never is a promotion."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from skucast.core.combination import Combination
from skucast.core.weeks import WeekClock
from skucast.regressors.promotion_lines import EXAMPLES


def examples_of(known: Sequence[Combination]) -> list[tuple[str, str, str]]:
    """Return the names that the examples are about: of each unit its first combination, by unit."""
    of_unit = {each.unit: each.parts for each in sorted(known, reverse=True)}
    return [of_unit[unit] for unit in sorted(of_unit)]


def example_days(end: date, clock: WeekClock) -> dict[str, tuple[date, date]]:
    """Return the first and last day of each example, by its note, in a template whose last day is `end`."""
    start = clock.start(end)
    days = [(start + timedelta(days=2), end), (start - timedelta(days=3), start + timedelta(days=1))]
    return dict(zip(EXAMPLES, days, strict=True))
