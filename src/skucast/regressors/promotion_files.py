"""Plans of promotions: a planner's file becomes rows of the promotions table, and every other row gets its reason."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import product
from typing import Protocol

import pandas as pd

from skucast.core.combination import KEY, NO_ALIASES, Aliases, Combination
from skucast.core.spelling import fold, is_total
from skucast.core.tables.contract import ALL, BROUGHT_BY
from skucast.core.tables.sales import PROMOTIONS
from skucast.core.tables.validation import empty, validate
from skucast.core.texts import Count, in_a_row, said_in, wording
from skucast.core.weeks import WeekClock
from skucast.language.catalogue import LANGUAGES, translated
from skucast.regressors.headings import (
    LINE,
    REASON,
    heading,
    in_every_language,
    is_named,
    language_of,
    places_of,
    unused_of,
)
from skucast.regressors.line_names import KnownNames
from skucast.regressors.promotion_checks import (
    Judge,
    covers_from,
    judge_file,
    known_first,
    refuse_ambiguous,
    refuse_duplicates,
    refuse_empty_coverage,
    refuse_examples,
    refuse_mixed_fractions,
)
from skucast.regressors.promotion_edits import Edits, Template, newest_stamp
from skucast.regressors.promotion_lines import COLUMNS, EXAMPLE, REQUIRED, Line, line_of, week_start
from skucast.regressors.promotion_template import said_by_planner
from skucast.sheets.formulas import without_formula
from skucast.sheets.reading import Kind, Sheet, read_sheet, trimmed

DISCOUNT = "discount_perc"
"""A file need not have this column where another says of each row whether it is a promotion."""

PLAN = Kind(wording("plan"), n_bytes=50_000_000, n_lines=100_000, names=frozenset(name.casefold() for name in REQUIRED))
"""The largest file that is read as one."""


@dataclass(frozen=True)
class PlanFile:
    """What a file says.

    `rows` fit the promotions table, those that state what the plan covers among them. `rejected` has the file's own
    columns as text, the `line` and in column `why` the reason, behind them cells without a heading; `n_lines` counts
    these and the good ones, `n_repeated` those refused that only say again what another line says. `covers_through` is
    None where the file does not say it, and no row is good; `unused` are columns that mean nothing here; `separator` is
    that of the file, for the rejected rows; `notes` say how it was read where that is not plain. `edits` are set of a
    file that began as a template; `language` is that of its headings, empty = English.
    """

    rows: pd.DataFrame
    rejected: pd.DataFrame
    covers_through: date | None
    unused: list[str]
    separator: str
    n_lines: int
    notes: list[str]
    n_repeated: int = 0
    language: str = ""
    edits: Edits | None = None
    why: str = REASON

    @property
    def says_nothing(self) -> bool:
        """Whether it adds nothing, and nothing of it was refused: a template as it was made."""
        return not len(self.rows) and not len(self.rejected)


def read_plan(
    name: str,
    content: bytes,
    known: Sequence[Combination],
    run_at: datetime,
    clock: WeekClock,
    aliases: Aliases = NO_ALIASES,
    held: Callable[[], pd.DataFrame] | None = None,
) -> PlanFile:
    """Return the rows of a planner's file, good and rejected; of a template that comes back what was changed in it.

    Args:
        name: file name; its suffix tells CSV from Excel.
        content: its bytes.
        known: combinations that have sales; a name of no such combination is rejected.
        run_at: when the file is read, naive UTC: what it says is known from then on, unless it says otherwise.
        clock: weeks and the business time zone.
        aliases: names that were merged into known ones.
        held: returns the rows of the promotions table, to read a template against; None = there are none.

    Raises:
        InputError: the file as a whole cannot be read.
    """
    sheet = trimmed(name, read_sheet(name, io.BytesIO(content), in_every_language(PLAN, COLUMNS)))
    columns = places_of(sheet, COLUMNS)
    found = [line_of(number, cells, sheet, columns) for number, cells in sheet.lines]
    left_out, notes = _left_out(found, known)
    lines = [line for line in found if line.number not in left_out]
    required = [name for name in REQUIRED if not (name == DISCOUNT and "is_promo" in columns)]
    missing = [name for name in required if name not in columns]
    unused = unused_of(sheet, COLUMNS)
    stamp = newest_stamp(lines) if held is not None and not missing else None
    covers_through, problem = (None, None) if stamp else judge_file(lines, missing, unused, run_at, clock)
    judge = Judge(known, run_at, clock, covers_through, aliases, frozenset(missing))
    for line in lines:
        judge.read(line)
    refuse_mixed_fractions(lines)
    edits = None
    digest = hashlib.sha256(content).hexdigest()[:12]
    if stamp and held is not None:
        others = _not_of(held(), content)
        template = Template(stamp, KnownNames(known, aliases).renamed(others), known, run_at, clock)
        template.judge(lines)
        refuse_duplicates(lines)
        refuse_ambiguous(lines)
        template.spare(lines)
        edits = template.edits(lines)
        rows = _edited_rows(edits, run_at, digest)
        covers_through = max((last for *_, last in edits.windows), default=None)
        notes += edits.notes
    else:
        _judge_together(lines, covers_through, problem, known, run_at, clock)
        rows = _rows(lines, covers_through, run_at, clock, digest)
    return PlanFile(
        rows=rows,
        rejected=rejected_rows(sheet, lines),
        covers_through=covers_through,
        unused=unused,
        separator=sheet.separator,
        n_lines=len(lines),
        notes=[*sheet.notes, *notes],
        n_repeated=sum(line.is_duplicate for line in lines),
        language=language_of(sheet, COLUMNS),
        edits=edits,
    )


def _not_of(rows: pd.DataFrame, content: bytes) -> pd.DataFrame:
    """The rows but those that this very file has brought: a run that broke off is made good as if it had not begun."""
    mine = rows[BROUGHT_BY.name].astype("str").str.startswith(hashlib.sha256(content).hexdigest())
    return rows[~mine.fillna(value=False).astype("bool")]


def _judge_together(
    lines: Sequence[Line],
    covers_through: date | None,
    problem: str | None,
    known: Sequence[Combination],
    run_at: datetime,
    clock: WeekClock,
) -> None:
    """Refuse what is wrong with the file as a whole, or with lines beside each other."""
    if problem is not None:
        for line in lines:
            line.reasons.insert(0, problem)
    elif covers_through is not None:
        refuse_examples(lines, known, covers_through, clock)
        refuse_duplicates(lines)
        refuse_ambiguous(lines)
        refuse_empty_coverage(lines, covers_through, run_at, clock)


def _left_out(lines: Sequence[Line], known: Sequence[Combination]) -> tuple[set[int], list[str]]:
    """The numbers of lines that are no part of the plan, totals and examples of the template, and a note."""
    groups = {fold(part) for each in known for part in (each.unit, each.channel)}
    totals = [line.number for line in lines if _is_total(line, groups)]
    named = {fold(translated(language, EXAMPLE)) for language in LANGUAGES} - {fold(each.unit) for each in known}
    examples = [line.number for line in lines if fold(line.cells["unit"]) in named]
    said = Count("{n} example of the template left out", "{n} examples of the template left out", len(examples))
    notes = [said] if examples else []
    return {*totals, *examples}, [*_totals_left_out(totals), *notes]


def _is_total(line: Line, groups: Collection[str]) -> bool:
    """Whether a name says so, and there is no day: an article or a note that begins with such a word is none."""
    has_days = line.cells["starts_on"] or line.cells["ends_on"]
    return not has_days and any(is_total(line.cells[name], groups) for name in KEY)


def _totals_left_out(totals: Sequence[int]) -> list[str]:
    if not totals:
        return []
    first = str(totals[0])
    return [
        Count(
            "{n} line of totals left out (line {first})",
            "{n} lines of totals left out (line {first})",
            len(totals),
            first=first,
        )
    ]


def rejected_csv(plan: PlanFile, language: str = "") -> bytes:
    """Return the rejected rows as a CSV that Excel opens as it is: UTF-8 with a mark, the file's own separator.

    Number and reasons are in that language, empty = English; the file's own columns are as they were.
    """
    text = io.StringIO()
    writer = csv.writer(text, delimiter=plan.separator, lineterminator="\r\n")
    ours = {LINE: heading(language, LINE), plan.why: heading(language, plan.why)}
    writer.writerow([without_formula(ours.get(column, column)) for column in plan.rejected.columns])
    cells = plan.rejected.itertuples(index=False)
    writer.writerows([without_formula(said_in(language, cell)) for cell in row] for row in cells)
    return text.getvalue().encode("utf-8-sig")


# --- Rows -----------------------------------------------------------------------------------------------------------


def _rows(
    lines: Sequence[Line], covers_through: date | None, run_at: datetime, clock: WeekClock, digest: str
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
            "is_promo": True if line.discount_perc is None else line.is_promo,
            "promo_type": " ".join(line.cells["promo_type"].split()) or None,
        }
        for line in good
        if not line.is_coverage
    ]
    coverage = [
        _coverage_row(names, starts_on, ends_on, known_from, f"{digest}-{what}")
        for names in _covered_names(lines)
        for what, starts_on, ends_on, known_from in _covered_days(good, covers_through, run_at, clock)
    ]
    return validate(PROMOTIONS, pd.DataFrame([*promotions, *coverage]))


def _edited_rows(edits: Edits, run_at: datetime, digest: str) -> pd.DataFrame:
    """What was changed in a template, as rows of the table."""
    if not len(edits.stated) and not edits.windows:
        return empty(PROMOTIONS)
    said = edits.stated.reset_index(drop=True)
    numbers = pd.Series([f"{digest}-{number}" for number in range(1, len(said) + 1)], dtype="object")
    is_named = pd.Series([bool(said_by_planner(plan_id)) for plan_id in said["plan_id"]], dtype="bool")
    promotions = said.assign(known_from=run_at, plan_id=said["plan_id"].where(is_named, numbers)).to_dict("records")
    coverage = [
        _coverage_row(names, first, last, run_at, f"{digest}-coverage-{number}")
        for number, (names, first, last) in enumerate(edits.windows, start=1)
    ]
    return validate(PROMOTIONS, pd.DataFrame([*promotions, *coverage]))


def _coverage_row(
    names: tuple[str, str, str], starts_on: date, ends_on: date, known_from: datetime, plan_id: str
) -> dict[str, object]:
    return {
        **dict(zip(KEY, names, strict=True)),
        "starts_on": starts_on,
        "ends_on": ends_on,
        "discount_perc": None,
        "known_from": known_from,
        "plan_id": plan_id,
        "cancelled": False,
        "note": "the plan is complete for these days",
        "is_promo": None,
        "promo_type": None,
    }


def _covered_names(lines: Sequence[Line]) -> list[tuple[str, str, str]]:
    """The names for which the file is the whole plan: those it says so of, and those of its rows.

    Not those of a promotion that was refused, unless it says so: the plan known before is better than one with a hole.
    """
    said = {line.names for line in lines if line.is_coverage and not line.reasons}
    refused = {line.names for line in lines if line.reasons and not line.is_duplicate and not line.is_coverage}
    own = {line.names for line in lines if not line.reasons} - refused
    return sorted(said | {names for names in own if said.isdisjoint(product(*((part, ALL) for part in names)))})


def _covered_days(
    good: Sequence[Line], covers_through: date, run_at: datetime, clock: WeekClock
) -> list[tuple[str, date, date, datetime]]:
    """What the file covers, in one part or two: a name for it, first and last day, and since when that is known.

    Days that are over are known as the oldest row of an archive is, so that it outdates none of them; others from now.
    """
    first, week = covers_from(good, run_at, clock), week_start(run_at, clock)
    oldest = known_first(good, run_at)
    if oldest == run_at:
        return [("coverage", first, covers_through, run_at)]
    past = ("archive", first, min(covers_through, week - timedelta(days=1)), oldest)
    return [past, ("coverage", week, covers_through, run_at)] if covers_through >= week else [past]


class Judged(Protocol):
    """A line of a file: its number and cells, and the reasons against it."""

    number: int
    raw: list[str]
    reasons: list[str]


def rejected_rows(sheet: Sheet, lines: Sequence[Judged], reason: str = REASON) -> pd.DataFrame:
    """Return the refused rows as they stand in the file, with number and, in the column `reason`, the reasons.

    Cells beyond the header stand last and without a heading: sent again, they are too many once more.
    """
    refused = [line for line in lines if line.reasons]
    own = [place for place, name in enumerate(sheet.header) if not is_named(name, (LINE, reason))]
    beyond = range(len(sheet.header), max((len(line.raw) for line in refused), default=0))
    columns = [*(sheet.header[place] for place in own), LINE, reason, *("" for _ in beyond)]
    rows = [[*_at(line.raw, own), str(line.number), in_a_row(line.reasons), *_at(line.raw, beyond)] for line in refused]
    return pd.DataFrame(rows, columns=columns, dtype="object")


def _at(cells: Sequence[str], places: Iterable[int]) -> list[str]:
    return ["".join(cells[place : place + 1]) for place in places]
