"""Tables that people make: every cell as text, whoever has written the file, and a file that is none in one line."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest
from builders import excel

from skucast.core.errors import InputError
from skucast.regressors.promotion_files import PLAN
from skucast.sheets.frame import read_cells
from skucast.sheets.parts import MAX_UNPACKED_BYTES
from skucast.sheets.reading import Sheet, read_sheet, trimmed


def read(name: str, content: bytes) -> Sheet:
    """Return the sheet of a planner's file."""
    return trimmed(name, read_sheet(name, io.BytesIO(content), PLAN))


def edited(content: bytes, part: str, old: str, new: str) -> bytes:
    """Return the Excel file with this text of one of its parts replaced."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(result, "w") as after:
        for name in before.namelist():
            text = before.read(name)
            if name == part:
                assert old.encode() in text
                text = text.replace(old.encode(), new.encode())
            after.writestr(name, text)
    return result.getvalue()


def refusal(name: str, content: bytes) -> str:
    with pytest.raises(InputError) as caught:
        read(name, content)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


@pytest.mark.parametrize("separator", [";", ",", "\t"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_csv_may_have_any_separator_and_a_mark(separator: str, mark: bytes) -> None:
    """Cells are trimmed, blank lines passed over, and lines numbered as an editor does."""
    text = 'a| b \r\n\r\n1|"x\ny"\r\n||\r\n2|3\r\n'.replace("|", separator)
    sheet = read("plan.CSV", mark + text.encode())
    assert sheet.header == ["a", "b"]
    assert sheet.lines == [(3, ["1", "x\ny"]), (6, ["2", "3"])]
    assert sheet.separator == separator


def test_decimal_commas_do_not_hide_the_separator() -> None:
    """It is told by the header."""
    assert read("plan.csv", b"a;b\n1,5;2,5\n").lines == [(2, ["1,5", "2,5"])]


def test_a_line_may_be_shorter_or_longer_than_the_header() -> None:
    """Whoever reads the plan judges it."""
    assert read("plan.csv", b"a,b\n1\n1,2,3\n").lines == [(2, ["1"]), (3, ["1", "2", "3"])]


def test_an_excel_file_gives_the_same_text() -> None:
    """Of its first sheet: days as ISO dates, whole numbers without a fraction, no noise of binary fractions."""
    content = excel(
        ["SKU_ID", "day", "discount", "cancelled", None],
        [9752.0, date(2026, 11, 30), 0.1 + 0.2, True],
        [],
        [" A1 ", datetime.fromisoformat("2026-11-30 10:15"), 12.5, None, "beyond"],
    )
    sheet = read("plan.xlsx", content)
    assert sheet.header == ["SKU_ID", "day", "discount", "cancelled"]
    assert sheet.lines == [
        (2, ["9752", "2026-11-30", "0.3", "true"]),
        (4, ["A1", "2026-11-30 10:15:00", "12.5", "", "beyond"]),
    ]


def test_what_excel_could_not_work_out_is_seen() -> None:
    """A formula has its result; without one it is shown itself; one that came out empty is an empty cell."""
    content = excel(["a", "b", "c", "d"], [1, "=A2*2", "=A2*3", "#N/A"])
    part = "xl/worksheets/sheet1.xml"
    content = edited(content, part, "<f>A2*2</f><v />", "<f>A2*2</f><v>2</v>")
    assert read("plan.xlsx", content).lines == [(2, ["1", "2", "=A2*3", "#N/A"])]
    content = edited(content, part, '<c r="C2"><f>A2*3</f><v /></c>', '<c r="C2" t="str"><f>A2*3</f><v></v></c>')
    assert read("plan.xlsx", content).lines == [(2, ["1", "2", "", "#N/A"])]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("plan.pdf", b"%PDF", "expected a .csv or .xlsx file"),
        ("plan.xls", b"a,b\n1,2\n", ".xls is not read; open it and save it as .xlsx"),
        ("plan.ods", b"PK", ".ods is not read; open it and save it as .xlsx"),
        (
            "plan.csv",
            bytes.fromhex("D0CF11E0A1B11AE1") + b"0" * 999,
            "is an old Excel file under another name; open it",
        ),
        ("plan.csv", excel(["a", "b"]), "is an Excel file under another name; open it and save it as .xlsx"),
        ("plan.csv", b"a,b\n1,\0\n", "holds bytes that are no text; save it as CSV UTF-8, or as .xlsx"),
        ("plan.csv", bytes(range(256)) * 9, "holds bytes that are no text"),
        ("plan", b"a,b\n1,2\n", "expected a .csv or .xlsx file"),
        ("plan.csv", "Пермь,б\n1,2\n".encode("cp866"), "not UTF-8 text; save it as CSV UTF-8, or as .xlsx"),
        ("plan.csv", "Пермь,Юг\n1,2\n".encode("koi8-r"), "not UTF-8 text; save it as CSV UTF-8, or as .xlsx"),
        ("plan.csv", "Пермь,Юг\n1,2\n".encode()[:-7] + b"\xd0,\n1,2\n", "not UTF-8 text; save it as CSV UTF-8"),
        ("plan.csv", b"", "no line below a header"),
        ("plan.csv", b"a,b\n\n , \n", "no line below a header"),
        ("plan.csv", b"a,b,a\n1,2,3\n", "the header names a twice"),
        ("plan.csv", b'a,b\n"1,2\n', "line 2 cannot be read as csv (unexpected end of data)"),
        ("plan.csv", b"a,b\n" + b"x" * 200_000, "line 2 cannot be read as csv (field larger than field limit"),
        ("plan.csv", b"a,b\n" + b"1,2\n" * (PLAN.n_lines + 1), "more than 100,000 lines; is it a plan?"),
        ("plan.xlsx", b"a,b\n1,2\n", "is no Excel file (text under this name?); open it and save it as .xlsx"),
        (
            "plan.xlsx",
            b"\n<html><table>",
            "is no Excel file (a web page under this name?); open it and save it as .xlsx",
        ),
        ("plan.xlsx", bytes.fromhex("D0CF11E0A1B11AE1") + b"0" * 999, "has a password, or is of the old .xls kind"),
        ("plan.xlsx", excel(["a"], ["1"])[:-200], "cannot be read as xlsx (BadZipFile"),
        ("plan.xlsx", excel(), "no line below a header"),
        ("plan.csv", b"0" * (PLAN.n_bytes + 1), "larger than 50 MB; is it a plan?"),
    ],
)
def test_a_file_that_is_no_plan_is_one_line(name: str, content: bytes, said: str) -> None:
    """It says what to do, and begins with the file's name."""
    text = refusal(name, content)
    assert text.startswith(f"{name}: {said}")


