"""Frames against a contract: its columns in its order and types, its key and its rules."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from skucast.core.errors import ContractError
from skucast.core.quoting import listed, quoted
from skucast.core.tables.contract import Column, Table

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd


def validate(table: Table, rows: pd.DataFrame, *, tz: str | None = None) -> pd.DataFrame:
    """Return the rows as the contract wants them: its columns in its order and types; dates are datetime64[us].

    A nullable column that is missing is filled with NULL. An instant in a column of days is its day in `tz`, the
    business's time zone; without one it is refused, because its day depends on who looks.

    Raises:
        ContractError: naming every mistake: column, first offending row, what was found and expected.
    """
    problems = list(_column_problems(table, rows))
    if problems:
        raise ContractError(f"table {table.label}: {listed(problems, by='; ')}")
    converted, problems = _convert(table, rows, tz)
    if not problems:
        problems = [*_key_problems(table, converted), *_check_problems(table, converted)]
    if problems:
        raise ContractError(f"table {table.label}: {listed(problems, by='; ')}")
    return converted


def empty(table: Table) -> pd.DataFrame:
    """Return no rows, in the table's columns and types."""
    return _nothing_of(table).copy()


@cache
def _nothing_of(table: Table) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({column.name: pd.array([], dtype=_pandas_type(column)) for column in table.columns})


def _column_problems(table: Table, rows: pd.DataFrame) -> Iterator[str]:
    there, ours = set(rows.columns), set(table.column_names)
    missing = [column.name for column in table.columns if not column.nullable and column.name not in there]
    unknown = [str(name) for name in rows.columns if name not in ours]
    if missing:
        yield f"missing column {', '.join(missing)}"
    if unknown:
        yield f"unknown column {listed(unknown)}"


def _convert(table: Table, rows: pd.DataFrame, tz: str | None) -> tuple[pd.DataFrame, list[str]]:
    import pandas as pd

    converted: dict[str, pd.Series] = {}
    problems = []
    for column in table.columns:
        if column.name not in rows:
            converted[column.name] = pd.Series(None, index=rows.index, dtype=_pandas_type(column))
            continue
        try:
            converted[column.name] = convert_column(column, rows[column.name], tz)
        except ContractError as error:
            problems.append(str(error))
    return pd.DataFrame(converted, index=rows.index), problems


def convert_column(column: Column, values: pd.Series, tz: str | None = None) -> pd.Series:
    """Return the values in the column's type, instants in a column of days by the time zone `tz`.

    Raises:
        ContractError: naming the first row that does not fit (its index label) and what was found there.
    """
    import numpy as np

    missing = np.asarray(values.array.isna())
    known = _known_to_fit(column, values, missing)
    result = _in_type(column, values, tz) if known is None else known
    if column.allowed and not set(result.dropna().unique()) <= set(column.allowed):
        refuse(column, values, result.notna() & ~result.isin(column.allowed), f"one of {', '.join(column.allowed)}")
    if column.type in ("DATE", "TIMESTAMP"):
        _check_calendar(column, values, result)
    if not column.nullable:
        if known is None or missing.any():
            refuse(column, values, result.isna(), "a value, because the column is required")
        if result.dtype != _pandas_type(column):
            result = result.astype(_pandas_type(column))
    return result


def _check_calendar(column: Column, values: pd.Series, moments: pd.Series) -> None:
    """Refuse moments that Python cannot count with: databases know years before the first and after the last.

    Raises:
        ContractError: naming the first.
    """
    import pandas as pd

    first, end = pd.Timestamp("0001-01-01"), pd.Timestamp("9999-12-31") + pd.Timedelta(days=1)
    if moments.min() < first or moments.max() >= end:
        refuse(
            column, values.astype("str"), (moments < first) | (moments >= end), "a day from 0001-01-01 to 9999-12-31"
        )


def _in_type(column: Column, values: pd.Series, tz: str | None) -> pd.Series:
    import numpy as np
    import pandas as pd

    if column.type in ("DATE", "TIMESTAMP"):
        return _as_dates(column, values, tz)
    if column.type == "FLOAT64":
        result = pd.to_numeric(values, errors="coerce").astype("float64")
        not_a_number = result.isna() & values.notna()
        if not_a_number.any():
            not_a_number &= ~_is_blank(values)
        refuse(column, values, result.isin([np.inf, -np.inf]) | not_a_number, "a finite number")
        return result
    if column.type == "INT64":
        numbers = pd.to_numeric(values, errors="coerce")
        refuse(column, values, values.notna() & ((numbers % 1) != 0), "a whole number")
        return numbers.astype("Int64")
    if column.type == "BOOL":
        refuse(column, values, values.notna() & ~values.isin([True, False]), "true or false")
        return values.astype("boolean")
    return _as_text(values)


