"""Articles of a season: what sells after a long rest, and what the coming weeks were like in an earlier year."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.combination import KEY, Combination
from skucast.sales.baselines import YEAR_WEEKS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SHORTEST_REST, LONGEST_REST = 4, 13
"""Weeks without a sale between two seasons: as many as make an article inactive, within these."""

LONGEST_SEASON, LONGEST_SINGLE_SEASON = 39, 26
"""What sold in more weeks in a row has ended, and does not come back. Of a season that came only once, half a year at
most: a longer one is more probably an article that was given up."""

FEWEST_SEASON_WEEKS, STEADY_SHARE = 3, 0.5
"""A season that came only once sold in so many weeks, and in this share of all of its weeks."""

FEW, FEW_OF_ALL = 0.05, 0.02
"""Weeks with so small a part of a mean week with sales, together no more than that part of all, are remnants."""

NEW_SEASON_WEEKS = 8
"""So long after its first sale a season is still forecast like the one before; later, models know it."""

YEARS = (1, 2)
"""How many years back a season is looked for; what both had counts by their weight."""

WEIGHTS = (2.0, 1.0)

LIKE_THEN_WEEKS = 2.0
"""The level of a season that has begun: as if it had been like then for so many weeks more."""

WIDEST_LEVEL = 4.0
"""A season is no more than so many times larger, or smaller, than the one before."""

LEVEL_WEEKS, FEWEST_LEVELS, WIDEST_CHANGE = 13, 3, 2.0
"""A group's change of level within a year: of so many weeks, by so many combinations at least, by this factor at
most."""

REPEATED_WIDTH, SINGLE_WIDTH = 0.5, 0.7
"""Half the width of the interval, as a share of the forecast, where two seasons are known, and where one is."""


@dataclass(frozen=True)
class Season:
    """What the coming weeks were like in the season before (sales per week), and what is known of this one.

    `years` is how many years ago that was; `is_repeated` where the year before that had a season then too; `now` and
    `then` are the sales of this season's weeks, and of the same weeks of that one: of a season that has begun.
    """

    like: Floats
    years: int
    is_repeated: bool
    now: float = 0.0
    then: float = 0.0

    def forecast(self, change: float = 1.0) -> tuple[Floats, Floats, Floats]:
        """Return the forecast and its 80 % interval, by the change of level of its group within a year.

        A season that has begun has a level of its own; the group's counts as if it were two weeks more.
        """
        level = self.like[self.like > 0].mean() if (self.like > 0).any() else 0.0
        usual = LIKE_THEN_WEEKS * level
        expected = change**self.years
        own = (self.now + usual * expected) / (self.then + usual) if usual > 0 else expected
        yhat = self.like * np.clip(own, 1 / WIDEST_LEVEL, WIDEST_LEVEL)
        half = (REPEATED_WIDTH if self.is_repeated else SINGLE_WIDTH) * np.maximum(yhat, _smooth(yhat))
        is_sure = self.is_repeated or self.years == 1
        lower = np.clip(yhat - half, 0.0, yhat) if is_sure else np.zeros_like(yhat)
        return yhat, lower, yhat + half


def season_of(y: Floats, nothing_sold: npt.NDArray[np.bool_], n_weeks: int, inactive_after_weeks: int) -> Season | None:
    """Return the season that comes, of weekly sales (NaN = unknown) up to the last known week; None without one.

    An article of a season rests now, or sells again for no more than eight weeks after a rest, and sold in a season
    that had an end in a year before. Weeks out of season are 0 in `like`; all of them where it does not come yet, which
    takes two seasons to say.
    """
    rest = _rest(inactive_after_weeks)
    few = _few(y)
    nothing = nothing_sold | few
    runs = _runs(np.where(few, 0.0, y), nothing, rest)
    if not runs:
        return None
    last = len(y) - 1
    is_resting = int(nothing[runs[-1][1] + 1 :].sum()) >= rest
    ended = runs if is_resting else runs[:-1]
    if not ended or (not is_resting and last - runs[-1][0] >= NEW_SEASON_WEEKS):
        return None
    coming = [_weeks_of(y, last, years, n_weeks) for years in YEARS]
    seasons = [_season_then(y, ended, last, years, n_weeks) for years in YEARS]
    is_repeated = all(each is not None for each in seasons) and seasons[0] != seasons[1]
    longest = LONGEST_SEASON if is_repeated else LONGEST_SINGLE_SEASON
    years = next((number for number, run in zip(YEARS, seasons, strict=True) if run is not None), None)
    if years is None:
        return _out_of_season(ended, n_weeks) if is_resting and not few.any() else None
    first, end = seasons[years - 1] or (0, 0)
    if end - first >= longest or not (is_repeated or _is_steady(y[first : end + 1])):
        return None
    like = _like(coming, years, is_repeated=is_repeated)
    now, then = (0.0, 0.0) if is_resting else _begun(y, runs[-1][0], years)
    return Season(like, years, is_repeated, now, then)


def may_rest(y: Floats, inactive_after_weeks: int) -> bool:
    """Return whether an article may rest, or have rested lately: in no time, and true of few that do not."""
    last = np.nan_to_num(y[-NEW_SEASON_WEEKS - _rest(inactive_after_weeks) :])
    return int((last > FEW * np.nanmax(y, initial=0.0)).sum()) <= NEW_SEASON_WEEKS


def _rest(inactive_after_weeks: int) -> int:
    return min(max(inactive_after_weeks, SHORTEST_REST), LONGEST_REST)


def _few(y: Floats) -> npt.NDArray[np.bool_]:
    """Weeks that sold a few pieces that were left over, if these are next to nothing of all sales: they end no rest."""
    known = np.nan_to_num(y)
    sold = known[known > 0]
    few: npt.NDArray[np.bool_] = (known > 0) & (known <= FEW * sold.mean()) if len(sold) else known > 0
    return few if known[few].sum() <= FEW_OF_ALL * known.sum() else np.zeros(len(y), dtype=bool)


def _is_steady(season: Floats) -> bool:
    """Whether a season that came only once was one: some sales here and there are none."""
    n_sold = int((np.nan_to_num(season) > 0).sum())
    return n_sold >= FEWEST_SEASON_WEEKS and n_sold >= STEADY_SHARE * len(season)


def _out_of_season(ended: list[tuple[int, int]], n_weeks: int) -> Season | None:
    """Nothing, in weeks between two seasons of an article that had more than one, none of which was longer than one."""
    if len(ended) < len(YEARS) or max(end - first for first, end in ended) >= LONGEST_SEASON:
        return None
    apart = ended[-1][0] - ended[-2][0]
    is_yearly = abs(apart - YEAR_WEEKS) <= NEW_SEASON_WEEKS
    return Season(np.zeros(n_weeks), 1, is_repeated=True) if is_yearly else None


def _runs(y: Floats, nothing_sold: npt.NDArray[np.bool_], rest: int) -> list[tuple[int, int]]:
    """First and last week with a sale of each season: what lies between two is a rest of that many weeks or more."""
    sold = np.flatnonzero(np.nan_to_num(y) > 0)
    if not len(sold):
        return []
    nothing = np.concatenate([[0], np.cumsum(nothing_sold)])
    breaks = np.flatnonzero(nothing[sold[1:]] - nothing[sold[:-1] + 1] >= rest)
    firsts = np.concatenate([sold[:1], sold[breaks + 1]])
    ends = np.concatenate([sold[breaks], sold[-1:]])
    return [(int(first), int(end)) for first, end in zip(firsts, ends, strict=True)]


def _weeks_of(y: Floats, last: int, years: int, n_weeks: int) -> Floats:
    """The coming weeks so many years back, NaN where they are not known; one that is, by its neighbours."""
    places = last + 1 + np.arange(n_weeks) - years * YEAR_WEEKS
    around = np.stack([_at(y, places + each) for each in (0, -1, 1)])
    n_around = np.maximum((~np.isnan(around[1:])).sum(axis=0), 1)
    between = np.where(np.isnan(around[1:]).all(axis=0), np.nan, np.nansum(around[1:], axis=0) / n_around)
    return np.where(np.isnan(around[0]) & (places >= 0), between, around[0])


def _at(y: Floats, places: Ints) -> Floats:
    found: Floats = np.where((places >= 0) & (places < len(y)), y[np.clip(places, 0, len(y) - 1)], np.nan)
    return found


def _season_then(
    y: Floats, ended: list[tuple[int, int]], last: int, years: int, n_weeks: int
) -> tuple[int, int] | None:
    """The season that had a sale in the coming weeks, so many years back."""
    first = last + 1 - years * YEAR_WEEKS
    sold = [place for place in range(max(first, 0), min(first + n_weeks, len(y))) if y[place] > 0]
    return next((run for run in ended if any(run[0] <= place <= run[1] for place in sold)), None)


def _like(coming: list[Floats], years: int, *, is_repeated: bool) -> Floats:
    """What was sold in the coming weeks: in the last season, or in both by their weight."""
    own = np.nan_to_num(coming[years - 1])
    if not is_repeated:
        return own
    known = np.stack([np.where(np.isnan(each), 0.0, weight) for each, weight in zip(coming, WEIGHTS, strict=True)])
    total = known.sum(axis=0)
    mixed: Floats = (known * np.nan_to_num(np.stack(coming))).sum(axis=0)
    return np.where(total > 0, mixed / np.maximum(total, 1.0), own)


def _begun(y: Floats, first: int, years: int) -> tuple[float, float]:
    """What this season's weeks have sold, and the same weeks of the season before, where both sold."""
    now = y[first:]
    then = _at(y, np.arange(first, len(y)) - years * YEAR_WEEKS)
    both = (np.nan_to_num(now) > 0) & (np.nan_to_num(then) > 0)
    return float(now[both].sum()), float(then[both].sum())


