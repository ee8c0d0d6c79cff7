"""Sheets of a workbook, written row by row: titles, frozen headings, widths, and cells that are what they look like."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

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
_NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_NOT_IN_TITLES = re.compile(r"[\[\]:*?/\\]")
_LONGEST_TITLE, _LONGEST_TEXT = 31, 32_767

_HEADING = PatternFill("solid", fgColor="E8EDF3")


@dataclass(frozen=True)
class Field:
    """A column of a sheet: its heading (a text, or the day that it is about), the kind of its cells, its width."""

    heading: str | date
    kind: Kind = "text"
    width: float = 12


def add_sheet(
    book: Workbook,
    title: str,
    facts: Sequence[str],
    fields: Sequence[Field],
    rows: Iterable[Sequence[Any]],
    *,
    n_names: int,
    n_bold: int = 0,
) -> None:
    """Write a sheet: the facts, a line each, then headings that stay in sight with the first `n_names` columns.

    The rows are written as they come. Of the rows the first `n_bold` stand out, as sums do.
    """
    sheet = book.create_sheet(_NOT_IN_TITLES.sub(" ", title)[:_LONGEST_TITLE])
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
    cells = _Cells(sheet, fields)
    n_rows = 0
    for row in rows:
        sheet.append(cells.of(row, is_bold=n_rows < n_bold))
        n_rows += 1
    if n_rows:
        sheet.auto_filter.ref = f"A{first}:{get_column_letter(len(fields))}{first + n_rows}"
    sheet.close()


class _Cells:
    """One cell per column and look, filled anew for every row: it is written before the next one is asked for."""

    def __init__(self, sheet: Any, fields: Sequence[Field]) -> None:
        self._kinds = [field.kind for field in fields]
        self._plain = [_cell_of(sheet, field.kind) for field in fields]
        self._bold = [_cell_of(sheet, field.kind, is_bold=True) for field in fields]
        self._quoted = _cell_of(sheet, "text")
        self._quoted.quotePrefix = True

    def of(self, row: Sequence[Any], *, is_bold: bool) -> Iterator[Any]:
        """The row's cells, None for empty ones."""
        for kind, cell, value in zip(self._kinds, self._bold if is_bold else self._plain, row, strict=True):
            if value is None or (isinstance(value, float) and not math.isfinite(value)) or value == "":
                yield None
            elif kind == "text":
                yield _with_text(self._quoted if value.startswith(_FORMULA_SIGNS) else cell, value)
            else:
                cell.value = value
                yield cell


def _cell_of(sheet: Any, kind: Kind, *, is_bold: bool = False) -> Any:
    cell = WriteOnlyCell(sheet)
    if kind != "text":
        cell.number_format = _FORMATS[kind]
    if is_bold:
        cell.font = Font(bold=True)
    return cell


def _with_text(cell: Any, text: str) -> Any:
    """The cell with the text: never a formula, nor an error such as #N/A, whatever it begins with."""
    cell.value = _NOT_IN_XML.sub("", text)[:_LONGEST_TEXT]
    cell.data_type = "s"
    return cell


def _text_cell(sheet: Any, text: str, font: Font) -> Any:
    cell = _with_text(WriteOnlyCell(sheet), text)
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
