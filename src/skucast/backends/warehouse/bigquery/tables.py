"""Tables on BigQuery as their contracts want them: made, given missing columns, or refused."""

from __future__ import annotations

import time

from google.cloud import bigquery

from skucast.backends.warehouse.bigquery.dataset import Dataset, types_of
from skucast.backends.warehouse.bigquery.reading import Reader
from skucast.backends.warehouse.checks import AnyCase, missing_columns
from skucast.core.errors import TableError
from skucast.core.tables.contract import Column, Table
from skucast.core.tables.records import PUBLISHES, RUNS
from skucast.runtime.logs import log

PAUSES_S = (0.3, 0.7)
"""Between looks at a table that expires."""


class Tables:
    """Keeps the tables of one dataset to their contracts."""

    def __init__(self, dataset: Dataset, reader: Reader) -> None:
        self._dataset = dataset
        self._reader = reader

    def ensure(self, table: Table) -> None:
        """Create the table if it is missing, add missing nullable columns; refuse a changed type (TableError)."""
        missing = self._missing_columns(table)
        table_id = self._dataset.id_of(table)
        if missing is None:
            if table.label == PUBLISHES.label:
                self.ensure(RUNS)  # first: notes without a table of runs tell that it is lost
            made = self._dataset.create(_definition(table, table_id), table_id)
            if _expiry(made):  # the dataset has a default, which every new table takes over
                self._dataset.keep_for_ever(made)
            log.info("table created", extra={"fields": {"table": table_id}})
        elif missing:
            self._dataset.add_columns(table_id, [field_of(table.column(name)) for name in missing])
            log.info("columns added", extra={"fields": {"table": table_id, "columns": ", ".join(missing)}})

    def exists(self, table: Table) -> bool:
        """Return whether the table is there; refuse a changed type (TableError)."""
        return self._missing_columns(table) is not None

    def _missing_columns(self, table: Table) -> list[str] | None:
        """The columns that the table lacks and may be given, None if there is no such table.

        Raises:
            TableError: it is otherwise made than its contract says.
            RunFailed: it is gone, but was published to.
        """
        table_id = self._dataset.id_of(table)
        found = self._dataset.look(table_id)
        if found is not None:
            _refuse_otherwise_made(table, table_id, found)
            self._refuse_expiring(table_id, found)
            expected = {column.name: column.type for column in table.columns}
            return missing_columns(table, table_id, types_of(found), expected)
        self._reader.refuse_lost(table)
        return None

    def _refuse_expiring(self, table_id: str, found: bigquery.Table) -> None:
        """Raise TableError for a table whose rows would be gone one day."""
        for pause_s in PAUSES_S:  # another task may be about to lift it from a table that it has just made
            if not _expiry(found):
                return
            time.sleep(pause_s)
            found = self._dataset.look(table_id) or found
        expiry = _expiry(found)
        if expiry:
            raise TableError(
                f"table {table_id}: {expiry}, and with that what was published: ALTER TABLE `{table_id}` "
                "SET OPTIONS (expiration_timestamp = NULL"
                f"{', partition_expiration_days = NULL' if found.time_partitioning else ''}), and the same for the "
                "dataset's defaults"
            )


def _expiry(found: bigquery.Table) -> str:
    """What is lost of a table and when, '' if nothing is."""
    partitions_ms = found.time_partitioning.expiration_ms if found.time_partitioning else None
    if partitions_ms:
        return f"its partitions expire after {int(partitions_ms) / 86_400_000:g} days"
    return f"it expires on {found.expires:%Y-%m-%d}" if found.expires else ""


def field_of(column: Column, *, nullable: bool = False) -> bigquery.SchemaField:
    """Return the column as a schema of BigQuery has it, `nullable` whatever the contract says."""
    mode = "NULLABLE" if nullable or column.nullable else "REQUIRED"
    description = f"{column.meaning} ({column.unit})"
    return bigquery.SchemaField(column.name, column.type, mode=mode, description=description)


def is_by_day(table: Table) -> bool:
    """Return whether the table is partitioned, which it is by the day of its slices."""
    return table.partition is not None and table.column(table.partition).type == "DATE"


def _definition(table: Table, table_id: str) -> bigquery.Table:
    definition = bigquery.Table(table_id, schema=[field_of(column) for column in table.columns])
    definition.description = table.meaning
    if is_by_day(table):
        definition.time_partitioning = bigquery.TimePartitioning(field=table.partition)
    if table.cluster:
        definition.clustering_fields = list(table.cluster[:4])
    return definition


def _refuse_otherwise_made(table: Table, table_id: str, found: bigquery.Table) -> None:
    """Raise TableError for a view, for another partitioning, and for a required column that we do not fill."""
    if found.table_type != "TABLE":
        raise TableError(f"table {table_id}: is a {found.table_type.lower()}, expected a table")
    ours = AnyCase(dict.fromkeys(table.column_names, True))
    foreign = [f.name for f in found.schema if f.mode == "REQUIRED" and f.name not in ours]
    if foreign:
        raise TableError(f"table {table_id}: column {foreign[0]} is required, but nobody fills it")
    is_by = found.time_partitioning.field if found.time_partitioning else None
    if is_by_day(table) and (is_by or "").casefold() != str(table.partition).casefold():
        raise TableError(
            f"table {table_id}: partitioned by {is_by or 'nothing'}, expected {table.partition}; "
            "every run would scan all of it: make it anew and copy its rows"
        )
