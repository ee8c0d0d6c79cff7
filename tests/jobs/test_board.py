"""The page of a monitoring run: what it knows beside the scores, as the tables have it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd
import pytest
from boards import embedded
from builders import CUTOFF, WEDNESDAY
from business import TRAINED, Business

from skucast.core.run import Run
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.records import REGISTRY
from skucast.core.tables.sales import PROMOTIONS

pytestmark = pytest.mark.page

NEXT_WEEK = CUTOFF + timedelta(weeks=1)


@pytest.fixture
def forecast(business: Business) -> Business:
    """Return a business that was forecast a week ago and on Wednesday, with 14 % off planned for its first article."""
    unit, channel, sku = TRAINED[0]
    monday = CUTOFF + timedelta(days=1)
    promotion = {
        "unit": unit,
        "channel": channel,
        "SKU_ID": sku,
        "starts_on": pd.Timestamp(monday + timedelta(days=2)),
        "ends_on": pd.Timestamp(NEXT_WEEK),
        "discount_perc": 20.0,
        "known_from": pd.Timestamp(CUTOFF),
        "plan_id": "P1",
    }
    stamp = Run("test", "test", pd.Timestamp(WEDNESDAY).to_pydatetime(), WEDNESDAY, CUTOFF)

    def planned(business: Business) -> None:
        rows = pd.DataFrame([promotion])
        business.warehouse.append_once(PROMOTIONS, rows, batch_id="plan", source="test", run=stamp)

    business.once("planned", planned)
    business.already("predict", "--as-of", str(WEDNESDAY - timedelta(weeks=1)))
    business.already("predict")
    return business


def page_of(business: Business, *flags: str) -> dict[str, Any]:
    """Return the data of the page that monitoring makes."""
    assert business("monitor", *flags) == 0
    return embedded((business.folder / "staging" / "dashboard" / "index.html").read_text(encoding="utf-8"))


def test_origins_plans_and_holidays(forecast: Business) -> None:
    """Two origins; the promotion planned for the next week; the calendar's names of weeks on the page."""
    data = page_of(forecast)
    assert data["origin"] == str(CUTOFF)
    assert len(data["forecasts"]["ds"]) == len(forecast.rows(FORECASTS)) / 2
    assert {data["weeks"][number] for number in data["earlier"]["cutoff"]} == {str(CUTOFF - timedelta(weeks=1))}
    assert [data["weeks"][number] for number in data["plan"]["ds"]] == [str(NEXT_WEEK)]
    assert (data["plan"]["promo_discount_perc"], data["plan"]["promo_days"]) == ([20], [5])  # 14.3 % as a week's mean
    planned = data["promotions"]["calendar"]
    assert (planned["state"]["of"], planned["SKU_ID"]["of"], planned["discount_perc"]) == (
        ["running"],
        [TRAINED[0][2]],
        [20],
    )
    assert (planned["n_weeks"], planned["n_forecast"], planned["n_combinations"]) == ([1], [1], [1])
    assert planned["uplift"] != [None]
    found = {name for week in data["holidays"] if week["week"] == "2026-11-08" for name in week["names"]}
    assert found == {"Unity Day"}


def test_local_events_are_holidays_too(forecast: Business) -> None:
    """A day of HOLIDAY_CALENDAR stands beside the country's."""
    calendar = forecast.folder / "events.csv"
    calendar.write_text("name,date,days_before,days_after\nCity day,2026-11-05,0,0\n", encoding="utf-8")
    weeks = page_of(forecast, "--holiday-calendar", str(calendar))["holidays"]
    assert {"week": "2026-11-08", "names": ["City day", "Unity Day"]} in weeks


def test_without_a_calendar_there_are_no_holidays(forecast: Business) -> None:
    """HOLIDAY_COUNTRY= says so."""
    assert page_of(forecast, "--holiday-country", "")["holidays"] == []


def test_models_are_those_behind_the_forecasts(forecast: Business) -> None:
    """The registry's row of the model's own version, also after another training that the forecasts do not know yet."""
    before = page_of(forecast)["models"]
    assert sum(before["rows"]) == len(TRAINED)
    assert set(before["model_version"]) <= set(forecast.rows(REGISTRY)["model_version"].dropna())
    assert forecast("retrain", "--target", "/".join(TRAINED[0]), "--tune", "off") == 0
    after = page_of(forecast)["models"]
    assert after["model_version"] == before["model_version"]


def test_runs_are_listed(forecast: Business) -> None:
    """Two predictions and the training, newest first; that of the page itself is not over yet."""
    runs = page_of(forecast)["runs"]
    assert [run["job"] for run in runs] == ["predict", "predict", "train"]
    assert all(run["exit_code"] == 0 for run in runs)
