"""The inbox of a business in a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from folders import Inbox

from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.core.run import Run
from skucast.runtime.settings import Settings


@pytest.fixture
def inbox(tmp_path: Path, warehouse: DuckDBWarehouse, settings: Callable[..., Settings], run: Run) -> Inbox:
    return Inbox(tmp_path / "staging" / "promotions", warehouse, settings(), run)
