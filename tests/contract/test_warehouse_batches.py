"""What every warehouse promises of batches: they add up, are refused or replace what they meet, and can be undone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from builders import line
from small_table import lines
from work_lines import note

from skucast.backends.warehouse.protocol import Meeting, Warehouse
from skucast.core.errors import AlreadyLoaded, InputError, LoadsChanged, Overlap
from skucast.core.run import Run
from skucast.core.tables.predecessors import PREDECESSORS
from skucast.core.tables.records import LOADS, RETRAININGS
from skucast.core.tables.sales import PROMOTIONS, SALES
from skucast.core.tables.validation import validate
from skucast.core.tables.work_notes import WORK_NOTES
from skucast.regressors.work_files import as_rows

MON, TUE, SUN = "2026-11-16", "2026-11-17", "2026-11-22"
REFUSES, REPLACES = Meeting("refuse"), Meeting("replace")


def bring(warehouse: Warehouse, run: Run, batch_id: str, *rows: dict[str, Any], meeting: Meeting = REFUSES) -> int:
    """Append the lines as one batch."""
    return warehouse.append_once(
        SALES, lines(*rows), batch_id=batch_id, source=f"{batch_id}.csv", run=run, meeting=meeting
    )


def quantities(warehouse: Warehouse) -> dict[tuple[str, str], list[float]]:
    """Return the quantities by day and article."""
    rows = warehouse.read(SALES).sort_values("quantity")
    return {
        (f"{day:%Y-%m-%d}", sku): found.tolist()
        for (day, sku), found in rows.groupby(["date", "SKU_ID"], dropna=False)["quantity"]
    }


def test_days_that_are_there_are_refused_and_shown(warehouse: Warehouse, run: Run) -> None:
    """Two of three days x combinations are there, whatever blanks their names have: nothing of the batch is added."""
    bring(warehouse, run, "one", line(MON, 5.0), line(TUE, 6.0), line(SUN, 7.0))
    again = [line(MON, 5.0, unit=" Пермь\u00a0"), line(TUE, 2.0), line(TUE, 2.0, SKU_ID="B2")]
    said = r"two\.csv: .* sales of 2 of its days x combinations already, 2026-11-16 to 2026-11-17, .* in 1 of them"
    with pytest.raises(Overlap, match=said):
        bring(warehouse, run, "two", *again)
    assert quantities(warehouse) == {(MON, "A1"): [5.0], (TUE, "A1"): [6.0], (SUN, "A1"): [7.0]}
    assert warehouse.read(LOADS)["batch_id"].tolist() == ["one"]
    found = warehouse.overlap(lines(*again), REFUSES, run=run)
    assert found["date"].dt.day.tolist() == [16, 17]
    assert found[["n_lines", "quantity", "new_lines", "new_quantity"]].to_numpy().tolist() == [
        [1, 5.0, 1, 5.0],
        [1, 6.0, 1, 2.0],
    ]


def test_rows_that_were_compared_with_other_batches_are_refused(warehouse: Warehouse, run: Run) -> None:
    """One has come since, or was taken back: nothing is added; with those that are there it is."""
    bring(warehouse, run, "one", line(MON, 5.0))
    for known in (frozenset[str](), frozenset({"one", "gone"})):
        with pytest.raises(LoadsChanged, match=r"two\.csv: sales were loaded or taken back at the same time"):
            bring(warehouse, run, "two", line(TUE, 6.0), meeting=Meeting("refuse", loads=known))
    assert quantities(warehouse) == {(MON, "A1"): [5.0]}
    assert bring(warehouse, run, "two", line(TUE, 6.0), meeting=Meeting("refuse", loads=frozenset({"one"}))) == 1


def test_a_batch_takes_the_place_of_its_days_of_its_combinations(warehouse: Warehouse, run: Run) -> None:
    """Also of a line that it has not any more; other days and other articles stay; a second time changes nothing."""
    bring(warehouse, run, "one", *(line(day, 5.0, SKU_ID=sku) for day in (MON, TUE, SUN) for sku in ("A1", "B2", "C3")))
    new = [line(MON, 1.0, unit="Пермь "), line(MON, 2.0), line(TUE, 3.0, SKU_ID="B2")]
    for _ in range(2):
        assert bring(warehouse, run, "two", *new, meeting=REPLACES) == 3
        assert quantities(warehouse) == {
            (MON, "A1"): [1.0, 2.0],
            (TUE, "B2"): [3.0],
            **{(SUN, sku): [5.0] for sku in ("A1", "B2", "C3")},
            **{(day, "C3"): [5.0] for day in (MON, TUE)},
        }
    assert sorted(warehouse.read(LOADS)["batch_id"]) == ["one", "two"]


def test_rows_without_a_day_or_a_name_meet_nothing(warehouse: Warehouse, run: Run) -> None:
    """They mean nothing, and come with each batch; one that replaces itself has them once."""
    bring(warehouse, run, "one", line(None, 1.0), line(MON, 2.0, unit=None))
    bring(warehouse, run, "two", line(None, 1.0), line(MON, 2.0, unit=None))
    bring(warehouse, run, "two", line(None, 1.0), line(MON, 2.0, unit=None), meeting=REPLACES)
    assert len(warehouse.read(SALES)) == 4


def test_a_row_of_a_whole_week_meets_it_under_any_day(warehouse: Warehouse, run: Run) -> None:
    """Weekly sales: of Monday there, of Sunday now; the week that ends on it is the same."""
    bring(warehouse, run, "one", line(MON, 5.0))
    with pytest.raises(Overlap):
        bring(warehouse, run, "two", line(SUN, 6.0), meeting=Meeting("refuse", end_weekday=6))
    bring(warehouse, run, "two", line(SUN, 6.0), meeting=Meeting("replace", end_weekday=6))
    assert quantities(warehouse) == {(SUN, "A1"): [6.0]}


def test_a_batch_may_come_in_pieces(warehouse: Warehouse, run: Run) -> None:
    """They are one batch; a piece that breaks the contract leaves nothing of it."""

    def pieces(*more: dict[str, Any]) -> Iterator[pd.DataFrame]:
        for each in (line(MON, 5.0), line(TUE, 6.0), *more):
            yield lines(each)

    with pytest.raises(InputError):
        bring_pieces(warehouse, run, pieces(), "never")
    assert bring_pieces(warehouse, run, pieces(), "one") == 2
    assert quantities(warehouse) == {(MON, "A1"): [5.0], (TUE, "A1"): [6.0]}


def bring_pieces(warehouse: Warehouse, run: Run, pieces: Iterator[pd.DataFrame], batch_id: str) -> int:
    """Append the pieces as one batch, which breaks off if it is called `never`."""

    def broken() -> Iterator[pd.DataFrame]:
        yield from pieces
        if batch_id == "never":
            raise InputError("the file ends too early")

    return warehouse.append_once(SALES, broken(), batch_id=batch_id, source="f.csv", run=run, meeting=REFUSES)


def test_a_batch_can_be_undone(warehouse: Warehouse, run: Run) -> None:
    """Its rows go and no others, it may come again, and one that is not there is refused."""
    bring(warehouse, run, "one", line(MON, 5.0))
    bring(warehouse, run, "two", line(TUE, 6.0), line(TUE, 7.0))
    assert warehouse.undo(SALES, "two", run=run) == 2
    assert quantities(warehouse) == {(MON, "A1"): [5.0]}
    assert warehouse.read(LOADS)["batch_id"].tolist() == ["one"]
    with pytest.raises(InputError, match="no row that is known to be of this load"):
        warehouse.undo(SALES, "two", run=run)
    bring(warehouse, run, "two", line(TUE, 6.0))
    assert quantities(warehouse) == {(MON, "A1"): [5.0], (TUE, "A1"): [6.0]}


def test_a_plan_can_be_undone_as_well(warehouse: Warehouse, run: Run) -> None:
    """A planner's file is a batch of the promotions."""
    plan = validate(PROMOTIONS, pd.DataFrame([{"unit": "*", "channel": "*", "SKU_ID": "*", "note": "one"}]))
    warehouse.append_once(PROMOTIONS, plan, batch_id="one", source="one.csv", run=run)
    warehouse.append_once(PROMOTIONS, plan.assign(note="two"), batch_id="two", source="two.csv", run=run)
    assert warehouse.undo(PROMOTIONS, "one", run=run) == 1
    assert warehouse.read(PROMOTIONS)["note"].tolist() == ["two"]


