"""The warehouse on BigQuery: reads with pandas-gbq, writes by staged load jobs and one publish transaction."""

from __future__ import annotations

import hashlib
import io
import itertools
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pandas_gbq
from google.api_core import exceptions as api
from google.api_core.retry import Retry, exponential_sleep_generator
from google.auth.exceptions import GoogleAuthError, TransportError
from google.cloud import bigquery
from requests.exceptions import RequestException

from skucast.backends.cloud_bigquery import BoundedClient, bigquery_client
from skucast.backends.warehouse import bigquery_sql as sql_of
from skucast.backends.warehouse.checks import BLANK, check_slice, missing_columns, read_rows, sales_sources
from skucast.backends.warehouse.protocol import NO_LIMITS, Limits
from skucast.backends.warehouse.refusals import already_loaded, lost_table, no_sales, no_sales_in_cloud
from skucast.backends.warehouse.staging import SHARD_CUTOFF, SHARD_TASK, joined_shards, shards_missing, staging_name
from skucast.core.combination import KEY
from skucast.core.errors import InputError, TableError, WarehouseError
from skucast.core.places import Endpoints
from skucast.core.tables.contract import ALL, Column, Table
from skucast.core.tables.records import LOADS, PUBLISHES, RUNS
from skucast.core.tables.sales import SALES
from skucast.core.tables.validation import empty, validate
from skucast.runtime.logs import log

if TYPE_CHECKING:
    import pandas as pd

    from skucast.core.combination import Combination
    from skucast.core.run import Run
    from skucast.core.weeks import WeekClock

DEFAULT_TIMEOUT_S = 60.0
"""Silence on one connection after which a request counts as lost."""

DEFAULT_DEADLINE_S = 300.0
"""Time for one operation with all its retries; the clients alone would wait for hours."""

PUBLISH_ATTEMPTS = 8
STAGING_DAYS = 2
"""Days after which BigQuery drops what a task staged for a publish that never came."""

