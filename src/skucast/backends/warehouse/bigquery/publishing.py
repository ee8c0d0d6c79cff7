"""The publish protocol on BigQuery: rows are staged, then one transaction puts them in place, or another writer wins.

A slice is replaced or a batch appended by one script: what was there goes, the staged rows come, and a note of who
published stands in the same transaction. Why so: docs/decisions/0009-bigquery-writes.md.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, date
from typing import TYPE_CHECKING, Any

import pandas as pd
from google.cloud import bigquery

from skucast.backends.warehouse.bigquery import sql as sql_of
from skucast.backends.warehouse.bigquery.dataset import Dataset
from skucast.backends.warehouse.bigquery.errors import SUPERSEDED, TWICE, Conflict, Later, Twice
from skucast.backends.warehouse.bigquery.jobs import Jobs
from skucast.backends.warehouse.bigquery.reading import Reader
from skucast.backends.warehouse.bigquery.staging import Staging, columns_sql, digest, staged_sql
from skucast.backends.warehouse.bigquery.tables import Tables
from skucast.backends.warehouse.checks import BLANK, frames_of, rows_of_slice
from skucast.backends.warehouse.protocol import NO_LIMITS, OVERLAP_COLUMNS, Meeting, Rows
from skucast.backends.warehouse.refusals import BELIEVED, already_loaded, no_batch, overlaps, refuse_others, superseded
from skucast.core.combination import KEY
from skucast.core.errors import WarehouseError
from skucast.core.tables.contract import ALL, Table
from skucast.core.tables.records import LOADS, PUBLISHES, RUNS
from skucast.core.tables.sales import SALES
from skucast.core.tables.validation import empty
from skucast.runtime.logs import log

if TYPE_CHECKING:
    from skucast.core.combination import Combination
    from skucast.core.run import Run

PUBLISH_ATTEMPTS = 8


class Publisher:
    """Writes the tables of one dataset."""

    def __init__(self, dataset: Dataset, jobs: Jobs, reader: Reader, tables: Tables, staging: Staging) -> None:
        self._dataset = dataset
        self._jobs = jobs
        self._reader = reader
        self._tables = tables
        self._staging = staging

    def replace(
        self,
        table: Table,
        rows: pd.DataFrame,
        partition: object,
        run: Run,
        combinations: Sequence[Combination] | None,
    ) -> int:
        """Replace one slice of the table: staged by one load job, published by one transaction; return the rows."""
        return self._replace(table, rows_of_slice(table, rows, partition, combinations), partition, run, combinations)

    def replace_each(self, table: Table, slices: Mapping[date, pd.DataFrame], run: Run) -> int:
        """Replace several slices, each as `replace` does, if all of them are right; return the rows."""
        checked = {partition: rows_of_slice(table, rows, partition) for partition, rows in slices.items()}
        return sum(self._replace(table, rows, partition, run, None) for partition, rows in checked.items())

    def _replace(
        self,
        table: Table,
        valid: pd.DataFrame,
        partition: object,
        run: Run,
        combinations: Sequence[Combination] | None,
    ) -> int:
        self._tables.ensure(table)
        staging = self._staging.id_of_slice(table, partition, run)
        load = self._staging.load(staging, table, valid, run)
        of_slice = {
            "table": self._dataset.id_of(table),
            "slice": f"'{ALL}'" if table.is_whole else f"old.`{table.partition}`",
            "only": sql_of.ONLY if combinations is not None else "",
        }
        statements = sql_of.PUBLISH.format(**of_slice, columns=columns_sql(table), staged=staged_sql(table, staging))
        parameters = self._parameters(table, partition, run, len(valid))
        if combinations is not None:
            parameters.append(_only(combinations))
        later = self._later(table, run, of_slice)
        if later:
            statements = sql_of.NOT_OLDER.format(later=later, superseded=SUPERSEDED) + statements
        job_id = f"publish_{digest(run.run_id, table.label, partition, combinations, load, run.read_at, bool(later))}"
        try:
            self._transact(table, statements, parameters, job_id, f"publish {table.label}")
        except Later:
            self._dataset.drop(staging)
            found = self._reader.query(f"{later} ORDER BY read_at DESC LIMIT 1", parameters, "read publishes").iloc[0]
            read_at = found["read_at"].tz_localize(None).to_pydatetime()
            raise superseded(self._dataset.name_of(table), partition, run, str(found["run_id"]), read_at) from None
        self._dataset.drop(staging)
        return len(valid)

    def append_once(self, table: Table, rows: Rows, batch_id: str, source: str, run: Run, meeting: Meeting) -> int:
        """Append the rows unless the batch was appended before; return the rows written."""
        valid = pd.concat(frames_of(table, rows, batch_id), ignore_index=True)
        loads = self._loads(table)
        if meeting.rule != "replace":
            _refuse_known_batch(loads, batch_id, source)
        refuse_others(source, meeting.loads, loads["batch_id"].tolist())
        self._tables.ensure(table)
        self._tables.ensure(LOADS)
        staging = self._staging.id_of_batch(table, batch_id)
        load = self._staging.load(staging, table, valid, run)
        if meeting.rule == "refuse":
            self._refuse_overlap(table, staging, source, meeting)
        places = {"loads": self._dataset.id_of(LOADS), "table": self._dataset.id_of(table)}
        is_replacing = meeting.rule == "replace"
        first = sql_of.REPLACING if is_replacing else sql_of.ONCE
        keyed = (
            _expressions(meeting) | {"new": _keyed(f"({staged_sql(table, staging)})", meeting)} if is_replacing else {}
        )
        statements = sql_of.APPEND.format(
            **places,
            first=first.format(**places, twice=TWICE, **keyed),
            columns=columns_sql(table),
            staged=staged_sql(table, staging),
        )
        parameters = [
            *self._parameters(table, f"batch {batch_id}", run, len(valid)),
            bigquery.ScalarQueryParameter("batch_id", "STRING", batch_id),
            bigquery.ScalarQueryParameter("source", "STRING", source),
        ]
        job_id = f"append_{digest(batch_id, run.run_id, table.label, load, meeting)}"
        try:
            self._transact(table, statements, parameters, job_id, f"append {table.label}")
        except Twice:
            _refuse_known_batch(self._loads(table), batch_id, source)
        self._dataset.drop(staging)
        return len(valid)

    def overlap(self, rows: Rows, meeting: Meeting, run: Run) -> pd.DataFrame:
        """Return what the sales table has of the rows' days and of their combinations."""
        if not self._tables.exists(SALES):
            return pd.DataFrame(columns=list(OVERLAP_COLUMNS))
        valid = pd.concat(frames_of(SALES, rows, ""), ignore_index=True)
        staging = self._staging.id_of_slice(SALES, "overlap", run)
        self._staging.load(staging, SALES, valid, run)
        found = self._overlap(staging, meeting)
        self._dataset.drop(staging)
        return found

    def undo(self, table: Table, batch_id: str, run: Run) -> int:
        """Remove the rows of a batch, and the note that it was appended; return how many they were."""
        self._tables.ensure(table)
        self._tables.ensure(LOADS)
        places = {"loads": self._dataset.id_of(LOADS), "table": self._dataset.id_of(table)}
        batch = bigquery.ScalarQueryParameter("batch_id", "STRING", batch_id)
        n_rows = int(self._reader.query(sql_of.COUNT.format(**places), [batch], "count a batch")["n"].iloc[0])
        if not n_rows:
            raise no_batch(self._dataset.name_of(table), batch_id)
        parameters = [*self._parameters(table, f"batch {batch_id}", run, 0), batch]
        job_id = f"undo_{digest(batch_id, run.run_id, table.label)}"
        self._transact(table, sql_of.UNDO.format(**places), parameters, job_id, f"undo a batch of {table.label}")
        return n_rows

    def published(self, table: Table, partition: object, run: Run) -> bool:
        """Return whether this run has published this slice, whoever has published it since."""
        return self._reader.is_published(
            table,
            sql_of.ONE_SLICE,
            bigquery.ScalarQueryParameter("partition_text", "STRING", str(partition)),
            bigquery.ScalarQueryParameter("run_id", "STRING", run.run_id),
        )

    def probe(self, run: Run) -> None:
        """Load no rows into a staging table, change it in a transaction and drop it, or raise InputError."""
        staging = self._staging.id_of_slice(RUNS, "probe", run)
        load = self._staging.load(staging, RUNS, empty(RUNS), run)
        sql = sql_of.TRANSACTION.format(statements=f"DELETE FROM `{staging}` WHERE TRUE;")
        with self._dataset.explained("bigquery.tables.updateData", staging):
            self._jobs.run_sql(sql, [], f"skucast_probe_{digest(load)}", "probe", self._dataset.until())
        self._dataset.drop(staging)

    def _transact(self, table: Table, statements: str, parameters: Sequence[Any], job_id: str, what: str) -> None:
        """Commit the statements, and that they were published, together; a conflict is tried again, up to a bound."""
        sql = sql_of.TRANSACTION.format(statements=statements)
        if not table.one_writer:
            self._tables.ensure(PUBLISHES)
            publishes = self._dataset.id_of(PUBLISHES)
            seed, note = (text.format(publishes=publishes) for text in (sql_of.SEED, sql_of.NOTE))
            sql = seed + sql_of.TRANSACTION.format(statements=statements + note)
        until = self._dataset.until()
        for attempt in range(PUBLISH_ATTEMPTS):
            try:
                with self._dataset.explained("bigquery.jobs.create", what):
                    self._jobs.run_sql(sql, parameters, f"skucast_{job_id}_{attempt}", what, until)
            except Conflict:
                fields = {"what": what, "attempt": attempt}
                log.info("another publisher was first; trying again", extra={"fields": fields})
                time.sleep(random.uniform(0.5, 1.0) * min(2.0**attempt * 0.2, 20.0))
            else:
                return
        raise WarehouseError(f"{what}: conflicts with other publishers {PUBLISH_ATTEMPTS} times in a row; run it again")

    def _parameters(self, table: Table, partition: Any, run: Run, n_rows: int) -> list[Any]:
        kind = "STRING" if isinstance(partition, str) else table.column(str(table.partition)).type
        return [
            bigquery.ScalarQueryParameter("partition", kind, partition),
            bigquery.ScalarQueryParameter("partition_text", "STRING", str(partition)),
            bigquery.ScalarQueryParameter("table_name", "STRING", self._dataset.name_of(table)),
            bigquery.ScalarQueryParameter("run_id", "STRING", run.run_id),
            bigquery.ScalarQueryParameter("n_rows", "INT64", n_rows),
            bigquery.ScalarQueryParameter("at", "TIMESTAMP", run.run_at.replace(tzinfo=UTC)),
            bigquery.ScalarQueryParameter("read_at", "TIMESTAMP", run.read_at and run.read_at.replace(tzinfo=UTC)),
            bigquery.ScalarQueryParameter("believed", "TIMESTAMP", (run.now() + BELIEVED).replace(tzinfo=UTC)),
        ]

    def _later(self, table: Table, run: Run, of_slice: Mapping[str, str]) -> str:
        """The query of who has published the slice from inputs that were read later; '' where nobody asks."""
        if run.read_at is None or run.is_forced or table.one_writer:
            return ""
        is_targeted = bool(of_slice["only"]) and "run_id" in table.column_names
        only = sql_of.OF_THESE.format(**of_slice) if is_targeted else ""
        return sql_of.LATER.format(publishes=self._dataset.id_of(PUBLISHES), only=only)

    def _refuse_overlap(self, table: Table, staging: str, source: str, meeting: Meeting) -> None:
        found = self._overlap(staging, meeting)
        if (found["new_lines"] > 0).any():
            self._dataset.drop(staging)
            raise overlaps(source, self._dataset.name_of(table), found[found["new_lines"] > 0])

    def _overlap(self, staging: str, meeting: Meeting) -> pd.DataFrame:
        new, old = staged_sql(SALES, staging), f"`{self._dataset.id_of(SALES)}`"
        sql = sql_of.OVERLAP.format(new=_keyed(f"({new})", meeting), old=_keyed(old, meeting))
        found = self._reader.query(sql, [], "compare with the sales")
        return found.astype({"date": "datetime64[us]"})

    def _loads(self, table: Table) -> pd.DataFrame:
        """The batches of the table; what is compared with them is compared before the append, not within it."""
        loads = self._reader.read(LOADS, NO_LIMITS, NO_LIMITS)
        return loads[loads["table_name"] == self._dataset.name_of(table)]


