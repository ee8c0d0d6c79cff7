"""Settings of tests in the cloud."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from places import Cloud
from stand_ins.truthful import StorageProxy

from skucast.runtime.settings import Settings


@pytest.fixture
def in_the_cloud(settings: Callable[..., Settings], stand_in_cloud: Cloud, storage_proxy: StorageProxy) -> Settings:
    """Return settings of the stand-ins, the bucket behind a proxy."""
    endpoints = stand_in_cloud.variables() | {"GCS_ENDPOINT": storage_proxy.url}
    return settings(
        warehouse=f"bigquery://{stand_in_cloud.project}/{stand_in_cloud.dataset}",
        staging=stand_in_cloud.folder,
        **{name.lower(): value for name, value in endpoints.items()},
    )
