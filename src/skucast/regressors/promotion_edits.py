"""A template that comes back: what its planner has changed in it, and nothing else, becomes rows of the plan.

Lines as the template has them say nothing: whatever others have said of them since still counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.combination import KEY, Combination
from skucast.core.tables.contract import ALL
from skucast.core.texts import Count, Place, Text
from skucast.core.weeks import WeekClock
from skucast.regressors.promotion_holding import SAYS, THROUGH, Holding, holding, within
from skucast.regressors.promotion_lines import TWO_YEARS, Line, Reason, as_day, week_start
from skucast.regressors.promotion_template import (
    Said,
    Stamp,
    covered_by,
    said_by,
    said_in,
    stamp_in,
    stamp_of,
)
from skucast.regressors.promotions import Pattern, places_by_pattern, usable_rows

Window = tuple[Pattern, date, date]
"""Names, first and last day of which a file knows all promotions."""

STATED = [*KEY, *SAYS, "plan_id", "note", "cancelled"]

SHOWN = 3
"""Lines that a note names."""


@dataclass(frozen=True)
class Edits:
    """What a template's lines, sent back, change in the plan.

    `stated` are the promotions to say (KEY, `SAYS`, plan_id, note, cancelled), `windows` where nothing else is planned,
    `covered` those of them that were not known before; all are empty if nothing was changed. `n_ended` counts
    promotions that are no longer planned, `n_added` those that are new or changed, `n_unchanged` lines as they were;
    `notes` say what a planner might not expect.
    """

    stated: pd.DataFrame
    windows: list[Window]
    covered: list[Window]
    n_added: int
    n_ended: int
    n_unchanged: int
    notes: list[str]


def newest_stamp(lines: Sequence[Line]) -> Stamp | None:
    """Return the stamp of the template that a file began as, None if it began as none; of several the newest."""
    stamps = [stamp for cell in {line.cells["template"] for line in lines} if (stamp := stamp_in(cell)) is not None]
    return max(stamps, key=lambda stamp: stamp.known_at, default=None)


class Template:
    """A template's lines as they were, beside the plan as it is now.

    `rows` are those of the promotions table, with the names of the sales.
    """

    def __init__(
        self, stamp: Stamp, rows: pd.DataFrame, known: Sequence[Combination], run_at: datetime, clock: WeekClock
    ) -> None:
        self._rows = usable_rows(rows, known)[0]
        self._known = known
        self._run_at = run_at
        self._clock = clock
        self._week = week_start(run_at, clock)
        held = holding(self._rows, known, stamp.known_at, week_start(stamp.known_at, clock))
        self._was = Holding(within(held.promotions, stamp.wanted), within(held.coverage, stamp.wanted))
        self._is_whole = stamp_of(self._was, stamp.known_at, stamp.wanted).digest == stamp.digest
        self._said = dict(zip(said_by(self._was.promotions), self._was.promotions.index, strict=True))
        self._covered = set(covered_by(self._was.coverage))

    def spare(self, lines: Sequence[Line]) -> None:
        """Take back what is held against lines that are as they were: they say nothing, also where they are over."""
        for line in lines:
            same = self._is_covered_alike(line) if line.is_coverage else said_in(line) in self._said
            if same and not line.cancelled:
                line.is_unchanged = True
                line.reasons.clear()

    def _is_covered_alike(self, line: Line) -> bool:
        return (line.names, as_day(line.cells[THROUGH])) in self._covered

    def judge(self, lines: Sequence[Line]) -> None:
        """Refuse what only such a file can have wrong: each line may have a last day of its own."""
        for line in lines:
            found = line.cells[THROUGH]
            day = as_day(found)
            if found and day is None:
                line.refuse(Reason.NOT_A_DAY, column=THROUGH, found=repr(found))
            elif day is not None and day > self._clock.day_of(self._run_at) + TWO_YEARS:
                line.refuse(Reason.COVERS_TOO_FAR, day=day)
            elif day is not None and line.ends_on is not None and day < line.ends_on:
                line.refuse(Reason.ENDS_AFTER_COVERAGE, ends_on=line.ends_on, covers_through=day)
            elif line.is_coverage and day is None:
                line.refuse(Reason.NO_COVERS_THROUGH)
            elif line.is_coverage and day is not None and day < self._week:
                line.refuse(Reason.COVERS_NOTHING, day=day, first=self._week)

    def edits(self, lines: Sequence[Line]) -> Edits:
        """Return what the lines change."""
        good = [line for line in lines if not line.reasons]
        added = [line for line in good if not line.is_coverage and not line.is_unchanged]
        ended, left = self._ended(lines, added)
        is_new = [line for line in good if line.cells[THROUGH] and not (line.is_coverage and line.is_unchanged)]
        now = holding(self._rows, self._known, self._run_at, self._week, ended=ended)
        covered = self._newly_covered(is_new)
        windows = [*_windows_of(ended, self._week), *covered]
        added = [line for line in added if not (line.cancelled and said_in(line) in self._said)]
        said = [(line.names, *line.days) for line in added]
        again = now.promotions[_touched(now.promotions, [*windows, *said], {said_in(line).plan_id for line in added})]
        return Edits(
            stated=_together(again.assign(cancelled=False)[STATED], _as_rows(added)),
            windows=windows,
            covered=covered,
            n_added=len(added),
            n_ended=sum(not any(_replaces(line, was) for line in added) for was in said_by(ended)),
            n_unchanged=sum(line.is_unchanged for line in lines),
            notes=_notes_of(left),
        )

    def _ended(self, lines: Sequence[Line], added: Sequence[Line]) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The promotions of the template that its planner ended or replaced, and those that are left as they are.

        A line that is not there any more has ended its promotion only if the file still says that it is complete for
        its names: who plans one unit deletes the others'. And not beside refused lines, one of which it may be.
        """
        there = {said_in(line) for line in lines if not line.cancelled}
        called_off = {said_in(line) for line in lines if line.cancelled and not line.reasons}
        gone = self._was.promotions[_flags(said not in there for said in said_by(self._was.promotions))]
        gone = gone[gone["ends_on"] >= pd.Timestamp(self._week)]
        complete = [line.names for line in lines if line.is_coverage and not line.reasons]
        may_end = self._is_whole and not any(line.reasons and not line.is_coverage for line in lines)
        is_ended = _flags(
            said in called_off
            or any(_replaces(line, said) for line in added)
            or (may_end and any(_is_within(said, names) for names in complete))
            for said in said_by(gone)
        )
        return gone[is_ended], gone[~is_ended]

    def _newly_covered(self, lines: Sequence[Line]) -> list[Window]:
        """Of which names and days it is known only now what is planned."""
        reached = self._reached() if lines else None
        found = []
        for line in lines:
            day = as_day(line.cells[THROUGH])
            assert day is not None
            assert reached is not None
            first = date.fromordinal(int(reached[_inside(line.names, self._known)].min()) + 1)
            if first <= day:
                found.append((line.names, first, day))
        return found

    def _reached(self) -> npt.NDArray[np.int64]:
        """Through which day (its ordinal) the plan of each combination is complete now."""
        reached = np.full(len(self._known), (self._week - timedelta(days=1)).toordinal())
        coverage = holding(self._rows, self._known, self._run_at, self._week).coverage
        for names, day in covered_by(coverage):
            reached[_inside(names, self._known)] = day.toordinal()
        return reached


