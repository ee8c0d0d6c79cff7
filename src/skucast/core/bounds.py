"""What the parts of a stored file may be: bounds of numbers, days, texts and lists, asked of them before they are used.

They are far beyond what anything real has: what is beyond them is damaged, or was made to do harm.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence, Sized
from datetime import date
from typing import Any

MOST_SALES = 1e12
"""Largest number that is read as sales of a week."""

MOST_NAME = 2_000
"""Characters of a name, or a text that is shown."""

MOST_TEXT = 100_000
"""Characters of any other text, such as the declared regressors of a recipe."""

MOST_PARTS = 5_000
"""Values in settings or figures of any shape, with all that is in them."""

MOST_DEPTH = 6
MOST_INTEGER = 2**53
"""Beyond it a float is not every integer."""

MOST_SAID = 200
"""Characters of a file that an error repeats."""

_YEARS = range(1900, 2200)
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def check_day(text: str, what: str) -> None:
    """Refuse what is no day of the calendar, written as 2026-11-22.

    Raises:
        ValueError: it is none, or of a year that nobody sells in.
    """
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or day.year not in _YEARS:
        raise ValueError(f"{what} is no day: {said(text)}")


def check_number(value: float, what: str, least: float, most: float) -> None:
    """Refuse a number that is not from `least` to `most`.

    Raises:
        ValueError: it is not, or is none.
    """
    if not least <= value <= most:  # also of NaN
        raise ValueError(f"{what} is {said(value)}, not from {least:g} to {most:g}")


def check_numbers(values: Sequence[float], what: str, most: float) -> None:
    """Refuse numbers farther from 0 than `most`.

    Raises:
        ValueError: one is, or is none.
    """
    if values and not (max(values) <= most and min(values) >= -most and not math.isnan(sum(values))):
        raise ValueError(f"{what} has a number beyond {most:g}")


def check_length(values: Sized, what: str, most: int) -> None:
    """Refuse what has more parts, or characters, than `most`.

    Raises:
        ValueError: it has.
    """
    if len(values) > most:
        raise ValueError(f"{what} has {len(values):,} parts, more than {most:,}")


def check_names(names: Sequence[str], what: str, most: int) -> None:
    """Refuse names that are empty, too long, too many, or there twice.

    Raises:
        ValueError: they are.
    """
    check_length(names, what, most)
    if not all(0 < len(name) <= MOST_NAME for name in names):
        raise ValueError(f"{what} has an empty name, or one of more than {MOST_NAME:,} characters")
    if len(set(names)) != len(names):
        raise ValueError(f"{what} has a name twice")


def check_plain(value: Any, what: str) -> None:
    """Refuse settings or figures that are too many, too deep, too long or not finite.

    Raises:
        ValueError: they are.
    """
    level, n = [value], 0
    for _ in range(MOST_DEPTH):
        n += len(level)
        if n > MOST_PARTS:
            raise ValueError(f"{what} has more than {MOST_PARTS:,} values")
        level = [part for each in level for part in _parts(each, what)]
        if not level:
            return
    raise ValueError(f"{what} is more than {MOST_DEPTH} levels deep")


def check_kinds(values: Mapping[str, Any], kinds: Mapping[str, tuple[type, ...]], what: str) -> None:
    """Refuse values of another kind than is known of their name; those that are not there are fine.

    Raises:
        ValueError: naming the first.
    """
    for name, kind in kinds.items():
        if name in values and type(values[name]) not in kind:
            raise ValueError(f"{what}: {name} is of another kind than it should be: {said(values[name])}")


def said(value: object) -> str:
    """Return the value as an error repeats it: in one line, its beginning where it is long."""
    text = " ".join(repr(value[: 2 * MOST_SAID] if isinstance(value, str) else value).split())
    return text if len(text) <= MOST_SAID else f"{text[:MOST_SAID]}..."


def _parts(value: Any, what: str) -> Iterable[Any]:
    """What is in a value, of which the value itself is looked at."""
    kind = type(value)
    if kind is float:
        if not math.isfinite(value):
            raise ValueError(f"{what} has a number that is not finite")
    elif kind is str:
        if len(value) > MOST_TEXT:  # what is refused is put into words where it is: there are hundreds in each file
            check_length(value, f"a text in {what}", MOST_TEXT)
    elif kind is int:
        if not -MOST_INTEGER <= value <= MOST_INTEGER:
            check_number(value, f"an integer in {what}", -MOST_INTEGER, MOST_INTEGER)
    elif isinstance(value, Mapping):
        if value and max(map(len, value)) > MOST_NAME:
            check_length(max(value, key=len), f"a name in {what}", MOST_NAME)
        return value.values()
    elif isinstance(value, list | tuple):
        return value
    return ()
