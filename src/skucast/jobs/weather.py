"""The weather of a run: what is missing is fetched once and kept; what nobody answers is done without, and said."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pandas as pd

from skucast.backends.warehouse.protocol import Warehouse
from skucast.backends.weather_api import PAST_DAYS_MAX, OpenMeteo, Place, open_weather, places_of
from skucast.core.combination import clean_name
from skucast.core.errors import AlreadyLoaded, WeatherDown, WeatherError
from skucast.core.run import Run
from skucast.core.tables.sales import LOCATIONS, WEATHER
from skucast.core.tables.validation import empty
from skucast.core.words import counted
from skucast.regressors.weather import WeatherOutlook, climate_of
from skucast.runtime.logs import log
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings

ARCHIVE_LAG_DAYS = 6
"""Days until the archive holds a day for certain; younger ones come with the forecast."""

DAY = timedelta(days=1)


def update_weather(
    settings: Settings, warehouse: Warehouse, run: Run, report: RunReport, units: Sequence[str], first_needed: date
) -> WeatherOutlook:
    """Return what the run may know of the units' weather, after fetching what is not stored yet.

    Observed days reach from `first_needed`, or the years of the climate before, to the day before the run's. A service
    that does not answer is a warning and a note in the report; the run goes on with what is stored. With `AS_OF` in the
    past no forecast is fetched, and of those stored only what had been fetched by the end of that day counts.

    Args:
        settings: weather off = nothing is read or fetched, and nothing is known.
        warehouse: where the locations and the weather are.
        run: whose day it is about.
        report: gets the notes.
        units: those of all combinations of the run, whatever this task's part is.
        first_needed: first day of the history.

    Raises:
        TableError: the locations or the weather that are stored do not fit their contracts.
    """
    known_at = run.run_at if run.is_about_today(settings.clock) else settings.clock.end_of(run.today)
    if not settings.weather:
        return _outlook(empty(WEATHER), run, known_at)
    with report.timed("weather"):
        places = places_of(warehouse.read(LOCATIONS), units)
        _note_units_without_location(places, units, report)
        first = min(first_needed, run.today - timedelta(days=round(365.25 * settings.weather_climate_years)))
        stored = _stored(warehouse, places, first)
        missing = [_missing(place, stored, first, settings, run) for place in places]
        if any(each.is_something for each in missing) and not settings.dry_run:  # which writes nothing
            _fetch_and_keep(settings, warehouse, run, report, missing)
            stored = _stored(warehouse, places, first)  # as it is kept, also where another task was faster
        return _outlook(_known_by(stored, run, known_at), run, known_at)


def _outlook(daily: pd.DataFrame, run: Run, known_at: datetime) -> WeatherOutlook:
    return WeatherOutlook(daily, climate_of(daily, run.today), known_at)


def _note_units_without_location(places: Sequence[Place], units: Sequence[str], report: RunReport) -> None:
    without = sorted(set(units) - {place.unit for place in places})
    if without:
        names = ", ".join(without[:5])
        report.notes.append(
            f"{counted(len(without), 'unit')} without a location have no weather: {names}; see docs/weather.md"
        )


# --- What is there, what is missing ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Missing:
    """What is not stored yet of one place: days that the archive has, younger days that are over, the forecast."""

    place: Place
    archived: list[date]
    recent: list[date]
    forecast: bool
    past_days: int

    @property
    def is_something(self) -> bool:
        """Whether anybody has to be asked."""
        return bool(self.archived or self.asks_forecast_api)

    @property
    def asks_forecast_api(self) -> bool:
        """Whether the forecast API has to be asked; it alone knows the youngest days."""
        return self.forecast or bool(self.recent)


def _stored(warehouse: Warehouse, places: Sequence[Place], first: date) -> pd.DataFrame:
    rows = warehouse.read(WEATHER, since={"date": first})
    rows = rows.assign(unit=rows["unit"].map(clean_name).astype("str"))
    return rows[rows["unit"].isin([place.unit for place in places])].reset_index(drop=True)


def _missing(place: Place, stored: pd.DataFrame, first: date, settings: Settings, run: Run) -> Missing:
    mine = stored[stored["unit"] == place.unit]
    is_forecast = mine["kind"] == "forecast"
    days = pd.date_range(first, run.today - DAY).difference(pd.DatetimeIndex(mine.loc[~is_forecast, "date"]))
    running, is_today = settings.clock.day_of(run.run_at), run.is_about_today(settings.clock)
    archive_ends = running - ARCHIVE_LAG_DAYS * DAY
    over = [day.date() for day in days]
    recent = [day for day in over if day > archive_ends]
    fetched_on = {settings.clock.day_of(instant) for instant in mine.loc[is_forecast, "fetched_at"].unique()}
    return Missing(
        place,
        archived=[day for day in over if day <= archive_ends],
        recent=[] if is_today and running in fetched_on else recent,
        forecast=is_today and running not in fetched_on,
        # One more, because the place may be a day ahead.
        past_days=min((running - min(recent, default=running)).days + 1, PAST_DAYS_MAX),
    )


def _known_by(stored: pd.DataFrame, run: Run, known_at: datetime) -> pd.DataFrame:
    """The rows that the run may know: days before its own, and forecasts fetched by then."""
    is_over = (stored["kind"] == "observed") & (stored["date"] < pd.Timestamp(run.today))
    return stored[is_over | (stored["fetched_at"] <= pd.Timestamp(known_at))].reset_index(drop=True)


# --- Fetching -------------------------------------------------------------------------------------------------------


def _fetch_and_keep(
    settings: Settings, warehouse: Warehouse, run: Run, report: RunReport, missing: Sequence[Missing]
) -> None:
    service = open_weather(settings)
    failures: list[str] = []
    # The forecasts first: they are what the next weeks need, and the other API may be out of order, or not in the plan.
    found = [
        *_answers(missing, lambda each: _forecast(service, run, each), failures),
        *_answers(missing, lambda each: _archived(service, run, each), failures),
    ]
    rows = pd.concat(found, ignore_index=True) if found else empty(WEATHER)
    if len(rows):
        _keep(warehouse, run, settings.clock.day_of(run.run_at), rows)
    if failures:
        more = f" (and {counted(len(failures) - 1, 'more failure')})" if len(failures) > 1 else ""
        text = f"weather: {failures[0]}{more}; the run goes on with the weather that is stored"
        report.warn(text, event="weather_incomplete", failures=len(failures))


def _answers(
    missing: Sequence[Missing], ask: Callable[[Missing], pd.DataFrame | None], failures: list[str]
) -> Iterator[pd.DataFrame]:
    """What each place gives, without those that give nothing; an API that is down is not asked about the others."""
    for each in missing:
        try:
            rows = ask(each)
        except WeatherError as error:
            failures.append(str(error))
            if isinstance(error, WeatherDown):
                return
        else:
            if rows is not None:
                yield rows


def _forecast(service: OpenMeteo, run: Run, missing: Missing) -> pd.DataFrame | None:
    if not missing.asks_forecast_api:
        return None
    rows = service.forecast(missing.place, missing.past_days, fetched_at=run.run_at)
    is_missing = (rows["kind"] == "observed") & rows["date"].isin(pd.to_datetime(missing.recent))
    return rows[is_missing | ((rows["kind"] == "forecast") & missing.forecast)]


def _archived(service: OpenMeteo, run: Run, missing: Missing) -> pd.DataFrame | None:
    if not missing.archived:
        return None
    rows = service.observed(missing.place, missing.archived[0], missing.archived[-1], fetched_at=run.run_at)
    return rows[rows["date"].isin(pd.to_datetime(missing.archived))]


def _keep(warehouse: Warehouse, run: Run, running: date, rows: pd.DataFrame) -> None:
    """Append the rows as one batch, named by what it is about: what another task of this day fetched is the same."""
    names = rows["unit"] + "|" + rows["kind"] + "|" + rows["date"].astype("str")
    digest = hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()[:24]
    try:
        warehouse.append_once(WEATHER, rows, batch_id=f"weather {running} {digest}", source=SOURCE, run=run)
    except AlreadyLoaded:
        log.info("weather: another task has stored the same days")
    else:
        fields = {"rows": len(rows), "units": int(rows["unit"].nunique())}
        log.info("weather: fetched and stored", extra={"fields": fields})


SOURCE = "Open-Meteo"
"""Source of the batches of weather in the loads table."""
