"""Sheets of a workbook: titles, frozen headings, widths, and cells that are what they look like.

Titles, headings and looks are openpyxl's. The rows below are written as XML here, into the file that it has made: an
object per cell takes five times as long, and there are a million of them for 20,000 combinations.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache, partial
from typing import Any, Literal
from xml.sax.saxutils import escape

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from skucast.sheets.formulas import NOT_IN_XML

Kind = Literal["text", "number", "change", "percent", "share", "day", "count"]
Looks = dict[tuple[Any, ...], Any]
"""The looks that a workbook has already: openpyxl's, by what they are of."""

_FORMATS = {
    "number": "#,##0.0",
    "change": "+#,##0.0;-#,##0.0;0.0",
    "percent": "+0.0%;-0.0%;0.0%",
    "share": "0%",
    "day": "dd.mm.yyyy",
    "count": "0",
}
_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
_NOT_IN_TITLES = re.compile(r"[\[\]:*?/\\]")
_LONGEST_TITLE, _LONGEST_TEXT = 31, 32_767
_DAY_0 = date(1899, 12, 30)
"""Days are counted from there."""

_HEADING = PatternFill("solid", fgColor="E8EDF3")
_END_OF_ROWS = b"</sheetData>"
_PACKING = 5
"""Level of deflate: the usual one takes a third longer for a file that is a twenty-fifth smaller."""


@dataclass(frozen=True)
class Field:
    """A column of a sheet: its heading (a text, or the day that it is about), the kind of its cells, its width."""

    heading: str | date
    kind: Kind = "text"
    width: float = 12


class Book:
    """A workbook that sheets are added to, one after the other."""

    def __init__(self, created: datetime) -> None:
        self._book = Workbook(write_only=True)
        self._book.properties.creator, self._book.properties.created = "skucast", created
        self._bodies: list[bytes] = []
        self._looks: Looks = {}

    def add(
        self,
        title: str,
        facts: Sequence[str],
        fields: Sequence[Field],
        rows: Iterable[Sequence[Any]],
        *,
        n_names: int,
        n_bold: int = 0,
    ) -> None:
        """Add a sheet: the facts, a line each, then headings that stay in sight with the first `n_names` columns.

        Of the rows the first `n_bold` stand out, as sums do. An empty text, None and what is no number are empty cells.
        """
        sheet = self._book.create_sheet(_NOT_IN_TITLES.sub(" ", title)[:_LONGEST_TITLE])
        first = len(facts) + (2 if facts else 1)
        sheet.freeze_panes = f"{get_column_letter(n_names + 1)}{first + 1}"
        sheet.print_title_rows = f"{first}:{first}"
        sheet.page_setup.orientation, sheet.page_setup.fitToHeight = "landscape", 0
        sheet.sheet_properties.pageSetUpPr.fitToPage = True
        for place, field in enumerate(fields, 1):
            sheet.column_dimensions[get_column_letter(place)].width = field.width
        lines = [[_text_cell(sheet, fact)] for fact in facts]
        for (cell,) in lines[:1]:
            cell.font = Font(bold=True)
        for line in [*lines, *([[]] if facts else []), [_heading_cell(sheet, field, self._looks) for field in fields]]:
            sheet.append(line)
        body = _body(partial(_look, sheet, self._looks), fields, rows, first + 1, n_bold)
        if body:
            sheet.auto_filter.ref = f"A{first}:{get_column_letter(len(fields))}{first + len(body)}"
        sheet.close()
        self._bodies.append("".join(body).encode("utf-8"))

    def to_bytes(self) -> bytes:
        """Return the .xlsx file."""
        made, whole = io.BytesIO(), io.BytesIO()
        self._book.save(made)
        bodies = {f"xl/worksheets/sheet{number}.xml": body for number, body in enumerate(self._bodies, 1)}
        with zipfile.ZipFile(made) as before, zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as after:
            for part in before.infolist():
                content = before.read(part)
                if body := bodies.get(part.filename):
                    start, _, end = content.rpartition(_END_OF_ROWS)
                    content = b"".join((start, body, _END_OF_ROWS, end))
                after.writestr(part, content, zipfile.ZIP_DEFLATED, _PACKING)
        return whole.getvalue()


# --- Rows -------------------------------------------------------------------------------------------------------------


