"""Trouble on the way to BigQuery that passes: refusals, lost and cut answers; every row is there once."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import replace

import pandas as pd
import pytest
from a_week import (
    CREATE_TABLE,
    GET_TABLE,
    LOAD,
    PUBLISH,
    QUERY,
    in_pages,
    one_line,
    publish,
    publishers,
    rows_of,
    stored,
)
from builders import CUTOFF
from stand_ins.proxy import Proxy, Request, Response
from writers import SMALL, Place, run_of

from skucast.backends.warehouse.bigquery.warehouse import BigQueryWarehouse
from skucast.core.errors import InputError
from skucast.core.tables.sales import SALES
from skucast.core.weeks import WeekClock

REFUSALS = (
    (429, "rateLimitExceeded"),
    (403, "rateLimitExceeded"),
    (400, "jobRateLimitExceeded"),
    (500, "internalError"),
    (503, "backendError"),
)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", GET_TABLE),
        ("POST", CREATE_TABLE),
        ("POST", LOAD),
        ("POST", PUBLISH),
        ("POST", QUERY),
        ("DELETE", GET_TABLE),
    ],
    ids=["look", "create", "load", "publish", "read", "drop"],
)
def test_bursts_of_refusals_are_survived(
    warehouse: BigQueryWarehouse, bigquery_proxy: Proxy, method: str, path: str
) -> None:
    """Too many requests, too many jobs, an internal error, no service: asked once more it answers."""
    for status, reason in REFUSALS:
        bigquery_proxy.answer(status, method, path, reason=reason)
    assert publish(warehouse, 1) == 10
    assert stored(warehouse) == rows_of(1)
    assert publishers(warehouse) == ["run-1"]
    assert bigquery_proxy.count(method, path) > len(REFUSALS)


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", CREATE_TABLE), ("POST", LOAD), ("POST", PUBLISH), ("DELETE", GET_TABLE)],
    ids=["create", "load", "publish", "drop"],
)
def test_a_lost_answer_changes_nothing(
    warehouse: BigQueryWarehouse, bigquery_proxy: Proxy, method: str, path: str
) -> None:
    """It was done, nobody heard of it: asked again, the service says so, and every row is there once."""
    publish(warehouse, 0)
    bigquery_proxy.lose_answer(method, path)
    bigquery_proxy.requests.clear()
    assert publish(warehouse, 1) == 10
    assert stored(warehouse) == rows_of(1)
    assert publishers(warehouse) == ["run-0", "run-1"]
    assert bigquery_proxy.count(method, path) == 2


def test_a_lost_answer_to_a_delivery_adds_it_once(warehouse: BigQueryWarehouse, bigquery_proxy: Proxy) -> None:
    """The batch was appended, its answer lost: it is neither doubled nor refused."""
    line = {"date": "2026-11-16", "unit": "Пермь", "channel": "KA", "SKU_ID": "A1", "quantity": 5.0}
    rows = pd.DataFrame([{**line, "Promo_discount_perc": None, "stock": None}]).astype(
        {"Promo_discount_perc": "float64", "stock": "float64"}
    )
    bigquery_proxy.lose_answer("POST", PUBLISH)
    assert warehouse.append_once(SALES, rows, batch_id="one", source="one.csv", run=run_of(1)) == 1
    assert warehouse.read(SALES)["quantity"].tolist() == [5.0]


def test_a_later_page_that_fails_is_asked_for_again(
    proxied: Place, theirs: BigQueryWarehouse, bigquery_proxy: Proxy
) -> None:
    """Ten rows in pages of three, without the Storage API: none is missing, none is there twice."""
    publish(theirs, 1)
    bigquery_proxy.on("POST", QUERY, times=None, before=in_pages)
    bigquery_proxy.answer(503, "GET", "pageToken", reason="backendError")
    bigquery_proxy.answer(403, "GET", "pageToken", reason="rateLimitExceeded")
    bigquery_proxy.lose_answer("GET", "pageToken")
    rows = replace(proxied, grpc=None).warehouse().read(SMALL)
    assert list(zip(rows["SKU_ID"], rows["yhat"], strict=True)) == rows_of(1)
    assert bigquery_proxy.count("GET", "pageToken") >= 4


@pytest.mark.parametrize("path", [LOAD, PUBLISH], ids=["load", "publish"])
def test_a_job_that_the_service_failed_is_done_by_another(
    warehouse: BigQueryWarehouse, bigquery_proxy: Proxy, path: str
) -> None:
    """Its id is used up: the next try has its own, and the week is whole."""
    names: list[str] = []

    def fail(asked: Request) -> Response | None:
        [name] = set(re.findall(rb'"jobId": ?"([^"]+)"', asked.body))
        names.append(name.decode())
        if len(names) > 1:
            return None
        error = {"reason": "backendError", "message": "try again"}
        job = {
            "jobReference": {"projectId": "demo-project", "jobId": names[0], "location": "US"},
            "configuration": {"load": {}} if path == LOAD else {"query": {"query": "SELECT 1"}},
            "status": {"state": "DONE", "errorResult": error, "errors": [error]},
        }
        return Response(200, json.dumps(job).encode(), {"Content-Type": "application/json"})

    bigquery_proxy.on("POST", path, times=None, before=fail)
    assert publish(warehouse, 1) == 10
    assert stored(warehouse) == rows_of(1)
    assert len(names) == 2
    assert names[1] == f"{names[0]}_after_1"


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", GET_TABLE), ("POST", CREATE_TABLE), ("POST", LOAD), ("POST", PUBLISH), ("POST", QUERY)],
    ids=["look", "create", "load", "publish", "read"],
)
def test_an_answer_cut_short_is_asked_for_again(
    warehouse: BigQueryWarehouse, bigquery_proxy: Proxy, method: str, path: str
) -> None:
    """Half of the answer arrives: it is not taken for the whole."""
    publish(warehouse, 0)
    bigquery_proxy.cut(method, path)
    assert publish(warehouse, 1) == 10
    rows = warehouse.read(SMALL)
    assert list(zip(rows["SKU_ID"], rows["yhat"], strict=True)) == rows_of(1)


@pytest.mark.parametrize("reason", ["backendError", "jobRateLimitExceeded", "rateLimitExceeded"])
def test_a_result_that_is_asked_for_too_fast_is_asked_for_again(
    warehouse: BigQueryWarehouse, bigquery_proxy: Proxy, reason: str
) -> None:
    """Waiting for a job's end is a call like others."""
    bigquery_proxy.answer(503 if reason == "backendError" else 403, "GET", "/queries/|/jobs/", reason=reason)
    assert publish(warehouse, 1) == 10
    assert stored(warehouse) == rows_of(1)


