"""Holidays moved to the label of their week: on weekly data Prophet silently ignores any other day.

A holiday of one day has the value 1 in its week. One of several days in a row is a block: its value is the share of the
week that it takes, so that the eight days of New Year are 4/7 of one week and 4/7 of the next, or 1 and 1/7. A day off
in exchange for another, as a government moves them, is no holiday: its week has a working day less.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from skucast.core.weeks import WeekClock

if TYPE_CHECKING:
    from holidays import HolidayBase

OTHER_HOLIDAYS = "other holidays"
"""The holiday that stands for all that a history has hardly seen."""

WORKING_DAYS = "working days"
"""What stands among the holidays for the working days that a week has more or fewer because days were moved."""

HOLIDAY_COLUMNS = ["holiday", "ds", "share"]

_VARIANT = re.compile(r"\s*\((?:observed|estimated|substituted)[^)]*\)")
_IN_EXCHANGE = re.compile(r"\(substituted from ")
"""A day off that has no name of its own: in exchange for a working Saturday, or for a holiday on a weekend."""

_MOVED = re.compile(r"\((?:observed|substituted)")
"""A free day instead of one that falls on a weekend: it makes no block of the two."""


@dataclass(frozen=True, order=True, slots=True)
class Event:
    """A local event: its day, and how many days before and after belong to it; the unit it is about, "" = all."""

    name: str
    day: date
    days_before: int = 0
    days_after: int = 0
    unit: str = ""

    @property
    def days(self) -> list[date]:
        """All days of the event, in order."""
        return [self.day + timedelta(days=number) for number in range(-self.days_before, self.days_after + 1)]


@dataclass(frozen=True, slots=True)
class Block:
    """Days that people take off in one piece every year; `first` and `last` are (month, day)."""

    name: str
    first: tuple[int, int]
    last: tuple[int, int]

    def days(self, year: int) -> list[date]:
        """Return all days of the block in a year."""
        first, last = date(year, *self.first), date(year, *self.last)
        return [first + timedelta(days=number) for number in range((last - first).days + 1)]


BLOCKS = {"RU": (Block("New Year", (1, 1), (1, 8)), Block("May holidays", (5, 1), (5, 9)))}
"""Blocks that a country's calendar does not show as such. Russia: 1 to 8 January are one holiday by law (Christmas Day
in it), and of the days between 1 and 9 May, two holidays and mostly working days, people make one."""


def holiday_weeks(
    country: str, first: date, last: date, clock: WeekClock, *, subdivision: str = "", events: Iterable[Event] = ()
) -> pd.DataFrame:
    """Return the holidays and events from week `first` to week `last`: one row per name and week, `HOLIDAY_COLUMNS`.

    `ds` is the week's label; `share` 1, or for a block its days in the week / 7 (in every year, so that a name means
    one thing). An empty country has no holidays. Variants ("(estimated)", "(substituted from ...)") share one name; a
    day off instead of a holiday counts only where the holiday has no day of its own; one in exchange never.
    """
    years = range(clock.start(first).year, last.year + 1)
    days = _named_days(country, subdivision, years, events)
    in_a_row = _names_with_days_in_a_row(days)
    n_days = Counter((name, clock.label(day)) for name, day in {(each.name, each.day) for each in days})
    rows = [(name, ds, n / 7 if name in in_a_row else 1.0) for (name, ds), n in n_days.items() if first <= ds <= last]
    return _frame_of(rows)


def moved_days(
    country: str, first: date, last: date, clock: WeekClock, *, subdivision: str = "", events: Iterable[Event] = ()
) -> pd.DataFrame:
    """Return the weeks that have more or fewer working days because days were moved: `HOLIDAY_COLUMNS`.

    `share` is the number of days / 7: working Saturdays less days off in exchange. Days that are a holiday, in a block
    or in an event count there alone, and a day off on a weekend changes nothing. Without any there is no row.
    """
    years = range(clock.start(first).year, last.year + 1)
    calendar = _calendar(country, subdivision, years)
    if calendar is None:
        return _frame_of([])
    named = {each.day for each in _named_days(country, subdivision, years, events)}
    weekend = set(calendar.weekend)
    off = {day for day, name in calendar.items() if _IN_EXCHANGE.search(name) and day.weekday() not in weekend}
    n_more = Counter(clock.label(day) for day in set(calendar.weekend_workdays) - named)
    n_more.subtract(clock.label(day) for day in off - named)
    return _frame_of([(WORKING_DAYS, ds, n / 7) for ds, n in n_more.items() if n and first <= ds <= last])


def _frame_of(rows: list[tuple[str, date, float]]) -> pd.DataFrame:
    weeks = pd.DataFrame(sorted(rows), columns=HOLIDAY_COLUMNS)
    weeks["ds"] = pd.to_datetime(weeks["ds"]).astype("datetime64[us]")
    return weeks.astype({"holiday": "str", "share": "float64"})


def days_off(
    country: str, first: date, last: date, *, subdivision: str = "", events: Iterable[Event] = ()
) -> frozenset[date]:
    """Return the days from `first` to `last` on which a business may be closed: public holidays, blocks and events."""
    years = range(first.year, last.year + 1)
    days = {each.day for each in _named_days(country, subdivision, years, events)}
    days |= set(_calendar(country, subdivision, years) or ())
    return frozenset(day for day in days if first <= day <= last)


def calendar_digest(events: Sequence[Event]) -> str:
    """Return a text that is equal for equal events, whatever their order and file, and empty for none."""
    if not events:
        return ""
    rows = [[str(part) for part in astuple(event)[: None if event.unit else -1]] for event in sorted(events)]
    return hashlib.sha256(json.dumps(rows, ensure_ascii=False).encode()).hexdigest()


class _Day(NamedTuple):
    """One day of a holiday; `is_moved`: free instead of the holiday's own day."""

    name: str
    day: date
    is_moved: bool = False


