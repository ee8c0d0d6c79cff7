"""Numbers as people write them: what the marks of one column of a file mean is told by all of its cells."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")

_WITH_POINT = re.compile(r"-?\d+\.(?!\d{3}\Z)\d+")
"""A number with a decimal point and other than three decimals."""

_BLANKS = re.compile("(?<=[0-9])[ \u00a0\u2007\u2009\u202f'\u2019`\u00b4](?=[0-9]{3}(?![0-9]))")
"""What stands between the thousands of a number, and is never a decimal sign."""

_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}([.,]\d{3})+")

_CURRENCY = re.compile(r"[$€£¥₽₴₸]|(?:руб|р|тг)\b\.?|(?:RUB|EUR|USD|KZT|BYN)\b", re.IGNORECASE)
"""A currency before or behind an amount."""

_SIGN_OF = {"руб": "₽", "р": "₽", "rub": "₽", "eur": "€", "usd": "$", "тг": "₸", "kzt": "₸"}

_DIGITS = re.compile(r"[+-]?[\d.,]*\d[\d.,]*([eE][+-]?\d+)?")
MINUS = str.maketrans("\u2212\u2012\u2013\uff0d", "----")
"""What programs and people write for a minus."""

_IN_BRACKETS = re.compile(r"\(\s*([^-+()]+?)\s*\)")
_MINUS_BEHIND = re.compile(r"([^-+()]+?)\s*-")
_MINUS_APART = re.compile(r"^-\s+")


@dataclass
class _Grouped:
    """The cells that have one of the marks once, before three digits: 1.020 is either."""

    first: str | None = None
    count: int = 0
    whole: int = 0
    """Those that end in three zeros."""

    ends_in_zero: str | None = None
    """One whose last digit is 0: what writes as few decimals as it can writes no such number with decimals."""


@dataclass
class _Plain:
    """Which numbers without marks there are."""

    below_thousand: bool = False
    above: bool = False


@dataclass
class Numbers:
    """Numbers in one column: decimal points or commas, and blanks, points or commas between thousands.

    `separator` is that between the file's cells: where it is a semicolon, the comma is the decimal sign. `is_small`:
    thousands make no sense in the column. `from_excel`: most cells were numbers to the program that kept them, which
    gives them without marks between thousands.
    """

    separator: str
    is_percent: bool = False
    is_small: bool = False
    from_excel: bool = False
    _decimals: set[str] = field(default_factory=set)
    _thousands: set[str] = field(default_factory=set)
    _grouped: dict[str, _Grouped] = field(default_factory=lambda: {mark: _Grouped() for mark in ",."})
    _plain: _Plain = field(default_factory=_Plain)
    _currencies: set[str] = field(default_factory=set)

    def learn(self, texts: Iterable[str]) -> None:
        """Look at some cells."""
        for text in texts:
            if text.isdecimal():  # most are, or are as the next ones
                self._learn_plain(text)
                continue
            if _WITH_POINT.fullmatch(text):
                self._decimals.add(".")
                continue
            number = self._bare(text)
            if not _DIGITS.fullmatch(number):
                continue
            self._currencies |= {_SIGN_OF.get(each, each) for each in map(_currency, _CURRENCY.findall(text))}
            marks = [sign for sign in number if sign in ",."]
            if len(set(marks)) == 2:
                self._decimals.add(marks[-1])
                self._thousands.add(marks[0])
            elif len(marks) > 1:
                self._thousands.add(marks[0])
            elif not marks:
                self._learn_plain(number.lstrip("+-"))
            elif _GROUPED.fullmatch(number):
                self._learn_grouped(self._grouped[marks[0]], text, number)
            else:
                self._decimals.add(marks[0])

    def problem(self) -> str | None:
        """Return why the column can mean two things, None if it does not."""
        if len(self._currencies) > 1:
            return f"has amounts in {' and in '.join(sorted(self._currencies))}; one column has one measure"
        for mark, grouped in self._grouped.items():
            if grouped.first is not None and self._is_decimal(mark) is None:
                return (
                    f"has {grouped.first!r}, a number of thousands or one with decimals, and no cell tells which: "
                    "write thousands without a mark"
                )
        return None

    def note(self) -> str | None:
        """Return what was concluded, from no cell that is clear by itself, and is to be looked at."""
        for mark, grouped in self._grouped.items():
            if grouped.first is not None and self._told(mark) is None and self._is_decimal(mark) is False:
                text = grouped.ends_in_zero or grouped.first
                return (
                    f"{text!r} was read as {self._number(text):g}: what has decimals would not end in 0 beside others"
                )
        return None

    def read(self, values: pd.Series) -> pd.Series:
        """Return the numbers of the texts, NaN where there is none."""
        plain = pd.to_numeric(values, errors="coerce").astype("float64")
        others = values[values.notna() & (plain.isna() | (self._is_decimal(".") is False))]
        known = {text: self._number(text) for text in others.unique()}
        return plain.where(~plain.index.isin(others.index), others.map(known).reindex(plain.index))

    def _learn_plain(self, digits: str) -> None:
        if digits.isdecimal() and digits.strip("0"):
            self._plain.above |= len(digits.lstrip("0")) > 3
            self._plain.below_thousand |= len(digits.lstrip("0")) <= 3

    def _learn_grouped(self, grouped: _Grouped, text: str, number: str) -> None:
        grouped.first = grouped.first or text
        grouped.count += 1
        grouped.whole += number.endswith("000")
        if number.endswith("0"):
            grouped.ends_in_zero = grouped.ends_in_zero or text

    def _is_decimal(self, mark: str) -> bool | None:
        """Whether the mark before three digits is the decimal sign; None if that is in doubt."""
        told = self._told(mark)
        if self.is_small:
            return True
        if told is None and (self._decimals or self._thousands):
            return None  # one cell says this, one that
        return self._concluded(mark) if told is None else told

    def _told(self, mark: str) -> bool | None:
        """What cells tell that are clear by themselves; None if there are none, or both kinds."""
        other = "," if mark == "." else "."
        is_decimal = mark in self._decimals or other in self._thousands
        is_thousands = mark in self._thousands or other in self._decimals
        return None if is_decimal == is_thousands else is_decimal

    def _concluded(self, mark: str) -> bool | None:
        """What all cells together tell.

        With a fixed number of decimals every cell has them; as few as can be never end in 0; marks between thousands
        are missing below a thousand and in no cell above it.
        """
        grouped = self._grouped[mark]
        by_separator = mark == "," and self.separator == ";"
        if grouped.ends_in_zero is None:
            return True if by_separator or self.from_excel or self._plain.above else None
        if not (self._plain.below_thousand or self._plain.above):
            return True if by_separator or 2 * grouped.whole >= grouped.count else None
        return None if by_separator or self._plain.above else False

    def _bare(self, text: str) -> str:
        """The number without its blanks and signs beside it; a minus stands before it, wherever it was."""
        bare = _CURRENCY.sub("", text.translate(MINUS), count=1).strip()
        if self.is_percent:
            bare = bare.removesuffix("%").strip()
        if found := _IN_BRACKETS.fullmatch(bare) or _MINUS_BEHIND.fullmatch(bare):
            bare = f"-{found[1]}"
        return _BLANKS.sub("", _MINUS_APART.sub("-", bare))

    def _number(self, text: str) -> float:
        number = self._bare(text)
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


def _currency(text: str) -> str:
    return text.casefold().rstrip(".")


def _ungrouped(number: str) -> str:
    """The number without the marks between its thousands; what is not grouped so is none."""
    return re.sub("[.,]", "", number) if _GROUPED.fullmatch(number) or number.isdigit() else "?"
