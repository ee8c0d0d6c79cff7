"""Lines of a load under another spelling of names that are there."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest
from builders import CUTOFF, deliver, line, sunday, week
from sales_files import csv

from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.core.errors import Overlap
from skucast.core.run import Run
from skucast.core.tables.contract import ALL
from skucast.core.tables.names import NAMES
from skucast.core.tables.sales import SALES
from skucast.core.tables.validation import empty, validate
from skucast.core.weeks import WeekClock
from skucast.jobs.load import Rule, load_sales
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings
from skucast.sales.loading_names import KnownSpellings, Respelt


def known(warehouse: DuckDBWarehouse, run: Run, decisions: pd.DataFrame | None = None) -> KnownSpellings:
    """Return the spellings of sales of 9752, КА and 0075."""
    lines = [each for name in ("9752", "0075") for each in week(sunday(1), 5.0, SKU_ID=name)]
    deliver(warehouse, [*lines, line(CUTOFF, 1.0, SKU_ID="B2", channel="ON TRADE")], run)
    return KnownSpellings(warehouse.weekly_sales(WeekClock(), CUTOFF), empty(NAMES) if decisions is None else decisions)


def lines(*names: tuple[str | None, str | None]) -> pd.DataFrame:
    """Return lines of these channels and articles."""
    return pd.DataFrame([line(CUTOFF, 1.0, channel=channel, SKU_ID=name) for channel, name in names])


def test_another_spelling_of_a_name_that_is_there_becomes_it(warehouse: DuckDBWarehouse, run: Run) -> None:
    """So an export of a program that writes 9752.0 meets the lines that are there, and is said once."""
    spellings = known(warehouse, run)
    rows = lines(("КА", "9752.0"), ("KA", "9752"), ("on\u00a0trade", "b2"), ("KA", "new"), (None, None))
    pieces = Respelt([rows.head(2), rows.tail(3)], spellings)
    for _ in range(2):
        found = pd.concat(pieces)
        assert found["SKU_ID"].fillna("").tolist() == ["9752", "9752", "B2", "new", ""]
        assert found["channel"].fillna("").tolist() == ["KA", "KA", "ON TRADE", "KA", ""]
    (note,) = spellings.notes()
    assert note.startswith(
        "loaded in the spelling that is there: SKU_ID '9752.0' as '9752' (.0 U+002E U+0030 for nothin"
    )
    assert "channel 'КА' as 'KA' (КА U+041A U+0410 for KA U+004B U+0041)" in note


def test_names_that_may_be_others_stay_as_they_are(warehouse: DuckDBWarehouse, run: Run) -> None:
    """A lost zero, a merge (it can be taken back), a name that was decided to be its own; nothing is to be said."""
    decided = pd.DataFrame(
        [("SKU_ID", "75", "0075", "merge"), ("SKU_ID", "b2", "B2", "split")],
        columns=["part", "name", "other", "decision"],
    )
    spellings = known(warehouse, run, validate(NAMES, decided.assign(decided_at=pd.Timestamp("2026-11-25"))))
    rows = lines(("KA", "75"), ("ON TRADE", "b2"))
    pd.testing.assert_frame_equal(spellings.renamed(rows), rows)
    assert list(spellings.notes()) == []


@pytest.mark.slow
def test_an_export_in_another_spelling_is_no_new_sale(
    warehouse: DuckDBWarehouse, run: Run, settings: Callable[..., Settings]
) -> None:
    """The same days of 9752, written 9752.0, are an overlap; replaced, the total is what it was, and a note says so."""
    rows = "".join(f"2026-11-{day},Пермь,KA,{{name}},5,\n" for day in range(10, 20))

    def load(name: str, rule: Rule) -> list[str]:
        report = RunReport()
        load_sales(
            csv(rows.format(name=name).strip(), name=f"{name}.csv"), None, rule, settings(), warehouse, run, report
        )
        return report.notes

    load("9752", "refuse")
    with pytest.raises(Overlap):
        load("9752.0", "refuse")
    notes = load("9752.0", "replace")
    assert any(note.startswith("loaded in the spelling that is there: SKU_ID '9752.0' as '9752'") for note in notes)
    assert not any("new articles" in note for note in notes)
    assert warehouse.read(SALES)["quantity"].sum() == 50.0
    assert set(warehouse.read(SALES)["SKU_ID"]) == {"9752"}


@pytest.mark.slow
@pytest.mark.parametrize("decided", [False, True])
def test_days_that_are_there_under_another_of_its_spellings_are_refused(
    warehouse: DuckDBWarehouse, run: Run, settings: Callable[..., Settings], decided: bool
) -> None:
    """Two spellings are there, or names that were decided to be one: a file of one of them meets both."""
    one, other = ("Сок", "Нектар") if decided else ("Сок", "СОК")

    def load(name: str, rule: Rule, *lines: tuple[int, str]) -> float:
        text = [f"2026-11-{day},Пермь,KA,{sku},1," for day, sku in lines]
        load_sales(csv(*text, name=f"{name}.csv"), None, rule, settings(), warehouse, run, RunReport())
        return float(warehouse.read(SALES)["quantity"].sum())

    assert load("there", "refuse", (10, one), (11, one), (12, other), (13, other)) == 4.0
    if decided:
        rows = pd.DataFrame([("SKU_ID", one, other, "merge")], columns=["part", "name", "other", "decision"])
        rows = validate(NAMES, rows.assign(decided_at=pd.Timestamp("2026-11-25")))
        warehouse.replace(NAMES, rows, ALL, run=run)
    new = [(13, one), (14, one)]
    rules: list[Rule] = ["refuse", "replace"]
    for rule in rules:
        with pytest.raises(
            Overlap, match=f"1 of its days x combinations are there under another.*{other} on 2026-11-13"
        ):
            load("new", rule, *new)
    assert load("later", "refuse", (14, one), (15, one)) == 6.0
    assert load("all", "replace", (10, one), (11, one), (12, other), (13, other), (14, one), (15, one)) == 6.0
    assert load("new", "add", *new) == 8.0
