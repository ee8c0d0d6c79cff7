"""The warehouse on BigQuery: reads with pandas-gbq, writes by staged load jobs and one publish transaction."""

from __future__ import annotations

import hashlib
import io
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pandas_gbq
from google.api_core import exceptions as api
from google.api_core.retry import Retry
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery
from requests.exceptions import RequestException

from skucast.cloud import Endpoints
from skucast.cloud_bigquery import BoundedClient, bigquery_client
from skucast.combination import KEY
from skucast.errors import InputError, WarehouseError
from skucast.logs import log
from skucast.tables import LOADS, PUBLISHES, RUNS, SALES, Column, Table, empty, validate
from skucast.warehouse import (
    BLANK,
    already_loaded,
    check_slice,
    incomplete,
    is_newest_publish,
    missing_columns,
    no_sales,
    read_rows,
    sales_sources,
    staging_name,
)

if TYPE_CHECKING:
    import pandas as pd

    from skucast.combination import Combination
    from skucast.run import Run
    from skucast.weeks import WeekClock

DEFAULT_TIMEOUT_S = 60.0
"""Silence on one connection after which a request counts as lost."""

DEFAULT_DEADLINE_S = 300.0
"""Time for one operation with all its retries; the clients alone would wait for hours."""

PUBLISH_ATTEMPTS = 8
STAGING_DAYS = 2
"""Days after which BigQuery drops what a task staged for a publish that never came."""

_SHARD_ROWS = "_shard_rows"
"""Set on the one row that a staging table holds beside its data: it is there if and only if the load is."""

