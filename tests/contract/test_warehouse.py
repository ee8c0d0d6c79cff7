"""What every warehouse promises, whatever is behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from unicodedata import normalize

import pandas as pd
import pytest
from builders import CUTOFF, deliver, line, sunday
from pandas.testing import assert_frame_equal
from rigs import drop_table

from skucast.backends.warehouse.protocol import WEEKLY_SALES_COLUMNS, Warehouse
from skucast.core.combination import KEY, Combination
from skucast.core.errors import AlreadyLoaded, ContractError, InputError, RunFailed, ShardsMissing, TableError
from skucast.core.run import Run
from skucast.core.tables.contract import ALL, Column, Table
from skucast.core.tables.every import TABLES
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.records import PUBLISHES, REGISTRY, RUNS
from skucast.core.tables.sales import LOCATIONS, SALES
from skucast.core.tables.validation import empty, validate
from skucast.core.weeks import WeekClock

PERM = Combination("Пермь", "ON TRADE", "ЦУП00009752")
QUOTED = Combination('O\'Neil "North"', "A/B; DROP", "%_\\")
THIRD = Combination("Пермь", "KA", "ЦУП00009752")

TYPES = (
    Column("seen_at", "TIMESTAMP", "UTC", "an instant", nullable=True),
    Column("is_open", "BOOL", "true/false", "a flag", nullable=True),
    Column("count", "INT64", "weeks", "a whole number", nullable=True),
    Column("note", "STRING", "text", "a text", nullable=True),
)
SMALL = replace(
    FORECASTS,
    columns=(*(FORECASTS.column(name) for name in ("cutoff", *KEY, "ds", "yhat")), *TYPES),
    checks=(),
)
"""The forecasts' table with few columns, one of each type."""


def small(yhat: float, combinations: Sequence[Combination] = (PERM, QUOTED), cutoff: date = CUTOFF) -> pd.DataFrame:
    """Return one row of `SMALL` per combination, in key order, for the week after the cutoff."""
    rows = pd.DataFrame([combination.parts for combination in sorted(combinations)], columns=KEY)
    return rows.assign(cutoff=cutoff, ds=cutoff + timedelta(weeks=1), yhat=yhat)


def forecasts(warehouse: Warehouse) -> dict[Combination, float]:
    """Return yhat by combination, of the cutoff of the tests."""
    rows = warehouse.read(SMALL, since={"cutoff": CUTOFF}, until={"cutoff": CUTOFF})
    return dict(zip(map(Combination, *(rows[name] for name in KEY)), rows["yhat"], strict=True))


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
    for refused in (warehouse.ensure, warehouse.exists):
        with pytest.raises(TableError, match="lacks the required column reason"):
            refused(wider)
    assert_frame_equal(warehouse.read(SMALL), empty(SMALL))


def test_ensure_spells_out_a_changed_type(warehouse: Warehouse, run: Run) -> None:
    """Table, column, what it is and what was expected; nothing is changed, and `replace` refuses as well."""
    warehouse.replace(SMALL, small(1.0), CUTOFF, run=run)
    columns = [replace(column, type="STRING") if column.name == "yhat" else column for column in SMALL.columns]
    changed = replace(SMALL, columns=tuple(columns))
    for refused in (warehouse.ensure, warehouse.exists):
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


def test_read_compares_texts_and_numbers_too(warehouse: Warehouse, run: Run) -> None:
    """One unit with quotes in its name; a least value."""
    warehouse.replace(SMALL, small(1.0).assign(yhat=[1.0, 2.0]), CUTOFF, run=run)
    named = warehouse.read(SMALL, since={"unit": QUOTED.unit}, until={"unit": QUOTED.unit})
    assert named["SKU_ID"].tolist() == [QUOTED.sku_id]
    assert warehouse.read(SMALL, since={"yhat": 1.5})["unit"].tolist() == [PERM.unit]


# --- replace --------------------------------------------------------------------------------------------------------


def test_replace_replaces_its_slice_and_no_other(warehouse: Warehouse, run: Run) -> None:
    """The week before stays; of the week itself only the new rows remain."""
    warehouse.replace(SMALL, small(1.0, cutoff=sunday(1)), sunday(1), run=run)
    warehouse.replace(SMALL, small(2.0), CUTOFF, run=run)
    assert warehouse.replace(SMALL, small(3.0, [THIRD]), CUTOFF, run=run) == 1
    assert forecasts(warehouse) == {THIRD: 3.0}
    assert warehouse.read(SMALL, until={"cutoff": sunday(1)})["yhat"].tolist() == [1.0, 1.0]


