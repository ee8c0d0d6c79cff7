"""local-bigquery as it is, but quick: a script that the stand-ins' own Python runs, with local-bigquery's arguments.

Most of the server's time goes into DuckLake, which keeps every table as files of its own with a history that nothing
here asks for; into lists that DuckDB makes, before every statement, of everything it has, every earlier result
included; into keeping in tables what it knows of tables and jobs; and into running every query three times, twice of
them to know its columns. Here tables are DuckDB's own, in memory, it is asked about one table alone, the rest is kept
in memory, and a query is run once. What is answered is the same.
"""

from __future__ import annotations

import functools
import hashlib
import json
import sys
import threading
from importlib.util import find_spec
from typing import Any

import duckdb
import pyarrow as pa
from local_bigquery import cli, errors
from local_bigquery.catalog import metadata, names, tabledata, tables
from local_bigquery.engine import database, types
from local_bigquery.errors import not_found
from local_bigquery.jobs import query, store
from local_bigquery.models import Dataset, Table
from local_bigquery.sql import native
from local_bigquery.sql.rules import partitions

connect, list_objects = database._connect, database.objects
list_stored, save_stored, delete_stored = metadata.list_, metadata.save, metadata.delete
explained, write = errors.from_duckdb, tables.write
"""What is replaced below."""

VIEW = "SELECT 1 FROM duckdb_views() WHERE database_name = ? AND schema_name = ? AND view_name = ?"
REQUIRED = 'SELECT name FROM pragma_table_info(?) WHERE "notnull"'
MISSING = (duckdb.CatalogException, duckdb.BinderException)
"""What DuckDB says of a table, or of its dataset, that is not there."""


def attach(connection: Any, project_id: str) -> None:
    """Make the project, once."""
    connection.execute(f"ATTACH IF NOT EXISTS ':memory:' AS {database.quote(project_id)}")
    database._attached.add(project_id)


def from_duckdb(error: Exception, *where: Any) -> Any:
    """Return what the service says; of two writers who meet it says it in these words."""
    if "conflict" in str(error).lower():
        error = duckdb.Error("Transaction is aborted due to concurrent update against the table")
    return explained(error, *where)


def objects(project_id: str, dataset_id: str, table_id: str | None = None) -> list[tuple[str, str, int]]:
    """Return name, kind and number of rows of the dataset's tables and views, or of one of them."""
    if table_id is None:
        return list_objects(project_id, dataset_id)
    name = database.quote(project_id, dataset_id, table_id)
    with database.cursor() as cursor:
        if cursor.execute(VIEW, [project_id, dataset_id, table_id]).fetchone():
            return [(table_id, "VIEW", 0)]
        try:
            return [(table_id, "TABLE", cursor.execute(f"SELECT count(*) FROM {name}").fetchone()[0])]
        except MISSING:
            return []


def columns(project_id: str, dataset_id: str, table_id: str) -> list[Any]:
    """Return the columns of a table."""
    name = tables.name(project_id, dataset_id, table_id)
    with database.cursor() as cursor:
        try:
            found = cursor.sql(f"SELECT * FROM {name} LIMIT 0")
            required = {column for (column,) in cursor.execute(REQUIRED, [name]).fetchall()}
        except duckdb.CatalogException:
            raise not_found("Table", names.label(project_id, dataset_id, table_id)) from None
        return [
            types.field(name, kind, name in required)
            for name, kind in zip(found.columns, found.types, strict=True)
            if name != tables.INGESTION_TIME or dataset_id == tables.RESULTS
        ]


def is_hidden(table: Any) -> bool:
    """Return whether the table has a column that only its ingestion time is in."""
    if not (table.catalog and table.db and table.name):
        return False
    with database.cursor() as cursor:
        try:
            return tables.INGESTION_TIME in cursor.table(database.quote(table.catalog, table.db, table.name)).columns
        except MISSING:
            return False


class Looking:
    """A cursor that sees the columns of a query without running it: DuckDB runs what has parameters when asked."""

    def __init__(self, cursor: Any, query: str) -> None:
        self._cursor, self._query = cursor, query
        self._seen: Any = None

    def sql(self, query: str, params: Any = None) -> Any:
        """Return the result, without its rows if it is that of the query."""
        if query is not self._query or not params:
            return self._cursor.sql(query, params=params)
        if self._seen is None:
            self._seen = self._cursor.sql(f"SELECT * FROM ({query}) LIMIT 0", params=params)
        return self._seen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


