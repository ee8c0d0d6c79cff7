"""The plan that holds at a moment, in rows as planners write them: what nothing newer has changed or ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.combination import KEY, Combination
from skucast.core.tables.contract import ALL
from skucast.core.weeks import WeekClock
from skucast.regressors.promotions import (
    Pattern,
    in_order,
    is_cancelled,
    is_promotion,
    not_corrected,
    patterns_of,
    places_by_pattern,
    standing,
)

Places = npt.NDArray[np.int64]
Cells = npt.NDArray[np.int64]

SAYS = ["starts_on", "ends_on", "discount_perc", "is_promo", "promo_type"]
"""What a promotion is beside its names; `plan_id` and `note` are what it is called."""

SHOWN = [*KEY, *SAYS, "plan_id", "note", "known_from"]
THROUGH = "covers_through"

FARTHEST = timedelta(days=1100)
"""So far ahead a plan is looked at: planners' files reach two years."""

_NAMES = "_names"

NOTHING = -1
"""In a cell of a combination and day: no promotion, whether that is known or not."""


@dataclass(frozen=True)
class Holding:
    """A plan as it holds from a day on.

    `promotions` have `SHOWN`, names with `*` as they were written where that is still true of all of them, days and
    depth (percent, NaN = not known) as they were written. `coverage` has KEY
    and `covers_through`: without a gap from that day on, it is known what is planned for these names.
    """

    promotions: pd.DataFrame
    coverage: pd.DataFrame


def holding(
    rows: pd.DataFrame,
    combinations: Sequence[Combination],
    known_at: datetime,
    first: date,
    ended: pd.DataFrame | None = None,
) -> Holding:
    """Return what holds of a plan from a day on, as it is known at a moment (naive UTC); the rows are usable ones.

    `ended` are promotions (KEY and `SAYS`) that are left out where they still hold.
    """
    return Statements(rows, combinations).holding(known_at, first, ended)


