"""A dataset as another process sees it and behind a proxy, and the Storage API with faults."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from a_week import QUERY, in_pages
from stand_ins.proxy import Proxy
from stand_ins.shared import Address
from stand_ins.storage_api import FaultyStorageApi
from writers import Place

from skucast.backends.warehouse.bigquery.warehouse import BigQueryWarehouse


@pytest.fixture
def place(bigquery_server: Address, dataset: str) -> Place:
    """Return an empty dataset as another process sees it, whose requests meet no fault."""
    return Place(bigquery_server.url, bigquery_server.grpc, dataset)


@pytest.fixture
def proxied(bigquery_proxy: Proxy, place: Place) -> Place:
    """Return the same dataset behind the proxy."""
    return replace(place, url=bigquery_proxy.url)


@pytest.fixture
def warehouse(proxied: Place) -> BigQueryWarehouse:
    """Return the dataset behind the proxy as jobs use it."""
    return proxied.warehouse()


@pytest.fixture
def theirs(place: Place) -> BigQueryWarehouse:
    """Return the dataset as another process sees it."""
    return place.warehouse()


@pytest.fixture
def storage_api(bigquery_server: Address) -> Iterator[FaultyStorageApi]:
    """Return a Storage API in front of the stand-in's, without faults."""
    api = FaultyStorageApi(str(bigquery_server.grpc))
    yield api
    api.close()


@pytest.fixture
def streaming(proxied: Place, bigquery_proxy: Proxy, storage_api: FaultyStorageApi) -> Place:
    """Return the dataset behind both; three rows of a result come at once, so that the rest is streamed."""
    bigquery_proxy.on("POST", QUERY, times=None, before=in_pages)
    return replace(proxied, grpc=storage_api.address)
