"""Tables in a DuckDB file as their contracts want them, and the notes of who published them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from skucast.backends.warehouse.checks import KNOWN_BY_ALL, NOTED, NOTED_BATCHES, AnyCase, missing_columns
from skucast.backends.warehouse.duckdb.file import MISSING, Connection, first_line
from skucast.backends.warehouse.duckdb.sql import LATER, column_types, only_sql, quoted
from skucast.backends.warehouse.refusals import BELIEVED, lost_notes, lost_runs, lost_table, superseded
from skucast.backends.warehouse.staging import STAGED, STAGING_DAYS
from skucast.core.combination import Combination
from skucast.core.run import Run
from skucast.core.tables.contract import Table
from skucast.core.tables.records import LOADS, PUBLISHES, RUNS


class Tables:
    """Keeps the tables of one file to their contracts; every call is within a connection to the file."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = dict(names)

    def name(self, table: Table) -> str:
        """Return what the table is called in SQL."""
        return quoted(self._names[table.label])

    def ensure(self, connection: Connection, table: Table) -> None:
        """Create the table if it is missing, add missing nullable columns; refuse a changed type (TableError)."""
        expected = column_types(table)
        existing = self.there(connection, table)
        if not existing:
            if table.label == PUBLISHES.label:
                self.ensure(connection, RUNS)  # first: notes without a table of runs tell that it is lost
            columns = ", ".join(
                f"{quoted(column.name)} {expected[column.name]}{'' if column.nullable else ' NOT NULL'}"
                for column in table.columns
            )
            connection.execute(f"CREATE TABLE {self.name(table)} ({columns})")
            return
        for name in missing_columns(table, self._names[table.label], AnyCase(existing), expected):
            connection.execute(f"ALTER TABLE {self.name(table)} ADD COLUMN {quoted(name)} {expected[name]}")

    def there(self, connection: Connection | None, table: Table) -> dict[str, str]:
        """Return the type of each column of the table, nothing where it was not made yet.

        Raises:
            LostTable: it is not there, but was published to.
        """
        found = self.columns(connection, table) if connection else {}
        if connection and not found:
            self._refuse_lost(connection, table)
        return found

    def columns(self, connection: Connection, table: Table) -> dict[str, str]:
        """Return the type of each column of the table, nothing where there is no such table."""
        try:  # it costs a twentieth of a look into the catalogue, and a table that is missing ends no transaction
            found = connection.table(self.name(table))
            return dict(zip(found.columns, map(str, found.dtypes), strict=True))
        except MISSING as error:
            if f"name {self._names[table.label]} " in first_line(error):
                return {}
        # a view whose own table is missing
        sql = (
            "SELECT column_name, data_type FROM information_schema.columns "
            "WHERE table_catalog = current_database() AND table_name = ?"
        )
        return dict(connection.execute(sql, [self._names[table.label]]).fetchall())

    def note(self, connection: Connection, table: Table, partition: object, run: Run, n_rows: int) -> None:
        """Note that the run publishes this slice, in the table of notes, which is there."""
        publishes = self.name(PUBLISHES)
        slice_of_run = [self._names[table.label], str(partition), run.run_id]
        connection.execute(
            f"DELETE FROM {publishes} WHERE table_name = ? AND partition_value = ? AND run_id = ?", slice_of_run
        )
        columns = "table_name, partition_value, run_id, n_rows, published_at, read_at"
        values = [*slice_of_run, n_rows, run.run_at, run.read_at]
        connection.execute(f"INSERT INTO {publishes} ({columns}) VALUES (?, ?, ?, ?, ?, ?)", values)

    def refuse_older(
        self,
        connection: Connection,
        table: Table,
        partition: object,
        run: Run,
        combinations: Sequence[Combination] | None,
    ) -> None:
        """Raise Superseded if a run that read its inputs later has published the slice, or rows of these combinations.

        The table of notes is there.
        """
        if run.read_at is None or run.is_forced:
            return
        sql = LATER.format(publishes=self.name(PUBLISHES))
        values: list[object] = [self._names[table.label], str(partition), run.run_id, run.read_at, run.now() + BELIEVED]
        if combinations is not None and "run_id" in table.column_names:
            which, of_slice = only_sql(table, partition, combinations)
            sql += f" AND run_id IN (SELECT run_id FROM {self.name(table)} WHERE {which})"
            values += of_slice
        found = connection.execute(f"{sql} ORDER BY read_at DESC LIMIT 1", values).fetchone()
        if found is not None:
            raise superseded(self._names[table.label], partition, run, *found)

    def empty(
        self, connection: Connection, table: Table, partition: object, combinations: Sequence[Combination] | None
    ) -> None:
        """Delete the rows of a slice, or of these combinations in it."""
        if table.is_whole:
            connection.execute(f"DELETE FROM {self.name(table)}")
            return
        where, values = f"{quoted(str(table.partition))} = ?", [partition]
        if combinations is not None:
            where, values = only_sql(table, partition, combinations)
        connection.execute(f"DELETE FROM {self.name(table)} WHERE {where}", values)

    def note_staged(self, connection: Connection, name: str, run: Run) -> None:
        """Note when the table was staged."""
        connection.execute(f"COMMENT ON TABLE {quoted(name)} IS '{run.now().isoformat()}'")

    def drop_expired(self, connection: Connection, run: Run) -> None:
        """Drop what was staged too long ago, or in a future; what does not say when is given its time from now on."""
        sql = (
            "SELECT table_name, comment FROM duckdb_tables() "
            f"WHERE database_name = current_database() AND regexp_full_match(table_name, '{STAGED}')"
        )
        for name, said in connection.execute(sql).fetchall():
            try:
                age = abs(run.now() - datetime.fromisoformat(said or ""))
            except ValueError:
                self.note_staged(connection, name, run)
                continue
            if age > timedelta(days=STAGING_DAYS):
                connection.execute(f"DROP TABLE {quoted(name)}")

    def is_noted(self, connection: Connection, table: Table, partition: object, run: Run) -> bool:
        """Return whether the run has published this slice."""
        condition = "partition_value = ? AND run_id = ?"
        return self._is_noted(connection, table, condition, str(partition), run.run_id)

    def _refuse_lost(self, connection: Connection, table: Table) -> None:
        if table.label == PUBLISHES.label:
            self._refuse_lost_notes(connection)
            return
        if table.label == RUNS.label:
            if self._is_noted(connection, table, "TRUE"):
                raise lost_runs(self._names[table.label], self._names[PUBLISHES.label])
            return
        condition = NOTED_BATCHES if table.label == LOADS.label else "TRUE"
        if self._is_noted(connection, table, condition):
            raise lost_table(self._names[table.label], self._names[PUBLISHES.label])

    def _refuse_lost_notes(self, connection: Connection) -> None:
        for table in NOTED:
            if self.columns(connection, table) and connection.execute(f"FROM {self.name(table)} LIMIT 1").fetchone():
                raise lost_notes(self._names[PUBLISHES.label], self._names[table.label])

    def _is_noted(self, connection: Connection, table: Table, condition: str, *values: str) -> bool:
        """Whether somebody has published the table, under this condition; of loads and runs whether there was any."""
        if not self.columns(connection, PUBLISHES):
            return False
        named, of_table = (
            ("TRUE", []) if table.label in KNOWN_BY_ALL else ("table_name = ?", [self._names[table.label]])
        )
        sql = f"SELECT 1 FROM {self.name(PUBLISHES)} WHERE {named} AND {condition} LIMIT 1"
        return connection.execute(sql, [*of_table, *values]).fetchone() is not None