_CONFLICT = ("concurrent update", "serialize access", "failed to commit", "transaction is aborted")
_LOST = (
    api.TooManyRequests,
    api.InternalServerError,
    api.BadGateway,
    api.ServiceUnavailable,
    api.GatewayTimeout,
    RequestException,
    ConnectionError,
    TransportError,  # on the way to the identity's token
)
_WRAPPERS = (pandas_gbq.gbq.GenericGBQException, pandas_gbq.exceptions.QueryTimeout)
_NO_IDENTITY = (api.Forbidden, api.Unauthorized, GoogleAuthError, pandas_gbq.exceptions.AccessDenied)
_FAILURES = (api.GoogleAPIError, *_NO_IDENTITY, *_LOST, TimeoutError, *_WRAPPERS)
_QUOTA = ("quotaExceeded", "rateLimitExceeded", "RateLimitExceeded", "Quota exceeded", "Exceeded rate limits")


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
    ) -> None:
        self._dataset_id = f"{project}.{dataset}"
        self._project = project
        self._names = dict(table_names)
        self._sales_columns = dict(sales_columns or {})
        self._endpoints = endpoints or Endpoints()
        self._timeout_s = timeout_s
        self._deadline_s = deadline_s
        self._retry = Retry(predicate=_is_passing, timeout=deadline_s, initial=0.2, maximum=10.0)
        self._job_retry = Retry(predicate=_is_lost, timeout=deadline_s, initial=0.2, maximum=10.0)
        self._cached_client: BoundedClient | None = None
        self._cached_location: str | None = None

    # --- the protocol ---------------------------------------------------------------------------------------------

    def ensure(self, table: Table) -> None:
        """Create the table if it is missing, add missing nullable columns; refuse a changed type (TableError)."""
        missing = self._missing_columns(table)
        if missing is None:
            self._create(table)
        elif missing:
            self._add_columns(table, missing)

    def exists(self, table: Table) -> bool:
        """Return whether the table is there; refuse a changed type (TableError)."""
        return self._missing_columns(table) is not None

    def probe(self, *, run: Run) -> None:
        """Load no rows into a staging table, change it in a transaction and drop it, or raise InputError."""
        staging = self._own_staging_id(RUNS, "probe", run)
        load = self._load(staging, RUNS, empty(RUNS), run)
        sql = sql_of.TRANSACTION.format(statements=f"DELETE FROM `{staging}` WHERE TRUE;")
        with self._explained("bigquery.tables.updateData", staging):
            self._run_sql(sql, [], f"skucast_probe_{_digest(load)}", "probe", self._until())
        self._drop(staging)

    def read(self, table: Table, *, since: Limits = NO_LIMITS, until: Limits = NO_LIMITS) -> pd.DataFrame:
        """Return the rows whose columns lie from `since` to `until` (by column; included), in key order."""
        present = self._schema(self._id(table))
        if present is None:
            return empty(table)
        conditions, parameters = [], []
        for end, operator, limits in (("since", ">=", since), ("until", "<=", until)):
            for column in map(table.column, limits):
                parameter = f"{end}_{column.name}"
                conditions.append(f"`{column.name}` {operator} @{parameter}")
                parameters.append(_scalar(parameter, column.type, limits[column.name]))
        columns = ", ".join(
            f"`{c.name}`" if c.name in present else f"CAST(NULL AS {c.type}) AS `{c.name}`" for c in table.columns
        )
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        order = f"ORDER BY {', '.join(f'`{name}`' for name in table.key)}" if table.key else ""
        sql = f"SELECT {columns} FROM `{self._id(table)}` {where} {order}"
        return read_rows(table, self._query_frame(sql, parameters, f"read {table.label}"))

    def weekly_sales(self, clock: WeekClock, until: date) -> pd.DataFrame:
        """Return sales up to day `until`, summed to one row per combination and week (see the protocol)."""
        present = self._schema(self._id(SALES))
        if present is None:
            raise no_sales_in_cloud(self._id(SALES))
        sql = sql_of.WEEKLY_SALES.format(table=self._id(SALES), blank=BLANK, **self._sales_expressions(present))
        parameters = [
            bigquery.ScalarQueryParameter("until", "DATE", until),
            bigquery.ScalarQueryParameter("end_weekday", "INT64", clock.end_weekday),
        ]
        weeks = self._query_frame(sql, parameters, "read sales")
        if not len(weeks):
            first = self._first_day(present)
            raise no_sales(self._id(SALES), until, first) if first else no_sales_in_cloud(self._id(SALES))
        return _plain_types(weeks)

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
        valid = validate(table, rows)
        check_slice(table, valid, partition, combinations)
        self.ensure(table)
        staging = self._own_staging_id(table, partition, run)
        load = self._load(staging, table, valid, run)
        statements = sql_of.PUBLISH.format(
            table=self._id(table),
            slice=f"'{ALL}'" if table.is_whole else f"old.`{table.partition}`",
            columns=_columns(table),
            staged=_staged_sql(table, staging),
            only=sql_of.ONLY if combinations is not None else "",
        )
        parameters = self._publish_parameters(table, partition, run, len(valid), combinations)
        job_id = f"publish_{_digest(run.run_id, table.label, partition, combinations, load)}"
        self._transact(table, statements, parameters, job_id, f"publish {table.label}")
        self._drop(staging)
        return len(valid)

    def published(self, table: Table, partition: object, *, run: Run) -> bool:
        """Return whether this run has published this slice, whoever has published it since."""
        return self._is_noted(
            table,
            sql_of.ONE_SLICE,
            bigquery.ScalarQueryParameter("partition_text", "STRING", str(partition)),
            bigquery.ScalarQueryParameter("run_id", "STRING", run.run_id),
        )

    def stage(self, table: Table, rows: pd.DataFrame, *, run: Run) -> None:
        """Load this task's rows into its staging table; the same rows again are the same job."""
        self._load(self._staging_id(table, run, run.task_index), table, validate(table, rows), run)

    def staged(self, table: Table, *, run: Run, tasks: Sequence[int] | None = None) -> pd.DataFrame:
        """Return what these tasks of the run (None = all of them) have staged, or raise ShardsMissing."""
        wanted = list(range(run.task_count) if tasks is None else tasks)
        missing = self._not_loaded(table, run, wanted)
        if missing:
            raise shards_missing(table, missing, run)
        columns = f"{_columns(table)}, {SHARD_CUTOFF}, {SHARD_TASK}"
        names = [self._staging_id(table, run, task) for task in wanted]
        sql = " UNION ALL ".join(f"SELECT {columns} FROM `{name}`" for name in names)
        try:
            rows = self._query_frame(sql, [], f"read staged {table.label}")
        except _Gone:  # another task has published and tidied up meanwhile
            raise shards_missing(table, self._not_loaded(table, run, wanted), run) from None
        return joined_shards(table, rows, run, wanted)

    def unstage(self, table: Table, *, run: Run) -> None:
        """Drop what the tasks of the run have staged for the table."""
        for task in range(run.task_count):
            self._drop(self._staging_id(table, run, task))

    def append_once(self, table: Table, rows: pd.DataFrame, *, batch_id: str, source: str, run: Run) -> int:
        """Append the rows unless the batch was appended before; return the rows written."""
        valid = validate(table, rows)
        self._refuse_known_batch(table, batch_id, source)
        self.ensure(table)
        self.ensure(LOADS)
        staging = f"{self._dataset_id}.staging_{self._names[table.label]}_{_digest(batch_id)}_0_of_1"
        load = self._load(staging, table, valid, run)
        statements = sql_of.APPEND.format(
            loads=self._id(LOADS),
            table=self._id(table),
            columns=_columns(table),
            staged=_staged_sql(table, staging),
            twice=_TWICE,
        )
        parameters = [
            *self._publish_parameters(table, f"batch {batch_id}", run, len(valid), None),
            bigquery.ScalarQueryParameter("batch_id", "STRING", batch_id),
            bigquery.ScalarQueryParameter("source", "STRING", source),
        ]
        job_id = f"append_{_digest(batch_id, run.run_id, table.label, load)}"
        try:
            self._transact(table, statements, parameters, job_id, f"append {table.label}")
        except _Twice:
            self._refuse_known_batch(table, batch_id, source)
        self._drop(staging)
        return len(valid)

    # --- tables ---------------------------------------------------------------------------------------------------

    def _look(self, table_id: str) -> bigquery.Table | None:
        with self._explained("bigquery.tables.get", table_id):
            try:
                return self._client.get_table(table_id, retry=self._retry, timeout=self._timeout_s)
            except api.NotFound:
                self._location()  # a dataset that is missing is another matter
                return None

    def _schema(self, table_id: str) -> dict[str, str] | None:
        """Types of the table's columns by name, None if there is no such table."""
        found = self._look(table_id)
        return None if found is None else _types(found)

    def _missing_columns(self, table: Table) -> list[str] | None:
        """The columns that the table lacks and may be given, None if there is no such table.

        Raises:
            TableError: it is otherwise made than its contract says.
            RunFailed: it is gone, but was published to.
        """
        found = self._look(self._id(table))
        if found is not None:
            self._refuse_otherwise_made(table, found)
            return missing_columns(table, self._id(table), _types(found), _column_types(table))
        if self._is_noted(table):
            raise lost_table(self._id(table), self._id(PUBLISHES))
        return None

    def _refuse_otherwise_made(self, table: Table, found: bigquery.Table) -> None:
        """Raise TableError for a view, for another partitioning, and for a required column that we do not fill."""
        if found.table_type != "TABLE":
            raise TableError(f"table {self._id(table)}: is a {found.table_type.lower()}, expected a table")
        foreign = [f.name for f in found.schema if f.mode == "REQUIRED" and f.name not in table.column_names]
        if foreign:
            raise TableError(f"table {self._id(table)}: column {foreign[0]} is required, but nobody fills it")
        is_by = found.time_partitioning.field if found.time_partitioning else None
        if _is_by_day(table) and is_by != table.partition:
            raise TableError(
                f"table {self._id(table)}: partitioned by {is_by or 'nothing'}, expected {table.partition}; "
                "every run would scan all of it: make it anew and copy its rows"
            )

    def _create(self, table: Table) -> None:
        definition = bigquery.Table(self._id(table), schema=[_field(column) for column in table.columns])
        definition.description = table.meaning
        if _is_by_day(table):
            definition.time_partitioning = bigquery.TimePartitioning(field=table.partition)
        if table.cluster:
            definition.clustering_fields = list(table.cluster[:4])
        with self._explained("bigquery.tables.create", self._id(table)):
            self._client.create_table(definition, exists_ok=True, retry=self._retry, timeout=self._timeout_s)
        log.info("table created", extra={"fields": {"table": self._id(table)}})

    def _add_columns(self, table: Table, names: Sequence[str]) -> None:
        with self._explained("bigquery.tables.update", self._id(table)):
            found = self._client.get_table(self._id(table), retry=self._retry, timeout=self._timeout_s)
            found.schema = [*found.schema, *(_field(table.column(name)) for name in names)]
            self._client.update_table(found, ["schema"], retry=self._retry, timeout=self._timeout_s)
        log.info("columns added", extra={"fields": {"table": self._id(table), "columns": ", ".join(names)}})

    # --- jobs -----------------------------------------------------------------------------------------------------

    def _load(self, staging_id: str, table: Table, rows: pd.DataFrame, run: Run) -> str:
        """Load the rows and the row that marks them into the staging table, whole or not at all.

        Return the id of the load, which is another for another content and another table of this name.
        """
        schema = [_field(column, nullable=True) for column in table.columns]
        schema += [bigquery.SchemaField(SHARD_CUTOFF, "DATE"), bigquery.SchemaField(SHARD_TASK, "INTEGER")]
        location = self._location()
        created = self._create_staging(staging_id, schema)
        payload = _parquet(table, rows, run)
        config = bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.PARQUET,
            schema=schema,
            write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE,
            create_disposition=bigquery.CreateDisposition.CREATE_NEVER,
        )

        def insert(job_id: str) -> Any:
            return self._client.load_table_from_file(
                io.BytesIO(payload),
                staging_id,
                size=len(payload),
                num_retries=0,
                job_id=job_id,
                location=location,
                job_config=config,
                timeout=self._timeout_s,
            )

        job_id = f"skucast_load_{_digest(staging_id, created)}_{hashlib.sha256(payload).hexdigest()[:24]}"
        with self._explained("bigquery.jobs.create", staging_id):
            self._finished(insert, job_id, staging_id, self._until())
        return job_id

    def _create_staging(self, staging_id: str, schema: Sequence[bigquery.SchemaField]) -> str:
        """Create the staging table if it is not there and return when it was created."""
        definition = bigquery.Table(staging_id, schema=schema)
        # By the clock of the day, not of the run: an expiry that lies in the past drops the table at once.
        definition.expires = datetime.now(UTC) + timedelta(days=STAGING_DAYS)
        with self._explained("bigquery.tables.create", staging_id):
            found = self._client.create_table(definition, exists_ok=True, retry=self._retry, timeout=self._timeout_s)
        return str(found.created)

    def _drop(self, staging_id: str) -> None:
        with self._explained("bigquery.tables.delete", staging_id):
            self._client.delete_table(staging_id, not_found_ok=True, retry=self._retry, timeout=self._timeout_s)

    def _not_loaded(self, table: Table, run: Run, tasks: Sequence[int]) -> list[int]:
        return [task for task in tasks if not self._is_loaded(self._staging_id(table, run, task))]

    def _is_loaded(self, staging_id: str) -> bool:
        with self._explained("bigquery.tables.get", staging_id):
            try:
                found = self._client.get_table(staging_id, retry=self._retry, timeout=self._timeout_s)
            except api.NotFound:
                return False
        return bool(found.num_rows)  # the row that marks the load makes it at least 1

    def _is_noted(self, table: Table, only: str = "", *values: Any) -> bool:
        """Whether a run has published the table, under this condition."""
        if self._schema(self._id(PUBLISHES)) is None:
            return False
        sql = sql_of.IS_NOTED.format(publishes=self._id(PUBLISHES), only=only)
        name = bigquery.ScalarQueryParameter("table_name", "STRING", self._names.get(table.label, table.name))
        return bool(self._query_frame(sql, [name, *values], "read publishes")["n"].iloc[0])

    def _transact(self, table: Table, statements: str, parameters: Sequence[Any], job_id: str, what: str) -> None:
        """Commit the statements, and that they were published, together; a conflict is tried again, up to a bound."""
        sql = sql_of.TRANSACTION.format(statements=statements)
        if not table.one_writer:
            self.ensure(PUBLISHES)
            seed, note = (text.format(publishes=self._id(PUBLISHES)) for text in (sql_of.SEED, sql_of.NOTE))
            sql = seed + sql_of.TRANSACTION.format(statements=statements + note)
        until = self._until()
        for attempt in range(PUBLISH_ATTEMPTS):
            try:
                with self._explained("bigquery.jobs.create", what):
                    self._run_sql(sql, parameters, f"skucast_{job_id}_{attempt}", what, until)
            except _Conflict:
                log.info(
                    "another publisher was first; trying again", extra={"fields": {"what": what, "attempt": attempt}}
                )
                time.sleep(random.uniform(0.5, 1.0) * min(2.0**attempt * 0.2, 20.0))
            else:
                return
        raise WarehouseError(f"{what}: conflicts with other publishers {PUBLISH_ATTEMPTS} times in a row; run it again")

    def _run_sql(self, sql: str, parameters: Sequence[Any], job_id: str, what: str, until: float) -> None:
        config = bigquery.QueryJobConfig(query_parameters=list(parameters), use_query_cache=False)
        location = self._location()

        def insert(name: str) -> Any:
            return self._client.query(
                sql,
                job_config=config,
                job_id=name,
                location=location,
                retry=_ONCE,
                job_retry=None,
                timeout=self._timeout_s,
            )

        self._finished(insert, job_id, what, until)

    def _finished(self, insert: Callable[[str], Any], job_id: str, what: str, until: float) -> None:
        """Insert the job, or find the one that an insert with a lost answer has made, and wait for its end.

        A job that failed had no effect. Where the service itself failed it, or an earlier try of this run has left it
        behind, another one, with another id, takes its place. A job that outlasts its time is cancelled.
        """
        names = (f"{job_id}_after_{failed}" if failed else job_id for failed in itertools.count())
        name = next(names)
        for pause_s in exponential_sleep_generator(0.2, 10.0):
            job = None
            try:
                job, is_new = self._inserted(insert, name)
                if is_new or job.error_result is None:
                    job.result(retry=self._job_retry.with_timeout(self._left(until)), timeout=self._left(until))
                    return
                name = next(names)
            except TimeoutError:
                self._cancel(job)
                raise
            except api.NotFound as error:
                raise WarehouseError(f"{what}: a table is gone; run it again ({_short(error)})") from None
            except _FAILURES as error:
                if not _is_lost(error):
                    raise
                if job is not None and job.error_result is not None:
                    name = next(names)
                if time.monotonic() + pause_s > until:
                    self._cancel(job)
                    raise api.RetryError(f"last: {_short(error)}", error) from None
                time.sleep(pause_s)

    def _inserted(self, insert: Callable[[str], Any], name: str) -> tuple[Any, bool]:
        """The job of this name, and whether it was not there before."""
        try:
            return insert(name), True
        except api.Conflict:
            found = self._client.get_job(name, retry=_ONCE, location=self._location(), timeout=self._timeout_s)
            return found, False

    def _cancel(self, job: Any) -> None:
        """Ask the service to end a job that nobody waits for any longer; it may have ended meanwhile."""
        if job is not None:
            with suppress(*_FAILURES):
                job.cancel(retry=_ONCE, timeout=self._timeout_s)

    def _until(self) -> float:
        return time.monotonic() + self._deadline_s

    def _left(self, until: float) -> float:
        return max(until - time.monotonic(), 0.001)

    def _query_frame(self, sql: str, parameters: Sequence[Any], what: str) -> pd.DataFrame:
        """Return the result of one query, read over the Storage API where there is one."""
        settings = {
            "query": {
                "parameterMode": "NAMED",
                "queryParameters": [parameter.to_api_repr() for parameter in parameters],
                "timeoutMs": int(self._deadline_s * 1000),
            }
        }
        client = self._client
        before = client.bytes_processed
        with self._explained("bigquery.jobs.create", what):
            rows: pd.DataFrame = pandas_gbq.read_gbq(
                sql,
                configuration=settings,
                bigquery_client=client,
                location=self._location(),
                use_bqstorage_api=client.has_storage_api,
                progress_bar_type=None,
            )
        fields = {"rows": len(rows), "bytes_processed": client.bytes_processed - before}
        log.info("%s", what, extra={"fields": fields})
        return rows

    # --- names and values -----------------------------------------------------------------------------------------

    def _refuse_known_batch(self, table: Table, batch_id: str, source: str) -> None:
        loads = self.read(LOADS)
        known = loads[(loads["table_name"] == self._names[table.label]) & (loads["batch_id"] == batch_id)]
        if len(known):
            first = known.iloc[0]
            raise already_loaded(source, str(first["source"]), first["loaded_at"])

    def _publish_parameters(
        self, table: Table, partition: Any, run: Run, n_rows: int, combinations: Sequence[Combination] | None
    ) -> list[Any]:
        kind = "STRING" if isinstance(partition, str) else table.column(str(table.partition)).type
        structs = [
            bigquery.StructQueryParameter(
                None, *(bigquery.ScalarQueryParameter(n, "STRING", v) for n, v in zip(KEY, c.parts, strict=True))
            )
            for c in combinations or []
        ]
        struct_type = bigquery.StructQueryParameterType(
            *(bigquery.ScalarQueryParameterType("STRING", name=name) for name in KEY)
        )
        return [
            bigquery.ScalarQueryParameter("partition", kind, partition),
            bigquery.ScalarQueryParameter("partition_text", "STRING", str(partition)),
            bigquery.ScalarQueryParameter("table_name", "STRING", self._names[table.label]),
            bigquery.ScalarQueryParameter("run_id", "STRING", run.run_id),
            bigquery.ScalarQueryParameter("n_rows", "INT64", n_rows),
            bigquery.ScalarQueryParameter("at", "TIMESTAMP", run.run_at.replace(tzinfo=UTC)),
            *([bigquery.ArrayQueryParameter("only", struct_type, structs)] if combinations is not None else []),
        ]

    def _first_day(self, present: Mapping[str, str]) -> date | None:
        """The day of the first sale, whenever that is."""
        import pandas as pd

        day = self._sales_expressions(present)["date"]
        found = self._query_frame(f"SELECT MIN({day}) AS first FROM `{self._id(SALES)}`", [], "find the first sale")
        first = pd.Timestamp(found["first"].iloc[0])
        return None if pd.isna(first) else first.date()

    def _sales_expressions(self, present: Mapping[str, str]) -> dict[str, str]:
        sources = sales_sources(self._id(SALES), self._sales_columns, present)
        expressions = {ours: "NULL" if name is None else f"`{name}`" for ours, name in sources.items()}
        if present[str(sources["date"])] != "DATE":  # a DATE stays bare, so that only its partitions are scanned
            expressions["date"] = f"CAST({expressions['date']} AS DATE)"
        return expressions

    def _id(self, table: Table) -> str:
        return f"{self._dataset_id}.{self._names.get(table.label, table.name)}"

    def _staging_id(self, table: Table, run: Run, task: int) -> str:
        return f"{self._dataset_id}.{staging_name(self._names.get(table.label, table.name), run, task)}"

    def _own_staging_id(self, table: Table, partition: object, run: Run) -> str:
        """Where a `replace` stages: no other task's, and no other slice's, even of the same run."""
        digest = _digest(run.task_id, partition)
        return f"{self._dataset_id}.staging_{self._names.get(table.label, table.name)}_{digest}_alone"

    def _location(self) -> str:
        if self._cached_location is None:
            with self._explained("bigquery.datasets.get", self._dataset_id):
                try:
                    found = self._client.get_dataset(self._dataset_id, retry=self._retry, timeout=self._timeout_s)
                except api.NotFound:
                    raise InputError(f"WAREHOUSE: there is no dataset {self._dataset_id}; create it first") from None
            self._cached_location = str(found.location)
        return self._cached_location

    @property
    def _client(self) -> BoundedClient:
        if self._cached_client is None:
            self._cached_client = bigquery_client(
                self._project, self._endpoints, timeout_s=self._timeout_s, deadline_s=self._deadline_s
            )
        return self._cached_client

    @contextmanager
    def _explained(self, permission: str, what: str) -> Iterator[None]:
        """Turn what the clients raise into one line that says what to do; 404 is often the caller's."""
        try:
            yield
        except api.NotFound:
            raise
        except _FAILURES as error:
            raise self._explanation(error, permission, what) from None

    def _explanation(self, error: BaseException, permission: str, what: str) -> Exception:
        """What the failure means; the text is one line."""
        cause = error.__cause__ if isinstance(error, _WRAPPERS) and error.__cause__ else error
        text = _short(cause)
        if isinstance(cause, api.Forbidden) and any(sign in str(cause) for sign in _QUOTA):
            return WarehouseError(f"{what}: over quota ({text}); run it again later")
        if _is_lost(cause) or isinstance(cause, (api.RetryError, TimeoutError)):
            return WarehouseError(f"{what}: no usable answer within {self._deadline_s:g} s ({text})")
        if isinstance(cause, _NO_IDENTITY):
            named = re.search(r"bigquery\.[a-z]+\.[A-Za-z]+", text)  # the service knows best, where it says so
            return InputError(f"{what}: {named[0] if named else permission} is missing or refused ({text})")
        if isinstance(cause, api.NotFound):
            return _Gone(f"{what}: a table is gone; run it again ({text})")
        if isinstance(cause, (api.BadRequest, api.Aborted)):
            if _is_conflict(cause):
                return _Conflict(f"{what}: another writer was first; run it again ({text})")
            return _Twice() if _TWICE in str(cause) else WarehouseError(f"{what}: refused ({text})")
        return WarehouseError(f"{what}: {text}")