def test_a_view_of_a_table_that_is_gone_names_it(
    warehouse: BigQueryWarehouse, theirs: BigQueryWarehouse, bigquery_proxy: Proxy
) -> None:
    """Sales may be a view: what is missing is what it reads, and no further run mends that."""
    client, name = theirs._dataset.client, theirs._dataset.id_of(SALES)
    row = "DATE '2026-11-16' AS date, 'U' AS unit, 'C' AS channel, 'S' AS SKU_ID, 5.0 AS quantity"
    client.query_and_wait(f"CREATE VIEW `{name}` AS SELECT {row}, NULL AS Promo_discount_perc")
    text = "Not found: Table demo-project:other.lines was not found in location US"
    bigquery_proxy.answer(404, "POST", QUERY, reason=text)
    with pytest.raises(InputError, match=r"this view reads demo-project:other\.lines, which is not there") as error:
        warehouse.weekly_sales(WeekClock(), CUTOFF)
    one_line(error)


def test_bytes_are_logged_per_read(
    warehouse: BigQueryWarehouse, bigquery_proxy: Proxy, caplog: pytest.LogCaptureFixture
) -> None:
    """What the service says it has scanned is in the line about the read: two reads of 12345 bytes are no 24690."""
    publish(warehouse, 1)

    def counted(_: Request, found: Response) -> Response:
        return replace(found, body=json.dumps({**json.loads(found.body), "totalBytesProcessed": "12345"}).encode())

    bigquery_proxy.on("POST", QUERY, times=None, after=counted)
    with caplog.at_level(logging.INFO, "skucast"):
        for _ in range(2):
            warehouse.read(SMALL)
    fields = [vars(record)["fields"] for record in caplog.records if record.message == "read forecasts"]
    assert fields == [{"rows": 10, "bytes_processed": 12345}] * 2
