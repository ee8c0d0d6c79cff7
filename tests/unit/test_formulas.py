"""Formulas in files that people get: none is one, numbers stay numbers, and what we read back is what was there."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest

from skucast.core.combination import Combination
from skucast.core.weeks import WeekClock
from skucast.regressors.promotion_files import PLAN, read_plan, rejected_csv
from skucast.regressors.promotion_template import MEANINGS, write_template
from skucast.runtime.target_files import targets_in
from skucast.sheets.formulas import as_written, without_formula
from skucast.sheets.reading import read_sheet, trimmed

EVIL = ["=1+1", "+7 912", "-x", "@a", "'=1", "''@a", "＝1", " =1", "\t1", "\r1", "=HYPERLINK(1)"]
HARMLESS = ["-5", "+5,5", "-0.25", "A-1", "'a", "5%", ""]


@pytest.mark.parametrize("cell", EVIL)
def test_what_begins_like_a_formula_has_an_apostrophe_before_it(cell: str) -> None:
    """It goes again when we read it: two texts never become one."""
    assert without_formula(cell) == f"'{cell}"
    assert as_written(without_formula(cell)) == cell


@pytest.mark.parametrize("cell", HARMLESS)
def test_numbers_and_other_texts_stay(cell: str) -> None:
    """Also a negative number, which begins like a formula."""
    assert without_formula(cell) == cell == as_written(cell)


def begins_like_one(text: str) -> bool:
    return bool(text.strip()) and text.strip()[0] in "=+-@＝＋－＠"


NAMES = [cell for cell in EVIL if cell == cell.strip()]


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_a_template_runs_nothing_and_comes_back_as_it_was(suffix: str, tmp_path: Path) -> None:
    """Names, notes and ids of planners; in Excel's own file they are texts, whatever they begin with."""
    rows = [dict.fromkeys(MEANINGS) | {"unit": name, "note": f"{name}\x01", "discount_perc": 12.5} for name in NAMES]
    if suffix == ".csv":
        rows = [row | {"note": row["unit"]} for row in rows]
    path = tmp_path / f"plan{suffix}"
    write_template(path, rows)
    sheet = trimmed(path.name, read_sheet(path.name, path.open("rb"), PLAN))
    unit, note = sheet.header.index("unit"), sheet.header.index("note")
    assert [cells[unit] for _, cells in sheet.lines] == NAMES
    assert [cells[note] for _, cells in sheet.lines] == NAMES
    if suffix == ".csv":
        lines = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines(), delimiter=";"))
        assert not any(begins_like_one(cell) for line in lines for cell in line)
    else:
        cells = [cell for row in openpyxl.load_workbook(path).active.iter_rows() for cell in row]
        assert {cell.data_type for cell in cells if isinstance(cell.value, str)} == {"s"}


def test_headers_of_a_returned_file_run_nothing() -> None:
    """They are the planner's own, as its cells are; sent again they are the same columns."""
    header = "unit;channel;SKU_ID;starts_on;ends_on;discount_perc;covers_through;=HYPERLINK(1);@x"
    content = f"{header}\nU;C;A;2026-11-30;2026-12-06;0.3;2026-12-31;-1;=2\n".encode()
    one = [Combination("U", "C", "A")]
    at, clock = datetime.fromisoformat("2026-11-28"), WeekClock("SUN", "Europe/Moscow")
    plan = read_plan("plan.csv", content, one, at, clock)
    returned = rejected_csv(plan)
    lines = list(csv.reader(io.StringIO(returned.decode("utf-8-sig")), delimiter=";"))
    assert lines[0][7:9] == ["'=HYPERLINK(1)", "'@x"]
    assert lines[1][7:9] == ["-1", "'=2"]
    again = read_plan("plan.csv", returned, one, at, clock)
    assert again.unused == plan.unused == ["=HYPERLINK(1)", "@x"]
    assert rejected_csv(again).decode().splitlines()[0] == returned.decode().splitlines()[0]


def test_targets_of_one_of_our_files_are_the_names_in_it() -> None:
    """A list that was saved from the page names the articles as the sales do."""
    content = f"unit,channel,SKU_ID\nU,C,{without_formula('=1+1')}\n".encode()
    assert targets_in("forecast.csv", content, {})[0] == ["U/C/=1+1"]


@pytest.mark.parametrize("character", ["\x01", "\x0b", "\x1f"])
def test_a_control_character_in_a_cell_is_of_its_line_alone(character: str) -> None:
    """No Excel file could hold it, nor a name: whose line it is says so, and the other lines are read."""
    content = f"unit;note\nU;a{character}b\nV;c\n".encode()
    sheet = trimmed("plan.csv", read_sheet("plan.csv", io.BytesIO(content), PLAN))
    assert [cells for _, cells in sheet.lines] == [["U", f"a{character}b"], ["V", "c"]]
