"""The weeks of one combination as arrays: cut from all, or at many origins, in a tenth of the time of a frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

LAG_FILL_WEEKS = 4
"""A missing week counts as the mean of this many known weeks before it when it is somebody's lag."""


class Columns:
    """The weeks of one combination, oldest first: an array for each column, all of one length."""

    __slots__ = ("_arrays", "_n_weeks")

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        self._arrays = dict(arrays)
        self._n_weeks = len(self._arrays["ds"])

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        return self._arrays[name]

    def __contains__(self, name: object) -> bool:
        return name in self._arrays

    def __len__(self) -> int:
        return self._n_weeks

    def part(self, first: int, end: int) -> Columns:
        """Return some of the weeks, as views."""
        return Columns({name: values[first:end] for name, values in self._arrays.items()})


Weeks = pd.DataFrame | Columns
"""The weeks of one combination, oldest first; functions that take them look at columns alone."""


def columns_of(weeks: pd.DataFrame, names: Sequence[str]) -> Columns:
    """Return these columns of a frame, all but the labels `ds` as floats."""
    numbers = {name: weeks[name].to_numpy(dtype="float64") for name in names}
    return Columns({"ds": weeks["ds"].to_numpy(), **numbers})


def numbers(weeks: Weeks, name: str) -> Floats:
    """Return a column as floats."""
    return np.asarray(weeks[name], dtype="float64")


def days(weeks: Weeks) -> npt.NDArray[np.datetime64]:
    """Return the labels of the weeks."""
    found: npt.NDArray[np.datetime64] = np.asarray(weeks["ds"]).astype("datetime64[D]")
    return found


def last_day(weeks: Weeks) -> date:
    """Return the label of the last week."""
    day: date = np.asarray(weeks["ds"])[-1].astype("datetime64[D]").item()
    return day


@overload
def cut(weeks: pd.DataFrame, first: int, end: int) -> pd.DataFrame: ...


@overload
def cut(weeks: Columns, first: int, end: int) -> Columns: ...


def cut(weeks: Weeks, first: int, end: int) -> Weeks:
    """Return some of the weeks, as they are told."""
    return weeks.part(first, end) if isinstance(weeks, Columns) else weeks.iloc[first:end]


def carried_on(y: Floats) -> Floats:
    """Return y with every unknown week replaced by the mean of the (up to) 4 known or filled weeks before it."""
    unknown = np.isnan(y)
    if not unknown.any():
        return y
    values = y.copy()
    for position in np.flatnonzero(unknown):
        before = values[max(0, position - LAG_FILL_WEEKS) : position]
        if len(before) and not np.isnan(before).all():
            values[position] = np.nanmean(before)
    return values
