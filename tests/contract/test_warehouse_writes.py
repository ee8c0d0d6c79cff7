"""What every warehouse promises of writing, whatever is behind it: slices, publishes, batches."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pytest
from builders import CUTOFF, line, sunday
from pandas.testing import assert_frame_equal
from rigs import drop_table
from small_table import PERM, QUOTED, SMALL, THIRD, forecasts, lines, small

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY, Combination
from skucast.core.errors import AlreadyLoaded, ContractError, RunFailed
from skucast.core.run import Run
from skucast.core.tables.contract import ALL
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.records import PUBLISHES, REGISTRY, RUNS
from skucast.core.tables.sales import LOCATIONS, SALES
from skucast.core.tables.validation import empty

# --- replace --------------------------------------------------------------------------------------------------------


def test_replace_replaces_its_slice_and_no_other(warehouse: Warehouse, run: Run) -> None:
    """The week before stays; of the week itself only the new rows remain."""
    warehouse.replace(SMALL, small(1.0, cutoff=sunday(1)), sunday(1), run=run)
    warehouse.replace(SMALL, small(2.0), CUTOFF, run=run)
    assert warehouse.replace(SMALL, small(3.0, [THIRD]), CUTOFF, run=run) == 1
    assert forecasts(warehouse) == {THIRD: 3.0}
    assert warehouse.read(SMALL, until={"cutoff": sunday(1)})["yhat"].tolist() == [1.0, 1.0]


def test_several_slices_are_replaced_each_by_its_own(warehouse: Warehouse, run: Run) -> None:
    """What is in none of them stays; each is noted as published by the run. None at all make no table."""
    assert warehouse.replace_each(SMALL, {}, run=run) == 0
    assert not len(warehouse.read(PUBLISHES))
    for week in (sunday(2), sunday(1), CUTOFF):
        warehouse.replace(SMALL, small(1.0, cutoff=week), week, run=run)
    later = replace(run, run_id="predict-later", run_at=run.run_at + timedelta(hours=1))
    new = {sunday(2): small(2.0, [THIRD], cutoff=sunday(2)), CUTOFF: small(3.0)}
    assert warehouse.replace_each(SMALL, new, run=later) == 3
    rows = warehouse.read(SMALL)
    assert rows.groupby("cutoff")["yhat"].agg(list).to_dict() == {
        pd.Timestamp(sunday(2)): [2.0],
        pd.Timestamp(sunday(1)): [1.0, 1.0],
        pd.Timestamp(CUTOFF): [3.0, 3.0],
    }
    assert [warehouse.published(SMALL, week, run=later) for week in (sunday(2), sunday(1), CUTOFF)] == [
        True,
        False,
        True,
    ]


def test_one_wrong_slice_leaves_all_as_they_were(warehouse: Warehouse, run: Run) -> None:
    """The first is right, the second has rows of another week: neither is written."""
    warehouse.replace(SMALL, small(1.0), CUTOFF, run=run)
    wrong = {CUTOFF: small(2.0), sunday(1): small(2.0)}
    with pytest.raises(ContractError, match="rows outside cutoff"):
        warehouse.replace_each(SMALL, wrong, run=run)
    assert set(forecasts(warehouse).values()) == {1.0}


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
    nothing = {"country": pd.Series(dtype="str"), "subdivision": pd.Series(dtype="str")}
    for places in (first, second, second):
        assert warehouse.replace(LOCATIONS, places, ALL, run=run) == len(places)
        expected = places.sort_values("unit", ignore_index=True).assign(**nothing)
        assert_frame_equal(warehouse.read(LOCATIONS), expected)
    assert warehouse.published(LOCATIONS, ALL, run=run)
    with pytest.raises(ContractError, match="no partition"):
        warehouse.replace(LOCATIONS, first, "Пермь", run=run)
    with pytest.raises(ContractError, match="latitude"):
        warehouse.replace(LOCATIONS, first.assign(latitude=91.0), ALL, run=run)
    assert_frame_equal(warehouse.read(LOCATIONS), second.assign(**nothing))


def test_replace_notes_who_published_what(warehouse: Warehouse, run: Run) -> None:
    """One row per slice and run: the table, the slice, the run, its rows, its time; a repeat has no second one."""
    later = replace(run, run_id="later", run_at=run.run_at + timedelta(hours=1))
    warehouse.replace(SMALL, small(1.0, cutoff=sunday(1)), sunday(1), run=run)
    warehouse.replace(SMALL, small(1.0), CUTOFF, run=run)
    warehouse.replace(SMALL, small(1.0, [PERM]), CUTOFF, run=later)
    warehouse.replace(SMALL, small(1.0, [PERM]), CUTOFF, run=later)
    notes = warehouse.read(PUBLISHES)
    assert notes.pop("read_at").isna().all()  # these runs are in no order: tests/contract/test_warehouse_order.py
    assert notes.to_numpy().tolist() == [
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
    with pytest.raises(RunFailed, match=lost):
        warehouse.read(SMALL)
    warehouse.replace(REGISTRY, empty(REGISTRY), run.run_id, run=run)  # other tables go on


# --- append_once ----------------------------------------------------------------------------------------------------


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
