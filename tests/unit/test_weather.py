"""Weather regressors: the difference from what is usual, made of what was known at the moment and of nothing else."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import cache

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF, sunday
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from skucast.core.tables.forecasts import WEATHER_SOURCES
from skucast.core.tables.sales import WEATHER
from skucast.core.tables.validation import empty, validate
from skucast.core.weeks import WeekClock
from skucast.regressors.weather import (
    WEATHER_REGRESSORS,
    WeatherOutlook,
    backtest_anomalies,
    climate_of,
    weekly_anomalies,
)

CLOCK = WeekClock()
NOW = datetime.fromisoformat("2026-11-25T19:00:00")
"""Wednesday, 22:00 in Moscow."""

YEARS = pd.date_range("2023-11-01", CUTOFF, freq="D")
MONDAY = date(2026, 11, 16)
FAST = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def days(
    dates: pd.DatetimeIndex | list[date],
    temperature: object = 5.0,
    rain: object = 2.0,
    snow: object = 0.0,
    *,
    unit: str = "Пермь",
    kind: str = "observed",
    fetched_at: datetime = NOW,
) -> pd.DataFrame:
    """Return rows of the weather table; highest and lowest are 3 degrees from the mean."""
    middle = np.asarray(temperature, dtype="float64")
    rows = pd.DataFrame({"date": pd.DatetimeIndex(dates)})
    rows = rows.assign(unit=unit, temperature_2m_max=middle + 3, temperature_2m_min=middle - 3)
    rows = rows.assign(precipitation_sum=rain, snowfall_sum=snow, kind=kind, fetched_at=fetched_at)
    return validate(WEATHER, rows)


def week_of(label: date, **weather: object) -> pd.DataFrame:
    """Return the seven days of a week."""
    return days(pd.date_range(CLOCK.start(label), label), **weather)


def seasonal(dates: pd.DatetimeIndex, mean: float = 4.0, swing: float = 15.0) -> np.ndarray:
    """Return a year's wave."""
    return mean - swing * np.cos(2 * np.pi * (dates.day_of_year.to_numpy() - 20) / 365.25)


@cache
def steady() -> pd.DataFrame:
    """Return the climate of three years at 5 degrees with 2 mm a day; nobody writes into it."""
    return climate_of(days(YEARS), CUTOFF)


def anomalies(daily: pd.DataFrame, weeks: list[date], known_at: datetime = NOW, climate: pd.DataFrame | None = None):
    """Return the anomalies of Perm, one row per week."""
    usual = steady() if climate is None else climate
    return weekly_anomalies(daily, usual, CLOCK, weeks, known_at, ["Пермь"])


# --- Climate --------------------------------------------------------------------------------------------------------


def test_the_climate_is_the_wave_behind_the_days():
    """Three years of a wave with noise: the curve is the wave, to half a degree, through the whole year."""
    noise = np.random.default_rng(1).normal(0, 4, len(YEARS))
    climate = climate_of(days(YEARS, seasonal(YEARS) + noise), CUTOFF + timedelta(days=1))
    assert climate["day_of_year"].tolist() == list(range(1, 367))
    year = pd.date_range("2024-01-01", "2024-12-31")
    assert np.abs(climate["temperature"].to_numpy() - seasonal(year)).max() < 1.0


def test_days_from_the_day_named_on_do_not_count():
    """A climate as of a day knows no later one, and no forecast."""
    before = days(YEARS[:400], seasonal(YEARS[:400]))
    later = days(YEARS[400:], 40.0)
    forecast = days([YEARS[399].date()], 40.0, kind="forecast")
    as_of = YEARS[400].date()
    assert_frame_equal(climate_of(pd.concat([before, later, forecast]), as_of), climate_of(before, as_of))


def test_less_than_a_year_has_its_mean():
    """300 days know no season; nor do two winters."""
    some = days(YEARS[:300], np.arange(300.0))
    assert climate_of(some, CUTOFF)["temperature"].unique() == pytest.approx([149.5])
    winters = pd.date_range("2020-01-01", "2026-11-01")
    winters = winters[np.isin(winters.month, [11, 12, 1, 2])]
    assert len(winters) > 365
    assert climate_of(days(winters, seasonal(winters)), CUTOFF)["temperature"].nunique() == 1


def test_usual_snow_is_never_below_none():
    """The curve through winters with snow and summers without dips below 0, and is cut there."""
    snow = np.where(np.isin(YEARS.month, [12, 1]), 5.0, 0.0)
    assert climate_of(days(YEARS, snow=snow), CUTOFF)["snowfall"].min() == 0.0