@pytest.mark.slow
def test_a_zip_bomb_is_not_unpacked() -> None:
    """A small file with a large part is refused by what it says of itself; one that lies about it is broken."""
    bomb = io.BytesIO(excel(["a"], ["1"]))
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("xl/bomb.xml", b"0" * (MAX_UNPACKED_BYTES + 1))
    assert len(bomb.getvalue()) < 1_000_000
    assert refusal("plan.xlsx", bomb.getvalue()) == "plan.xlsx: unpacks to more than 100 MB; is it a plan?"


@pytest.mark.slow
def test_a_row_far_below_is_not_waited_for() -> None:
    """The file says that it has a row two thousand million."""
    content = edited(excel(["a"], ["1"]), "xl/worksheets/sheet1.xml", '<row r="2">', '<row r="2000000000">')
    assert "has rows below 200,000" in refusal("plan.xlsx", content)


def test_an_excel_file_of_anything_else_is_one_line() -> None:
    """An archive with other parts, or with a part that is not XML."""
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as parts:
        parts.writestr("readme.txt", "no workbook")
    assert refusal("plan.xlsx", other.getvalue()).startswith("plan.xlsx: cannot be read as xlsx (KeyError")
    broken = edited(excel(["a"], ["1"]), "xl/worksheets/sheet1.xml", "</sheetData>", "")
    assert refusal("plan.xlsx", broken).startswith("plan.xlsx: cannot be read as xlsx (")


@pytest.mark.parametrize("encoding", ["cp1251", "utf-16", "utf-8", "utf-8-sig"])
def test_text_is_read_as_whoever_saved_it_meant_it(encoding: str) -> None:
    """Windows-1251 is guessed, and that is said."""
    sheet = read("plan.csv", "unit;note\nПермь;«№ 5» — Ёж\n".encode(encoding))
    assert sheet.lines == [(2, ["Пермь", "«№ 5» — Ёж"])]
    assert sheet.notes == (["read as Windows-1251 text"] if encoding == "cp1251" else [])


@pytest.mark.parametrize(
    "above", ["sep=;\n", "План на декабрь;;\n\n", "Отчёт, сформирован: 1.12.2026, Иванов, Пермь, Юг\n\n", "\n;;\n"]
)
def test_what_stands_above_the_header_is_passed_over(above: str) -> None:
    """Excel's own line, titles with other separators in them, blank lines; lines keep their numbers."""
    sheet = read("plan.csv", f"{above}Unit;CHANNEL;x\nПермь;KA;1,5\n;;\nЮг;KA;2;;\n".encode())
    assert sheet.header == ["Unit", "CHANNEL", "x"]
    n_above = above.count("\n")
    assert sheet.lines == [(n_above + 2, ["Пермь", "KA", "1,5"]), (n_above + 4, ["Юг", "KA", "2"])]
    assert sheet.separator == ";"


