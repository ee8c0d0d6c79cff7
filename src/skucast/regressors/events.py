"""The calendar of local events: a file by hand, read row by row; whatever does not fit is named by its line."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pandas as pd

from skucast.core.combination import clean_name, name_problem
from skucast.core.errors import InputError
from skucast.core.quoting import listed
from skucast.core.spelling import fold
from skucast.core.tables.contract import ALL
from skucast.core.words import counted
from skucast.regressors.holidays import OTHER_HOLIDAYS, WORKING_DAYS, Event
from skucast.sheets.frame import read_cells

COLUMNS = ["name", "date", "days_before", "days_after"]
UNIT = "unit"
"""A column that the file may have: the business unit that the event is about; empty = all."""

MAX_DAYS_AROUND = 30
"""More days before or after are a season, not an event."""

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_YEARS = range(1990, 2100)

_TERMS = "trend|yhat|yearly|weekly|daily|holidays|zeros|(additive|multiplicative)_terms"
_TAKEN = re.compile(
    rf"({_TERMS}|extra_regressors_\w+)(_lower|_upper)?|ds|y|cap|floor|\w+_scaled|y_lag1|(promo|weather|declared)_\w+|.*_delim_.*"
)
"""Names of Prophet's own columns and of regressors: as a holiday `to_prophet` could not tell them apart."""


def events_of(calendar: str) -> tuple[Event, ...]:
    """Return the events of the file that HOLIDAY_CALENDAR names; none without a name.

    Raises:
        InputError: as `read_events`.
    """
    return read_events(Path(calendar)) if calendar else ()


def read_events(path: Path) -> tuple[Event, ...]:
    """Return the events of a CSV or Excel file with the header `COLUMNS`, and `UNIT` if it likes, sorted.

    Empty days before or after are 0.

    Raises:
        InputError: the file cannot be read or has no events, or a line does not fit; the first one is named.
    """
    rows = read_cells(path)
    if sorted(set(rows.columns) - {UNIT}) != sorted(COLUMNS):
        found_there, expected = listed(rows.columns), ", ".join(COLUMNS)
        raise InputError(f"{path}: found the columns {found_there}, expected {expected}, and {UNIT} where it is needed")
    found: dict[tuple[str, date, str], Event] = {}
    problems = []
    for line, cells in rows.to_dict("index").items():
        try:
            event = _event({str(name): "" if pd.isna(cell) else str(cell).strip() for name, cell in cells.items()})
            if (event.name, event.day, fold(event.unit)) in found:
                raise ValueError(f"{event.name!r} on {event.day} is there twice; keep one")
            found[event.name, event.day, fold(event.unit)] = event
        except ValueError as error:
            problems.append(f"line {line}: {error}")
    if problems:
        more = f" (and {counted(len(problems) - 1, 'more line')} that do not fit)" if len(problems) > 1 else ""
        raise InputError(f"{path}, {problems[0]}{more}; nothing was trained")
    if not found:
        raise InputError(f"{path}: no events; add some, or leave HOLIDAY_CALENDAR empty")
    return tuple(sorted(found.values()))


def _event(cells: dict[str, str]) -> Event:
    """The event of one line; ValueError says what does not fit."""
    return Event(
        _name(cells["name"]),
        _day(cells["date"]),
        _days_around("days_before", cells["days_before"]),
        _days_around("days_after", cells["days_after"]),
        _unit(cells.get(UNIT, "")),
    )


def _unit(text: str) -> str:
    unit = clean_name(text)
    if unit in ("", ALL):
        return ""
    problem = name_problem(unit)
    if problem:
        raise ValueError(f"unit {unit!r}: {problem}")
    return unit


def _name(text: str) -> str:
    name = clean_name(text)
    problem = name_problem(name)
    if problem:
        raise ValueError(f"name {name!r}: {problem}")
    if name in (OTHER_HOLIDAYS, WORKING_DAYS) or _TAKEN.fullmatch(name):
        raise ValueError(f"name {name!r} means something else to the model; choose another")
    return name


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or day.year not in _YEARS:
        raise ValueError(f"date {text!r}: expected a date such as 2026-06-12, from {_YEARS[0]} to {_YEARS[-1]}")
    return day


def _days_around(column: str, text: str) -> int:
    if not text:
        return 0
    if not re.fullmatch(r"[0-9]{1,2}", text) or int(text) > MAX_DAYS_AROUND:
        raise ValueError(f"{column} {text!r}: expected a whole number from 0 to {MAX_DAYS_AROUND}")
    return int(text)
