"""Fixtures of the contract suites: every test runs on every rig."""

from __future__ import annotations

import pytest
from rigs import STORES, WAREHOUSES, StoreRig

from skucast.backends.store.protocol import ModelStore
from skucast.backends.warehouse.protocol import Warehouse


@pytest.fixture(params=WAREHOUSES)
def warehouse(request: pytest.FixtureRequest) -> Warehouse:
    """Return an empty warehouse of each backend."""
    return WAREHOUSES[request.param](request)


@pytest.fixture(params=STORES)
def rig(request: pytest.FixtureRequest) -> StoreRig:
    """Return an empty model store of each backend."""
    return STORES[request.param](request)


@pytest.fixture
def store(rig: StoreRig) -> ModelStore:
    """Return the rig's store."""
    return rig.store
