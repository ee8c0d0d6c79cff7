"""Open-Meteo's client: what it asks, what it makes of the answers, how it fails, and that nobody sees the key."""

from __future__ import annotations

import gzip
import json
import logging
import time
import traceback
from datetime import date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote_plus

import pandas as pd
import pytest
from stand_ins.open_meteo import Failure, OpenMeteoStandIn

from skucast.backends import weather_api
from skucast.backends.weather_api import OpenMeteo, Place, open_weather, places_of
from skucast.core.errors import WeatherDown, WeatherError
from skucast.core.tables.sales import WEATHER
from skucast.runtime.reading import settings_from

TODAY = date(2026, 11, 25)
NOW = datetime.fromisoformat("2026-11-25T19:00:00")
PERM = Place("Пермь", 58.01, 56.25)
KEY = "s3cret+key/ä"


@pytest.fixture
def server():
    """Return the stand-in, on the day of the tests, five hours east of Greenwich like Perm."""
    stand_in = OpenMeteoStandIn(TODAY, utc_offset_s=5 * 3600 - 3600)  # still the 25th at 19:00 UTC
    yield stand_in
    stand_in.close()


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    """Try again at once."""
    monkeypatch.setattr(weather_api, "_SHORTEST_PAUSE_S", 0.001)


def client(server: OpenMeteoStandIn, api_key: str | None = None, **limits: float) -> OpenMeteo:
    """Return a client of the stand-in."""
    return OpenMeteo(f"{server.url}/v1/forecast", f"{server.url}/v1/archive", api_key, **limits)


def observed(server: OpenMeteoStandIn, first: date = date(2026, 11, 1), last: date = date(2026, 11, 3), **limits):
    """Return three days of the archive."""
    return client(server, **limits).observed(PERM, first, last, fetched_at=NOW)


# --- Questions and answers ------------------------------------------------------------------------------------------


def test_a_range_of_observed_days_is_one_question(server):
    """The place, the range, the four variables, the place's own days; the answer is rows of the weather table."""
    server.weather = lambda day: (day.day + 0.5, -1.0, 2.0, 3.0)
    rows = observed(server)
    (asked,) = server.calls("archive")
    assert asked == {
        "latitude": "58.01",
        "longitude": "56.25",
        "daily": "temperature_2m_max,temperature_2m_min,precipitation_sum,snowfall_sum",
        "timezone": "auto",
        "start_date": "2026-11-01",
        "end_date": "2026-11-03",
    }
    assert list(rows.columns) == WEATHER.column_names
    assert rows["date"].dt.day.tolist() == [1, 2, 3]
    assert rows["temperature_2m_max"].tolist() == [1.5, 2.5, 3.5]
    assert set(rows["unit"]) == {"Пермь"}
    assert set(rows["kind"]) == {"observed"}
    assert set(rows["fetched_at"]) == {pd.Timestamp(NOW)}


def test_a_forecast_reaches_sixteen_days_and_fills_those_before(server):
    """Two days before today count as observed, today and the fifteen after it are forecast."""
    rows = client(server).forecast(PERM, past_days=2, fetched_at=NOW)
    (asked,) = server.calls("forecast")
    assert (asked["forecast_days"], asked["past_days"]) == ("16", "2")
    assert rows.groupby("kind")["date"].agg(["min", "max"]).to_dict("index") == {
        "observed": {"min": pd.Timestamp("2026-11-23"), "max": pd.Timestamp("2026-11-24")},
        "forecast": {"min": pd.Timestamp("2026-11-25"), "max": pd.Timestamp("2026-12-10")},
    }


@pytest.mark.parametrize(("hours_east", "first_forecast"), [(10, "2026-11-26"), (-11, "2026-11-25")])
def test_a_day_is_over_when_it_is_over_at_the_place(server, hours_east, first_forecast):
    """At 19:00 UTC it is the next day already in Vladivostok, and 8:00 in Samoa."""
    server.utc_offset_s = hours_east * 3600
    rows = client(server).forecast(PERM, past_days=1, fetched_at=NOW)
    assert rows.loc[rows["kind"] == "forecast", "date"].min() == pd.Timestamp(first_forecast)


