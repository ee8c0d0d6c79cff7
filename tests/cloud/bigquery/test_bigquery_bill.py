"""What a query may bill: the limit goes with every query of the program, and a query beyond it is one line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from a_week import PUBLISH, QUERY, one_line, publish
from pydantic import ValidationError
from stand_ins.proxy import Proxy
from writers import SMALL

from skucast.backends.warehouse.bigquery.warehouse import BigQueryWarehouse
from skucast.core.errors import InputError
from skucast.runtime.settings import Settings

LIMIT = 20_000_000
SENT = re.compile(r"^/bigquery/v2/.*/(jobs|queries)\?")


@pytest.fixture
def bounded(warehouse: BigQueryWarehouse) -> BigQueryWarehouse:
    """Return the warehouse with a limit, before its client is made."""
    warehouse._dataset._max_bytes_billed = LIMIT
    return warehouse


def limits(proxy: Proxy) -> list[object]:
    """Return, of each query that was sent, the limit that went with it."""
    sent = [json.loads(each.body) for each in proxy.requests if each.method == "POST" and SENT.search(each.path)]
    queries = [body if isinstance(body["query"], str) else body["query"] for body in map(_of_query, sent) if body]
    return [each.get("maximumBytesBilled") for each in queries]


def _of_query(body: dict) -> dict:
    """What a request says of a query, whether it is one or a job of one; nothing of any other job."""
    return (
        body if "query" in body else {"query": found} if (found := body.get("configuration", {}).get("query")) else {}
    )


def test_every_query_goes_with_the_limit(bounded: BigQueryWarehouse, bigquery_proxy: Proxy) -> None:
    """Reads by pandas-gbq, scripts that publish, look-ups of what was published: none is without."""
    publish(bounded, 1)
    bounded.read(SMALL)
    found = limits(bigquery_proxy)
    assert all(bigquery_proxy.count("POST", path) for path in (QUERY, PUBLISH))
    assert len(found) == sum(bigquery_proxy.count("POST", path) for path in (QUERY, PUBLISH))
    assert set(map(str, found)) == {str(LIMIT)}


@pytest.mark.parametrize("path", [QUERY, PUBLISH], ids=["read", "publish"])
def test_a_query_that_would_bill_more_is_one_line(bounded: BigQueryWarehouse, bigquery_proxy: Proxy, path: str) -> None:
    """It names the setting, is bad input and no passing trouble: it is not tried again."""
    publish(bounded, 1)
    before = bigquery_proxy.count("POST", path)
    bigquery_proxy.answer(400, "POST", path, times=None, reason="bytesBilledLimitExceeded")
    with pytest.raises(InputError, match="it would bill more bytes than MAX_BYTES_BILLED allows") as error:
        publish(bounded, 2) if path == PUBLISH else bounded.read(SMALL)
    one_line(error)
    assert bigquery_proxy.count("POST", path) == before + 1


def test_without_a_limit_none_is_sent(warehouse: BigQueryWarehouse, bigquery_proxy: Proxy) -> None:
    """0 means none; a limit of nothing would refuse everything."""
    publish(warehouse, 1)
    assert set(limits(bigquery_proxy)) == {None}


def test_a_limit_below_what_a_query_bills_at_least_is_refused(settings: Callable[..., Settings]) -> None:
    """Ten megabytes: with less no query would ever run."""
    assert settings(max_bytes_billed=10_485_760).max_bytes_billed == 10_485_760
    assert settings(max_bytes_billed=0).max_bytes_billed == 0
    with pytest.raises((ValidationError, InputError), match="expected 0 or at least 10,485,760"):
        settings(max_bytes_billed=1_000_000)
