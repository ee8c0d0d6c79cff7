"""A planner's file of predecessors becomes rows of the table; rows that cannot be used come back with their reasons."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import product

import pandas as pd

from skucast.core.combination import KEY, NO_ALIASES, Aliases, Combination, clean_name, name_problem
from skucast.core.spelling import SHORTENED, by_fold, fold, is_shortened
from skucast.core.tables.contract import ALL
from skucast.core.tables.predecessors import LIKE, PREDECESSORS
from skucast.core.tables.validation import empty, validate
from skucast.core.targets import nearest
from skucast.core.texts import Text, wording
from skucast.core.weeks import WeekClock
from skucast.regressors.file_lines import FileLine, lines_of, whole_lines
from skucast.regressors.headings import in_every_language, language_of, unused_of
from skucast.regressors.promotion_files import PlanFile, rejected_rows
from skucast.regressors.promotion_lines import MAX_TEXT, NUMBER, TWO_YEARS, as_day, as_instant
from skucast.sheets.reading import Kind, read_sheet, trimmed

COLUMNS = (*KEY, *LIKE, "weight", "scale", "phase_out_from", "known_from", "note")
REQUIRED = (*KEY, "like_SKU_ID")

FILE = Kind(
    wording("file of predecessors"), n_bytes=50_000_000, n_lines=100_000, names=frozenset(map(str.casefold, COLUMNS))
)

MOST_SCALE = 1e6


class Why(StrEnum):
    """Why a row is rejected; docs/data.md lists each."""

    NO_COLUMN = wording("the file has no column {columns}")
    MORE_CELLS = wording("more cells than columns")
    UNREADABLE = wording("{column} holds {found}, an error or a formula without a result")
    NO_NAME = wording("{column} is empty")
    BAD_NAME = wording("{column} {found}: {problem}")
    PART_OF_A_NAME = wording("{column} {found}: only a * alone stands for all")
    UNKNOWN = wording("{found} has no sales to be like ({closest})")
    ITSELF = wording("an article cannot be like itself")
    NOT_A_NUMBER = wording("{column} {found} is no number such as 0.5 or 0,5")
    OUT_OF_RANGE = wording("{column} {found} is not {range}")
    NOT_A_DAY = wording("{column} {found} is no day such as 2026-11-25 or 25.11.2026")
    TOO_FAR = wording("phase_out_from {day} is more than 2 years away")
    NOT_AN_INSTANT = wording("known_from {found} is no day or time such as 2026-11-25 or 25.11.2026 10:15")
    KNOWN_LATER = wording("known_from {found} is in the future")
    TOO_LONG = wording("note has more than {limit} characters")
    DUPLICATE = wording("the same as line {line}")
    TWICE = wording("says of the same two articles something else than line {line}")


def read_predecessors(
    name: str,
    content: bytes,
    known: Sequence[Combination],
    run_at: datetime,
    clock: WeekClock,
    aliases: Aliases = NO_ALIASES,
) -> PlanFile:
    """Return the rows of a file of predecessors, good and rejected.

    Args:
        name: file name; its suffix tells CSV from Excel.
        content: its bytes.
        known: combinations that have sales; one that an article is like must be among them.
        run_at: when the file is read, naive UTC: what it says is known from then on, unless it says otherwise.
        clock: weeks and the business time zone.
        aliases: names that were merged into known ones.

    Raises:
        InputError: the file as a whole cannot be read.
    """
    sheet = trimmed(name, read_sheet(name, io.BytesIO(content), in_every_language(FILE, COLUMNS)))
    judge = _Judge(known, run_at, clock, aliases)
    lines = lines_of(sheet, COLUMNS)
    for line in whole_lines(sheet, lines, COLUMNS, REQUIRED, Why.MORE_CELLS, Why.NO_COLUMN):
        judge.read(line)
    _refuse_twice(lines)
    good = [line.row for line in lines if not line.reasons]
    return PlanFile(
        rows=validate(PREDECESSORS, pd.DataFrame(good)) if good else empty(PREDECESSORS),
        rejected=rejected_rows(sheet, lines),
        covers_through=None,
        unused=unused_of(sheet, COLUMNS),
        separator=sheet.separator,
        n_lines=len(lines),
        notes=list(sheet.notes),
        language=language_of(sheet, COLUMNS),
        n_repeated=sum(line.is_duplicate for line in lines),
    )


class _Judge:
    """Reads lines, knowing what there is and what day it is."""

    def __init__(self, known: Sequence[Combination], run_at: datetime, clock: WeekClock, aliases: Aliases) -> None:
        parts = {name: sorted({each.parts[place] for each in known}) for place, name in enumerate(KEY)}
        self._parts = parts
        self._spelt = {name: {**by_fold(parts[name]), **aliases.get(name, {})} for name in KEY}
        self._patterns = {pattern for each in known for pattern in product(*((part, ALL) for part in each.parts))}
        self._combinations = sorted(map(str, known))
        self._run_at, self._clock = run_at, clock

    def read(self, line: FileLine) -> None:
        """Read the line's cells into its row, and refuse what is wrong."""
        key_of = dict(zip((*KEY, *LIKE), (*KEY, *KEY), strict=True))
        columns = [column for column in COLUMNS if column != "note"]
        line.refuse_errors(
            Why.UNREADABLE, columns, lambda column, cell: cell in self._parts.get(key_of.get(column, ""), ())
        )
        if line.reasons:
            return
        own = [self._name(line, column, column) for column in KEY]
        like = [self._name(line, column, like) for column, like in zip(KEY, LIKE, strict=True)]
        line.row = dict(zip(KEY, own, strict=True)) | {
            column: part or None for column, part in zip(LIKE, like, strict=True)
        }
        if not line.reasons:
            self._check_like(line, own, like)
        line.row |= {
            "weight": _number(line, "weight", 0.0, "0 or more"),
            "scale": _number(line, "scale", None, "above 0"),
            "phase_out_from": self._day(line),
            "known_from": self._known_from(line) or self._run_at,
            "note": line.cells["note"] or None,
        }
        if len(line.cells["note"]) > MAX_TEXT:
            line.refuse(Why.TOO_LONG, limit=MAX_TEXT)

    def _name(self, line: FileLine, column: str, cell: str) -> str:
        """The name in the spelling of the sales, where they have it; a new article has one of its own."""
        name = clean_name(line.cells[cell])
        if not name:
            if cell in REQUIRED:
                line.refuse(Why.NO_NAME, column=cell)
            return ""
        if name == ALL or name in self._parts[column]:
            return name
        spelt = self._spelt[column].get(fold(name), name)
        problem = name_problem(spelt) or (SHORTENED if is_shortened(spelt) else None)
        if problem:
            line.refuse(Why.BAD_NAME, column=cell, found=repr(name), problem=problem)
        elif ALL in spelt:
            line.refuse(Why.PART_OF_A_NAME, column=cell, found=repr(name))
        return spelt

    def _check_like(self, line: FileLine, own: Sequence[str], like: Sequence[str]) -> None:
        asked = tuple(part or mine for part, mine in zip(like, own, strict=True))
        if asked == tuple(own):
            line.refuse(Why.ITSELF)
        elif asked not in self._patterns:
            whole = "/".join(asked)
            near = nearest(whole, self._combinations)
            closest = Text("closest: {names}", names=tuple(near)) if near else Text("none alike")
            line.refuse(Why.UNKNOWN, found=whole, closest=closest)

    def _day(self, line: FileLine) -> date | None:
        found = line.cells["phase_out_from"]
        day = as_day(found) if found else None
        if found and day is None:
            line.refuse(Why.NOT_A_DAY, column="phase_out_from", found=repr(found))
        elif day is not None and abs(day - self._clock.day_of(self._run_at)) > TWO_YEARS:
            line.refuse(Why.TOO_FAR, day=day)
        return day

    def _known_from(self, line: FileLine) -> datetime | None:
        found = line.cells["known_from"]
        at = as_instant(found, self._clock) if found else None
        if found and at is None:
            line.refuse(Why.NOT_AN_INSTANT, found=repr(found))
        elif at is not None and at > self._run_at + timedelta(seconds=1):
            line.refuse(Why.KNOWN_LATER, found=found)
        return at