class Statements:
    """The usable rows of a plan about some combinations, to be looked at as of any moment (naive UTC)."""

    def __init__(self, rows: pd.DataFrame, combinations: Sequence[Combination]) -> None:
        self._combinations = list(combinations)
        self._places = places_by_pattern(rows, self._combinations) if len(combinations) else {}
        named = rows.assign(**{_NAMES: pd.Series(patterns_of(rows), index=rows.index, dtype="object")})
        # A row's place does not depend on the moment: the rows of each are in order, too.
        self._rows = in_order(named[named[_NAMES].isin(list(self._places))]).reset_index(drop=True)
        self._plans = pd.factorize(self._rows["plan_id"])[0]

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever said of them."""
        return self._rows.empty

    def holding(self, known_at: datetime, first: date, ended: pd.DataFrame | None = None) -> Holding:
        """Return what holds from a day on."""
        known = self._standing(known_at, first, None)
        if known.empty:
            return Holding(_shown(known), pd.DataFrame(columns=[*KEY, THROUGH]))
        board = _Board(known, self._places, self._combinations, first, None)
        owners, is_said = board.paint()
        if ended is not None and len(ended):
            board.end(owners, ended)
        return Holding(_held(board, owners), _coverage(board, is_said))

    def promotions(self, known_at: datetime, first: date) -> pd.DataFrame:
        """Return the promotions that hold from a day on: `SHOWN`."""
        known = self._standing(known_at, first, None)
        if known.empty:
            return _shown(known)
        board = _Board(known, self._places, self._combinations, first, None)
        return _held(board, board.paint()[0])

    def held_in(self, known_at: datetime, first: date, last: date, clock: WeekClock) -> pd.DataFrame:
        """Return the promotions that took place for anybody on some days: `SHOWN`, as written, and `through`.

        That is the last of these days on which they did. What is said on a Thursday ends no promotion of the Monday
        before: a new plan need not name what is over.
        """
        known = _from_then_on(self._standing(known_at, first, last), clock)
        if known.empty:
            return known[SHOWN].assign(through=pd.Series(dtype="datetime64[us]"))
        board = _Board(known, self._places, self._combinations, first, last)
        owners = board.paint()[0]
        through = {
            int(row): day for day in range(board.shape[1]) for row in np.unique(owners[:, day]) if row != NOTHING
        }
        rows = board.rows.loc[sorted(through)]
        days = pd.Timestamp(first) + pd.to_timedelta([through[row] for row in rows.index], unit="D")
        return rows[SHOWN].assign(through=days.astype("datetime64[us]"))

    def _standing(self, known_at: datetime, first: date, last: date | None) -> pd.DataFrame:
        """The rows about some days that count at a moment, in the order in which they do."""
        is_known = (self._rows["known_from"] <= pd.Timestamp(known_at)).to_numpy()
        of_days = is_known & _is_of(self._rows, first, last).to_numpy()
        # A correction may have moved a promotion away from these days.
        mine = self._rows[is_known & np.isin(self._plans, np.unique(self._plans[of_days]))]
        found = not_corrected(mine) if len(mine) else mine
        return found[_is_of(found, first, last)]


def about(rows: pd.DataFrame, combinations: Sequence[Combination]) -> pd.DataFrame:
    """Return the rows of a plan that name any of the combinations."""
    names = [*places_by_pattern(rows, combinations)]
    return rows[pd.Series(patterns_of(rows), index=rows.index, dtype="object").isin(names)]


def _held(board: _Board, owners: Cells) -> pd.DataFrame:
    pieces = _pieces(board, owners)
    rows = board.rows.loc[[piece.row for piece in pieces]].reset_index(drop=True)
    said = pd.DataFrame([piece.said() for piece in pieces], columns=[*KEY, *SAYS[:2]], index=rows.index)
    return _shown(rows.assign(**{name: said[name].astype(rows[name].dtype) for name in (*KEY, *SAYS[:2])}))


def _is_of(rows: pd.DataFrame, first: date, last: date | None) -> pd.Series:
    is_of_days = rows["ends_on"] >= pd.Timestamp(first)
    return is_of_days if last is None else is_of_days & (rows["starts_on"] <= pd.Timestamp(last))


def within(found: pd.DataFrame, wanted: Pattern) -> pd.DataFrame:
    """Return the rows about the wanted names, `*` = all: those of more names are about the wanted ones alone then."""
    kept = found
    for column, name in zip(KEY, wanted, strict=True):
        if name != ALL:
            kept = kept[kept[column].isin([ALL, name])].assign(**{column: name})
    return kept.reset_index(drop=True)


def keys_of(promotions: pd.DataFrame) -> list[tuple[object, ...]]:
    """Return what makes each promotion the same one, written again: its names, and what it says."""
    found = promotions[[*KEY, *SAYS]].assign(is_promo=promotions["is_promo"].astype("boolean")).astype(object)
    return list(found.where(found.notna(), None).itertuples(index=False, name=None))


def known_first(promotions: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return promotions with `known_from` as the first row of the plan that says the same."""
    said = rows[~is_cancelled(rows)].sort_values("known_from", ascending=False, kind="stable")
    first = dict(zip(keys_of(said), said["known_from"], strict=True))
    since = [first.get(key, known) for key, known in zip(keys_of(promotions), promotions["known_from"], strict=True)]
    return promotions.assign(known_from=pd.Series(since, index=promotions.index, dtype="datetime64[us]"))


def _from_then_on(rows: pd.DataFrame, clock: WeekClock) -> pd.DataFrame:
    """The rows, of which those that name no promotion begin on the day that they were said, if not later."""
    said_on = rows["known_from"].dt.tz_localize("UTC").dt.tz_convert(clock.tz).dt.tz_localize(None).dt.normalize()
    later = rows["starts_on"].where(is_promotion(rows) | (rows["starts_on"] >= said_on), said_on)
    found = rows.assign(starts_on=later.astype(rows["starts_on"].dtype))
    return found[found["starts_on"] <= found["ends_on"]]


def _shown(promotions: pd.DataFrame) -> pd.DataFrame:
    """The columns shown, in the order of the days."""
    found = promotions.assign(is_promo=promotions["is_promo"].astype("boolean"))
    by_days = found.sort_values([*SAYS[:2], *KEY, "discount_perc"], kind="stable")
    return by_days[SHOWN].reset_index(drop=True)


# --- Cells: combinations and days -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Piece:
    """A row, or the part of it that still holds: names and days, and the places of its names."""

    row: int
    names: Pattern
    places: Places
    starts_on: date
    ends_on: date
    is_part: bool = False

    def said(self) -> dict[str, object]:
        days = {"starts_on": pd.Timestamp(self.starts_on), "ends_on": pd.Timestamp(self.ends_on)}
        return {**dict(zip(KEY, self.names, strict=True)), **days}


