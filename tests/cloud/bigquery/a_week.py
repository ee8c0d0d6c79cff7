"""The week that tests of BigQuery publish: what is stored of it, what requests look like, a writer as a process."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import writers
from builders import CUTOFF
from forked import Forked
from stand_ins.proxy import Request
from writers import SMALL, Place, run_of, week

from skucast.backends.warehouse.bigquery.warehouse import BigQueryWarehouse
from skucast.core.tables.records import PUBLISHES

# What the proxy's patterns look at.
LOAD = r"^/upload/bigquery/"
PUBLISH = r"^/bigquery/v2/projects/[^/]+/jobs\?"
QUERY = r"/queries\?"
GET_TABLE = r"/tables/"
CREATE_TABLE = r"/tables\?"
EVERYTHING = ".*"


def stored(warehouse: BigQueryWarehouse) -> list[tuple[str, float]]:
    """Return article and yhat of the week's rows as they are; our own reader would refuse a key that is there twice."""
    table_id = warehouse._dataset.id_of(SMALL)
    sql = f"SELECT SKU_ID, yhat FROM `{table_id}` WHERE cutoff = '{CUTOFF}' ORDER BY SKU_ID, yhat"
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


def in_pages(asked: Request) -> Request:
    """Return the query with pages of three rows."""
    return replace(asked, body=json.dumps({**json.loads(asked.body), "maxResults": 3}).encode())


def process_of(place: Place, kind: str, number: int) -> Forked:
    """Start a writer in a process of its own."""
    return Forked(writers.write, kind, place, number, variables={})