def _body(
    look: Callable[..., int], fields: Sequence[Field], rows: Iterable[Sequence[Any]], first: int, n_bold: int
) -> list[str]:
    """The rows as XML, the first of them in the row of that number."""
    given = list(rows)
    bold = _lines(look, fields, given[:n_bold], first, is_bold=True)
    return bold + _lines(look, fields, given[n_bold:], first + n_bold, is_bold=False)


def _lines(
    look: Callable[..., int], fields: Sequence[Field], rows: Sequence[Sequence[Any]], first: int, *, is_bold: bool
) -> list[str]:
    """The rows as XML, made column by column: a call for each cell takes longer than what it does."""
    if not rows:
        return []
    numbers = range(first, first + len(rows))
    columns = [
        _cells(partial(look, field.kind, is_bold=is_bold), get_column_letter(place), field.kind, values, numbers)
        for place, (field, values) in enumerate(zip(fields, zip(*rows, strict=True), strict=True), 1)
    ]
    cells = map("".join, zip(*columns, strict=True))
    return [f'<row r="{number}">{each}</row>' for number, each in zip(numbers, cells, strict=True)]


def _cells(
    look: Callable[..., int], column: str, kind: Kind, values: Sequence[Any], numbers: Sequence[int]
) -> list[str]:
    """The cells of a column as XML, an empty text for one that is empty."""
    style = look()
    if kind == "text":
        quoted = look(is_quoted=True)
        said = {each: _text_part(each, style, quoted) for each in set(values)}  # most stand in many rows
        return [
            f'<c r="{column}{n}"{part}' if (part := said[each]) else "" for n, each in zip(numbers, values, strict=True)
        ]
    if kind == "day":
        values = [None if each is None or each == "" else (each - _DAY_0).days for each in values]
    return [
        "" if each is None or each == "" or each - each != 0 else f'<c r="{column}{n}" s="{style}"><v>{each}</v></c>'
        for n, each in zip(numbers, values, strict=True)
    ]


def _text_part(value: Any, style: int, quoted: int) -> str:
    """What follows the place of a cell that holds the text, empty if it is none."""
    if value is None or value == "" or value != value:  # NaN is not itself
        return ""
    look = quoted if value.startswith(_FORMULA_SIGNS) else style
    return f' s="{look}" t="inlineStr"><is>{_text(value)}</is></c>'


def _look(sheet: Any, looks: Looks, kind: Kind, *, is_bold: bool, is_quoted: bool = False) -> int:
    """The number of a cell's style in the workbook; a quoted text stays one when somebody edits it."""
    if (kind, is_bold, is_quoted) in looks:
        return int(looks[kind, is_bold, is_quoted])
    cell = WriteOnlyCell(sheet)
    cell.number_format = _FORMATS.get(kind, "General")
    cell.font = Font(bold=is_bold)
    cell.quotePrefix = is_quoted
    looks[kind, is_bold, is_quoted] = style = int(cell.style_id)
    return style


@lru_cache(maxsize=100_000)
def _text(value: str) -> str:
    """The text of a cell; a name stands in one for each week, sheet and language."""
    return f'<t xml:space="preserve">{escape(_clean(value))}</t>'


def _clean(text: str) -> str:
    """The text without what no file may hold, as long as a cell can be."""
    return NOT_IN_XML.sub("", text)[:_LONGEST_TEXT]


# --- Headings ---------------------------------------------------------------------------------------------------------


def _text_cell(sheet: Any, text: Any) -> Any:
    """A cell with the text: never a formula, nor an error such as #N/A, whatever it begins with."""
    cell = WriteOnlyCell(sheet)
    cell.value = _clean(text)
    cell.data_type = "s"
    return cell


def _heading_cell(sheet: Any, field: Field, looks: Looks) -> Any:
    is_text, side = isinstance(field.heading, str), "left" if field.kind == "text" else "right"
    cell = _text_cell(sheet, field.heading) if is_text else WriteOnlyCell(sheet, field.heading)
    if (look := looks.get(("heading", is_text, side))) is not None:
        cell._style = look  # noqa: SLF001 - openpyxl looks up each part of a look anew
        return cell
    if not is_text:
        cell.number_format = _FORMATS["day"]
    cell.font, cell.fill = Font(bold=True), _HEADING
    cell.alignment = Alignment(horizontal=side, vertical="top", wrap_text=True)
    looks["heading", is_text, side] = cell._style  # noqa: SLF001
    return cell
