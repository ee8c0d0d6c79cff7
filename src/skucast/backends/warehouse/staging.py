"""Where the tasks of one run keep their rows until all have theirs: names, marks, the joined set."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from skucast.core.errors import RunFailed, ShardsMissing
from skucast.core.tables.validation import validate

if TYPE_CHECKING:
    import pandas as pd

    from skucast.core.run import Run
    from skucast.core.tables.contract import Table


SHARD_CUTOFF, SHARD_TASK, SHARD_READ_AT = "_shard_cutoff", "_shard_task", "_shard_read_at"
"""Set on the one row that a staging table holds beside its data: cutoff and number of its task, since when it had read.

The row is there if and only if the task has staged, also where it had nothing to stage.
"""


STAGING_DAYS = 2
"""Days after which what a task has staged for a publish that never came is dropped."""

STAGED = r"staging_.*_[0-9a-f]{16}_[0-9]+_of_[0-9]+"
"""What `staging_name` gives, as a regular expression."""


def staging_name(table_name: str, run: Run, task_index: int) -> str:
    """Return the table that one task's rows wait in: the same for a repeat, another for every run and table."""
    digest = hashlib.sha256(f"{run.run_id}|{table_name}".encode()).hexdigest()[:16]
    return f"staging_{table_name}_{digest}_{task_index}_of_{run.task_count}"


def shards_missing(table: Table, tasks: Sequence[int], run: Run) -> ShardsMissing:
    """Return the error for tasks that have not staged their rows."""
    names = ", ".join(map(str, tasks))
    return ShardsMissing(f"table {table.label}: task {names} of {run.task_count} has not staged its rows", tasks)


def joined_shards(table: Table, read: pd.DataFrame, run: Run, tasks: Sequence[int]) -> pd.DataFrame:
    """Return the rows of these tasks, read from their staging tables with the rows that mark them, in key order.

    The run has then read its inputs since the first of these tasks read theirs.

    Raises:
        ShardsMissing: a mark is missing: the task has not staged, or its rows were dropped meanwhile.
        RunFailed: a task is about another cutoff.
        ContractError: two tasks have staged the same key.
    """
    import pandas as pd

    marks = read[read[SHARD_TASK].notna()]
    missing = sorted(set(tasks) - set(marks[SHARD_TASK].astype(int)))
    if missing:
        raise shards_missing(table, missing, run)
    cutoffs = sorted({*pd.to_datetime(marks[SHARD_CUTOFF]).dt.date, run.cutoff})
    if len(cutoffs) > 1:
        raise RunFailed(
            f"table {table.label}: the tasks of this run are about the cutoffs {' and '.join(map(str, cutoffs))}, "
            "because a week ended while they ran; run all of them again with AS_OF set"
        )
    for moment in pd.to_datetime(marks[SHARD_READ_AT], utc=True).dropna():
        run.reads(since=moment.tz_localize(None).to_pydatetime())
    rows = validate(table, read.loc[read[SHARD_TASK].isna(), table.column_names])
    return rows.sort_values(list(table.key), ignore_index=True)