def test_predecessors_are_batches_too(warehouse: Warehouse, run: Run) -> None:
    """What a new article is like comes back as it was added, once, and can be undone."""
    row = {
        "unit": "*",
        "channel": "*",
        "SKU_ID": "Новый",
        "like_SKU_ID": "A1",
        "weight": 0.5,
        "scale": 2.0,
        "phase_out_from": MON,
        "known_from": pd.Timestamp("2026-11-25 06:00"),
    }
    rows = validate(PREDECESSORS, pd.DataFrame([row]))
    assert not len(warehouse.read(PREDECESSORS))
    warehouse.append_once(PREDECESSORS, rows, batch_id="one", source="one.csv", run=run)
    with pytest.raises(AlreadyLoaded):
        warehouse.append_once(PREDECESSORS, rows, batch_id="one", source="one.csv", run=run)
    (found,) = warehouse.read(PREDECESSORS)[list(row)].to_dict("records")
    assert found == row | {"phase_out_from": pd.Timestamp(MON)}
    assert warehouse.undo(PREDECESSORS, "one", run=run) == 1


def test_of_two_writers_one_takes_a_name_and_says_later_what_became_of_it(warehouse: Warehouse, run: Run) -> None:
    """What is to be done once is written down under a name: the other writer is refused; the slice is replaced."""
    names = {"unit": "Пермь", "channel": "KA", "SKU_ID": "A1", "cutoff": pd.Timestamp(SUN), "attempt": 1}
    said = {"alert_id": "wape-1", "n_open_weeks": 4, "state": "asked", "execution": None, "reason": None}
    row = {**names, **said, "run_id": "one", "created_at": pd.Timestamp(SUN)}
    rows = pd.DataFrame([row])
    other = replace(run, run_id="two")
    warehouse.append_once(RETRAININGS, rows, batch_id="week, 1", source="one", run=run)
    with pytest.raises(AlreadyLoaded):
        warehouse.append_once(RETRAININGS, rows.assign(run_id="two"), batch_id="week, 1", source="two", run=other)
    done = rows.assign(state="started", execution="again-1")
    warehouse.replace(RETRAININGS, done, pd.Timestamp(SUN).date(), run=run)
    found = warehouse.read(RETRAININGS)[["run_id", "attempt", "state", "execution"]]
    assert found.to_numpy().tolist() == [["one", 1, "started", "again-1"]]


