"""Several tasks, one publish: each task stages its rows, and who finds the set complete publishes the rows of all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY, Combination
from skucast.core.errors import ShardsMissing
from skucast.core.quoting import listed
from skucast.core.rows import is_about
from skucast.core.run import Run
from skucast.core.tables.contract import Table
from skucast.runtime.outcome import RunReport

Failures = Callable[[pd.DataFrame], Mapping[Combination, str]]
"""Which combinations of these rows failed, and why."""


def rows_of_all_tasks(
    warehouse: Warehouse,
    table: Table,
    run: Run,
    report: RunReport,
    wanted: Sequence[Combination],
    make: Callable[[Sequence[Combination]], pd.DataFrame],
    failures: Failures = lambda _: {},
) -> pd.DataFrame | None:
    """Return the rows of all tasks of the run; None, and a note in the report, while some have not staged theirs.

    A task that is started again keeps the rows it has staged, and makes anew only those of combinations that failed.
    """
    if run.task_count == 1:
        return make(wanted)
    kept = own_rows(warehouse, table, run)
    if kept is None:
        warehouse.stage(table, make(wanted), run=run)
    elif failed := list(failures(kept)):
        warehouse.stage(table, pd.concat([_without(kept, failed), make(failed)], ignore_index=True), run=run)
    try:
        return warehouse.staged(table, run=run)
    except ShardsMissing as missing:
        tasks = listed(missing.tasks)
        report.notes.append(
            f"{table.label}: staged task {run.task_index}; not published before task {tasks} has staged too"
        )
        return None


def own_rows(warehouse: Warehouse, table: Table, run: Run) -> pd.DataFrame | None:
    """Return what this task has staged, before it was started again; None if that is nothing."""
    try:
        return warehouse.staged(table, run=run, tasks=[run.task_index])
    except ShardsMissing:
        return None


def is_published(
    warehouse: Warehouse, table: Table, partition: object, run: Run, report: RunReport, *, shards: Table
) -> bool:
    """Return whether this run has published the slice before this task was started (again).

    If so, the report says it, and `shards`, which may be left of an attempt that was killed, are dropped.
    """
    if not warehouse.published(table, partition, run=run):
        return False
    report.notes.append(f"{table.label}: this run has published them already; nothing was done again")
    drop_shards(warehouse, shards, run)
    return True


def drop_shards(warehouse: Warehouse, table: Table, run: Run) -> None:
    """Drop what the tasks of the run have staged, now that it is published."""
    if run.task_count > 1:
        warehouse.unstage(table, run=run)


def combinations_of(rows: pd.DataFrame) -> list[Combination]:
    """Return the combinations that the rows are about, each once, in their order."""
    return [Combination(*names) for names in rows[KEY].drop_duplicates().itertuples(index=False, name=None)]


def _without(rows: pd.DataFrame, combinations: Sequence[Combination]) -> pd.DataFrame:
    return rows[~is_about(rows, combinations)]
