"""The warehouse on BigQuery: what it promises while others write and the service or the way to it fails."""

from __future__ import annotations

import json
import logging
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import writers
from builders import CUTOFF
from google.cloud import bigquery
from grpc import StatusCode
from stand_ins.proxy import Lost, Proxy, Request, Response
from stand_ins.shared import Address
from stand_ins.storage_api import CREATE_SESSION, READ_ROWS, FaultyStorageApi
from writers import SMALL, WRITERS, Place, run_of, week

import skucast
from skucast.backends.warehouse.bigquery.warehouse import BigQueryWarehouse
from skucast.core.combination import Combination
from skucast.core.errors import ContractError, InputError, WarehouseError
from skucast.core.tables.contract import Table
from skucast.core.tables.every import TABLES
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.records import PUBLISHES, RUNS
from skucast.core.tables.sales import PROMOTIONS, SALES
from skucast.core.weeks import WeekClock
from skucast.regressors.promotions import Plan

PATHS = ":".join(map(str, (Path(skucast.__file__).parents[1], Path(__file__).parents[1])))

# What the proxy's patterns look at.
LOAD = r"^/upload/bigquery/"
PUBLISH = r"^/bigquery/v2/projects/[^/]+/jobs\?"
QUERY = r"/queries\?"
GET_TABLE = r"/tables/"
CREATE_TABLE = r"/tables\?"
EVERYTHING = ".*"


@pytest.fixture
def place(bigquery_server: Address, dataset: str) -> Place:
    """Return an empty dataset as another process sees it, whose requests meet no fault."""
    return Place(bigquery_server.url, bigquery_server.grpc, dataset)


@pytest.fixture
def proxied(bigquery_proxy: Proxy, place: Place) -> Place:
    """Return the same dataset behind the proxy."""
    return replace(place, url=bigquery_proxy.url)


@pytest.fixture
def warehouse(proxied: Place) -> BigQueryWarehouse:
    """Return the dataset behind the proxy as jobs use it."""
    return proxied.warehouse()


@pytest.fixture
def theirs(place: Place) -> BigQueryWarehouse:
    """Return the dataset as another process sees it."""
    return place.warehouse()


def stored(warehouse: BigQueryWarehouse) -> list[tuple[str, float]]:
    """Return article and yhat of the week's rows as they are; our own reader would refuse a key that is there twice."""
    sql = f"SELECT SKU_ID, yhat FROM `{warehouse._dataset.id_of(SMALL)}` ORDER BY SKU_ID, yhat"
    return [(row["SKU_ID"], row["yhat"]) for row in warehouse._dataset.client.query_and_wait(sql)]


def rows_of(number: int) -> list[tuple[str, float]]:
    """Return article and yhat of the rows that writer `number` writes."""
    rows = week(number)
    return list(zip(rows["SKU_ID"], rows["yhat"], strict=True))


def publishers(warehouse: BigQueryWarehouse) -> list[str]:
    """Return the runs that are noted as publishers; each once, or our reader would refuse them."""
    return list(warehouse.read(PUBLISHES)["run_id"])


def one_line(error: pytest.ExceptionInfo[Exception]) -> str:
    """Return the error's text, which is one line."""
    text = str(error.value)
    assert "\n" not in text
    return text


def publish(warehouse: BigQueryWarehouse, number: int) -> int:
    """Replace the week by that of writer `number`."""
    return warehouse.replace(SMALL, week(number), CUTOFF, run=run_of(number))


# --- Tables ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.label)
def test_tables_are_partitioned_clustered_and_described(theirs: BigQueryWarehouse, place: Place, table: Table) -> None:
    """By day of the slice's date, by the combination; every column says what it means and in which unit."""
    theirs.ensure(table)
    made = place.client().get_table(place.table_id(table.name))
    is_dated = table.partition is not None and table.column(table.partition).type == "DATE"
    assert (made.time_partitioning.field if made.time_partitioning else None) == (table.partition if is_dated else None)
    assert (made.clustering_fields or []) == list(table.cluster)
    assert made.description == table.meaning
    assert made.expires is None
    for column, field in zip(table.columns, made.schema, strict=True):
        assert (field.name, field.description) == (column.name, f"{column.meaning} ({column.unit})")
        assert field.mode == ("NULLABLE" if column.nullable else "REQUIRED")