def _known_to_fit(column: Column, values: pd.Series, missing: npt.NDArray[np.bool_]) -> pd.Series | None:
    """Return values that their type alone, or that there is none, shows to fit, in the column's type; or else None.

    Most columns are written as they were computed, and read as they were written: their values need no second look.
    """
    import numpy as np
    import pandas as pd

    nullable, required = _types()[column.type]
    if missing.all():
        nothing: pd.Series = pd.Series(None, index=values.index, dtype=nullable, name=values.name)
        return nothing
    if values.dtype not in (nullable, required):
        return None
    if column.type == "FLOAT64" and np.isinf(values.to_numpy()).any():
        return None
    if column.type == "DATE":
        instants = values.to_numpy()
        if ((instants.astype("datetime64[D]") != instants) & ~missing).any():
            days: pd.Series = values.dt.normalize()
            return days
    return values if values.dtype == nullable else values.astype(nullable)


@cache
def _types() -> dict[str, tuple[Any, Any]]:
    """What pandas calls the types, of columns that may have NULLs and of columns that may not."""
    from pandas.api.types import pandas_dtype

    nullable = {
        "FLOAT64": "float64",
        "DATE": "datetime64[us]",
        "TIMESTAMP": "datetime64[us]",
        "STRING": "str",
        "INT64": "Int64",
        "BOOL": "boolean",
    }
    required = nullable | {"INT64": "int64", "BOOL": "bool"}
    return {name: (pandas_dtype(nullable[name]), pandas_dtype(required[name])) for name in nullable}


def _pandas_type(column: Column) -> Any:
    nullable, required = _types()[column.type]
    return nullable if column.nullable else required


def _as_text(values: pd.Series) -> pd.Series:
    import pandas as pd

    if pd.api.types.is_float_dtype(values) or pd.api.types.is_object_dtype(values):
        values = values.map(_without_zeros, na_action="ignore")
    return values.astype("str").where(values.notna(), None).astype("str")


def _without_zeros(value: Any) -> Any:
    """A number as people write it: whole numbers beside NULLs come as floats or decimals, article 123 as 123.0."""
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    return f"{value.normalize():f}" if isinstance(value, Decimal) else value


def _as_dates(column: Column, values: pd.Series, tz: str | None) -> pd.Series:
    import pandas as pd

    if pd.api.types.is_numeric_dtype(values) and not values.isna().all():
        refuse(column, values, values.notna(), "a date such as 2026-11-22")
    if column.type == "TIMESTAMP":
        instants = pd.to_datetime(values, errors="coerce", utc=True)  # without a zone it is UTC
        refuse(column, values, instants.isna() & values.notna(), "a date such as 2026-11-22")
        return instants.dt.tz_localize(None).astype("datetime64[us]")
    try:
        result = pd.to_datetime(values, errors="coerce", format="ISO8601")
    except ValueError:  # what pandas raises for texts of several time zones: a winter's and a summer's
        if tz is None:
            raise ContractError(f"column {column.name}: found several time zones, expected dates in one") from None
        result = pd.to_datetime(values.map(lambda one: _wall_clock(one, tz), na_action="ignore"), errors="coerce")
    refuse(column, values, result.isna() & values.notna(), "a date such as 2026-11-22")
    if getattr(result.dt, "tz", None) is not None:
        if tz is None:
            refuse(column, values, values.notna(), "a day, without a time zone")
        result = result.dt.tz_convert(tz).dt.tz_localize(None)
    return result.dt.normalize().astype("datetime64[us]")


def _wall_clock(text: Any, tz: str) -> Any:
    """The wall clock in the time zone at an instant; what has no zone stays as it is."""
    import pandas as pd

    found = pd.to_datetime(text, errors="coerce", format="ISO8601")
    return found if found.tzinfo is None else found.tz_convert(tz).tz_localize(None)


def _is_blank(values: pd.Series) -> pd.Series:
    return values.astype("str").str.strip() == ""


def refuse(column: Column, values: pd.Series, wrong: pd.Series, expected: str) -> None:
    """Refuse the column if any of its values is wrong.

    Raises:
        ContractError: naming the first such row (its index label), what was found there, and how many more there are.
    """
    if wrong.any():
        row = wrong.index[wrong.to_numpy()][0]
        value = values[wrong.to_numpy()].iloc[0]
        found = quoted(value.item() if hasattr(value, "item") else value)  # 2.5, not np.float64(2.5)
        more = int(wrong.sum()) - 1
        raise ContractError(
            f"column {column.name}, row {row}: found {found}, expected {expected}"
            + (f" (and {more} more)" if more else "")
        )


def _key_problems(table: Table, rows: pd.DataFrame) -> Iterator[str]:
    if not table.key:
        return
    twice = rows.duplicated(subset=list(table.key))
    if twice.any():
        example = rows.loc[twice, list(table.key)].iloc[0]
        yield f"{int(twice.sum())} rows repeat a key, first {tuple(str(value) for value in example)}"


def _check_problems(table: Table, rows: pd.DataFrame) -> Iterator[str]:
    for check in table.checks:
        broken = ~check.holds(rows).astype("bool")
        if broken.any():
            yield f"rule broken in {int(broken.sum())} rows, first row {rows.index[broken.to_numpy()][0]}: {check.rule}"
