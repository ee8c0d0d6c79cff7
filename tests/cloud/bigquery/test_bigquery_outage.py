"""Trouble with BigQuery that stays: silence, missing permissions, quotas; given up in one line, the week stays."""

from __future__ import annotations

import json
import re
import time

import pytest
from a_week import CREATE_TABLE, EVERYTHING, GET_TABLE, LOAD, PUBLISH, QUERY, one_line, publish, rows_of, stored
from stand_ins.proxy import Proxy, Request, Response
from writers import SMALL, Place

from skucast.backends.warehouse.bigquery.warehouse import BigQueryWarehouse
from skucast.core.errors import InputError, WarehouseError

WRITES = [("GET", GET_TABLE), ("POST", CREATE_TABLE), ("POST", LOAD), ("POST", PUBLISH)]


@pytest.mark.parametrize(("method", "path"), WRITES, ids=["look", "create", "load", "publish"])
def test_a_silent_service_is_given_up(
    proxied: Place, theirs: BigQueryWarehouse, bigquery_proxy: Proxy, method: str, path: str
) -> None:
    """Within the deadline of 4 s and one timeout of 2 s: three tries at most; the week that was there stays."""
    publish(theirs, 0)
    bigquery_proxy.stall(method, path)
    with pytest.raises(WarehouseError) as error:
        publish(proxied.warehouse(timeout_s=2, deadline_s=4), 1)
    assert 1 <= bigquery_proxy.count(method, path) <= 3
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
    with pytest.raises(WarehouseError) as error:
        proxied.warehouse(timeout_s=1, deadline_s=2).read(SMALL)
    assert 1 <= bigquery_proxy.count("POST", QUERY) <= 3
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
