"""BigQuery's own forecasters on the stand-in, which has none: the way there and back is real, the function is not."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date, timedelta

import pandas as pd
import pytest
from a_week import PUBLISH, QUERY
from builders import CUTOFF
from stand_ins.proxy import Proxy, Request
from writers import run_of

from skucast.backends.warehouse.bigquery.warehouse import BigQueryWarehouse
from skucast.core.errors import WarehouseError

LAST_WEEK = """(SELECT unit, channel, SKU_ID, TIMESTAMP(DATE '{ds}') AS forecast_timestamp, y AS forecast_value,
  y - 1 AS prediction_interval_lower_bound, y + 1 AS prediction_interval_upper_bound
  FROM ({history}) WHERE week = TIMESTAMP(DATE '{last}'))"""


def weeks() -> pd.DataFrame:
    """Return three weeks of one article, 1, 2 and 3 pieces, and one week to come."""
    days = [pd.Timestamp(CUTOFF) - timedelta(weeks=n) for n in (2, 1, 0)]
    about = {"unit": "U", "channel": "C", "SKU_ID": "A", "promo_discount_perc": 0.0, "promo_days": 0.0}
    rows = [{**about, "origin": pd.NaT, "ds": day, "y": float(n)} for n, day in enumerate(days, 1)]
    coming = {**about, "origin": days[-1], "ds": days[-1] + timedelta(weeks=1), "y": float("nan"), "promo_days": 7.0}
    return pd.DataFrame([*rows, coming]).astype({"origin": "datetime64[us]", "ds": "datetime64[us]"})


def as_last_week(request: Request) -> Request:
    """Put last week's sales in place of the function, as the stand-in can compute them."""
    body = json.loads(request.body)
    found = re.search(r"AI\.FORECAST\(\s*\((?P<history>.*?)\),\s*data_col.*\)", body["query"], re.DOTALL)
    if found is None:
        return request
    ds = CUTOFF + timedelta(weeks=1)
    body["query"] = body["query"][: found.start()] + LAST_WEEK.format(ds=ds, last=CUTOFF, **found.groupdict())
    return replace(request, body=json.dumps(body).encode())


def test_weeks_are_loaded_asked_for_and_dropped(warehouse: BigQueryWarehouse, bigquery_proxy: Proxy) -> None:
    """Last week's three pieces come back as the next week's forecast; no table and no model stays."""
    rivals = warehouse.rivals(run_of(1))
    rivals.give(weeks())
    bigquery_proxy.on("POST", QUERY, times=None, before=as_last_week)
    found = rivals.forecast("ai_forecast", CUTOFF, CUTOFF, 1)
    assert found.to_dict("records") == [
        {
            "unit": "U",
            "channel": "C",
            "SKU_ID": "A",
            "ds": pd.Timestamp(CUTOFF) + timedelta(weeks=1),
            "yhat": 3.0,
            "yhat_lower": 2.0,
            "yhat_upper": 4.0,
        }
    ]
    warehouse._dataset.drop(rivals._weeks)
    assert warehouse._dataset.look(rivals._weeks) is None


def test_a_function_that_is_not_there_is_one_line(warehouse: BigQueryWarehouse) -> None:
    """The stand-in knows none of them: so does a region without it."""
    rivals = warehouse.rivals(run_of(2))
    rivals.give(weeks())
    with pytest.raises(WarehouseError) as error:
        rivals.forecast("ai_forecast", CUTOFF, CUTOFF, 1)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith("ask ai_forecast: ")


def test_the_model_is_trained_before_it_is_asked(warehouse: BigQueryWarehouse, bigquery_proxy: Proxy) -> None:
    """By a job of its own, on the sales up to the day; a refusal of it is one line too."""
    rivals = warehouse.rivals(run_of(3))
    bigquery_proxy.answer(400, "POST", PUBLISH, reason="invalidQuery")
    with pytest.raises(WarehouseError, match="train arima_plus_xreg: refused"):
        rivals.forecast("arima_plus_xreg", date(2026, 11, 8), date(2026, 11, 1), 4)
    [sent] = [json.loads(each.body) for each in bigquery_proxy.requests if re.search(PUBLISH, each.path)]
    assert sent["configuration"]["query"]["query"].startswith("CREATE OR REPLACE MODEL `")
