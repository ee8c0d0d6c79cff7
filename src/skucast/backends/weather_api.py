"""Open-Meteo: the daily weather at a place, observed and forecast. The only file that knows its addresses and its key.

The weather data are Open-Meteo's (https://open-meteo.com), licence CC BY 4.0.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from http import HTTPStatus
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

import pandas as pd

from skucast.backends.http import PASSING, ask
from skucast.core.errors import WeatherDown, WeatherError
from skucast.core.spelling import fold
from skucast.core.tables.sales import WEATHER
from skucast.core.tables.validation import validate

if TYPE_CHECKING:
    from skucast.runtime.settings import Settings

FORECAST_DAYS = 16
"""Days that a forecast reaches, the running one included: the most that the service gives."""

PAST_DAYS_MAX = 92
"""Most days before the running one that the forecast API still knows."""

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 20.0
TRIES = 4
PAUSE_MAX_S = 10
"""Longest pause between two tries, whatever the service asks for: it counts its limits by the minute and hour, and who
would have to wait longer does better with what is stored.
"""

DEADLINE_S = 600.0
"""Time for all calls of one run together."""

CALL_DEADLINE_S = 120.0
"""Time for one call with its tries and pauses."""

NULLS_STAY_DAYS = 30
"""An observed day of which something is not known is asked for again until it is this old; then it stays as it is."""

_SHORTEST_PAUSE_S = 0.5
_REDACTED = "***"
_PUBLIC_DOMAIN = ".open-meteo.com"

_PLAUSIBLE: Mapping[str, tuple[str, float, float]] = {
    "temperature_2m_max": ("°C", -100.0, 70.0),
    "temperature_2m_min": ("°C", -100.0, 70.0),
    "precipitation_sum": ("mm", 0.0, 3000.0),
    "snowfall_sum": ("cm", 0.0, 1000.0),
}
"""Unit, least and greatest value of each variable: beyond any record of the weather services, so a mistake."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a unit is: degrees, north and east positive."""

    unit: str
    latitude: float
    longitude: float


