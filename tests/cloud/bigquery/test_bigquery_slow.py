"""BigQuery that is never silent and never done: a byte at a time, for ten minutes; given up, the week stays."""

from __future__ import annotations

import pytest
from a_week import CREATE_TABLE, GET_TABLE, LOAD, PUBLISH, QUERY, one_line, publish, rows_of, stored
from stand_ins.proxy import Proxy
from writers import SMALL, Place

from skucast.backends.warehouse.bigquery.warehouse import BigQueryWarehouse
from skucast.core.errors import WarehouseError

parts = pytest.mark.parametrize("part", ["headers", "body"])


@parts
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", GET_TABLE), ("POST", CREATE_TABLE), ("POST", LOAD), ("POST", PUBLISH)],
    ids=["look", "create", "load", "publish"],
)
def test_a_write_that_drips_is_given_up(
    proxied: Place, theirs: BigQueryWarehouse, bigquery_proxy: Proxy, method: str, path: str, part: str
) -> None:
    """The call ends at all; what was published stays, or is the new week whole where only the answer dripped."""
    publish(theirs, 0)
    bigquery_proxy.trickle(method, path, part)
    with pytest.raises(WarehouseError) as error:
        publish(proxied.warehouse(timeout_s=2, deadline_s=3), 1)
    assert "no usable answer" in one_line(error)
    assert stored(theirs) in (rows_of(0), rows_of(1))


@parts
@pytest.mark.parametrize(("method", "path"), [("GET", GET_TABLE), ("POST", QUERY)], ids=["look", "query"])
def test_a_read_that_drips_is_given_up(
    proxied: Place, theirs: BigQueryWarehouse, bigquery_proxy: Proxy, method: str, path: str, part: str
) -> None:
    """The same for what is read."""
    publish(theirs, 0)
    bigquery_proxy.trickle(method, path, part)
    with pytest.raises(WarehouseError) as error:
        proxied.warehouse(timeout_s=1, deadline_s=2).read(SMALL)
    assert "no usable answer" in one_line(error)
