"""A planner's file of overrides becomes rows of the table; rows that cannot be used come back with their reasons."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import pandas as pd

from skucast.core.combination import KEY, NO_ALIASES, Aliases, Combination
from skucast.core.tables.overrides import OVERRIDES
from skucast.core.tables.validation import empty, validate
from skucast.core.texts import Count, wording
from skucast.core.weeks import WeekClock
from skucast.regressors.file_lines import FileLine, lines_of, whole_lines
from skucast.regressors.headings import WHY_NOT, in_every_language, language_of, unused_of
from skucast.regressors.line_names import KnownNames
from skucast.regressors.override_checks import COLUMNS, REQUIRED, OverrideJudge, Rules, Why, weeks_of
from skucast.regressors.promotion_files import PlanFile, rejected_rows
from skucast.sheets.reading import Kind, read_sheet, trimmed

FILE = Kind(
    wording("file of overrides"), n_bytes=50_000_000, n_lines=100_000, names=frozenset(map(str.casefold, COLUMNS))
)


def read_overrides(
    name: str,
    content: bytes,
    known: Sequence[Combination],
    held: pd.DataFrame,
    run_at: datetime,
    clock: WeekClock,
    rules: Rules,
    aliases: Aliases = NO_ALIASES,
) -> PlanFile:
    """Return the rows of a file of overrides, good and rejected; those that change nothing are neither.

    Args:
        name: file name; its suffix tells CSV from Excel.
        content: its bytes.
        known: combinations that have sales; a name of no such combination is rejected.
        held: rows of the table, said before.
        run_at: when the file is read, naive UTC: what it says is known from then on.
        clock: weeks and the business time zone.
        rules: what the business asks of an override.
        aliases: names that were merged into known ones.

    Raises:
        InputError: the file as a whole cannot be read.
    """
    sheet = trimmed(name, read_sheet(name, io.BytesIO(content), in_every_language(FILE, COLUMNS)))
    judge = OverrideJudge(KnownNames(known, aliases), held, run_at, clock, rules)
    lines = lines_of(sheet, COLUMNS)
    whole = whole_lines(sheet, lines, COLUMNS, REQUIRED, Why.MORE_CELLS, Why.NO_COLUMN)
    as_before = {line.number for line in whole if not judge.read(line)}
    new = [line for line in lines if line.number not in as_before]
    _refuse_twice(new)
    digest = hashlib.sha256(content).hexdigest()[:8]
    good = [{"override_id": f"{digest}-{line.number}", **_given(line.row)} for line in new if not line.reasons]
    return PlanFile(
        rows=validate(OVERRIDES, pd.DataFrame(good)) if good else empty(OVERRIDES),
        rejected=rejected_rows(sheet, lines, WHY_NOT),
        covers_through=None,
        unused=unused_of(sheet, COLUMNS),
        separator=sheet.separator,
        n_lines=len(lines),
        notes=[*sheet.notes, *_unchanged(len(as_before))],
        language=language_of(sheet, COLUMNS),
        n_repeated=sum(line.is_duplicate for line in lines),
        why=WHY_NOT,
    )


def _given(row: dict[str, object]) -> dict[str, object]:
    """The row without an empty name: it gets one of its own."""
    return {name: value for name, value in row.items() if name != "override_id" or value}


def _unchanged(number: int) -> list[str]:
    said = Count("{n} line as before, so nothing was changed", "{n} lines as before, so nothing was changed", number)
    return [said] if number else []


def _refuse_twice(lines: Sequence[FileLine]) -> None:
    """Refuse every line about names and a week, or an override_id, that an earlier line is about.

    One that calls off and one that says something new do not contradict each other.
    """
    first: dict[tuple[object, ...], FileLine] = {}
    for line in lines:
        if line.reasons:
            continue
        row: dict[str, Any] = line.row
        if row["override_id"] and (other := first.setdefault((row["override_id"],), line)) is not line:
            line.refuse(Why.TWICE_ID, line=other.number)
            continue
        names = (row["cancelled"], *(row[name] for name in KEY), row["known_from"])
        met = [(week, first[*names, week]) for week in weeks_of(row) if (*names, week) in first]
        if met:
            _refuse(line, *met[0])
        else:
            first |= {(*names, week): line for week in weeks_of(row)}


def _refuse(line: FileLine, week: date, other: FileLine) -> None:
    said = ("ds_from", "ds_to", "kind", "value")
    line.is_duplicate = all(line.row[name] == other.row[name] for name in said)
    why = Why.DUPLICATE if line.is_duplicate else Why.TWICE
    line.refuse(why, line=other.number, week=week)
