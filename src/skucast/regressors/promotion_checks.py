"""What is wrong with a planner's lines: the file as a whole, each line by itself, lines beside each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime

from skucast.core.combination import NO_ALIASES, Aliases, Combination
from skucast.core.flags import as_flag
from skucast.core.tables.sales import MAX_TYPE
from skucast.core.texts import Text, in_a_row
from skucast.core.weeks import WeekClock
from skucast.regressors.headings import perhaps_meant
from skucast.regressors.line_names import KnownNames
from skucast.regressors.promotion_examples import example_days, examples_of
from skucast.regressors.promotion_lines import (
    EXAMPLES,
    MAX_TEXT,
    NUMBER,
    TWO_YEARS,
    Line,
    Reason,
    as_day,
    as_instant,
    week_start,
)
from skucast.regressors.refusals import refusal
from skucast.sheets.values import UNREADABLE

SAYING = ("starts_on", "ends_on", "discount_perc", "cancelled")
"""Cells that say something of a promotion: a row with none of them is about what the file covers."""

# --- The file as a whole --------------------------------------------------------------------------------------------


def judge_file(
    lines: Sequence[Line], missing: Sequence[str], unused: Sequence[str], run_at: datetime, clock: WeekClock
) -> tuple[date | None, Text | None]:
    """The day through which the file is complete or, where it cannot be used, why: then every line is refused.

    Args:
        lines: of the file.
        missing: needed columns that it has not.
        unused: its columns that mean nothing.
        run_at: when it is read.
        clock: weeks and the business time zone.

    Neither is known where all lines are refused before.
    """
    whole = [line for line in lines if not line.reasons]
    found = sorted({line.cells["covers_through"] for line in whole} - {""})
    days = {cell: as_day(cell) for cell in found}
    day = next(iter(days.values()), None)
    if missing:
        meant = perhaps_meant(missing, unused)
        why = refusal(Reason.NO_COLUMN, {"columns": ", ".join(missing)})
        return None, in_a_row([why, meant]) if meant else why
    if not whole:
        return None, None
    if not found:
        return None, Text(Reason.NO_COVERS_THROUGH.value)
    if None in days.values():
        wrong = next(cell for cell, each in days.items() if each is None)
        return None, refusal(Reason.NOT_A_DAY, {"column": "covers_through", "found": repr(wrong)})
    if len(set(days.values())) > 1:
        return None, refusal(Reason.TWO_COVERS_THROUGH, {"days": ", ".join(found)})
    if day is not None and day > clock.day_of(run_at) + TWO_YEARS:
        return None, refusal(Reason.COVERS_TOO_FAR, {"day": day})
    return day, None


# --- Each line by itself --------------------------------------------------------------------------------------------


class Judge:
    """Reads lines, knowing what there is and what day it is.

    Args:
        covers_through: day through which the file is complete, None if it is not known.
        missing: columns that the file has not: of them nothing is said line by line.
    """

    def __init__(
        self,
        known: Sequence[Combination],
        run_at: datetime,
        clock: WeekClock,
        covers_through: date | None,
        aliases: Aliases = NO_ALIASES,
        missing: frozenset[str] = frozenset(),
    ) -> None:
        self._names = KnownNames(known, aliases, missing)
        self._run_at = run_at
        self._clock = clock
        self._covers_through = covers_through
        self._missing = missing

    def read(self, line: Line) -> None:
        """Read the line's cells into its fields, and refuse what is wrong."""
        line.names = self._names.of(line)  # also of a line that is refused: these names are not covered
        line.is_coverage = not any(line.cells[name] for name in SAYING) and as_flag(line.cells["is_promo"]) is not True
        for column, cell in line.cells.items():
            if column != "note" and not self._names.has(column, cell) and UNREADABLE.fullmatch(cell):
                line.refuse(Reason.UNREADABLE, column=column, found=repr(cell))
        if line.reasons:
            return
        self._names.check(line, line.names)
        self._read_known_from(line)
        if not line.is_coverage:
            self._read_days(line)
            _read_discount(line)
            _read_flags(line)
        for column, limit in {"plan_id": MAX_TEXT, "note": MAX_TEXT, "promo_type": MAX_TYPE}.items():
            if len(line.cells[column]) > limit:
                line.refuse(Reason.TOO_LONG, column=column, limit=limit)

    def _read_known_from(self, line: Line) -> None:
        found = line.cells["known_from"]
        if not found:
            return
        line.known_from = as_instant(found, self._clock)
        if line.known_from is None:
            line.refuse(Reason.NOT_AN_INSTANT, found=repr(found))
        elif line.known_from > self._run_at:
            line.refuse(Reason.KNOWN_LATER, found=found)

    def _read_days(self, line: Line) -> None:
        line.starts_on = None if "starts_on" in self._missing else _read_day(line, "starts_on")
        line.ends_on = None if "ends_on" in self._missing else _read_day(line, "ends_on")
        if line.starts_on is None or line.ends_on is None:
            return
        today = self._clock.day_of(self._run_at)
        is_archive = line.known_from is not None
        if line.ends_on < line.starts_on:
            line.refuse(Reason.ENDS_BEFORE_START, ends_on=line.ends_on, starts_on=line.starts_on)
        elif line.starts_on > today + TWO_YEARS or (line.starts_on < today - TWO_YEARS and not is_archive):
            line.refuse(Reason.TOO_FAR, day=line.starts_on)
        elif line.ends_on < week_start(self._run_at, self._clock) and not is_archive:
            line.refuse(Reason.OVER, day=line.ends_on)
        elif line.ends_on >= week_start(self._run_at, self._clock) and is_archive:
            line.refuse(Reason.NOT_OVER, ends_on=line.ends_on)
        elif self._covers_through is not None and line.ends_on > self._covers_through:
            line.refuse(Reason.ENDS_AFTER_COVERAGE, ends_on=line.ends_on, covers_through=self._covers_through)


