"""Plans of promotions: a planner's file becomes rows of the promotions table, and every other row gets its reason."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import product
from zoneinfo import ZoneInfo

import pandas as pd

from skucast.core.combination import KEY, Combination, clean_name, name_problem, nearest
from skucast.core.tables.contract import ALL
from skucast.core.tables.sales import PROMOTIONS
from skucast.core.tables.validation import empty, validate
from skucast.core.weeks import WeekClock
from skucast.sheets.reading import Kind, Sheet, read_sheet, trimmed

REQUIRED = (*KEY, "starts_on", "ends_on", "discount_perc", "covers_through")
COLUMNS = (*REQUIRED, "plan_id", "cancelled", "known_from", "note")
"""What a file may say; its own order and other columns do not matter."""

LINE, REASON = "line", "reason"
"""Added to rejected rows, and passed over when a corrected file still has them."""

PLAN = Kind("plan", n_bytes=50_000_000, n_lines=100_000)
"""The largest file that is read as one."""

TWO_YEARS = timedelta(days=731)
MAX_TEXT = 500
"""Longest plan_id or note, characters."""

MAX_SUGGESTIONS = 100
"""Different unknown names for which the closest ones are looked up: a wrong file has thousands."""


class Reason(StrEnum):
    """Why a row is rejected; the planners' page (docs/promotions.md) lists each, and what to do."""

    NO_COLUMN = "the file has no column {columns}"
    NO_COVERS_THROUGH = "the file has no covers_through in any row"
    TWO_COVERS_THROUGH = "the file has more than one covers_through: {days}"
    COVERS_NOTHING = "covers_through {day} is before the first day of the plan, {first}"
    COVERS_TOO_FAR = "covers_through {day} is more than 2 years away"
    MORE_CELLS = "more cells than columns"
    UNREADABLE = "{column} holds {found}, an error or a formula without a result"
    NO_NAME = "{column} is empty"
    BAD_NAME = "{column} {found}: {problem}"
    PART_OF_A_NAME = "{column} {found}: only a * alone stands for all"
    UNKNOWN_NAME = "{column} {found} is unknown ({closest})"
    UNKNOWN_COMBINATION = "{found} has no sales ({closest})"
    NO_DAY = "{column} is empty, but the row has {other}"
    NOT_A_DAY = "{column} {found} is no day such as 2026-11-25 or 25.11.2026"
    ENDS_BEFORE_START = "ends_on {ends_on} is before starts_on {starts_on}"
    TOO_FAR = "starts_on {day} is more than 2 years away"
    OVER = "ends_on {day} is before the running week"
    ENDS_AFTER_COVERAGE = "ends_on {ends_on} is after covers_through {covers_through}"
    NO_DISCOUNT = "discount_perc is empty, but the row has days"
    NOT_A_NUMBER = "discount_perc {found} is no number such as 30 or 12,5"
    NOT_A_PERCENTAGE = "discount_perc {found} is not within 0 to 100"
    FRACTION = "discount_perc {found} is a fraction; write {percent}"
    NOT_YES_OR_NO = "cancelled {found} is neither yes nor no"
    NOT_AN_INSTANT = "known_from {found} is no day or time such as 2026-11-25 or 25.11.2026 10:15"
    KNOWN_LATER = "known_from {found} is in the future"
    NOT_OVER = "known_from is for promotions that are over, but this one ends on {ends_on}"
    TOO_LONG = "{column} has more than {limit} characters"
    DUPLICATE = "the same as line {line}"
    AMBIGUOUS = "overlaps line {line}, which gives the same names another discount"


@dataclass(frozen=True)
class PlanFile:
    """What a file says.

    `rows` fit the promotions table, those that state what the plan covers among them. `rejected` has the file's own
    columns as text, the `line` and the `reason`. `covers_through` is None where the file does not say it, and no row
    is good; `unused` are columns that mean nothing here; `separator` is that of the file, for the rejected rows.
    """

    rows: pd.DataFrame
    rejected: pd.DataFrame
    covers_through: date | None
    unused: list[str]
    separator: str


