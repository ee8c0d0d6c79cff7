"""Tables that people make: the bytes of a CSV or Excel file become lines of text cells."""

from __future__ import annotations

import csv
import io
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import PurePosixPath
from typing import Any

from skucast.core.errors import InputError
from skucast.core.words import counted

MAX_BYTES = 50_000_000
"""Largest file that is read."""

MAX_UNPACKED_BYTES = 100_000_000
"""Most that the parts of an Excel file may hold: a small one can be packed from gigabytes of blanks."""

MAX_LINES = 100_000
MAX_ROW, MAX_COLUMN = 200_000, 50
"""Last row and column of an Excel sheet that are looked at; blank ones take their time as well."""

_SEPARATORS = ";,\t"
_OLD_OR_ENCRYPTED = bytes.fromhex("D0CF11E0A1B11AE1")
"""How a container of the old Office begins: an .xls, or an .xlsx with a password."""


@dataclass(frozen=True)
class Sheet:
    """The first sheet of a file: the header's names, and the other lines that are not blank.

    A line has the number that an editor or Excel shows (a record of several lines: where it starts), and ends with its
    last cell that is not blank, before or after the end of the header. All cells are trimmed text: days as ISO dates,
    what Excel could not work out as `#N/A` and the like, a formula that nobody has worked out as the formula.
    """

    header: list[str]
    lines: list[tuple[int, list[str]]]
    separator: str


def read_sheet(name: str, content: bytes) -> Sheet:
    """Return the table in a .csv (UTF-8; comma, semicolon or tab) or .xlsx file, told apart by the name.

    Raises:
        InputError: why the file as a whole cannot be read.
    """
    if len(content) > MAX_BYTES:
        raise InputError(f"{name}: larger than {MAX_BYTES // 10**6} MB; is it a plan?")
    suffix = PurePosixPath(name).suffix.lower()
    if suffix == ".csv":
        return _read_csv(name, content)
    if suffix == ".xlsx":
        return _read_excel(name, content)
    raise InputError(f"{name}: expected a .csv or .xlsx file")


def _sheet(name: str, rows: Iterator[tuple[int, list[str]]], separator: str) -> Sheet:
    lines = []
    for number, cells in rows:
        filled = max((place for place, cell in enumerate(cells, start=1) if cell), default=0)
        if filled:
            lines.append((number, cells[:filled]))
        if len(lines) > MAX_LINES + 1:
            raise InputError(f"{name}: more than {counted(MAX_LINES, 'line')}; is it a plan?")
    if len(lines) < 2:
        raise InputError(f"{name}: no line below a header")
    (_, header), *others = lines
    repeated = sorted({each for each in header if each and header.count(each) > 1})
    if repeated:
        raise InputError(f"{name}: the header names {', '.join(repeated)} twice; name each column once")
    return Sheet(header, others, separator)


# --- CSV ------------------------------------------------------------------------------------------------------------


def _read_csv(name: str, content: bytes) -> Sheet:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{name}: not UTF-8 text; save it as CSV UTF-8, or as .xlsx") from None
    separator = _separator(text)
    try:
        return _sheet(name, _records(text, separator), separator)
    except csv.Error as error:
        raise InputError(f"{name}: cannot be read as csv ({error})") from None


def _separator(text: str) -> str:
    """The separator that stands most often in the header, in which no name has any."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    return max(_SEPARATORS, key=header.count)


def _records(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    records = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    start = 1
    for cells in records:
        yield start, [cell.strip() for cell in cells]
        start = records.line_num + 1


# --- Excel ----------------------------------------------------------------------------------------------------------


def _read_excel(name: str, content: bytes) -> Sheet:
    if content.startswith(_OLD_OR_ENCRYPTED):
        raise InputError(f"{name}: has a password, or is of the old .xls kind; save it as .xlsx without a password")
    try:
        _check_parts(name, content)
        with warnings.catch_warnings(action="ignore"):  # of features that are no cells, such as drop-down lists
            return _sheet(name, _excel_rows(name, content), ";")
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001 - a broken file may make the library raise anything
        raise InputError(f"{name}: cannot be read as xlsx ({type(error).__name__}: {error})".splitlines()[0]) from None


def _check_parts(name: str, content: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        unpacked = sum(part.file_size for part in parts.infolist())
    if unpacked > MAX_UNPACKED_BYTES:
        raise InputError(f"{name}: unpacks to more than {MAX_UNPACKED_BYTES // 10**6} MB; is it a plan?")


def _excel_rows(name: str, content: bytes) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of the first sheet; values and formulas are read side by side, one file gives either."""
    values, formulas = (_cells(content, data_only=data_only) for data_only in (True, False))
    for number, (row, written) in enumerate(zip(values, formulas, strict=True), start=1):
        if number > MAX_ROW:
            raise InputError(f"{name}: has rows below {MAX_ROW:,}; copy the plan to a new sheet")
        yield number, [_text(cell, other.value) for cell, other in zip(row, written, strict=True)]


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
