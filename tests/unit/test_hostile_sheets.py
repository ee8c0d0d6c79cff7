"""Files that nobody made by hand: what would cost gigabytes or hours is one line, before it costs them."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import excel

from skucast.core.errors import InputError
from skucast.regressors.promotion_files import PLAN
from skucast.sheets import csv_text, limits, parquet, parts
from skucast.sheets.frame import read_cells
from skucast.sheets.reading import read_sheet

SHEET, STRINGS, STYLES = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/styles.xml"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def with_part(part: str, text: str) -> bytes:
    """Return an Excel file of one row with this text for one of its parts."""
    result = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(excel(["a", "b"], ["x", "y"]))) as before,
        zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as after,
    ):
        found = {name: before.read(name).decode() for name in before.namelist()}
        if part not in found:
            kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
            types = found["[Content_Types].xml"]
            named = f'<Override PartName="/{part}" ContentType="{kind}"/></Types>'
            found["[Content_Types].xml"] = types.replace("</Types>", named)
        for name, content in {**found, part: text}.items():
            after.writestr(name, content)
    return result.getvalue()


def sheet_of(inside: str, start: str = "") -> str:
    return f'{start}<worksheet xmlns="{MAIN}">{inside}</worksheet>'


def refusal(name: str, content: bytes) -> str:
    with pytest.raises(InputError) as caught:
        read_sheet(name, io.BytesIO(content), PLAN)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


@pytest.mark.parametrize(
    "part", [SHEET, STRINGS, STYLES, "xl/workbook.xml", "[Content_Types].xml", "docProps/core.xml"]
)
def test_opening_tags_are_not_heaped_up(part: str) -> None:
    """Twelve million took 3.5 GB; from 64 in each other on there is nothing to look for, in whichever part."""
    content = with_part(part, "<a>" * 100_000)
    assert len(content) < 20_000
    assert refusal("plan.xlsx", content) == (
        "plan.xlsx: holds more than 64 elements in each other, as no plan does; copy its cells to a new file"
    )


ENTITIES = (
    '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY x SYSTEM "file:///etc/hostname">]>'
)


@pytest.mark.parametrize("part", [SHEET, STRINGS, STYLES])
@pytest.mark.parametrize("named", ["&b;", "&x;", ""])
def test_a_document_type_is_refused(part: str, named: str) -> None:
    """No spreadsheet writes one: entities stand in it, which grow or are read from elsewhere."""
    text = refusal("plan.xlsx", with_part(part, f'{ENTITIES}<worksheet xmlns="{MAIN}">{named}</worksheet>'))
    assert "holds a document type" in text


ATTRIBUTES = " ".join(f'a{number}="1"' for number in range(12))

HEAPS = {
    "elements besides": (SHEET, sheet_of("<x/>" * 30)),
    "elements besides, kept": (STYLES, f'<styleSheet xmlns="{MAIN}">{"<row/>" * 30}</styleSheet>'),
    "elements besides, of rows": (STRINGS, f'<sst xmlns="{MAIN}">{"<row/>" * 30}</sst>'),
    "rows or texts": (SHEET, sheet_of("<sheetData>" + "<row/>" * 30 + "</sheetData>")),
    "rows or texts, shared": (STRINGS, f'<sst xmlns="{MAIN}">{"<si/>" * 30}</sst>'),
    "in one row": (SHEET, sheet_of(f"<sheetData><row>{'<c/>' * 40}</row></sheetData>")),
    "names of elements": (SHEET, sheet_of("".join(f"<x{number}/>" for number in range(12)))),
    "names of elements, attributes": (SHEET, sheet_of(f"<x {ATTRIBUTES}/>")),
    "a name of more": (SHEET, f'<a xmlns="{"u" * 80}"/>'),
    "a text of more": (SHEET, sheet_of(f'<sheetData><row><c t="str"><v>{"x" * 3_001}</v></c></row></sheetData>')),
    "a text of more, of an attribute": (SHEET, sheet_of(f'<x a="{"x" * 3_001}"/>')),
    "a number format": (STYLES, f'<styleSheet xmlns="{MAIN}"><numFmt formatCode="{"[" * 256}"/></styleSheet>'),
    "a tag of more": (SHEET, sheet_of(f"<x{' ' * 400_000}/>")),
    "formulas of more": (
        SHEET,
        sheet_of(
            '<sheetData><row><c><f t="shared" ref="A1:Z9" si="0">'
            + "A1+" * 900
            + "A1</f></c></row><row>"
            + '<c><f t="shared" si="0"/></c>' * 9
            + "</row></sheetData>"
        ),
    ),
}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the limits so small that little passes them; names as long as Excel's own namespace stay."""
    for name, value in (("MAX_KEPT", 29), ("MAX_FORGOTTEN", 20), ("MAX_WITHIN", 30), ("MAX_NAMES", 11)):
        monkeypatch.setattr(parts, name, value)
    for name, value in (("MAX_NAME", 58 + 10), ("MAX_CELL", 3_000), ("MAX_SHARED", 20_000), ("_UNFINISHED", 200_000)):
        monkeypatch.setattr(parts, name, value)


@pytest.mark.parametrize("said", HEAPS)
def test_what_is_heaped_up_in_a_part_is_refused(said: str, small: None) -> None:
    """Elements that are kept and those that are forgotten, names, texts, formulas that are worked out from another."""
    part, text = HEAPS[said]
    look = parts._Look("row" if part == SHEET else "si" if part == STRINGS else "", lambda what, n: parts.TooMuch(what))
    with pytest.raises(parts.TooMuch, match=said.partition(",")[0]):
        look.through(io.BytesIO(text.encode()))