def read_plan(name: str, content: bytes, known: Sequence[Combination], run_at: datetime, clock: WeekClock) -> PlanFile:
    """Return the rows of a planner's file, good and rejected.

    Args:
        name: file name; its suffix tells CSV from Excel.
        content: its bytes.
        known: combinations that have sales; a name of no such combination is rejected.
        run_at: when the file is read, naive UTC: what it says is known from then on, unless it says otherwise.
        clock: weeks and the business time zone.

    Raises:
        InputError: the file as a whole cannot be read.
    """
    sheet = trimmed(name, read_sheet(name, io.BytesIO(content), PLAN))
    columns = _columns_of(sheet)
    lines = [_line(number, cells, sheet, columns) for number, cells in sheet.lines]
    covers_through = _judge_file(lines, columns, run_at, clock)
    if covers_through is not None:
        judge = _Judge(known, run_at, clock, covers_through)
        for line in lines:
            judge.read(line)
        _refuse_duplicates(lines)
        _refuse_ambiguous(lines)
        _refuse_empty_coverage(lines, covers_through, run_at, clock)
    digest = hashlib.sha256(content).hexdigest()[:12]
    return PlanFile(
        rows=_rows(lines, covers_through, run_at, clock, digest),
        rejected=_rejected(sheet, lines),
        covers_through=covers_through,
        unused=[each for each in sheet.header if each and each.casefold() not in {*_NAMES, LINE, REASON}],
        separator=sheet.separator,
    )


