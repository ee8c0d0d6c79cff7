"""Writers of one week's forecasts, ours and two naive ones, in this process or in one that is killed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pandas as pd
from builders import CUTOFF, WEDNESDAY
from google.cloud import bigquery
from stand_ins.servers import PROJECT

from skucast.backends.cloud_bigquery import BoundedClient, bigquery_client
from skucast.backends.warehouse.bigquery.warehouse import BigQueryWarehouse
from skucast.core.combination import KEY
from skucast.core.places import Endpoints
from skucast.core.run import Run
from skucast.core.tables.every import TABLES
from skucast.core.tables.forecasts import FORECASTS
from skucast.jobs.shards import drop_shards, is_published, rows_of_all_tasks
from skucast.runtime.outcome import RunReport

SMALL = replace(FORECASTS, columns=tuple(FORECASTS.column(name) for name in ("cutoff", *KEY, "ds", "yhat")), checks=())
"""The forecasts' table with few columns."""


@dataclass(frozen=True)
class Place:
    """A dataset, and the addresses under which it is reached."""

    url: str
    grpc: str | None
    dataset: str

    @property
    def endpoints(self) -> Endpoints:
        """Where the service is."""
        return Endpoints(bigquery=self.url, bigquery_storage=self.grpc)

    def warehouse(self, timeout_s: float = 30, deadline_s: float = 120) -> BigQueryWarehouse:
        """Return the dataset as a warehouse."""
        names = {table.label: table.name for table in TABLES}
        return BigQueryWarehouse(
            PROJECT, self.dataset, names, endpoints=self.endpoints, timeout_s=timeout_s, deadline_s=deadline_s
        )

    def client(self) -> BoundedClient:
        """Return a client without the warehouse."""
        return bigquery_client(PROJECT, self.endpoints, timeout_s=30, deadline_s=120)

    def table_id(self, name: str = SMALL.name) -> str:
        """Return the full name of a table."""
        return f"{PROJECT}.{self.dataset}.{name}"


def week(number: int) -> pd.DataFrame:
    """Return the week as writer `number` knows it: ten combinations, five of them others than its predecessor's."""
    names = [("Пермь", "KA", f"A{sku:03}") for sku in range(5 * number, 5 * number + 10)]
    ds = CUTOFF + timedelta(weeks=1)
    return pd.DataFrame(names, columns=KEY).assign(cutoff=CUTOFF, ds=ds, yhat=float(number))


def run_of(number: int) -> Run:
    """Return the run of writer `number`."""
    return Run("predict", f"run-{number}", datetime.fromisoformat("2026-11-25T19:00:00"), WEDNESDAY, CUTOFF)


def ours(place: Place, number: int) -> None:
    """Replace the week in one transaction."""
    place.warehouse().replace(SMALL, week(number), CUTOFF, run=run_of(number))


def stage_first_half(place: Place, number: int) -> None:
    """Stage five of the week's rows, as the first of two tasks."""
    place.warehouse().stage(SMALL, week(number)[:5], run=replace(run_of(number), task_count=2))


def task(place: Place, number: int) -> None:
    """Be the last of two tasks, which stages the other five rows and publishes all, as a job does."""
    run, report, warehouse = replace(run_of(number), task_index=1, task_count=2), RunReport(), place.warehouse()
    if is_published(warehouse, SMALL, CUTOFF, run, report, shards=SMALL):
        return
    rows = rows_of_all_tasks(warehouse, SMALL, run, report, [], lambda _: week(number)[5:])
    assert rows is not None
    warehouse.replace(SMALL, rows, CUTOFF, run=run)
    drop_shards(warehouse, SMALL, run)


def append(place: Place, number: int) -> None:
    """Add the week's rows, whatever is there."""
    _query(place, number, f"INSERT INTO `{place.table_id()}` (cutoff, unit, channel, SKU_ID, ds, yhat) {_ROWS}")


def merge(place: Place, number: int) -> None:
    """Update rows that are there, add those that are not, and leave the rest alone."""
    _query(
        place,
        number,
        f"MERGE `{place.table_id()}` AS old USING ({_ROWS}) AS new "
        "ON old.cutoff = new.cutoff AND old.unit = new.unit AND old.channel = new.channel "
        "AND old.SKU_ID = new.SKU_ID AND old.ds = new.ds "
        "WHEN MATCHED THEN UPDATE SET yhat = new.yhat "
        "WHEN NOT MATCHED THEN INSERT (cutoff, unit, channel, SKU_ID, ds, yhat) "
        "VALUES (cutoff, unit, channel, SKU_ID, ds, yhat)",
    )


WRITERS: dict[str, Callable[[Place, int], None]] = {"ours": ours, "task": task, "append": append, "merge": merge}


def write(kind: str, place: Place, number: int) -> None:
    """Write `week(number)`."""
    WRITERS[kind](place, number)


_ROWS = (
    "SELECT @cutoff AS cutoff, 'Пермь' AS unit, 'KA' AS channel, sku AS SKU_ID, @ds AS ds, @yhat AS yhat "
    "FROM UNNEST(@skus) AS sku"
)


def _query(place: Place, number: int, sql: str) -> None:
    parameters = [
        bigquery.ScalarQueryParameter("cutoff", "DATE", CUTOFF),
        bigquery.ScalarQueryParameter("ds", "DATE", CUTOFF + timedelta(weeks=1)),
        bigquery.ScalarQueryParameter("yhat", "FLOAT64", float(number)),
        bigquery.ArrayQueryParameter("skus", "STRING", week(number)["SKU_ID"].tolist()),
    ]
    place.client().query(sql, job_config=bigquery.QueryJobConfig(query_parameters=parameters)).result()