def test_staging_tables_expire(theirs: BigQueryWarehouse, place: Place) -> None:
    """What a task stages for a publish that never comes is dropped by the service after two days."""
    theirs.stage(SMALL, week(1), run=replace(run_of(1), task_count=2))
    client = place.client()
    [staging] = [table for table in client.list_tables(place.dataset) if table.table_id.startswith("staging_")]
    expires = client.get_table(staging.reference).expires
    assert expires is not None
    assert timedelta(hours=47) < expires - datetime.now(UTC) <= timedelta(hours=48)


def test_a_publish_leaves_no_staging_table(theirs: BigQueryWarehouse, place: Place) -> None:
    """The forecasts and who published them, nothing else."""
    publish(theirs, 1)
    tables = sorted(table.table_id for table in place.client().list_tables(place.dataset))
    assert tables == sorted([SMALL.name, PUBLISHES.name])


def test_a_changed_type_is_refused_before_anything_is_staged(
    warehouse: BigQueryWarehouse, bigquery_proxy: Proxy, place: Place
) -> None:
    """Somebody made yhat a text: table, column, both types in one line; nothing is loaded, the table stays."""
    fields = [bigquery.SchemaField(column.name, column.type) for column in SMALL.columns[:-1]]
    changed = bigquery.Table(place.table_id(), schema=[*fields, bigquery.SchemaField("yhat", "STRING")])
    changed.time_partitioning = bigquery.TimePartitioning(field="cutoff")
    place.client().create_table(changed)
    with pytest.raises(ContractError) as error:
        publish(warehouse, 1)
    assert f"{place.table_id()}: yhat is STRING, expected FLOAT64" in one_line(error)
    assert bigquery_proxy.count("POST", LOAD) == 0
    assert place.client().get_table(place.table_id()).num_rows == 0


def test_a_publish_never_makes_a_table(warehouse: BigQueryWarehouse, bigquery_proxy: Proxy, place: Place) -> None:
    """It is deleted between the load and the publish: one line, it stays away; the next try of the run makes it."""

    def delete(_: Request) -> None:
        place.client().delete_table(place.table_id())

    bigquery_proxy.on("POST", PUBLISH, before=delete)
    with pytest.raises(WarehouseError) as error:
        publish(warehouse, 1)
    assert re.match(rf"publish forecasts: .* Not found: Table .*{SMALL.name}", one_line(error))
    assert SMALL.name not in [table.table_id for table in place.client().list_tables(place.dataset)]
    assert publish(warehouse, 1) == 10
    assert stored(warehouse) == rows_of(1)


@pytest.mark.parametrize(
    "call",
    [
        lambda warehouse: warehouse.read(FORECASTS),
        lambda warehouse: warehouse.weekly_sales(WeekClock(), CUTOFF),
        lambda warehouse: publish(warehouse, 1),
        lambda warehouse: warehouse.stage(SMALL, week(1), run=run_of(1)),
    ],
    ids=["read", "weekly_sales", "replace", "stage"],
)
def test_a_missing_dataset_is_named(place: Place, call: Callable[[BigQueryWarehouse], object]) -> None:
    """It is made by nobody but its owner."""
    with pytest.raises(InputError) as error:
        call(replace(place, dataset="nowhere").warehouse())
    assert one_line(error) == "WAREHOUSE: there is no dataset demo-project.nowhere; create it first"


# --- Trouble that passes --------------------------------------------------------------------------------------------


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
    """Too many requests, an internal error, no service: asked a fourth time it answers."""
    for status, reason in ((429, "rateLimitExceeded"), (500, "internalError"), (503, "backendError")):
        bigquery_proxy.answer(status, method, path, reason=reason)
    assert publish(warehouse, 1) == 10
    assert stored(warehouse) == rows_of(1)
    assert publishers(warehouse) == ["run-1"]
    assert bigquery_proxy.count(method, path) >= 4


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
    bigquery_proxy.lose_answer("GET", "pageToken")
    rows = replace(proxied, grpc=None).warehouse().read(SMALL)
    assert list(zip(rows["SKU_ID"], rows["yhat"], strict=True)) == rows_of(1)
    assert bigquery_proxy.count("GET", "pageToken") >= 3


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


# --- The Storage API ------------------------------------------------------------------------------------------------