def _read_day(line: Line, column: str) -> date | None:
    found = line.cells[column]
    if not found:
        other = next(name for name in (*SAYING, "is_promo") if line.cells[name])
        line.refuse(Reason.NO_DAY, column=column, other=other)
        return None
    day = as_day(found)
    if day is None:
        line.refuse(Reason.NOT_A_DAY, column=column, found=repr(found))
    return day


def _read_discount(line: Line) -> None:
    found = line.cells["discount_perc"]
    digits = found.removesuffix("%").strip()
    if not found:  # a promotion whose depth is not known
        return
    if not NUMBER.fullmatch(digits):
        line.refuse(Reason.NOT_A_NUMBER, found=repr(found))
    else:
        value = float(digits.replace(",", "."))
        if 0 < value < 1:
            line.refuse(Reason.FRACTION, found=found, percent=f"{value * 100:g}")
        elif not 0 <= value <= 100:
            line.refuse(Reason.NOT_A_PERCENTAGE, found=found)
        line.discount_perc = value


def refuse_mixed_fractions(lines: Sequence[Line]) -> None:
    """Refuse a discount of 1 in a file that has fractions: it may be all of the price, or a hundredth."""
    is_fraction = [line.discount_perc is not None and 0 < line.discount_perc < 1 for line in lines]
    for line in lines if any(is_fraction) else ():
        if line.cells["discount_perc"] in {"1", "1.0", "1,0"} and not line.reasons:
            line.refuse(Reason.FRACTION, found=line.cells["discount_perc"], percent="100, or 1%")


def refuse_examples(
    lines: Sequence[Line], known: Sequence[Combination], covers_through: date, clock: WeekClock
) -> None:
    """Refuse the template's examples where nobody has changed them, and every line where there is nothing else.

    One with other names, days or another discount is a promotion, also if it still has the example's note.
    """
    examples = set(examples_of(known))
    for line in lines:
        line.is_example = line.names in examples and _is_of_template(line, covers_through, clock)
        if line.is_example:
            line.refuse(Reason.EXAMPLE)
    promotions = [line for line in lines if not line.is_coverage]
    if promotions and all(line.is_example for line in promotions):
        for line in lines:
            if not line.reasons:
                line.refuse(Reason.ONLY_EXAMPLES)


