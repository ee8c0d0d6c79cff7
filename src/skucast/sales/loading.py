"""Files become rows of a table's contract; whatever does not fit is named by row and column, all of it at once."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from skucast.core.combination import KEY
from skucast.core.errors import ContractError, InputError
from skucast.core.spelling import fold, is_total, is_total_for_day
from skucast.core.tables.contract import BATCH, Column, Table
from skucast.core.tables.validation import convert_column, validate
from skucast.core.words import counted
from skucast.sales.loading_faults import Faults
from skucast.sales.loading_headers import missing_columns
from skucast.sales.loading_spool import Spool
from skucast.sales.names import name_faults
from skucast.sheets.frame import SUFFIXES, Cells, misfit_text
from skucast.sheets.numbers import Numbers
from skucast.sheets.snapshot import Snapshot, snapshot
from skucast.sheets.values import NO_NAME, Days, Flags

_NEEDED = frozenset({"date", *KEY, "quantity"})
"""Columns that a file must have although their values may be missing."""

_FLAG_NAMES = frozenset(
    ["promo", "promotion", "on_promotion", "promo_flag", "is_promotion", "промо", "акция", "aktion"]
)
"""What people call the flag of a promotion; it is one if its cells are."""

_DAY = r"\d{4}-?\d\d-?\d\d([T ]\d\d(:?\d\d(:?\d\d([.,]\d+)?)?)?)?"
"""A whole day as ISO 8601 writes it, with or without a time of that day."""

_A_DAY, _A_NUMBER = "a date such as 2026-11-22, without a time zone", "a finite number"

_SERIAL = re.compile(r"[34]\d{4}([.,]\d+)?")
"""A day as Excel counts them, of the years 1982 to 2036."""

_MISFITS = "of lines with too many or too few fields"

Values = Days | Numbers | Flags

Watcher = Callable[[str, pd.DataFrame], None]


@dataclasses.dataclass(frozen=True)
class Delivery:
    """What a file, or all files of a folder, bring: rows of a contract, in pieces that are read again from disk.

    `digest` is the SHA-256 of the bytes that were parsed, `unused` the columns that mean nothing, `notes` what was left
    out or guessed, `used` our names of the columns that are there, in small letters.
    """

    source: str
    digest: str
    rows: Spool
    unused: list[str]
    notes: list[str]
    used: frozenset[str] = frozenset()


def read_delivery(path: Path, table: Table, mapping: Mapping[str, str], watch: Watcher | None = None) -> Delivery:
    """Return what a file brings, or a folder of files as one delivery.

    Args:
        path: CSV (comma, semicolon, tab or bar), Excel, both with a header, Parquet, or a folder of such files.
        table: the contract.
        mapping: the file's column name by ours, where it differs.
        watch: sees each piece of the rows once, with the name of its file.

    Raises:
        InputError: a file cannot be read, lacks a column, has values that do not fit, or grows meanwhile; row numbers
            are the lines of a CSV (the header is line 1), those of Excel, rows of a Parquet counted from 1.
    """
    taken = [snapshot(each) for each in _files(path)]
    _refuse_twins(taken)
    names = [mapping.get(name, name).casefold() for name in _own_columns(table)]
    readers = [_Reader(Cells(each, names), table, mapping) for each in taken]
    columns = _learned(readers, table)
    for reader in readers:
        reader.settle(columns)
    faults, rows = Faults(), Spool(table)
    for ours, column in columns.items():
        if problem := column.problem():
            faults.add("of whole columns", "", 0, f"column {ours} {problem}")
    for reader in readers:
        for piece in reader.rows(columns, faults):
            rows.add(piece)
            if watch is not None:
                watch(reader.cells.name, piece)
    concluded = [f"column {ours}: {note}" for ours, column in columns.items() if (note := column.note())]
    for each in taken:
        each.refuse_changed()
    faults.refuse(str(path))
    if not rows.n_rows:
        raise InputError(f"{path}: no rows; nothing was loaded")
    return Delivery(
        source=path.name,
        digest=_digest(taken),
        rows=rows,
        unused=sorted({name for reader in readers for name in reader.unused}, key=str),
        notes=[*concluded, *(note for reader in readers for note in reader.notes(alone=len(readers) == 1))],
        used=frozenset(name.casefold() for reader in readers for name in reader.used),
    )


def read_file(path: Path, table: Table, mapping: Mapping[str, str]) -> tuple[pd.DataFrame, list[str]]:
    """Return the file's rows by the table's contract, and the names of columns that were not used.

    Raises:
        InputError: as `read_delivery`, or a key is repeated.
    """
    delivery = read_delivery(path, table, mapping)
    try:
        return validate(table, pd.concat(delivery.rows)), delivery.unused
    except ContractError as error:
        raise InputError(f"{path}: {error}; nothing was loaded") from None


def columns_of_files(path: Path) -> list[str]:
    """Return the columns of a file, or of the first of a folder.

    Raises:
        InputError: it cannot be read.
    """
    return Cells(snapshot(_files(path)[0])).columns


# --- files ----------------------------------------------------------------------------------------------------------


def _files(path: Path) -> list[Path]:
    """The file, or those of the folder, but for what begins as hidden files and marks of other programs do."""
    if not path.is_dir():
        return [path]
    found = sorted(each for each in path.iterdir() if not each.name.startswith((".", "_", "~$")))
    strange = [each.name for each in found if not each.is_file() or each.suffix.lower() not in SUFFIXES]
    if strange:
        raise InputError(f"{path}: holds {', '.join(strange[:3])}; expected .csv, .xlsx and .parquet files alone")
    if not found:
        raise InputError(f"{path}: no files; nothing was loaded")
    return found


def _refuse_twins(taken: list[Snapshot]) -> None:
    first: dict[str, Path] = {}
    for each in taken:
        twin = first.setdefault(each.digest, each.path)
        if twin != each.path:
            raise InputError(f"{each.path}: has the same content as {twin.name}; take one away; nothing was loaded")


def _digest(taken: list[Snapshot]) -> str:
    if len(taken) == 1:
        return taken[0].digest
    return hashlib.sha256("".join(sorted(each.digest for each in taken)).encode()).hexdigest()


# --- columns --------------------------------------------------------------------------------------------------------


def _own_columns(table: Table) -> list[str]:
    return [name for name in table.column_names if name != BATCH]


def _learned(readers: list[_Reader], table: Table) -> dict[str, Values]:
    """How days and numbers are written, by column: all files of a delivery are of one hand."""
    separators = {reader.cells.separator for reader in readers}
    separator = separators.pop() if len(separators) == 1 else ""
    columns: dict[str, Values] = {}
    for column in table.columns:
        if column.type == "DATE":
            columns[column.name] = Days()
        elif column.type == "BOOL":
            columns[column.name] = Flags()
        elif column.type == "FLOAT64":
            columns[column.name] = Numbers(
                separator,
                is_percent=column.unit.startswith("percent"),
                is_small=column.unit.startswith(("percent", "degrees")),
                from_excel=any(reader.cells.is_excel for reader in readers),
            )
    for reader in readers:
        reader.teach(columns)
    return columns


class _Reader:
    """One file of a delivery."""

    def __init__(self, cells: Cells, table: Table, mapping: Mapping[str, str]) -> None:
        self.cells = cells
        self._table = table
        self._used = _used_columns(cells, table, mapping)
        self._flag = _flag_by_another_name(cells, table, mapping, self._used)
        self._used |= {} if self._flag is None else {"is_promo": self._flag}
        self._totals: list[int] = []
        self._seen: dict[str, set[str]] = {name: set() for name in KEY}
        self.unused = [name for name in cells.columns if name not in self._used.values()]

    @property
    def used(self) -> Collection[str]:
        """Our names of the columns that are there."""
        return self._used.keys()

    def teach(self, columns: Mapping[str, Values]) -> None:
        """Show the cells to whoever tells what they mean."""
        told = {self._used[ours] for ours in columns if ours in self._used}
        for piece in self.cells.pieces(lambda *_: None, told):
            for ours, column in columns.items():
                if ours in self._used and (isinstance(column, Flags) or _is_text(piece[self._used[ours]])):
                    column.learn(map(str, piece[self._used[ours]].dropna().unique()))

    def settle(self, columns: Mapping[str, Values]) -> None:
        """Leave a column of another name alone if something else than yes and no is in it."""
        flags = columns.get("is_promo")
        if self._flag is not None and isinstance(flags, Flags) and not flags.all_are_flags:
            self.unused = [*self.unused, self._flag]
            self._flag = None
            del self._used["is_promo"]

    def rows(self, columns: Mapping[str, Values], faults: Faults) -> Iterator[pd.DataFrame]:
        """Yield the rows by the contract; what does not fit is added to the faults, and its piece left out."""

        def misfit(number: int, found: list[str], width: int) -> None:
            if self._is_misfit_of_totals(found):
                self._totals.append(number)
            else:
                faults.add(_MISFITS, self.cells.name, number, misfit_text(number, found, width))

        for piece in self.cells.pieces(misfit):
            before = faults.count
            raw = pd.DataFrame({ours: piece[theirs] for ours, theirs in self._used.items()}, index=piece.index)
            raw = self._without_totals(raw, piece, columns)
            read = {ours: self._values(ours, raw[ours], columns, faults) for ours in self._used}
            self._check_names(raw, faults)
            yield from self._fitting(pd.DataFrame(read, index=raw.index), faults, before)

    def notes(self, *, alone: bool) -> list[str]:
        """Return what was guessed or left out."""
        found = list(self.cells.notes)
        if self._flag is not None:
            found.append(f"column {self._flag} tells which lines were sold in a promotion (is_promo)")
        if self._totals:
            lines = ", ".join(map(str, self._totals[:3])) + (" ..." if len(self._totals) > 3 else "")
            found.append(f"{counted(len(self._totals), 'line')} of totals left out (line {lines})")
        return found if alone else [f"{Path(self.cells.name).name}: {note}" for note in found]

    def _without_totals(self, raw: pd.DataFrame, piece: pd.DataFrame, columns: Mapping[str, Values]) -> pd.DataFrame:
        """Leave out what has no day and a word for totals in its place, in a name's, or at the line's beginning."""
        if "date" not in raw or not _is_text(raw["date"]):
            return raw
        is_odd = columns["date"].read(raw["date"]).isna()
        odd = raw.index[is_odd]
        if odd.empty:
            return raw
        names = [raw.loc[~is_odd, name].dropna().astype("str").unique() for name in ("unit", "channel") if name in raw]
        groups = {fold(name) for found in names for name in found}
        cells = piece.loc[odd, self._telling()].astype("object").itertuples(index=False)
        totals = [
            row
            for row, day, others in zip(odd, raw.loc[odd, "date"], cells, strict=True)
            if _is_line_of_totals(_text(day), map(_text, others), groups)
        ]
        self._totals += totals
        return raw.drop(index=totals)

    def _telling(self) -> list[str]:
        """The columns, the file's first among them, in which a word for totals counts."""
        return list(dict.fromkeys([self.cells.columns[0], *(self._used[name] for name in KEY if name in self._used)]))

    def _is_misfit_of_totals(self, found: list[str]) -> bool:
        """Whether a line of another number of cells than the header is one of totals."""
        if "date" not in self._used:
            return False
        day, *others = (
            "".join(found[place : place + 1])
            for place in (self.cells.place(name) for name in (self._used["date"], *self._telling()))
        )
        return _is_line_of_totals(day, others)

    def _values(self, ours: str, values: pd.Series, columns: Mapping[str, Values], faults: Faults) -> pd.Series:
        column = self._table.column(ours)
        if ours not in columns or not _is_text(values):
            return values if column.type != "DATE" else self._typed_days(column, values, faults)
        read = columns[ours].read(values)
        if columns[ours].problem():  # said of the column; what its cells mean is not known
            return read.where(np.zeros(len(read), dtype="bool"))
        is_blank = values.isna() | (values.str.strip() == "")
        wrong = ~is_blank & (read.isna() | read.isin([np.inf, -np.inf]))
        expected = "yes or no" if column.type == "BOOL" else _A_NUMBER
        if column.type == "DATE":
            is_serial = bool(values[wrong].str.strip().str.fullmatch(_SERIAL).any())
            expected = f"{_A_DAY}; in Excel format the column as a date" if is_serial else _A_DAY
        faults.add_values(self.cells.name, column, values, wrong, expected)
        return read

    def _typed_days(self, column: Column, values: pd.Series, faults: Faults) -> pd.Series:
        """Refuse what is no whole day of the business: a year or month alone, an instant of a time zone."""
        if isinstance(values.dtype, pd.DatetimeTZDtype):
            wrong = values.notna()
        elif pd.api.types.is_datetime64_dtype(values):
            return values
        else:
            wrong = values.notna() & ~values.astype("str").str.strip().str.fullmatch(_DAY).astype("bool")
        faults.add_values(self.cells.name, column, values, wrong, _A_DAY)
        return values

    def _check_names(self, raw: pd.DataFrame, faults: Faults) -> None:
        for column in (name for name in KEY if name in raw):
            names = convert_column(self._table.column(column), raw[column].dropna())
            new = names[~names.isin(self._seen[column])]
            self._seen[column] |= set(new.unique())
            is_unreadable = new.str.strip().str.fullmatch(NO_NAME)
            for row, name in new[is_unreadable].drop_duplicates().items():
                text = f"column {column}, row {row}: {name!r} is an error or a formula without a result"
                faults.add(f"in column {column}", self.cells.name, int(str(row)), text)
            for text in name_faults(column, new[~is_unreadable]):
                row = re.search(r"rows? (\d+)", text)
                faults.add(f"in column {column}", self.cells.name, int(row[1]) if row else 0, text)

    def _fitting(self, read: pd.DataFrame, faults: Faults, before: int) -> Iterator[pd.DataFrame]:
        """Yield the piece as the contract wants it, if its rows keep the rules and it has none of the faults."""
        try:
            valid = validate(dataclasses.replace(self._table, checks=(), key=()), read)
        except ContractError as error:
            if faults.count == before:
                text = str(error).removeprefix(f"table {self._table.label}: ")
                faults.add("of other kinds", self.cells.name, int(read.index[0]), text)
            return
        for check in self._table.checks:
            broken = valid.index[~check.holds(valid).to_numpy(dtype="bool")]
            faults.add_rows(self.cells.name, broken.tolist(), check.rule)
        if faults.count == before:
            yield valid