@pytest.fixture
def storage_api(bigquery_server: Address) -> Iterator[FaultyStorageApi]:
    """Return a Storage API in front of the stand-in's, without faults."""
    api = FaultyStorageApi(str(bigquery_server.grpc))
    yield api
    api.close()


@pytest.fixture
def streaming(proxied: Place, bigquery_proxy: Proxy, storage_api: FaultyStorageApi) -> Place:
    """Return the dataset behind both; three rows of a result come at once, so that the rest is streamed."""
    bigquery_proxy.on("POST", QUERY, times=None, before=in_pages)
    return replace(proxied, grpc=storage_api.address)


def in_pages(asked: Request) -> Request:
    """Return the query with pages of three rows."""
    return replace(asked, body=json.dumps({**json.loads(asked.body), "maxResults": 3}).encode())


PASSING: dict[str, tuple[str, list[Any]]] = {
    "no trouble": (READ_ROWS, []),
    "no session at first": (CREATE_SESSION, [(StatusCode.UNAVAILABLE, "not now")]),
    "no stream at first": (READ_ROWS, [(StatusCode.UNAVAILABLE, "not now")] * 2),
    "cut streams": (READ_ROWS, ["cut", "cut"]),
}


@pytest.mark.parametrize(("method", "faults"), PASSING.values(), ids=PASSING)
def test_long_results_are_streamed(
    streaming: Place, theirs: BigQueryWarehouse, storage_api: FaultyStorageApi, method: str, faults: list[Any]
) -> None:
    """Every row once, also when the stream is lost after its rows."""
    publish(theirs, 1)
    storage_api.faults[method] = list(faults)
    rows = streaming.warehouse().read(SMALL)
    assert list(zip(rows["SKU_ID"], rows["yhat"], strict=True)) == rows_of(1)
    assert storage_api.calls.count(method) == len(faults) + 1


STAYING: dict[str, tuple[str, Any]] = {
    "silent session": (CREATE_SESSION, "silent"),
    "no session": (CREATE_SESSION, (StatusCode.UNAVAILABLE, "not now")),
    "silent stream": (READ_ROWS, "silent"),
    "no stream": (READ_ROWS, (StatusCode.UNAVAILABLE, "not now")),
    "streams that break for ever": (READ_ROWS, "cut"),
}


@pytest.mark.parametrize(("method", "fault"), STAYING.values(), ids=STAYING)
def test_a_stream_that_does_not_come_is_given_up(
    streaming: Place, theirs: BigQueryWarehouse, storage_api: FaultyStorageApi, method: str, fault: Any
) -> None:
    """Within the deadline of 2 s, in one line."""
    publish(theirs, 1)
    storage_api.faults[method] = [fault] * 10_000
    started = time.monotonic()
    with pytest.raises(WarehouseError) as error:
        streaming.warehouse(timeout_s=1, deadline_s=2).read(SMALL)
    assert time.monotonic() - started < 10
    assert "read forecasts: no usable answer within 2 s" in one_line(error)


def test_a_refused_stream_names_its_permission(
    streaming: Place, theirs: BigQueryWarehouse, storage_api: FaultyStorageApi
) -> None:
    """It is another permission than that of the query."""
    publish(theirs, 1)
    refused = "request failed: the user does not have 'bigquery.readsessions.getData' permission"
    storage_api.faults[READ_ROWS] = [(StatusCode.PERMISSION_DENIED, refused)]
    with pytest.raises(InputError, match=r"read forecasts: bigquery\.readsessions\.getData is missing or refused"):
        streaming.warehouse().read(SMALL)


# --- Trouble that stays ---------------------------------------------------------------------------------------------

WRITES = [("GET", GET_TABLE), ("POST", CREATE_TABLE), ("POST", LOAD), ("POST", PUBLISH)]


@pytest.mark.parametrize(("method", "path"), WRITES, ids=["look", "create", "load", "publish"])
def test_a_silent_service_is_given_up(
    proxied: Place, theirs: BigQueryWarehouse, bigquery_proxy: Proxy, method: str, path: str
) -> None:
    """Within the deadline of 4 s and one timeout of 2 s per call; the week that was there stays."""
    publish(theirs, 0)
    bigquery_proxy.stall(method, path)
    started = time.monotonic()
    with pytest.raises(WarehouseError) as error:
        publish(proxied.warehouse(timeout_s=2, deadline_s=4), 1)
    assert time.monotonic() - started < 20
    assert "no usable answer within 4 s" in one_line(error)
    assert stored(theirs) == rows_of(0)


