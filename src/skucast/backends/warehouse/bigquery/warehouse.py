"""The warehouse on BigQuery: the protocol, and which module beside this one keeps each of its promises."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from skucast.backends.warehouse.bigquery.dataset import Dataset
from skucast.backends.warehouse.bigquery.jobs import Jobs
from skucast.backends.warehouse.bigquery.publishing import Publisher
from skucast.backends.warehouse.bigquery.reading import Reader
from skucast.backends.warehouse.bigquery.rivals import BigQueryRivals
from skucast.backends.warehouse.bigquery.staging import Staging
from skucast.backends.warehouse.bigquery.tables import Tables
from skucast.backends.warehouse.protocol import ADDS, NO_LIMITS, Declared, Limits, Meeting, Rows, nothing_declared
from skucast.core.places import Endpoints
from skucast.core.tables.contract import Table
from skucast.core.weeks import WeekClock

if TYPE_CHECKING:
    import pandas as pd

    from skucast.core.combination import Combination
    from skucast.core.run import Run

DEFAULT_TIMEOUT_S = 60.0
"""Silence on one connection after which a request counts as lost."""

DEFAULT_DEADLINE_S = 300.0
"""Time for one operation with all its retries; the clients alone would wait for hours."""


class BigQueryWarehouse:
    """Tables of one dataset. Every call has a timeout and a deadline; every write is one transaction."""

    def __init__(
        self,
        project: str,
        dataset: str,
        table_names: Mapping[str, str],
        sales_columns: Mapping[str, str] | None = None,
        endpoints: Endpoints | None = None,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        deadline_s: float = DEFAULT_DEADLINE_S,
        tz: str | None = None,
        declared: Declared = nothing_declared,
        max_bytes_billed: int = 0,
    ) -> None:
        self._dataset = Dataset(
            project,
            dataset,
            table_names,
            endpoints or Endpoints(),
            timeout_s=timeout_s,
            deadline_s=deadline_s,
            max_bytes_billed=max_bytes_billed,
        )
        jobs = Jobs(self._dataset)
        self._jobs = jobs
        self._reader = Reader(self._dataset, sales_columns or {}, tz or WeekClock().tz, declared)
        self._tables = Tables(self._dataset, self._reader)
        self._staging = Staging(self._dataset, jobs, self._reader)
        self._publisher = Publisher(self._dataset, jobs, self._reader, self._tables, self._staging)

    def rivals(self, run: Run) -> BigQueryRivals:
        """Return BigQuery's own forecasters, asked on this dataset."""
        return BigQueryRivals(self._dataset, self._jobs, self._reader, self._staging, run)

    def ensure(self, table: Table) -> None:
        """Create the table if it is missing, add missing nullable columns; refuse a changed type (TableError)."""
        self._tables.ensure(table)

    def exists(self, table: Table) -> bool:
        """Return whether the table is there; refuse a changed type (TableError)."""
        return self._tables.exists(table)

    def look_at(self, written: Sequence[Table], read: Sequence[Table]) -> None:
        """Raise LostTable if one of these tables was published to and is not there; refuse a changed type."""
        for table in written:
            self._tables.exists(table)
        for table in read:
            if self._dataset.look(self._dataset.id_of(table)) is None:
                self._reader.refuse_lost(table)

    def probe(self, *, run: Run) -> None:
        """Load no rows into a staging table, change it in a transaction and drop it, or raise InputError."""
        self._publisher.probe(run)

    def read(
        self,
        table: Table,
        columns: Collection[str] | None = None,
        *,
        since: Limits = NO_LIMITS,
        until: Limits = NO_LIMITS,
    ) -> pd.DataFrame:
        """Return the rows whose columns lie from `since` to `until` (by column; included), in key order."""
        return self._reader.read(table, since, until, columns)

    def weekly_sales(self, clock: WeekClock, until: date, *, narrow: bool = False) -> pd.DataFrame:
        """Return sales up to day `until`, summed to one row per combination and week (see the protocol)."""
        return self._reader.weekly_sales(clock, until, narrow=narrow)

    def later_sales(self, after: date) -> pd.DataFrame:
        """Return how many sales lines are dated after the day, by unit (see the protocol)."""
        return self._reader.later_sales(after)

    def replace(
        self,
        table: Table,
        rows: pd.DataFrame,
        partition: object,
        *,
        run: Run,
        combinations: Sequence[Combination] | None = None,
    ) -> int:
        """Replace one slice of the table: staged by one load job, published by one transaction; return the rows."""
        return self._publisher.replace(table, rows, partition, run, combinations)

    def replace_each(self, table: Table, slices: Mapping[date, pd.DataFrame], *, run: Run) -> int:
        """Replace several slices, each as `replace` does; return the rows."""
        return self._publisher.replace_each(table, slices, run)

    def published(self, table: Table, partition: object, *, run: Run) -> bool:
        """Return whether this run has published this slice, whoever has published it since."""
        return self._publisher.published(table, partition, run)

    def stage(self, table: Table, rows: pd.DataFrame, *, run: Run) -> None:
        """Load this task's rows into its staging table; the same rows again are the same job."""
        self._staging.stage(table, rows, run)

    def staged(self, table: Table, *, run: Run, tasks: Sequence[int] | None = None) -> pd.DataFrame:
        """Return what these tasks of the run (None = all of them) have staged, or raise ShardsMissing."""
        return self._staging.staged(table, run, list(range(run.task_count) if tasks is None else tasks))

    def unstage(self, table: Table, *, run: Run) -> None:
        """Drop what the tasks of the run have staged for the table."""
        self._staging.unstage(table, run)

    def append_once(
        self,
        table: Table,
        rows: Rows,
        *,
        batch_id: str,
        source: str,
        run: Run,
        meeting: Meeting = ADDS,
    ) -> int:
        """Append the rows unless the batch was appended before; return the rows written."""
        return self._publisher.append_once(table, rows, batch_id, source, run, meeting)

    def overlap(self, rows: Rows, meeting: Meeting, *, run: Run) -> pd.DataFrame:
        """Return what the sales table has of the rows' days and of their combinations (see the protocol)."""
        return self._publisher.overlap(rows, meeting, run)

    def undo(self, table: Table, batch_id: str, *, run: Run) -> int:
        """Remove the rows of a batch, and the note that it was appended; return how many they were."""
        return self._publisher.undo(table, batch_id, run)