def test_one_text_in_every_cell_is_counted_where_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is kept once in the file, and would be cut of its blanks a million times."""
    monkeypatch.setattr("skucast.sheets.excel.MAX_CHARACTERS", 50_000)
    assert "its cells hold more than" in refusal("plan.xlsx", excel(*[["x" * 999 + " "] * 2 for _ in range(30)]))


def test_sheets_that_are_one_part_are_opened_so_often_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A workbook of a thousand names for one sheet is a thousand sheets."""
    monkeypatch.setattr(parts, "MAX_UNPACKED_BYTES", 50_000)
    one = '<sheet name="s{n}" sheetId="{n}" r:id="rId1" xmlns:r="{r}" state="visible"/>'
    names = "".join(
        one.format(n=n, r="http://schemas.openxmlformats.org/officeDocument/2006/relationships") for n in range(1, 99)
    )
    book = f'<workbook xmlns="{MAIN}"><sheets>{names}</sheets></workbook>'
    long = sheet_of("<x/>" * 2_000 + "<sheetData/>")
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(with_part("xl/workbook.xml", book))) as before, zipfile.ZipFile(result, "w") as new:
        for name in before.namelist():
            new.writestr(name, long if name == SHEET else before.read(name))
    assert "sheets that are the same" in refusal("plan.xlsx", result.getvalue())


def test_an_archive_in_an_archive_stays_closed() -> None:
    """What lies beside the sheets is not unpacked further; thousands of parts are no workbook."""
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("deeper.xml", b"<a>" * 100_000)
    result = io.BytesIO(excel(["a"], ["x"]))
    with zipfile.ZipFile(result, "a") as book:
        book.writestr("xl/embeddings/inner.xlsx", inner.getvalue())
    assert read_sheet("plan.xlsx", io.BytesIO(result.getvalue()), PLAN).lines == [(2, ["x"])]
    with zipfile.ZipFile(result, "a") as book:
        for number in range(parts.MAX_PARTS):
            book.writestr(f"x/{number}", b"")
    assert "holds more than 10,000 parts" in refusal("plan.xlsx", result.getvalue())


# --- CSV ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a;b\n" + b"x" * 6_000, "line 1 cannot be read as csv (more than 5,000 characters in a line)"),
        (b"x" * 6_000, "cannot be read as csv (more than 5,000 characters in a line)"),
        (b"a;b\n" + b'"\n";' * 2_000, "more than 5,000 characters in a line"),
        (b"a;b\n1;" + b"x" * 131_073 + b"\n", "line 2 cannot be read as csv (field larger than field limit (131072))"),
        (b";".join(b"%d" % number for number in range(16_385)), "has more than 16,384 columns"),
    ],
)
@pytest.mark.parametrize("above", [b"", b"\n" * 30])
def test_a_csv_has_lines_that_end(above: bytes, content: bytes, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line of 3 GB is read as far as a line goes, also among those in which the header is looked for."""
    is_of_lines = b"131073" not in content and (said.startswith("more") or "5,000" in said)
    monkeypatch.setattr(csv_text, "MAX_LINE", 5_000 if is_of_lines else 2_000_000)
    text = refusal("plan.csv", content if "16,384" in said else content.replace(b"a;b\n", b"a;b\n" + above))
    assert text.startswith("plan.csv: ")
    assert said.replace("line 1 ", "").replace("line 2 ", "") in text


# --- Parquet --------------------------------------------------------------------------------------------------------


def written(path: Path, column: pa.Array) -> Path:
    pq.write_table(pa.table({"a": column}), path, compression="zstd")
    return path


def test_one_text_in_every_row_of_a_parquet_is_counted_where_it_stands(tmp_path: Path) -> None:
    """The file is small: 50,000 rows of 100,000 characters are one text and its number, 5 GB in memory."""
    long = pa.DictionaryArray.from_arrays(pa.array([0] * 50_000, "int32"), pa.array(["x" * 100_000]))
    path = written(tmp_path / "sales.parquet", long)
    assert path.stat().st_size < 100_000
    with pytest.raises(InputError, match=r"sales.parquet: its cells hold more than 100,000,000 characters"):
        read_cells(path)
    path = written(tmp_path / "long.parquet", pa.array(["x" * (4 * limits.MAX_CELL + 1)]))
    with pytest.raises(InputError, match=r"long.parquet: a cell of more than 131,072 characters"):
        read_cells(path)


@pytest.mark.parametrize(("limit", "said"), [("MAX_ROWS", "rows"), ("MAX_ROW_GROUP", "row group")])
def test_what_a_parquet_says_of_itself_is_believed(
    limit: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand million rows that say the same are a few bytes."""
    monkeypatch.setattr(parquet, limit, 5)
    path = written(tmp_path / "sales.parquet", pa.array(range(10)))
    with pytest.raises(InputError, match=rf"sales.parquet: .*{said}"):
        read_cells(path)


def test_memory_is_bounded_whatever_asks_for_it() -> None:
    """The net below all limits: what wants more than is allowed is one line that names the file."""
    with (
        pytest.raises(InputError, match=r"plan.xlsx: needs more memory than the 200 MB"),
        limits.little_memory("plan.xlsx", 200_000_000),
    ):
        bytearray(2_000_000_000)
    assert len(bytearray(300_000_000)) == 300_000_000