def test_a_publish_that_does_not_end_is_cancelled(
    proxied: Place, theirs: BigQueryWarehouse, bigquery_proxy: Proxy
) -> None:
    """It runs and runs: given up at the deadline, not eight times that, and the service is told to stop it."""
    publish(theirs, 0)

    def running(asked: Request) -> Response:
        [name] = set(re.findall(r'(?:"jobId": ?"|/queries/|/jobs/)(skucast_[^"/?]+)', asked.path + asked.body.decode()))
        reference = {"projectId": "demo-project", "jobId": name, "location": "US"}
        job = {"jobReference": reference, "configuration": {"query": {"query": "SELECT 1"}}, "jobComplete": False}
        body = json.dumps({**job, "job": job, "status": {"state": "RUNNING"}}).encode()
        return Response(200, body, {"Content-Type": "application/json"})

    bigquery_proxy.on("POST", PUBLISH, times=None, before=running)
    bigquery_proxy.on("GET", r"/(queries|jobs)/", times=None, before=running)
    bigquery_proxy.on("POST", r"/cancel", times=None, before=running)
    warehouse = proxied.warehouse(timeout_s=2, deadline_s=4)
    started = time.monotonic()
    with pytest.raises(WarehouseError, match=r"publish forecasts: no usable answer within 4 s"):
        publish(warehouse, 1)
    assert time.monotonic() - started < 20
    assert bigquery_proxy.count("POST", r"/jobs/skucast_publish_[^/]+/cancel") == 1
    assert stored(theirs) == rows_of(0)


@pytest.mark.parametrize("silent", ["from the start", "in the middle of the answer"])
def test_a_silent_read_is_given_up(
    proxied: Place, theirs: BigQueryWarehouse, bigquery_proxy: Proxy, silent: str
) -> None:
    """The same for what is read."""
    publish(theirs, 0)
    if silent == "from the start":
        bigquery_proxy.stall("POST", QUERY)
    else:
        bigquery_proxy.cut("POST", QUERY, times=None, silent=True)
    started = time.monotonic()
    with pytest.raises(WarehouseError) as error:
        proxied.warehouse(timeout_s=1, deadline_s=2).read(SMALL)
    assert time.monotonic() - started < 15
    one_line(error)


REFUSED = [
    ("GET", GET_TABLE, "bigquery.tables.get"),
    ("POST", CREATE_TABLE, "bigquery.tables.create"),
    ("POST", LOAD, "bigquery.jobs.create"),
    ("POST", PUBLISH, "bigquery.jobs.create"),
]


@pytest.mark.parametrize(("method", "path", "permission"), REFUSED, ids=["look", "create", "load", "publish"])
def test_a_missing_permission_is_named_after_one_request(
    warehouse: BigQueryWarehouse,
    theirs: BigQueryWarehouse,
    bigquery_proxy: Proxy,
    method: str,
    path: str,
    permission: str,
) -> None:
    """403 names the permission and what it was asked for; nobody asks again, the week stays."""
    publish(theirs, 0)
    bigquery_proxy.answer(403, method, path, times=None, reason="accessDenied")
    with pytest.raises(InputError) as error:
        publish(warehouse, 1)
    text = one_line(error)
    assert f"{permission} is missing or refused" in text
    assert SMALL.name in text or text.startswith("publish forecasts: ")
    assert bigquery_proxy.count(method, path) == 1
    assert stored(theirs) == rows_of(0)


@pytest.mark.parametrize(("method", "path"), WRITES, ids=["look", "create", "load", "publish"])
def test_a_used_up_quota_is_one_request(
    warehouse: BigQueryWarehouse, theirs: BigQueryWarehouse, bigquery_proxy: Proxy, method: str, path: str
) -> None:
    """403 because of a quota is no missing permission; nobody asks again."""
    publish(theirs, 0)
    bigquery_proxy.refuse_quota(method, path)
    with pytest.raises(WarehouseError) as error:
        publish(warehouse, 1)
    assert "over quota" in one_line(error)
    assert bigquery_proxy.count(method, path) == 1
    assert stored(theirs) == rows_of(0)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("quotaExceeded", "read forecasts: over quota"), ("accessDenied", "bigquery.jobs.create is missing or refused")],
)
def test_a_refused_read_is_one_request(
    warehouse: BigQueryWarehouse, theirs: BigQueryWarehouse, bigquery_proxy: Proxy, reason: str, expected: str
) -> None:
    """The reader tells quota from permission too, although pandas-gbq wraps what the service says."""
    publish(theirs, 0)
    bigquery_proxy.answer(403, "POST", QUERY, times=None, reason=reason)
    with pytest.raises((WarehouseError, InputError)) as error:
        warehouse.read(SMALL)
    assert expected in one_line(error)
    assert isinstance(error.value, InputError) == (reason == "accessDenied")
    assert bigquery_proxy.count("POST", QUERY) == 1


