"""The doctor on Google Cloud: what a run would stumble over is something to fix, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from builders import deliver, sunday, week
from google.cloud import bigquery
from places import Cloud

from skucast.backends.cloud import storage_client
from skucast.backends.cloud_bigquery import bigquery_client
from skucast.backends.store.opening import open_store
from skucast.backends.warehouse.opening import open_warehouse
from skucast.core.combination import Combination
from skucast.core.run import Run
from skucast.core.tables.alerts import ALERTS
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.records import REGISTRY
from skucast.core.tables.scorecard import METRICS
from skucast.entry.doctor import Finding, examine
from skucast.runtime.settings import Settings

Examine = Callable[[], dict[str, Finding]]


@pytest.fixture
def cloud_settings(settings: Callable[..., Settings], stand_in_cloud: Cloud) -> Settings:
    """Return settings that name an empty dataset and an empty bucket on the stand-ins."""
    cloud = stand_in_cloud
    places = {"model_store": f"{cloud.folder}/models", "staging": f"{cloud.folder}/pages"}
    ends = {name.lower(): value for name, value in cloud.variables().items()}
    return settings(warehouse=f"bigquery://{cloud.project}/{cloud.dataset}", **places, **ends)


@pytest.fixture
def findings(cloud_settings: Settings, run: Run) -> Examine:
    """Return a function that examines them: findings by what was looked at."""

    def look() -> dict[str, Finding]:
        places = open_warehouse(cloud_settings), open_store(cloud_settings)
        return {finding.what: finding for finding in examine(cloud_settings, *places, run)}

    return look


def test_a_healthy_cloud_is_all_ok(
    cloud_settings: Settings, stand_in_cloud: Cloud, run: Run, findings: Examine
) -> None:
    """Sales and a model are there: every line is ok; no table is made, no marker and no staging table is left."""
    deliver(open_warehouse(cloud_settings), [line for back in range(3) for line in week(sunday(back), 5.0)], run)
    open_store(cloud_settings).save(Combination("U", "C", "S"), b"x", "v", expected=None)
    objects = storage_client(stand_in_cloud.endpoints).bucket(stand_in_cloud.bucket)
    client = bigquery_client(stand_in_cloud.project, stand_in_cloud.endpoints, timeout_s=30, deadline_s=60)

    def there() -> list[str]:
        names = [blob.name for blob in objects.list_blobs()]
        return sorted(names + [table.table_id for table in client.list_tables(stand_in_cloud.dataset)])

    before = there()
    assert [finding for finding in findings().values() if not finding.is_ok] == []
    assert there() == before


def test_without_sales_nobody_is_sent_to_the_demo(findings: Examine) -> None:
    """The sample distributor is for this machine; in the cloud the sales are somewhere already."""
    text = findings()["sales"].text
    assert "SALES_TABLE" in text
    assert "make demo" not in text


def test_tables_that_a_run_cannot_use_are_something_to_fix(stand_in_cloud: Cloud, findings: Examine) -> None:
    """A ledger without partitions, metrics with a required column, a view for the registry, alerts that expire."""
    cloud = stand_in_cloud
    client = bigquery_client(cloud.project, cloud.endpoints, timeout_s=30, deadline_s=60)

    def table_id(name: str) -> str:
        return f"{cloud.project}.{cloud.dataset}.{name}"

    fields = [bigquery.SchemaField(column.name, column.type) for column in FORECASTS.columns]
    client.create_table(bigquery.Table(table_id(FORECASTS.name), schema=fields))
    fields = [bigquery.SchemaField(column.name, column.type) for column in METRICS.columns]
    foreign = bigquery.SchemaField("approved_by", "STRING", mode="REQUIRED")
    client.create_table(bigquery.Table(table_id(METRICS.name), schema=[*fields, foreign]))
    view = bigquery.Table(table_id(REGISTRY.name))
    view.view_query = f"SELECT * FROM `{table_id(FORECASTS.name)}`"
    client.create_table(view)
    fields = [bigquery.SchemaField(column.name, column.type) for column in ALERTS.columns]
    alerts = bigquery.Table(table_id(ALERTS.name), schema=fields)
    alerts.time_partitioning = bigquery.TimePartitioning(field=ALERTS.partition, expiration_ms=60 * 86_400_000)
    client.create_table(alerts)

    found = findings()
    assert "its partitions expire after 60 days" in found["table alerts"].text
    assert "partitioned by nothing, expected cutoff" in found["table forecasts"].text
    assert "column approved_by is required, but nobody fills it" in found["table metrics"].text
    assert "is a view, expected a table" in found["table registry"].text
    assert not any(found[f"table {label}"].is_ok for label in ("forecasts", "metrics", "registry", "alerts"))
