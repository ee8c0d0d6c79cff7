"""A table that was published to and is gone is said to whoever asks for it, reader or writer; every warehouse."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
from builders import CUTOFF, line
from rigs import drop_table
from small_table import SMALL, lines, small

from skucast.backends.warehouse.protocol import Meeting, Warehouse
from skucast.core.errors import InputError, LostTable
from skucast.core.run import Run
from skucast.core.tables.contract import ALL, Table
from skucast.core.tables.every import TABLES
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.records import LOADS, PUBLISHES, RUNS
from skucast.core.tables.sales import PROMOTIONS, SALES
from skucast.core.tables.validation import empty
from skucast.core.weeks import WeekClock

SLICES = {"DATE": CUTOFF, "STRING": "a slice"}
REPLACED = [each for each in TABLES if (each.partition or each.is_whole) and not each.one_writer]


@pytest.mark.parametrize("table", REPLACED, ids=[each.label for each in REPLACED])
def test_a_lost_table_is_said_to_its_readers(warehouse: Warehouse, run: Run, table: Table) -> None:
    """Every table that is replaced slice by slice, or as a whole, once something was published to it."""
    part = ALL if table.is_whole else SLICES[table.column(str(table.partition)).type]
    assert not len(warehouse.read(table))  # nobody has published it yet
    warehouse.replace(table, empty(table), part, run=run)
    drop_table(warehouse, table)
    with pytest.raises(LostTable, match=rf"{table.name} is gone, but was published to: restore it"):
        warehouse.read(table)


def test_lost_sales_are_not_sales_that_were_never_loaded(warehouse: Warehouse, run: Run) -> None:
    """Before the first load it is said how to load some; afterwards that they are gone, also to who compares."""
    rows = lines(line("2026-11-16", 5.0))
    with pytest.raises(InputError, match="no sales in"):
        warehouse.weekly_sales(WeekClock(), CUTOFF)
    warehouse.append_once(SALES, rows, batch_id="one", source="one.csv", run=run)
    drop_table(warehouse, SALES)
    for ask in (
        lambda: warehouse.weekly_sales(WeekClock(), CUTOFF),
        lambda: warehouse.later_sales(CUTOFF),
        lambda: warehouse.overlap(rows, Meeting(), run=run),
        lambda: warehouse.append_once(SALES, rows, batch_id="two", source="two.csv", run=run),
    ):
        with pytest.raises(LostTable, match=f"{SALES.name} is gone"):
            ask()


def test_a_lost_plan_is_not_a_plan_that_nobody_made(warehouse: Warehouse, run: Run) -> None:
    """Promotions come by files alone, and are noted by file."""
    warehouse.append_once(PROMOTIONS, _plan(), batch_id="plan", source="plan.csv", run=run)
    drop_table(warehouse, PROMOTIONS)
    with pytest.raises(LostTable, match=f"{PROMOTIONS.name} is gone"):
        warehouse.read(PROMOTIONS)


def test_lost_records_of_loads_let_no_file_in_twice(warehouse: Warehouse, run: Run) -> None:
    """The table that knows which files were loaded is gone: none is loaded, for it could be the second time."""
    rows = lines(line("2026-11-16", 5.0))
    warehouse.append_once(SALES, rows, batch_id="one", source="one.csv", run=run)
    drop_table(warehouse, LOADS)
    with pytest.raises(LostTable, match=f"{LOADS.name} is gone"):
        warehouse.read(LOADS)
    with pytest.raises(LostTable, match=f"{LOADS.name} is gone"):
        warehouse.append_once(SALES, rows, batch_id="one", source="one.csv", run=run)
    assert len(warehouse.read(SALES)) == 1


def test_lost_notes_of_what_was_published_are_missed(warehouse: Warehouse, run: Run) -> None:
    """Without them a loss of any other table would not be seen; a warehouse without results does not miss them."""
    assert not warehouse.exists(PUBLISHES)
    warehouse.replace(SMALL, small(1.0), CUTOFF, run=run)
    drop_table(warehouse, PUBLISHES)
    lost = f"{PUBLISHES.name} is gone, in which the publishes of .*{FORECASTS.name} were noted: restore it"
    for ask in (
        lambda: warehouse.exists(PUBLISHES),
        lambda: warehouse.read(PUBLISHES),
        lambda: warehouse.replace(SMALL, small(2.0), CUTOFF, run=run),
    ):
        with pytest.raises(LostTable, match=lost):
            ask()
    assert warehouse.read(SMALL)["yhat"].tolist() == [1.0, 1.0]


def test_lost_records_of_runs_are_missed(warehouse: Warehouse, run: Run) -> None:
    """They are noted nowhere, as no two runs write the same; but where a run has published there is their table.

    It is made before the first notes: a run that is killed in between leaves none that nobody ever had.
    """
    assert not warehouse.exists(RUNS)
    assert not len(warehouse.read(RUNS))
    warehouse.replace(SMALL, small(1.0), CUTOFF, run=run)
    assert warehouse.exists(RUNS)
    assert not len(warehouse.read(RUNS))
    drop_table(warehouse, RUNS)
    for ask in (
        lambda: warehouse.exists(RUNS),
        lambda: warehouse.read(RUNS, since={"cutoff": CUTOFF}),
        lambda: warehouse.look_at([], [RUNS]),
        lambda: warehouse.look_at([RUNS], []),
        lambda: warehouse.replace(RUNS, empty(RUNS), run.task_id, run=run),
    ):
        with pytest.raises(LostTable, match=rf"{RUNS.name} is gone, but .*{PUBLISHES.name} knows of runs"):
            ask()
    warehouse.replace(SMALL, small(2.0), CUTOFF, run=run)
    assert warehouse.read(SMALL)["yhat"].tolist() == [2.0, 2.0]


def test_a_load_makes_the_records_of_runs_too(warehouse: Warehouse, run: Run) -> None:
    """It is the first that a new business does."""
    warehouse.append_once(SALES, lines(line("2026-11-16", 5.0)), batch_id="one", source="one.csv", run=run)
    assert warehouse.exists(RUNS)


def _plan() -> pd.DataFrame:
    """A plan of one line, every other column as its contract lets it be."""
    by_type = {"STRING": "x", "DATE": pd.Timestamp(date(2026, 12, 1)), "FLOAT64": 10.0, "INT64": 1, "BOOL": False}
    by_type["TIMESTAMP"] = pd.Timestamp("2026-11-20")
    row = {each.name: (each.allowed or (by_type[each.type],))[0] for each in PROMOTIONS.columns if not each.nullable}
    return pd.DataFrame([row])
