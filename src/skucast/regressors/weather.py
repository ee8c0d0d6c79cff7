"""Weather as a regressor: how far a week is from what is usual for the unit and the season; not known is 0, as usual.

The season itself stays with the yearly seasonality, so a forecast beyond the reach of any weather forecast is the one
that it would be without weather.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.declared import Regressor
from skucast.core.weeks import WeekClock
from skucast.regressors.built_in import WEATHER
from skucast.regressors.declared_values import filled, of_weeks, sum_of_a_group

Floats = npt.NDArray[np.float64]

WEATHER_REGRESSORS = [each.column for each in WEATHER]
"""Difference from the climate: of the mean of highest and lowest (degrees), of the week's sums (mm; cm)."""

WEEK_DAYS = 7

HARMONICS = 3
DAYS_OF_A_YEAR = 366
YEAR_DAYS = 365.25
MIN_CLIMATE_DAYS = 365

CAP_QUANTILE = 0.99
"""Rain and snow of a day count up to this quantile of the unit's days: one cloudburst says little about sales, and a
forecast of one must not stretch a line that was fitted on usual weather.
"""

AHEAD_DAYS = 16
"""Days after an origin that a forecast of the weather reaches."""

KEPT_DAYS = 7
"""A forecast fetched so many days before an origin, or later, counts as kept at it: one a week is usual."""

_VARIABLES = {each.name.removeprefix("weather_"): each for each in WEATHER}
"""What a day's weather is told by, and the regressor that it makes."""

_CAPS = {name: f"{name}_cap" for name, each in _VARIABLES.items() if each.week == "sum"}
"""What falls adds up, and has a tail."""


@dataclass(frozen=True)
class WeatherOutlook:
    """What a run may know of the weather: stored days (`tables.WEATHER`), the climate (`climate_of`), the moment."""

    daily: pd.DataFrame
    climate: pd.DataFrame
    known_at: datetime

    def anomalies(self, clock: WeekClock, weeks: Sequence[date], units: Sequence[str]) -> pd.DataFrame:
        """Return the `weekly_anomalies` as the run knows them."""
        return weekly_anomalies(self.daily, self.climate, clock, weeks, self.known_at, units)

    def anomalies_at(
        self, clock: WeekClock, weeks: Sequence[date], units: Sequence[str], known_at: datetime
    ) -> pd.DataFrame:
        """Return the `backtest_anomalies` of an earlier moment."""
        return backtest_anomalies(self.daily, self.climate, clock, weeks, known_at, units)


def climate_of(daily: pd.DataFrame, before: date) -> pd.DataFrame:
    """Return the usual weather by unit and day of the year, from the days observed before a day.

    One row per unit and `day_of_year` (1 to 366): `temperature` (degrees), `precipitation` (mm), `snowfall` (cm) a day,
    and the caps of the latter two. The curves are the least squares fit of

        a0 + sum over k = 1, 2, 3 of a_k cos(2 pi k t / 365.25) + b_k sin(2 pi k t / 365.25),  t the day of the year,

    to all observed days: few harmonics estimate a daily climate better than the means of each date do (Narapusetty,
    DelSole and Tippett 2009, Optimal Estimation of the Climatological Mean, Journal of Climate 22). A variable with
    less than a year of days, or a month never seen, has its plain mean instead, so its anomalies hold the season.
    """
    days = _newest(_measures(daily[(daily["kind"] == "observed") & (daily["date"] < pd.Timestamp(before))]))
    found = [_climate_of_unit(str(unit), rows) for unit, rows in days.groupby("unit")]
    if found:
        return pd.concat(found, ignore_index=True)
    names = [*_VARIABLES, *_CAPS.values()]
    no_rows = {name: pd.Series([], dtype="float64") for name in names}
    return pd.DataFrame({"unit": pd.Series([], dtype="str"), "day_of_year": pd.Series([], dtype="int64"), **no_rows})


