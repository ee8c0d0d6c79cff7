"""Several tasks, one publish: each task stages its rows, the one that completes the set publishes them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from skucast.combination import Combination
from skucast.outcome import RunReport
from skucast.run import Run
from skucast.tables import Table
from skucast.warehouse import Warehouse


def is_staged(warehouse: Warehouse, table: Table, run: Run) -> bool:
    """Return whether this task has staged its rows already, before it was retried."""
    return run.task_count > 1 and run.task_index not in warehouse.missing_shards(table, run=run)


def write(
    warehouse: Warehouse,
    table: Table,
    rows: pd.DataFrame | None,
    partition: object,
    run: Run,
    report: RunReport,
    only: Sequence[Combination] | None = None,
) -> None:
    """Replace the slice by the rows of all tasks; a task that is not the last one only stages its own.

    `rows` is None for a task that has staged them before it was retried.
    """
    if run.task_count == 1 and rows is not None:
        report.n_rows = warehouse.replace(table, rows, partition, run=run, combinations=only)
        return
    if rows is not None:
        warehouse.stage(table, rows, run=run)
    if warehouse.published(table, partition, run=run):
        report.notes.append(f"{table.label}: another task has published them")
    elif set_is_complete(warehouse, table, run, report):
        report.n_rows = warehouse.publish(table, partition, run=run, combinations=only)


def set_is_complete(warehouse: Warehouse, table: Table, run: Run, report: RunReport) -> bool:
    """Return whether every task has staged its rows; if not, the report names the missing ones."""
    missing = warehouse.missing_shards(table, run=run)
    if missing:
        tasks = ", ".join(map(str, missing))
        report.notes.append(
            f"{table.label}: staged task {run.task_index}; not published before task {tasks} has staged too"
        )
    return not missing