def rejected_csv(plan: PlanFile) -> bytes:
    """Return the rejected rows as a CSV that Excel opens as it is: UTF-8 with a mark, the file's own separator."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=plan.separator, lineterminator="\r\n")
    writer.writerow(plan.rejected.columns)
    writer.writerows([_without_formula(str(cell)) for cell in row] for row in plan.rejected.itertuples(index=False))
    return text.getvalue().encode("utf-8-sig")


def _without_formula(cell: str) -> str:
    """The cell so that opening it runs nothing: Excel takes for a formula what begins like one."""
    return f"'{cell}" if cell[:1] in {"=", "+", "-", "@"} and not _NUMBER.fullmatch(cell) else cell


# --- Lines ----------------------------------------------------------------------------------------------------------

_NAMES = {name.casefold(): name for name in COLUMNS}


@dataclass
class _Line:
    """One line of the file: its cells, what they mean as far as they could be read, and what is wrong with it.

    `known_from` is set where the file says it; `is_coverage`: nothing but names, "nothing else is planned for these".
    """

    number: int
    raw: list[str]
    cells: Mapping[str, str]
    names: tuple[str, str, str] = ("", "", "")
    starts_on: date | None = None
    ends_on: date | None = None
    discount_perc: float | None = None
    cancelled: bool = False
    known_from: datetime | None = None
    is_coverage: bool = False
    reasons: list[str] = field(default_factory=list)
    is_duplicate: bool = False

    def refuse(self, reason: Reason, **words: object) -> None:
        self.reasons.append(reason.format(**words))

    @property
    def days(self) -> tuple[date, date]:
        """First and last day of a promotion that was not refused."""
        assert self.starts_on is not None
        assert self.ends_on is not None
        return self.starts_on, self.ends_on


def _columns_of(sheet: Sheet) -> dict[str, int]:
    """Where each of our columns stands in the file."""
    places = {name.casefold(): place for place, name in enumerate(sheet.header)}
    return {ours: places[folded] for folded, ours in _NAMES.items() if folded in places}


def _line(number: int, raw: list[str], sheet: Sheet, columns: Mapping[str, int]) -> _Line:
    padded = [*raw, *[""] * (len(sheet.header) - len(raw))]
    line = _Line(number, raw, {name: padded[columns[name]] if name in columns else "" for name in COLUMNS})
    if len(raw) > len(sheet.header):
        line.refuse(Reason.MORE_CELLS)
    return line


# --- The file as a whole --------------------------------------------------------------------------------------------


def _judge_file(lines: Sequence[_Line], columns: Mapping[str, int], run_at: datetime, clock: WeekClock) -> date | None:
    """The day through which the file is complete; None, and every line refused, where it cannot be used."""
    found = sorted({line.cells["covers_through"] for line in lines if not line.reasons} - {""})
    days = {cell: _as_day(cell) for cell in found}
    missing = [name for name in REQUIRED if name not in columns]
    day = next(iter(days.values()), None)
    if missing:
        problem = Reason.NO_COLUMN.format(columns=", ".join(missing))
    elif not found:
        problem = Reason.NO_COVERS_THROUGH.value
    elif None in days.values():
        wrong = next(cell for cell, each in days.items() if each is None)
        problem = Reason.NOT_A_DAY.format(column="covers_through", found=repr(wrong))
    elif len(set(days.values())) > 1:
        problem = Reason.TWO_COVERS_THROUGH.format(days=", ".join(found))
    elif day is not None and day > _today(run_at, clock) + TWO_YEARS:
        problem = Reason.COVERS_TOO_FAR.format(day=day)
    else:
        return day
    for line in lines:
        line.reasons.append(problem)
    return None


def _today(instant: datetime, clock: WeekClock) -> date:
    return clock.today(instant.replace(tzinfo=UTC))


def _week_start(instant: datetime, clock: WeekClock) -> date:
    return clock.start(clock.label(_today(instant, clock)))


# --- Each line by itself --------------------------------------------------------------------------------------------


class _Judge:
    """Reads lines, knowing what there is and what day it is."""

    def __init__(self, known: Sequence[Combination], run_at: datetime, clock: WeekClock, covers_through: date) -> None:
        self._parts = {name: sorted({each.parts[place] for each in known}) for place, name in enumerate(KEY)}
        self._combinations = sorted(map(str, known))
        self._patterns = {pattern for each in known for pattern in product(*((part, ALL) for part in each.parts))}
        self._run_at = run_at
        self._clock = clock
        self._covers_through = covers_through
        self._suggestions: dict[str, str] = {}

    def read(self, line: _Line) -> None:
        """Read the line's cells into its fields, and refuse what is wrong."""
        unit, channel, sku_id = (clean_name(line.cells[name]) for name in KEY)
        line.names = (unit, channel, sku_id)  # also of a line that is refused: these names are not covered
        line.is_coverage = not any(line.cells[name] for name in ("starts_on", "ends_on", "discount_perc", "cancelled"))
        for column, cell in line.cells.items():
            if column != "note" and cell not in self._parts.get(column, ()) and _UNREADABLE.fullmatch(cell):
                line.refuse(Reason.UNREADABLE, column=column, found=repr(cell))
        if line.reasons:
            return
        self._check_names(line)
        self._read_known_from(line)
        if not line.is_coverage:
            self._read_days(line)
            _read_discount(line)
            _read_cancelled(line)
        for column in ("plan_id", "note"):
            if len(line.cells[column]) > MAX_TEXT:
                line.refuse(Reason.TOO_LONG, column=column, limit=MAX_TEXT)

    def _check_names(self, line: _Line) -> None:
        for column, name in zip(KEY, line.names, strict=True):
            self._check_name(line, column, name)
        if not line.reasons and line.names not in self._patterns:
            whole = "/".join(line.names)
            line.refuse(Reason.UNKNOWN_COMBINATION, found=whole, closest=self._closest(whole, self._combinations))

    def _check_name(self, line: _Line, column: str, name: str) -> None:
        if not name:
            line.refuse(Reason.NO_NAME, column=column)
        elif name == ALL or name in self._parts[column]:
            return
        elif problem := name_problem(name):
            line.refuse(Reason.BAD_NAME, column=column, found=repr(name), problem=problem)
        elif ALL in name:
            line.refuse(Reason.PART_OF_A_NAME, column=column, found=repr(name))
        else:
            closest = self._closest(name, self._parts[column])
            line.refuse(Reason.UNKNOWN_NAME, column=column, found=repr(name), closest=closest)

    def _closest(self, name: str, names: Sequence[str]) -> str:
        if name not in self._suggestions and len(self._suggestions) < MAX_SUGGESTIONS:
            near = nearest(name, names)
            self._suggestions[name] = f"closest: {', '.join(near)}" if near else f"none alike of {len(names)} known"
        return self._suggestions.get(name, "as many others in this file")

    def _read_known_from(self, line: _Line) -> None:
        found = line.cells["known_from"]
        if not found:
            return
        line.known_from = _as_instant(found, self._clock)
        if line.known_from is None:
            line.refuse(Reason.NOT_AN_INSTANT, found=repr(found))
        elif line.known_from > self._run_at:
            line.refuse(Reason.KNOWN_LATER, found=found)

    def _read_days(self, line: _Line) -> None:
        line.starts_on = _read_day(line, "starts_on")
        line.ends_on = _read_day(line, "ends_on")
        if line.starts_on is None or line.ends_on is None:
            return
        today = _today(self._run_at, self._clock)
        is_archive = line.known_from is not None
        if line.ends_on < line.starts_on:
            line.refuse(Reason.ENDS_BEFORE_START, ends_on=line.ends_on, starts_on=line.starts_on)
        elif line.starts_on > today + TWO_YEARS or (line.starts_on < today - TWO_YEARS and not is_archive):
            line.refuse(Reason.TOO_FAR, day=line.starts_on)
        elif line.ends_on < _week_start(self._run_at, self._clock) and not is_archive:
            line.refuse(Reason.OVER, day=line.ends_on)
        elif line.ends_on >= _week_start(self._run_at, self._clock) and is_archive:
            line.refuse(Reason.NOT_OVER, ends_on=line.ends_on)
        elif line.ends_on > self._covers_through:
            line.refuse(Reason.ENDS_AFTER_COVERAGE, ends_on=line.ends_on, covers_through=self._covers_through)


