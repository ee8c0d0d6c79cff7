"""Excel: the rows of a workbook's first sheet as text."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from typing import Any

from skucast.core.errors import InputError

MAX_UNPACKED_BYTES = 100_000_000
"""Most that the parts of an Excel file may hold: a small one can be packed from gigabytes of blanks."""

MAX_ROW, MAX_COLUMN = 200_000, 50
"""Last row and column of an Excel sheet that are looked at; blank ones take their time as well."""

_OLD_OR_ENCRYPTED = bytes.fromhex("D0CF11E0A1B11AE1")
"""How a container of the old Office begins: an .xls, or an .xlsx with a password."""


def excel_records(name: str, content: bytes, what: str) -> list[tuple[int, list[str]]]:
    """Return the rows that have a filled cell, each with its number; none is shorter than the first one.

    `what` the file should be is for the messages.

    Raises:
        InputError: the file cannot be read, or is far larger than a sheet that somebody made.
    """
    if content.startswith(_OLD_OR_ENCRYPTED):
        raise InputError(f"{name}: has a password, or is of the old .xls kind; save it as .xlsx without a password")
    try:
        _check_parts(name, content, what)
        with warnings.catch_warnings(action="ignore"):  # of features that are no cells, such as drop-down lists
            rows = list(_filled_rows(name, content, what))
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001 - a broken file may make the library raise anything
        raise InputError(f"{name}: cannot be read as xlsx ({type(error).__name__}: {error})".splitlines()[0]) from None
    width = len(rows[0][1]) if rows else 0
    return [(number, [*cells, *[""] * (width - len(cells))]) for number, cells in rows]


def _check_parts(name: str, content: bytes, what: str) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        unpacked = sum(part.file_size for part in parts.infolist())
    if unpacked > MAX_UNPACKED_BYTES:
        raise InputError(f"{name}: unpacks to more than {MAX_UNPACKED_BYTES // 10**6} MB; is it a {what}?")


def _filled_rows(name: str, content: bytes, what: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows up to their last filled cell; values and formulas are read side by side, one file gives either."""
    values, formulas = (_cells(content, data_only=data_only) for data_only in (True, False))
    for number, (row, written) in enumerate(zip(values, formulas, strict=True), start=1):
        if number > MAX_ROW:
            raise InputError(f"{name}: has rows below {MAX_ROW:,}; copy the {what} to a new sheet")
        cells = [_text(cell, other.value) for cell, other in zip(row, written, strict=True)]
        filled = max((place for place, cell in enumerate(cells, start=1) if cell), default=0)
        if filled:
            yield number, cells[:filled]


def _cells(content: bytes, *, data_only: bool) -> Iterator[Sequence[Any]]:
    import openpyxl

    sheet = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=data_only).worksheets[0]
    sheet.reset_dimensions()  # what the file says of them may be wrong
    rows: Iterator[Sequence[Any]] = sheet.iter_rows(max_col=MAX_COLUMN)
    return rows


def _text(cell: Any, written: object) -> str:
    value = cell.value
    if value is None:
        is_unknown = written is not None and cell.data_type != "str"  # `str`: worked out, and empty
        return f"={str(written).removeprefix('=')}" if is_unknown else ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else f"{value:.15g}"
    if isinstance(value, datetime):
        return str(value.date()) if value.time() == time() else value.isoformat(" ")
    return str(value.isoformat() if isinstance(value, date) else value).strip()