def test_without_days_there_is_no_climate():
    """No row, in the same columns."""
    none = climate_of(empty(WEATHER), CUTOFF)
    assert len(none) == 0
    assert_frame_equal(none, steady().iloc[:0])


# --- Anomalies ------------------------------------------------------------------------------------------------------


def test_a_week_is_told_by_its_difference_from_the_usual():
    """Usual are 5 degrees and 2 mm a day: a week at 8 degrees with 3 mm is 3 degrees and 7 mm off."""
    daily = pd.concat([days(YEARS[:-7]), week_of(CUTOFF, temperature=8.0, rain=[3.0] * 7)])
    usual = days(YEARS[:-7], rain=np.resize([1.0, 3.0], len(YEARS) - 7))
    row = anomalies(daily, [CUTOFF], climate=climate_of(usual, CUTOFF)).iloc[0]
    assert row["weather_temperature"] == pytest.approx(3.0)
    assert row["weather_precipitation"] == pytest.approx(7.0, abs=0.3)
    assert row["weather_source"] == "observed"


@FAST
@given(st.integers(0, 150), st.integers(0, 10_000), st.sampled_from(["SUN", "WED"]))
@pytest.mark.slow
def test_a_usual_week_is_zero(weeks_back, seed, anchor):
    """Days exactly as the climate says, at any time of the year, also over New Year: no anomaly at all."""
    numbers = np.random.default_rng(seed)
    climate = climate_of(
        days(YEARS, seasonal(YEARS), numbers.gamma(1, 2, len(YEARS)), numbers.gamma(1, 2, len(YEARS))), CUTOFF
    ).set_index("day_of_year")
    clock = WeekClock(anchor)
    label = clock.label(CUTOFF - timedelta(weeks=weeks_back)) - timedelta(weeks=1)
    dates = pd.date_range(clock.start(label), label)
    usual = climate.loc[dates.day_of_year]
    daily = days(dates, usual["temperature"], usual["precipitation"].to_numpy(), usual["snowfall"].to_numpy())
    found = weekly_anomalies(daily, climate.reset_index(), clock, [label], NOW, ["Пермь"])
    assert np.abs(found[WEATHER_REGRESSORS].to_numpy()).max() < 1e-9


@FAST
@given(st.lists(st.floats(-40, 40), min_size=7, max_size=7), st.floats(-20, 20))
@pytest.mark.slow
def test_a_warmer_week_is_as_much_warmer(temperatures, warmer):
    """The same degrees on every day are those degrees in the week; rain is not touched."""
    low = anomalies(week_of(CUTOFF, temperature=temperatures), [CUTOFF])
    high = anomalies(week_of(CUTOFF, temperature=np.array(temperatures) + warmer), [CUTOFF])
    assert high["weather_temperature"].item() - low["weather_temperature"].item() == pytest.approx(warmer, abs=1e-9)
    assert high["weather_precipitation"].item() == low["weather_precipitation"].item()


@pytest.mark.slow
@FAST
@given(st.sets(st.integers(0, 6)))
def test_a_day_that_is_not_known_counts_as_usual(missing):
    """Each known day of the week is 7 degrees warmer: the week's anomaly is one degree per known day."""
    daily = week_of(CUTOFF, temperature=12.0).drop(index=list(missing))
    row = anomalies(daily, [CUTOFF]).iloc[0]
    assert row["weather_temperature"] == pytest.approx(7.0 - len(missing))
    assert row["weather_source"] == {0: "observed", 7: "climate"}.get(len(missing), "forecast")


def test_a_variable_that_is_not_known_counts_as_usual():
    """A forecast day with a temperature and no rain."""
    daily = week_of(CUTOFF, temperature=6.0, rain=np.nan)
    row = anomalies(daily, [CUTOFF]).iloc[0]
    assert (row["weather_temperature"], row["weather_precipitation"]) == (pytest.approx(1.0), 0.0)


def test_one_cloudburst_counts_as_a_wet_day():
    """500 mm in a day count up to the unit's wettest hundredth of days, 9 mm: six more than the usual 3."""
    rain = np.resize(np.array([0.0] * 97 + [9.0] * 3), len(YEARS))
    usual = climate_of(days(YEARS, rain=rain), CUTOFF)
    wet = anomalies(week_of(CUTOFF, rain=[500.0] + [0.0] * 6), [CUTOFF], climate=usual)
    dry = anomalies(week_of(CUTOFF, rain=0.0), [CUTOFF], climate=usual)
    assert wet["weather_precipitation"].item() - dry["weather_precipitation"].item() == pytest.approx(9.0)


