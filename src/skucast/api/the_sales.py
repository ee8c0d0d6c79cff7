"""Sales in: a file, a warehouse or a frame becomes one long frame, and that the lines of the sales table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Literal

import pandas as pd

from skucast.core.combination import KEY
from skucast.core.errors import InputError
from skucast.core.quoting import listed
from skucast.core.series import ID, combination_named, unique_id
from skucast.core.tables.contract import BATCH, Column, Table
from skucast.core.tables.sales import SALES, sales_with
from skucast.core.tables.validation import validate
from skucast.core.weeks import Anchor, WeekClock, anchor_of
from skucast.runtime.logs import log

_NIXTLA = {"ds": "date", "y": "quantity"}


def read_sales(source: pd.DataFrame | str | Path, *, columns: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Return sales as one long frame, a row per line as it was sold: nothing is summed up, cleaned or left out yet.

    Args:
        source: a frame; a file (CSV, Excel, Parquet) or a folder of such files; `duckdb:FILE` or
            `bigquery://PROJECT/DATASET`, whose table of sales is read.
        columns: the source's name of a column by ours, where it differs: `{"quantity": "pieces"}`. A name that is none
            of ours brings one more column of numbers, for a declared regressor: `{"price": "Preis"}`; of a warehouse it
            has the same name there.

    Returns:
        `unique_id` (`unit/channel/SKU_ID`), `unit`, `channel`, `SKU_ID`, `ds` (day of the sale; of weekly sales any day
        of the week), `y` (sold quantity, negative = return), and what else is known: `Promo_discount_perc` (percent),
        `is_promo`, `promo_type`, `stock`, and of a frame all its other columns. A frame may name its series by
        `unique_id` alone.

    Raises:
        InputError: the source cannot be read, or lacks a column; says which.

    Lines without a day or a name are left out, which a warning counts.

    Examples:
        >>> import pandas as pd
        >>> import skucast as sk
        >>> lines = pd.DataFrame({"unique_id": ["Perm/KA/Tea"] * 2, "ds": ["2026-11-16", "2026-11-17"], "y": [3, 5]})
        >>> sk.read_sales(lines)[["unit", "channel", "SKU_ID", "ds", "y"]]
           unit channel SKU_ID         ds    y
        0  Perm      KA    Tea 2026-11-16  3.0
        1  Perm      KA    Tea 2026-11-17  5.0
    """
    given = dict(columns or {})
    if isinstance(source, pd.DataFrame):
        return _long(_named(source, given))
    if not isinstance(source, str | Path):
        raise InputError(f"sales: found {type(source).__name__}: expected a frame, a file, or where a warehouse is")
    text, more = str(source), [name for name in given if name not in SALES.column_names]
    table = sales_with(more)
    if text.startswith(("duckdb:", "bigquery://")):
        from skucast.backends.warehouse.opening import open_warehouse
        from skucast.runtime.reading import settings_of

        mapping = ",".join(f"{ours}={theirs}" for ours, theirs in given.items() if ours not in more)
        lines = open_warehouse(settings_of(warehouse=text, sales_columns=mapping)).read(table)
        if not len(lines):
            raise InputError(f"{text}: no sales in {SALES.name}; load some, or name another warehouse")
        return _long(lines)
    return _long(_of_files(Path(source), table, given))


def _of_files(path: Path, table: Table, given: dict[str, str]) -> pd.DataFrame:
    """The lines of files whose columns are named as ours, or as in a long frame: `unique_id, ds, y`."""
    from skucast.sales.loading import columns_of_files, read_delivery

    there = columns_of_files(path)
    for theirs, ours in _NIXTLA.items():
        if ours not in there and theirs in there:
            given.setdefault(ours, theirs)
    if ID in there and not set(KEY) & ({*there} | {*given}):
        named = Column(ID, "STRING", "", "the name of the series")
        others = tuple(column for column in table.columns if column.name not in KEY)
        table = replace(table, columns=(named, *others), key=(), checks=())
    return pd.concat(list(read_delivery(path, table, given).rows), ignore_index=True)


def grain_of(sales: pd.DataFrame) -> tuple[Literal["day", "week"], Anchor]:
    """Return what a line covers, and on which day weeks end.

    Sales by week have lines a week apart, all or most of them on one weekday, which ends their weeks; sales of days are
    of weeks that end on Sundays.

    Raises:
        InputError: lines are a month or more apart, in nearly all series: no weeks can be made of them.
    """
    gaps = _gaps(sales)
    if len(gaps) and gaps.quantile(1 - NEARLY_ALL) >= MONTH_DAYS:
        raise InputError(
            f"sales: lines are {gaps.median():.0f} days apart: sales by month or quarter cannot be forecast by week; "
            "give those of days or weeks"
        )
    weekdays = sales["ds"].dt.day_of_week
    is_by_week = len(gaps) and gaps.quantile(1 - NEARLY_ALL) >= WEEK_DAYS - 1 and gaps.median() <= WEEK_DAYS + 1
    if sales["ds"].nunique() > 1 and (weekdays.nunique() == 1 or is_by_week):
        usual = weekdays.mode().iloc[0]
        label: date = sales.loc[weekdays == usual, "ds"].iloc[0].date()
        return "week", anchor_of(label)
    return "day", "SUN"


WEEK_DAYS, MONTH_DAYS = 7, 28
NEARLY_ALL = 0.95
FEWEST_GAPS = 8
"""Fewer gaps between lines of a series tell nothing of a rhythm."""


