"""Whether a file has days whose lines are all there twice, as one has that was put together of overlapping exports."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from skucast.core.words import counted

MIN_LINES = 24
"""Lines of such days that are no chance: sales lines of a day may be alike, all of them in pairs hardly ever are."""


class Twice:
    """Days and their lines, which may come in any order and in any piece.

    A day's lines are all there twice (or four times, ...) where the exclusive or of their hashes is 0.
    """

    def __init__(self) -> None:
        self._days = pd.DataFrame({"hash": pd.Series(dtype="uint64"), "lines": pd.Series(dtype="int64")})

    def add(self, rows: pd.DataFrame) -> None:
        """Look at some lines of the sales' contract, all of which have a day."""
        hashes = pd.util.hash_pandas_object(rows, index=False)
        found = pd.DataFrame({"hash": hashes.to_numpy(), "lines": 1}, index=rows["date"].to_numpy())
        both = pd.concat([self._days, found]).sort_index(kind="stable")
        starts = np.flatnonzero(~both.index.duplicated())
        if len(starts):
            xor = np.bitwise_xor.reduceat(both["hash"].to_numpy(dtype="uint64"), starts)
            lines = np.add.reduceat(both["lines"].to_numpy(dtype="int64"), starts)
            self._days = pd.DataFrame({"hash": xor, "lines": lines}, index=both.index[starts])

    def note(self) -> str | None:
        """Return which days are there twice, None if so few lines are that it may be chance."""
        twice = self._days[self._days["hash"] == 0]
        n_lines = int(twice["lines"].sum())
        if n_lines < MIN_LINES:
            return None
        first, last = (day.date() for day in (twice.index.min(), twice.index.max()))
        return _text(n_lines, len(twice), first, last)


def _text(n_lines: int, n_days: int, first: date, last: date) -> str:
    days = f"on {counted(n_days, 'day')}, {first} to {last}," if n_days > 1 else f"on {first}"
    return (
        f"{days} every line is in the file at least twice ({counted(n_lines, 'line')}): is it made of exports that "
        "overlap? All of them count; `python -m skucast loads undo` takes the load back"
    )
