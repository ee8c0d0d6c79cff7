"""One override as it is written, in a line of a file or a command: the row that it becomes, or why it is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import pandas as pd

from skucast.core.combination import KEY
from skucast.core.flags import as_flag
from skucast.core.tables.overrides import LATE
from skucast.core.texts import wording
from skucast.core.weeks import WEEK, WeekClock
from skucast.regressors.file_lines import FileLine
from skucast.regressors.line_names import KnownNames
from skucast.regressors.override_words import KIND_BY_WORD, PIECES, reasons_by_word
from skucast.regressors.promotion_lines import MAX_TEXT, NUMBER, TWO_YEARS, as_day, as_instant
from skucast.sheets.numbers import MINUS

COLUMNS = (
    *(*KEY, "ds_from", "ds_to", "kind", "value", "reason", "author"),
    *("expires_on", "cancelled", "override_id", "known_from", "note"),
)
"""What a file may say; its own order and other columns do not matter."""

REQUIRED = (*KEY, "ds_from", "kind", "value", "reason", "author")
AS_IT_WAS = (*KEY, "ds_from", "ds_to", "kind", "value")
"""What a line that calls an override off by its override_id need not say again."""
SAME = (*AS_IT_WAS, "reason", "author", "expires_on", "note")
"""A line that says all of that as it is, of an override_id, changes nothing."""

MOST = 1e12
"""Largest value, in either direction."""
MAX_AUTHOR = 100
SMALL_PERCENT = 1.0
"""Percent below that are more probably a ratio."""

_THOUSAND = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")
_BLANKS = re.compile(r"(?<=\d)[ \u00a0\u202f](?=\d)")


class Why(StrEnum):
    """Why a row is rejected, beside what is wrong with its names; docs/overrides.md lists each."""

    NO_COLUMN = wording("the file has no column {columns}")
    MORE_CELLS = wording("more cells than columns")
    UNREADABLE = wording("{column} holds {found}, an error or a formula without a result")
    EMPTY = wording("{column} is empty")
    NOT_A_DAY = wording("{column} {found} is no day such as 2026-11-25 or 25.11.2026")
    ENDS_BEFORE_START = wording("ds_to {last} is before ds_from {first}")
    TOO_FAR = wording("{column} {day} is more than 2 years away")
    OVER = wording("its last week, {last}, is over")
    NOT_A_KIND = wording(
        "kind {found} is none of = (the number becomes the value), + (is added), % (percent are added)"
    )
    NOT_A_NUMBER = wording("value {found} is no number such as 120 or 12,5")
    TWO_NUMBERS = wording(
        "value {found} may be two numbers; write it without a separator of thousands, or with another decimal"
    )
    NEGATIVE = wording("value {found} is negative: nothing is forecast below 0")
    TOO_LOW = wording("value {found} is below -100 percent")
    FRACTION = wording("value {found} is a fraction; write {percent} for as many percent")
    TOO_LARGE = wording("value {found} is beyond a trillion")
    NOT_A_REASON = wording("reason {found} is none of {reasons}")
    TOO_LONG = wording("{column} has more than {limit} characters")
    EXPIRED = wording("expires_on {day} has passed")
    NOT_YES_OR_NO = wording("cancelled {found} is neither yes nor no")
    UNKNOWN_ID = wording("override_id {found} is none that was given; leave it empty for a new override")
    GONE = wording("override_id {found} is called off already")
    NOT_AN_INSTANT = wording("known_from {found} is no day or time such as 2026-11-25 or 25.11.2026 10:15")
    KNOWN_LATER = wording("known_from {found} is in the future")
    NOT_OVER = wording("known_from is for weeks that are over, but the last one is {last}")
    FROZEN = wording("weeks up to {frozen} are frozen (FREEZE_WEEKS={n_weeks}): begin later, or give the reason late")
    DUPLICATE = wording("the same as line {line}")
    TWICE = wording("says of the same names and week {week} something else than line {line}")
    TWICE_ID = wording("is about the same override_id as line {line}")


@dataclass(frozen=True)
class Rules:
    """What the business asks of an override: one of these reasons, and `late` for the nearest weeks."""

    reasons: tuple[str, ...]
    freeze_weeks: int = 0


class OverrideJudge:
    """Reads overrides, knowing what was said before and what day it is.

    Args:
        names: those that an override may have.
        held: rows of `tables.OVERRIDES`, said before.
        said_at: when it is said, naive UTC.
    """

    def __init__(
        self, names: KnownNames, held: pd.DataFrame, said_at: datetime, clock: WeekClock, rules: Rules
    ) -> None:
        newest = held.sort_values("known_from", kind="stable").drop_duplicates("override_id", keep="last")
        self._held = {row["override_id"]: row for row in newest.to_dict("records")}
        self._names, self._said_at, self._clock, self._rules = names, said_at, clock, rules
        self._today = clock.day_of(said_at)
        self._running = clock.label(self._today)
        self._reasons = reasons_by_word(rules.reasons)

    def read(self, line: FileLine) -> bool:
        """Read the line's cells into its row and refuse what is wrong; return whether it says anything new."""
        cells = line.cells
        columns = [column for column in COLUMNS if column not in {"note", "kind"}]
        line.refuse_errors(Why.UNREADABLE, columns, self._names.has)
        if line.reasons:
            return True
        cancelled = as_flag(cells["cancelled"]) if cells["cancelled"] else False
        if cancelled is None:
            line.refuse(Why.NOT_YES_OR_NO, found=repr(cells["cancelled"]))
        earlier = self._earlier(line, cancelled=bool(cancelled))
        if cancelled and earlier is not None:
            line.row = {name: _plain(earlier[name]) for name in AS_IT_WAS}
        elif not line.reasons:
            self._read_names_and_weeks(line)
            line.row |= {"kind": None, "value": None} if cancelled else _read_change(line)
        line.row |= {
            "override_id": cells["override_id"] or None,
            "reason": self._reason(line),
            "author": _author(line),
            "known_from": self._read_known_from(line) or self._said_at,
            "expires_on": self._read_expiry(line),
            "cancelled": bool(cancelled),
            "note": cells["note"] or None,
        }
        if len(cells["note"]) > MAX_TEXT:
            line.refuse(Why.TOO_LONG, column="note", limit=MAX_TEXT)
        if not line.reasons and earlier is not None and not cancelled and says_as(line.row, earlier):
            return False
        if not line.reasons:
            self._check_weeks(line, earlier)
        return True

    def _earlier(self, line: FileLine, *, cancelled: bool) -> dict[Any, Any] | None:
        """The override that the line is about, as it was said last."""
        override_id = line.cells["override_id"]
        if not override_id:
            return None
        earlier = self._held.get(override_id)
        if earlier is None:
            line.refuse(Why.UNKNOWN_ID, found=repr(override_id))
        elif cancelled and earlier["cancelled"]:
            line.refuse(Why.GONE, found=repr(override_id))
        return earlier

    def _read_names_and_weeks(self, line: FileLine) -> None:
        names = self._names.of(line)
        self._names.check(line, names)
        first = self._read_day(line, "ds_from")
        last = self._read_day(line, "ds_to") if line.cells["ds_to"] else first
        if first is None and not line.cells["ds_from"]:
            line.refuse(Why.EMPTY, column="ds_from")
        line.row = dict(zip(KEY, names, strict=True))
        if first is None or last is None:
            return
        line.row |= {"ds_from": self._clock.label(first), "ds_to": self._clock.label(last)}
        if last < first:
            line.refuse(Why.ENDS_BEFORE_START, first=first, last=last)

    def _read_day(self, line: FileLine, column: str) -> date | None:
        found = line.cells[column]
        day = as_day(found) if found else None
        if found and day is None:
            line.refuse(Why.NOT_A_DAY, column=column, found=repr(found))
        elif day is not None and abs(day - self._today) > TWO_YEARS:
            line.refuse(Why.TOO_FAR, column=column, day=day)
        return day

    def _reason(self, line: FileLine) -> str | None:
        found = " ".join(line.cells["reason"].split())
        if not found:
            line.refuse(Why.EMPTY, column="reason")
        elif found.casefold() not in self._reasons:
            line.refuse(Why.NOT_A_REASON, found=repr(found), reasons=", ".join(self._rules.reasons))
        return self._reasons.get(found.casefold())

    def _read_expiry(self, line: FileLine) -> date | None:
        day = self._read_day(line, "expires_on")
        if day is not None and day < self._today:
            line.refuse(Why.EXPIRED, day=day)
        return day

    def _read_known_from(self, line: FileLine) -> datetime | None:
        found = line.cells["known_from"]
        at = as_instant(found, self._clock) if found else None
        if found and at is None:
            line.refuse(Why.NOT_AN_INSTANT, found=repr(found))
        elif at is not None and at > self._said_at:
            line.refuse(Why.KNOWN_LATER, found=found)
        return at

    def _check_weeks(self, line: FileLine, earlier: Mapping[Any, Any] | None) -> None:
        """Refuse weeks that are over, but for an archive's; and near ones, but for a late reason.

        Those that an override was about before change too.
        """
        first, last = line.row["ds_from"], line.row["ds_to"]
        assert isinstance(first, date)
        assert isinstance(last, date)
        is_archive = bool(line.cells["known_from"])
        if is_archive and last >= self._running:
            line.refuse(Why.NOT_OVER, last=last)
        elif not is_archive and last < self._running:
            line.refuse(Why.OVER, last=last)
        frozen = self._running + (self._rules.freeze_weeks - 1) * WEEK
        changed = [(first, last)]
        if earlier is not None and not earlier["cancelled"]:
            changed.append((_plain(earlier["ds_from"]), _plain(earlier["ds_to"])))
        is_near = any(start <= frozen and end >= self._running for start, end in changed)
        if is_near and line.row["reason"] != LATE:
            line.refuse(Why.FROZEN, frozen=frozen, n_weeks=self._rules.freeze_weeks)