def _refuse_known_batch(loads: pd.DataFrame, batch_id: str, source: str) -> None:
    known = loads[loads["batch_id"] == batch_id]
    if len(known):
        first = known.iloc[0]
        raise already_loaded(source, str(first["source"]), first["loaded_at"])


def _only(combinations: Sequence[Combination]) -> Any:
    """The combinations that a targeted run is about, as a parameter."""
    structs = [
        bigquery.StructQueryParameter(
            None, *(bigquery.ScalarQueryParameter(n, "STRING", v) for n, v in zip(KEY, c.parts, strict=True))
        )
        for c in combinations
    ]
    kind = bigquery.StructQueryParameterType(*(bigquery.ScalarQueryParameterType("STRING", name=name) for name in KEY))
    return bigquery.ArrayQueryParameter("only", kind, structs)


def _expressions(meeting: Meeting) -> dict[str, str]:
    """The day or week, and the names, of a sales line called `old`."""
    is_weekly = meeting.end_weekday is not None
    day = sql_of.LABEL.format(end_weekday=meeting.end_weekday) if is_weekly else sql_of.DAY
    return {"day": day, **{name: sql_of.NAME.format(name=name, blank=BLANK) for name in KEY}}


def _keyed(rows: str, meeting: Meeting) -> str:
    return sql_of.KEYED.format(rows=rows, **_expressions(meeting))