def test_rows_come_by_unit_and_week_in_the_order_asked_for():
    """Also for a unit of which nothing is known: zeros, source none."""
    weeks = [CUTOFF, sunday(1)]
    found = weekly_anomalies(week_of(CUTOFF), steady(), CLOCK, weeks, NOW, ["Уфа", "Пермь"])
    assert found["unit"].tolist() == ["Уфа", "Уфа", "Пермь", "Пермь"]
    assert found["ds"].dt.date.tolist() == weeks * 2
    assert found["weather_source"].tolist() == ["none", "none", "observed", "climate"]
    assert set(found["weather_source"]) <= set(WEATHER_SOURCES)
    assert (found.loc[found["unit"] == "Уфа", WEATHER_REGRESSORS] == 0).to_numpy().all()
    assert not found.isna().to_numpy().any()


def test_with_weather_off_everything_is_zero():
    """No rows and no climate: the frame has its shape all the same."""
    outlook = WeatherOutlook(empty(WEATHER), climate_of(empty(WEATHER), CUTOFF), NOW)
    found = outlook.anomalies(CLOCK, [CUTOFF], ["Пермь"])
    assert found.iloc[0][WEATHER_REGRESSORS].tolist() == [0.0, 0.0, 0.0]
    assert found["weather_source"].tolist() == ["none"]
    past = outlook.anomalies_at(CLOCK, [CUTOFF], ["Пермь"], NOW)
    assert past["is_perfect"].tolist() == [False]


# --- What was known -------------------------------------------------------------------------------------------------


def test_the_newest_forecast_counts_until_the_day_is_observed():
    """Forecast 6, then 7 degrees, then 9 observed: each counts from when it was known."""
    next_week = sunday(-1)
    monday, tuesday = NOW - timedelta(days=9), NOW - timedelta(days=8)
    daily = pd.concat(
        [
            week_of(next_week, temperature=9.0, fetched_at=NOW + timedelta(days=20)),
            week_of(next_week, temperature=7.0, kind="forecast", fetched_at=tuesday),
            week_of(next_week, temperature=6.0, kind="forecast", fetched_at=monday),
        ]
    )

    def seen(known_at: datetime) -> tuple[float, str]:
        row = anomalies(daily, [next_week], known_at).iloc[0]
        return round(row["weather_temperature"], 9), row["weather_source"]

    assert seen(monday - timedelta(seconds=1)) == (0.0, "climate")
    assert seen(monday) == (1.0, "forecast")
    assert seen(tuesday) == (2.0, "forecast")
    assert seen(CLOCK.end_of(next_week)) == (4.0, "observed")


def test_what_was_observed_wins_over_any_forecast():
    """Also over one that was fetched later."""
    seen = week_of(CUTOFF, temperature=9.0, fetched_at=NOW - timedelta(days=2))
    forecast = week_of(CUTOFF, temperature=6.0, kind="forecast", fetched_at=NOW)
    assert anomalies(pd.concat([seen, forecast]), [CUTOFF])["weather_temperature"].item() == pytest.approx(4.0)


def test_the_running_day_is_not_over():
    """On Wednesday evening Monday and Tuesday are observed; at the end of Wednesday, it is too."""
    daily = week_of(sunday(-1), temperature=12.0, fetched_at=NOW + timedelta(days=9))
    assert anomalies(daily, [sunday(-1)], NOW)["weather_temperature"].item() == pytest.approx(2.0)
    at_midnight = CLOCK.end_of(date(2026, 11, 25))
    assert anomalies(daily, [sunday(-1)], at_midnight)["weather_temperature"].item() == pytest.approx(3.0)


def test_a_unit_further_east_has_observed_the_running_day():
    """On Wednesday evening in Moscow it is Thursday in Vladivostok: what was fetched as observed then was known."""
    daily = days([date(2026, 11, 25)], 12.0, fetched_at=NOW)
    assert anomalies(daily, [sunday(-1)], NOW)["weather_temperature"].item() == pytest.approx(1.0)


