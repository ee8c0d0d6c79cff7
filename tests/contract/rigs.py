"""The backends behind the protocols: one rig each; every contract test runs on every rig."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from stand_ins.servers import PROJECT

from skucast.cloud import Endpoints, storage_client
from skucast.combination import Combination
from skucast.store import ModelStore
from skucast.store.gcs import CloudStore
from skucast.store.local import LocalStore
from skucast.warehouse import Warehouse
from skucast.warehouse.bigquery import BigQueryWarehouse
from skucast.warehouse.duckdb import DuckDBWarehouse


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


def _bigquery(request: pytest.FixtureRequest) -> Warehouse:
    """Return a warehouse in a dataset of its own on the stand-in."""
    names = request.getfixturevalue("table_names")
    server, dataset = request.getfixturevalue("bigquery_server"), request.getfixturevalue("dataset")
    endpoints = Endpoints(bigquery=server.url, bigquery_storage=server.grpc)
    return BigQueryWarehouse(PROJECT, dataset, names, endpoints=endpoints, timeout_s=30, deadline_s=120)


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
    endpoints = Endpoints(storage=proxy.url)

    def live_paths() -> list[str]:
        names = (blob.name for blob in storage_client(endpoints).list_blobs(bucket))
        return sorted(name for name in names if not name.startswith("_versions/"))

    def make_unreadable(combination: Combination) -> None:
        for method, before in (("GET", "/o/"), ("POST", " ")):
            proxy.answer(400, method, f"{before}{re.escape(combination.path)}", times=None)

    return StoreRig(CloudStore(bucket, endpoints=endpoints), live_paths, make_unreadable)


WAREHOUSES: dict[str, Callable[[pytest.FixtureRequest], Warehouse]] = {"duckdb": _duckdb, "bigquery": _bigquery}
STORES: dict[str, Callable[[pytest.FixtureRequest], StoreRig]] = {"local": _local, "gcs": _gcs}