def test_a_separator_may_be_a_bar() -> None:
    """As databases write."""
    assert read("plan.csv", b"unit|channel\na;b|c,d\n").lines == [(2, ["a;b", "c,d"])]


def book(*sheets: tuple[str, str, list[list[object]]]) -> bytes:
    """Return an Excel file of these sheets: title, state, rows."""
    made = openpyxl.Workbook()
    made.remove(made.active)
    for title, state, rows in sheets:
        sheet = made.create_sheet(title)
        sheet.sheet_state = state
        for row in rows:
            sheet.append(row)
    content = io.BytesIO()
    made.save(content)
    return content.getvalue()


DRAFT: list[list[object]] = [["unit", "channel"], ["draft", "KA"]]
PLANNED: list[list[object]] = [["unit", "channel"], ["plan", "KA"]]


@pytest.mark.parametrize("state", ["hidden", "veryHidden"])
def test_a_hidden_sheet_is_not_read(state: str) -> None:
    """The first visible one is, and that is said."""
    sheet = read("plan.xlsx", book(("old", state, DRAFT), ("new", "visible", PLANNED), ("more", "visible", DRAFT)))
    assert sheet.lines == [(2, ["plan", "KA"])]
    assert sheet.notes == ["sheet 'new' was read, not 'old' (hidden), 'more'"]
    assert "all of its sheets are hidden" in refusal("plan.xlsx", hidden_book())


def hidden_book() -> bytes:
    """Return an Excel file without a visible sheet, which Excel itself does not save."""
    return edited(book(("a", "visible", DRAFT)), "xl/workbook.xml", 'state="visible"', 'state="hidden"')


def test_a_cover_sheet_is_passed_over() -> None:
    """Of several visible sheets the first one with a header counts; without any, the first."""
    cover: list[list[object]] = [["Plan of December"], ["by", "Ivanov"]]
    assert read("plan.xlsx", book(("cover", "visible", cover), ("plan", "visible", PLANNED))).lines == [
        (2, ["plan", "KA"])
    ]
    assert read("plan.xlsx", book(("cover", "visible", cover), ("x", "visible", [["a"]]))).header == [
        "Plan of December"
    ]


def test_hidden_rows_are_read_and_said() -> None:
    """A filter hides rows, and nobody knows whether they are meant."""
    made = openpyxl.load_workbook(io.BytesIO(excel(["a", "b"], [1, 2], [3, 4])))
    made.active.row_dimensions[2].hidden = True
    content = io.BytesIO()
    made.save(content)
    sheet = read("plan.xlsx", content.getvalue())
    assert [number for number, _ in sheet.lines] == [2, 3]
    assert "1 hidden row read like the others" in sheet.notes


def test_a_percent_cell_is_read_as_it_is_shown() -> None:
    """1 shown as 100 % is 100 %; what is a percent sign in quotes or in another cell is none of this one."""
    made = openpyxl.load_workbook(io.BytesIO(excel(["a", "b", "c", "d", "e"], [1, 0.3, 0.125, 1, 0])))
    formats = ["0%", "0.00%", "[Red]0.0 %", '0" %"', "0%"]
    for cell, number_format in zip(made.active[2], formats, strict=True):
        cell.number_format = number_format
    content = io.BytesIO()
    made.save(content)
    assert read("plan.xlsx", content.getvalue()).lines == [(2, ["100%", "30%", "12.5%", "1", "0%"])]


def test_a_strict_workbook_says_how_to_save_it() -> None:
    """Excel offers it as another kind of workbook."""
    content = edited(
        excel(["a"], ["1"]), "xl/workbook.xml", "http://schemas.openxmlformats.org/", "http://purl.oclc.org/ooxml/"
    )
    assert refusal("plan.xlsx", content) == "plan.xlsx: saved as Strict Open XML; save it as Excel Workbook (.xlsx)"


def test_whoever_made_the_table_its_cells_are_the_same(tmp_path: Path) -> None:
    """CSV with commas or semicolons and Excel: text under the number of its line, missing where empty or NULL."""
    rows = [["SKU_ID", "day", "note"], ["A1", "2026-11-30", None], ["NULL", "2026-12-01", "NA"]]
    texts = {mark: "\n".join(mark.join(cell or "" for cell in row) for row in rows) for mark in ",;"}
    for name, content in (("a.csv", texts[","].encode()), ("b.csv", texts[";"].encode()), ("c.xlsx", excel(*rows))):
        path = tmp_path / name
        path.write_bytes(content)
        found = read_cells(path)
        assert found.index.tolist() == [2, 3]
        assert found["day"].tolist() == ["2026-11-30", "2026-12-01"]
        assert found["SKU_ID"].isna().tolist() == [False, True]
        assert found["note"].isna().tolist() == [True, False]