@FAST
@given(st.integers(-20, 30), st.floats(-40, 40), st.sampled_from(["observed", "forecast"]), st.integers(1, 200))
@pytest.mark.slow
def test_what_came_later_changes_nothing(offset, temperature, kind, hours):
    """A row fetched after the moment, of a day not over then, is not seen."""
    daily = pd.concat([days(YEARS[-60:]), days(pd.date_range(CUTOFF, periods=14), 6.0, kind="forecast")])
    weeks = [sunday(n) for n in range(3, -5, -1)]
    day = NOW.date() + timedelta(days=offset)
    later = days([day], temperature, kind=kind, fetched_at=NOW + timedelta(hours=hours))
    if kind == "observed" and day < NOW.date():
        return
    assert_frame_equal(anomalies(pd.concat([daily, later]), weeks), anomalies(daily, weeks))


# --- Backtests ------------------------------------------------------------------------------------------------------

ORIGIN = sunday(6)
ORIGIN_AT = CLOCK.end_of(ORIGIN)
AHEAD = [sunday(n) for n in (5, 4, 3, 2)]


def at_origin(daily: pd.DataFrame) -> pd.DataFrame:
    """Return what a backtest knows at the origin of the four weeks after it."""
    return backtest_anomalies(daily, steady(), CLOCK, AHEAD, ORIGIN_AT, ["Пермь"])


def test_without_a_kept_forecast_the_observed_days_stand_in_and_it_is_said():
    """16 days of hindsight, 7 degrees too warm: two weeks and two days of the third; the fourth is usual."""
    found = at_origin(days(pd.date_range(ORIGIN, CUTOFF), 12.0))
    assert found["weather_temperature"].tolist() == pytest.approx([7.0, 7.0, 2.0, 0.0])
    assert found["weather_source"].tolist() == ["forecast", "forecast", "forecast", "climate"]
    assert found["is_perfect"].all()


def test_a_kept_forecast_is_used_as_it_was():
    """Four days old and wrong, it is what was known; nothing is perfect."""
    fetched = ORIGIN_AT - timedelta(days=4)
    kept = days(pd.date_range(ORIGIN - timedelta(days=4), periods=16), 5.0, kind="forecast", fetched_at=fetched)
    found = at_origin(pd.concat([kept, days(pd.date_range(ORIGIN, CUTOFF), 12.0)]))
    assert found["weather_temperature"].tolist() == pytest.approx([0.0] * 4)
    assert found["weather_source"].tolist() == ["forecast", "forecast", "climate", "climate"]
    assert not found["is_perfect"].any()


@pytest.mark.parametrize("fetched", [ORIGIN_AT - timedelta(days=8), ORIGIN_AT + timedelta(seconds=1)])
def test_a_forecast_of_another_time_is_not_the_origins(fetched):
    """Older than a week, or fetched after it: hindsight stands in for all of it."""
    other = days(pd.date_range(fetched.date(), periods=16), 5.0, kind="forecast", fetched_at=fetched)
    found = at_origin(pd.concat([other, days(pd.date_range(ORIGIN, CUTOFF), 12.0)]))
    assert found["weather_temperature"].iloc[0] == pytest.approx(7.0)
    assert found["is_perfect"].all()


def test_each_unit_has_its_own_archive():
    """One has kept a forecast, the other has not, the third has no weather."""
    dates = pd.date_range(ORIGIN, CUTOFF)
    fetched = ORIGIN_AT - timedelta(hours=1)
    kept = days(dates[:16], 5.0, kind="forecast", fetched_at=fetched)
    daily = pd.concat([kept, days(dates, 12.0), days(dates, 12.0, unit="Уфа")])
    climate = climate_of(pd.concat([days(YEARS), days(YEARS, unit="Уфа")]), CUTOFF)
    found = backtest_anomalies(daily, climate, CLOCK, AHEAD[:1], ORIGIN_AT, ["Пермь", "Уфа", "Казань"])
    assert found["is_perfect"].tolist() == [False, True, False]
    assert found["weather_source"].tolist() == ["forecast", "forecast", "none"]


def test_weeks_up_to_the_origin_are_observed():
    """The last week of the history is over when the origin's last day is."""
    found = backtest_anomalies(
        days(pd.date_range(sunday(8), CUTOFF), 12.0),
        steady(),
        CLOCK,
        [ORIGIN],
        ORIGIN_AT,
        ["Пермь"],
    )
    assert found["weather_source"].tolist() == ["observed"]
    assert found["weather_temperature"].item() == pytest.approx(7.0)
