"""local-bigquery as it is, but quick: a script that the stand-ins' own Python runs, with local-bigquery's arguments.

Half of the server's time goes into looking up, before every statement, which tables and columns there are, in lists
that DuckDB makes of everything it has, every earlier result included; and into keeping its jobs in a table. Here the
same is asked of the tables in which DuckLake keeps it, and jobs are kept in memory. What is answered is the same.
"""

from __future__ import annotations

import functools
import sys
import threading
from importlib.util import find_spec
from typing import Any

import duckdb
from local_bigquery import cli
from local_bigquery.catalog import names, tabledata, tables
from local_bigquery.engine import database, types
from local_bigquery.errors import not_found
from local_bigquery.jobs import store
from local_bigquery.sql.rules import partitions

connect, objects_by_duckdb = database._connect, database.objects
"""What is replaced below."""

TABLES = """
SELECT t.table_name, 'TABLE', coalesce(rows.record_count, 0)
FROM {lake}.ducklake_table AS t
JOIN {lake}.ducklake_schema AS s ON s.schema_id = t.schema_id AND s.end_snapshot IS NULL
LEFT JOIN {lake}.ducklake_table_stats AS rows ON rows.table_id = t.table_id
WHERE t.end_snapshot IS NULL AND s.schema_name = $1 AND ($2 IS NULL OR t.table_name = $2)
"""
VIEWS = """
SELECT v.view_name, 'VIEW', 0
FROM {lake}.ducklake_view AS v
JOIN {lake}.ducklake_schema AS s ON s.schema_id = v.schema_id AND s.end_snapshot IS NULL
WHERE v.end_snapshot IS NULL AND s.schema_name = $1 AND ($2 IS NULL OR v.view_name = $2)
"""
COLUMNS = """
SELECT c.column_name
FROM {lake}.ducklake_column AS c
JOIN {lake}.ducklake_table AS t ON t.table_id = c.table_id AND t.end_snapshot IS NULL
JOIN {lake}.ducklake_schema AS s ON s.schema_id = t.schema_id AND s.end_snapshot IS NULL
WHERE c.end_snapshot IS NULL AND s.schema_name = $1 AND t.table_name = $2
"""
REQUIRED = f"{COLUMNS} AND NOT c.nulls_allowed AND c.parent_column IS NULL"
IS_HIDDEN = f"{COLUMNS} AND c.column_name = $3"


def look_up(project_id: str, sql: str, *parameters: str | None) -> list[tuple[Any, ...]]:
    """Return what DuckLake's own tables say of the project."""
    lake = database.quote(f"__ducklake_metadata_{project_id}", "main")
    return database.fetch(sql.format(lake=lake), list(parameters))


def objects(project_id: str, dataset_id: str, table_id: str | None = None) -> list[tuple[str, str, int]]:
    """Return name, kind and number of rows of the dataset's tables and views, or of one of them."""
    if project_id not in database._attached:
        return objects_by_duckdb(project_id, dataset_id, table_id)
    found = look_up(project_id, TABLES, dataset_id, table_id)
    if table_id is None or not found:
        found += look_up(project_id, VIEWS, dataset_id, table_id)
    return sorted(found)


def columns(project_id: str, dataset_id: str, table_id: str) -> list[Any]:
    """Return the columns of a table."""
    required = set()
    if dataset_id != tables.RESULTS and project_id in database._attached:
        required = {name for (name,) in look_up(project_id, REQUIRED, dataset_id, table_id)}
    with database.cursor() as cursor:
        try:
            found = cursor.sql(f"SELECT * FROM {tables.name(project_id, dataset_id, table_id)} LIMIT 0")
        except duckdb.CatalogException:
            raise not_found("Table", names.label(project_id, dataset_id, table_id)) from None
        return [
            types.field(name, kind, name in required)
            for name, kind in zip(found.columns, found.types, strict=True)
            if name != tables.INGESTION_TIME or dataset_id == tables.RESULTS
        ]


def is_hidden(table: Any) -> bool:
    """Return whether the table has a column that only its ingestion time is in."""
    if table.catalog not in database._attached or not table.db or not table.name:
        return False
    return bool(look_up(table.catalog, IS_HIDDEN, table.db, table.name, tables.INGESTION_TIME))


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
    jobs = Jobs()
    if find_spec("pandas") is None:  # or DuckDB looks through all folders for it, twice for every value of a function
        sys.modules["pandas"] = None
    database.objects, database._connect = objects, connect_with_one_thread
    tables.columns = tabledata.columns = columns
    partitions._hidden = is_hidden
    store.save, store.load = jobs.save, jobs.load
    cli.main(sys.argv[1:])


if __name__ == "__main__":
    serve()
