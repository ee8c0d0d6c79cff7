"""The embedded warehouse: one DuckDB file. The only file that imports `duckdb`; its SQL lives here."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from skucast.backends.warehouse.checks import BLANK, check_slice, missing_columns, read_rows, sales_sources
from skucast.backends.warehouse.protocol import NO_LIMITS, Limits
from skucast.backends.warehouse.refusals import already_loaded, lost_table, no_sales
from skucast.backends.warehouse.staging import SHARD_CUTOFF, SHARD_TASK, joined_shards, shards_missing, staging_name
from skucast.core.combination import KEY
from skucast.core.errors import InputError, RunFailed
from skucast.core.tables.contract import Table, Type
from skucast.core.tables.records import LOADS, PUBLISHES, RUNS
from skucast.core.tables.sales import SALES
from skucast.core.tables.validation import empty, validate

if TYPE_CHECKING:
    import pandas as pd

    from skucast.core.combination import Combination
    from skucast.core.run import Run
    from skucast.core.weeks import WeekClock

_TYPES: dict[Type, str] = {
    "STRING": "VARCHAR",
    "DATE": "DATE",
    "TIMESTAMP": "TIMESTAMP",
    "FLOAT64": "DOUBLE",
    "INT64": "BIGINT",
    "BOOL": "BOOLEAN",
}

LOCK_PATIENCE_S = 60.0
"""How long to wait for another process that has the file open; each holds it for one statement or transaction."""


class DuckDBWarehouse:
    """Tables in one DuckDB file, opened for each operation only, so that several processes can take turns."""

    def __init__(
        self, path: str | Path, table_names: Mapping[str, str], sales_columns: Mapping[str, str] | None = None
    ) -> None:
        self.path = Path(path)
        self._names = dict(table_names)
        self._sales_columns = dict(sales_columns or {})

    def ensure(self, table: Table) -> None:
        """Create the table if it is missing, add missing nullable columns; refuse a changed type (TableError)."""
        with self._transaction() as connection:
            self._ensure(connection, table)

    def exists(self, table: Table) -> bool:
        """Return whether the table is there; refuse a changed type (TableError)."""
        with self._reading() as connection:
            existing = self._columns(connection, table) if connection else {}
            if connection and not existing:
                self._refuse_lost(connection, table)
        if existing:
            missing_columns(table, self._names[table.label], existing, _column_types(table))
        return bool(existing)

    def probe(self, *, run: Run) -> None:
        """Stage no rows and drop them again, or raise InputError; a file that is not there is not made."""
        if self.path.exists():
            self.stage(RUNS, empty(RUNS), run=run)
            self.unstage(RUNS, run=run)
            return
        folder = next(place for place in self.path.absolute().parents if place.exists())
        if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
            raise InputError(f"{self.path}: cannot be made in {folder}; give the folder to this user")

    def read(self, table: Table, *, since: Limits = NO_LIMITS, until: Limits = NO_LIMITS) -> pd.DataFrame:
        """Return the rows whose columns lie from `since` to `until` (by column; included), in key order."""
        conditions, parameters = [], []
        for operator, limits in ((">=", since), ("<=", until)):
            for name, value in limits.items():
                conditions.append(f"{_quoted(table.column(name).name)} {operator} ?")
                parameters.append(value)
        with self._reading() as connection:
            if connection is None or not self._columns(connection, table):
                return empty(table)
            present = self._columns(connection, table)
            columns = ", ".join(
                _quoted(column.name) if column.name in present else f"NULL AS {_quoted(column.name)}"
                for column in table.columns
            )
            where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
            order = f"ORDER BY {', '.join(map(_quoted, table.key))}" if table.key else ""
            rows = connection.execute(f"SELECT {columns} FROM {self._name(table)} {where} {order}", parameters).df()
        return read_rows(table, rows)

    def weekly_sales(self, clock: WeekClock, until: date) -> pd.DataFrame:
        """Return sales up to day `until`, summed to one row per combination and week (see the protocol)."""
        where = f"{self.path}, table {self._names['sales']}"
        with self._reading() as connection:
            present = self._columns(connection, SALES) if connection else {}
            if not present or connection is None:
                raise no_sales(where)
            sql = _WEEKLY_SALES.format(table=self._name(SALES), blank=BLANK, **self._sales_expressions(present))
            try:
                weeks = connection.execute(sql, {"until": until, "end_weekday": clock.end_weekday}).df()
                first = None if len(weeks) else self._first_day(connection, present)
            except (duckdb.ConversionException, duckdb.BinderException) as error:
                raise InputError(
                    f"{where}: a column is not of the expected kind ({_first_line(error)}); correct it at the source"
                ) from None
        if not len(weeks):
            raise no_sales(where, until, first)
        return weeks

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
        valid = validate(table, rows)
        check_slice(table, valid, partition, combinations)
        with self._transaction() as connection:
            self._replace(connection, table, valid, partition, run, combinations)
        return len(valid)

    def stage(self, table: Table, rows: pd.DataFrame, *, run: Run) -> None:
        """Keep this task's rows until every task of the run has kept theirs; a repeat replaces them."""
        valid = validate(table, rows)
        with self._transaction() as connection:
            connection.register("new_rows", valid)
            name = _quoted(self._staging(table, run, run.task_index))
            columns = ", ".join(
                f"CAST({_quoted(c.name)} AS {_TYPES[c.type]}) AS {_quoted(c.name)}" for c in table.columns
            )
            marks = f"NULL::DATE AS {SHARD_CUTOFF}, NULL::BIGINT AS {SHARD_TASK}"
            connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT {columns}, {marks} FROM new_rows")
            connection.execute(
                f"INSERT INTO {name} ({SHARD_CUTOFF}, {SHARD_TASK}) VALUES (?, ?)", [run.cutoff, run.task_index]
            )

    def staged(self, table: Table, *, run: Run, tasks: Sequence[int] | None = None) -> pd.DataFrame:
        """Return what these tasks of the run (None = all of them) have staged, or raise ShardsMissing."""
        wanted = range(run.task_count) if tasks is None else tasks
        with self._reading() as connection:
            missing = self._missing(connection, table, run, wanted)
            if missing or connection is None:
                raise shards_missing(table, missing, run)
            names = [_quoted(self._staging(table, run, task)) for task in wanted]
            rows = connection.execute(" UNION ALL ".join(f"SELECT * FROM {name}" for name in names)).df()
        return joined_shards(table, rows, run, wanted)

    def published(self, table: Table, partition: object, *, run: Run) -> bool:
        """Return whether this run has published this slice, whoever has published it since."""
        with self._reading() as connection:
            if connection is None or not self._columns(connection, PUBLISHES):
                return False
            return self._is_noted(connection, table, "partition_value = ? AND run_id = ?", str(partition), run.run_id)

    def unstage(self, table: Table, *, run: Run) -> None:
        """Drop what the tasks of the run have staged for the table."""
        with self._transaction() as connection:
            for task in range(run.task_count):
                connection.execute(f"DROP TABLE IF EXISTS {_quoted(self._staging(table, run, task))}")

    def append_once(self, table: Table, rows: pd.DataFrame, *, batch_id: str, source: str, run: Run) -> int:
        """Append the rows unless the batch was appended before; return the rows written."""
        valid = validate(table, rows)
        with self._transaction() as connection:
            self._ensure(connection, table)
            self._ensure(connection, LOADS)
            loads = self._name(LOADS)
            name = self._names[table.label]
            before = connection.execute(
                f"SELECT source, loaded_at FROM {loads} WHERE table_name = ? AND batch_id = ?", [name, batch_id]
            ).fetchone()
            if before:
                raise already_loaded(source, before[0], before[1])
            self._insert(connection, table, valid)
            connection.execute(
                f"INSERT INTO {loads} VALUES (?, ?, ?, ?, ?)", [batch_id, name, source, len(valid), run.run_at]
            )
            self._note_publish(connection, table, f"batch {batch_id}", run, len(valid))
        return len(valid)

    # --- statements -----------------------------------------------------------------------------------------------

    def _ensure(self, connection: duckdb.DuckDBPyConnection, table: Table) -> None:
        expected = _column_types(table)
        existing = self._columns(connection, table)
        if not existing:
            self._refuse_lost(connection, table)
            columns = ", ".join(
                f"{_quoted(column.name)} {expected[column.name]}{'' if column.nullable else ' NOT NULL'}"
                for column in table.columns
            )
            connection.execute(f"CREATE TABLE {self._name(table)} ({columns})")
            return
        for name in missing_columns(table, self._names[table.label], existing, expected):
            connection.execute(f"ALTER TABLE {self._name(table)} ADD COLUMN {_quoted(name)} {expected[name]}")

    def _replace(
        self,
        connection: duckdb.DuckDBPyConnection,
        table: Table,
        rows: pd.DataFrame,
        partition: object,
        run: Run,
        combinations: Sequence[Combination] | None,
    ) -> None:
        self._ensure(connection, table)
        self._delete(connection, table, partition, combinations)
        self._insert(connection, table, rows)
        if not table.one_writer:
            self._note_publish(connection, table, partition, run, len(rows))

    def _missing(
        self, connection: duckdb.DuckDBPyConnection | None, table: Table, run: Run, tasks: Sequence[int]
    ) -> list[int]:
        found = set()
        if connection is not None:
            names = connection.execute("SELECT table_name FROM information_schema.tables").fetchall()
            found = {name for (name,) in names}
        return [task for task in tasks if self._staging(table, run, task) not in found]

    def _staging(self, table: Table, run: Run, task: int) -> str:
        return staging_name(self._names.get(table.label, table.name), run, task)

    def _delete(
        self,
        connection: duckdb.DuckDBPyConnection,
        table: Table,
        partition: object,
        combinations: Sequence[Combination] | None,
    ) -> None:
        if table.is_whole:
            connection.execute(f"DELETE FROM {self._name(table)}")
            return
        sql = f"DELETE FROM {self._name(table)} WHERE {_quoted(str(table.partition))} = ?"
        if combinations is None:
            connection.execute(sql, [partition])
            return
        key = ", ".join(map(_quoted, KEY))
        names = [dict(zip(KEY, combination.parts, strict=True)) for combination in combinations]
        fields = ", ".join(f"{_quoted(name)} VARCHAR" for name in KEY)
        connection.execute(
            f"{sql} AND ({key}) IN (SELECT ({', '.join(f'c.{_quoted(n)}' for n in KEY)}) "
            f"FROM (SELECT unnest(?::STRUCT({fields})[]) AS c))",
            [partition, names],
        )

    def _insert(self, connection: duckdb.DuckDBPyConnection, table: Table, rows: pd.DataFrame) -> None:
        columns = ", ".join(map(_quoted, table.column_names))
        connection.register("new_rows", rows)
        connection.execute(f"INSERT INTO {self._name(table)} ({columns}) SELECT {columns} FROM new_rows")
        connection.unregister("new_rows")

    def _note_publish(
        self, connection: duckdb.DuckDBPyConnection, table: Table, partition: object, run: Run, n_rows: int
    ) -> None:
        self._ensure(connection, PUBLISHES)
        publishes = self._name(PUBLISHES)
        slice_of_run = [self._names[table.label], str(partition), run.run_id]
        connection.execute(
            f"DELETE FROM {publishes} WHERE table_name = ? AND partition_value = ? AND run_id = ?", slice_of_run
        )
        connection.execute(f"INSERT INTO {publishes} VALUES (?, ?, ?, ?, ?)", [*slice_of_run, n_rows, run.run_at])

    def _refuse_lost(self, connection: duckdb.DuckDBPyConnection, table: Table) -> None:
        if self._columns(connection, PUBLISHES) and self._is_noted(connection, table):
            raise lost_table(self._names[table.label], self._names[PUBLISHES.label])

    def _is_noted(
        self, connection: duckdb.DuckDBPyConnection, table: Table, condition: str = "TRUE", *values: str
    ) -> bool:
        """Whether somebody has published the table, under this condition."""
        sql = f"SELECT 1 FROM {self._name(PUBLISHES)} WHERE table_name = ? AND {condition} LIMIT 1"
        return connection.execute(sql, [self._names[table.label], *values]).fetchone() is not None

    def _columns(self, connection: duckdb.DuckDBPyConnection, table: Table) -> dict[str, str]:
        found = connection.execute(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = ?",
            [self._names[table.label]],
        ).fetchall()
        return dict(found)

    def _first_day(self, connection: duckdb.DuckDBPyConnection, present: Mapping[str, str]) -> date | None:
        """The day of the first sale, whenever that is."""
        day = self._sales_expressions(present)["date"]
        ((first,),) = connection.execute(f"SELECT min(CAST({day} AS DATE)) FROM {self._name(SALES)}").fetchall()
        found: date | None = first
        return found

    def _sales_expressions(self, present: Mapping[str, str]) -> dict[str, str]:
        where = f"{self.path}, table {self._names['sales']}"
        is_ours = set(present) == set(SALES.column_names)  # made by `load`, which maps a file's names to the contract's
        sources = sales_sources(where, {} if is_ours else self._sales_columns, present)
        return {ours: "NULL" if name is None else _quoted(name) for ours, name in sources.items()}

    def _name(self, table: Table) -> str:
        return _quoted(self._names[table.label])

    # --- connections ----------------------------------------------------------------------------------------------

    @contextmanager
    def _reading(self) -> Iterator[duckdb.DuckDBPyConnection | None]:
        if not self.path.exists():
            yield None
            return
        connection = self._connect(read_only=True)
        try:
            yield connection
        finally:
            connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        connection = self._connect(read_only=False)
        try:
            connection.begin()
            yield connection
            connection.commit()
        finally:  # closing without a commit rolls back
            connection.close()

    def _connect(self, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        deadline = time.monotonic() + LOCK_PATIENCE_S
        pause_s = 0.02
        while True:
            try:
                if not self.path.exists():
                    self._create()
                return duckdb.connect(str(self.path), read_only=read_only)
            except (duckdb.Error, OSError) as error:
                if "Could not set lock" not in str(error):
                    raise InputError(f"{self.path}: cannot be opened as a DuckDB file ({_first_line(error)})") from None
                if time.monotonic() > deadline:
                    raise RunFailed(
                        f"{self.path}: held by another process for over {LOCK_PATIENCE_S:.0f} s; end it and run again"
                    ) from None
                time.sleep(pause_s)
                pause_s = min(pause_s * 2, 0.5)

    def _create(self) -> None:
        """Put an empty warehouse in place, whole: while DuckDB makes a file, others take it for no DuckDB file."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_name(f".new-{os.getpid()}-{self.path.name}")
        try:
            duckdb.connect(str(new)).close()
            with suppress(FileExistsError):  # another process was faster; its file stays
                self.path.hardlink_to(new)
        finally:
            new.unlink(missing_ok=True)


_WEEKLY_SALES = """
WITH lines AS (
    SELECT
        CAST({date} AS DATE) AS day,
        regexp_replace(nfc_normalize(CAST({unit} AS VARCHAR)), '^{blank}+|{blank}+$', '', 'g') AS unit,
        regexp_replace(nfc_normalize(CAST({channel} AS VARCHAR)), '^{blank}+|{blank}+$', '', 'g') AS channel,
        regexp_replace(nfc_normalize(CAST({SKU_ID} AS VARCHAR)), '^{blank}+|{blank}+$', '', 'g') AS sku,
        concat_ws('/', {unit}, {channel}, {SKU_ID}) AS spelling,
        CASE WHEN isfinite(CAST({quantity} AS DOUBLE)) THEN CAST({quantity} AS DOUBLE) END AS quantity,
        CAST({Promo_discount_perc} AS DOUBLE) AS discount,
        CAST({stock} AS DOUBLE) AS stock
    FROM {table}
    WHERE CAST({date} AS DATE) <= $until OR {date} IS NULL
), days AS (
    SELECT
        day, unit, channel, sku,
        sum(quantity) AS quantity,
        sum(greatest(-quantity, 0)) AS returns_quantity,
        avg(coalesce(discount, 0)) FILTER (WHERE quantity > 0) AS discount,
        max(stock) AS stock,
        count(*) AS n_lines,
        count(*) FILTER (WHERE quantity IS NULL) AS n_bad_quantity,
        min(spelling) AS spelling_min,
        max(spelling) AS spelling_max
    FROM lines
    GROUP BY ALL
)
SELECT
    unit, channel, sku AS "SKU_ID",
    day + CAST(($end_weekday - isodow(day) + 8) % 7 AS INTEGER) AS ds,
    coalesce(sum(quantity), 0) AS quantity,
    coalesce(sum(returns_quantity), 0) AS returns_quantity,
    coalesce(avg(discount), 0) AS promo_discount_perc,
    count(*) FILTER (WHERE discount > 0) AS promo_days,
    CAST(coalesce(bit_or(1 << (isodow(day) - 1)) FILTER (WHERE discount IS NOT NULL), 0) AS BIGINT) AS selling_weekdays,
    count(stock) AS stock_days,
    count(*) FILTER (WHERE stock <= 0) AS stockout_days,
    coalesce(min(day) FILTER (WHERE quantity + returns_quantity > 0), min(day)) AS first_date,
    max(day) AS last_date,
    CAST(sum(n_lines) AS BIGINT) AS n_lines,
    CAST(sum(n_bad_quantity) AS BIGINT) AS n_bad_quantity,
    min(spelling_min) AS spelling_min,
    max(spelling_max) AS spelling_max
FROM days
GROUP BY ALL
ORDER BY ALL
"""


def _column_types(table: Table) -> dict[str, str]:
    return {column.name: _TYPES[column.type] for column in table.columns}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
