"""A file on this machine becomes a frame of its cells, each row under the number that messages call it by."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from skucast.core.errors import InputError
from skucast.sheets.reading import Kind, Sheet, read_sheet

_TABLE = Kind("table", has_placeholders=True)

_MISSING = frozenset({"", "NULL"})
"""Cells of text that are missing; `NA` and `None` are names of channels and units."""


def read_cells(path: Path) -> pd.DataFrame:
    """Return the cells of a .csv, .xlsx or .parquet file; those of the first two are text, None where missing.

    A row's number is the line it starts on, that of Excel, or, in a Parquet, counted from 1.

    Raises:
        InputError: the file is missing or cannot be read as what it should be.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    suffix = path.suffix.lower()
    try:
        if suffix == ".parquet":
            rows = pd.read_parquet(path)
            return rows.set_axis(range(1, len(rows) + 1), axis=0)
        if suffix in {".csv", ".xlsx"}:
            with path.open("rb") as file:
                return _frame(path, read_sheet(str(path), file, _TABLE))
    except (OSError, ValueError) as error:  # ValueError: not Parquet
        raise InputError(f"{path}: cannot be read as {suffix[1:]} ({str(error).splitlines()[0]})") from None
    raise InputError(f"{path}: expected a .csv, .xlsx or .parquet file")


def _frame(path: Path, sheet: Sheet) -> pd.DataFrame:
    if not sheet.header:
        raise InputError(f"{path}: cannot be read as {path.suffix[1:].lower()} (it is empty)")
    numbered = dict(_records(path, sheet))
    rows = pd.DataFrame.from_dict(numbered, orient="index", columns=sheet.header, dtype="object").astype("str")
    return rows.loc[:, [bool(name) for name in sheet.header]]


def _records(path: Path, sheet: Sheet) -> Iterator[tuple[int, list[str | None]]]:
    for number, cells in sheet.lines:
        if len(cells) != len(sheet.header):
            raise InputError(
                f"{path}: line {number} has {len(cells)} fields, the header {len(sheet.header)} "
                "(a comma not quoted, or the file cut off?); nothing was loaded"
            )
        yield number, [None if cell in _MISSING else cell for cell in cells]