def test_the_past_is_asked_for_as_far_as_the_service_knows_it(server):
    """Not more than 92 days."""
    client(server).forecast(PERM, past_days=400, fetched_at=NOW)
    assert server.calls("forecast")[0]["past_days"] == "92"


def test_a_day_not_known_yet_is_no_row_and_an_old_one_stays_null(server):
    """Null of yesterday will be known later; null of two months ago will not, and is not asked for again."""
    server.weather = lambda day: (5.0, 1.0, None if day.day % 2 else 1.0, 0.0)
    young = observed(server, date(2026, 11, 22), date(2026, 11, 24))
    assert young["date"].dt.day.tolist() == [22, 24]
    old = observed(server, date(2026, 9, 1), date(2026, 9, 2))
    assert old["precipitation_sum"].isna().tolist() == [True, False]


def test_a_forecast_keeps_what_it_knows_of_its_last_day(server):
    """A day with a temperature and no rain is kept, a day with nothing is not."""
    last = TODAY + timedelta(days=15)
    server.weather = lambda day: {last: (None,) * 4, last - timedelta(days=1): (5.0, 1.0, None, None)}.get(
        day, (5.0, 1.0, 1.0, 0.0)
    )
    rows = client(server).forecast(PERM, fetched_at=NOW)
    assert rows["date"].max() == pd.Timestamp(last - timedelta(days=1))
    assert rows["precipitation_sum"].isna().sum() == 1


def test_a_compressed_answer_is_unpacked(server):
    """The service compresses what clients say they can read."""
    packed = gzip.compress(json.dumps(server.body(date(2026, 11, 1), date(2026, 11, 3))).encode())
    server.fail(Failure(headers={"Content-Encoding": "gzip"}, body=packed))
    assert len(observed(server)) == 3


def test_units_are_found_by_cleaned_names():
    """Blanks around a name do not hide its location; units that nobody asked for are left out."""
    locations = pd.DataFrame({"unit": [" Пермь ", "Казань"], "latitude": [58.0, 55.8], "longitude": [56.2, 49.1]})
    assert places_of(locations, ["Пермь", "Уфа"]) == [Place("Пермь", 58.0, 56.2)]


# --- Failures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("failure", [Failure(429, {"Retry-After": "0"}), Failure(503), Failure(500), Failure(502)])
def test_a_passing_failure_is_tried_again(server, failure):
    """Two of them, then the answer."""
    server.fail(failure, times=2)
    assert len(observed(server)) == 3
    assert len(server.asked) == 3


@pytest.mark.slow
def test_a_pause_that_the_service_asks_for_is_bounded(server, monkeypatch):
    """An hour is not waited for: the answer comes after the longest pause that we make."""
    pauses: list[float] = []
    monkeypatch.setattr("urllib3.util.retry.time", SimpleNamespace(sleep=pauses.append, time=time.time))
    server.fail(Failure(429, {"Retry-After": "3600"}))
    assert len(observed(server)) == 3
    assert pauses == [weather_api.PAUSE_MAX_S]


def test_a_service_that_stays_away_is_down(server):
    """Four tries, then one line that names the host, the unit and the reason."""
    server.fail(Failure(429, body='{"error": true, "reason": "Hourly limit\\n exceeded"}'), times=9)
    with pytest.raises(WeatherDown) as caught:
        observed(server)
    assert str(caught.value) == "127.0.0.1: no answer about Пермь (429 Hourly limit exceeded, 4 times)"
    assert len(server.asked) == 4


@pytest.mark.slow
def test_a_service_that_hangs_is_down(server):
    """Each try ends after the timeout, long before the service would say a word."""
    server.fail(Failure(pause_s=300.0), times=9)
    started = time.monotonic()
    with pytest.raises(WeatherDown, match="no answer about Пермь"):
        observed(server, timeout_s=0.1)
    assert time.monotonic() - started < 300.0
    assert len(server.asked) == 4


