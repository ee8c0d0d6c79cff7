"""The table of changes on every warehouse: a cutoff's bridge is replaced as a whole, and comes back as it was."""

from __future__ import annotations

import pandas as pd
from boards import CUTOFF, changes_of_board, revisions_of_board, small_board
from pandas.testing import assert_frame_equal

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.run import Run
from skucast.core.tables.changes import CHANGES, REVISIONS
from skucast.core.tables.validation import validate


def test_a_bridge_is_replaced_as_a_whole(warehouse: Warehouse, run: Run) -> None:
    """Sums without a method, combinations without a plan, numbers and sentences: the second time too."""
    rows = changes_of_board(small_board()).assign(run_id=run.run_id, created_at=pd.Timestamp(run.run_at))
    expected = validate(CHANGES, rows[[name for name in CHANGES.column_names if name in rows]])
    for _ in range(2):
        assert warehouse.replace(CHANGES, expected, CUTOFF.date(), run=run) == len(expected)
    found = warehouse.read(CHANGES)
    key = list(CHANGES.key)
    assert_frame_equal(
        found.sort_values(key, ignore_index=True), expected.sort_values(key, ignore_index=True), check_dtype=False
    )


def test_the_runs_of_one_cutoff_stand_beside_each_other(warehouse: Warehouse, run: Run) -> None:
    """What each of them changed comes back with its own name, under one cutoff that is replaced as a whole."""
    expected = validate(REVISIONS, revisions_of_board(small_board()))
    for _ in range(2):
        assert warehouse.replace(REVISIONS, expected, CUTOFF.date(), run=run) == len(expected)
    key = list(REVISIONS.key)
    found = warehouse.read(REVISIONS).sort_values(key, ignore_index=True)
    assert_frame_equal(found, expected.sort_values(key, ignore_index=True), check_dtype=False)
