"""The calendars of a run: those of the settings, of the locations and of the file of local events."""

from __future__ import annotations

from collections.abc import Collection

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.tables.sales import LOCATIONS
from skucast.regressors.calendars import Calendar, Calendars, calendars_of_units, events_of_nobody
from skucast.regressors.events import events_of
from skucast.runtime.logs import log
from skucast.runtime.settings import Settings


def calendars_of(settings: Settings, warehouse: Warehouse, units: Collection[str]) -> Calendars:
    """Return the calendar of each unit.

    Raises:
        InputError: HOLIDAY_CALENDAR cannot be read, or a location has a country that nobody knows.
        TableError: the locations that are stored do not fit their contract.
    """
    usual = Calendar(settings.holiday_country, settings.holiday_subdivision)
    return calendars_of_units(usual, events_of(settings.holiday_calendar), warehouse.read(LOCATIONS), units)


def warn_of_events(settings: Settings, units: Collection[str]) -> None:
    """Say which units of the file of local events have no sales."""
    unknown = events_of_nobody(events_of(settings.holiday_calendar), units)
    if unknown:
        log.warning(
            "%s: events of %s, which has no sales, count nowhere", settings.holiday_calendar, ", ".join(unknown[:5])
        )
