"""The places that schedules play in: a DuckDB file and a folder, or a dataset and a bucket of the stand-ins."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from builders import CUTOFF, WEDNESDAY

from skucast.backends.files import list_files, write_bytes
from skucast.backends.store.local import LocalStore
from skucast.backends.store.protocol import ModelStore
from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY, Combination
from skucast.core.places import Endpoints
from skucast.core.run import Run
from skucast.core.tables.contract import Table
from skucast.core.tables.every import TABLES
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.records import REGISTRY
from skucast.core.tables.scorecard import METRICS
from skucast.runtime.groups.field import Job
from skucast.runtime.settings import Settings

NAMES = {table.label: table.name for table in TABLES}
KNOWN = [Combination("Пермь", "KA", f"A{number}") for number in range(5)]
MODELS = KNOWN[:2]
INBOX, DONE = "promotions/inbox", "promotions/done"

WEEK = replace(
    FORECASTS,
    columns=tuple(FORECASTS.column(name) for name in ("cutoff", *KEY, "ds", "yhat", "run_id", "created_at")),
    checks=(),
)
"""The forecasts, with few columns."""

SCORES = replace(
    METRICS,
    columns=(*(FORECASTS.column(name) for name in ("cutoff", *KEY, "yhat", "run_id", "created_at")),),
    key=("cutoff", *KEY),
    partition="cutoff",
    cluster=(),
    checks=(),
)
"""The scorecard, with few columns: of each forecast that was read its number."""

LEDGER = replace(
    REGISTRY,
    columns=tuple(
        REGISTRY.column(name)
        for name in ("run_id", *KEY, "cutoff", "outcome", "model_version", "previous_version", "created_at")
    ),
)
"""The registry, with few columns."""

_TABLES = "SELECT table_name FROM information_schema.tables WHERE table_catalog = current_database()"


class World(Protocol):
    """One business's places, as each process opens them for itself."""

    def warehouse(self, lane: int) -> Warehouse:
        """Return the warehouse as the process of this lane reaches it."""

    def store(self, lane: int) -> ModelStore:
        """Return the model store."""

    def settings(self, lane: int) -> Settings:
        """Return settings that name the places."""

    def rows(self, table: Table, columns: Sequence[str]) -> list[tuple[Any, ...]]:
        """Return columns of all rows as they are: our own reader would refuse a key that is there twice."""

    def staging(self, at_days: float) -> list[str]:
        """Return the staging tables that are still there so many days later."""

    def write(self, sql: str) -> None:
        """Run a statement in which `{week}` is the forecasts' table: what a writer that is not ours would do."""


@dataclass(frozen=True)
class FileWorld:
    """A DuckDB file and folders below `folder`."""

    folder: Path

    def warehouse(self, lane: int) -> DuckDBWarehouse:
        """Return the warehouse."""
        return DuckDBWarehouse(self.folder / "warehouse.duckdb", NAMES)

    def store(self, lane: int) -> LocalStore:
        """Return the model store."""
        return LocalStore(self.folder / "models")

    def settings(self, lane: int) -> Settings:
        """Return settings that name the places."""
        return Settings.model_construct(
            **(_plain() | {"staging": str(self.folder / "staging"), "model_store": str(self.folder / "models")})
        )

    def rows(self, table: Table, columns: Sequence[str]) -> list[tuple[Any, ...]]:
        """Return columns of all rows as they are."""
        warehouse = self.warehouse(0)
        with warehouse._file.reading() as connection:
            if connection is None or not connection.execute(f"{_TABLES} AND table_name = ?", [table.name]).fetchall():
                return []
            return list(connection.execute(f'SELECT {", ".join(columns)} FROM "{table.name}"').fetchall())

    def staging(self, at_days: float) -> list[str]:
        """Return the staging tables that are there after a write so many days later."""
        run = run_of("predict", 999, at_days * 24)
        later = run.started + at_days * 24 * 3600
        warehouse = self.warehouse(0)
        with_clock_at(later, lambda: warehouse.stage(WEEK, version_of(999, run)[:0], run=run))
        warehouse.unstage(WEEK, run=run)
        with warehouse._file.reading() as connection:
            assert connection is not None
            found = [name for (name,) in connection.execute(_TABLES).fetchall()]
        return sorted(name for name in found if name.startswith("staging_"))

    def write(self, sql: str) -> None:
        """Run a statement."""
        warehouse = self.warehouse(0)
        with warehouse._file.transaction() as connection:
            connection.execute(sql.format(week=f'"{WEEK.name}"', float="DOUBLE"))

    def copied(self, folder: Path) -> FileWorld:
        """Return the same world in another folder."""
        shutil.copytree(self.folder, folder)
        return FileWorld(folder)