@pytest.mark.slow
def test_a_service_that_drips_is_down(server):
    """A byte now and then keeps the connection alive, but not beyond the deadline."""
    server.fail(Failure(body="x" * 40_000, between_bytes_s=0.01))  # it would take more than 400 s
    started = time.monotonic()
    with pytest.raises(WeatherDown):
        observed(server, deadline_s=0.3)
    assert time.monotonic() - started < 400.0


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_an_answer_that_breaks_is_down(server, encoding):
    """What does not unpack is no answer; half an answer is none either."""
    server.fail(Failure(headers={"Content-Encoding": encoding, "Content-Length": "400"}, body="{"))
    with pytest.raises(WeatherDown):
        observed(server, timeout_s=0.2)


def test_nobody_listens(server):
    """A connection that is refused is down too."""
    server.close()
    with pytest.raises(WeatherDown, match="no connection"):
        observed(server)


def test_all_calls_together_have_a_deadline(server):
    """When it has passed nobody is asked any more."""
    with pytest.raises(WeatherDown, match="took longer than 0 s"):
        observed(server, deadline_s=0.0)
    assert server.asked == []


def test_a_refusal_is_told_once(server):
    """A wrong coordinate stays wrong: one try, the service's reason, and it is not the service that is down."""
    server.fail(Failure(400, body='{"error": true, "reason": "Latitude must be in range"}'))
    with pytest.raises(
        WeatherError, match="refused to answer about Пермь \\(400 Latitude must be in range\\)"
    ) as caught:
        observed(server)
    assert not isinstance(caught.value, WeatherDown)
    assert len(server.asked) == 1


def test_a_detour_is_not_taken(server):
    """Who sends us elsewhere gets no second question, and no key there."""
    server.fail(Failure(302, {"Location": f"{server.url}/elsewhere"}))
    with pytest.raises(WeatherError, match="302"):
        observed(server)
    assert len(server.asked) == 1


def _changed(server: OpenMeteoStandIn, **changes: object) -> str:
    """The JSON of the three days, with some lists of `daily` replaced."""
    body = server.body(date(2026, 11, 1), date(2026, 11, 3))
    body["daily"] |= changes
    return json.dumps(body)


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"temperature_2m_max": [1.0, 2.0]},
        {"temperature_2m_max": None},
        {"temperature_2m_max": [1.0, float("nan"), 2.0]},
        {"temperature_2m_max": [1.0, "2.0", 3.0]},
        {"temperature_2m_max": [1.0, True, 3.0]},
        {"temperature_2m_min": [1.0, -273.0, 3.0]},
        {"precipitation_sum": [0.0, -0.1, 0.0]},
        {"snowfall_sum": [0.0, 1e9, 0.0]},
        {"time": ["2026-11-01", "2026-11-02", "2026-11-04"]},
        {"time": ["2026-11-02", "2026-11-03", "2026-11-04"]},
        {"time": ["2026-11-01", "2026-11-01", "2026-11-02"]},
        {"time": ["1", "2", "3"]},
        {"time": [1, 2, 3]},
        {"time": []},
        {"time": None},
    ],
)
def test_an_answer_that_makes_no_sense_is_refused(server, changes):
    """Other lengths, days, kinds and sizes than asked for: an error that names the unit, never a row."""
    server.fail(Failure(body=_changed(server, **changes)))
    with pytest.raises(WeatherError, match="Пермь makes no sense"):
        observed(server)


@pytest.mark.slow
@pytest.mark.parametrize("body", ["", "<html>", "[]", "null", "{}", '{"daily": []}', "\\xff"])
def test_no_answer_at_all_is_refused_too(server, body):
    """What is no object with daily values, whatever it is."""
    server.fail(Failure(body=body))
    with pytest.raises(WeatherError, match="makes no sense"):
        observed(server)


def test_another_unit_of_measure_is_refused(server):
    """Degrees Fahrenheit would pass as a hot week."""
    body = server.body(date(2026, 11, 1), date(2026, 11, 3))
    body["daily_units"]["temperature_2m_max"] = "°F"
    server.fail(Failure(body=json.dumps(body)))
    with pytest.raises(WeatherError, match="temperature_2m_max in °F, expected °C"):
        observed(server)


