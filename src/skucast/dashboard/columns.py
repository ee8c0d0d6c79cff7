"""Frames as the page's columns: plain lists, rows in the order of combinations, weeks and repeated texts as numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from skucast.core.combination import KEY

if TYPE_CHECKING:
    from pandas import DataFrame, Series

_DIGITS = 4
"""Significant digits of embedded numbers; digits before the decimal point are always kept."""

_ORDER = ["ds", "step"]
_TYPES = {**dict.fromkeys(KEY, "str"), **dict.fromkeys(["cutoff", "ds"], "datetime64[us]")}

Columns = dict[str, Any]
"""Lists of one length by name; a list of texts may be `{"of": the different ones, "at": which of them}`."""


def rows_of(frame: DataFrame, columns: Sequence[str]) -> DataFrame:
    """Return those columns, names as text and weeks as dates; a frame without rows may also come without columns."""
    rows = frame[list(columns)] if len(frame) else frame.reindex(columns=list(columns))
    return rows.astype({name: kind for name, kind in _TYPES.items() if name in rows})


def only(frame: DataFrame, names: DataFrame) -> DataFrame:
    """Return the rows of those combinations."""
    return frame.merge(names[KEY], on=KEY)


def table(frame: DataFrame, names: DataFrame, columns: Callable[[DataFrame], Columns]) -> Columns:
    """Return the columns of the frame sorted by combination, and how many `rows` each of the `names` has."""
    import numpy as np
    import pandas as pd

    index = pd.MultiIndex.from_frame(names[KEY])
    codes = index.get_indexer(pd.MultiIndex.from_frame(frame[KEY]))
    order = [name for name in _ORDER if name in frame]
    rows = frame.assign(_code=codes).sort_values(["_code", *order], kind="stable", ignore_index=True)
    return {"rows": np.bincount(codes, minlength=len(names)).tolist(), **columns(rows.drop(columns="_code"))}


def short(value: float) -> float | int | None:
    """Return the number with `_DIGITS` significant digits, whole where it is whole, None where it is not finite."""
    if not math.isfinite(value):
        return None
    decimals = _DIGITS - 1 - math.floor(math.log10(abs(value))) if value else 0
    rounded = round(float(value), max(decimals, 0))
    return int(rounded) if rounded.is_integer() else rounded


def values(rows: DataFrame, names: Sequence[str]) -> Columns:
    """Return columns of numbers, shortened."""
    return {name: [short(value) for value in rows[name].astype("float64")] for name in names}


def whole(numbers: Series) -> list[int]:
    """Return whole numbers, or flags as 0 and 1."""
    return numbers.astype("int64").tolist()


def iso(dates: Series) -> list[str]:
    """Return the dates as text; a missing one is empty."""
    import pandas as pd

    return pd.to_datetime(dates).dt.strftime("%Y-%m-%d").fillna("").tolist()


def coded(texts: Series | Sequence[str]) -> Columns:
    """Return a column of texts that repeat; a missing one is empty."""
    import pandas as pd

    codes, different = pd.factorize(pd.Series(texts, dtype="str").fillna(""), sort=True)
    return {"of": [str(text) for text in different], "at": codes.tolist()}


def week_numbers(dates: Series, weeks: Sequence[str]) -> list[int]:
    """Return the place of each date in the page's list of weeks."""
    number = {week: position for position, week in enumerate(weeks)}
    return [number[week] for week in iso(dates)]
