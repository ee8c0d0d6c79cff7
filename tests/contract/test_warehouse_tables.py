"""What every warehouse promises of tables and of reading them, whatever is behind it."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from builders import CUTOFF, sunday
from pandas.testing import assert_frame_equal
from small_table import PERM, QUOTED, SMALL, forecasts, missing, small

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.errors import ContractError, TableError
from skucast.core.run import Run
from skucast.core.tables.contract import Check, Column, Table
from skucast.core.tables.every import TABLES
from skucast.core.tables.records import RUNS
from skucast.core.tables.validation import empty

# --- ensure ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.label)
def test_every_contract_makes_a_table(warehouse: Warehouse, table: Table) -> None:
    """Created once or twice, the table is empty and has the contract's columns and types."""
    warehouse.ensure(table)
    warehouse.ensure(table)
    assert_frame_equal(warehouse.read(table), empty(table))


def test_ensure_adds_a_new_nullable_column(warehouse: Warehouse, run: Run) -> None:
    """Rows that were there before stay and hold NULL in it, also for who reads before the column is there."""
    warehouse.replace(SMALL, small(1.0), CUTOFF, run=run)
    wider = replace(SMALL, columns=(*SMALL.columns, Column("reason", "STRING", "text", "new", nullable=True)))
    before = warehouse.read(wider)
    warehouse.ensure(wider)
    assert_frame_equal(warehouse.read(wider), before)
    assert before["yhat"].tolist() == [1.0, 1.0]
    assert before["reason"].isna().all()


def test_ensure_refuses_a_new_required_column(warehouse: Warehouse) -> None:
    """There is no value that old rows could hold."""
    warehouse.ensure(SMALL)
    wider = replace(SMALL, columns=(*SMALL.columns, Column("reason", "STRING", "text", "new")))
    for refused in (warehouse.ensure, warehouse.exists, lambda table: warehouse.look_at([table], [])):
        with pytest.raises(TableError, match="lacks the required column reason"):
            refused(wider)
    assert_frame_equal(warehouse.read(SMALL), empty(SMALL))


def test_ensure_spells_out_a_changed_type(warehouse: Warehouse, run: Run) -> None:
    """Table, column, what it is and what was expected; nothing is changed, and `replace` refuses as well."""
    warehouse.replace(SMALL, small(1.0), CUTOFF, run=run)
    columns = [replace(column, type="STRING") if column.name == "yhat" else column for column in SMALL.columns]
    changed = replace(SMALL, columns=tuple(columns))
    for refused in (warehouse.ensure, warehouse.exists, lambda table: warehouse.look_at([table], [])):
        with pytest.raises(TableError, match=rf"{SMALL.name}: yhat is \w+, expected \w+"):
            refused(changed)
    with pytest.raises(ContractError, match="yhat"):
        warehouse.replace(changed, small(2.0).assign(yhat="much"), CUTOFF, run=run)
    assert forecasts(warehouse) == {PERM: 1.0, QUOTED: 1.0}


def test_looking_makes_nothing(warehouse: Warehouse, run: Run) -> None:
    """A table is not there, before and after a look and a test of writing; once made it is."""
    assert not warehouse.exists(RUNS)
    warehouse.probe(run=run)
    assert not warehouse.exists(RUNS)
    warehouse.ensure(RUNS)
    warehouse.probe(run=run)
    assert warehouse.exists(RUNS)
    assert missing(warehouse, run, RUNS) == [0]


# --- read -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.label)
def test_a_missing_table_has_no_rows(warehouse: Warehouse, table: Table) -> None:
    """It reads as empty in the contract's columns and types, with or without a condition."""
    assert_frame_equal(warehouse.read(table), empty(table))
    assert_frame_equal(warehouse.read(table, since={table.column_names[0]: CUTOFF}), empty(table))


def test_what_is_written_is_read(warehouse: Warehouse, run: Run) -> None:
    """Every type keeps its values, NULLs stay NULLs; NaN is NULL; rows come in key order, dates without a time zone."""
    rows = small(1.5).assign(
        seen_at=[pd.Timestamp("2026-11-25T19:00:00.123456"), pd.NaT],
        is_open=pd.array([True, None], dtype="boolean"),
        count=pd.array([2**53 + 1, None], dtype="Int64"),
        note=["ё \"'%_;\\ \n", None],
        yhat=[0.1, 1e300],
    )
    warehouse.replace(SMALL, rows.iloc[::-1], CUTOFF, run=run)
    read = warehouse.read(SMALL)
    expected = rows.assign(
        cutoff=pd.Timestamp(CUTOFF), ds=pd.Timestamp(CUTOFF) + pd.Timedelta(weeks=1), note=rows["note"].astype("str")
    )
    assert_frame_equal(read, expected[SMALL.column_names].astype(empty(SMALL).dtypes))


