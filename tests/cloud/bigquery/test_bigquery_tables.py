"""Tables on BigQuery: how they are made, what is refused, and a plan that is a view."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from a_week import CREATE_TABLE, LOAD, PUBLISH, one_line, publish, rows_of, stored
from builders import CUTOFF
from google.cloud import bigquery
from stand_ins.proxy import Proxy, Request
from writers import SMALL, Place, run_of, week

from skucast.backends.warehouse.bigquery import tables
from skucast.backends.warehouse.bigquery.warehouse import BigQueryWarehouse
from skucast.core.combination import Combination
from skucast.core.errors import ContractError, InputError, TableError, WarehouseError
from skucast.core.tables.contract import Table
from skucast.core.tables.every import TABLES
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.records import PUBLISHES, RUNS
from skucast.core.tables.sales import PROMOTIONS
from skucast.core.tables.scorecard import METRICS
from skucast.core.weeks import WeekClock
from skucast.regressors.promotions import Plan


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


DAY_MS = 86_400_000


@pytest.mark.parametrize("table", [FORECASTS, METRICS, PUBLISHES], ids=lambda table: table.label)
def test_a_dataset_s_default_expiry_is_lifted_from_what_we_make(
    warehouse: BigQueryWarehouse, bigquery_proxy: Proxy, place: Place, table: Table
) -> None:
    """A sandbox, and many a company, has tables and partitions expire by default: the ledger would be lost."""

    def with_defaults(asked: Request) -> Request:
        body = json.loads(asked.body)
        body["expirationTime"] = str(int(datetime(2030, 1, 1, tzinfo=UTC).timestamp() * 1000))
        if "timePartitioning" in body:
            body["timePartitioning"]["expirationMs"] = str(60 * DAY_MS)
        return replace(asked, body=json.dumps(body).encode())

    bigquery_proxy.on("POST", CREATE_TABLE, times=None, before=with_defaults)
    warehouse.ensure(table)
    made = place.client().get_table(place.table_id(table.name))
    assert made.expires is None
    assert made.time_partitioning is None or made.time_partitioning.expiration_ms is None
    warehouse.ensure(table)


@pytest.mark.parametrize("what", ["partitions", "the table"])
def test_a_table_that_expires_is_refused(
    theirs: BigQueryWarehouse, place: Place, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody has set it since: nothing more is published into what will be gone; the way out is in the line."""
    monkeypatch.setattr(tables, "PAUSES_S", ())
    publish(theirs, 1)
    client = place.client()
    found = client.get_table(place.table_id())
    if what == "partitions":
        found.time_partitioning = bigquery.TimePartitioning(field="cutoff", expiration_ms=60 * DAY_MS)
        client.update_table(found, ["time_partitioning"])
    else:
        found.expires = datetime(2030, 1, 1, tzinfo=UTC)
        client.update_table(found, ["expires"])
    said = "its partitions expire after 60 days" if what == "partitions" else "it expires on 2030-01-01"
    for call in (lambda: theirs.ensure(SMALL), lambda: theirs.exists(SMALL), lambda: publish(theirs, 2)):
        with pytest.raises(TableError, match=f"{said}.*ALTER TABLE .* SET OPTIONS"):
            call()
    assert stored(theirs) == rows_of(1)


def test_a_table_that_another_task_has_just_made_is_waited_for(
    theirs: BigQueryWarehouse, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between making it and lifting its expiry there is a moment in which others see it."""
    theirs.ensure(SMALL)
    client, seen = place.client(), list[float]()
    found = client.get_table(place.table_id())
    found.expires = datetime(2030, 1, 1, tzinfo=UTC)
    client.update_table(found, ["expires"])

    def lift(pause_s: float) -> None:
        seen.append(pause_s)
        theirs._dataset.keep_for_ever(found)

    monkeypatch.setattr(tables.time, "sleep", lift)
    theirs.ensure(SMALL)
    assert len(seen) == 1


def test_a_publish_leaves_no_staging_table(theirs: BigQueryWarehouse, place: Place) -> None:
    """The forecasts, who published them, and the table that is to have the records of runs; nothing else."""
    publish(theirs, 1)
    tables = sorted(table.table_id for table in place.client().list_tables(place.dataset))
    assert tables == sorted([SMALL.name, PUBLISHES.name, RUNS.name])


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