def test_a_second_replace_changes_nothing(warehouse: Warehouse, run: Run) -> None:
    """The same rows again leave every table as it was."""
    warehouse.replace(SMALL, small(1.0), CUTOFF, run=run)
    first = [warehouse.read(SMALL), warehouse.read(PUBLISHES)]
    warehouse.replace(SMALL, small(1.0), CUTOFF, run=run)
    assert_frame_equal(warehouse.read(SMALL), first[0])
    assert_frame_equal(warehouse.read(PUBLISHES), first[1])


@pytest.mark.parametrize("targeted", [PERM, QUOTED], ids=["cyrillic", "quoted"])
def test_a_targeted_replace_touches_its_combinations_only(
    warehouse: Warehouse, run: Run, targeted: Combination
) -> None:
    """Also when a name holds quotes, a semicolon, a backslash or a wildcard."""
    warehouse.replace(SMALL, small(1.0, [PERM, QUOTED, THIRD]), CUTOFF, run=run)
    warehouse.replace(SMALL, small(2.0, [targeted]), CUTOFF, run=run, combinations=[targeted])
    assert forecasts(warehouse) == {PERM: 1.0, QUOTED: 1.0, THIRD: 1.0, targeted: 2.0}


def test_a_targeted_combination_without_rows_loses_its_rows(warehouse: Warehouse, run: Run) -> None:
    """Two are targeted, one has a new row; the third is left alone. Nobody targeted: nothing happens."""
    warehouse.replace(SMALL, small(1.0, [PERM, QUOTED, THIRD]), CUTOFF, run=run)
    warehouse.replace(SMALL, small(2.0, [PERM]), CUTOFF, run=run, combinations=[PERM, QUOTED])
    assert forecasts(warehouse) == {PERM: 2.0, THIRD: 1.0}
    warehouse.replace(SMALL, empty(SMALL), CUTOFF, run=run, combinations=[])
    assert forecasts(warehouse) == {PERM: 2.0, THIRD: 1.0}


def test_no_rows_empty_the_slice(warehouse: Warehouse, run: Run) -> None:
    """The week before stays."""
    warehouse.replace(SMALL, small(1.0, cutoff=sunday(1)), sunday(1), run=run)
    warehouse.replace(SMALL, small(2.0), CUTOFF, run=run)
    assert warehouse.replace(SMALL, empty(SMALL), CUTOFF, run=run) == 0
    assert warehouse.read(SMALL)["yhat"].tolist() == [1.0, 1.0]


WRONG: dict[str, tuple[pd.DataFrame, list[Combination] | None]] = {
    "another week": (small(9.0, cutoff=sunday(1)), None),
    "another combination": (small(9.0, [PERM, THIRD]), [PERM]),
    "infinite": (small(float("inf")), None),
    "missing value": (small(float("nan")), None),
    "missing column": (small(9.0).drop(columns="yhat"), None),
    "unknown column": (small(9.0).assign(oops=1), None),
    "repeated key": (pd.concat([small(9.0), small(9.0)]), None),
    "text": (small(9.0).assign(yhat="much"), None),
}


@pytest.mark.parametrize(("rows", "targeted"), WRONG.values(), ids=WRONG)
def test_rows_that_do_not_fit_leave_the_slice_whole(
    warehouse: Warehouse, run: Run, rows: pd.DataFrame, targeted: list[Combination] | None
) -> None:
    """Rows outside the slice or against the contract are refused, and what was there stays there."""
    warehouse.replace(SMALL, small(1.0), CUTOFF, run=run)
    with pytest.raises(ContractError):
        warehouse.replace(SMALL, rows, CUTOFF, run=replace(run, run_id="bad"), combinations=targeted)
    assert forecasts(warehouse) == {PERM: 1.0, QUOTED: 1.0}
    assert warehouse.read(PUBLISHES)["run_id"].tolist() == [run.run_id]


def test_a_slice_can_be_named_by_text(warehouse: Warehouse, run: Run) -> None:
    """The registry is replaced by run; the rows of another run, whose name has a quote, stay."""

    def rows(run_id: str, outcome: str) -> pd.DataFrame:
        row = {"run_id": run_id, **dict(zip(KEY, PERM.parts, strict=True)), "cutoff": CUTOFF, "outcome": outcome}
        return pd.DataFrame([{**row, "created_at": run.run_at}])

    warehouse.replace(REGISTRY, rows("it's one", "failed"), "it's one", run=run)
    warehouse.replace(REGISTRY, rows("two", "failed"), "two", run=run)
    warehouse.replace(REGISTRY, rows("two", "saved"), "two", run=run)
    assert warehouse.read(REGISTRY)[["run_id", "outcome"]].to_numpy().tolist() == [
        ["it's one", "failed"],
        ["two", "saved"],
    ]


