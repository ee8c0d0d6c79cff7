"""Tables that people make: a CSV or Excel file, told apart by its name, becomes a header and lines of text cells."""

from __future__ import annotations

import csv
import io
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import PurePath
from typing import BinaryIO

from skucast.core.errors import InputError
from skucast.core.texts import Text
from skucast.sheets.csv_text import LOOKED_AT, CsvRecords, header_place
from skucast.sheets.encoding import text_of
from skucast.sheets.excel import excel_records
from skucast.sheets.formulas import as_written
from skucast.sheets.limits import MAX_COLUMNS, TooMuch
from skucast.sheets.parts import MAX_UNPACKED_BYTES

CSV_SUFFIXES, EXCEL_SUFFIXES = (".csv", ".tsv", ".txt"), (".xlsx", ".xlsm")

OTHER_SPREADSHEETS = (".xls", ".xlsb", ".xlt", ".xltx", ".xlw", ".ods", ".fods", ".numbers")
"""What spreadsheets save besides, and can save as .xlsx."""


@dataclass(frozen=True)
class Kind:
    """What a file should be, in a word for the messages, and the most bytes and lines that are read of it.

    `has_placeholders`: lines whose cells are all blank are lines too, as a database writes rows of NULL. `names` of
    columns, in small letters, tell the header from a title above it.
    """

    what: str
    n_bytes: int = sys.maxsize
    n_lines: int = sys.maxsize
    has_placeholders: bool = False
    names: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Sheet:
    """The header's names, trimmed, and the lines below it, each with the number that an editor or Excel shows.

    A record of several lines has the number of the first. All cells are text as it is written; an Excel file's visible
    sheet gives days as ISO dates, percent cells as `30%`, what Excel could not work out as `#N/A` and the like, a
    formula that nobody has worked out as the formula, and no line shorter than the header. A file that is empty has no
    header. `notes` say what a reader could not know: which of several sheets it is, an encoding that was guessed.
    """

    header: list[str]
    lines: list[tuple[int, list[str]]]
    separator: str
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Opened:
    """A sheet whose lines are still to be read, one by one and once; reading them may raise InputError.

    `text` is what they are read from: a text that nobody holds any more closes its file, with a warning.
    """

    header: list[str]
    lines: Iterator[tuple[int, list[str]]]
    separator: str
    notes: list[str]
    text: io.TextIOWrapper | None = None


def read_sheet(name: str, file: BinaryIO, kind: Kind) -> Sheet:
    """Return the table in a CSV (UTF-8 or Windows-1251; comma, semicolon, tab or bar) or Excel file; it is closed.

    Raises:
        InputError: why the file as a whole cannot be read.
    """
    with file:
        opened = open_sheet(name, file, kind)
        lines = []
        for line in opened.lines:
            lines.append(line)
            if len(lines) > kind.n_lines:
                raise InputError(
                    Text(
                        "{name}: more than {n} lines; is it a {what}?", name=name, n=kind.n_lines, what=Text(kind.what)
                    )
                )
    return Sheet(opened.header, lines, opened.separator, opened.notes)


def open_sheet(name: str, file: BinaryIO, kind: Kind) -> Opened:
    """Return the header and the lines to come of such a file, which stays open.

    Raises:
        InputError: why the file as a whole cannot be read.
    """
    if file.seek(0, io.SEEK_END) > kind.n_bytes:
        raise InputError(
            Text(
                "{name}: larger than {n} MB; is it a {what}?", name=name, n=kind.n_bytes // 10**6, what=Text(kind.what)
            )
        )
    file.seek(0)
    suffix = PurePath(name).suffix.lower()
    if suffix in CSV_SUFFIXES:
        text, note = text_of(name, file)
        try:
            records = _csv_records(name, text, kind)
            opened = _opened(name, _csv_lines(name, records), records.separator, kind, [note] if note else [])
        except InputError:
            text.detach()  # a text that nobody holds any more would close the file
            raise
        return replace(opened, text=text)
    if suffix in EXCEL_SUFFIXES:
        rows, notes = excel_records(name, file.read(MAX_UNPACKED_BYTES + 1), kind.what, kind.names)
        opened = _opened(name, iter(rows), ";", kind, notes)
        width = len(opened.header)  # a row of Excel ends with its last filled cell
        padded = ((number, [*cells, *[""] * (width - len(cells))]) for number, cells in opened.lines)
        return replace(opened, lines=padded)
    raise refused_suffix(name, "a .csv or .xlsx file")


