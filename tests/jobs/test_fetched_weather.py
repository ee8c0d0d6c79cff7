"""The weather of a run: fetched once, kept as it was known, done without when nobody answers."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from builders import WEDNESDAY, sunday
from stand_ins.open_meteo import Failure, OpenMeteoStandIn

from skucast.backends import weather_api
from skucast.core.run import Run
from skucast.core.tables.contract import ALL
from skucast.core.tables.records import LOADS
from skucast.core.tables.sales import LOCATIONS, WEATHER
from skucast.core.weeks import WeekClock
from skucast.jobs.weather import update_weather
from skucast.runtime.outcome import RunReport

CLOCK = WeekClock()
FIRST = date(2026, 10, 5)
"""First day of the history; the climate of the tests' settings begins a year before the run."""

CLIMATE_FROM = date(2025, 11, 25)
UNITS = ["Пермь", "Казань"]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    """Try again at once."""
    monkeypatch.setattr(weather_api, "_SHORTEST_PAUSE_S", 0.001)


@pytest.fixture
def server():
    """Return the stand-in on the tests' Wednesday; every day of a month has its own temperature."""
    stand_in = OpenMeteoStandIn(WEDNESDAY, lambda day: (day.day + 1.0, day.day - 1.0, 1.0, 0.0), utc_offset_s=3 * 3600)
    yield stand_in
    stand_in.close()


@pytest.fixture
def update(server, settings, warehouse, run):
    """Return a function that updates the weather of Perm and Kazan, both located; `run=` and settings change it."""
    places = pd.DataFrame({"unit": UNITS, "latitude": [58.0, 55.8], "longitude": [56.2, 49.1]})
    warehouse.replace(LOCATIONS, places, ALL, run=run)

    def call(
        *,
        of_run: Run = run,
        report: RunReport | None = None,
        units: list[str] = UNITS,
        first: date = FIRST,
        **given: Any,
    ):
        made = settings(**(server.settings | given))
        return update_weather(made, warehouse, of_run, report or RunReport(), units, first)

    return call


def days_later(run: Run, n: int) -> Run:
    """Return a run so many days later."""
    today = run.today + timedelta(days=n)
    at = run.run_at + timedelta(days=n)
    return replace(run, run_id=f"{run.run_id}-{n}", run_at=at, today=today, cutoff=CLOCK.cutoff(today))


def observed_days(warehouse, unit: str = "Пермь") -> list[date]:
    """Return the observed days that are stored of a unit, sorted."""
    rows = warehouse.read(WEATHER)
    return sorted(rows.loc[(rows["unit"] == unit) & (rows["kind"] == "observed"), "date"].dt.date)


def every_day(first: date, last: date) -> list[date]:
    """Return the days of a range, both ends included."""
    return [day.date() for day in pd.date_range(first, last)]


# --- What is fetched ------------------------------------------------------------------------------------------------


def test_the_first_run_fetches_everything_by_two_calls_a_unit(server, update, warehouse):
    """The archive from the start of the climate to six days ago, the rest and the forecast from the other API."""
    outlook = update()
    (asked, _), (also, _) = server.calls("archive"), server.calls("forecast")
    assert (asked["start_date"], asked["end_date"]) == (str(CLIMATE_FROM), "2026-11-19")
    assert also["past_days"] == "6"
    assert len(server.asked) == 4
    assert observed_days(warehouse) == every_day(CLIMATE_FROM, date(2026, 11, 24))
    assert len(outlook.daily) == 2 * (365 + 16)
    assert not warehouse.read(WEATHER).duplicated(["unit", "date", "kind"]).any()


def test_a_history_longer_than_the_climate_is_fetched_whole(server, update):
    """Training needs its own first week; a longer climate the years before it; nothing twice."""
    update(first=date(2025, 9, 1))
    assert server.calls("archive")[-1]["start_date"] == "2025-09-01"
    update(first=date(2025, 9, 1), weather_climate_years=2)
    asked = server.calls("archive")[-1]
    assert (asked["start_date"], asked["end_date"]) == ("2024-11-25", "2025-08-31")


def test_a_second_run_of_the_day_asks_nobody(server, update, warehouse, run):
    """Nor does it write; it knows the same."""
    first = update()
    asked, stored = len(server.asked), len(warehouse.read(WEATHER))
    second = update(of_run=replace(run, run_id="again"))
    assert len(server.asked) == asked
    assert len(warehouse.read(WEATHER)) == stored
    pd.testing.assert_frame_equal(first.daily, second.daily)