def test_a_forecast_without_an_offset_is_refused(server):
    """Nobody could tell which of its days are over."""
    body = server.body(TODAY, TODAY)
    del body["utc_offset_seconds"]
    server.fail(Failure(body=json.dumps(body)))
    with pytest.raises(WeatherError, match="no offset from UTC"):
        client(server).forecast(PERM, fetched_at=NOW)


# --- The key --------------------------------------------------------------------------------------------------------


def test_a_key_goes_to_the_hosts_for_customers(monkeypatch):
    """With a key the public hosts get the prefix, once; other hosts stay what they are; without one nothing changes."""
    address = weather_api._address
    forecast, archive = "https://api.open-meteo.com/v1/forecast", "https://archive-api.open-meteo.com/v1/archive"
    assert address(forecast, None) == forecast
    assert address(forecast, KEY) == "https://customer-api.open-meteo.com/v1/forecast"
    assert address(archive, KEY) == "https://customer-archive-api.open-meteo.com/v1/archive"
    assert address("https://customer-api.open-meteo.com/x", KEY) == "https://customer-api.open-meteo.com/x"
    assert address("http://127.0.0.1:80/x", KEY) == "http://127.0.0.1:80/x"
    assert address("https://open-meteo.com.example.org/x", KEY) == "https://open-meteo.com.example.org/x"


def test_the_settings_name_addresses_and_key(server, monkeypatch):
    """What the client asks with is what the variables say."""
    monkeypatch.setenv("OPEN_METEO_API_KEY", f" {KEY}\n")
    settings = settings_from(server.settings)
    open_weather(settings).observed(PERM, TODAY, TODAY, fetched_at=NOW)
    assert server.calls("archive")[0]["apikey"] == KEY
    assert KEY not in f"{settings!r} {settings}"


@pytest.mark.slow
@pytest.mark.parametrize(
    "failure",
    [
        Failure(503, body=json.dumps({"reason": f"bad key {KEY}"})),
        Failure(403, body=json.dumps({"reason": f"bad key {KEY}"})),
        Failure(429, {"Retry-After": "nonsense"}),
        Failure(pause_s=2.0),
        Failure(body="<html>"),
        None,
    ],
    ids=["unavailable", "refused", "bad header", "hangs", "nonsense", "nobody listens"],
)
def test_the_key_is_seen_by_nobody(server, caplog, failure):
    """However it fails: not in the error, what led to it, its traceback, nor any logger at any level."""
    caplog.set_level(logging.DEBUG)
    for name in ("urllib3.connectionpool", "urllib3.util.retry", "requests"):
        caplog.set_level(logging.DEBUG, logger=name)
    if failure is None:
        server.close()
    else:
        server.fail(failure, times=9)
    with pytest.raises(WeatherError) as caught:
        observed(server, api_key=KEY, timeout_s=0.1)
    chain: list[BaseException] = [caught.value]
    while chain[-1].__cause__ or chain[-1].__context__:
        chain.append(chain[-1].__cause__ or chain[-1].__context__)  # type: ignore[arg-type]
    shown = [*map(str, chain), *map(repr, chain), *traceback.format_exception(caught.value), caplog.text]
    assert "urllib3" in caplog.text  # so that there was something to hide
    for text in shown:
        assert KEY not in text
        assert quote_plus(KEY) not in text


def test_without_a_call_loggers_are_as_they_were(server):
    """What hides the key goes when the call is over."""
    observed(server, api_key=KEY)
    assert not logging.getLogger("urllib3.connectionpool").filters


def test_one_module_knows_the_service():
    """The addresses are in the settings, everything else about Open-Meteo in one file; one more sends the requests."""
    package = Path(weather_api.__file__).parent
    texts = {path.name: path.read_text(encoding="utf-8") for path in package.rglob("*.py")}
    assert [name for name, text in texts.items() if "temperature_2m" in text] == ["weather_api.py"]
    assert [name for name, text in texts.items() if "import requests" in text] == ["http.py"]