def test_a_table_without_slices_cannot_be_replaced(warehouse: Warehouse, run: Run) -> None:
    """Sales are appended to, never replaced."""
    with pytest.raises(ContractError, match="no partition"):
        warehouse.replace(SALES, empty(SALES), CUTOFF, run=run)


def test_a_table_kept_as_a_whole_is_replaced_as_one(warehouse: Warehouse, run: Run) -> None:
    """Locations: the second list takes the place of the first, the same again changes nothing, half a slice is none."""
    first = pd.DataFrame({"unit": ["Пермь", "Казань"], "latitude": [58.0, 55.8], "longitude": [56.2, 49.1]})
    second = pd.DataFrame({"unit": ["Пермь"], "latitude": [58.01], "longitude": [56.25]})
    for places in (first, second, second):
        assert warehouse.replace(LOCATIONS, places, ALL, run=run) == len(places)
        expected = places.sort_values("unit", ignore_index=True)
        assert_frame_equal(warehouse.read(LOCATIONS), expected)
    assert warehouse.published(LOCATIONS, ALL, run=run)
    with pytest.raises(ContractError, match="no partition"):
        warehouse.replace(LOCATIONS, first, "Пермь", run=run)
    with pytest.raises(ContractError, match="latitude"):
        warehouse.replace(LOCATIONS, first.assign(latitude=91.0), ALL, run=run)
    assert_frame_equal(warehouse.read(LOCATIONS), second)


def test_replace_notes_who_published_what(warehouse: Warehouse, run: Run) -> None:
    """One row per slice and run: the table, the slice, the run, its rows, its time; a repeat has no second one."""
    later = replace(run, run_id="later", run_at=run.run_at + timedelta(hours=1))
    warehouse.replace(SMALL, small(1.0, cutoff=sunday(1)), sunday(1), run=run)
    warehouse.replace(SMALL, small(1.0), CUTOFF, run=run)
    warehouse.replace(SMALL, small(1.0, [PERM]), CUTOFF, run=later)
    warehouse.replace(SMALL, small(1.0, [PERM]), CUTOFF, run=later)
    assert warehouse.read(PUBLISHES).to_numpy().tolist() == [
        [FORECASTS.name, "2026-11-15", "predict-test", 2, pd.Timestamp("2026-11-25T19:00:00")],
        [FORECASTS.name, "2026-11-22", "later", 1, pd.Timestamp("2026-11-25T20:00:00")],
        [FORECASTS.name, "2026-11-22", "predict-test", 2, pd.Timestamp("2026-11-25T19:00:00")],
    ]


def test_a_run_knows_what_it_has_published(warehouse: Warehouse, run: Run) -> None:
    """Its slice of its table and no other, whichever of its tasks asks, also after another run has replaced it."""
    task = replace(run, task_index=2, task_count=3)
    assert not warehouse.published(SMALL, CUTOFF, run=run)
    warehouse.replace(SMALL, empty(SMALL), CUTOFF, run=run)
    warehouse.replace(SMALL, small(1.0), CUTOFF, run=replace(run, run_id="newer"))
    assert warehouse.published(SMALL, CUTOFF, run=task)
    assert not warehouse.published(SMALL, sunday(1), run=task)
    assert not warehouse.published(REGISTRY, CUTOFF, run=task)
    assert not warehouse.published(SMALL, CUTOFF, run=replace(run, run_id="other"))


def test_a_slice_with_one_writer_is_not_noted(warehouse: Warehouse, run: Run) -> None:
    """A task's own record is replaced like any slice, but who wrote it is in the row itself."""
    for exit_code in (1, 0):
        warehouse.replace(RUNS, record(run, exit_code), run.task_id, run=run)
    assert warehouse.read(RUNS)["exit_code"].tolist() == [0]
    assert warehouse.read(PUBLISHES).empty


def record(run: Run, exit_code: int) -> pd.DataFrame:
    """Return the row that a task leaves in the runs table."""
    numbers = dict.fromkeys(("n_combinations", "n_failed", "n_rows"), 0)
    texts = {"job": run.job, "counts": "{}", "seconds": "{}", "version": "1"}
    row = {"task_id": run.task_id, "run_id": run.run_id, "run_at": run.run_at, "exit_code": exit_code}
    return pd.DataFrame([{**row, **numbers, **texts}])


