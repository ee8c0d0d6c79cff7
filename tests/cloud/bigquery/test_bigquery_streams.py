"""Long results over BigQuery's Storage API, and streams that break."""

from __future__ import annotations

import time
from typing import Any

import pytest
from a_week import one_line, publish, rows_of
from grpc import StatusCode
from stand_ins.storage_api import CREATE_SESSION, READ_ROWS, FaultyStorageApi
from writers import SMALL, Place

from skucast.backends.warehouse.bigquery.warehouse import BigQueryWarehouse
from skucast.core.errors import InputError, WarehouseError

PASSING: dict[str, tuple[str, list[Any]]] = {
    "no trouble": (READ_ROWS, []),
    "no session at first": (CREATE_SESSION, [(StatusCode.UNAVAILABLE, "not now")]),
    "no stream at first": (READ_ROWS, [(StatusCode.UNAVAILABLE, "not now")] * 2),
    "sessions too fast": (CREATE_SESSION, [(StatusCode.RESOURCE_EXHAUSTED, "Exceeded rate limits")]),
    "streams too fast": (READ_ROWS, [(StatusCode.RESOURCE_EXHAUSTED, "Quota exceeded for reads per minute")]),
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