def _author(line: FileLine) -> str:
    found = " ".join(line.cells["author"].split())
    if not found:
        line.refuse(Why.EMPTY, column="author")
    elif len(found) > MAX_AUTHOR:
        line.refuse(Why.TOO_LONG, column="author", limit=MAX_AUTHOR)
    return found


def _read_change(line: FileLine) -> dict[str, object]:
    """What is done to the number, and how much; an apostrophe keeps Excel from taking the sign for a formula."""
    found = line.cells["kind"].removeprefix("'").strip()
    kind = KIND_BY_WORD.get(found.casefold())
    if not found:
        line.refuse(Why.EMPTY, column="kind")
    elif kind is None:
        line.refuse(Why.NOT_A_KIND, found=repr(found))
    value = _read_value(line, may_be_percent=kind in {"%", None})
    if value is None or kind is None:
        return {"kind": kind, "value": value}
    shown = line.cells["value"]
    if abs(value) > MOST:
        line.refuse(Why.TOO_LARGE, found=shown)
    elif kind == "=" and value < 0:
        line.refuse(Why.NEGATIVE, found=shown)
    elif kind == "%" and value < -100:
        line.refuse(Why.TOO_LOW, found=shown)
    elif kind == "%" and 0 < abs(value) < SMALL_PERCENT:
        line.refuse(Why.FRACTION, found=shown, percent=f"{value * 100:g}")
    return {"kind": kind, "value": value}