def _read_day(line: _Line, column: str) -> date | None:
    found = line.cells[column]
    if not found:
        other = next(name for name in ("starts_on", "ends_on", "discount_perc", "cancelled") if line.cells[name])
        line.refuse(Reason.NO_DAY, column=column, other=other)
        return None
    day = _as_day(found)
    if day is None:
        line.refuse(Reason.NOT_A_DAY, column=column, found=repr(found))
    return day


def _read_discount(line: _Line) -> None:
    found = line.cells["discount_perc"]
    digits = found.removesuffix("%").strip()
    if not found:
        line.refuse(Reason.NO_DISCOUNT)
    elif not _NUMBER.fullmatch(digits):
        line.refuse(Reason.NOT_A_NUMBER, found=repr(found))
    else:
        value = float(digits.replace(",", "."))
        if 0 < value < 1:
            line.refuse(Reason.FRACTION, found=found, percent=f"{value * 100:g}")
        elif not 0 <= value <= 100:
            line.refuse(Reason.NOT_A_PERCENTAGE, found=found)
        line.discount_perc = value


def _read_cancelled(line: _Line) -> None:
    found = line.cells["cancelled"].casefold()
    line.cancelled = found in _YES
    if found not in {*_YES, *_NO, ""}:
        line.refuse(Reason.NOT_YES_OR_NO, found=repr(line.cells["cancelled"]))


# --- Lines beside each other ----------------------------------------------------------------------------------------


def _refuse_duplicates(lines: Sequence[_Line]) -> None:
    first: dict[tuple[object, ...], int] = {}
    for line in lines:
        if line.reasons:
            continue
        says = (line.names, line.starts_on, line.ends_on, line.discount_perc, line.cancelled, line.known_from)
        earlier = first.setdefault((*says, line.cells["plan_id"]), line.number)
        if earlier != line.number:
            line.is_duplicate = True
            line.refuse(Reason.DUPLICATE, line=earlier)


