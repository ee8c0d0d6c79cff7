"""A load says which days are in the file twice, whatever the order and the pieces in which their lines come."""

from __future__ import annotations

import pandas as pd
import pytest
from sales_files import csv

from skucast.core.tables.sales import SALES
from skucast.entry.cli import main
from skucast.sales.loading import read_delivery
from skucast.sales.loading_twice import Twice

DAYS = [f"2026-11-{day:02}" for day in range(2, 8)]
LINES = [f"{day},Пермь,KA,A{sku},{sku * 3},10" for day in DAYS for sku in range(1, 7)]


def note(*lines: str, piece: int = 1000) -> str | None:
    """Return what is said of a file of such lines that is read in pieces."""
    twice = Twice()
    rows = pd.concat(read_delivery(csv(*lines), SALES, {}).rows)
    for first in range(0, len(rows), piece):
        twice.add(rows.iloc[first : first + piece])
    return twice.note()


@pytest.mark.parametrize("piece", [1000, 7])
def test_days_that_are_there_twice_are_named(piece: int) -> None:
    """With their lines, of which nothing is said where all of them are there once."""
    newest = LINES[-18:]
    assert note(*LINES, piece=piece) is None
    said = note(*LINES, *newest[::-1], piece=piece)
    assert said is not None
    assert said.startswith(
        "on 3 days, 2026-11-05 to 2026-11-07, every line is in the file at least twice (36 lines): "
        "is it made of exports that overlap?"
    )


def test_alike_lines_are_no_overlap_unless_all_of_a_day_are() -> None:
    """Two lines of a day may be alike, and a few of one day by chance all in pairs."""
    assert note(*LINES, *LINES[:-1:2]) is None
    assert note(*LINES[:6], *LINES[:6]) is None
    assert note(*[line.replace(",10", f",{10 + place}") for place, line in enumerate(LINES * 2)]) is None


@pytest.mark.slow
def test_load_warns_of_days_that_are_there_twice(capsys: pytest.CaptureFixture[str]) -> None:
    """The lines are loaded, for sales may be so, but not in silence."""
    assert main(["load", str(csv(*LINES, *LINES)), "--table", "sales"]) == 0
    said = capsys.readouterr().err
    assert "on 6 days, 2026-11-02 to 2026-11-07, every line is in the file at least twice" in said
    assert "WARNING" in said