def weekly_anomalies(
    daily: pd.DataFrame,
    climate: pd.DataFrame,
    clock: WeekClock,
    weeks: Sequence[date],
    known_at: datetime,
    units: Sequence[str],
    regressors: Sequence[Regressor] = WEATHER,
) -> pd.DataFrame:
    """Return `unit`, `ds`, the three regressors and `weather_source`, one row per unit and week, in this order.

    Only what was known at the moment (naive UTC) counts: days that were over, and the newest forecasts fetched by then;
    what was observed wins over what was forecast. A day of which nothing is known counts as is declared: as usual, so
    that it adds 0.

    Args:
        daily: rows of `tables.WEATHER`.
        climate: what `climate_of` returns; a unit without one has nothing but zeros, and the source `none`.
        clock: the weeks.
        weeks: their labels.
        known_at: the moment, naive UTC.
        units: whose weather.
        regressors: how each is made of days, in the order of `WEATHER`.
    """
    days = _grid(clock, weeks, units).merge(known_days(daily, clock, known_at), how="left", on=["unit", "date"])
    days = days.merge(climate, how="left", on=["unit", "day_of_year"], suffixes=("", "_usual"))
    has_climate = days["temperature_usual"].notna() | days["precipitation_usual"].notna()
    shape = (len(units), len(weeks), WEEK_DAYS)
    is_known, found = np.zeros(shape, dtype=bool), {}
    for variable, regressor in zip(_VARIABLES, regressors, strict=True):
        values = days[variable].clip(upper=days[_CAPS[variable]]) if variable in _CAPS else days[variable]
        by_day, usual = values.to_numpy().reshape(shape), days[f"{variable}_usual"].to_numpy().reshape(shape)
        is_known |= ~np.isnan(by_day - usual)
        unusual = np.nan_to_num(_stood_in(by_day, usual, regressor) - usual)
        found[regressor.column] = of_weeks(unusual, regressor.week, sum_of_a_group).ravel()
    is_observed = is_known & (days["kind"] == "observed").to_numpy().reshape(shape)
    source = np.select(
        [~has_climate.to_numpy().reshape(shape).any(axis=2), is_observed.all(axis=2), is_known.any(axis=2)],
        ["none", "observed", "forecast"],
        "climate",
    )
    labels = days.loc[::WEEK_DAYS, ["unit", "ds"]].reset_index(drop=True)
    return labels.assign(**found, weather_source=pd.Series(source.ravel(), dtype="str"))


def _stood_in(by_day: Floats, usual: Floats, regressor: Regressor) -> Floats:
    """The days of each unit's weeks with what stands in for those not known: here the climate is that of the day."""
    if regressor.unknown == "climate":
        return np.where(np.isnan(by_day), usual, by_day)
    whole = by_day.reshape(len(by_day), -1)
    return filled(whole, regressor.unknown).reshape(by_day.shape)


def backtest_anomalies(
    daily: pd.DataFrame,
    climate: pd.DataFrame,
    clock: WeekClock,
    weeks: Sequence[date],
    known_at: datetime,
    units: Sequence[str],
) -> pd.DataFrame:
    """Return the `weekly_anomalies` of an earlier moment, and `is_perfect`, one value a unit.

    Where no forecast was kept at that moment, the days observed in the 16 after it stand in for one: `is_perfect` is
    true, and a score made with them is that of a perfect weather forecast, to be called so.
    """
    hindsight = _hindsight(daily, clock, known_at)
    with_hindsight = pd.concat([daily, hindsight], ignore_index=True) if len(hindsight) else daily
    found = weekly_anomalies(with_hindsight, climate, clock, weeks, known_at, units)
    return found.assign(is_perfect=found["unit"].isin(hindsight["unit"]))


def known_days(daily: pd.DataFrame, clock: WeekClock, known_at: datetime) -> pd.DataFrame:
    """Return what was known of each unit and day at a moment (naive UTC), one row each.

    Columns `unit, date, kind, temperature, precipitation, snowfall`; days of the business's time zone are over when
    they have ended there, unless the unit, further east, had observed them already.
    """
    instant = pd.Timestamp(known_at)
    is_fetched = daily["fetched_at"] <= instant
    is_over = daily["date"] < pd.Timestamp(_first_day_not_over(clock, known_at))
    is_known = is_fetched | ((daily["kind"] == "observed") & is_over)
    return _newest(_measures(daily[is_known])).drop(columns="fetched_at")


# --- Days -----------------------------------------------------------------------------------------------------------


def _measures(daily: pd.DataFrame) -> pd.DataFrame:
    """The rows with the variables in place of the columns that they are declared to come from; NaN where not known."""
    rows = daily[["unit", "date", "kind", "fetched_at"]]
    return rows.assign(**{name: _mean_of(daily, each.history.columns) for name, each in _VARIABLES.items()})


