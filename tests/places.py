"""Where cloud tests run: on the stand-ins, and with `make test-live` on a real project as well."""

from __future__ import annotations

import os
from dataclasses import dataclass

import pytest

from skucast.core.places import Endpoints

LIVE_LOCATION = os.environ.get("LIVE_LOCATION", "US")
CLOUDS = ["stand_in_cloud", *(["live_cloud"] if os.environ.get("LIVE_PROJECT") else [])]
"""Names of the fixtures that give a `Cloud`; the real one only where a project is named."""


@dataclass(frozen=True)
class Cloud:
    """An empty dataset, an empty place for models and files, and how both are reached."""

    project: str
    dataset: str
    bucket: str
    prefix: str
    endpoints: Endpoints

    @property
    def folder(self) -> str:
        """The place for models and files as a setting."""
        return f"gs://{self.bucket}/{self.prefix}".rstrip("/")

    def variables(self) -> dict[str, str]:
        """Return the variables that point a job at these endpoints; none for the real services."""
        named = {
            "BIGQUERY_ENDPOINT": self.endpoints.bigquery,
            "BIGQUERY_STORAGE_ENDPOINT": self.endpoints.bigquery_storage,
            "GCS_ENDPOINT": self.endpoints.storage,
        }
        return {name: value for name, value in named.items() if value is not None}


def live_project() -> str:
    """Return the project of `make test-live`."""
    return os.environ["LIVE_PROJECT"]


def live_bucket() -> str:
    """Return its bucket; the tests leave nothing in it."""
    return os.environ["LIVE_BUCKET"]


BACKENDS = ("duckdb", "bigquery", "local", "gcs")
"""What `--backend` may name: the first word of a rig's name."""


def backend_of(item: pytest.Item) -> str | None:
    """Return the backend that a contract test runs against, or None if it is no contract test."""
    parameters = getattr(item, "callspec", None)
    rigs = [] if parameters is None else [parameters.params.get(name) for name in ("warehouse", "rig")]
    [rig] = [name for name in rigs if isinstance(name, str)] or [None]
    return None if rig is None else rig.split("-", 1)[0]