def test_an_undefined_number_is_null(warehouse: Warehouse, run: Run) -> None:
    """NaN goes in as NULL: nothing in the table compares or sums as NaN."""
    table = replace(
        SMALL, columns=tuple(replace(column, nullable=column.name == "yhat") for column in SMALL.columns[:6])
    )
    warehouse.replace(table, small(float("nan")), CUTOFF, run=run)
    assert warehouse.read(table)["yhat"].isna().all()
    assert len(warehouse.read(table, since={"yhat": -1e308})) == 0


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [(None, None, [3, 2, 1, 0]), (2, None, [2, 1, 0]), (None, 1, [3, 2, 1]), (2, 1, [2, 1]), (1, 2, [])],
)
def test_read_takes_rows_from_since_to_until(
    warehouse: Warehouse, run: Run, since: int | None, until: int | None, expected: list[int]
) -> None:
    """Both ends are included, without one the end is open; numbers are weeks before the cutoff."""
    for week in range(4):
        warehouse.replace(SMALL, small(float(week), [PERM], sunday(week)), sunday(week), run=run)
    first = {} if since is None else {"cutoff": sunday(since)}
    last = {} if until is None else {"cutoff": sunday(until)}
    assert warehouse.read(SMALL, since=first, until=last)["yhat"].tolist() == expected


def test_read_limits_several_columns_at_once(warehouse: Warehouse, run: Run) -> None:
    """Cutoffs of 0 to 3 weeks ago, each about the week after it: cutoffs from 2 weeks ago on, weeks up to 1 ago."""
    for week in range(4):
        warehouse.replace(SMALL, small(float(week), [PERM], sunday(week)), sunday(week), run=run)
    assert warehouse.read(SMALL, since={"cutoff": sunday(2)}, until={"ds": sunday(1)})["yhat"].tolist() == [2.0]
    limits = {"cutoff": sunday(3), "ds": sunday(1)}
    assert warehouse.read(SMALL, since=limits, until={"cutoff": sunday(1)})["yhat"].tolist() == [2.0, 1.0]


def test_read_takes_the_columns_that_are_named(warehouse: Warehouse, run: Run) -> None:
    """They come in the contract's order, rows in key order, limited by columns that are not among them."""
    rows = small(1.0, [PERM, QUOTED]).assign(yhat=[1.0, 2.0], note=["first", None])
    warehouse.replace(SMALL, rows, CUTOFF, run=run)
    whole = warehouse.read(SMALL)
    assert_frame_equal(warehouse.read(SMALL, ["note", "yhat", "unit"]), whole[["unit", "yhat", "note"]])
    found = warehouse.read(SMALL, ["note"], since={"yhat": 1.5}, until={"cutoff": CUTOFF})
    assert found["note"].isna().tolist() == [True]
    assert_frame_equal(warehouse.read(RUNS, ["job", "run_at"]), empty(RUNS)[["job", "run_at"]])


def test_columns_that_are_read_are_checked(warehouse: Warehouse, run: Run) -> None:
    """A rule about some of them holds for these, also where the others are not read."""
    warehouse.replace(SMALL, small(-1.0, [PERM]), CUTOFF, run=run)
    positive = Check("yhat is at least 0", lambda rows: rows["yhat"] >= 0, of=("yhat",))
    table = replace(SMALL, checks=(positive,))
    assert len(warehouse.read(table, ["unit"])) == 1
    with pytest.raises(TableError, match="yhat is at least 0"):
        warehouse.read(table, ["yhat"])


def test_read_compares_texts_and_numbers_too(warehouse: Warehouse, run: Run) -> None:
    """One unit with quotes in its name; a least value."""
    warehouse.replace(SMALL, small(1.0).assign(yhat=[1.0, 2.0]), CUTOFF, run=run)
    named = warehouse.read(SMALL, since={"unit": QUOTED.unit}, until={"unit": QUOTED.unit})
    assert named["SKU_ID"].tolist() == [QUOTED.sku_id]
    assert warehouse.read(SMALL, since={"yhat": 1.5})["unit"].tolist() == [PERM.unit]
