"""Excel: the rows of a workbook's visible sheet as text."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime, time
from itertools import islice
from typing import Any

from skucast.core.errors import InputError
from skucast.core.texts import Count, Text
from skucast.sheets.csv_text import LOOKED_AT, n_names

MAX_UNPACKED_BYTES = 100_000_000
"""Most that the parts of an Excel file may hold: a small one can be packed from gigabytes of blanks."""

MAX_ROW, MAX_COLUMN = 200_000, 50
"""Last row and column of an Excel sheet that are looked at; blank ones take their time as well."""

_OLD_OR_ENCRYPTED = bytes.fromhex("D0CF11E0A1B11AE1")
"""How a container of the old Office begins: an .xls, or an .xlsx with a password."""

_STRICT = b"http://purl.oclc.org/ooxml/"
_HIDDEN_ROW = re.compile(rb'<(?:\w+:)?row\b[^>]*\bhidden="(?:1|true)"[^>]*(?<!/)>')
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
        _check_parts(name, content, what)
        with warnings.catch_warnings(action="ignore"):  # of features that are no cells, such as drop-down lists
            title, notes = _chosen(name, content, names)
            rows = list(_filled_rows(name, content, title, what))
            notes += _hidden_rows(content, title)
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001 - a broken file may make the library raise anything
        text = f"{name}: cannot be read as xlsx ({type(error).__name__}: {error})".splitlines()[0]
        raise InputError(Text("{text}; it may be cut off: open it in Excel and save it anew", text=text)) from None
    return rows, notes


def _check_parts(name: str, content: bytes, what: str) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        unpacked = sum(part.file_size for part in parts.infolist())
        if unpacked > MAX_UNPACKED_BYTES:
            raise InputError(
                Text(
                    "{name}: unpacks to more than {n} MB; is it a {what}?",
                    name=name,
                    n=MAX_UNPACKED_BYTES // 10**6,
                    what=Text(what),
                )
            )
        if "xl/workbook.xml" in parts.namelist() and _STRICT in parts.read("xl/workbook.xml"):
            raise InputError(Text("{name}: saved as Strict Open XML; save it as Excel Workbook (.xlsx)", name=name))


def _chosen(name: str, content: bytes, names: Collection[str]) -> tuple[str, list[str]]:
    """The title of the sheet to read, and that it is one of several."""
    sheets = _book(content).worksheets
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


def _hidden_rows(content: bytes, title: str) -> list[str]:
    """That rows which nobody sees in Excel were read as well, if there are any with cells."""
    path = _book(content)[title]._worksheet_path  # noqa: SLF001 - what it knows of rows is not public
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        hidden = len(_HIDDEN_ROW.findall(parts.read(path)))
    said = Count("{n} hidden row read like the others", "{n} hidden rows read like the others", hidden)
    return [said] if hidden else []


def _filled_rows(name: str, content: bytes, title: str, what: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows up to their last filled cell; values and formulas are read side by side, one file gives either."""
    values, formulas = (_cells(content, title, data_only=data_only) for data_only in (True, False))
    for number, (row, written) in enumerate(zip(values, formulas, strict=True), start=1):
        if number > MAX_ROW:
            raise InputError(
                Text(
                    "{name}: has rows below {n}; copy the {what} to a new sheet", name=name, n=MAX_ROW, what=Text(what)
                )
            )
        cells = [_text(cell, other.value) for cell, other in zip(row, written, strict=True)]
        filled = max((place for place, cell in enumerate(cells, start=1) if cell), default=0)
        if filled:
            yield number, cells[:filled]


def _cells(content: bytes, title: str, *, data_only: bool) -> Iterator[Sequence[Any]]:
    sheet = _book(content, data_only=data_only)[title]
    sheet.reset_dimensions()  # what the file says of them may be wrong
    rows: Iterator[Sequence[Any]] = sheet.iter_rows(max_col=MAX_COLUMN)
    return rows


def _book(content: bytes, *, data_only: bool = True) -> Any:
    import openpyxl

    return openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=data_only)


def _text(cell: Any, written: object) -> str:
    value = cell.value
    if value is None:
        is_unknown = written is not None and cell.data_type != "str"  # `str`: worked out, and empty
        return f"={str(written).removeprefix('=')}" if is_unknown else ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float) and "%" in _QUOTED.sub("", cell.number_format or ""):
        return f"{value * 100:.12g}%"  # 1 that is shown as 100 %
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else f"{value:.15g}"
    if isinstance(value, datetime):
        return str(value.date()) if value.time() == time() else value.isoformat(" ")
    return str(value.isoformat() if isinstance(value, date) else value).strip()
