"""Sheets of a workbook: titles, frozen headings, widths, and cells that are what they look like.

Titles, headings and looks are openpyxl's. The rows below are written as XML here, into the file that it has made: an
object per cell takes five times as long, and there are a million of them for 20,000 combinations.
"""

from __future__ import annotations

import io
import math
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Literal
from xml.sax.saxutils import escape

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from skucast.sheets.formulas import NOT_IN_XML

Kind = Literal["text", "number", "change", "percent", "share", "day", "count"]

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
        lines = [[_text_cell(sheet, fact, Font(bold=place == 0))] for place, fact in enumerate(facts)]
        for line in [*lines, *([[]] if facts else []), [_heading_cell(sheet, field) for field in fields]]:
            sheet.append(line)
        body = list(_body(sheet, fields, rows, first + 1, n_bold))
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
                after.writestr(part, content, zipfile.ZIP_DEFLATED)
        return whole.getvalue()


# --- Rows -------------------------------------------------------------------------------------------------------------


def _body(sheet: Any, fields: Sequence[Field], rows: Iterable[Sequence[Any]], first: int, n_bold: int) -> Iterator[str]:
    """The rows as XML, the first of them in the row of that number."""
    plain, bold = (_writers(sheet, fields, is_bold=is_bold) for is_bold in (False, True))
    for number, row in enumerate(rows, first):
        writers = bold if number < first + n_bold else plain
        cells = [write(value, number) for write, value in zip(writers, row, strict=True) if not _is_empty(value)]
        yield f'<row r="{number}">{"".join(cells)}</row>'


def _is_empty(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and not math.isfinite(value))


Writer = Callable[[Any, int], str]


def _writers(sheet: Any, fields: Sequence[Field], *, is_bold: bool) -> list[Writer]:
    """What writes each column's cell, given its value and the number of its row."""
    return [_writer(sheet, get_column_letter(place), field.kind, is_bold) for place, field in enumerate(fields, 1)]


def _writer(sheet: Any, column: str, kind: Kind, is_bold: bool) -> Writer:  # noqa: FBT001 - called from one place
    style, quoted = _look(sheet, kind, is_bold=is_bold), _look(sheet, kind, is_bold=is_bold, is_quoted=True)

    def text(value: str, number: int) -> str:
        look = quoted if value.startswith(_FORMULA_SIGNS) else style
        return f'<c r="{column}{number}" s="{look}" t="inlineStr"><is>{_text(value)}</is></c>'

    def day(value: date, number: int) -> str:
        return f'<c r="{column}{number}" s="{style}"><v>{(value - _DAY_0).days}</v></c>'

    def count(value: float, number: int) -> str:
        return f'<c r="{column}{number}" s="{style}"><v>{value}</v></c>'

    return text if kind == "text" else day if kind == "day" else count


def _look(sheet: Any, kind: Kind, *, is_bold: bool, is_quoted: bool = False) -> int:
    """The number of a cell's style in the workbook; a quoted text stays one when somebody edits it."""
    cell = WriteOnlyCell(sheet)
    cell.number_format = _FORMATS.get(kind, "General")
    cell.font = Font(bold=is_bold)
    cell.quotePrefix = is_quoted
    style: int = cell.style_id
    return style


@lru_cache(maxsize=100_000)
def _text(value: str) -> str:
    """The text of a cell; a name stands in one for each week, sheet and language."""
    return f'<t xml:space="preserve">{escape(_clean(value))}</t>'


def _clean(text: str) -> str:
    """The text without what no file may hold, as long as a cell can be."""
    return NOT_IN_XML.sub("", text)[:_LONGEST_TEXT]


# --- Headings ---------------------------------------------------------------------------------------------------------


def _text_cell(sheet: Any, text: str, font: Font) -> Any:
    """A cell with the text: never a formula, nor an error such as #N/A, whatever it begins with."""
    cell = WriteOnlyCell(sheet)
    cell.value = _clean(text)
    cell.data_type = "s"
    cell.font = font
    return cell


def _heading_cell(sheet: Any, field: Field) -> Any:
    if isinstance(field.heading, str):
        cell = _text_cell(sheet, field.heading, Font(bold=True))
    else:
        cell = WriteOnlyCell(sheet, field.heading)
        cell.number_format, cell.font = _FORMATS["day"], Font(bold=True)
    cell.fill = _HEADING
    side = "left" if field.kind == "text" else "right"
    cell.alignment = Alignment(horizontal=side, vertical="top", wrap_text=True)
    return cell
