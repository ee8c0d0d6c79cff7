"""A file on this machine becomes frames of its cells, each row under the number that messages call it by."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd

from skucast.core.errors import InputError
from skucast.core.quoting import listed
from skucast.sheets.parquet import parquet_file, pieces_of
from skucast.sheets.reading import CSV_SUFFIXES, EXCEL_SUFFIXES, Kind, Opened, open_sheet, refused_suffix
from skucast.sheets.snapshot import Snapshot, snapshot

SUFFIXES = (*CSV_SUFFIXES, *EXCEL_SUFFIXES, ".parquet")

PIECE = 50_000
"""Rows that are held at a time: a file may have millions."""

_MISSING = ["", "NULL"]
"""Cells of text that are missing; `NA` and `None` are names of channels and units."""

_INDEX = re.compile(r"__index_level_\d+__")
"""What pandas calls an index without a name in a Parquet."""

Misfit = Callable[[int, list[str], int], None]
"""What becomes of a line with another number of cells than the header: its number, its cells, the header's width."""


class Cells:
    """The cells of a CSV, Excel or Parquet file, to be read in pieces, as often as is wanted.

    `columns` are its names; `separator` stands between the cells of a CSV, none is known of others; `notes` say how it
    was read where that is not plain. `names` of columns, in small letters, tell the header from a title above it.
    """

    def __init__(self, taken: Snapshot, names: Collection[str] = ()) -> None:
        self.name = str(taken.path)
        self._taken = taken
        self._suffix = taken.path.suffix.lower()
        self._kind = Kind("table", has_placeholders=True, names=frozenset(names))
        self._sheet: list[tuple[int, list[str]]] | None = None
        self.is_excel = self._suffix in EXCEL_SUFFIXES
        self.separator = ""
        self.notes: list[str] = []
        if self._suffix == ".parquet":
            self.columns = [name for name in self._parquet().schema_arrow.names if not _INDEX.fullmatch(name)]
            self._refuse_repeated()
            return
        if self._suffix not in SUFFIXES:
            raise refused_suffix(self.name, "a .csv, .xlsx or .parquet file")
        opened = self._open()
        self._header = opened.header
        self.columns = [name for name in opened.header if name]
        self.notes = opened.notes
        if not opened.header:
            raise InputError(f"{self.name}: cannot be read as {self._suffix[1:]} (it is empty); nothing was loaded")
        if self._suffix in CSV_SUFFIXES:
            self.separator = opened.separator
            _let_go(opened)
        else:
            self._sheet = list(opened.lines)

    def pieces(self, misfit: Misfit, columns: Collection[str] | None = None) -> Iterator[pd.DataFrame]:
        """Yield the rows, those of a CSV or Excel file as text, None where missing; all columns, or only these.

        A row's number is the line it starts on, that of Excel, or, in a Parquet, counted from 1.

        Raises:
            InputError: it turns out that the file cannot be read.
        """
        wanted = [name for name in self.columns if columns is None or name in columns]
        if self._suffix == ".parquet":
            yield from self._batches(wanted)
        elif self._sheet is not None:
            yield from self._frames(iter(self._sheet), misfit, wanted)
        else:
            opened = self._open()
            try:
                yield from self._frames(opened.lines, misfit, wanted)
            finally:
                _let_go(opened)

    def place(self, name: str) -> int:
        """Return where the column stands in a line of a CSV or Excel file, the first at 0."""
        return self._header.index(name)

    def _open(self) -> Opened:
        return open_sheet(self.name, self._taken.file, self._kind)

    def _frames(
        self, lines: Iterator[tuple[int, list[str]]], misfit: Misfit, wanted: list[str]
    ) -> Iterator[pd.DataFrame]:
        width, places = len(self._header), {name: self._header.index(name) for name in wanted}
        while taken := list(islice(lines, PIECE)):
            fitting = [line for line in taken if len(line[1]) == width]
            if len(fitting) < len(taken):
                for number, cells in taken:
                    if len(cells) != width:
                        misfit(number, cells, width)
            columns = {
                name: pd.array([cells[place] for _, cells in fitting], dtype="str") for name, place in places.items()
            }
            frame = pd.DataFrame(columns, index=[number for number, _ in fitting])
            yield frame.mask(frame.isin(_MISSING))

    def _batches(self, wanted: list[str]) -> Iterator[pd.DataFrame]:
        first = 1
        try:
            for batch in pieces_of(self.name, self._parquet(), PIECE, wanted):
                rows = batch.to_pandas(ignore_metadata=True) if batch.num_columns else pd.DataFrame()
                plain = {
                    str(name): rows[name].astype(rows[name].cat.categories.dtype)
                    for name in rows
                    if isinstance(rows[name].dtype, pd.CategoricalDtype)
                }
                yield rows.assign(**plain).set_axis(range(first, first + len(rows)), axis=0)
                first += len(rows)
        except (OSError, ValueError) as error:
            raise self._no_parquet(error) from None

    def _parquet(self) -> Any:
        self._taken.file.seek(0)
        try:
            return parquet_file(self.name, self._taken.file)
        except (OSError, ValueError) as error:  # ValueError: not Parquet
            raise self._no_parquet(error) from None

    def _no_parquet(self, error: Exception) -> InputError:
        return InputError(f"{self.name}: cannot be read as parquet ({str(error).splitlines()[0]})")

    def _refuse_repeated(self) -> None:
        repeated = sorted({name for name in self.columns if self.columns.count(name) > 1})
        if repeated:
            raise InputError(f"{self.name}: the header names {listed(repeated)} twice; name each column once")


def read_cells(path: Path) -> pd.DataFrame:
    """Return the cells of a .csv, .xlsx or .parquet file as `Cells.pieces` has them.

    Raises:
        InputError: the file is missing or cannot be read as what it should be.
    """
    cells = Cells(snapshot(path))

    def refuse(number: int, found: list[str], width: int) -> NoReturn:
        raise InputError(f"{path}: {misfit_text(number, found, width)}; nothing was loaded")

    pieces = list(cells.pieces(refuse))
    return pd.concat(pieces) if pieces else pd.DataFrame(columns=cells.columns)


def misfit_text(number: int, found: list[str], width: int) -> str:
    """Return what is wrong with a line of another number of cells than the header."""
    return f"line {number} has {len(found)} fields, the header {width} (a comma not quoted, or the file cut off?)"


def _let_go(opened: Opened) -> None:
    """Leave the file open for another reader: a text that is forgotten would close it."""
    if opened.text is not None:
        opened.text.detach()