def _read_value(line: FileLine, *, may_be_percent: bool) -> float | None:
    written = line.cells["value"].removeprefix("'").translate(MINUS)
    found = _BLANKS.sub("", written.removesuffix("%").strip() if may_be_percent else PIECES.sub("", written))
    if not found:
        line.refuse(Why.EMPTY, column="value")
    elif _THOUSAND.fullmatch(found):
        line.refuse(Why.TWO_NUMBERS, found=repr(found))
    elif not NUMBER.fullmatch(found):
        line.refuse(Why.NOT_A_NUMBER, found=repr(line.cells["value"]))
    else:
        return float(found.replace(",", "."))
    return None


def _plain(value: Any) -> Any:
    """A value of a row as the reader makes it: days without a time, None for none."""
    if value is None or value is pd.NaT or value != value:  # NaN
        return None
    return value.date() if isinstance(value, pd.Timestamp) else value


def says_as(row: Mapping[str, object], earlier: Mapping[Any, Any]) -> bool:
    """Return whether a row as it is read says what one of the table says."""
    return not earlier["cancelled"] and all(row[name] == _plain(earlier[name]) for name in SAME)


def weeks_of(row: Mapping[str, Any]) -> Sequence[date]:
    """Return the weeks that a row is about, by their labels."""
    n_weeks = (row["ds_to"] - row["ds_from"]).days // 7 + 1
    return [row["ds_from"] + number * WEEK for number in range(n_weeks)]
