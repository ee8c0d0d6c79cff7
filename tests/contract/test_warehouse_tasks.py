"""What every warehouse promises when several tasks prepare one publish."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pytest
from builders import CUTOFF
from pandas.testing import assert_frame_equal
from small_table import PERM, QUOTED, SMALL, THIRD, missing, small

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.errors import ContractError, RunFailed, ShardsMissing
from skucast.core.run import Run
from skucast.core.tables.records import REGISTRY
from skucast.core.tables.validation import empty, validate


def tasks(run: Run, count: int = 3) -> list[Run]:
    """Return the tasks of one execution."""
    return [replace(run, task_index=index, task_count=count) for index in range(count)]


def test_tasks_that_have_not_staged_are_named(warehouse: Warehouse, run: Run) -> None:
    """By index, of this run and this table only; a task without combinations has staged too."""
    first, second, third = tasks(run)
    assert missing(warehouse, first) == [0, 1, 2]
    warehouse.stage(SMALL, small(1.0, [PERM]), run=second)
    assert missing(warehouse, first) == [0, 2]
    assert missing(warehouse, first, REGISTRY) == [0, 1, 2]
    assert missing(warehouse, replace(first, run_id="other")) == [0, 1, 2]
    warehouse.stage(SMALL, empty(SMALL), run=third)
    with pytest.raises(ShardsMissing, match="task 0 of 3 has not staged its rows"):
        warehouse.staged(SMALL, run=first)


def test_a_complete_set_is_read_as_one(warehouse: Warehouse, run: Run) -> None:
    """In key order; a task that staged twice counts with its last rows; each task's own can be read before."""
    first, second, third = tasks(run)
    warehouse.stage(SMALL, small(4.0, [PERM, THIRD]), run=third)
    warehouse.stage(SMALL, small(2.0, [QUOTED, THIRD]), run=first)
    warehouse.stage(SMALL, small(3.0, [QUOTED]), run=first)
    assert warehouse.staged(SMALL, run=first, tasks=[0])["yhat"].tolist() == [3.0]
    assert warehouse.staged(SMALL, run=second, tasks=[2])["yhat"].tolist() == [4.0, 4.0]
    warehouse.stage(SMALL, empty(SMALL), run=second)
    expected = pd.concat([small(3.0, [QUOTED]), small(4.0, [PERM, THIRD])], ignore_index=True)
    assert_frame_equal(warehouse.staged(SMALL, run=second), validate(SMALL, expected).sort_values(list(SMALL.key)))
    assert len(warehouse.staged(SMALL, run=second, tasks=[1])) == 0


def test_tasks_of_different_weeks_are_no_set(warehouse: Warehouse, run: Run) -> None:
    """A week ended between the start of one task and another's: both cutoffs are named, and what to set."""
    first, second = tasks(run, 2)
    warehouse.stage(SMALL, empty(SMALL), run=first)
    later = replace(second, cutoff=CUTOFF + timedelta(weeks=1))
    warehouse.stage(SMALL, empty(SMALL), run=later)
    for task in (first, later):
        with pytest.raises(RunFailed, match=r"cutoffs 2026-11-22 and 2026-11-29.*AS_OF"):
            warehouse.staged(SMALL, run=task)


def test_tasks_with_the_same_key_are_refused(warehouse: Warehouse, run: Run) -> None:
    """Two tasks forecast one combination."""
    first, second = tasks(run, 2)
    warehouse.stage(SMALL, small(2.0, [PERM, THIRD]), run=first)
    warehouse.stage(SMALL, small(3.0, [PERM]), run=second)
    with pytest.raises(ContractError, match="1 rows repeat a key"):
        warehouse.staged(SMALL, run=second)


def test_rows_that_do_not_fit_are_not_staged(warehouse: Warehouse, run: Run) -> None:
    """The task counts as missing."""
    first, second = tasks(run, 2)
    warehouse.stage(SMALL, small(1.0), run=first)
    with pytest.raises(ContractError, match="yhat"):
        warehouse.stage(SMALL, small(float("inf")), run=second)
    assert missing(warehouse, first) == [1]


def test_what_was_staged_can_be_dropped(warehouse: Warehouse, run: Run) -> None:
    """All tasks' rows of this run and table, once or twice; another run's stay."""
    first, second = tasks(run, 2)
    other = replace(second, run_id="other")
    for task in (first, second, other):
        warehouse.stage(SMALL, small(1.0, [PERM]), run=task)
    warehouse.unstage(SMALL, run=second)
    warehouse.unstage(SMALL, run=first)
    assert missing(warehouse, first) == [0, 1]
    assert missing(warehouse, other) == [0]
