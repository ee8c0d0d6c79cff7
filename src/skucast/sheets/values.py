"""Days and flags as people write them: what one column of a file means is told by all of its cells."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

import pandas as pd

from skucast.core.flags import as_flag

UNREADABLE = re.compile(r"=.*|#(N/A|Н/Д|[A-ZА-Я0-9/]+[!?])", re.DOTALL)
"""A formula that nobody has worked out, and the errors of Excel in English and Russian."""

_OF_CELLS = r"[^\W\d_][(\[]|\b[A-Z]{1,3}\$?[0-9]"
NO_NAME = re.compile(rf'=(?=\s*"|.*(?:{_OF_CELLS})).*|#(N/A|Н/Д|[A-ZА-Я0-9/]+[!?])', re.DOTALL)
"""Of the same, what is no article or customer: people do name one `=1+1`, but none after a function or a cell."""

_TIME = r"(?:[T ]+(?P<time>\d{1,2}(?::?\d\d){0,2}(?:[.,]\d+)?))?"
_ISO = re.compile(rf"(\d{{4}})-?(\d\d)-?(\d\d){_TIME}")
_YEAR_FIRST = re.compile(rf"(\d{{4}})[./](\d{{1,2}})[./](\d{{1,2}}){_TIME}")
_YEAR_LAST = re.compile(rf"(\d{{1,2}})([./-])(\d{{1,2}})\2(\d{{4}}){_TIME}")


class Days:
    """Whole days in one column: ISO, 22.11.2026, or with slashes or dashes where a cell tells day from month."""

    def __init__(self) -> None:
        self._day_first: str | None = None
        self._month_first: str | None = None
        self._either: str | None = None

    def learn(self, texts: Iterable[str]) -> None:
        """Look at some cells."""
        for text in texts:
            found = _YEAR_LAST.fullmatch(text.strip())
            if found is None or found[2] == ".":
                continue
            if int(found[1]) > 12:
                self._day_first = self._day_first or text
            elif int(found[3]) > 12:
                self._month_first = self._month_first or text
            elif found[1] != found[3]:
                self._either = self._either or text

    def problem(self) -> str | None:
        """Return why the column can mean two things, None if it does not."""
        if self._day_first and self._month_first:
            return f"has {self._day_first!r} with the day first and {self._month_first!r} with the month first"
        if self._either and not (self._day_first or self._month_first):
            return f"has {self._either!r}, which is two days to two people, and no cell tells which"
        return None

    def note(self) -> None:
        """Return nothing: what a day is no cell leaves to be concluded."""

    def read(self, values: pd.Series) -> pd.Series:
        """Return the days of the texts, NaT where there is none or it is no day."""
        known = {text: self._day(text.strip()) for text in values.dropna().unique()}
        return values.map(known).astype("datetime64[us]")

    def _day(self, text: str) -> date | None:
        if found := _ISO.fullmatch(text) or _YEAR_FIRST.fullmatch(text):
            year, month, day = found[1], found[2], found[3]
        elif found := _YEAR_LAST.fullmatch(text):
            year, month, day = found[4], found[3], found[1]
            if self._month_first and found[2] != ".":
                month, day = day, month
        else:
            return None
        try:
            return date(int(year), int(month), int(day)) if _is_time(found["time"]) else None
        except ValueError:
            return None


class Flags:
    """Yes and no in one column, in English, Russian or German, or as 1 and 0."""

    def __init__(self) -> None:
        self.all_are_flags = True

    def learn(self, texts: Iterable[str]) -> None:
        """Look at some cells: each is clear by itself, and whether all are flags is remembered."""
        self.all_are_flags &= all(not text.strip() or as_flag(text) is not None for text in texts)

    def problem(self) -> None:
        """Return nothing: a column cannot mean two things."""

    def note(self) -> None:
        """Return nothing: what a flag is no cell leaves to be concluded."""

    def read(self, values: pd.Series) -> pd.Series:
        """Return true and false of the texts, None where it is neither."""
        known = {text: as_flag(text) for text in values.dropna().unique()}
        return values.astype("object").map(known).astype("boolean")


def _is_time(text: str | None) -> bool:
    """Whether the hours, minutes and seconds are those of a day."""
    numbers = map(int, re.findall(r"\d\d?", re.split("[.,]", text or "")[0]))
    return all(number < limit for number, limit in zip(numbers, (24, 60, 60), strict=False))