def write_once(cursor: Any, query: str, *others: Any, **named: Any) -> bool:
    """Write the rows of a query, which is run for that alone."""
    return bool(write(Looking(cursor, query), query, *others, **named))


def normalized(texts: Any, forms: Any, folds: Any) -> Any:
    """Return the texts in their Unicode forms, of many rows at once: a call for each would take most of the time."""
    rows = zip(texts.to_pylist(), forms.to_pylist(), folds.to_pylist(), strict=True)
    return pa.array([None if None in row else native.normalize(*row) for row in rows], pa.string())


def register(connection: Any) -> None:
    """Add the functions that DuckDB does not have."""
    for name, (function, takes, gives) in native.FUNCTIONS.items():
        if function is native.normalize:
            connection.create_function(name, normalized, takes, gives, type="arrow")
        else:
            connection.create_function(name, function, takes, gives)


class Stored:
    """What the server keeps of datasets and tables besides their rows, in the order in which it came."""

    KINDS = (Dataset, Table)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._texts: dict[Any, dict[tuple[str, ...], str]] = {kind: {} for kind in self.KINDS}

    def list_(self, model: Any, *keys: str) -> list[Any]:
        """Return all whose names begin so."""
        if model not in self._texts:
            return list_stored(model, *keys)
        with self._lock:
            exact = self._texts[model].get(keys)
            several = [text for name, text in self._texts[model].items() if name[: len(keys)] == keys]
        return [model.model_validate_json(text) for text in ([exact] if exact else several)]

    def save(self, resource: Any, *keys: str) -> Any:
        """Keep it, with the hash of what it says."""
        if type(resource) not in self._texts:
            return save_stored(resource, *keys)
        body = {name: value for name, value in resource.dump().items() if name != "etag"}
        etag = hashlib.md5(json.dumps(body, sort_keys=True).encode()).hexdigest()
        with self._lock:
            self._texts[type(resource)][keys] = json.dumps(body | {"etag": etag})
        return resource.replace(etag=etag)

    def delete(self, model: Any, *keys: str) -> None:
        """Forget all whose names begin so, and who may do what with them."""
        with self._lock:
            kept = self._texts.get(model, {})
            for name in [name for name in kept if name[: len(keys)] == keys]:
                del kept[name]
        delete_stored(model, *keys)


@functools.cache
def connect_with_one_thread() -> Any:
    """Return the connection; the thread that asks works alone on its statement, which is quickest for small tables."""
    connection = connect()
    connection.execute("SET threads = 1")
    return connection


class Jobs:
    """The jobs of this server's life."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[tuple[str, str], Any] = {}

    def save(self, job: Any) -> Any:
        """Keep a job, or its new state."""
        with self._lock:
            self._jobs[job.jobReference.projectId, job.jobReference.jobId] = job.model_copy(deep=True)
        return job

    def load(self, project_id: str, job_id: str) -> Any:
        """Return a job, or None."""
        with self._lock:
            job = self._jobs.get((project_id, job_id))
        return None if job is None else job.model_copy(deep=True)


def serve() -> None:
    """Replace what is slow and serve until killed."""
    jobs, stored = Jobs(), Stored()
    if find_spec("pandas") is None:  # or DuckDB looks through all folders for it, twice for every value of a function
        pa.array([""])  # which looks for it the first time
        sys.modules["pandas"] = None
    database._attach, database._connect, database.objects = attach, connect_with_one_thread, objects
    database.projects = lambda: sorted(database._attached)
    tables.columns = tabledata.columns = columns
    partitions._hidden = is_hidden
    errors.from_duckdb = query.from_duckdb = from_duckdb
    metadata.list_, metadata.save, metadata.delete = stored.list_, stored.save, stored.delete
    store.save, store.load = jobs.save, jobs.load
    tables.write, native.register = write_once, register
    cli.main(sys.argv[1:])


if __name__ == "__main__":
    serve()
