"""Frames as the page's columns: plain lists, rows in the order of combinations, weeks and repeated texts as numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from skucast.core.combination import KEY

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from pandas import DataFrame, Series

_DIGITS = 4
"""Significant digits of embedded numbers; digits before the decimal point are always kept."""

SUMMED_DIGITS = 6
"""Of numbers that the page adds up: their sums must round to the same tenth of a percent as those of the tables."""

_MOST_DECIMALS = 15

NUMBER = "_number"
"""The place of a row's combination among the names on the page."""

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


def numbers_of(frame: DataFrame, names: DataFrame) -> npt.NDArray[np.int64]:
    """Return the place of each row's combination in `names`, -1 where it is not there."""
    import pandas as pd

    index = pd.MultiIndex.from_frame(names[KEY])
    return index.get_indexer(pd.MultiIndex.from_frame(frame[KEY])).astype("int64")


def numbered(frame: DataFrame, names: DataFrame) -> DataFrame:
    """Return the rows of these combinations with the place of each, `NUMBER`, sorted by it, `ds` and `step`."""
    rows = frame.assign(**{NUMBER: numbers_of(frame, names)})
    rows = rows[rows[NUMBER] >= 0]
    return rows.sort_values([NUMBER, *(name for name in _ORDER if name in frame)], kind="stable", ignore_index=True)


def rows_by_name(rows: DataFrame, names: DataFrame, columns: Callable[[DataFrame], Columns]) -> Columns:
    """Return the columns of rows that are `numbered`, and how many `rows` each of the `names` has."""
    import numpy as np

    return {"rows": np.bincount(rows[NUMBER], minlength=len(names)).tolist(), **columns(rows)}


def table(frame: DataFrame, names: DataFrame, columns: Callable[[DataFrame], Columns]) -> Columns:
    """Return the columns of the frame's rows of the `names`, sorted by them, and how many `rows` each has."""
    return rows_by_name(numbered(frame, names), names, columns)


def weeks_in(frame: DataFrame) -> set[str]:
    """Return every week that the frame is about, as ISO dates."""
    columns = [frame[name] for name in ("cutoff", "ds") if name in frame]
    return {week for column in columns for week in iso(column.drop_duplicates())}


def short(numbers: Series, digits: int = _DIGITS) -> list[float | int | None]:
    """Return the numbers with that many significant digits, whole where they are whole, None where not finite."""
    import numpy as np

    given = numbers.to_numpy("float64", na_value=np.nan)
    known = np.where(np.isfinite(given), given, np.nan)
    size = np.abs(np.where((known == 0) | np.isnan(known), 1.0, known))
    decimals = np.clip(digits - 1 - np.floor(np.log10(size)), 0, _MOST_DECIMALS).astype("int64")
    rounded = known
    for n in np.unique(decimals):
        rounded = np.where(decimals == n, np.round(known, n), rounded)
    return [None if each != each else int(each) if each.is_integer() else each for each in rounded.tolist()]


def values(rows: DataFrame, names: Sequence[str], digits: int = _DIGITS) -> Columns:
    """Return columns of numbers, shortened."""
    return {name: short(rows[name], digits) for name in names}


def whole(numbers: Series) -> list[int]:
    """Return whole numbers, or flags as 0 and 1."""
    return numbers.astype("int64").tolist()


def iso(dates: Series) -> list[str]:
    """Return the dates as text; a missing one is empty."""
    import pandas as pd

    codes, different = pd.factorize(pd.to_datetime(dates))  # few are different, and each is written once
    texts = [*pd.DatetimeIndex(different).strftime("%Y-%m-%d"), ""]
    return [texts[code] for code in codes]


def coded(texts: Series | Sequence[str]) -> Columns:
    """Return a column of texts that repeat; a missing one is empty."""
    import pandas as pd

    codes, different = pd.factorize(pd.Series(texts, dtype="str").fillna(""), sort=True)
    return {"of": [str(text) for text in different], "at": codes.tolist()}


def week_numbers(dates: Series, weeks: Sequence[str]) -> list[int]:
    """Return the place of each date in the page's list of weeks."""
    import pandas as pd

    return pd.DatetimeIndex(list(weeks)).get_indexer(pd.DatetimeIndex(dates)).tolist()
