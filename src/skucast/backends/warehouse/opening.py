"""Which warehouse the settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.errors import InputError
from skucast.runtime.settings import Settings

if TYPE_CHECKING:
    from skucast.backends.warehouse.bigquery.rivals import BigQueryRivals
    from skucast.core.run import Run


def open_warehouse(settings: Settings) -> Warehouse:
    """Return the warehouse that `settings.warehouse` names; nothing is opened or created before the first use."""
    from functools import partial

    from skucast.regressors.declared import declared_of
    from skucast.runtime.column_map import parse_column_map

    kind, _, place = settings.warehouse.partition(":")
    sales_columns = parse_column_map(settings.sales_columns)
    declared = partial(declared_of, settings.regressors)
    if kind == "duckdb":
        from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse

        return DuckDBWarehouse(place, settings.table_names, sales_columns, settings.business_tz, declared)
    from skucast.backends.warehouse.bigquery.warehouse import BigQueryWarehouse
    from skucast.core.places import parse_bigquery

    project, dataset = parse_bigquery(settings.warehouse)
    return BigQueryWarehouse(
        project,
        dataset,
        settings.table_names,
        sales_columns,
        settings.endpoints,
        tz=settings.business_tz,
        declared=declared,
        max_bytes_billed=settings.max_bytes_billed,
    )


def open_rivals(settings: Settings, warehouse: Warehouse, run: Run) -> BigQueryRivals:
    """Return the forecasters that the warehouse has of its own.

    Raises:
        InputError: it has none: only BigQuery has.
    """
    from skucast.backends.warehouse.bigquery.warehouse import BigQueryWarehouse

    if not isinstance(warehouse, BigQueryWarehouse):
        raise InputError(
            f"WAREHOUSE: found {settings.warehouse}, expected bigquery://PROJECT/DATASET: they are BigQuery's"
        )
    return warehouse.rivals(run)
