"""Tables that people make: every cell as text, whoever has written the file, and a file that is none in one line."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime
from pathlib import Path

import pytest
from builders import excel

from skucast.core.errors import InputError
from skucast.regressors.promotion_files import PLAN
from skucast.sheets.excel import MAX_UNPACKED_BYTES
from skucast.sheets.frame import read_cells
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
        ("plan", b"a,b\n1,2\n", "expected a .csv or .xlsx file"),
        ("plan.csv", "а,б\n1,2\n".encode("cp1251"), "not UTF-8 text; save it as CSV UTF-8, or as .xlsx"),
        ("plan.csv", b"", "no line below a header"),
        ("plan.csv", b"a,b\n\n , \n", "no line below a header"),
        ("plan.csv", b"a,b,a\n1,2,3\n", "the header names a twice"),
        ("plan.csv", b'a,b\n"1,2\n', "line 2 cannot be read as csv (unexpected end of data)"),
        ("plan.csv", b"a,b\n" + b"x" * 200_000, "line 2 cannot be read as csv (field larger than field limit"),
        ("plan.csv", b"a,b\n" + b"1,2\n" * (PLAN.n_lines + 1), "more than 100,000 lines; is it a plan?"),
        ("plan.xlsx", b"a,b\n1,2\n", "cannot be read as xlsx (BadZipFile"),
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