class _NoSizes:
    """What pandas-gbq asks for the size of large results, only to recommend another product.

    On its own it makes one more client for that, without timeout and for the real service whatever ours talks to.
    """

    num_bytes = None

    def get_table(self, *_: object) -> _NoSizes:
        """Return a table of unknown size."""
        return self


pandas_gbq.gbq_connector.GbqConnector.get_client = lambda _: _NoSizes()


class _Conflict(WarehouseError):
    """Another transaction changed the same table first."""


class _Gone(WarehouseError):
    """A table that is read is not there."""


class _Twice(Exception):
    """The batch was appended by somebody else between the check and the transaction."""


_TWICE = "skucast: this batch was appended before"

_TYPES = {"FLOAT": "FLOAT64", "INTEGER": "INT64", "BOOLEAN": "BOOL"}
"""What the API calls SQL's types in a schema."""


_ONCE = Retry(predicate=lambda _: False)
"""No retry of the library's own: `_finished` looks for the job first."""


def _column_types(table: Table) -> dict[str, str]:
    return {column.name: column.type for column in table.columns}


def _types(found: bigquery.Table) -> dict[str, str]:
    return {field.name: _TYPES.get(field.field_type, field.field_type) for field in found.schema}


def _is_by_day(table: Table) -> bool:
    return table.partition is not None and table.column(table.partition).type == "DATE"