def refused_suffix(name: str, expected: str) -> InputError:
    """Return the error for a file whose name says that it is none that is read."""
    suffix = PurePath(name).suffix.lower()
    if suffix in OTHER_SPREADSHEETS:
        return InputError(f"{name}: {suffix} is not read; open it and save it as .xlsx")
    return InputError(f"{name}: expected {expected}")


def trimmed(name: str, sheet: Sheet) -> Sheet:
    """Return the sheet as it is meant by hand: cells trimmed, lines and header ending with their last filled cell.

    Raises:
        InputError: there is no line below the header.
    """
    if not sheet.lines:
        raise InputError(Text("{name}: no line below a header", name=name))
    is_csv = PurePath(name).suffix.lower() in CSV_SUFFIXES
    lines = [(number, _cut(cells, is_csv=is_csv)) for number, cells in sheet.lines]
    return Sheet(_cut(sheet.header, is_csv=is_csv), lines, sheet.separator, sheet.notes)


def _csv_records(name: str, text: io.TextIOWrapper, kind: Kind) -> CsvRecords:
    try:
        return CsvRecords(text, kind.names)
    except csv.Error as error:
        raise InputError(f"{name}: cannot be read as csv ({error})") from None
    except UnicodeDecodeError:
        raise _no_utf8(name) from None


def _csv_lines(name: str, records: CsvRecords) -> Iterator[tuple[int, list[str]]]:
    last = 0
    try:
        for last, cells in records:
            yield last, cells
    except csv.Error as error:
        begun = f"; a quotation mark after line {last} is not closed" if "unexpected end" in str(error) else ""
        raise InputError(f"{name}: line {records.line} cannot be read as csv ({error}){begun}") from None
    except UnicodeDecodeError:  # a mark of UTF-16, and something else behind it
        raise _no_utf8(name) from None


def _no_utf8(name: str) -> InputError:
    return InputError(Text("{name}: not UTF-8 text; save it as CSV UTF-8, or as .xlsx", name=name))


def _opened(
    name: str, records: Iterator[tuple[int, list[str]]], separator: str, kind: Kind, notes: list[str]
) -> Opened:
    first = list(islice(records, LOOKED_AT))
    place = header_place([cells for _, cells in first], kind.names)
    header = [cell.strip() for cell in first[place][1]] if first and _is_filled(first[place][1]) else []
    if len(header) > MAX_COLUMNS:
        raise TooMuch(Text("{name}: has more than {n} columns", name=name, n=MAX_COLUMNS))
    repeated = sorted(each for each, number in Counter(header).items() if each and number > 1)
    if repeated:
        raise InputError(
            Text(
                "{name}: the header names {columns} twice; name each column once",
                name=name,
                columns=", ".join(repeated),
            )
        )
    lines = chain(first[place + 1 :], records)
    filled = lines if kind.has_placeholders else (line for line in lines if _is_filled(line[1]))
    return Opened(header, _as_wide(filled, len(header)), separator, notes)


def _as_wide(lines: Iterator[tuple[int, list[str]]], width: int) -> Iterator[tuple[int, list[str]]]:
    """The lines without blank cells beyond the header."""
    for line in lines:
        cells = line[1]
        while len(cells) > width and not cells[-1].strip():
            cells.pop()
        yield line


def _is_filled(cells: list[str]) -> bool:
    return any(map(str.strip, cells))


def _cut(cells: list[str], *, is_csv: bool) -> list[str]:
    clean = [as_written(cell.strip()) if is_csv else cell.strip() for cell in cells]
    return clean[: max((place for place, cell in enumerate(clean, start=1) if cell), default=0)]
