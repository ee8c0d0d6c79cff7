"""Weather that is known ahead, with a planted effect: warm weeks sell more of one article, and not of another."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF, WEDNESDAY, line, sunday
from business import Business

from skucast.backends.store.local import LocalStore
from skucast.core.combination import Combination
from skucast.core.run import Run
from skucast.core.tables.contract import ALL
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.records import REGISTRY
from skucast.core.tables.sales import LOCATIONS, WEATHER
from skucast.forecast.artifact import loads

N_WEEKS = 110
PER_DEGREE = 0.03
"""What a degree more than usual adds, in shares of a usual week."""

FORECAST_DEGREES = 8.0
STAMP = pd.Timestamp(WEDNESDAY).to_pydatetime()
RUN = Run("test", "test", STAMP, WEDNESDAY, CUTOFF)
FIRST = sunday(N_WEEKS + 60) - timedelta(days=6)
WEATHER_FLAGS = ["--weather", "--weather-climate-years", "1"]
NOBODY = ["--open-meteo-forecast-url", "http://127.0.0.1:9", "--open-meteo-archive-url", "http://127.0.0.1:9"]


def degrees() -> dict[date, float]:
    """Return how much warmer than usual each observed day is: the same for the days of a week."""
    random = np.random.default_rng(3)
    weeks = range(N_WEEKS + 60, -1, -1)
    warmer = {sunday(back): float(random.normal(0, 5)) for back in weeks}
    return {ds - timedelta(days=day): value for ds, value in warmer.items() for day in range(7)}


def weather_rows(of: dict[date, float], kind: str, fetched_at: pd.Timestamp) -> pd.DataFrame:
    """Return those days of one unit: a season of +-10 degrees around 5, and the deviation."""
    season = {day: 5 - 10 * np.cos(2 * np.pi * day.timetuple().tm_yday / 365.25) for day in of}
    mean = pd.Series({day: season[day] + of[day] for day in of})
    return pd.DataFrame(
        {
            "unit": "Пермь",
            "date": list(of),
            "temperature_2m_max": mean.to_numpy() + 4,
            "temperature_2m_min": mean.to_numpy() - 4,
            "precipitation_sum": 1.0,
            "snowfall_sum": 0.0,
            "kind": kind,
            "fetched_at": fetched_at,
        }
    )


def sales() -> pd.DataFrame:
    """Return 110 weeks of an article that sells by the weather, and of one that does not."""
    random, warmer = np.random.default_rng(9), degrees()
    lines = []
    for sku, effect in (("ICE", PER_DEGREE), ("SALT", 0.0)):
        for back in range(N_WEEKS - 1, -1, -1):
            week = 700 * (1 + effect * warmer[sunday(back)]) * random.normal(1, 0.02)
            days = [sunday(back) - timedelta(days=day) for day in range(7)]
            lines += [line(day, week / 7, SKU_ID=sku) for day in days]
    return pd.DataFrame(lines).astype({"quantity": "float64", "Promo_discount_perc": "float64", "stock": "float64"})


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with these sales, their weather, and models that were offered it; nobody answers the API."""
    business = Business(tmp_path_factory.mktemp("weather"))
    business.sell(sales(), "history")
    place = pd.DataFrame({"unit": ["Пермь"], "latitude": [58.0], "longitude": [56.2]})
    business.warehouse.replace(LOCATIONS, place, ALL, run=RUN)
    observed = {**degrees(), **{CUTOFF + timedelta(days=day): 0.0 for day in (1, 2)}}
    keep(business, weather_rows(observed, "observed", pd.Timestamp(WEDNESDAY)), "observed")
    assert business("train", *WEATHER_FLAGS, *NOBODY) == 0
    return business.folder


@pytest.fixture
def business(trained: Path, tmp_path: Path) -> Business:
    """Return a copy of it for one test."""
    shutil.copytree(trained, tmp_path / "copy")
    return Business(tmp_path / "copy")


def keep(business: Business, rows: pd.DataFrame, batch_id: str) -> None:
    business.warehouse.append_once(WEATHER, rows, batch_id=batch_id, source="test", run=RUN)


def keep_forecast(business: Business, fetched_at: pd.Timestamp) -> None:
    """Store a forecast of 8 degrees more than usual for the 16 days from Wednesday on."""
    ahead = {WEDNESDAY + timedelta(days=day): FORECAST_DEGREES for day in range(16)}
    keep(business, weather_rows(ahead, "forecast", fetched_at), f"forecast {fetched_at}")


def forecast(business: Business, sku: str, *flags: str) -> pd.DataFrame:
    assert business("predict", *flags) == 0
    rows = business.rows(FORECASTS)
    return rows[rows["SKU_ID"] == sku].reset_index(drop=True)


def test_weather_stays_where_it_lowers_the_error(business: Business) -> None:
    """In the model of the article that it moves; the registry tells both errors and what stood in for a forecast."""
    rows = business.rows(REGISTRY).set_index("SKU_ID")
    assert rows["weather"].to_dict() == {"ICE": "kept, perfect_weather", "SALT": "dropped, perfect_weather"}
    assert rows.loc["ICE", "backtest_wape"] == rows.loc["ICE", "backtest_wape_weather"] < 0.1
    assert rows.loc["SALT", "backtest_wape"] <= rows.loc["SALT", "backtest_wape_weather"]
    store = LocalStore(business.models)
    names = {
        sku: {
            each.name
            for model in loads(store.load(Combination("Пермь", "KA", sku)).payload).models
            for each in model.regressors
        }
        for sku in ("ICE", "SALT")
    }
    assert "weather_temperature" in names["ICE"]
    assert not any(name.startswith("weather") for name in names["SALT"])


def test_a_warm_forecast_moves_the_weeks_it_reaches(business: Business) -> None:
    """8 degrees on 5 of 7 days, 7 of 7, 4 of 7, and none of the fourth week: 3 % a degree each."""
    usual = forecast(business, "ICE")
    keep_forecast(business, pd.Timestamp(WEDNESDAY) - pd.Timedelta(hours=1))
    found = forecast(business, "ICE", *WEATHER_FLAGS, *NOBODY)
    assert found["weather_source"].tolist() == ["forecast", "forecast", "forecast", "climate"]
    assert usual["weather_source"].tolist() == ["none"] * 4
    change = found["weather"] / 700
    expected = PER_DEGREE * FORECAST_DEGREES * np.array([5, 7, 4, 0]) / 7
    assert change.tolist() == pytest.approx(expected.tolist(), abs=0.05)
    assert (found["yhat"] - usual["yhat"]).iloc[1] == pytest.approx(700 * expected[1], rel=0.25)


def test_a_forecast_of_later_is_not_known(business: Business) -> None:
    """Fetched on Thursday: Wednesday's forecast has the usual weather, and says so."""
    keep_forecast(business, pd.Timestamp(WEDNESDAY) + pd.Timedelta(days=1, hours=5))
    found = forecast(business, "ICE", "--as-of", str(WEDNESDAY), *WEATHER_FLAGS, *NOBODY)
    assert set(found["weather_source"].iloc[1:]) == {"climate"}


def test_other_articles_do_not_move(business: Business) -> None:
    """Their models have no weather; their rows still say what was known of it."""
    before = forecast(business, "SALT")
    keep_forecast(business, pd.Timestamp(WEDNESDAY) - pd.Timedelta(hours=1))
    found = forecast(business, "SALT", *WEATHER_FLAGS, *NOBODY)
    assert found["yhat"].tolist() == before["yhat"].tolist()
    assert found["weather_source"].tolist() == ["forecast", "forecast", "forecast", "climate"]