def _refuse_ambiguous(lines: Sequence[_Line]) -> None:
    """Refuse promotions known from the same moment that overlap for the same names with different discounts."""
    groups: dict[tuple[object, ...], list[_Line]] = {}
    for line in lines:
        if not line.reasons and not line.is_coverage and not line.cancelled:
            groups.setdefault((line.names, line.known_from), []).append(line)
    clashes = [clash for group in groups.values() for clash in _clashes(group)]
    for line, rival in clashes:
        if not line.reasons:  # one of the lines that it clashes with is enough
            line.refuse(Reason.AMBIGUOUS, line=rival.number)


def _clashes(group: Sequence[_Line]) -> Iterator[tuple[_Line, _Line]]:
    """Every line that clashes with others, beside one of them; their pairs would be too many to look at."""
    in_order = sorted(group, key=lambda line: line.days)
    yield from _rivals(in_order, lambda line: line.days[1].toordinal())
    yield from _rivals(in_order[::-1], lambda line: -line.days[0].toordinal())


def _rivals(ordered: Sequence[_Line], reach: Callable[[_Line], int]) -> Iterator[tuple[_Line, _Line]]:
    """The lines that clash with one before them, and that one.

    Of those before, the one that reaches furthest towards the lines to come is enough, and, for lines of its own
    discount, the one of another discount that does.
    """
    furthest: _Line | None = None
    other: _Line | None = None
    for line in ordered:
        if furthest is None:
            furthest = line
            continue
        is_alike = line.discount_perc == furthest.discount_perc
        rival = other if is_alike else furthest
        if rival is not None and rival.days[0] <= line.days[1] and line.days[0] <= rival.days[1]:
            yield line, rival
        if reach(line) >= reach(furthest):
            furthest, other = line, other if is_alike else furthest
        elif not is_alike and (other is None or reach(line) > reach(other)):
            other = line


def _refuse_empty_coverage(lines: Sequence[_Line], covers_through: date, run_at: datetime, clock: WeekClock) -> None:
    good = [line for line in lines if not line.reasons]
    first = _covers_from(good, run_at, clock) if good else covers_through
    if covers_through < first:
        for line in good:
            line.refuse(Reason.COVERS_NOTHING, day=covers_through, first=first)


# --- Rows -----------------------------------------------------------------------------------------------------------


def _rows(
    lines: Sequence[_Line], covers_through: date | None, run_at: datetime, clock: WeekClock, digest: str
) -> pd.DataFrame:
    """The promotions, and what the file covers, as rows of the table."""
    good = [line for line in lines if not line.reasons]
    if covers_through is None or not good:
        return empty(PROMOTIONS)
    promotions = [
        {
            **dict(zip(KEY, line.names, strict=True)),
            "starts_on": line.starts_on,
            "ends_on": line.ends_on,
            "discount_perc": line.discount_perc,
            "known_from": line.known_from or run_at,
            "plan_id": line.cells["plan_id"] or f"{digest}-{line.number}",
            "cancelled": line.cancelled,
            "note": line.cells["note"] or None,
        }
        for line in good
        if not line.is_coverage
    ]
    coverage = [
        {
            **dict(zip(KEY, names, strict=True)),
            "starts_on": starts_on,
            "ends_on": ends_on,
            "discount_perc": None,
            "known_from": known_from,
            "plan_id": f"{digest}-{what}",
            "cancelled": False,
            "note": "the plan is complete for these days",
        }
        for names in _covered_names(lines)
        for what, starts_on, ends_on, known_from in _covered_days(good, covers_through, run_at, clock)
    ]
    return validate(PROMOTIONS, pd.DataFrame([*promotions, *coverage]))