_CONFLICT = ("concurrent update", "serialize access", "failed to commit", "transaction is aborted")
_LOST = (
    api.TooManyRequests,
    api.InternalServerError,
    api.BadGateway,
    api.ServiceUnavailable,
    api.GatewayTimeout,
    RequestException,
    ConnectionError,
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
        existing = self._schema(self._id(table))
        if existing is None:
            self._create(table)
            return
        missing = missing_columns(table, self._id(table), existing, _column_types(table))
        if missing:
            self._add_columns(table, missing)

    def exists(self, table: Table) -> bool:
        """Return whether the table is there; refuse a changed type (TableError)."""
        existing = self._schema(self._id(table))
        if existing is not None:
            missing_columns(table, self._id(table), existing, _column_types(table))
        return existing is not None

    def probe(self, *, run: Run) -> None:
        """Load no rows into a staging table and drop it, or raise InputError."""
        self._load(self._staging_id(RUNS, run, run.task_index), RUNS, empty(RUNS))
        self.unstage(RUNS, run=run)

    def read(self, table: Table, *, on: str | None = None, since: Any = None, until: Any = None) -> pd.DataFrame:
        """Return the rows whose column `on` lies from `since` to `until`, both included, in key order."""
        present = self._schema(self._id(table))
        if present is None:
            return empty(table)
        conditions, parameters = [], []
        for name, operator, value in (("since", ">=", since), ("until", "<=", until)):
            if value is not None and on is not None:
                conditions.append(f"`{table.column(on).name}` {operator} @{name}")
                parameters.append(bigquery.ScalarQueryParameter(name, table.column(on).type, value))
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
            raise no_sales(self._id(SALES))
        sql = _WEEKLY_SALES.format(table=self._id(SALES), blank=BLANK, **self._sales_expressions(present))
        parameters = [
            bigquery.ScalarQueryParameter("until", "DATE", until),
            bigquery.ScalarQueryParameter("end_weekday", "INT64", clock.end_weekday),
        ]
        weeks = self._query_frame(sql, parameters, "read sales")
        if not len(weeks):
            raise no_sales(self._id(SALES), until, self._first_day(present))
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
        alone = run.single()
        valid = validate(table, rows)
        check_slice(table, valid, partition, combinations)
        self.ensure(table)
        created = self._load(self._staging_id(table, alone, 0), table, valid)
        self._publish(table, partition, alone, [created], len(valid), combinations)
        return len(valid)

    def stage(self, table: Table, rows: pd.DataFrame, *, run: Run) -> None:
        """Load this task's rows into its staging table; the same rows again are the same job.

        The table to be published is made here: a publish never makes one.
        """
        valid = validate(table, rows)
        if table.label in self._names:
            self.ensure(table)
        self._load(self._staging_id(table, run, run.task_index), table, valid)

    def missing_shards(self, table: Table, *, run: Run) -> list[int]:
        """Return the tasks of the run whose staging table is not there or not loaded, by index."""
        shards = self._shards(table, run)
        return [task for task, name in enumerate(shards) if self._loaded(name) is None]

    def staged(self, table: Table, *, run: Run) -> pd.DataFrame:
        """Return the rows that the tasks of the run have staged so far."""
        shards = self._shards(table, run)
        loaded = [name for name in shards if self._loaded(name) is not None]
        return self._read_staged(table, loaded) if loaded else empty(table)

    def publish(
        self, table: Table, partition: object, *, run: Run, combinations: Sequence[Combination] | None = None
    ) -> int:
        """Replace one slice by what all tasks of the run have staged, in one transaction; return the rows written."""
        shards = self._shards(table, run)
        created = [self._loaded(name) for name in shards]
        if None in created:
            raise incomplete(table, [task for task, when in enumerate(created) if when is None], run)
        rows = self._read_staged(table, shards)  # validated as a whole: no key twice across tasks
        check_slice(table, rows, partition, combinations)
        self._publish(table, partition, run, created, len(rows), combinations)
        return len(rows)

    def _publish(
        self,
        table: Table,
        partition: object,
        run: Run,
        created: Sequence[str | None],
        n_rows: int,
        combinations: Sequence[Combination] | None,
    ) -> None:
        """Replace the slice by the loaded staging tables, told apart from earlier ones by when they were created."""
        shards = self._shards(table, run)
        self.ensure(PUBLISHES)
        statements = _PUBLISH.format(
            table=self._id(table),
            partition=table.partition,
            columns=", ".join(f"`{name}`" for name in table.column_names),
            staged=_staged_sql(table, shards),
            only=_ONLY if combinations is not None else "",
        )
        parameters = self._publish_parameters(table, partition, run, n_rows, combinations)
        job_id = f"publish_{_digest(run.run_id, table.label, partition, created)}"
        self._transact(statements, parameters, job_id, f"publish {table.label}")
        self.unstage(table, run=run)

    def published(self, table: Table, partition: object, *, run: Run) -> bool:
        """Return whether the newest publish of the table is this run's, of this slice."""
        return is_newest_publish(self.read(PUBLISHES), self._names[table.label], partition, run)

    def unstage(self, table: Table, *, run: Run) -> None:
        """Drop what the tasks of the run have staged for the table."""
        for name in self._shards(table, run):
            self._drop(name)

    def append_once(self, table: Table, rows: pd.DataFrame, *, batch_id: str, source: str, run: Run) -> int:
        """Append the rows unless the batch was appended before; return the rows written."""
        valid = validate(table, rows)
        self._refuse_known_batch(table, batch_id, source)
        self.ensure(table)
        self.ensure(LOADS)
        self.ensure(PUBLISHES)
        staging = f"{self._dataset_id}.staging_{self._names[table.label]}_{_digest(batch_id)}_0_of_1"
        created = self._load(staging, table, valid)
        statements = _APPEND.format(
            loads=self._id(LOADS),
            table=self._id(table),
            columns=", ".join(f"`{name}`" for name in table.column_names),
            staged=_staged_sql(table, [staging]),
            twice=_TWICE,
        )
        parameters = [
            *self._publish_parameters(table, f"batch {batch_id}", run, len(valid), None),
            bigquery.ScalarQueryParameter("batch_id", "STRING", batch_id),
            bigquery.ScalarQueryParameter("source", "STRING", source),
        ]
        job_id = f"append_{_digest(batch_id, run.run_id, table.label, created)}"
        try:
            self._transact(statements, parameters, job_id, f"append {table.label}")
        except _Twice:
            self._refuse_known_batch(table, batch_id, source)
        self._drop(staging)
        return len(valid)

    # --- tables ---------------------------------------------------------------------------------------------------

    def _schema(self, table_id: str) -> dict[str, str] | None:
        """Types of the table's columns by name, None if there is no such table."""
        with self._explained("bigquery.tables.get", table_id):
            try:
                found = self._client.get_table(table_id, retry=self._retry, timeout=self._timeout_s)
            except api.NotFound:
                self._location()  # a dataset that is missing is another matter
                return None
        return {field.name: _TYPES.get(field.field_type, field.field_type) for field in found.schema}

    def _create(self, table: Table) -> None:
        definition = bigquery.Table(self._id(table), schema=[_field(column) for column in table.columns])
        definition.description = table.meaning
        if table.partition is not None and table.column(table.partition).type == "DATE":
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

    def _load(self, staging_id: str, table: Table, rows: pd.DataFrame) -> str:
        """Load the rows and the row that counts them into the staging table, whole or not at all.

        Return when that table was created.
        """
        schema = [_field(column, nullable=True) for column in table.columns]
        schema.append(bigquery.SchemaField(_SHARD_ROWS, "INTEGER"))
        location = self._location()
        created = self._create_staging(staging_id, schema)
        payload = _parquet(table, rows)
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
            self._finished(insert, job_id, staging_id)
        return created

    def _create_staging(self, staging_id: str, schema: Sequence[bigquery.SchemaField]) -> str:
        """Create the staging table if it is not there and return when it was created."""
        definition = bigquery.Table(staging_id, schema=schema)
        # By the clock of the day, not of the run: an expiry that lies in the past drops the table at once.
        definition.expires = datetime.now(UTC) + timedelta(days=STAGING_DAYS)
        with self._explained("bigquery.tables.create", staging_id):
            found = self._client.create_table(definition, exists_ok=True, retry=self._retry, timeout=self._timeout_s)
        return str(found.created)

    def _read_staged(self, table: Table, staging_ids: Sequence[str]) -> pd.DataFrame:
        rows = self._query_frame(_staged_sql(table, staging_ids), [], f"read staged {table.label}")
        return validate(table, rows)

    def _drop(self, staging_id: str) -> None:
        with self._explained("bigquery.tables.delete", staging_id):
            self._client.delete_table(staging_id, not_found_ok=True, retry=self._retry, timeout=self._timeout_s)

    def _loaded(self, staging_id: str) -> str | None:
        """When the staging table was created, if it is there and loaded; else None."""
        with self._explained("bigquery.tables.get", staging_id):
            try:
                found = self._client.get_table(staging_id, retry=self._retry, timeout=self._timeout_s)
            except api.NotFound:
                return None
        return str(found.created) if found.num_rows else None  # the counting row makes it at least 1

    def _transact(self, statements: str, parameters: Sequence[Any], job_id: str, what: str) -> None:
        """Commit the statements and the publishes row together; a conflict is tried again, up to a bound."""
        sql = _TRANSACTION.format(publishes=self._id(PUBLISHES), statements=statements)
        for attempt in range(PUBLISH_ATTEMPTS):
            try:
                with self._explained("bigquery.jobs.create", what):
                    self._run_sql(sql, parameters, f"skucast_{job_id}_{attempt}", what)
            except _Conflict:
                log.info(
                    "another publisher was first; trying again", extra={"fields": {"what": what, "attempt": attempt}}
                )
                time.sleep(random.uniform(0.5, 1.0) * min(2.0**attempt * 0.2, 20.0))
            else:
                return
        raise WarehouseError(f"{what}: conflicts with other publishers {PUBLISH_ATTEMPTS} times in a row; run it again")

    def _run_sql(self, sql: str, parameters: Sequence[Any], job_id: str, what: str) -> None:
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

        self._finished(insert, job_id, what)

    def _finished(self, insert: Callable[[str], Any], job_id: str, what: str) -> None:
        """Insert the job, or find the one that an insert with a lost answer has made, and wait for its end.

        A job that failed had no effect. Where the service itself failed it, or an earlier try of this run has left it
        behind, another one, with another id, takes its place.
        """
        failed = 0

        def once() -> None:
            nonlocal failed
            name = f"{job_id}_after_{failed}" if failed else job_id
            try:
                job = insert(name)
            except api.Conflict:
                job = self._client.get_job(name, location=self._location(), timeout=self._timeout_s)
                if job.error_result is not None:
                    failed += 1
                    return once()
            try:
                job.result(retry=self._job_retry, timeout=self._deadline_s)
            except _LOST:
                failed += job.error_result is not None
                raise
            return None

        try:
            self._job_retry(once)()
        except api.NotFound as error:
            raise WarehouseError(f"{what}: a table is gone; run it again ({_short(error)})") from None

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

    def _shards(self, table: Table, run: Run) -> list[str]:
        """The staging table of every task of the run, by index."""
        return [self._staging_id(table, run, task) for task in range(run.task_count)]

    def _staging_id(self, table: Table, run: Run, task: int) -> str:
        return f"{self._dataset_id}.{staging_name(self._names.get(table.label, table.name), run, task)}"

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
        if isinstance(cause, _NO_IDENTITY):
            return InputError(f"{what}: {permission} is missing or refused ({text})")
        if isinstance(cause, (api.BadRequest, api.Aborted)):
            if _is_conflict(cause):
                return _Conflict(f"{what}: another writer was first; run it again ({text})")
            return _Twice() if _TWICE in str(cause) else WarehouseError(f"{what}: refused ({text})")
        if isinstance(cause, (*_LOST, api.RetryError, TimeoutError)):
            return WarehouseError(f"{what}: no usable answer within {self._deadline_s:g} s ({text})")
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


class _Twice(Exception):
    """The batch was appended by somebody else between the check and the transaction."""


_TWICE = "skucast: this batch was appended before"

_TYPES = {"FLOAT": "FLOAT64", "INTEGER": "INT64", "BOOLEAN": "BOOL"}
"""What the API calls SQL's types in a schema."""


_ONCE = Retry(predicate=lambda _: False)
"""No retry of the library's own: `_finished` looks for the job first."""


def _column_types(table: Table) -> dict[str, str]:
    return {column.name: column.type for column in table.columns}


def _field(column: Column, *, nullable: bool = False) -> bigquery.SchemaField:
    mode = "NULLABLE" if nullable or column.nullable else "REQUIRED"
    description = f"{column.meaning} ({column.unit})"
    return bigquery.SchemaField(column.name, column.type, mode=mode, description=description)


def _parquet(table: Table, rows: pd.DataFrame) -> bytes:
    """The rows as Parquet, and one more that holds nothing but their number."""
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
    data = data.append_column(_SHARD_ROWS, pa.nulls(len(rows), pa.int64()))
    counting = pa.table(
        {**{name: pa.nulls(1, data.schema.field(name).type) for name in schema.names}, _SHARD_ROWS: [len(rows)]}
    )
    target = io.BytesIO()
    pq.write_table(pa.concat_tables([data, counting.cast(data.schema)]), target)
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
        **dict.fromkeys(("promo_days", "stock_days", "stockout_days", "n_lines", "n_bad_quantity"), "int64"),
    }
    return weeks.astype(kinds)


