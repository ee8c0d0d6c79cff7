"""What people say of the work list, in a file or by hand, becomes rows of the table; what is wrong comes back."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import pandas as pd

from skucast.core.combination import KEY
from skucast.core.spelling import fold
from skucast.core.tables.validation import empty, validate
from skucast.core.tables.work_notes import WORK_NOTES
from skucast.core.targets import nearest
from skucast.core.texts import Text, wording
from skucast.core.weeks import WeekClock
from skucast.regressors.file_lines import FileLine, lines_of, whole_lines
from skucast.regressors.headings import in_every_language, language_of, unused_of
from skucast.regressors.promotion_files import PlanFile, rejected_rows
from skucast.regressors.promotion_lines import MAX_TEXT, TWO_YEARS, as_day
from skucast.sheets.reading import Kind, read_sheet, trimmed

COLUMNS = ("line_id", "state", "until", "owner", "comment", "author")
REQUIRED = ("line_id", "author")

FILE = Kind(wording("file about the work list"), n_bytes=5_000_000, n_lines=10_000, names=frozenset(COLUMNS))

MAX_NAME = 100
"""Longest owner or author, characters."""

_STATES = {
    **dict.fromkeys(("done", "готово"), "done"),
    **dict.fromkeys(("snoozed", "snooze", "отложено"), "snoozed"),
    **dict.fromkeys(("open", "reopen", "открыто"), "open"),
}


class Why(StrEnum):
    """Why a row is rejected; docs/alerts.md lists what a file may say."""

    NO_COLUMN = wording("the file has no column {columns}")
    MORE_CELLS = wording("more cells than columns")
    UNREADABLE = wording("{column} holds {found}, an error or a formula without a result")
    EMPTY = wording("{column} is empty")
    UNKNOWN = wording("{found} is on no line of the work list ({closest})")
    NOT_A_STATE = wording("state {found} is none of done, snoozed, open")
    SAYS_NOTHING = wording("nothing is said: give state, owner or comment")
    NO_UNTIL = wording("snoozed needs until, the day on which it is on the list again")
    UNTIL_ALONE = wording("until is for what is snoozed")
    NOT_A_DAY = wording("until {found} is no day such as 2026-11-25 or 25.11.2026")
    HAS_COME = wording("until {day} has come: give a later day than {today}")
    TOO_FAR = wording("until {day} is more than 2 years away")
    TOO_LONG = wording("{column} has more than {limit} characters")
    TWICE = wording("is about the same line as line {line}")
    DUPLICATE = wording("the same as line {line}")


class WordJudge:
    """Reads what is said of lines, knowing the lines and what day it is.

    Args:
        lines: the lines of the list by each name that people may call one.
        said_at: when it is said, naive UTC.
    """

    def __init__(self, lines: Mapping[str, Mapping[str, Any]], said_at: datetime, clock: WeekClock) -> None:
        self._lines = {fold(name): line for name, line in lines.items()}
        self._names = sorted({str(line[name]) for line in lines.values() for name in ("line_id", "about")})
        self._said_at, self._today = said_at, clock.day_of(said_at)

    def read(self, line: FileLine) -> None:
        """Read the line's cells into its row, and refuse what is wrong."""
        line.refuse_errors(Why.UNREADABLE, [column for column in COLUMNS if column != "comment"])
        if line.reasons:
            return
        about = self._about(line)
        state = _state(line)
        line.row = {
            "state": state,
            "snoozed_until": self._until(line, state),
            "owner": _text(line, "owner", MAX_NAME),
            "comment": _text(line, "comment", MAX_TEXT),
            "author": _text(line, "author", MAX_NAME),
            "known_from": self._said_at,
        }
        if line.row["author"] is None:
            line.refuse(Why.EMPTY, column="author")
        if not line.reasons and not any(line.row[name] for name in ("state", "owner", "comment")):
            line.refuse(Why.SAYS_NOTHING)
        if about is not None:
            own = {name: about[name] for name in ("line_id", "about", *KEY)}
            line.row |= {**own, "seen_through": about["opened"], "size": about["size"]}

    def _about(self, line: FileLine) -> Mapping[str, Any] | None:
        """The line of the list that it is about."""
        found = " ".join(line.cells["line_id"].split())
        if not found:
            line.refuse(Why.EMPTY, column="line_id")
            return None
        known = self._lines.get(fold(found))
        if known is None:
            near = ", ".join(nearest(found, self._names)) if self._names else ""
            closest = (
                Text("closest: {names}", names=near) if near else Text("{n} lines, none alike", n=len(self._names) // 2)
            )
            line.refuse(Why.UNKNOWN, found=repr(found), closest=closest)
        return known

    def _until(self, line: FileLine, state: str | None) -> date | None:
        found = line.cells["until"]
        day = as_day(found) if found else None
        if not found and state == "snoozed":
            line.refuse(Why.NO_UNTIL)
        elif found and state != "snoozed":
            line.refuse(Why.UNTIL_ALONE)
        elif found and day is None:
            line.refuse(Why.NOT_A_DAY, found=repr(found))
        elif day is not None and day <= self._today:
            line.refuse(Why.HAS_COME, day=day, today=self._today)
        elif day is not None and day - self._today > TWO_YEARS:
            line.refuse(Why.TOO_FAR, day=day)
        return day


def read_words(
    name: str, content: bytes, lines: Mapping[str, Mapping[str, Any]], run_at: datetime, clock: WeekClock
) -> PlanFile:
    """Return the rows of a file about the work list, good and rejected.

    Args:
        name: file name; its suffix tells CSV from Excel.
        content: its bytes.
        lines: as `WordJudge` wants them.
        run_at: when the file is read, naive UTC: what it says is said then.
        clock: weeks and the business time zone.

    Raises:
        InputError: the file as a whole cannot be read.
    """
    sheet = trimmed(name, read_sheet(name, io.BytesIO(content), in_every_language(FILE, COLUMNS)))
    judge = WordJudge(lines, run_at, clock)
    found = lines_of(sheet, COLUMNS)
    for line in whole_lines(sheet, found, COLUMNS, REQUIRED, Why.MORE_CELLS, Why.NO_COLUMN):
        judge.read(line)
    _refuse_twice(found)
    good = [line.row for line in found if not line.reasons]
    return PlanFile(
        rows=as_rows(good),
        rejected=rejected_rows(sheet, found),
        covers_through=None,
        unused=unused_of(sheet, COLUMNS),
        separator=sheet.separator,
        n_lines=len(found),
        notes=list(sheet.notes),
        language=language_of(sheet, COLUMNS),
        n_repeated=sum(line.is_duplicate for line in found),
    )


def as_rows(said: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    """Return what was said as rows of `tables.WORK_NOTES`."""
    return validate(WORK_NOTES, pd.DataFrame(said)) if said else empty(WORK_NOTES)


def _state(line: FileLine) -> str | None:
    found = line.cells["state"].strip().casefold()
    if found and found not in _STATES:
        line.refuse(Why.NOT_A_STATE, found=repr(line.cells["state"]))
    return _STATES.get(found)


def _text(line: FileLine, column: str, limit: int) -> str | None:
    found = " ".join(line.cells[column].split())
    if len(found) > limit:
        line.refuse(Why.TOO_LONG, column=column, limit=limit)
    return found or None


def _refuse_twice(lines: Sequence[FileLine]) -> None:
    """Refuse every row about a line of the list that an earlier row is about."""
    first: dict[object, FileLine] = {}
    for line in lines:
        if line.reasons:
            continue
        earlier = first.setdefault(line.row["line_id"], line)
        if earlier is not line:
            line.is_duplicate = earlier.row == line.row
            line.refuse(Why.DUPLICATE if line.is_duplicate else Why.TWICE, line=earlier.number)
