"""Staging on BigQuery: rows wait in a table of their own, loaded whole by one job, until they are published."""

from __future__ import annotations

import hashlib
import io
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from google.cloud import bigquery

from skucast.backends.warehouse.bigquery.dataset import Dataset
from skucast.backends.warehouse.bigquery.errors import Gone
from skucast.backends.warehouse.bigquery.jobs import Jobs
from skucast.backends.warehouse.bigquery.reading import Reader
from skucast.backends.warehouse.bigquery.tables import field_of
from skucast.backends.warehouse.staging import (
    SHARD_CUTOFF,
    SHARD_READ_AT,
    SHARD_TASK,
    STAGING_DAYS,
    joined_shards,
    shards_missing,
    staging_name,
)
from skucast.core.tables.contract import Table
from skucast.core.tables.validation import validate

if TYPE_CHECKING:
    import pandas as pd

    from skucast.core.run import Run


STAGE_ATTEMPTS = 3
"""How often a task's rows are loaded whose table another copy of the task drops meanwhile."""


class Staging:
    """The staging tables of one dataset; each holds its rows and one more that marks them (`warehouse/staging.py`)."""

    def __init__(self, dataset: Dataset, jobs: Jobs, reader: Reader) -> None:
        self._dataset = dataset
        self._jobs = jobs
        self._reader = reader
        self._own = secrets.token_hex(8)

    def stage(self, table: Table, rows: pd.DataFrame, run: Run) -> None:
        """Load this task's rows into its staging table; the same rows again are the same job.

        Another living copy of this task has the same table, and may drop it between its making and the load.
        """
        valid = validate(table, rows)
        for _ in range(STAGE_ATTEMPTS - 1):
            with suppress(Gone):
                self.load(self._id_of_task(table, run, run.task_index), table, valid, run)
                return
        self.load(self._id_of_task(table, run, run.task_index), table, valid, run)

    def staged(self, table: Table, run: Run, tasks: Sequence[int]) -> pd.DataFrame:
        """Return what these tasks of the run have staged, or raise ShardsMissing."""
        missing = self._not_loaded(table, run, tasks)
        if missing:
            raise shards_missing(table, missing, run)
        columns = f"{columns_sql(table)}, {SHARD_CUTOFF}, {SHARD_TASK}, {SHARD_READ_AT}"
        names = [self._id_of_task(table, run, task) for task in tasks]
        sql = " UNION ALL ".join(f"SELECT {columns} FROM `{name}`" for name in names)
        try:
            rows = self._reader.query(sql, [], f"read staged {table.label}")
        except Gone:  # another task has published and tidied up meanwhile
            raise shards_missing(table, self._not_loaded(table, run, tasks), run) from None
        return joined_shards(table, rows, run, tasks)

    def unstage(self, table: Table, run: Run) -> None:
        """Drop what the tasks of the run have staged for the table."""
        for task in range(run.task_count):
            self._dataset.drop(self._id_of_task(table, run, task))

    def load(self, staging_id: str, table: Table, rows: pd.DataFrame, run: Run) -> str:
        """Load the rows and the row that marks them into the staging table, whole or not at all.

        Return the id of the load, which is another for another content and another table of this name.
        """
        schema = [field_of(column, nullable=True) for column in table.columns]
        marks = {SHARD_CUTOFF: "DATE", SHARD_TASK: "INTEGER", SHARD_READ_AT: "TIMESTAMP"}
        schema += [bigquery.SchemaField(name, kind) for name, kind in marks.items()]
        self._dataset.location()  # a missing dataset is named before anything is tried in it
        created = self._create(staging_id, schema)
        payload = _parquet(table, rows, run)
        job_id = f"skucast_load_{digest(staging_id, created)}_{hashlib.sha256(payload).hexdigest()[:24]}"
        self._jobs.load(payload, staging_id, schema, job_id)
        return job_id

    def id_of_slice(self, table: Table, partition: object, run: Run) -> str:
        """Return where a `replace` stages: no other slice's, no other task's, and no other copy of this one's."""
        return self._id_of_own(table, run.task_id, partition)

    def id_of_batch(self, table: Table, batch_id: str) -> str:
        """Return where an `append_once` stages: nobody else's who brings this batch."""
        return self._id_of_own(table, "batch", batch_id)

    def _id_of_own(self, table: Table, *what: object) -> str:
        name = digest(self._own, os.getpid(), *what)
        return f"{self._dataset.id}.staging_{self._dataset.name_of(table)}_{name}_alone"

    def _id_of_task(self, table: Table, run: Run, task: int) -> str:
        return f"{self._dataset.id}.{staging_name(self._dataset.name_of(table), run, task)}"

    def _create(self, staging_id: str, schema: Sequence[bigquery.SchemaField]) -> str:
        """Create the staging table if it is not there and return when it was created."""
        definition = bigquery.Table(staging_id, schema=schema)
        # By the clock of the day, not of the run: an expiry that lies in the past drops the table at once.
        definition.expires = datetime.now(UTC) + timedelta(days=STAGING_DAYS)
        return str(self._dataset.create(definition, staging_id).created)

    def _not_loaded(self, table: Table, run: Run, tasks: Sequence[int]) -> list[int]:
        return [task for task in tasks if not self._is_loaded(self._id_of_task(table, run, task))]

    def _is_loaded(self, staging_id: str) -> bool:
        found = self._dataset.look(staging_id)
        return found is not None and bool(found.num_rows)  # the row that marks the load makes it at least 1


def columns_sql(table: Table) -> str:
    """Return the table's columns, in the order of its contract."""
    return ", ".join(f"`{name}`" for name in table.column_names)


def staged_sql(table: Table, staging_id: str) -> str:
    """Return the query of a staging table's rows, without the one that marks them."""
    return f"SELECT {columns_sql(table)} FROM `{staging_id}` WHERE {SHARD_TASK} IS NULL"


def digest(*parts: object) -> str:
    """Return a short text that is another for other parts."""
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:24]


def _parquet(table: Table, rows: pd.DataFrame, run: Run) -> bytes:
    """The rows as Parquet, and one more that holds nothing but the cutoff and the number of the task."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {
        "STRING": pa.string(),
        "DATE": pa.date32(),
        "TIMESTAMP": pa.timestamp("us", tz="UTC"),
        "FLOAT64": pa.float64(),
        "INT64": pa.int64(),
        "BOOL": pa.bool_(),
    }
    schema = pa.schema([(column.name, kinds[column.type]) for column in table.columns])
    data = pa.Table.from_pandas(_with_utc(table, rows), schema=schema, preserve_index=False)
    read_at = pa.array([run.read_at and run.read_at.replace(tzinfo=UTC)], kinds["TIMESTAMP"])
    mark = pa.table({SHARD_CUTOFF: [run.cutoff], SHARD_TASK: [run.task_index], SHARD_READ_AT: read_at})
    target = io.BytesIO()
    pq.write_table(pa.concat_tables([data, mark], promote_options="default"), target)
    return target.getvalue()


def _with_utc(table: Table, rows: pd.DataFrame) -> pd.DataFrame:
    instants = [column.name for column in table.columns if column.type == "TIMESTAMP"]
    return rows.assign(**{name: rows[name].dt.tz_localize("UTC") for name in instants})