def _gaps(sales: pd.DataFrame) -> pd.Series:
    """Days between two lines of one series, of series with some; of a rhythm there are nearly all alike."""
    days = sales[[ID]].assign(day=sales["ds"].dt.normalize()).drop_duplicates().sort_values([ID, "day"])
    gaps: pd.Series = days.groupby(ID)["day"].diff().dt.days.dropna()
    return gaps if len(gaps) >= FEWEST_GAPS else gaps.iloc[:0]


def with_unknown_weeks(sales: pd.DataFrame) -> pd.DataFrame:
    """Return the long frame with no quantity in any line of a week of which a day has none: the week is unknown.

    A day that has one line with a quantity and one without is known by the first.
    """
    if not sales["y"].isna().any():
        return sales
    day = sales["ds"].dt.normalize()
    is_known = sales["y"].notna().groupby([sales[ID], day]).transform("any")
    ends = WeekClock(anchor=grain_of(sales)[1])
    week = day.map({each: ends.label(each.date()) for each in day.unique()})
    is_whole = is_known.groupby([sales[ID], week]).transform("all")
    return sales.assign(y=sales["y"].where(is_whole))


def lines_of(sales: pd.DataFrame, table: Table = SALES) -> pd.DataFrame:
    """Return the long frame's rows as lines of the sales table, whose contract may have further columns.

    Raises:
        InputError: a column is missing, or holds what is none of its kind.
    """
    long = sales if {ID, *KEY, "ds", "y"} <= set(sales) else read_sales(sales)
    lines = long.drop(columns=[name for name in ("date", "quantity") if name in long]).rename(columns=_NIXTLA)
    names = tuple(name for name in table.column_names if name != BATCH)
    lacking = [name for name in names if name not in lines and name not in SALES.column_names]
    if lacking:
        there = [str(name) for name in long if name not in (ID, *KEY, "ds", "y")]
        raise InputError(
            f"sales: no column {', '.join(lacking)}, in which a regressor is declared to be; "
            f"beside names, ds and y there are {listed(there) if there else 'none'}"
        )
    return fitting(table, lines.assign(date=lines["date"].dt.normalize()), names)


def fitting(table: Table, rows: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
    """Return the rows' columns that the table has, by its contract.

    Raises:
        InputError: they do not fit it.
    """
    from skucast.core.errors import ContractError

    try:
        found: pd.DataFrame = validate(table, rows[[name for name in names if name in rows]])
    except ContractError as error:
        raise InputError(str(error)) from None
    return found


def with_names(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with unit, channel and SKU_ID, where they are named by `unique_id` alone."""
    if set(KEY) <= set(rows) or ID not in rows:
        return rows
    rows = rows[rows[ID].notna()]
    names = rows[ID].astype("str")
    parts = {name: combination_named(name).parts for name in names.unique()}
    named = pd.DataFrame([parts[name] for name in names], columns=KEY, index=rows.index)
    return rows.assign(**{ID: names}, **{name: named[name] for name in KEY})


def days_of(values: pd.Series, name: str) -> pd.Series:
    """Return a column of days; text is read as ISO 8601 alone, for `05.11.2026` is a day in May to some.

    Raises:
        InputError: they are none, or have a time zone.
    """
    said = f"{name} must be days such as 2026-11-05, without a time zone"
    if pd.api.types.is_numeric_dtype(values) and len(values):
        raise InputError(f"sales: {said}; found numbers")
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        raise InputError(f"sales: {said}; found days of {values.dtype.tz}: take dt.tz_localize(None) of them")
    try:
        if pd.api.types.is_datetime64_dtype(values):
            return values.astype("datetime64[us]")
        return pd.to_datetime(values.astype("str"), format="ISO8601").astype("datetime64[us]")
    except (ValueError, TypeError):
        read = pd.to_datetime(values.astype("str"), format="ISO8601", errors="coerce")
        wrong = str(values[read.isna()].iloc[0]) if read.isna().any() else ""
        raise InputError(f"sales: {said}; found {wrong!r}") from None


def _named(frame: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    missing = [theirs for theirs in columns.values() if theirs not in frame]
    if missing:
        raise InputError(f"columns: the frame has no {', '.join(missing)}; it has {listed(frame.columns)}")
    found = frame.rename(columns={theirs: ours for ours, theirs in columns.items()})
    return found.rename(columns={ours: theirs for theirs, ours in _NIXTLA.items() if theirs not in found})


def _long(lines: pd.DataFrame) -> pd.DataFrame:
    renamed = lines.rename(columns={ours: theirs for theirs, ours in _NIXTLA.items()})
    if not renamed.columns.is_unique:
        twice = renamed.columns[renamed.columns.duplicated()].unique()
        raise InputError(f"sales: several columns mean {', '.join(map(str, twice))}; leave all but one of them out")
    rows = with_names(renamed)
    missing = [name for name in (*KEY, "ds", "y") if name not in rows]
    if missing:
        raise InputError(
            f"sales: no column {', '.join(missing)}; expected unit, channel and SKU_ID (or unique_id), ds and y "
            f"(or date and quantity), found {listed(lines.columns)}"
        )
    named = rows.dropna(subset=[*KEY, "ds"])
    if n_lost := len(lines) - len(named):
        log.warning("sales: lines without a day or a name, which are left out: %d of %d", n_lost, len(lines))
    try:
        y = named["y"].astype("float64")
    except (ValueError, TypeError) as error:
        raise InputError(f"sales: y must be numbers: {error}") from None
    ds = days_of(named["ds"], "ds")
    told = named.assign(ds=ds, y=y, **{name: named[name].astype("str") for name in KEY})
    told = told.assign(**{ID: unique_id(told)})
    first = [ID, *KEY, "ds", "y"]
    return told[[*first, *(name for name in told if name not in (*first, BATCH))]].reset_index(drop=True)
