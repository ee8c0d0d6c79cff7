"""Days and numbers as people write them: what one column of a file means is told by all of its cells."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

import numpy as np
import pandas as pd

UNREADABLE = re.compile(r"=.*|#(N/A|Н/Д|[A-ZА-Я0-9/]+[!?])", re.DOTALL)
"""A formula that nobody has worked out, and the errors of Excel in English and Russian."""

_TIME = r"(?:[T ]+(?P<time>\d{1,2}(?::?\d\d){0,2}(?:[.,]\d+)?))?"
_ISO = re.compile(rf"(\d{{4}})-?(\d\d)-?(\d\d){_TIME}")
_YEAR_FIRST = re.compile(rf"(\d{{4}})[./](\d{{1,2}})[./](\d{{1,2}}){_TIME}")
_YEAR_LAST = re.compile(rf"(\d{{1,2}})([./-])(\d{{1,2}})\2(\d{{4}}){_TIME}")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")

_BLANKS = re.compile("(?<=[0-9])[ \u00a0\u2009\u202f'\u2019](?=[0-9]{3}(?![0-9]))")
"""What stands between the thousands of a number."""

_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}([.,]\d{3})+")


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


def _is_time(text: str | None) -> bool:
    """Whether the hours, minutes and seconds are those of a day."""
    numbers = map(int, re.findall(r"\d\d?", re.split("[.,]", text or "")[0]))
    return all(number < limit for number, limit in zip(numbers, (24, 60, 60), strict=False))


class Numbers:
    """Numbers in one column: decimal points or commas, and blanks, points or commas between thousands.

    `separator` is that between the file's cells: where it is a semicolon, the comma is the decimal sign.
    """

    def __init__(self, separator: str, *, is_percent: bool = False) -> None:
        self._separator = separator
        self._is_percent = is_percent
        self._decimals: set[str] = set()
        self._thousands: set[str] = set()
        self._either: str | None = None

    def learn(self, texts: Iterable[str]) -> None:
        """Look at some cells."""
        for text in texts:
            number = self._plain(text)
            marks = [sign for sign in number if sign in ",."]
            if len(set(marks)) == 2:
                self._decimals.add(marks[-1])
                self._thousands.add(marks[0])
            elif len(marks) > 1:
                self._thousands.add(marks[0])
            elif marks and not _GROUPED.fullmatch(number):
                self._decimals.add(marks[0])
            elif marks == [","]:
                self._either = self._either or text

    def problem(self) -> str | None:
        """Return why the column can mean two things, None if it does not."""
        if self._either and self._comma_is_decimal is None:
            return f"has {self._either!r}, a number of thousands or one with decimals, and no cell tells which"
        return None

    def read(self, values: pd.Series) -> pd.Series:
        """Return the numbers of the texts, NaN where there is none."""
        plain = pd.to_numeric(values, errors="coerce").astype("float64")
        others = values[values.notna() & (plain.isna() | (not self._point_is_decimal))]
        known = {text: self._number(text) for text in others.unique()}
        return plain.where(~plain.index.isin(others.index), others.map(known).reindex(plain.index))

    @property
    def _comma_is_decimal(self) -> bool | None:
        if "," in self._decimals or "." in self._thousands:
            return True
        return False if "," in self._thousands or "." in self._decimals else (self._separator == ";" or None)

    @property
    def _point_is_decimal(self) -> bool:
        return bool("." in self._decimals or "," in self._thousands or not self._decimals | self._thousands)

    def _plain(self, text: str) -> str:
        plain = _BLANKS.sub("", text.strip().replace("\u2212", "-"))
        return plain.removesuffix("%").strip() if self._is_percent else plain

    def _number(self, text: str) -> float:
        number = self._plain(text)
        whole, mark, rest = number.rpartition(max(",.", key=number.rfind))
        if not mark or ("," not in number and number.count(".") == 1 and not _GROUPED.fullmatch(number)):
            plain = number
        elif {",", "."} <= set(number):
            plain = f"{_ungrouped(whole)}.{rest}"
        elif not _GROUPED.fullmatch(number) or (number.count(mark) == 1 and self._is_decimal(mark)):
            plain = number.replace(",", ".")
        else:
            plain = _ungrouped(number)
        return float(plain) if _NUMBER.fullmatch(plain) else np.nan

    def _is_decimal(self, mark: str) -> bool:
        return self._point_is_decimal if mark == "." else bool(self._comma_is_decimal)


def _ungrouped(number: str) -> str:
    """The number without the marks between its thousands; what is not grouped so is none."""
    return re.sub("[.,]", "", number) if _GROUPED.fullmatch(number) or number.isdigit() else "?"