def test_an_identity_that_is_not_accepted_is_one_line(warehouse: BigQueryWarehouse, bigquery_proxy: Proxy) -> None:
    """401 is for whoever set the job up."""
    bigquery_proxy.answer(401, "GET", EVERYTHING, times=None)
    with pytest.raises(InputError, match=r"bigquery\.tables\.get is missing or refused"):
        warehouse.read(SMALL)


# --- Writers at once ------------------------------------------------------------------------------------------------


def write_at_once(kind: str, place: Place, numbers: range) -> None:
    """Let so many writers of one kind write their version of the same week at the same time."""
    at_once = threading.Barrier(len(numbers))

    def write(number: int) -> None:
        at_once.wait()
        WRITERS[kind](place, number)

    with ThreadPoolExecutor(len(numbers)) as pool:
        list(pool.map(write, numbers))


@pytest.mark.parametrize("there_is", ["nothing", "a week"])
def test_of_writers_at_once_one_week_remains(place: Place, theirs: BigQueryWarehouse, there_is: str) -> None:
    """Four publish different versions: one of them is there, whole, every run is noted once; also the first time."""
    if there_is == "a week":
        publish(theirs, 0)
    write_at_once("ours", place, range(1, 5))
    assert stored(theirs) in [rows_of(number) for number in range(1, 5)]
    assert publishers(theirs) == [f"run-{number}" for number in range(0 if there_is == "a week" else 1, 5)]


def test_of_processes_at_once_one_week_remains(place: Place, theirs: BigQueryWarehouse) -> None:
    """Eight processes, as Cloud Run starts them: all succeed, the week is one of theirs."""
    processes = [process_of(place, "ours", number) for number in range(1, 9)]
    said = [process.communicate()[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0] * 8, said
    assert stored(theirs) in [rows_of(number) for number in range(1, 9)]
    assert publishers(theirs) == [f"run-{number}" for number in range(1, 9)]


def process_of(place: Place, kind: str, number: int) -> subprocess.Popen[bytes]:
    """Start a writer in a process of its own."""
    command = [sys.executable, writers.__file__, kind, str(number), place.url, str(place.grpc), place.dataset]
    return subprocess.Popen(command, env={"PYTHONPATH": PATHS}, stderr=subprocess.PIPE)


def test_records_of_tasks_at_once_are_all_there(place: Place, theirs: BigQueryWarehouse, bigquery_proxy: Proxy) -> None:
    """Eight tasks of one run end at once: each leaves its own row, none waits for another's transaction."""
    at_once = threading.Barrier(8)
    behind = replace(place, url=bigquery_proxy.url)

    def leave(index: int) -> None:
        task = replace(run_of(1), task_index=index, task_count=8)
        row = {column.name: "{}" if column.type == "STRING" else index for column in RUNS.columns}
        row |= {"task_id": task.task_id, "run_at": task.run_at, "cutoff": task.cutoff}
        warehouse = behind.warehouse()
        at_once.wait()
        warehouse.replace(RUNS, pd.DataFrame([row]), task.task_id, run=task)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(leave, range(8)))
    assert theirs.read(RUNS)["n_rows"].tolist() == list(range(8))
    assert bigquery_proxy.count("POST", PUBLISH) == 8
    assert publishers(theirs) == []