def _named_days(country: str, subdivision: str, years: range, events: Iterable[Event]) -> list[_Day]:
    """The days of all holidays, blocks and events."""
    days = _in_blocks(_public_holidays(country, subdivision, years), BLOCKS.get(_code(country), ()), years)
    return [*days, *(_Day(event.name, day) for event in events for day in event.days)]


def _calendar(country: str, subdivision: str, years: range) -> HolidayBase | None:
    """The country's public holidays; None without a country."""
    if not country:
        return None
    import holidays

    code = _code(country)
    return holidays.country_holidays(code, subdiv=subdivision or None, years=years, language=_language(code))


@functools.cache
def _code(country: str) -> str:
    """The two letters of a country that may be named otherwise (RUS, UK): its blocks and names go by them."""
    if not country:
        return ""
    import holidays

    return str(holidays.country_holidays(country).country)


def _public_holidays(country: str, subdivision: str, years: range) -> list[_Day]:
    calendar = _calendar(country, subdivision, years)
    days = [
        _Day(_VARIANT.sub("", name), day, _MOVED.search(name) is not None)
        for day, names in (calendar or {}).items()
        for name in names.split("; ")
        if not _IN_EXCHANGE.search(name)
    ]
    own = {(each.name, each.day) for each in days if not each.is_moved}
    return [each for each in days if not (each.is_moved and _has_own_day(each, own))]


def _has_own_day(moved: _Day, own: set[tuple[str, date]]) -> bool:
    """Whether the holiday's own day lies within a week of the day off instead.

    If so the day off is left out: it comes in some years only, often in the week before or after the holiday's, which
    would be taken for the holiday's too. Where a country always moves the holiday, the day off is all there is.
    """
    return any((moved.name, moved.day + timedelta(days=number)) in own for number in range(-7, 8))


def _language(country: str) -> str | None:
    import holidays

    languages = holidays.list_localized_countries().get(country, [])
    return "en_US" if "en_US" in languages else None


def _in_blocks(days: list[_Day], blocks: Sequence[Block], years: range) -> list[_Day]:
    """The days with the blocks in them: whatever holiday falls into a block is that block, in all of its days."""
    block_of = {day: block.name for block in blocks for year in years for day in block.days(year)}
    absorbed = {each.name: block_of[each.day] for each in days if each.day in block_of and not each.is_moved}
    others = [
        each._replace(name=absorbed.get(each.name, each.name))
        for each in days
        if each.name in absorbed or each.day not in block_of
    ]
    return [*(_Day(name, day) for day, name in block_of.items()), *others]


def _names_with_days_in_a_row(days: Iterable[_Day]) -> set[str]:
    own = {(each.name, each.day) for each in days if not each.is_moved}
    return {name for name, day in own if (name, day + timedelta(days=1)) in own}
