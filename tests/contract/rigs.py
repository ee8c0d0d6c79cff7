"""The backends behind the protocols: one rig each; every contract test runs on every rig."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import pytest
from places import CLOUDS

from skucast.backends.cloud import storage_client
from skucast.backends.store.gcs import CloudStore
from skucast.backends.store.local import LocalStore
from skucast.backends.store.protocol import ModelStore
from skucast.backends.warehouse.bigquery.warehouse import BigQueryWarehouse
from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import Combination
from skucast.core.declared import Regressor
from skucast.core.places import Endpoints
from skucast.core.tables.contract import Table

_DUCKDB_TYPES = {
    "INSTANT": "TIMESTAMPTZ",
    "DATETIME": "TIMESTAMP",
    "STRING": "VARCHAR",
    "INT64": "BIGINT",
    "FLOAT64": "DOUBLE",
    "NUMERIC": "DECIMAL(38, 9)",
    "BIGNUMERIC": "DECIMAL(38, 15)",
}


@dataclass(frozen=True)
class StoreRig:
    """One empty model store, and what a test must see or do behind the protocol's back."""

    store: ModelStore
    live_paths: Callable[[], list[str]]
    """Return the paths of the live files, relative to the store, sorted."""
    make_unreadable: Callable[[Combination], None]
    """Let every later read of the combination's live file fail for another reason than absence."""


def _duckdb(request: pytest.FixtureRequest) -> Warehouse:
    names = request.getfixturevalue("table_names")
    return DuckDBWarehouse(request.getfixturevalue("tmp_path") / "contract.duckdb", names)


def _bigquery(request: pytest.FixtureRequest, where: str) -> Warehouse:
    """Return a warehouse in a dataset of its own."""
    cloud, names = request.getfixturevalue(where), request.getfixturevalue("table_names")
    return BigQueryWarehouse(
        cloud.project, cloud.dataset, names, endpoints=cloud.endpoints, timeout_s=30, deadline_s=120
    )


def drop_table(warehouse: Warehouse, table: Table) -> None:
    """Drop the table behind the warehouse's back."""
    if isinstance(warehouse, DuckDBWarehouse):
        with warehouse._file.transaction() as connection:
            connection.execute(f"DROP TABLE {warehouse._name(table)}")
    elif isinstance(warehouse, BigQueryWarehouse):
        warehouse._dataset.client.delete_table(warehouse._dataset.id_of(table))


def make_table(warehouse: Warehouse, table: Table, rows: Sequence[Mapping[str, str]]) -> None:
    """Make a table of somebody else's: its rows are BigQuery's expressions by column, where INSTANT is a TIMESTAMP."""
    selects = [", ".join(f"{value} AS {name}" for name, value in row.items()) for row in rows]
    sql = f"AS {' UNION ALL '.join(f'SELECT {one}' for one in selects)}"
    if isinstance(warehouse, DuckDBWarehouse):
        for theirs, ours in _DUCKDB_TYPES.items():
            sql = sql.replace(f"AS {theirs})", f"AS {ours})")
        with warehouse._file.transaction() as connection:
            connection.execute(f"CREATE TABLE {warehouse._name(table)} {sql}")
    elif isinstance(warehouse, BigQueryWarehouse):
        dataset = warehouse._dataset
        sql = sql.replace("AS INSTANT)", "AS TIMESTAMP)")
        dataset.client.query_and_wait(f"CREATE TABLE `{dataset.id_of(table)}` {sql}")


def declare(warehouse: Warehouse, *declared: Regressor) -> None:
    """Let the warehouse know of further regressors."""
    reader = warehouse._reader if isinstance(warehouse, BigQueryWarehouse) else warehouse
    reader._declared = lambda: declared  # type: ignore[attr-defined]


def _local(request: pytest.FixtureRequest) -> StoreRig:
    root = request.getfixturevalue("tmp_path") / "models"

    def live_paths() -> list[str]:
        paths = (path.relative_to(root).as_posix() for path in root.rglob("*.pkl"))
        return sorted(path for path in paths if not path.startswith("_versions/"))

    def make_unreadable(combination: Combination) -> None:
        path = root / combination.path
        path.unlink()
        path.mkdir()

    return StoreRig(LocalStore(root), live_paths, make_unreadable)


def _gcs(request: pytest.FixtureRequest) -> StoreRig:
    """Return a store in a bucket of its own on the stand-in; unreadable = the service refuses what is about it."""
    proxy, bucket = request.getfixturevalue("storage_proxy"), request.getfixturevalue("bucket")

    def make_unreadable(combination: Combination) -> None:
        for method, before in (("GET", "/o/"), ("POST", " ")):
            proxy.answer(400, method, f"{before}{re.escape(combination.path)}", times=None)

    return _cloud_rig(bucket, "", Endpoints(storage=proxy.url), make_unreadable)


def _gcs_live(request: pytest.FixtureRequest) -> StoreRig:
    """Return a store in a folder of its own of the real bucket."""
    cloud = request.getfixturevalue("live_cloud")

    def make_unreadable(_: Combination) -> None:
        pytest.skip("the real service cannot be told to refuse one object")

    return _cloud_rig(cloud.bucket, cloud.prefix, cloud.endpoints, make_unreadable)


def _cloud_rig(
    bucket: str, prefix: str, endpoints: Endpoints, make_unreadable: Callable[[Combination], None]
) -> StoreRig:
    def live_paths() -> list[str]:
        blobs = storage_client(endpoints).list_blobs(bucket, prefix=prefix)
        names = (blob.name.removeprefix(prefix) for blob in blobs)
        return sorted(name for name in names if not name.startswith("_versions/"))

    return StoreRig(CloudStore(bucket, prefix, endpoints), live_paths, make_unreadable)


WAREHOUSES: dict[str, Callable[[pytest.FixtureRequest], Warehouse]] = {
    "duckdb": _duckdb,
    **{f"bigquery-{where}": partial(_bigquery, where=where) for where in CLOUDS},
}
STORES: dict[str, Callable[[pytest.FixtureRequest], StoreRig]] = {
    "local": _local,
    "gcs-stand_in_cloud": _gcs,
    **({"gcs-live_cloud": _gcs_live} if "live_cloud" in CLOUDS else {}),
}