def test_a_lost_table_is_not_made_again(warehouse: Warehouse, run: Run) -> None:
    """It was published to and somebody dropped it: refused in one line with the two ways out; it stays away."""
    warehouse.replace(SMALL, small(1.0), CUTOFF, run=run)
    drop_table(warehouse, SMALL)
    lost = rf"{SMALL.name} is gone.*restore it.*remove its rows in .*{PUBLISHES.name}"
    with pytest.raises(RunFailed, match=lost):
        warehouse.replace(SMALL, small(2.0), CUTOFF, run=run)
    with pytest.raises(RunFailed, match=lost):
        warehouse.ensure(SMALL)
    assert_frame_equal(warehouse.read(SMALL), empty(SMALL))
    warehouse.replace(REGISTRY, empty(REGISTRY), run.run_id, run=run)  # other tables go on


# --- several tasks, one publish ---------------------------------------------------------------------------------------


def tasks(run: Run, count: int = 3) -> list[Run]:
    """Return the tasks of one execution."""
    return [replace(run, task_index=index, task_count=count) for index in range(count)]


def missing(warehouse: Warehouse, run: Run, table: Table = SMALL) -> list[int]:
    """Return the tasks of the run that have not staged rows of the table."""
    try:
        warehouse.staged(table, run=run)
    except ShardsMissing as error:
        return list(error.tasks)
    return []


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


# --- append_once ----------------------------------------------------------------------------------------------------


def lines(*rows: dict[str, Any]) -> pd.DataFrame:
    """Return sales lines as a frame."""
    return pd.DataFrame(list(rows)).astype(
        {"quantity": "float64", "Promo_discount_perc": "float64", "stock": "float64"}
    )


def test_a_batch_is_appended_once(warehouse: Warehouse, run: Run) -> None:
    """Another batch is added to the first; the first again is refused, saying when it came, and adds nothing."""
    rows = lines(line("2026-11-16", 5.0), line("2026-11-16", 5.0))
    assert warehouse.append_once(SALES, rows, batch_id="one", source="one.csv", run=run) == 2
    assert warehouse.append_once(SALES, rows, batch_id="two", source="two.csv", run=run) == 2
    with pytest.raises(AlreadyLoaded, match=r"copy\.csv.*2026-11-25 19:00 UTC.*one\.csv"):
        warehouse.append_once(SALES, rows, batch_id="one", source="copy.csv", run=run)
    assert warehouse.read(SALES)["quantity"].tolist() == [5.0] * 4


def test_a_batch_that_does_not_fit_can_be_corrected(warehouse: Warehouse, run: Run) -> None:
    """Nothing of it is added, and it does not count as appended."""
    rows = lines(line("2026-11-16", 5.0), line("2026-11-17", 5.0, promo=200))
    with pytest.raises(ContractError, match="Promo_discount_perc"):
        warehouse.append_once(SALES, rows, batch_id="one", source="one.csv", run=run)
    assert_frame_equal(warehouse.read(SALES), empty(SALES))
    assert warehouse.append_once(SALES, rows.iloc[:1], batch_id="one", source="one.csv", run=run) == 1


# --- weekly_sales ---------------------------------------------------------------------------------------------------

DECOMPOSED = normalize("NFD", "Чайковский")
NAMED = {"unit": "Чайковский", "channel": "ON TRADE", "SKU_ID": "ЦУП'1"}
SOLD = [
    line("2026-11-15", 100.0, **NAMED),
    line("2026-11-16", 5.0, promo=20, stock=7, **NAMED),
    line("2026-11-16", 3.0, **(NAMED | {"unit": DECOMPOSED})),
    line("2026-11-17", 4.0, stock=0, **(NAMED | {"SKU_ID": " ЦУП'1\u00a0"})),
    line("2026-11-17", -2.0, promo=50, **NAMED),
    line("2026-11-19", -1.0, **NAMED),
    line("2026-11-21", None, **NAMED),
    line("2026-11-23", 1000.0, **NAMED),
]
"""Sunday to Monday, with the week of 16 to 22 November between them."""


def weekly(warehouse: Warehouse, run: Run, rows: list[dict[str, Any]], clock: WeekClock | None = None) -> pd.DataFrame:
    """Return the weekly sales of these lines up to the cutoff."""
    deliver(warehouse, rows, run)
    return warehouse.weekly_sales(clock or WeekClock(), CUTOFF)


