"""A store behind a proxy, the same with little patience, and as another process sees it."""

from __future__ import annotations

import pytest
from stand_ins.shared import Address
from stand_ins.truthful import StorageProxy

from skucast.backends.store.gcs import CloudStore
from skucast.core.places import Endpoints


@pytest.fixture
def store(storage_proxy: StorageProxy, bucket: str) -> CloudStore:
    """Return an empty store behind the proxy, as jobs use it."""
    return CloudStore(bucket, endpoints=Endpoints(storage=storage_proxy.url))


@pytest.fixture
def hasty(storage_proxy: StorageProxy, bucket: str) -> CloudStore:
    """Return the same store with little patience: 0.2 s of silence, 0.6 s in all."""
    return CloudStore(bucket, endpoints=Endpoints(storage=storage_proxy.url), timeout_s=0.2, deadline_s=0.6)


@pytest.fixture
def theirs(storage_server: Address, bucket: str) -> CloudStore:
    """Return the store as another process sees it, whose requests meet no fault."""
    return CloudStore(bucket, endpoints=Endpoints(storage=storage_server.url))
