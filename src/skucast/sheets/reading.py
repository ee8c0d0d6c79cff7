"""Tables that people make: a CSV or Excel file, told apart by its name, becomes a header and lines of text cells."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import BinaryIO, TextIO

from skucast.core.errors import InputError
from skucast.core.words import counted
from skucast.sheets.csv_text import CsvRecords
from skucast.sheets.excel import excel_records


@dataclass(frozen=True)
class Kind:
    """What a file should be, in a word for the messages, and the most bytes and lines that are read of it.

    `has_placeholders`: lines whose cells are all blank are lines too, as a database writes rows of NULL.
    """

    what: str
    n_bytes: int = sys.maxsize
    n_lines: int = sys.maxsize
    has_placeholders: bool = False


@dataclass(frozen=True)
class Sheet:
    """The header's names, trimmed, and the lines below it, each with the number that an editor or Excel shows.

    A record of several lines has the number of the first. All cells are text as it is written; an Excel file's first
    sheet gives days as ISO dates, what Excel could not work out as `#N/A` and the like, a formula that nobody has
    worked out as the formula, and no line shorter than the header. A file that is empty has no header.
    """

    header: list[str]
    lines: list[tuple[int, list[str]]]
    separator: str


def read_sheet(name: str, file: BinaryIO, kind: Kind) -> Sheet:
    """Return the table in a .csv (UTF-8; comma, semicolon or tab) or .xlsx file; the file is closed.

    Raises:
        InputError: why the file as a whole cannot be read.
    """
    if file.seek(0, io.SEEK_END) > kind.n_bytes:
        raise InputError(f"{name}: larger than {kind.n_bytes // 10**6} MB; is it a {kind.what}?")
    file.seek(0)
    suffix = PurePath(name).suffix.lower()
    if suffix == ".csv":
        return _read_csv(name, file, kind)
    if suffix == ".xlsx":
        with file:
            return _sheet(name, iter(excel_records(name, file.read(), kind.what)), ";", kind)
    raise InputError(f"{name}: expected a .csv or .xlsx file")


def trimmed(name: str, sheet: Sheet) -> Sheet:
    """Return the sheet as it is meant by hand: cells trimmed, lines and header ending with their last filled cell.

    Raises:
        InputError: there is no line below the header.
    """
    if not sheet.lines:
        raise InputError(f"{name}: no line below a header")
    return Sheet(_cut(sheet.header), [(number, _cut(cells)) for number, cells in sheet.lines], sheet.separator)


def _read_csv(name: str, file: BinaryIO, kind: Kind) -> Sheet:
    with io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
        try:
            return _csv_sheet(name, text, kind)
        except UnicodeDecodeError:
            raise InputError(f"{name}: not UTF-8 text; save it as CSV UTF-8, or as .xlsx") from None


def _csv_sheet(name: str, text: TextIO, kind: Kind) -> Sheet:
    records = CsvRecords(text)
    try:
        return _sheet(name, iter(records), records.separator, kind)
    except csv.Error as error:
        raise InputError(f"{name}: line {records.line} cannot be read as csv ({error})") from None


def _sheet(name: str, records: Iterator[tuple[int, list[str]]], separator: str, kind: Kind) -> Sheet:
    _, first = next((record for record in records if _is_filled(record[1])), (0, []))
    header = [cell.strip() for cell in first]
    repeated = sorted({each for each in header if each and header.count(each) > 1})
    if repeated:
        raise InputError(f"{name}: the header names {', '.join(repeated)} twice; name each column once")
    lines = []
    for number, cells in records:
        if kind.has_placeholders or _is_filled(cells):
            lines.append((number, cells))
        if len(lines) > kind.n_lines:
            raise InputError(f"{name}: more than {counted(kind.n_lines, 'line')}; is it a {kind.what}?")
    return Sheet(header, lines, separator)


def _is_filled(cells: list[str]) -> bool:
    return any(map(str.strip, cells))


def _cut(cells: list[str]) -> list[str]:
    clean = [cell.strip() for cell in cells]
    return clean[: max((place for place, cell in enumerate(clean, start=1) if cell), default=0)]