def test_lines_are_summed_to_weeks(warehouse: Warehouse, run: Run) -> None:
    """The week of 16 November by hand: 5+3+4-2-1 = 9 net, 3 returned; discount (mean(20, 0) + 0) / 2 = 5 %.

    Of four days with lines (Saturday's has no quantity) one has a discount and two know their stock; the one with none
    left in the evening has sold. It sells on Monday (1) and Tuesday (2).
    """
    weeks = weekly(warehouse, run, SOLD).set_index("ds")
    assert list(weeks.reset_index()[list(WEEKLY_SALES_COLUMNS)]) == list(WEEKLY_SALES_COLUMNS)
    assert weeks.index.tolist() == [pd.Timestamp("2026-11-15"), pd.Timestamp("2026-11-22")]
    row = weeks.loc["2026-11-22"].to_dict()
    spelling_min, spelling_max = row.pop("spelling_min"), row.pop("spelling_max")
    assert row == {
        **NAMED,
        "quantity": 9.0,
        "returns_quantity": 3.0,
        "promo_discount_perc": 5.0,
        "promo_days": 1,
        "selling_weekdays": 3,
        "stock_days": 2,
        "stock_max": 7.0,
        "stockout_days": 0,
        "stockout_share": 0.0,
        "first_date": pd.Timestamp("2026-11-16"),
        "last_date": pd.Timestamp("2026-11-21"),
        "n_lines": 6,
        "n_bad_quantity": 1,
    }
    assert spelling_min != spelling_max


def test_a_day_without_stock_and_sales_counts_by_its_usual_share(warehouse: Warehouse, run: Run) -> None:
    """Mondays sell 6 and a Tuesday 2: on the empty Tuesday 2 of 14 are usual."""
    lines = [
        line("2026-11-09", 6.0, stock=5, **NAMED),
        line("2026-11-10", 2.0, stock=3, **NAMED),
        line("2026-11-16", 6.0, stock=4, **NAMED),
        line("2026-11-17", 0.0, stock=0, **NAMED),
    ]
    found = weekly(warehouse, run, lines)[["stock_max", "stockout_days", "stockout_share"]]
    assert found.to_numpy(dtype="float64").tolist() == [[5.0, 0.0, 0.0], [4.0, 1.0, pytest.approx(2 / 14)]]


def test_one_spelling_is_reported_as_one(warehouse: Warehouse, run: Run) -> None:
    """Least and greatest spelling are equal, as delivered."""
    weeks = weekly(warehouse, run, SOLD[:2])
    assert weeks["spelling_min"].tolist() == weeks["spelling_max"].tolist() == ["Чайковский/ON TRADE/ЦУП'1"] * 2


@pytest.mark.parametrize(
    ("anchor", "until", "expected"),
    [
        ("SUN", "2026-11-22", {"2026-11-15": 100.0, "2026-11-22": 9.0}),
        ("WED", "2026-11-18", {"2026-11-18": 110.0}),
        ("WED", "2026-11-25", {"2026-11-18": 110.0, "2026-11-25": 999.0}),
        ("MON", "2026-11-23", {"2026-11-16": 108.0, "2026-11-23": 1001.0}),
        ("SAT", "2026-11-21", {"2026-11-21": 109.0}),
    ],
)
def test_the_anchor_day_ends_the_week(
    warehouse: Warehouse, run: Run, anchor: Any, until: str, expected: dict[str, float]
) -> None:
    """Sunday sold 100, Monday 8, Tuesday 2 net, Thursday -1, the next Monday 1000; later days than `until` are out."""
    deliver(warehouse, SOLD, run)
    weeks = warehouse.weekly_sales(WeekClock(anchor), date.fromisoformat(until))
    assert {str(ds.date()): quantity for ds, quantity in zip(weeks["ds"], weeks["quantity"], strict=True)} == expected


