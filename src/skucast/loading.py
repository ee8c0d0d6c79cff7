"""Files of sales become rows of the sales contract; whatever does not fit is named by row and column."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from skucast.combination import KEY, clean_name, name_problem
from skucast.errors import ContractError, InputError
from skucast.tables import Table, validate


def read_file(path: Path, table: Table, mapping: Mapping[str, str]) -> tuple[pd.DataFrame, list[str]]:
    """Return the file's rows by the table's contract, and the names of columns that were not used.

    Args:
        path: CSV (UTF-8, with a header) or Parquet.
        table: the contract.
        mapping: the file's column name by ours, where it differs.

    Raises:
        InputError: the file cannot be read, lacks a column, or has a value that does not fit; row numbers are the
            lines of a CSV (the header is line 1), rows of a Parquet counted from 1.
    """
    rows = _read(path)
    theirs = {column.name: mapping.get(column.name, column.name) for column in table.columns}
    optional = {"Promo_discount_perc", "stock"} - set(mapping)
    missing = [f"{name} ({ours})" for ours, name in theirs.items() if name not in rows and ours not in optional]
    if missing:
        found = ", ".join(map(str, rows.columns))
        raise InputError(
            f"{path}: no column {', '.join(missing)}; found {found}; name them with --columns ours=theirs;..."
        )
    used = {ours: name for ours, name in theirs.items() if name in rows}
    try:
        valid = validate(table, pd.DataFrame({ours: rows[name] for ours, name in used.items()}))
    except ContractError as error:
        raise InputError(f"{path}: {error}; nothing was loaded") from None
    _check_names(path, valid)
    if not len(valid):
        raise InputError(f"{path}: no rows; nothing was loaded")
    return valid, [str(name) for name in rows.columns if name not in used.values()]


def content_hash(path: Path) -> str:
    """Return the SHA-256 of the file's bytes: what makes it the same file, whatever its name."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    suffix = path.suffix.lower()
    try:
        if suffix == ".parquet":
            rows = pd.read_parquet(path)
            return rows.set_axis(range(1, len(rows) + 1), axis=0)
        if suffix == ".csv":
            blank = _blank_lines(path)
            rows = pd.read_csv(
                path,
                dtype="str",
                encoding="utf-8-sig",
                skip_blank_lines=False,
                keep_default_na=False,  # `NA` and `None` are names of channels and units
                na_values=["", "NULL"],
            )
            return rows.set_axis(range(2, len(rows) + 2), axis=0).drop(index=blank, errors="ignore")
    except (OSError, ValueError, pd.errors.ParserError) as error:  # ValueError: not UTF-8, not Parquet, empty
        raise InputError(f"{path}: cannot be read as {suffix[1:]} ({str(error).splitlines()[0]})") from None
    raise InputError(f"{path}: expected a .csv or .parquet file")


def _blank_lines(path: Path) -> list[int]:
    """Return the numbers of a CSV's blank lines; refuse a repeated name in the header, or a line longer than it."""
    blank = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(file)
        header = next(lines, [])
        if len(header) == 1 and (";" in header[0] or "\t" in header[0]):
            raise InputError(f"{path}: separate the columns with commas, found {header[0]!r}")
        repeated = sorted({name for name in header if header.count(name) > 1})
        if repeated:
            raise InputError(f"{path}: the header names {', '.join(repeated)} twice; name each column once")
        for fields in lines:
            if len(fields) > len(header):
                raise InputError(f"{path}: line {lines.line_num} has {len(fields)} fields, the header {len(header)}")
            if not fields:
                blank.append(lines.line_num)
    return blank


def _check_names(path: Path, rows: pd.DataFrame) -> None:
    for column in KEY:
        for row, name in rows[column].dropna().drop_duplicates().items():
            problem = name_problem(clean_name(name)) if clean_name(name) else None
            if problem:
                raise InputError(f"{path}: column {column}, row {row}: {name!r} {problem}; nothing was loaded")