class _Board:
    """Which row counts for each combination and day from the first one on; rows are sorted so that a later one does."""

    def __init__(
        self,
        rows: pd.DataFrame,
        places: Mapping[Pattern, Places],
        combinations: list[Combination],
        first: date,
        last: date | None,
    ) -> None:
        self.rows = rows.reset_index(drop=True)
        self.first = first
        self.combinations = combinations
        self.patterns: list[Pattern] = list(rows[_NAMES])
        self.places = [places[pattern] for pattern in self.patterns]
        self.starts, self.ends = ([day.date() for day in rows[name]] for name in ("starts_on", "ends_on"))
        until = min(max(self.ends, default=first), first + FARTHEST)
        self.shape = (len(combinations), ((until if last is None else min(until, last)) - first).days + 1)
        depth, flag = rows["discount_perc"], rows["is_promo"].fillna(value=False).astype("bool")
        self.is_promotion = (((depth > 0) | flag) & ~is_cancelled(rows)).to_numpy(dtype=bool)

    @cached_property
    def numbers(self) -> list[dict[str, int]]:
        """By part of the names: a number for each of them."""
        return [
            {name: n for n, name in enumerate(sorted({each.parts[k] for each in self.combinations}))} for k in (0, 1, 2)
        ]

    @cached_property
    def parts(self) -> npt.NDArray[np.int64]:
        """The parts of each combination as their numbers."""
        return np.array([[self.numbers[k][name] for k, name in enumerate(of.parts)] for of in self.combinations])

    @cached_property
    def says(self) -> list[tuple[object, ...]]:
        """What each row says."""
        return _says(self.rows)

    @cached_property
    def codes(self) -> Cells:
        """The same as numbers."""
        numbered = {says: number for number, says in enumerate(dict.fromkeys(self.says))}
        return np.array([numbered[says] for says in self.says], dtype="int64")

    def days(self, starts_on: date, ends_on: date) -> slice:
        return slice(max((starts_on - self.first).days, 0), max(min((ends_on - self.first).days + 1, self.shape[1]), 0))

    def paint(self) -> tuple[Cells, npt.NDArray[np.bool_]]:
        """The row that is a promotion in each cell, and whether anything is said of it."""
        owners, is_said = np.full(self.shape, NOTHING), np.zeros(self.shape, dtype=bool)
        for row, places in enumerate(self.places):
            days = self.days(self.starts[row], self.ends[row])
            owners[places, days] = row if self.is_promotion[row] else NOTHING
            is_said[places, days] = True
        return owners, is_said

    def end(self, owners: Cells, ended: pd.DataFrame) -> None:
        """Leave the promotions out of the cells where they count."""
        places = places_by_pattern(ended, self.combinations)
        for pattern, starts_on, ends_on, says in zip(
            patterns_of(ended), ended["starts_on"], ended["ends_on"], _says(ended), strict=True
        ):
            alike = [row for row, mine in enumerate(self.says) if mine == says]
            days = self.days(starts_on.date(), ends_on.date())
            some = owners[places.get(pattern, np.array([], dtype="int64")), days]
            owners[places.get(pattern, np.array([], dtype="int64")), days] = np.where(
                np.isin(some, alike), NOTHING, some
            )

    def whole(self, row: int) -> _Piece:
        return _Piece(row, self.patterns[row], self.places[row], self.starts[row], self.ends[row])


def _says(rows: pd.DataFrame) -> list[tuple[object, ...]]:
    """How deep each promotion is, None = not known, whether it is said to be one, and its type."""
    depth, kind = rows["discount_perc"], rows["promo_type"]
    flag = rows["is_promo"].fillna(value=False).astype("bool")
    return [
        (None if pd.isna(percent) else float(percent), bool(says), None if pd.isna(of) else of)
        for percent, says, of in zip(depth, flag, kind, strict=True)
    ]


