"""Files become rows of a table's contract; whatever does not fit is named by row and column."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from skucast.core.combination import KEY
from skucast.core.errors import ContractError, InputError
from skucast.core.tables.contract import Column, Table
from skucast.core.tables.validation import refuse, validate
from skucast.sales.names import name_faults
from skucast.sheets.frame import read_cells

_NEEDED = frozenset({"date", *KEY, "quantity"})
"""Columns that a file must have although their values may be missing."""

SHOWN_FAULTS = 20
"""Names of a file that a message names as wrong."""

_DAY = r"\d{4}-?\d\d-?\d\d([T ]\d\d(:?\d\d(:?\d\d([.,]\d+)?)?)?)?"
"""A whole day as ISO 8601 writes it, with or without a time of that day."""


def read_file(path: Path, table: Table, mapping: Mapping[str, str]) -> tuple[pd.DataFrame, list[str]]:
    """Return the file's rows by the table's contract, and the names of columns that were not used.

    Args:
        path: CSV (UTF-8; comma, semicolon or tab), Excel, both with a header, or Parquet.
        table: the contract.
        mapping: the file's column name by ours, where it differs.

    Raises:
        InputError: the file cannot be read, lacks a column, or has a value that does not fit; row numbers are the
            lines of a CSV (the header is line 1), those of Excel, rows of a Parquet counted from 1.
    """
    rows = read_cells(path)
    theirs = {column.name: mapping.get(column.name, column.name) for column in table.columns}
    optional = {column.name for column in table.columns if column.nullable} - _NEEDED - set(mapping)
    missing = [f"{name} ({ours})" for ours, name in theirs.items() if name not in rows and ours not in optional]
    if missing:
        found = ", ".join(map(str, rows.columns))
        raise InputError(
            f"{path}: no column {', '.join(missing)}; found {found}; name them with --columns ours=theirs;..."
        )
    used = {ours: name for ours, name in theirs.items() if name in rows}
    try:
        for column in table.columns:
            if column.type == "DATE" and column.name in used:
                _check_days(column, rows[used[column.name]])
        valid = validate(table, pd.DataFrame({ours: rows[name] for ours, name in used.items()}))
    except ContractError as error:
        raise InputError(f"{path}: {error}; nothing was loaded") from None
    _check_names(path, table, valid)
    if not len(valid):
        raise InputError(f"{path}: no rows; nothing was loaded")
    return valid, [str(name) for name in rows.columns if name not in used.values()]


def content_hash(path: Path) -> str:
    """Return the SHA-256 of the file's bytes: what makes it the same file, whatever its name."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_days(column: Column, values: pd.Series) -> None:
    """Refuse a date that is no whole day of the business: a year or month alone, an instant of a time zone."""
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        wrong = values.notna()
    elif pd.api.types.is_datetime64_dtype(values):
        return
    else:
        wrong = values.notna() & ~values.astype("str").str.strip().str.fullmatch(_DAY).astype("bool")
    refuse(column, values, wrong, "a date such as 2026-11-22, without a time zone")


def _check_names(path: Path, table: Table, rows: pd.DataFrame) -> None:
    for column in (name for name in KEY if name in table.column_names):
        faults = list(name_faults(column, rows[column]))
        if faults:
            raise InputError(f"{path}: {'; '.join(faults[:SHOWN_FAULTS])}; nothing was loaded")