def _is_of_template(line: Line, covers_through: date, clock: WeekClock) -> bool:
    """Whether note, discount and days are those of an example.

    A template ends with a week, and its examples lie before that end. Where somebody has written another day for it,
    which ends no week, the examples may lie in any week.
    """
    note = line.cells["note"]
    if note not in EXAMPLES or line.discount_perc != EXAMPLES[note] or line.starts_on is None or line.ends_on is None:
        return False
    ends_a_week = clock.label(covers_through) == covers_through
    end = covers_through if ends_a_week else clock.label(line.ends_on)
    return example_days(end, clock)[note] == (line.starts_on, line.ends_on)


def _read_flags(line: Line) -> None:
    flags = {column: as_flag(line.cells[column]) for column in ("cancelled", "is_promo")}
    for column, flag in flags.items():
        if line.cells[column] and flag is None:
            line.refuse(Reason.NOT_YES_OR_NO, column=column, found=repr(line.cells[column]))
    line.cancelled, line.is_promo = bool(flags["cancelled"]), flags["is_promo"]
    if line.is_promo is False and not line.cells["discount_perc"] and not line.cancelled:
        line.refuse(Reason.NO_PROMOTION, found=repr(line.cells["is_promo"]))


# --- Lines beside each other ----------------------------------------------------------------------------------------


def refuse_duplicates(lines: Sequence[Line]) -> None:
    """Refuse every line that says the same as an earlier one."""
    first: dict[tuple[object, ...], int] = {}
    for line in lines:
        if line.reasons:
            continue
        says = (line.names, line.starts_on, line.ends_on, line.discount_perc, line.is_promo, line.cancelled)
        earlier = first.setdefault((*says, line.known_from, line.cells["plan_id"]), line.number)
        if earlier != line.number:
            line.is_duplicate = True
            line.refuse(Reason.DUPLICATE, line=earlier)


def refuse_ambiguous(lines: Sequence[Line]) -> None:
    """Refuse promotions known from the same moment that overlap for the same names with different discounts.

    One without a discount contradicts none: where another says how deep it is, that counts.
    """
    groups: dict[tuple[object, ...], list[Line]] = {}
    for line in lines:
        if not line.reasons and line.discount_perc is not None and not line.cancelled:
            groups.setdefault((line.names, line.known_from), []).append(line)
    clashes = [clash for group in groups.values() for clash in _clashes(group)]
    for line, rival in clashes:
        if not line.reasons:  # one of the lines that it clashes with is enough
            line.refuse(Reason.AMBIGUOUS, line=rival.number)


def _clashes(group: Sequence[Line]) -> Iterator[tuple[Line, Line]]:
    """Every line that clashes with others, beside one of them; their pairs would be too many to look at."""
    in_order = sorted(group, key=lambda line: line.days)
    yield from _rivals(in_order, lambda line: line.days[1].toordinal())
    yield from _rivals(in_order[::-1], lambda line: -line.days[0].toordinal())


def _rivals(ordered: Sequence[Line], reach: Callable[[Line], int]) -> Iterator[tuple[Line, Line]]:
    """The lines that clash with one before them, and that one.

    Of those before, the one that reaches furthest towards the lines to come is enough, and, for lines of its own
    discount, the one of another discount that does.
    """
    furthest: Line | None = None
    other: Line | None = None
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


def refuse_empty_coverage(lines: Sequence[Line], covers_through: date, run_at: datetime, clock: WeekClock) -> None:
    """Refuse every line of a file whose last day lies before its first."""
    good = [line for line in lines if not line.reasons]
    first = covers_from(good, run_at, clock) if good else covers_through
    if covers_through < first:
        for line in good:
            line.refuse(Reason.COVERS_NOTHING, day=covers_through, first=first)


def covers_from(good: Sequence[Line], run_at: datetime, clock: WeekClock) -> date:
    """Return the first day that the file speaks of: of the week it is known in, or of its first promotion."""
    starts = [line.starts_on for line in good if line.starts_on is not None]
    return min([week_start(known_first(good, run_at), clock), *starts])


def known_first(good: Sequence[Line], run_at: datetime) -> datetime:
    """Since when the coverage is known: as the oldest row of the file, so that it outdates none of the others."""
    return min(line.known_from or run_at for line in good)