def test_a_week_later_only_the_new_days_are_fetched(server, update, warehouse, run):
    """Seven days were over since: one from the archive, six with the new forecast; the old forecast stays beside it."""
    update()
    server.asked.clear()
    server.today = WEDNESDAY + timedelta(days=7)
    update(of_run=days_later(run, 7), as_of=None)
    archived = server.calls("archive")[0]
    assert (archived["start_date"], archived["end_date"]) == ("2026-11-25", "2026-11-26")
    assert len(server.asked) == 4
    assert observed_days(warehouse) == every_day(CLIMATE_FROM, date(2026, 12, 1))
    rows = warehouse.read(WEATHER)
    forecasts = rows[(rows["kind"] == "forecast") & (rows["unit"] == "Пермь")]
    assert forecasts.groupby("fetched_at").size().tolist() == [16, 16]


def test_an_observed_day_stays_as_it_was_observed(server, update, warehouse, run):
    """The service may say something else later; what the models were trained on stays."""
    update()
    before = warehouse.read(WEATHER)
    server.weather = lambda _: (30.0, 20.0, 0.0, 0.0)
    server.today = WEDNESDAY + timedelta(days=1)
    update(of_run=days_later(run, 1), as_of=None)
    after = warehouse.read(WEATHER)
    old = after[after["fetched_at"] == pd.Timestamp(run.run_at)]
    assert old.sort_values(["unit", "date"])["temperature_2m_max"].tolist() == (
        before.sort_values(["unit", "date"])["temperature_2m_max"].tolist()
    )


def test_a_gap_is_filled_without_a_second_copy_of_its_neighbours(server, update, warehouse, run):
    """One question covers the gap and what is stored around it; only what was missing is kept."""
    update()
    with warehouse._file.transaction() as connection:
        connection.execute(f"DELETE FROM {WEATHER.name} WHERE date IN ('2026-03-01', '2026-03-04')")
    server.asked.clear()
    update(of_run=replace(run, run_id="again"))
    assert [asked["start_date"] for asked in server.calls("archive")] == ["2026-03-01"] * 2
    assert observed_days(warehouse) == every_day(CLIMATE_FROM, date(2026, 11, 24))


def test_a_parallel_task_that_fetched_the_same_changes_nothing(update, warehouse, run, monkeypatch):
    """Both saw that all is missing and both asked; the second finds the batch and reads what is there."""
    append = warehouse.append_once

    def append_after_another(table, rows, **given):
        append(table, rows.assign(temperature_2m_max=9.0), **given)
        return append(table, rows, **given)

    monkeypatch.setattr(warehouse, "append_once", append_after_another)
    outlook = update()
    assert not warehouse.read(WEATHER).duplicated(["unit", "date", "kind"]).any()
    assert set(outlook.daily["temperature_2m_max"]) == {9.0}
    assert warehouse.read(LOADS)["source"].tolist() == ["Open-Meteo"]


def test_weather_that_is_off_asks_and_writes_nothing(server, update, warehouse):
    """The default: everything is usual, the source is none."""
    outlook = update(weather=False)
    assert server.asked == []
    assert not warehouse.exists(WEATHER)
    assert set(outlook.anomalies(CLOCK, [sunday(0)], UNITS)["weather_source"]) == {"none"}


def test_a_unit_without_a_location_is_named(server, update):
    """The others have their weather."""
    report = RunReport()
    outlook = update(report=report, units=[*UNITS, "Уфа"])
    assert [note for note in report.notes if "location" in note] == [
        "1 unit without a location have no weather: Уфа; see docs/weather.md"
    ]
    found = outlook.anomalies(CLOCK, [sunday(0)], [*UNITS, "Уфа"])
    assert found["weather_source"].tolist() == ["observed", "observed", "none"]


def test_without_any_location_nobody_is_asked(server, settings, warehouse, run):
    """The table may not even be there."""
    report = RunReport()
    update_weather(settings(**server.settings), warehouse, run, report, UNITS, FIRST)
    assert server.asked == []
    assert len(report.notes) == 1


# --- When nobody answers --------------------------------------------------------------------------------------------


def warnings_of(caplog) -> list[str]:
    """Return the warnings of the log."""
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def test_a_service_that_is_down_is_said_once_and_the_run_goes_on(server, update, warehouse, caplog):
    """Nothing is stored, so nothing is known; the second unit is not even tried."""
    server.fail(Failure(503), times=99)
    report = RunReport()
    outlook = update(report=report)
    (warning,) = [text for text in warnings_of(caplog) if text.startswith("weather:")]
    assert "no answer about Казань (503" in warning
    assert warning in report.notes
    assert len(server.asked) == 2 * weather_api.TRIES  # each API once
    assert len(outlook.daily) == 0
    assert set(outlook.anomalies(CLOCK, [sunday(-1)], UNITS)["weather_source"]) == {"none"}