class OpenMeteo:
    """The two APIs, asked over JSON: every call is one place and one range of days."""

    def __init__(
        self,
        forecast_url: str,
        archive_url: str,
        api_key: str | None = None,
        *,
        timeout_s: float = READ_TIMEOUT_S,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._forecast_url = _address(forecast_url, api_key)
        self._archive_url = _address(archive_url, api_key)
        self._api_key = api_key
        self._timeout_s = timeout_s
        self._until = time.monotonic() + deadline_s
        self._deadline_s = deadline_s

    def observed(self, place: Place, first: date, last: date, *, fetched_at: datetime) -> pd.DataFrame:
        """Return the archive's days from `first` to `last`: one observed row a day, as the weather table wants them.

        Days that the archive does not know yet are missing.

        Raises:
            WeatherDown: no answer in time.
            WeatherError: the service refuses the place, or its answer makes no sense.
        """
        answer = self._ask(self._archive_url, place, {"start_date": str(first), "end_date": str(last)})
        days = _days(answer, place)
        if (days["date"].min().date(), days["date"].max().date()) != (first, last):
            raise _senseless(place, f"other days than {first} to {last}")
        return _rows(place, _settled(days, fetched_at), "observed", fetched_at)

    def forecast(self, place: Place, past_days: int = 0, *, fetched_at: datetime) -> pd.DataFrame:
        """Return the coming 16 days and `past_days` before them, one row a day, as the weather table wants them.

        Days that are over at the place count as observed: the forecast model has measured them. Days of which nothing
        is known are missing.

        Raises:
            WeatherDown: no answer in time.
            WeatherError: the service refuses the place, or its answer makes no sense.
        """
        asked = {"forecast_days": str(FORECAST_DAYS), "past_days": str(min(past_days, PAST_DAYS_MAX))}
        answer = self._ask(self._forecast_url, place, asked)
        days = _days(answer, place)
        is_over = days["date"] < pd.Timestamp(_local_day(answer, place, fetched_at))
        over, coming = _settled(days[is_over], fetched_at), days[~is_over].dropna(how="all", subset=list(_PLAUSIBLE))
        kinds = ((over, "observed"), (coming, "forecast"))
        return pd.concat([_rows(place, part, kind, fetched_at) for part, kind in kinds], ignore_index=True)

    def _ask(self, url: str, place: Place, asked: Mapping[str, str]) -> dict[str, Any]:
        """The answer as it came, an object of JSON. Nothing that is raised or logged holds the key."""
        parameters = {
            "latitude": str(place.latitude),
            "longitude": str(place.longitude),
            "daily": ",".join(_PLAUSIBLE),
            "timezone": "auto",  # days are the place's own
            **asked,
        }
        host = urlsplit(url).hostname
        if time.monotonic() > self._until:
            raise WeatherDown(f"{host}: the calls of this run took longer than {self._deadline_s:.0f} s")
        answer = ask(
            "GET",
            url,
            tries=TRIES,
            pause_s=_SHORTEST_PAUSE_S,
            pause_max_s=PAUSE_MAX_S,
            timeout_s=(min(CONNECT_TIMEOUT_S, self._timeout_s), self._timeout_s),
            until=min(self._until, time.monotonic() + CALL_DEADLINE_S),
            secrets=(self._api_key,),
            params=parameters | ({"apikey": self._api_key} if self._api_key else {}),
        )
        if answer.trouble is not None:
            raise WeatherDown(f"{host}: no answer about {place.unit} ({answer.trouble})")
        if answer.status != HTTPStatus.OK:
            said = f"{answer.status} {self._reason(answer.body)}"
            if answer.status in PASSING:
                raise WeatherDown(f"{host}: no answer about {place.unit} ({said}, {TRIES} times)")
            raise WeatherError(f"{host}: refused to answer about {place.unit} ({said})")
        found = _parsed(answer.body)
        if not isinstance(found, dict):
            raise _senseless(place, "no JSON object")
        return found

    def _reason(self, body: bytes) -> str:
        """What the service says of a refusal, in one line."""
        answer = _parsed(body)
        reason = answer.get("reason") if isinstance(answer, dict) else None
        text = " ".join(str(reason or "no reason given").split())[:200]
        return text.replace(self._api_key, _REDACTED) if self._api_key else text


def open_weather(settings: Settings) -> OpenMeteo:
    """Return the service that the settings name; nobody is asked before the first use."""
    key = settings.open_meteo_api_key
    return OpenMeteo(
        settings.open_meteo_forecast_url,
        settings.open_meteo_archive_url,
        None if key is None else key.get_secret_value(),
    )


def places_of(locations: pd.DataFrame, units: Sequence[str]) -> list[Place]:
    """Return those of the units that are in the rows of `tables.LOCATIONS`, sorted.

    Names are those of the sales, whichever of their safe spellings the locations have.
    """
    columns = locations[["unit", "latitude", "longitude"]]
    found = {fold(unit): where for unit, *where in columns.itertuples(index=False)}
    return [Place(unit, *found[fold(unit)]) for unit in sorted(set(units)) if fold(unit) in found]


def _address(url: str, api_key: str | None) -> str:
    """The address to ask: with a key, the host that is kept for customers; a stand-in or proxy stays what it is."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if api_key is None or not host.endswith(_PUBLIC_DOMAIN) or host.startswith("customer-"):
        return url
    return parts._replace(netloc=f"customer-{parts.netloc}").geturl()


# --- What comes back ------------------------------------------------------------------------------------------------


def _parsed(body: bytes) -> Any:
    """The JSON value, None if it is none; NaN and infinity are no JSON."""
    try:
        return json.loads(body, parse_constant=_no_number)
    except ValueError:
        return None


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)


def _days(answer: Mapping[str, Any], place: Place) -> pd.DataFrame:
    """The days of an answer: `date` (datetime64, consecutive) and the variables; NaN where the service knows none."""
    daily, units = answer.get("daily"), answer.get("daily_units")
    if not isinstance(daily, dict) or not isinstance(units, dict):
        raise _senseless(place, "no daily values")
    days = pd.DataFrame({"date": _dates(daily.get("time"), place)})
    for name, (unit, least, greatest) in _PLAUSIBLE.items():
        values = daily.get(name)
        if not isinstance(values, list) or len(values) != len(days):
            raise _senseless(place, f"{name} is not one value a day")
        if units.get(name) != unit:
            raise _senseless(place, f"{name} in {units.get(name)}, expected {unit}")
        wrong = [value for value in values if value is not None and not _is_within(value, least, greatest)]
        if wrong:
            raise _senseless(place, f"{name} of {wrong[0]!r}, expected {least:g} to {greatest:g}")
        days[name] = pd.Series(values, dtype="float64")
    return days


def _dates(texts: object, place: Place) -> pd.Series:
    try:
        days = [date.fromisoformat(text) for text in texts]  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        days = []
    if not days or any(later - day != timedelta(days=1) for day, later in pairwise(days)):
        raise _senseless(place, "no consecutive days")
    return pd.Series(pd.to_datetime(days).astype("datetime64[us]"))


def _is_within(value: object, least: float, greatest: float) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and least <= value <= greatest


def _local_day(answer: Mapping[str, Any], place: Place, instant: datetime) -> date:
    """The day that it is at the place."""
    offset = answer.get("utc_offset_seconds")
    if not _is_within(offset, -86_400, 86_400):
        raise _senseless(place, "no offset from UTC")
    local = instant + timedelta(seconds=float(str(offset)))
    return local.date()


def _settled(days: pd.DataFrame, fetched_at: datetime) -> pd.DataFrame:
    """Those of the days that will not be known any better later."""
    is_old = days["date"] < pd.Timestamp(fetched_at.date() - timedelta(days=NULLS_STAY_DAYS))
    return days[days.notna().all(axis=1) | is_old]


def _rows(place: Place, days: pd.DataFrame, kind: str, fetched_at: datetime) -> pd.DataFrame:
    return validate(WEATHER, days.assign(unit=place.unit, kind=kind, fetched_at=pd.Timestamp(fetched_at)))


def _senseless(place: Place, what: str) -> WeatherError:
    return WeatherError(f"Open-Meteo: the answer about {place.unit} makes no sense: {what}")