def test_an_attempt_with_other_rows_replaces_those_of_a_killed_one(
    theirs: BigQueryWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first had published, but was ended before it could tidy up; the second knows better and is not ignored."""
    with monkeypatch.context() as killed:
        killed.setattr(theirs._dataset, "drop", lambda _: None)
        theirs.replace(SMALL, week(1), CUTOFF, run=run_of(1))
    assert theirs.replace(SMALL, week(2), CUTOFF, run=run_of(1)) == 10
    assert stored(theirs) == rows_of(2)


def test_what_two_first_publishers_left_stops_nobody(theirs: BigQueryWarehouse) -> None:
    """Both put in the row to conflict over, and were ended: it counts as no publish, and the next one removes it."""
    theirs.ensure(PUBLISHES)
    seed = f"INSERT INTO `{theirs._dataset.id_of(PUBLISHES)}` VALUES ('{SMALL.name}', '', '', 0, CURRENT_TIMESTAMP())"
    for _ in range(2):
        theirs._dataset.client.query_and_wait(seed)
    assert not theirs.published(SMALL, CUTOFF, run=run_of(1))
    assert publish(theirs, 1) == 10
    assert publishers(theirs) == ["run-1"]


def test_one_run_delivered_twice_publishes_once(place: Place, theirs: BigQueryWarehouse) -> None:
    """Two processes of the same execution, same task: the week is whole, whoever was first."""
    at_once = threading.Barrier(2)

    def write(_: int) -> str | None:
        at_once.wait()
        try:
            writers.ours(place, 1)
        except WarehouseError as error:  # the other one had finished and cleaned up
            return str(error)
        return None

    with ThreadPoolExecutor(2) as pool:
        errors = list(pool.map(write, range(2)))
    assert None in errors
    assert stored(theirs) == rows_of(1)
    assert publishers(theirs) == ["run-1"]


def test_an_appending_writer_would_be_found_out(place: Place, theirs: BigQueryWarehouse) -> None:
    """The test above bites: two writers that append leave rows of both, five articles twice."""
    theirs.ensure(SMALL)
    write_at_once("append", place, range(1, 3))
    found = stored(theirs)
    assert sorted(found) == sorted(rows_of(1) + rows_of(2))
    assert list(Counter(sku for sku, _ in found).values()).count(2) == 5


def test_a_bare_merge_would_be_found_out(place: Place, theirs: BigQueryWarehouse) -> None:
    """The test above bites: of two writers that merge, each leaves rows that the other knows nothing of."""
    theirs.ensure(SMALL)
    for number in (1, 2):
        writers.merge(place, number)
    assert stored(theirs) == sorted(rows_of(1)[:5] + rows_of(2))


# --- Killed ---------------------------------------------------------------------------------------------------------


def killed_at(
    proxied: Place, proxy: Proxy, kind: str, path: str, when: str, *, method: str = "POST", skip: int = 0
) -> None:
    """Let writer 1 write in a process that is killed before or after this request of it, but for the first `skip`."""
    started = threading.Event()

    def kill(*_: object) -> Any:
        started.wait()
        process.kill()
        process.wait()
        raise Lost

    if skip:
        proxy.on(method, path, times=skip)
    proxy.on(method, path, **{when: kill})
    process = process_of(proxied, kind, 1)
    started.set()
    _, said = process.communicate()
    assert process.returncode == -signal.SIGKILL, said.decode()


def wait_for(warehouse: BigQueryWarehouse, number: int) -> None:
    """Wait until the week is that of writer `number`: a job that has arrived runs on without its client."""
    until = time.monotonic() + 20
    while (found := stored(warehouse)) != rows_of(number) and time.monotonic() < until:
        assert found == rows_of(0)
    assert found == rows_of(number)


EFFECTS = {
    "before the staging table": ("POST", CREATE_TABLE, "before", 0),
    "after the staging table": ("POST", CREATE_TABLE, "after", 0),
    "before the load": ("POST", LOAD, "before", 0),
    "after the load": ("POST", LOAD, "after", 0),
    "before the publish": ("POST", PUBLISH, "before", 0),
    "after the publish": ("POST", PUBLISH, "after", 1),
    "before the drop": ("DELETE", GET_TABLE, "before", 1),
    "after the drop": ("DELETE", GET_TABLE, "after", 1),
}
"""Request, when the writer is killed, and whose week is there then."""


@pytest.mark.parametrize(("method", "path", "when", "expected"), EFFECTS.values(), ids=EFFECTS)
def test_a_killed_writer_leaves_a_whole_week(
    theirs: BigQueryWarehouse,
    proxied: Place,
    bigquery_proxy: Proxy,
    method: str,
    path: str,
    when: str,
    expected: int,
) -> None:
    """Killed without warning at each of its effects: the old week or the new one; the next try of the run completes."""
    publish(theirs, 0)
    killed_at(proxied, bigquery_proxy, "ours", path, when, method=method)
    wait_for(theirs, expected)
    assert publishers(theirs) == [f"run-{number}" for number in range(expected + 1)]
    publish(theirs, 1)
    assert stored(theirs) == rows_of(1)
    assert publishers(theirs) == ["run-0", "run-1"]


TASK_EFFECTS = {
    "before its shard": ("POST", LOAD, "before", 0, 0),
    "after its shard": ("POST", LOAD, "after", 0, 0),
    "before the publish": ("POST", PUBLISH, "before", 0, 0),
    "after the publish": ("POST", PUBLISH, "after", 0, 1),
    "between the drops": ("DELETE", GET_TABLE, "after", 1, 1),
}


@pytest.mark.parametrize(("method", "path", "when", "skip", "expected"), TASK_EFFECTS.values(), ids=TASK_EFFECTS)
def test_a_killed_task_leaves_a_whole_week(
    theirs: BigQueryWarehouse,
    place: Place,
    proxied: Place,
    bigquery_proxy: Proxy,
    method: str,
    path: str,
    when: str,
    skip: int,
    expected: int,
) -> None:
    """The same for the last of two tasks; its next try completes, and drops what the tasks have staged."""
    publish(theirs, 0)
    writers.stage_first_half(place, 1)
    killed_at(proxied, bigquery_proxy, "task", path, when, method=method, skip=skip)
    wait_for(theirs, expected)
    writers.task(place, 1)
    assert stored(theirs) == rows_of(1)
    assert publishers(theirs) == ["run-0", "run-1"]
    tables = [table.table_id for table in place.client().list_tables(place.dataset)]
    assert [name for name in tables if name.endswith("_of_2")] == []


@pytest.mark.parametrize("kind", ["append", "merge"])
def test_a_killed_naive_writer_would_be_found_out(
    place: Place, theirs: BigQueryWarehouse, proxied: Place, bigquery_proxy: Proxy, kind: str
) -> None:
    """The test above bites: killed after its write and run again, an append doubles the week; both keep old rows."""
    publish(theirs, 0)
    killed_at(proxied, bigquery_proxy, kind, PUBLISH, "after")
    assert stored(theirs) not in (rows_of(0), rows_of(1))
    WRITERS[kind](place, 1)
    expected = rows_of(0) + rows_of(1) * 2 if kind == "append" else rows_of(0)[:5] + rows_of(1)
    assert sorted(stored(theirs)) == sorted(expected)


# --- A plan of promotions that is kept elsewhere --------------------------------------------------------------------


def test_the_plan_may_be_a_view_of_somebody_elses_table(warehouse: BigQueryWarehouse) -> None:
    """Other columns beside ours, names as people write them: read as it is, and nothing is appended to it."""
    client, table_id = warehouse._dataset.client, warehouse._dataset.id_of(PROMOTIONS)
    source = table_id.replace(PROMOTIONS.name, "planners_sheet")
    columns = {"unit": "STRING", "channel": "STRING", "SKU_ID": "STRING", "starts_on": "DATE", "ends_on": "DATE"}
    columns |= {"discount_perc": "FLOAT64", "known_from": "TIMESTAMP", "plan_id": "STRING", "cancelled": "BOOL"}
    columns |= {"note": "STRING", "approved_by": "STRING"}
    client.query_and_wait(f"CREATE TABLE `{source}` ({', '.join(f'{name} {kind}' for name, kind in columns.items())})")
    client.query_and_wait(
        f"INSERT INTO `{source}` VALUES ('Пермь ', '*', '*', '2026-11-23', '2026-11-29', 30, '2026-11-20 09:00:00', "
        "'P1', NULL, NULL, 'Anna')"
    )
    view = bigquery.Table(table_id)
    view.view_query = f"SELECT * FROM `{source}`"
    client.create_table(view)
    article = Combination("Пермь", "KA", "A1")
    planned = Plan(warehouse.read(PROMOTIONS), [article]).as_of(
        WeekClock().end_of(CUTOFF), WeekClock().targets(CUTOFF, 2)
    )
    assert planned[article].days.tolist() == [7.0, 0.0]
    with pytest.raises(InputError, match="is a view, expected a table"):
        warehouse.append_once(PROMOTIONS, warehouse.read(PROMOTIONS), batch_id="b", source="s", run=run_of(1))
