"""What every test stands on: no setting from outside, an own folder, a fresh warehouse."""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from builders import CUTOFF, WEDNESDAY
from places import LIVE_LOCATION, Cloud, live_bucket, live_project
from stand_ins.proxy import BigQueryProxy, Proxy, StorageProxy
from stand_ins.servers import (
    PROJECT,
    Server,
    drop_dataset,
    make_bucket,
    make_dataset,
    missing,
    start_bigquery,
    start_storage,
)

from skucast.backends.cloud import storage_client
from skucast.backends.cloud_bigquery import bigquery_client
from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.core.places import Endpoints
from skucast.core.run import Run
from skucast.core.tables.every import TABLES
from skucast.runtime.reading import settings_from
from skucast.runtime.settings import Settings

FOLDERS = ("unit", "jobs", "browser", "deploy", "cloud", "contract")
"""Their order: what asks for no server first, so that a machine without much time has shown most."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the folders in order; one that is not listed comes first."""
    places = {name: place for place, name in enumerate(FOLDERS)}
    items.sort(key=lambda item: places.get(item.path.relative_to(Path(__file__).parent).parts[0], -1))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Skip what is left when the time is up that TESTS_UNTIL names, in seconds of the epoch (`.ci/run` does)."""
    if time.time() > float(os.environ.get("TESTS_UNTIL", "inf")):
        pytest.skip("the time that .ci/run has for the tests is used up; `make test` runs all of them")


@pytest.fixture(autouse=True)
def _own_world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide the developer's variables, `.env` and `local/`: no variable of a setting, an empty working folder."""
    for name in list(os.environ):
        if name.lower() in Settings.model_fields or name.startswith("CLOUD_RUN_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """Put the loggers back as they were: a run that sets them up must not change the next test."""
    loggers = [logging.getLogger(name) for name in ("skucast", "py.warnings")]
    before = [(logger, list(logger.handlers), logger.propagate, logger.level) for logger in loggers]
    yield
    logging.captureWarnings(capture=False)
    for logger, handlers, propagate, level in before:
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)


@pytest.fixture
def run() -> Run:
    """Return a run of Wednesday 2026-11-25, cutoff Sunday 2026-11-22."""
    return Run("predict", "predict-test", datetime.fromisoformat("2026-11-25T19:00:00"), WEDNESDAY, CUTOFF)


@pytest.fixture
def table_names() -> dict[str, str]:
    """Return the default physical name of every table by its label."""
    return {table.label: table.name for table in TABLES}


@pytest.fixture
def warehouse(tmp_path: Path, table_names: dict[str, str]) -> DuckDBWarehouse:
    """Return a warehouse in a DuckDB file that does not exist yet, `tmp_path/warehouse.duckdb`."""
    return DuckDBWarehouse(tmp_path / "warehouse.duckdb", table_names)


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Settings]:
    """Return a function that makes settings: all places inside `tmp_path`, as of the tests' Wednesday, one worker.

    `settings(horizon_weeks=2)` changes one; the warehouse is the file of the fixture `warehouse`.
    """

    def make(**given: Any) -> Settings:
        ours = {
            "warehouse": f"duckdb:{tmp_path / 'warehouse.duckdb'}",
            "model_store": str(tmp_path / "models"),
            "staging": str(tmp_path / "staging"),
            "as_of": WEDNESDAY,
            "workers": 1,
        }
        return settings_from(ours | given)

    return make


# --- Stand-ins for the cloud services: each started by the first test that asks for it, one of each per worker -------


@pytest.fixture(scope="session")
def _stand_ins() -> None:
    """Skip the tests that need stand-ins where there are none; in CI they fail, so that nobody misses it."""
    reason = missing()
    if reason is not None and os.environ.get("CI") == "true":
        pytest.fail(f"no stand-ins for the cloud services: {reason}", pytrace=False)
    if reason is not None:
        pytest.skip(f"no stand-ins for the cloud services: {reason}")


@pytest.fixture(scope="session")
def storage_server(_stand_ins: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return the stand-in for Cloud Storage."""
    server = start_storage(tmp_path_factory.mktemp("storage"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def bigquery_server(_stand_ins: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return the stand-in for BigQuery: `url` for its REST API, made truthful, `grpc` for its Storage API."""
    server = start_bigquery(tmp_path_factory.mktemp("bigquery"))
    truthful = BigQueryProxy(server.url)
    yield replace(server, url=truthful.url)
    truthful.close()
    server.stop()


@pytest.fixture
def storage_proxy(storage_server: Server) -> Iterator[StorageProxy]:
    """Return a proxy in front of Cloud Storage's stand-in, without a script."""
    proxy = StorageProxy(storage_server.url)
    yield proxy
    proxy.close()


@pytest.fixture
def bigquery_proxy(bigquery_server: Server) -> Iterator[Proxy]:
    """Return a proxy in front of the REST API of BigQuery's stand-in, without a script."""
    proxy = Proxy(bigquery_server.url)
    yield proxy
    proxy.close()


@pytest.fixture
def dataset(bigquery_server: Server) -> Iterator[str]:
    """Return the name of a new, empty dataset, which goes after the test."""
    name = f"dataset_{secrets.token_hex(6)}"
    make_dataset(bigquery_server, name)
    yield name
    drop_dataset(bigquery_server, name)


@pytest.fixture
def bucket(storage_server: Server) -> str:
    """Return the name of a new, empty bucket."""
    name = f"bucket-{secrets.token_hex(6)}"
    make_bucket(storage_server, name)
    return name


@pytest.fixture
def stand_in_cloud(bigquery_server: Server, storage_server: Server, dataset: str, bucket: str) -> Cloud:
    """Return an empty dataset and an empty bucket on the stand-ins."""
    endpoints = Endpoints(bigquery_server.url, bigquery_server.grpc, storage_server.url)
    return Cloud(PROJECT, dataset, bucket, "", endpoints)


@pytest.fixture
def live_cloud() -> Iterator[Cloud]:
    """Return an empty dataset and an empty folder of the bucket in the project of `make test-live`; both go after."""
    from google.cloud import bigquery

    name = f"skucast_test_{secrets.token_hex(6)}"
    cloud = Cloud(live_project(), name, live_bucket(), f"{name}/", Endpoints())
    client = bigquery_client(cloud.project, cloud.endpoints, timeout_s=60, deadline_s=300)
    made = bigquery.Dataset(f"{cloud.project}.{name}")
    made.location = LIVE_LOCATION
    made.default_table_expiration_ms = 24 * 3600 * 1000  # also when this session is killed
    client.create_dataset(made)
    yield cloud
    client.delete_dataset(made, delete_contents=True)
    objects = storage_client(cloud.endpoints).bucket(cloud.bucket)
    objects.delete_blobs(list(objects.list_blobs(prefix=cloud.prefix)))