@pytest.mark.parametrize("anchor", ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"])
def test_the_warehouse_and_the_clock_agree_on_every_day(warehouse: Warehouse, run: Run, anchor: Any) -> None:
    """Each day around a new year and a leap day gets the label that `WeekClock.label` gives it."""
    days = [start + timedelta(days=n) for start in (date(2023, 12, 25), date(2024, 2, 25)) for n in range(14)]
    clock = WeekClock(anchor)
    weeks = weekly(warehouse, run, [line(day, 1.0, SKU_ID=str(day)) for day in days], clock)
    assert dict(zip(weeks["SKU_ID"], weeks["ds"].dt.date, strict=True)) == {str(day): clock.label(day) for day in days}


def test_placeholder_rows_are_counted_apart(warehouse: Warehouse, run: Run) -> None:
    """Rows without an article, or without anything, are groups of their own with NULL where nothing was delivered."""
    nothing = {"unit": None, "channel": None, "SKU_ID": None}
    rows = [line("2026-11-16", 5.0), line("2026-11-16", 0.0, SKU_ID=None), line(None, None, **nothing)]
    weeks = weekly(warehouse, run, rows)
    assert weeks[weeks["SKU_ID"].notna()]["quantity"].tolist() == [5.0]
    placeholders = weeks[weeks["SKU_ID"].isna()].sort_values("ds")
    assert placeholders["n_lines"].tolist() == [1, 1]
    assert placeholders["unit"].isna().tolist() == [False, True]
    assert placeholders["ds"].isna().tolist() == [False, True]


def test_a_week_of_returns_is_negative(warehouse: Warehouse, run: Run) -> None:
    """The warehouse nets; flooring is the history's. Without a selling line the first day is that of any line."""
    row = weekly(warehouse, run, [line("2026-11-17", -4.0), line("2026-11-18", 0.0, stock=0)]).iloc[0]
    assert (row["quantity"], row["returns_quantity"], row["promo_discount_perc"]) == (-4.0, 4.0, 0.0)
    assert (row["stock_days"], row["stockout_days"]) == (1, 1)
    assert row["first_date"] == pd.Timestamp("2026-11-17")


def test_weekly_sales_have_one_type_a_column(warehouse: Warehouse, run: Run) -> None:
    """Dates are datetime64[us] without a zone, quantities floats, counts whole numbers."""
    types = weekly(warehouse, run, SOLD).dtypes
    assert {str(types[name]) for name in ("ds", "first_date", "last_date")} == {"datetime64[us]"}
    assert {str(types[name]) for name in ("quantity", "returns_quantity", "promo_discount_perc")} == {"float64"}
    counts = ("promo_days", "selling_weekdays", "stock_days", "stockout_days", "n_lines", "n_bad_quantity")
    assert {str(types[name]) for name in counts} == {"int64"}


@pytest.mark.parametrize("there_is", ["nothing", "an empty table"])
def test_without_sales_the_way_out_is_named(warehouse: Warehouse, there_is: str) -> None:
    """No table, or no rows in it: `make demo` or a file of one's own; in the cloud the table that has them."""
    if there_is == "an empty table":
        warehouse.ensure(SALES)
    with pytest.raises(InputError, match=r"make demo.*python -m skucast load FILE --table sales|SALES_TABLE"):
        warehouse.weekly_sales(WeekClock(), CUTOFF)


def test_sales_of_later_days_only_are_named_with_their_first_day(warehouse: Warehouse, run: Run) -> None:
    """There are sales, but none up to the cutoff: the way out is a later day, not another file."""
    deliver(warehouse, [line("2026-11-24", 1.0), line("2026-11-23", 1.0)], run)
    with pytest.raises(InputError, match=r"up to 2026-11-22, .*; the first are of 2026-11-23: .*--as-of"):
        warehouse.weekly_sales(WeekClock(), CUTOFF)


def without(name: str) -> Table:
    """Return the sales contract without one column."""
    return replace(SALES, columns=tuple(column for column in SALES.columns if column.name != name), checks=())


def test_sales_without_stock_are_fine(warehouse: Warehouse, run: Run) -> None:
    """A source that knows no stock has no day with known stock."""
    rows = lines(line("2026-11-16", 5.0)).drop(columns="stock")
    warehouse.append_once(without("stock"), rows, batch_id="one", source="test", run=run)
    weeks = warehouse.weekly_sales(WeekClock(), CUTOFF)
    assert weeks[["quantity", "stock_days", "stockout_days"]].to_numpy().tolist() == [[5.0, 0, 0]]


def test_sales_without_a_needed_column_are_refused(warehouse: Warehouse, run: Run) -> None:
    """The column is named, and the setting that maps it."""
    rows = lines(line("2026-11-16", 5.0)).drop(columns="quantity")
    warehouse.append_once(without("quantity"), rows, batch_id="one", source="test", run=run)
    with pytest.raises(InputError, match=r"no column quantity.*SALES_COLUMNS=quantity="):
        warehouse.weekly_sales(WeekClock(), CUTOFF)
