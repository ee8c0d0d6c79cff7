"""Settings of a run, joined from their groups, and what follows from them."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from skucast.core.places import Endpoints
from skucast.core.pool import Pool
from skucast.core.tables.every import TABLES
from skucast.core.targets import parse_targets
from skucast.core.weeks import WeekClock
from skucast.runtime.groups.alerts import Alerts
from skucast.runtime.groups.cloud import Cloud
from skucast.runtime.groups.field import Group
from skucast.runtime.groups.forecast import Forecast
from skucast.runtime.groups.known_ahead import KnownAhead
from skucast.runtime.groups.orders import Orders
from skucast.runtime.groups.overrides import Overrides
from skucast.runtime.groups.places import Places
from skucast.runtime.groups.tables import Tables
from skucast.runtime.groups.training import Training
from skucast.runtime.groups.week import Week

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""What no value of a setting has; some are texts of several lines."""

GROUPS: tuple[type[Group], ...] = (
    Places,
    Week,
    Forecast,
    Training,
    KnownAhead,
    Overrides,
    Orders,
    Alerts,
    Tables,
    Cloud,
)
"""The groups in the order in which they are shown."""


# pydantic reads the last base first, so the groups stand here from last to first.
class Settings(Cloud, Tables, Alerts, Orders, Overrides, KnownAhead, Training, Forecast, Week, Places, BaseSettings):
    """Every setting of every job; each is a flag (`--business-tz`), a variable (`BUSINESS_TZ`) and has a default.

    A secret is no flag: whoever lists a machine's processes reads their command lines.
    """

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8-sig",  # with or without the mark that some editors put first
        extra="ignore",
        frozen=True,
        validate_default=True,
        env_ignore_empty=False,
        defer_build=False,
    )

    @field_validator("*", mode="before")
    @classmethod
    def _printable(cls, value: object) -> object:
        found = _CONTROL.search(value) if isinstance(value, str) else None
        if found:
            raise ValueError(f"expected text without control characters, found U+{ord(found.group()):04X}")
        return value

    @property
    def clock(self) -> WeekClock:
        """The week clock of this business."""
        return WeekClock(self.week_anchor, self.business_tz)

    @property
    def targets(self) -> list[str] | None:
        """Unresolved target items, or None for all combinations."""
        return None if self.target_combinations is None else parse_targets(self.target_combinations)

    @property
    def table_names(self) -> dict[str, str]:
        """Physical table name by label of the contract."""
        return {table.label: getattr(self, f"{table.label}_table") for table in TABLES}

    @property
    def endpoints(self) -> Endpoints:
        """Where the cloud services are: the real ones, or stand-ins."""
        return Endpoints(self.bigquery_endpoint, self.bigquery_storage_endpoint, self.gcs_endpoint)

    @property
    def pool(self) -> Pool:
        """Who trains: `workers` processes, or one per core this process may use (affinity, container limits count)."""
        import joblib

        return Pool(
            self.workers or int(joblib.cpu_count()), self.dask_scheduler if self.joblib_backend == "dask" else None
        )

    @property
    def on_cloud_run(self) -> bool:
        """Whether this process is a Cloud Run task."""
        return self.cloud_run_execution is not None


def local_path(place: str) -> Path:
    """Return the folder or file of a local URI such as `duckdb:local/warehouse.duckdb` or `local/models`."""
    return Path(place.removeprefix("duckdb:"))
