"""The warehouse in a DuckDB file: the protocol, each operation one transaction."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from skucast.backends.warehouse.checks import (
    BLANK,
    AnyCase,
    frames_of,
    missing_columns,
    read_rows,
    rows_of_slice,
)
from skucast.backends.warehouse.duckdb.file import Connection, DuckDBFile, Made, frame_of, read_again, what_others_keep
from skucast.backends.warehouse.duckdb.parts import OF_SOME, parts_of
from skucast.backends.warehouse.duckdb.sql import (
    FIRST_DAY,
    KEYED,
    LABEL,
    LATER_SALES,
    OVERLAP,
    REPLACED,
    TYPES,
    WEEKLY_SALES,
    column_types,
    declared_sql,
    quoted,
    rows_sql,
    sales_expressions,
)
from skucast.backends.warehouse.duckdb.tables import Tables
from skucast.backends.warehouse.protocol import (
    ADDS,
    NO_LIMITS,
    OVERLAP_COLUMNS,
    Declared,
    Limits,
    Meeting,
    Rows,
    nothing_declared,
)
from skucast.backends.warehouse.refusals import already_loaded, no_batch, no_sales, overlaps, refuse_others
from skucast.backends.warehouse.staging import (
    SHARD_CUTOFF,
    SHARD_READ_AT,
    SHARD_TASK,
    joined_shards,
    shards_missing,
    staging_name,
)
from skucast.core.errors import InputError, TableError
from skucast.core.tables.contract import BATCH, Table
from skucast.core.tables.records import LOADS, PUBLISHES, RUNS
from skucast.core.tables.sales import SALES
from skucast.core.tables.validation import empty, validate
from skucast.core.weeks import WeekClock
from skucast.sales.narrow_weeks import narrow_weeks

if TYPE_CHECKING:
    import pandas as pd

    from skucast.core.combination import Combination
    from skucast.core.declared import Regressor
    from skucast.core.run import Run

_NEW = "rows_that_come"
"""Table of one connection, for rows on their way."""


class DuckDBWarehouse:
    """Tables in one DuckDB file, opened for each operation only, so that several processes can take turns."""

    def __init__(
        self,
        path: str | Path,
        table_names: Mapping[str, str],
        sales_columns: Mapping[str, str] | None = None,
        tz: str | None = None,
        declared: Declared = nothing_declared,
    ) -> None:
        self.path = Path(path)
        self._file = DuckDBFile(self.path)
        self._names = dict(table_names)
        self._tables = Tables(self._names)
        self._sales_columns = dict(sales_columns or {})
        self._tz = tz or WeekClock().tz
        self._declared = declared

    @read_again
    def ensure(self, table: Table) -> None:
        """Create the table if it is missing, add missing nullable columns; refuse a changed type (TableError)."""
        with self._file.transaction() as connection:
            self._tables.ensure(connection, table)

    @read_again
    def exists(self, table: Table) -> bool:
        """Return whether the table is there; refuse a changed type (TableError)."""
        with self._file.reading() as connection:
            return self._exists(connection, table)

    @read_again
    def look_at(self, written: Sequence[Table], read: Sequence[Table]) -> None:
        """Raise LostTable if one of these tables was published to and is not there; refuse a changed type."""
        with self._file.reading() as connection:
            for table in written:
                self._exists(connection, table)
            for table in read:
                self._tables.there(connection, table)

    def probe(self, *, run: Run) -> None:
        """Stage no rows and drop them again, or raise InputError; a file that is not there is not made."""
        if self.path.exists():
            self.stage(RUNS, empty(RUNS), run=run)
            self.unstage(RUNS, run=run)
            return
        folder = next(place for place in self.path.absolute().parents if place.exists())
        if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
            raise InputError(f"{self.path}: cannot be made in {folder}; give the folder to this user")

    @read_again
    def read(
        self,
        table: Table,
        columns: Collection[str] | None = None,
        *,
        since: Limits = NO_LIMITS,
        until: Limits = NO_LIMITS,
    ) -> pd.DataFrame:
        """Return the rows whose columns lie from `since` to `until` (by column; included), in key order."""
        part = table if columns is None else table.part(columns)
        with self._file.reading() as connection:
            present = self._tables.there(connection, table)
            if not present or connection is None:
                return empty(part)
            sql, parameters = rows_sql(table, part, self._name(table), AnyCase(present), self._tz, since, until)
            with what_others_keep(f"table {table.label}", "correct the table", TableError):
                rows = frame_of(connection, sql, parameters)
        return read_rows(part, rows, self._tz)

    def weekly_sales(self, clock: WeekClock, until: date, *, narrow: bool = False) -> pd.DataFrame:
        """Return sales up to day `until`, summed to one row per combination and week (see the protocol)."""
        bound: dict[str, object] = {"until": until, "end_weekday": clock.end_weekday}
        weeks = self._query_sales(WEEKLY_SALES, bound, clock.tz, self._declared(), narrow_weeks if narrow else None)
        if not len(weeks):
            days = self._query_sales(FIRST_DAY, {}, clock.tz)["first_day"].dropna()
            raise no_sales(self._where, until, *days.dt.date)
        return weeks

    def later_sales(self, after: date) -> pd.DataFrame:
        """Return how many sales lines are dated after the day, by unit (see the protocol)."""
        return self._query_sales(LATER_SALES, {"after": after}, self._tz)

    @read_again
    def replace(
        self,
        table: Table,
        rows: pd.DataFrame,
        partition: object,
        *,
        run: Run,
        combinations: Sequence[Combination] | None = None,
    ) -> int:
        """Replace one slice of the table in one transaction; return the rows written."""
        valid = rows_of_slice(table, rows, partition, combinations)
        with self._file.transaction() as connection:
            self._replace(connection, table, valid, partition, run, combinations)
        return len(valid)

    @read_again
    def replace_each(self, table: Table, slices: Mapping[date, pd.DataFrame], *, run: Run) -> int:
        """Replace several slices of the table in one transaction; return the rows written."""
        valid = {partition: rows_of_slice(table, rows, partition) for partition, rows in slices.items()}
        if valid:
            with self._file.transaction() as connection:
                for partition, rows in valid.items():
                    self._replace(connection, table, rows, partition, run, None)
        return sum(map(len, valid.values()))

    @read_again
    def stage(self, table: Table, rows: pd.DataFrame, *, run: Run) -> None:
        """Keep this task's rows until every task of the run has kept theirs; a repeat replaces them."""
        valid = validate(table, rows)
        with self._file.transaction() as connection:
            connection.register("new_rows", valid)
            self._tables.drop_expired(connection, run)
            staged = self._staging(table, run, run.task_index)
            name = quoted(staged)
            columns = ", ".join(f"CAST({quoted(c.name)} AS {TYPES[c.type]}) AS {quoted(c.name)}" for c in table.columns)
            marks = f"NULL::DATE AS {SHARD_CUTOFF}, NULL::BIGINT AS {SHARD_TASK}, NULL::TIMESTAMP AS {SHARD_READ_AT}"
            connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT {columns}, {marks} FROM new_rows")
            connection.execute(
                f"INSERT INTO {name} ({SHARD_CUTOFF}, {SHARD_TASK}, {SHARD_READ_AT}) VALUES (?, ?, ?)",
                [run.cutoff, run.task_index, run.read_at],
            )
            self._tables.note_staged(connection, staged, run)

    @read_again
    def staged(self, table: Table, *, run: Run, tasks: Sequence[int] | None = None) -> pd.DataFrame:
        """Return what these tasks of the run (None = all of them) have staged, or raise ShardsMissing."""
        wanted = range(run.task_count) if tasks is None else tasks
        with self._file.reading() as connection:
            missing = self._missing(connection, table, run, wanted)
            if missing or connection is None:
                raise shards_missing(table, missing, run)
            names = [quoted(self._staging(table, run, task)) for task in wanted]
            rows = frame_of(connection, " UNION ALL BY NAME ".join(f"SELECT * FROM {name}" for name in names))
        return joined_shards(table, rows, run, wanted)

    @read_again
    def published(self, table: Table, partition: object, *, run: Run) -> bool:
        """Return whether this run has published this slice, whoever has published it since."""
        with self._file.reading() as connection:
            return connection is not None and self._tables.is_noted(connection, table, partition, run)

    @read_again
    def unstage(self, table: Table, *, run: Run) -> None:
        """Drop what the tasks of the run have staged for the table."""
        names = [quoted(self._staging(table, run, task)) for task in range(run.task_count)]
        with self._file.transaction() as connection:
            connection.execute("; ".join(f"DROP TABLE IF EXISTS {name}" for name in names))

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
        pieces = frames_of(table, rows, "")  # the batch comes last: its name is longer than all of a row
        with self._file.transaction() as connection:
            for each in (PUBLISHES, table, LOADS):
                self._tables.ensure(connection, each)
            name, loads = self._names[table.label], self._name(LOADS)
            before = connection.execute(
                f"SELECT source, loaded_at FROM {loads} WHERE table_name = ? AND batch_id = ?", [name, batch_id]
            ).fetchone()
            if before and meeting.rule != "replace":
                raise already_loaded(source, before[0], before[1])
            there = connection.execute(f"SELECT batch_id FROM {loads} WHERE table_name = ?", [name]).fetchall()
            refuse_others(source, meeting.loads, [each for (each,) in there])
            n_rows = self._take(connection, table, pieces)
            self._meet(connection, table, meeting, batch_id, source)
            columns = ", ".join(map(quoted, table.column_names))
            brought_by = f"REPLACE (CAST(? AS VARCHAR) AS {BATCH})" if table.keeps_batches else ""
            connection.execute(
                f"INSERT INTO {self._name(table)} ({columns}) SELECT * {brought_by} FROM {_NEW}",
                [batch_id] if table.keeps_batches else [],
            )
            connection.execute(f"DELETE FROM {loads} WHERE table_name = ? AND batch_id = ?", [name, batch_id])
            connection.execute(
                f"INSERT INTO {loads} VALUES (?, ?, ?, ?, ?)", [batch_id, name, source, n_rows, run.run_at]
            )
            self._note_publish(connection, table, f"batch {batch_id}", run, n_rows)
        return n_rows

    def overlap(self, rows: Rows, meeting: Meeting, *, run: Run) -> pd.DataFrame:  # noqa: ARG002 - others stage by it
        """Return what the sales table has of the rows' days and of their combinations (see the protocol)."""
        import pandas as pd

        with self._file.reading() as connection:
            if connection is None or not self._tables.there(connection, SALES):
                return pd.DataFrame(columns=list(OVERLAP_COLUMNS))
            self._take(connection, SALES, frames_of(SALES, rows, ""))
            return self._overlap(connection, meeting)

    @read_again
    def undo(self, table: Table, batch_id: str, *, run: Run) -> int:
        """Remove the rows of a batch, and the note that it was appended; return how many they were."""
        name = self._names[table.label]
        with self._file.transaction() as connection:
            for each in (PUBLISHES, table, LOADS):
                self._tables.ensure(connection, each)
            ((n_rows,),) = connection.execute(
                f"DELETE FROM {self._name(table)} WHERE {BATCH} = ?", [batch_id]
            ).fetchall()
            if not n_rows:
                raise no_batch(name, batch_id)
            connection.execute(
                f"DELETE FROM {self._name(LOADS)} WHERE table_name = ? AND batch_id = ?", [name, batch_id]
            )
            self._note_publish(connection, table, f"batch {batch_id}", run, 0)
        return int(n_rows)

    # --- statements -----------------------------------------------------------------------------------------------

    def _exists(self, connection: Connection | None, table: Table) -> bool:
        existing = self._tables.there(connection, table)
        if existing:
            missing_columns(table, self._names[table.label], AnyCase(existing), column_types(table))
        return bool(existing)

    def _replace(
        self,
        connection: Connection,
        table: Table,
        rows: pd.DataFrame,
        partition: object,
        run: Run,
        combinations: Sequence[Combination] | None,
    ) -> None:
        if table.label == RUNS.label:  # once for a run, at its end
            self._tables.drop_expired(connection, run)
        if not table.one_writer:
            self._tables.ensure(connection, PUBLISHES)
        self._tables.ensure(connection, table)
        if not table.one_writer:
            self._tables.refuse_older(connection, table, partition, run, combinations)
        self._tables.empty(connection, table, partition, combinations)
        self._insert(connection, table, rows)
        if not table.one_writer:
            self._note_publish(connection, table, partition, run, len(rows))

    def _take(self, connection: Connection, table: Table, pieces: Iterable[pd.DataFrame]) -> int:
        """Put the rows, piece by piece, into a table of this connection alone; return how many they are."""
        columns = ", ".join(f"{quoted(name)} {kind}" for name, kind in column_types(table).items())
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {_NEW} ({columns})")
        return sum(self._insert(connection, table, rows, _NEW) for rows in pieces)

    def _meet(self, connection: Connection, table: Table, meeting: Meeting, batch_id: str, source: str) -> None:
        """Refuse or remove the lines that the new ones meet, where `meeting` says so."""
        if meeting.rule == "replace":
            sql = REPLACED.format(table=self._name(table), **self._keyed(meeting))
            connection.execute(sql, [batch_id])
        elif meeting.rule == "refuse":
            found = self._overlap(connection, meeting)
            if (found["new_lines"] > 0).any():
                raise overlaps(source, self._names[table.label], found[found["new_lines"] > 0])

    def _overlap(self, connection: Connection, meeting: Meeting) -> pd.DataFrame:
        return connection.execute(OVERLAP.format(**self._keyed(meeting))).df()

    def _keyed(self, meeting: Meeting) -> dict[str, str]:
        """The new sales lines and those of the table, by day and combination."""
        day = "date" if meeting.end_weekday is None else LABEL.format(end_weekday=meeting.end_weekday)
        places = {"new": _NEW, "old": self._name(SALES)}
        return {which: KEYED.format(day=day, blank=BLANK, table=name) for which, name in places.items()}

    def _missing(self, connection: Connection | None, table: Table, run: Run, tasks: Sequence[int]) -> list[int]:
        found = set()
        if connection is not None:
            sql = "SELECT table_name FROM information_schema.tables WHERE table_catalog = current_database()"
            found = {name for (name,) in connection.execute(sql).fetchall()}
        return [task for task in tasks if self._staging(table, run, task) not in found]

    def _staging(self, table: Table, run: Run, task: int) -> str:
        return staging_name(self._names.get(table.label, table.name), run, task)

    def _insert(self, connection: Connection, table: Table, rows: pd.DataFrame, into: str | None = None) -> int:
        columns = ", ".join(map(quoted, table.column_names))
        connection.register("some_rows", rows)
        connection.execute(f"INSERT INTO {into or self._name(table)} ({columns}) SELECT {columns} FROM some_rows")
        connection.unregister("some_rows")
        return len(rows)

    def _note_publish(self, connection: Connection, table: Table, partition: object, run: Run, n_rows: int) -> None:
        self._tables.note(connection, table, partition, run, n_rows)

    @property
    def _where(self) -> str:
        return f"{self.path}, table {self._names['sales']}"

    @read_again
    def _query_sales(
        self, sql: str, parameters: dict[str, object], tz: str, declared: Sequence[Regressor] = (), made: Made = None
    ) -> pd.DataFrame:
        """Return what a query says of the sales table, whose names are filled in; days are those of the time zone."""
        with self._file.reading() as connection:
            present = self._tables.there(connection, SALES)
            if not present or connection is None:
                raise no_sales(self._where)
            expressions = sales_expressions(self._where, self._sales_columns, present, tz)
            expressions |= declared_sql(self._where, declared, present)
            expressions |= {"table": self._name(SALES), "blank": BLANK}
            with what_others_keep(self._where, "correct it at the source"):
                parts = list(parts_of(connection, expressions)) if "{some}" in sql else [{}]
                some = OF_SOME.format(**expressions) if parts[0] else "TRUE"
                bound = [parameters | part for part in parts]
                return frame_of(connection, sql.format(some=some, **expressions), *bound, made=made)

    def _name(self, table: Table) -> str:
        return self._tables.name(table)