def _field(column: Column, *, nullable: bool = False) -> bigquery.SchemaField:
    mode = "NULLABLE" if nullable or column.nullable else "REQUIRED"
    description = f"{column.meaning} ({column.unit})"
    return bigquery.SchemaField(column.name, column.type, mode=mode, description=description)


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
    mark = pa.table({SHARD_CUTOFF: [run.cutoff], SHARD_TASK: [run.task_index]})
    target = io.BytesIO()
    pq.write_table(pa.concat_tables([data, mark], promote_options="default"), target)
    return target.getvalue()


def _with_utc(table: Table, rows: pd.DataFrame) -> pd.DataFrame:
    instants = [column.name for column in table.columns if column.type == "TIMESTAMP"]
    return rows.assign(**{name: rows[name].dt.tz_localize("UTC") for name in instants})


def _plain_types(weeks: pd.DataFrame) -> pd.DataFrame:
    """The weekly sums in the types that the history expects, whatever the reader made of them."""
    kinds = {
        **dict.fromkeys((*KEY, "spelling_min", "spelling_max"), "str"),
        **dict.fromkeys(("ds", "first_date", "last_date"), "datetime64[us]"),
        **dict.fromkeys(("quantity", "returns_quantity", "promo_discount_perc"), "float64"),
        **dict.fromkeys(
            ("promo_days", "selling_weekdays", "stock_days", "stockout_days", "n_lines", "n_bad_quantity"), "int64"
        ),
    }
    return weeks.astype(kinds)


def _scalar(name: str, kind: str, value: Any) -> bigquery.ScalarQueryParameter:
    return bigquery.ScalarQueryParameter(name, kind, value)


def _columns(table: Table) -> str:
    return ", ".join(f"`{name}`" for name in table.column_names)


def _staged_sql(table: Table, staging_id: str) -> str:
    return f"SELECT {_columns(table)} FROM `{staging_id}` WHERE {SHARD_TASK} IS NULL"


def _digest(*parts: object) -> str:
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:24]


def _is_lost(error: BaseException) -> bool:
    """Whether the request may have been lost on the way: worth another try, never a refusal."""
    return isinstance(error, _LOST) or (isinstance(error, GoogleAuthError) and error.retryable)


def _is_conflict(error: BaseException) -> bool:
    """Whether another writer was first; what was asked had no effect."""
    return isinstance(error, api.BadRequest | api.Aborted) and any(sign in str(error).lower() for sign in _CONFLICT)


def _is_passing(error: BaseException) -> bool:
    """Whether a call about a table is worth another try. A job is not simply asked for again after a conflict."""
    return _is_lost(error) or _is_conflict(error)


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