def _pieces(board: _Board, owners: Cells) -> list[_Piece]:
    """The promotions that hold: whole rows where all of them, written together, say what holds; else their parts."""
    rows = np.unique(owners[owners != NOTHING]).tolist()
    pieces = [board.whole(row) for row in _as_in_one_file(board, rows)]
    codes = np.append(board.codes, NOTHING)  # the last place is that of no promotion
    while True:
        painted = np.full(board.shape, NOTHING)
        for piece in pieces:
            painted[piece.places, board.days(piece.starts_on, piece.ends_on)] = piece.row
        wrong = np.unique(painted[codes[painted] != codes[owners]])
        narrowed = {piece.row for piece in pieces if not piece.is_part} & set(wrong.tolist())
        if not narrowed:
            return pieces
        pieces = [
            part
            for piece in pieces
            for part in (_parts(board, owners, piece.row) if piece.row in narrowed else [piece])
        ]


def _as_in_one_file(board: _Board, rows: list[int]) -> list[int]:
    """The rows in the order in which they count if they are said together."""
    together = board.rows.loc[rows].assign(known_from=pd.Timestamp(0))
    return [int(row) for row in standing_together(together).index]


def standing_together(rows: pd.DataFrame) -> pd.DataFrame:
    """Return promotions sorted as those of one file: a later one counts."""
    numbered = rows.assign(plan_id=[str(number) for number in range(len(rows))])
    return standing(numbered)


def _parts(board: _Board, owners: Cells, row: int) -> Iterator[_Piece]:
    """What still holds of a row, in as few rows as that takes."""
    places, starts_on, ends_on = board.places[row], board.starts[row], board.ends[row]
    days = board.days(starts_on, ends_on)
    holds = owners[places, days] == row
    runs, group = np.unique(holds, axis=0, return_inverse=True)
    for number, run in enumerate(runs):
        mine = places[group.ravel() == number]
        for begin, end in _runs(run):
            begins = starts_on if begin == 0 else board.first + timedelta(days=days.start + begin)
            is_last = end == len(run)
            ends = ends_on if is_last else board.first + timedelta(days=days.start + end - 1)
            for names, some in _patterns_for(board, board.patterns[row], mine):
                yield _Piece(row, names, some, begins, ends, is_part=True)


def _runs(run: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Beginning and end, not included, of each run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], run.astype("int8"), [0]]))).tolist()
    yield from zip(edges[::2], edges[1::2], strict=True)


def _patterns_for(board: _Board, pattern: Pattern, places: Places) -> Iterator[tuple[Pattern, Places]]:
    """Names, as few as it takes with one part after the other, that stand for these places within a pattern."""
    is_wanted = np.zeros(len(board.combinations), dtype=bool)
    is_wanted[places] = True
    inside = np.arange(len(board.combinations))
    for place, name in enumerate(pattern):
        if name != ALL:
            inside = inside[board.parts[inside, place] == board.numbers[place].get(name, NOTHING)]
    yield from _split(board, inside, is_wanted, pattern)


def _split(
    board: _Board, inside: Places, is_wanted: npt.NDArray[np.bool_], pattern: Pattern
) -> Iterator[tuple[Pattern, Places]]:
    """The pattern, if all inside it are wanted; else what holds of it by the names of its first `*`."""
    if is_wanted[inside].all():
        yield pattern, inside
        return
    place = pattern.index(ALL)
    by_name = inside[np.argsort(board.parts[inside, place], kind="stable")]
    borders = np.flatnonzero(np.diff(board.parts[by_name, place])) + 1
    for some in np.split(by_name, borders):
        if is_wanted[some].any():
            narrower = [*pattern]
            narrower[place] = board.combinations[some[0]].parts[place]
            yield from _split(board, some, is_wanted, (narrower[0], narrower[1], narrower[2]))


def _coverage(board: _Board, is_said: npt.NDArray[np.bool_]) -> pd.DataFrame:
    """Through which day it is known without a gap what is planned, names with the same day together."""
    n_days = np.where(is_said.all(axis=1), is_said.shape[1], is_said.argmin(axis=1))
    found = [
        (*names, pd.Timestamp(board.first + timedelta(days=int(n) - 1)))
        for n in np.unique(n_days[n_days > 0])
        for names, _ in _patterns_for(board, (ALL, ALL, ALL), np.flatnonzero(n_days == n))
    ]
    return pd.DataFrame(found, columns=[*KEY, THROUGH]).sort_values(KEY, kind="stable").reset_index(drop=True)