def _smooth(values: Floats) -> Floats:
    """Each week's mean with its neighbours: beside the edge of a season a 0 is not sure."""
    padded = np.pad(values, 1, mode="edge")
    smooth: Floats = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    return smooth


# --- The change of level of a group -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class LevelChanges:
    """By how much the sales of unit and channel, of the unit, and of all have changed within a year; 1 = not at all."""

    by_group: Mapping[tuple[str, ...], float]

    def of(self, combination: Combination) -> float:
        """Return the change of the smallest group of which it can be told; 1 where it cannot."""
        groups = (combination.parts[:2], combination.parts[:1], ())
        return next((self.by_group[each] for each in groups if each in self.by_group), 1.0)


NO_CHANGES = LevelChanges({})


def level_changes(weeks: pd.DataFrame) -> LevelChanges:
    """Return the change of level within a year, by the combinations that sold in the same weeks of both years.

    Args:
        weeks: the history's weeks: KEY, `ds`, `y`, without gaps, sorted.
    """
    if not len(weeks):
        return NO_CHANGES
    before = weeks.groupby(KEY, sort=False)["y"].shift(YEAR_WEEKS)
    is_recent = weeks["ds"] > weeks["ds"].max() - pd.Timedelta(weeks=LEVEL_WEEKS)
    is_both = is_recent & (weeks["y"] > 0) & (before > 0)
    pairs = weeks.loc[is_both, [*KEY, "y"]].assign(before=before[is_both], n=1)
    sums = pairs.groupby(KEY, as_index=False)[["y", "before", "n"]].sum()
    regular = sums[sums["n"] >= LEVEL_WEEKS / 2]
    found: dict[tuple[str, ...], float] = {}
    for names in (KEY[:2], KEY[:1]):
        for group, rows in regular.groupby(list(names)):
            found |= _change_of(tuple(map(str, group)), rows)
    return LevelChanges(found | _change_of((), regular))


def _change_of(group: tuple[Any, ...], rows: pd.DataFrame) -> dict[tuple[str, ...], float]:
    if len(rows) < FEWEST_LEVELS:
        return {}
    change = float(rows["y"].sum() / rows["before"].sum())
    return {group: float(np.clip(change, 1 / WIDEST_CHANGE, WIDEST_CHANGE))}