def _staged_sql(table: Table, staging_ids: Sequence[str]) -> str:
    columns = ", ".join(f"`{name}`" for name in table.column_names)
    return " UNION ALL ".join(f"SELECT {columns} FROM `{name}` WHERE {_SHARD_ROWS} IS NULL" for name in staging_ids)


def _digest(*parts: object) -> str:
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:24]


def _is_lost(error: BaseException) -> bool:
    """Whether the request may have been lost on the way: worth another try, never a refusal."""
    return isinstance(error, _LOST)


def _is_conflict(error: BaseException) -> bool:
    """Whether another writer was first; what was asked had no effect."""
    return isinstance(error, api.BadRequest | api.Aborted) and any(sign in str(error).lower() for sign in _CONFLICT)


def _is_passing(error: BaseException) -> bool:
    """Whether a call about a table is worth another try. A job is not simply asked for again after a conflict."""
    return _is_lost(error) or _is_conflict(error)


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]


_TRANSACTION = """
INSERT INTO `{publishes}` (table_name, partition_value, run_id, n_rows, published_at)
SELECT @table_name, '', '', 0, @at
FROM (SELECT 1) WHERE NOT EXISTS (SELECT 1 FROM `{publishes}` WHERE table_name = @table_name);
BEGIN TRANSACTION;
{statements}
DELETE FROM `{publishes}` WHERE table_name = @table_name;
INSERT INTO `{publishes}` (table_name, partition_value, run_id, n_rows, published_at)
VALUES (@table_name, @partition_text, @run_id, @n_rows, @at);
COMMIT TRANSACTION;
"""
"""The row put in first is what two first publishers both delete, and so conflict over.

A script that ends with an error is rolled back by the service. A handler of our own must not do it: when it is the
COMMIT that failed there is nothing to roll back, and its own error would hide the conflict.
"""

