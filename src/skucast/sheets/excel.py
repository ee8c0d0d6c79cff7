"""Excel: the rows of a workbook's visible sheet as text."""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime, time
from functools import lru_cache
from itertools import islice
from typing import Any

from skucast.core.errors import InputError
from skucast.core.texts import Count, Text
from skucast.sheets.csv_text import LOOKED_AT, n_names
from skucast.sheets.limits import MAX_CHARACTERS, TooMuch, little_memory
from skucast.sheets.parts import MAX_UNPACKED_BYTES, Parts

MAX_ROW, MAX_COLUMN = 200_000, 50
"""Last row and column of an Excel sheet that are looked at; blank ones take their time as well."""

_OLD_OR_ENCRYPTED = bytes.fromhex("D0CF11E0A1B11AE1")
"""How a container of the old Office begins: an .xls, or an .xlsx with a password."""

_STRICT = b"http://purl.oclc.org/ooxml/"
_QUOTED = re.compile(r'"[^"]*"|\\.')

Records = list[tuple[int, list[str]]]


def excel_records(name: str, content: bytes, what: str, names: Collection[str] = ()) -> tuple[Records, list[str]]:
    """Return the rows that have a filled cell, each with its number, and what must be said of where they are from.

    They are those of the first visible sheet, of the first that has `names` in a header if one has. Each ends with its
    last filled cell. `what` the file should be is for the messages.

    Raises:
        InputError: the file cannot be read, or is far larger than a sheet that somebody made.
    """
    if content.startswith(_OLD_OR_ENCRYPTED):
        raise InputError(
            Text("{name}: has a password, or is of the old .xls kind; save it as .xlsx without a password", name=name)
        )
    if not content.startswith(b"PK"):
        is_page = content.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<")
        other = Text("a web page") if is_page else Text("text")
        raise InputError(
            Text(
                "{name}: is no Excel file ({other} under this name?); open it and save it as .xlsx",
                name=name,
                other=other,
            )
        )
    try:
        with little_memory(name), warnings.catch_warnings(action="ignore"):  # of what is no cell: drop-down lists
            parts = _parts(name, content, what)
            values = _book(parts)
            title, notes = _chosen(name, values, names)
            rows = list(_filled_rows(name, values[title], _book(parts, data_only=False)[title], what))
            notes += _hidden_rows(parts, values[title])
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001 - a broken file may make the library raise anything
        text = (f"{name}: cannot be read as xlsx ({type(error).__name__}: {error})".splitlines()[0])[:1000]
        raise InputError(Text("{text}; it may be cut off: open it in Excel and save it anew", text=text)) from None
    return rows, notes


def _parts(name: str, content: bytes, what: str) -> Parts:
    if len(content) > MAX_UNPACKED_BYTES:
        raise TooMuch(
            Text(
                "{name}: larger than {n} MB; is it a {what}?",
                name=name,
                n=MAX_UNPACKED_BYTES // 10**6,
                what=Text(what),
            )
        )
    parts = Parts(name, content, what)
    if "xl/workbook.xml" in parts.namelist() and _STRICT in parts.read("xl/workbook.xml"):
        raise InputError(Text("{name}: saved as Strict Open XML; save it as Excel Workbook (.xlsx)", name=name))
    return parts


def _chosen(name: str, book: Any, names: Collection[str]) -> tuple[str, list[str]]:
    """The title of the sheet to read, and that it is one of several."""
    sheets = book.worksheets
    visible = [sheet for sheet in sheets if sheet.sheet_state == "visible"]
    if not visible:
        raise InputError(Text("{name}: all of its sheets are hidden; show the one that is meant", name=name))
    fitting = [sheet for sheet in visible if len(visible) > 1 and _has_header(sheet, names)]
    chosen = (fitting or visible)[0].title
    if len(sheets) == 1:
        return chosen, []
    others = tuple(
        repr(sheet.title) if sheet in visible else Text("{sheet} (hidden)", sheet=repr(sheet.title))
        for sheet in sheets
        if sheet.title != chosen
    )
    return chosen, [Text("sheet {sheet} was read, not {others}", sheet=repr(chosen), others=others)]


def _has_header(sheet: Any, names: Collection[str]) -> bool:
    sheet.reset_dimensions()
    rows = islice(sheet.iter_rows(max_col=MAX_COLUMN, max_row=MAX_ROW, values_only=True), LOOKED_AT)
    return any(n_names([str(cell or "") for cell in row], names) > 1 for row in rows)


def _hidden_rows(parts: Parts, sheet: Any) -> list[str]:
    """That rows which nobody sees in Excel were read as well, if there are any with cells."""
    hidden = parts.hidden_rows(sheet._worksheet_path)  # noqa: SLF001 - what it knows of rows is not public
    said = Count("{n} hidden row read like the others", "{n} hidden rows read like the others", hidden)
    return [said] if hidden else []


def _filled_rows(name: str, values: Any, formulas: Any, what: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows up to their last filled cell; values and formulas are read side by side, one file gives either."""
    left = MAX_CHARACTERS
    for number, (row, written) in enumerate(zip(_cells(values), _cells(formulas), strict=True), start=1):
        if number > MAX_ROW:
            raise InputError(
                Text(
                    "{name}: has rows below {n}; copy the {what} to a new sheet", name=name, n=MAX_ROW, what=Text(what)
                )
            )
        cells = [_text(cell, other.value) for cell, other in zip(row, written, strict=True)]
        filled = max((place for place, cell in enumerate(cells, start=1) if cell), default=0)
        left -= sum(map(len, cells))
        if left < 0:
            raise TooMuch(Text("{name}: its cells hold more than {n} characters", name=name, n=MAX_CHARACTERS))
        if filled:
            yield number, cells[:filled]


def _cells(sheet: Any) -> Iterator[Sequence[Any]]:
    sheet.reset_dimensions()  # what the file says of them may be wrong
    rows: Iterator[Sequence[Any]] = sheet.iter_rows(max_col=MAX_COLUMN)
    return rows


def _book(parts: Parts, *, data_only: bool = True) -> Any:
    from skucast.sheets.book import workbook

    return workbook(parts, data_only=data_only)


@lru_cache(maxsize=1000)
def _is_percent(number_format: str) -> bool:
    return "%" in _QUOTED.sub("", number_format)


def _text(cell: Any, written: object) -> str:
    value = cell.value
    if value is None:
        is_unknown = written is not None and cell.data_type != "str"  # `str`: worked out, and empty
        return f"={str(written).removeprefix('=')}" if is_unknown else ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float) and _is_percent(cell.number_format or ""):
        return f"{value * 100:.12g}%"  # 1 that is shown as 100 %
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else f"{value:.15g}"
    if isinstance(value, datetime):
        return str(value.date()) if value.time() == time() else value.isoformat(" ")
    return str(value.isoformat() if isinstance(value, date) else value).strip()