def _number(line: FileLine, column: str, least: float | None, said: str) -> float | None:
    """The number of a cell, with a point or a comma, or in percent; `least` None = any above 0."""
    found = line.cells[column]
    digits = found.removesuffix("%").strip()
    if not found:
        return None
    if not NUMBER.fullmatch(digits):
        line.refuse(Why.NOT_A_NUMBER, column=column, found=repr(found))
        return None
    value = float(digits.replace(",", ".")) / (100 if found.endswith("%") else 1)
    if (value <= 0 if least is None else value < least) or value > MOST_SCALE:
        line.refuse(Why.OUT_OF_RANGE, column=column, found=found, range=said)
    return value


def _refuse_twice(lines: Sequence[FileLine]) -> None:
    """Refuse every line about two articles that an earlier line is about, known from the same moment."""
    first: dict[tuple[object, ...], FileLine] = {}
    for line in lines:
        if line.reasons:
            continue
        about = tuple(line.row[name] for name in (*KEY, *LIKE, "known_from"))
        earlier = first.setdefault(about, line)
        if earlier is line:
            continue
        says = [(each.row["weight"], each.row["scale"], each.row["phase_out_from"]) for each in (earlier, line)]
        line.is_duplicate = says[0] == says[1]
        line.refuse(Why.DUPLICATE if line.is_duplicate else Why.TWICE, line=earlier.number)