_PUBLISH = """
DELETE FROM `{table}` AS old WHERE old.`{partition}` = @partition {only};
INSERT INTO `{table}` ({columns}) {staged};
"""

_ONLY = """AND EXISTS (
    SELECT 1 FROM UNNEST(@only) AS wanted
    WHERE wanted.unit = old.unit AND wanted.channel = old.channel AND wanted.SKU_ID = old.SKU_ID
)"""

_APPEND = """
ASSERT NOT EXISTS (SELECT 1 FROM `{loads}` WHERE table_name = @table_name AND batch_id = @batch_id)
AS '{twice}';
INSERT INTO `{table}` ({columns}) {staged};
INSERT INTO `{loads}` (batch_id, table_name, source, n_rows, loaded_at)
VALUES (@batch_id, @table_name, @source, @n_rows, @at);
"""

_WEEKLY_SALES = """
WITH lines AS (
    SELECT
        {date} AS day,
        REGEXP_REPLACE(NORMALIZE(CAST({unit} AS STRING), NFC), r'^{blank}+|{blank}+$', '') AS unit,
        REGEXP_REPLACE(NORMALIZE(CAST({channel} AS STRING), NFC), r'^{blank}+|{blank}+$', '') AS channel,
        REGEXP_REPLACE(NORMALIZE(CAST({SKU_ID} AS STRING), NFC), r'^{blank}+|{blank}+$', '') AS sku,
        ARRAY_TO_STRING([CAST({unit} AS STRING), CAST({channel} AS STRING), CAST({SKU_ID} AS STRING)], '/') AS spelling,
        CASE
            WHEN IS_NAN(CAST({quantity} AS FLOAT64)) OR IS_INF(CAST({quantity} AS FLOAT64)) THEN NULL
            ELSE CAST({quantity} AS FLOAT64)
        END AS quantity,
        CAST({Promo_discount_perc} AS FLOAT64) AS discount,
        CAST({stock} AS FLOAT64) AS stock
    FROM `{table}`
    WHERE {date} <= @until OR {date} IS NULL
), days AS (
    SELECT
        day, unit, channel, sku,
        SUM(quantity) AS quantity,
        SUM(GREATEST(-quantity, 0)) AS returns_quantity,
        AVG(IF(quantity > 0, COALESCE(discount, 0), NULL)) AS discount,
        MAX(stock) AS stock,
        COUNT(*) AS n_lines,
        COUNTIF(quantity IS NULL) AS n_bad_quantity,
        MIN(spelling) AS spelling_min,
        MAX(spelling) AS spelling_max
    FROM lines
    GROUP BY day, unit, channel, sku
), labelled AS (
    SELECT
        *,
        DATE_ADD(day, INTERVAL MOD(@end_weekday - MOD(EXTRACT(DAYOFWEEK FROM day) + 5, 7) + 7, 7) DAY) AS ds
    FROM days
)
SELECT
    unit, channel, sku AS SKU_ID, ds,
    COALESCE(SUM(quantity), 0) AS quantity,
    COALESCE(SUM(returns_quantity), 0) AS returns_quantity,
    COALESCE(AVG(discount), 0) AS promo_discount_perc,
    COUNTIF(discount > 0) AS promo_days,
    COUNT(stock) AS stock_days,
    COUNTIF(stock <= 0) AS stockout_days,
    COALESCE(MIN(IF(quantity + returns_quantity > 0, day, NULL)), MIN(day)) AS first_date,
    MAX(day) AS last_date,
    SUM(n_lines) AS n_lines,
    SUM(n_bad_quantity) AS n_bad_quantity,
    MIN(spelling_min) AS spelling_min,
    MAX(spelling_max) AS spelling_max
FROM labelled
GROUP BY unit, channel, sku, ds
ORDER BY unit, channel, SKU_ID, ds
"""