@dataclass(frozen=True)
class CloudWorld:
    """A dataset and a bucket of the stand-ins; each lane reaches them through proxies of its own."""

    project: str
    dataset: str
    bucket: str
    lanes: tuple[Endpoints, ...]

    def warehouse(self, lane: int) -> Warehouse:
        """Return the warehouse as this lane reaches it."""
        from skucast.backends.warehouse.bigquery.warehouse import BigQueryWarehouse

        return BigQueryWarehouse(
            self.project, self.dataset, NAMES, endpoints=self.lanes[lane], timeout_s=30, deadline_s=120
        )

    def store(self, lane: int) -> ModelStore:
        """Return the model store."""
        from skucast.backends.store.gcs import CloudStore

        return CloudStore(self.bucket, "models/", self.lanes[lane])

    def settings(self, lane: int) -> Settings:
        """Return settings that name the places."""
        ends = self.lanes[lane]
        named = {
            "bigquery_endpoint": ends.bigquery,
            "bigquery_storage_endpoint": ends.bigquery_storage,
            "gcs_endpoint": ends.storage,
        }
        return Settings.model_construct(**(_plain() | named | {"staging": f"gs://{self.bucket}"}))

    def rows(self, table: Table, columns: Sequence[str]) -> list[tuple[Any, ...]]:
        """Return columns of all rows as they are."""
        dataset = self.warehouse(-1)._dataset  # type: ignore[attr-defined]
        if not self.warehouse(-1).exists(table):
            return []
        sql = f"SELECT {', '.join(columns)} FROM `{dataset.id_of(table)}`"
        return [tuple(row.values()) for row in dataset.client.query_and_wait(sql)]

    def staging(self, at_days: float) -> list[str]:
        """Return the staging tables that do not say that they end until then."""
        from datetime import UTC, datetime

        dataset = self.warehouse(-1)._dataset  # type: ignore[attr-defined]
        until, left = datetime.now(UTC) + timedelta(days=at_days), []
        for each in dataset.client.list_tables(f"{self.project}.{self.dataset}"):
            if each.table_id.startswith("staging_"):
                ends = dataset.client.get_table(each.reference).expires
                if ends is None or ends > until:
                    left.append(each.table_id)
        return sorted(left)

    def write(self, sql: str) -> None:
        """Run a statement."""
        dataset = self.warehouse(-1)._dataset  # type: ignore[attr-defined]
        dataset.client.query_and_wait(sql.format(week=f"`{dataset.id_of(WEEK)}`", float="FLOAT64"))


def _plain() -> dict[str, Any]:
    """Return the settings that the stories look at, with the defaults of the rest."""
    return {name: field.get_default(call_default_factory=True) for name, field in Settings.model_fields.items()}


def with_clock_at(moment: float, do: Any) -> None:
    """Do something while the machine's clock says another moment."""
    import time

    real = time.time
    time.time = lambda: moment
    try:
        do()
    finally:
        time.time = real


def run_of(job: Job, number: int, hours: float = 0, *, task: int = 0, tasks: int = 1) -> Run:
    """Return run `number` of a job, whose clock is so many hours off."""
    from datetime import datetime

    at = datetime.fromisoformat("2026-11-25T19:00:00") + timedelta(hours=hours, minutes=number)
    return Run(job, f"{job}-{number}", at, WEDNESDAY, CUTOFF, task_index=task, task_count=tasks)


def version_of(number: int, run: Run) -> Any:
    """Return the week as run `number` knows it: three combinations, others than its neighbours'."""
    import pandas as pd

    names = [KNOWN[(number + each) % len(KNOWN)].parts for each in range(3)]
    rows = pd.DataFrame(sorted(names), columns=KEY).assign(
        cutoff=CUTOFF, ds=CUTOFF + timedelta(weeks=1), yhat=float(number), run_id=run.run_id, created_at=run.run_at
    )
    return rows.sort_values(KEY, ignore_index=True)


def plan_file(number: int) -> bytes:
    """Return a planner's file: one promotion, and that nothing else is planned for the article."""
    sku = KNOWN[number % len(KNOWN)].sku_id
    header = "unit,channel,SKU_ID,starts_on,ends_on,discount_perc,covers_through"
    return f"{header}\nПермь,KA,{sku},2026-11-30,2026-12-06,{10 + number},2026-12-31\n".encode()


def send(world: World, number: int) -> None:
    """Put a planner's file into the inbox."""
    settings = world.settings(-1)
    write_bytes(settings.staging, f"{INBOX}/plan-{number}.csv", plan_file(number), settings.endpoints)


def files_in(world: World, folder: str) -> list[str]:
    """Return the names in a folder below STAGING."""
    settings = world.settings(-1)
    return sorted(list_files(settings.staging, folder, settings.endpoints))
