"""Answers in the place of BigQuery's that are JSON of another shape, as a proxy on the way may give."""

from __future__ import annotations

import pytest
from stand_ins.proxy import Proxy, Response

from skucast.backends.warehouse.bigquery.warehouse import BigQueryWarehouse
from skucast.core.errors import WarehouseError
from skucast.core.tables.records import RUNS


@pytest.mark.parametrize("body", [b"null", b"[1]", b"{}", b'{"schema": "x"}'])
def test_it_is_no_usable_answer(warehouse: BigQueryWarehouse, bigquery_proxy: Proxy, body: bytes) -> None:
    """With status 200: one line, not what Google's library makes of it."""
    answer = Response(200, body, {"Content-Type": "application/json"})
    bigquery_proxy.on("GET", "/tables/", before=lambda _: answer, times=None)
    with pytest.raises(WarehouseError, match="no usable answer, it is none of BigQuery's"):
        warehouse.look_at((RUNS,), ())
