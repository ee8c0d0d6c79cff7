"""The warehouse on BigQuery: what it promises while others write and the service or the way to it fails."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
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
from stand_ins.proxy import Lost, Proxy, Request, Response
from stand_ins.servers import Server
from writers import SMALL, WRITERS, Place, run_of, week

import skucast
from skucast.errors import ContractError, InputError, WarehouseError
from skucast.tables import FORECASTS, PUBLISHES, SALES, TABLES, Table
from skucast.warehouse.bigquery import BigQueryWarehouse
from skucast.weeks import WeekClock

PATHS = ":".join(map(str, (Path(skucast.__file__).parents[1], Path(__file__).parents[1])))

# What the proxy's patterns look at.
LOAD = r"^/upload/bigquery/"
PUBLISH = r"^/bigquery/v2/projects/[^/]+/jobs\?"
QUERY = r"/queries\?"
GET_TABLE = r"/tables/"
CREATE_TABLE = r"/tables\?"
EVERYTHING = ".*"


@pytest.fixture
def place(bigquery_server: Server, dataset: str) -> Place:
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
    sql = f"SELECT SKU_ID, yhat FROM `{warehouse._id(SMALL)}` ORDER BY SKU_ID, yhat"
    return [(row["SKU_ID"], row["yhat"]) for row in warehouse._client.query_and_wait(sql)]


def rows_of(number: int) -> list[tuple[str, float]]:
    """Return article and yhat of the rows that writer `number` writes."""
    rows = week(number)
    return list(zip(rows["SKU_ID"], rows["yhat"], strict=True))


def publishers(warehouse: BigQueryWarehouse) -> list[str]:
    """Return the runs that published last; one, if the week is one."""
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
    place.client().create_table(changed)
    for write in (publish, lambda *_: warehouse.stage(SMALL, week(1), run=run_of(1))):
        with pytest.raises(ContractError) as error:
            write(warehouse, 1)
        assert f"{place.table_id()}: yhat is STRING, expected FLOAT64" in one_line(error)
    assert bigquery_proxy.count("POST", LOAD) == 0
    assert place.client().get_table(place.table_id()).num_rows == 0


def test_a_publish_never_makes_a_table(warehouse: BigQueryWarehouse, place: Place) -> None:
    """It is deleted between staging and publish: one line, it stays away; staged again by the same run, it is made."""
    warehouse.stage(SMALL, week(1), run=run_of(1))
    place.client().delete_table(place.table_id())
    with pytest.raises(WarehouseError) as error:
        warehouse.publish(SMALL, CUTOFF, run=run_of(1))
    assert re.match(rf"publish forecasts: .* Not found: Table .*{SMALL.name}", one_line(error))
    assert SMALL.name not in [table.table_id for table in place.client().list_tables(place.dataset)]

    warehouse.stage(SMALL, week(1), run=run_of(1))
    assert warehouse.publish(SMALL, CUTOFF, run=run_of(1)) == 10
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
    assert publishers(warehouse) == ["run-1"]
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

    def in_pages(asked: Request) -> Request:
        return replace(asked, body=json.dumps({**json.loads(asked.body), "maxResults": 3}).encode())

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
    """Four publish different versions: one of them is there, whole, its run is the one noted; also the first time."""
    if there_is == "a week":
        publish(theirs, 0)
    write_at_once("ours", place, range(1, 5))
    [publisher] = publishers(theirs)
    assert stored(theirs) == rows_of(int(publisher.removeprefix("run-")))


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


def killed_at(proxied: Place, proxy: Proxy, kind: str, path: str, when: str) -> None:
    """Let writer 1 write in a process that is killed before or after its request arrives."""
    started = threading.Event()

    def kill(*_: object) -> Any:
        started.wait()
        process.kill()
        process.wait()
        raise Lost

    proxy.on("POST", path, **{when: kill})
    command = [sys.executable, writers.__file__, kind, "1", proxied.url, str(proxied.grpc), proxied.dataset]
    process = subprocess.Popen(command, env={"PYTHONPATH": PATHS}, stderr=subprocess.PIPE)
    started.set()
    _, said = process.communicate()
    assert process.returncode == -signal.SIGKILL, said.decode()


@pytest.mark.parametrize(
    ("path", "when", "expected"),
    [(LOAD, "before", 0), (LOAD, "after", 0), (PUBLISH, "before", 0), (PUBLISH, "after", 1)],
    ids=["before the load", "after the load", "before the publish", "after the publish"],
)
def test_a_killed_writer_leaves_a_whole_week(
    theirs: BigQueryWarehouse, proxied: Place, bigquery_proxy: Proxy, path: str, when: str, expected: int
) -> None:
    """Killed without warning at each of its effects: the old week or the new one; the next try of the run completes."""
    publish(theirs, 0)
    killed_at(proxied, bigquery_proxy, "ours", path, when)
    until = time.monotonic() + 20  # a job that has arrived runs on without its client
    while (found := stored(theirs)) != rows_of(expected) and time.monotonic() < until:
        assert found == rows_of(0)
    assert found == rows_of(expected)
    assert publishers(theirs) == [f"run-{expected}"]
    publish(theirs, 1)
    assert stored(theirs) == rows_of(1)
    assert publishers(theirs) == ["run-1"]


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