def _flags(found: Iterable[bool]) -> npt.NDArray[np.bool_]:
    return np.fromiter(found, dtype=bool)


def _together(again: pd.DataFrame, added: pd.DataFrame) -> pd.DataFrame:
    parts = [part for part in (again, added) if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else added


def _inside(names: Pattern, known: Sequence[Combination]) -> npt.NDArray[np.int64]:
    found = places_by_pattern(pd.DataFrame([names], columns=KEY), known)
    return next(iter(found.values()), np.array([], dtype="int64"))


def _windows_of(ended: pd.DataFrame, week: date) -> list[Window]:
    """The days of promotions that are no longer planned; what is over stays as it was."""
    return [(said.names, max(said.days[0], week), said.days[1]) for said in said_by(ended)]


def _replaces(line: Line, said: Said) -> bool:
    """Whether a new line stands in the place of a promotion: of its names, with its plan_id or some of its days."""
    if line.names != said.names:
        return False
    is_same = bool(said.plan_id) and said_in(line).plan_id == said.plan_id
    return is_same or (line.days[0] <= said.days[1] and said.days[0] <= line.days[1])


def _is_within(said: Said, names: Pattern) -> bool:
    return all(name in (ALL, part) for name, part in zip(names, said.names, strict=True))


def _touched(now: pd.DataFrame, stated: Sequence[Window], plan_ids: set[str]) -> npt.NDArray[np.bool_]:
    """Which promotions have to be said again beside what is stated, so that they hold as they did.

    Those that meet it in names and days, those that meet these in turn, and those that a newer row of their plan_id
    would take the place of.
    """
    names = [now[column].to_numpy(dtype=object) for column in KEY]
    starts, ends = (np.array([day.toordinal() for day in now[column]], dtype="int64") for column in SAYS[:2])
    called = np.array([said.plan_id for said in said_by(now)], dtype=object)
    taken = np.isin(called, sorted(plan_ids - {""}))
    open_ends = [*stated, *_said_of(now[taken])]
    while open_ends:
        of, first, last = open_ends.pop()
        meets = (starts <= last.toordinal()) & (ends >= first.toordinal())
        for mine, name in zip(names, of, strict=True):
            meets &= (mine == name) | (mine == ALL) | (name == ALL)
        meets |= np.isin(called, sorted(set(called[meets]) - {""}))
        open_ends += _said_of(now[meets & ~taken])
        taken |= meets
    return taken


def _said_of(rows: pd.DataFrame) -> list[Window]:
    return [(said.names, *said.days) for said in said_by(rows)]


def _as_rows(added: Sequence[Line]) -> pd.DataFrame:
    """New and changed lines as rows."""
    rows = [
        {
            **dict(zip(KEY, line.names, strict=True)),
            "starts_on": pd.Timestamp(line.days[0]),
            "ends_on": pd.Timestamp(line.days[1]),
            "discount_perc": line.discount_perc,
            "is_promo": True if line.discount_perc is None else line.is_promo,
            "promo_type": " ".join(line.cells["promo_type"].split()) or None,
            "plan_id": line.cells["plan_id"] or None,
            "note": line.cells["note"] or None,
            "cancelled": line.cancelled,
        }
        for line in added
    ]
    return pd.DataFrame(rows, columns=STATED)


def _notes_of(left: pd.DataFrame) -> list[str]:
    """What a planner might not expect of lines that are not there any more."""
    if left.empty:
        return []
    shown: Place = tuple(
        Text("{names} from {first}", names="/".join(names), first=first)
        for names, first, _ in _said_of(left.head(SHOWN))
    )
    if len(left) > SHOWN:
        shown = Text("{shown} and {n} more", shown=shown, n=len(left) - SHOWN)
    said = Count(
        "{n} promotion of the template not in the file and kept ({shown}): no row says that nothing else is planned "
        "for these names, or rows are refused; write yes into cancelled to end one",
        "{n} promotions of the template not in the file and kept ({shown}): no row says that nothing else is planned "
        "for these names, or rows are refused; write yes into cancelled to end one",
        len(left),
        shown=shown,
    )
    return [said]