def _mean_of(daily: pd.DataFrame, columns: Sequence[str]) -> pd.Series:
    """The mean of columns of the table; NaN where one is not known."""
    mean: pd.Series = functools.reduce(pd.Series.add, (daily[name] for name in columns)) / len(columns)
    return mean


def _newest(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per unit and day: the one fetched last, but what was observed before anything forecast."""
    ordered = rows.assign(_is_observed=rows["kind"] == "observed").sort_values(["_is_observed", "fetched_at"])
    return ordered.drop_duplicates(["unit", "date"], keep="last").drop(columns="_is_observed")


def _first_day_not_over(clock: WeekClock, known_at: datetime) -> date:
    return clock.day_of(known_at + timedelta(microseconds=1))


def _hindsight(daily: pd.DataFrame, clock: WeekClock, known_at: datetime) -> pd.DataFrame:
    """The days observed after a moment, as forecasts made at it, of the units that had kept none."""
    instant, first = pd.Timestamp(known_at), pd.Timestamp(_first_day_not_over(clock, known_at))
    is_recent = daily["fetched_at"].between(instant - timedelta(days=KEPT_DAYS), instant)
    kept = daily.loc[(daily["kind"] == "forecast") & is_recent, "unit"]
    is_ahead = daily["date"].between(first, first + timedelta(days=AHEAD_DAYS - 1))
    observed = daily[(daily["kind"] == "observed") & is_ahead & ~daily["unit"].isin(kept)]
    return observed.assign(kind="forecast", fetched_at=instant).astype(daily.dtypes.to_dict())


def _grid(clock: WeekClock, weeks: Sequence[date], units: Sequence[str]) -> pd.DataFrame:
    """Every day of every week and unit: `unit, ds, date, day_of_year`."""
    days = [(pd.Timestamp(ds), pd.Timestamp(clock.start(ds) + timedelta(days=n))) for ds in weeks for n in range(7)]
    calendar = pd.DataFrame(days, columns=["ds", "date"]).astype("datetime64[us]")
    calendar["day_of_year"] = calendar["date"].dt.day_of_year.astype("int64")
    return pd.DataFrame({"unit": pd.Series(list(units), dtype="str")}).merge(calendar, how="cross")


# --- Climate --------------------------------------------------------------------------------------------------------


def _climate_of_unit(unit: str, days: pd.DataFrame) -> pd.DataFrame:
    caps = {cap: _cap(days[variable]) for variable, cap in _CAPS.items()}
    curves = dict(_curves(days, caps))
    return pd.DataFrame({"unit": unit, "day_of_year": np.arange(1, DAYS_OF_A_YEAR + 1), **curves, **caps})


def _curves(days: pd.DataFrame, caps: dict[str, float]) -> Iterator[tuple[str, Floats]]:
    for variable in _VARIABLES:
        if variable in _CAPS:
            cap = caps[_CAPS[variable]]
            # A curve through days without rain may dip below none, or rise above the most that counts.
            yield variable, np.clip(_curve(days["date"], days[variable].clip(upper=cap)), 0.0, cap)
        else:
            yield variable, _curve(days["date"], days[variable])


def _curve(dates: pd.Series, values: pd.Series) -> Floats:
    """The usual value of each day of the year, shape (366,); NaN if no value is known."""
    is_known = values.notna()
    known, known_dates = values[is_known].to_numpy(dtype="float64"), dates[is_known]
    if not len(known):
        return np.full(DAYS_OF_A_YEAR, np.nan)
    if len(known) < MIN_CLIMATE_DAYS or known_dates.dt.month.nunique() < 12:
        return np.full(DAYS_OF_A_YEAR, known.mean())
    coefficients, *_ = np.linalg.lstsq(_waves(known_dates.dt.day_of_year.to_numpy()), known)
    curve: Floats = _waves(np.arange(1, DAYS_OF_A_YEAR + 1)) @ coefficients
    return curve


def _waves(day_of_year: npt.NDArray[np.integer]) -> Floats:
    """The constant and the harmonics of a year, shape (len, 1 + 2 * HARMONICS)."""
    angles = 2 * np.pi * day_of_year[:, None] / YEAR_DAYS * np.arange(1, HARMONICS + 1)
    return np.column_stack([np.ones(len(day_of_year)), np.cos(angles), np.sin(angles)])


def _cap(values: pd.Series) -> float:
    return float(values.quantile(CAP_QUANTILE))