def test_what_was_said_of_the_work_list_is_kept_once_and_read_with_what_is_not_known(
    warehouse: Warehouse, run: Run
) -> None:
    """A command's batch and a file's lie beside each other; days and texts that nobody gave are NULL."""
    said = as_rows([note("line-1", owner="Boris", size=None), note("line-2", "snoozed", snoozed_until=TUE)])
    assert warehouse.append_once(WORK_NOTES, said, batch_id="command", source="skucast alerts", run=run) == 2
    with pytest.raises(AlreadyLoaded):
        warehouse.append_once(WORK_NOTES, said, batch_id="command", source="skucast alerts", run=run)
    more = as_rows([note("line-1", None, comment="done, =1+1")])
    assert warehouse.append_once(WORK_NOTES, more, batch_id="file", source="friday.csv", run=run) == 1
    found = warehouse.read(WORK_NOTES).sort_values(["line_id", "batch_id"], ignore_index=True)
    assert found["snoozed_until"].isna().tolist() == [True, True, False]
    assert found["size"].fillna(-1).tolist() == [-1, 400, 400]
    assert found["owner"].fillna("").tolist() == ["Boris", "", ""]
    assert found["state"].fillna("").tolist() == ["done", "", "snoozed"]
    assert warehouse.undo(WORK_NOTES, "command", run=run) == 2
