"""One line of a planner's file: its cells, what they mean as far as they can be read, the reasons against it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from skucast.core.combination import KEY
from skucast.core.texts import wording
from skucast.core.weeks import WeekClock
from skucast.regressors.refusals import refusal
from skucast.sheets.reading import Sheet

REQUIRED = (*KEY, "starts_on", "ends_on", "discount_perc", "covers_through")
COLUMNS = (*REQUIRED, "plan_id", "cancelled", "known_from", "note", "is_promo", "promo_type", "template")
"""What a file may say; its own order and other columns do not matter."""

TWO_YEARS = timedelta(days=731)
MAX_TEXT = 500
"""Longest plan_id or note, characters; a type has `MAX_TYPE`."""

MAX_SUGGESTIONS = 100
"""Different unknown names for which the closest ones are looked up: a wrong file has thousands."""


class Reason(StrEnum):
    """Why a row is rejected; the planners' page (docs/promotions.md) lists each, and what to do."""

    NO_COLUMN = wording("the file has no column {columns}")
    NO_COVERS_THROUGH = wording("the file has no covers_through in any row")
    TWO_COVERS_THROUGH = wording("the file has more than one covers_through: {days}")
    COVERS_NOTHING = wording("covers_through {day} is before the first day of the plan, {first}")
    COVERS_TOO_FAR = wording("covers_through {day} is more than 2 years away")
    MORE_CELLS = wording("more cells than columns")
    UNREADABLE = wording("{column} holds {found}, an error or a formula without a result")
    NO_NAME = wording("{column} is empty")
    BAD_NAME = wording("{column} {found}: {problem}")
    PART_OF_A_NAME = wording("{column} {found}: only a * alone stands for all")
    UNKNOWN_NAME = wording("{column} {found} is unknown ({closest})")
    UNKNOWN_COMBINATION = wording("{found} has no sales ({closest})")
    NO_DAY = wording("{column} is empty, but the row has {other}")
    NOT_A_DAY = wording("{column} {found} is no day such as 2026-11-25 or 25.11.2026")
    ENDS_BEFORE_START = wording("ends_on {ends_on} is before starts_on {starts_on}")
    TOO_FAR = wording("starts_on {day} is more than 2 years away")
    OVER = wording("ends_on {day} is before the running week")
    ENDS_AFTER_COVERAGE = wording("ends_on {ends_on} is after covers_through {covers_through}")
    NO_PROMOTION = wording("is_promo {found} and no discount_perc, but the row has days")
    NOT_A_NUMBER = wording("discount_perc {found} is no number such as 30 or 12,5")
    NOT_A_PERCENTAGE = wording("discount_perc {found} is not within 0 to 100")
    FRACTION = wording("discount_perc {found} is a fraction; write {percent}")
    NOT_YES_OR_NO = wording("{column} {found} is neither yes nor no")
    NOT_AN_INSTANT = wording("known_from {found} is no day or time such as 2026-11-25 or 25.11.2026 10:15")
    KNOWN_LATER = wording("known_from {found} is in the future")
    NOT_OVER = wording("known_from is for promotions that are over, but this one ends on {ends_on}")
    TOO_LONG = wording("{column} has more than {limit} characters")
    EXAMPLE = wording("an example of the template, unchanged; put your promotion in its place, or delete the row")
    ONLY_EXAMPLES = wording("the file holds nothing but the template's examples; write your plan in their place")
    DUPLICATE = wording("the same as line {line}")
    AMBIGUOUS = wording("overlaps line {line}, which gives the same names another discount")


EXAMPLES = {"example: the last days of a week": 20, "example: over a week's end": 15}
"""The template's examples: what their notes say, and their discounts, percent."""

EXAMPLE = wording("EXAMPLE")
"""The unit of the template's examples today, in any language: no row of it is ever a promotion."""


@dataclass
class Line:
    """One line of the file: its cells, what they mean as far as they could be read, and what is wrong with it.

    `discount_perc` is None where a promotion has none that is known; `is_promo` is set where the file says it, and
    `known_from`; `is_coverage`: nothing but names, "nothing else is planned for these"; `is_unchanged`: as the
    template has it.
    """

    number: int
    raw: list[str]
    cells: Mapping[str, str]
    names: tuple[str, str, str] = ("", "", "")
    starts_on: date | None = None
    ends_on: date | None = None
    discount_perc: float | None = None
    is_promo: bool | None = None
    cancelled: bool = False
    known_from: datetime | None = None
    is_coverage: bool = False
    reasons: list[str] = field(default_factory=list)
    is_duplicate: bool = False
    is_example: bool = False
    is_unchanged: bool = False

    def refuse(self, reason: Reason, /, **words: object) -> None:
        """Note why the line is rejected."""
        self.reasons.append(refusal(reason, words))

    @property
    def days(self) -> tuple[date, date]:
        """First and last day of a promotion that was not refused."""
        assert self.starts_on is not None
        assert self.ends_on is not None
        return self.starts_on, self.ends_on


def line_of(number: int, raw: list[str], sheet: Sheet, columns: Mapping[str, int]) -> Line:
    """Return the line with the cells of our columns, refused if it has more cells than the header."""
    padded = [*raw, *[""] * (len(sheet.header) - len(raw))]
    line = Line(number, raw, {name: padded[columns[name]] if name in columns else "" for name in COLUMNS})
    if len(raw) > len(sheet.header):
        line.refuse(Reason.MORE_CELLS)
    return line


# --- Cells and days ---------------------------------------------------------------------------------------------------

NUMBER = re.compile(r"[+-]?\d{1,15}([.,]\d{1,15})?")
_ISO_DAY = re.compile(r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)")
_RUSSIAN_DAY = re.compile(r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})")
_TIME = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?")
_WHOLE_DAY = re.compile(r"(0?0:00(:00)?|23:59(:59)?)([.,]\d+)?")


def as_day(text: str) -> date | None:
    """The day that is written as 2026-11-25 or 25.11.2026, alone or with its first or last moment; None for all else.

    11/12/2026 is two days to two people.
    """
    written, _, hours = text.replace("T", " ").partition(" ")
    found = _ISO_DAY.fullmatch(written) or _RUSSIAN_DAY.fullmatch(written)
    if hours and not _WHOLE_DAY.fullmatch(hours):
        return None
    try:
        day = date(int(found["year"]), int(found["month"]), int(found["day"])) if found else None
    except ValueError:
        return None
    return day if day is not None and 1990 <= day.year <= 2099 else None


def as_instant(text: str, clock: WeekClock) -> datetime | None:
    """The moment as naive UTC; a day alone is its beginning, times are those of the business."""
    written, _, hours = text.replace("T", " ").partition(" ")
    day, found = as_day(written), _TIME.fullmatch(hours or "0:00")
    if day is None or found is None:
        return None
    try:
        at = time(int(found[1]), int(found[2]), int(found[3] or 0))
    except ValueError:
        return None
    return datetime.combine(day, at, ZoneInfo(clock.tz)).astimezone(UTC).replace(tzinfo=None)


def week_start(instant: datetime, clock: WeekClock) -> date:
    """Return the first day of the week that runs at an instant, naive UTC."""
    return clock.start(clock.label(clock.day_of(instant)))