def _covered_names(lines: Sequence[_Line]) -> list[tuple[str, str, str]]:
    """The names for which the file is the whole plan: those it says so of, and those of its rows.

    Not those of a promotion that was refused, unless it says so: the plan known before is better than one with a hole.
    """
    said = {line.names for line in lines if line.is_coverage and not line.reasons}
    refused = {line.names for line in lines if line.reasons and not line.is_duplicate and not line.is_coverage}
    own = {line.names for line in lines if not line.reasons} - refused
    return sorted(said | {names for names in own if said.isdisjoint(product(*((part, ALL) for part in names)))})


def _covered_days(
    good: Sequence[_Line], covers_through: date, run_at: datetime, clock: WeekClock
) -> list[tuple[str, date, date, datetime]]:
    """What the file covers, in one part or two: a name for it, first and last day, and since when that is known.

    Days that are over are known as the oldest row of an archive is, so that it outdates none of them; others from now.
    """
    first, week = _covers_from(good, run_at, clock), _week_start(run_at, clock)
    known_first = _known_first(good, run_at)
    if known_first == run_at:
        return [("coverage", first, covers_through, run_at)]
    past = ("archive", first, min(covers_through, week - timedelta(days=1)), known_first)
    return [past, ("coverage", week, covers_through, run_at)] if covers_through >= week else [past]


def _known_first(good: Sequence[_Line], run_at: datetime) -> datetime:
    """Since when the coverage is known: as the oldest row of the file, so that it outdates none of the others."""
    return min(line.known_from or run_at for line in good)


def _covers_from(good: Sequence[_Line], run_at: datetime, clock: WeekClock) -> date:
    starts = [line.starts_on for line in good if line.starts_on is not None]
    return min([_week_start(_known_first(good, run_at), clock), *starts])


def _rejected(sheet: Sheet, lines: Sequence[_Line]) -> pd.DataFrame:
    """The refused rows as they stand in the file, with number and reasons."""
    own = [place for place, name in enumerate(sheet.header) if name.casefold() not in {LINE, REASON}]
    rows = [
        [*("".join(line.raw[place : place + 1]) for place in own), str(line.number), "; ".join(line.reasons)]
        for line in lines
        if line.reasons
    ]
    return pd.DataFrame(rows, columns=[*(sheet.header[place] for place in own), LINE, REASON], dtype="str")


# --- Cells ----------------------------------------------------------------------------------------------------------

_NUMBER = re.compile(r"[+-]?\d{1,15}([.,]\d{1,15})?")
_ISO_DAY = re.compile(r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)")
_RUSSIAN_DAY = re.compile(r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})")
_TIME = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?")
_UNREADABLE = re.compile(r"=.*|#(N/A|Н/Д|[A-ZА-Я0-9/]+[!?])", re.DOTALL)
"""A formula that nobody has worked out, and the errors of Excel in English and Russian."""

_YES = {"yes", "true", "1", "да", "истина"}
_NO = {"no", "false", "0", "нет", "ложь"}


def _as_day(text: str) -> date | None:
    """The day that is written as 2026-11-25 or 25.11.2026, None for all else: 11/12/2026 is two days to two people."""
    found = _ISO_DAY.fullmatch(text.removesuffix(" 00:00:00")) or _RUSSIAN_DAY.fullmatch(text)
    try:
        day = date(int(found["year"]), int(found["month"]), int(found["day"])) if found else None
    except ValueError:
        return None
    return day if day is not None and 1990 <= day.year <= 2099 else None


def _as_instant(text: str, clock: WeekClock) -> datetime | None:
    """The moment as naive UTC; a day alone is its beginning, times are those of the business."""
    written, _, hours = text.replace("T", " ").partition(" ")
    day, found = _as_day(written), _TIME.fullmatch(hours or "0:00")
    if day is None or found is None:
        return None
    try:
        at = time(int(found[1]), int(found[2]), int(found[3] or 0))
    except ValueError:
        return None
    return datetime.combine(day, at, ZoneInfo(clock.tz)).astimezone(UTC).replace(tzinfo=None)