def _is_line_of_totals(day: str, others: Iterable[str], groups: Collection[str] = ()) -> bool:
    """Whether it is, by what stands for its day and in other cells; a day that is there and unreadable is a fault."""
    return is_total_for_day(day) if day.strip() else any(is_total(cell, groups) for cell in others)


def _text(cell: object) -> str:
    return cell if isinstance(cell, str) else ""


def _used_columns(cells: Cells, table: Table, mapping: Mapping[str, str]) -> dict[str, str]:
    """The file's column by ours; small and capital letters are alike where a name is not there as it is written."""
    folded = {name.casefold(): name for name in reversed(cells.columns)}
    theirs = {name: mapping.get(name, name) for name in _own_columns(table)}
    found = {
        ours: name if name in cells.columns else folded.get(name.casefold(), name) for ours, name in theirs.items()
    }
    optional = {column.name for column in table.columns if column.nullable} - _NEEDED - set(mapping)
    used = {ours: name for ours, name in found.items() if name in cells.columns}
    missing = {ours: theirs[ours] for ours in found if ours not in used and ours not in optional}
    if missing:
        raise missing_columns(cells.name, missing, used, cells.columns)
    return used


def _flag_by_another_name(
    cells: Cells, table: Table, mapping: Mapping[str, str], used: Mapping[str, str]
) -> str | None:
    """The column that may be the flag of promotions, where none is named so."""
    if "is_promo" not in table.column_names or "is_promo" in {*used, *mapping}:
        return None
    return next((name for name in cells.columns if name.casefold() in _FLAG_NAMES and name not in used.values()), None)


def _is_text(values: pd.Series) -> bool:
    return bool(pd.api.types.is_string_dtype(values)) and not bool(values.isna().all())
