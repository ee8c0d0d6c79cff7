"""Calendars: which public holidays and local events count at which unit."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import pandas as pd

from skucast.core.errors import InputError
from skucast.core.spelling import fold
from skucast.core.weeks import WeekClock
from skucast.core.words import counted
from skucast.regressors.holidays import HOLIDAY_COLUMNS, Event, calendar_digest, days_off, holiday_weeks

SHOWN = 2
"""So many units are named beside a holiday; more are counted."""


@dataclass(frozen=True)
class Calendar:
    """A country, a part of it ("" = none), and the local events that count there."""

    country: str
    subdivision: str = ""
    events: tuple[Event, ...] = ()

    @property
    def digest(self) -> str:
        """A text that is equal for equal events, and empty for none."""
        return calendar_digest(self.events)

    def holidays(self, first: date, last: date, clock: WeekClock) -> pd.DataFrame:
        """Return the holidays and events from week `first` to week `last`: `HOLIDAY_COLUMNS`."""
        return holiday_weeks(self.country, first, last, clock, subdivision=self.subdivision, events=self.events)

    def days_off(self, first: date, last: date) -> frozenset[date]:
        """Return the days on which a business may be closed there."""
        return days_off(self.country, first, last, subdivision=self.subdivision, events=self.events)


@dataclass(frozen=True)
class Calendars:
    """The calendar of the settings, and those of the units that have another one."""

    usual: Calendar
    by_unit: Mapping[str, Calendar] = field(default_factory=dict)

    def of(self, unit: str) -> Calendar:
        """Return the unit's calendar."""
        return self.by_unit.get(unit, self.usual)

    def all_days_off(self, units: Collection[str], first: date, last: date) -> frozenset[date]:
        """Return the days on which one of the units, if there are any, may be closed."""
        found = {self.of(unit) for unit in units} or {self.usual}
        return frozenset[date]().union(*(each.days_off(first, last) for each in found))

    def holidays_shown(self, units: Sequence[str], first: date, last: date, clock: WeekClock) -> pd.DataFrame:
        """Return `HOLIDAY_COLUMNS` of all units; a name that does not count at each of them says at which it does."""
        if not self.by_unit:
            return self.usual.holidays(first, last, clock)
        members: dict[Calendar, list[str]] = {}
        for unit in units:
            members.setdefault(self.of(unit), []).append(unit)
        weeks = [each.holidays(first, last, clock).assign(calendar=n) for n, each in enumerate(members)]
        every = pd.concat(weeks, ignore_index=True)
        at = list(members.values())
        found = every.groupby(["holiday", "ds"], as_index=False).agg(
            share=("share", "max"), calendar=("calendar", list)
        )
        names = [
            name if len(of) == len(at) else f"{name} ({_some([unit for each in of for unit in at[each]])})"
            for name, of in zip(found["holiday"], found["calendar"], strict=True)
        ]
        return found.assign(holiday=names)[HOLIDAY_COLUMNS]

    def days_off_by_unit(self, first: date, last: date) -> dict[str, frozenset[date]]:
        """Return the days off of the units that have a calendar of their own."""
        days = {each: each.days_off(first, last) for each in set(self.by_unit.values())}
        return {unit: days[each] for unit, each in self.by_unit.items()}


def calendars_of_units(
    usual: Calendar, events: Sequence[Event], locations: pd.DataFrame, units: Collection[str]
) -> Calendars:
    """Return the calendars of the units: their country in `tables.LOCATIONS` if it says one, and their own events.

    Names are those of the sales, whichever of their safe spellings locations and events have. A part without a country
    is one of the usual country's; a country without a part is the country alone.

    Raises:
        InputError: a country or a part of it is none that is known.
    """
    shared = tuple(event for event in events if not event.unit)
    usual = replace(usual, events=shared)
    places = _places(locations, usual.country)
    own: dict[str, list[Event]] = {}
    for event in events:
        if event.unit:
            own.setdefault(fold(event.unit), []).append(replace(event, unit=""))
    by_unit = {}
    for unit in units:
        country, subdivision = places.get(fold(unit), (usual.country, usual.subdivision))
        calendar = Calendar(country, subdivision, _together(shared, own.get(fold(unit), [])))
        if calendar != usual:
            by_unit[unit] = calendar
    return Calendars(usual, by_unit)


def events_of_nobody(events: Sequence[Event], units: Collection[str]) -> list[str]:
    """Return the units, sorted, that have events and are none of these."""
    known = {fold(unit) for unit in units}
    return sorted({event.unit for event in events if event.unit and fold(event.unit) not in known})


def _some(units: list[str]) -> str:
    return ", ".join(units) if len(units) <= SHOWN else counted(len(units), "unit")


def _together(shared: Sequence[Event], own: Sequence[Event]) -> tuple[Event, ...]:
    """The events of all and those of a unit; of one name and day its own counts."""
    by_day = {(event.name, event.day): event for event in (*shared, *own)}
    return tuple(sorted(by_day.values()))


def _places(locations: pd.DataFrame, usual_country: str) -> dict[str, tuple[str, str]]:
    """Country and part by the folded name of each unit whose location says one."""
    problems = list(place_problems(locations, usual_country))
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise InputError(f"locations, {problems[0]}{more}; correct the locations")
    return {fold(unit): (country or usual_country, part) for unit, country, part in _said(locations)}


def place_problems(locations: pd.DataFrame, usual_country: str) -> Iterator[str]:
    """Yield what is wrong with the countries of locations and their parts, unit by unit."""
    said = list(_said(locations))
    if not said:
        return
    import holidays

    known = holidays.list_supported_countries()
    for unit, country, part in said:
        if country and country not in known:
            yield f"unit {unit}: country {country!r} is no ISO code such as RU or KZ"
        elif part and part not in known.get(country or usual_country, []):
            some = ", ".join(known.get(country or usual_country, [])[:5]) or "nothing"
            yield f"unit {unit}: subdivision {part!r} is no part of {country or usual_country}, such as {some}"


def _said(locations: pd.DataFrame) -> Iterator[tuple[str, str, str]]:
    """Unit, country and part of the locations that say one of the two."""
    for unit, *place in locations[["unit", "country", "subdivision"]].itertuples(index=False, name=None):
        country, part = ("" if pd.isna(each) else str(each).strip() for each in place)
        if country or part:
            yield str(unit), country.upper(), part