def test_a_service_that_is_down_leaves_last_weeks_forecast(server, update, run):
    """A week ago 16 days were forecast: the week to come is known to its Thursday, no other."""
    update()
    server.fail(Failure(503), times=99)
    outlook = update(of_run=days_later(run, 7), as_of=None)
    found = outlook.anomalies(CLOCK, [sunday(-2), sunday(-3), sunday(-4)], ["Пермь"])
    assert found["weather_source"].tolist() == ["forecast", "forecast", "climate"]


def test_an_archive_that_is_down_leaves_the_forecast(server, update, warehouse):
    """The two are different hosts, and the plan of a key may lack the archive."""
    server.fail(Failure(503), times=99, api="archive")
    update()
    assert set(warehouse.read(WEATHER)["kind"]) == {"observed", "forecast"}
    assert observed_days(warehouse) == every_day(date(2026, 11, 20), date(2026, 11, 24))


def test_a_refusal_of_one_place_is_no_matter_for_the_other(server, update, warehouse, caplog):
    """Kazan's coordinates are wrong, say: Perm has its forecast, and the failures are one warning."""
    server.fail(Failure(400, body='{"reason": "Latitude"}'), api="forecast")
    server.fail(Failure(400, body='{"reason": "Latitude"}'), api="archive")
    update()
    (warning,) = [text for text in warnings_of(caplog) if text.startswith("weather:")]
    assert "(400 Latitude) (and 1 more failure)" in warning
    assert set(warehouse.read(WEATHER)["unit"]) == {"Пермь"}


def test_what_failed_is_fetched_by_the_next_run(server, update, warehouse, run):
    """Only what failed."""
    server.fail(Failure(400, body='{"reason": "Latitude"}'), api="forecast")
    update()
    server.asked.clear()
    update(of_run=replace(run, run_id="again"))
    assert [asked["latitude"] for asked in server.calls("forecast")] == ["55.8"]
    assert server.calls("archive") == []
    assert len(observed_days(warehouse, "Казань")) == 365


# --- As of a day in the past ----------------------------------------------------------------------------------------


def as_of(run: Run, day: date) -> Run:
    """Return the run as if it were that day."""
    return replace(run, run_id=f"as-of-{day}", today=day, cutoff=CLOCK.cutoff(day))


def test_as_of_a_past_day_no_forecast_is_fetched(server, update, warehouse, run):
    """Three weeks ago: what was observed before that day, from the archive alone."""
    day = date(2026, 11, 4)
    outlook = update(of_run=as_of(run, day), as_of=day)
    assert server.calls("forecast") == []
    assert observed_days(warehouse)[-1] == date(2026, 11, 3)
    found = outlook.anomalies(CLOCK, [date(2026, 11, 1), date(2026, 11, 8), date(2026, 11, 15)], ["Пермь"])
    assert found["weather_source"].tolist() == ["observed", "forecast", "climate"]


def test_as_of_a_day_the_archive_lacks_takes_past_days_and_no_forecast(server, update, warehouse, run):
    """Yesterday: days too young for the archive come from the other API, its forecast does not."""
    day = date(2026, 11, 24)
    update(of_run=as_of(run, day), as_of=day)
    assert len(server.calls("forecast")) == 2
    assert set(warehouse.read(WEATHER)["kind"]) == {"observed"}
    assert observed_days(warehouse)[-1] == date(2026, 11, 23)
    server.asked.clear()
    update(of_run=replace(as_of(run, day), run_id="again"), as_of=day)
    assert server.asked == []


def test_as_of_a_past_day_knows_what_a_run_of_that_day_knew(server, update, run):
    """A live run keeps its forecast; a week later, again as of that day, what came later is not seen."""
    weeks = [sunday(n) for n in (1, 0, -1, -2, -3, -4)]
    then = update().anomalies(CLOCK, weeks, UNITS)
    server.weather = lambda _: (40.0, 36.0, 9.0, 9.0)
    server.today = WEDNESDAY + timedelta(days=7)
    later = days_later(run, 7)
    now = update(of_run=later, as_of=None).anomalies(CLOCK, weeks, UNITS)
    again = update(of_run=as_of(later, WEDNESDAY)).anomalies(CLOCK, weeks, UNITS)
    pd.testing.assert_frame_equal(again, then)
    assert not now.equals(then)


def test_as_of_the_day_itself_is_not_the_past(server, update, run):
    """Naming today is a run of today: the forecast is fetched, and kept at the moment of the run."""
    outlook = update(as_of=WEDNESDAY)
    assert len(server.calls("forecast")) == 2
    assert outlook.known_at == run.run_at
    early = replace(run, run_at=datetime.fromisoformat("2026-11-24T21:30:00"))  # half past midnight in Moscow
    assert update(of_run=early).known_at == early.run_at
