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

FEWEST_SEASON_WEEKS, FEWEST_REPEATED, STEADY_SHARE = 3, 2, 0.5
"""A season that came only once sold in so many weeks, and in this share of all of its weeks; one after which nothing is
forecast in so many of two years."""

FEW, FEW_OF_ALL = 0.05, 0.02
"""Weeks with so small a part of a mean week with sales, together no more than that part of all, are remnants."""

NEW_SEASON_WEEKS = 8
"""So long after its first sale a season is forecast like the one before, whenever that began; later only if that began
in the same weeks, give or take as many: else models know it. A season that does not come is waited for so long."""

STILL_ON, LATE_WEEKS = 0.25, 2
"""A season that sells such a part of its mean week so many weeks after its end in earlier years goes on."""

REMNANT_WEEKS = 4
"""What is sold between two seasons: the mean of so many weeks."""

WAITED_WEEKS = 4
"""So many weeks a season may come late and is forecast in full; then the level falls with each."""

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

    An article of a season rests now, or sells again in the weeks of a season that had an end in a year before; for
    eight weeks after a rest it may have begun in others. Weeks out of season are 0 in `like`, or what remnants sold
    lately; all of them where it does not come yet, which takes two seasons to say.
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
    before = [each for each in ended if not is_resting and _years_between(each[0], runs[-1][0])]
    is_left_to_models = not is_resting and not before and last - runs[-1][0] >= NEW_SEASON_WEEKS
    if not ended or is_left_to_models or (before and _goes_on(y, runs[-1], before)):
        return None
    known = _without_gaps(y)
    seasons = [_season_then(known, ended, last, years, n_weeks) for years in YEARS]
    found = next(((years, run) for years, run in zip(YEARS, seasons, strict=True) if run is not None), None)
    if found is None:
        is_between = any(_is_same(y, each, runs[-1]) and _is_steady(y, each, FEWEST_REPEATED) for each in ended)
        is_one = is_resting or _is_steady(y, runs[-1], FEWEST_REPEATED)
        longest = max(end - first for first, end in runs)
        return _out_of_season(y, runs[-1], n_weeks) if is_between and is_one and longest < LONGEST_SEASON else None
    years, (first, end) = found
    is_repeated = any(_is_same(y, each, (first, end)) for each in ended)
    longest = LONGEST_SEASON if is_repeated else LONGEST_SINGLE_SEASON
    if end - first >= longest or not (is_repeated or _is_steady(y, (first, end), FEWEST_SEASON_WEEKS)):
        return None
    like = _like([_weeks_of(known, last, each, n_weeks) for each in YEARS], years, is_repeated=is_repeated)
    if not is_resting:
        return Season(like, years, is_repeated, *_begun(y, runs[-1][0], years))
    missed = _missed(y, nothing, first, years)
    if len(missed) > NEW_SEASON_WEEKS and not is_repeated:
        return None
    return Season(like, years, is_repeated, 0.0, float(missed[WAITED_WEEKS:].sum()))


def may_rest(y: Floats, inactive_after_weeks: int) -> bool:
    """Return whether an article may rest, or have rested lately: in no time, and true of few that do not."""
    last = np.nan_to_num(y[-NEW_SEASON_WEEKS - YEAR_WEEKS :])
    return int((last <= FEW * np.nanmax(y, initial=0.0)).sum()) >= _rest(inactive_after_weeks)


def _rest(inactive_after_weeks: int) -> int:
    return min(max(inactive_after_weeks, SHORTEST_REST), LONGEST_REST)


def _few(y: Floats) -> npt.NDArray[np.bool_]:
    """Weeks that sold a few pieces that were left over, if these are next to nothing of all sales: they end no rest."""
    known = np.nan_to_num(y)
    sold = known[known > 0]
    few: npt.NDArray[np.bool_] = (known > 0) & (known <= FEW * sold.mean()) if len(sold) else known > 0
    return few if known[few].sum() <= FEW_OF_ALL * known.sum() else np.zeros(len(y), dtype=bool)


def _is_steady(y: Floats, season: tuple[int, int], fewest: int) -> bool:
    """Whether a season sold in so many weeks, and in half of all of its own: some sales here and there are none."""
    first, end = season
    n_sold = int((np.nan_to_num(y[first : end + 1]) > 0).sum())
    return n_sold >= fewest and n_sold >= STEADY_SHARE * (end + 1 - first)


def _years_between(first: int, later: int) -> int:
    """How many years lie between two weeks, give or take eight weeks; 0 where it is none of `YEARS`."""
    return next((years for years in YEARS if abs(later - first - years * YEAR_WEEKS) <= NEW_SEASON_WEEKS), 0)


def _is_same(y: Floats, one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two seasons are one in two years: they begin or end in the same weeks, and are not of unlike size."""
    early, late = sorted((one, other))
    sizes = sorted(float(np.nansum(y[first : end + 1])) for first, end in (one, other))
    is_yearly = any(_years_between(early[place], late[place]) for place in (0, 1))
    return is_yearly and sizes[1] <= WIDEST_LEVEL * sizes[0]


def _goes_on(y: Floats, season: tuple[int, int], before: list[tuple[int, int]]) -> bool:
    """Whether this season still sells although those before had ended by these weeks: it knows no end, then."""
    first = season[0]
    end = max(each[1] + YEAR_WEEKS * _years_between(each[0], first) for each in before)
    since = y[end + 1 :]
    late = since[~np.isnan(since)]
    usual = np.nanmean(y[first : max(first, end) + 1])
    return len(since) >= LATE_WEEKS and len(late) > 0 and bool(late[-1] >= STILL_ON * usual)


def _out_of_season(y: Floats, season: tuple[int, int], n_weeks: int) -> Season:
    """Nothing, in weeks between two seasons; or what remnants of the last one have sold lately."""
    first, end = season
    lately = y[max(len(y) - REMNANT_WEEKS, first) :]
    remnants = lately[lately < STILL_ON * np.nanmean(y[first : end + 1])]
    return Season(np.full(n_weeks, remnants.mean() if len(remnants) else 0.0), 1, is_repeated=True)


def _missed(y: Floats, nothing: npt.NDArray[np.bool_], first: int, years: int) -> Floats:
    """What the season that began in week `first` sold in the weeks that by now have come again and sold nothing."""
    weeks = np.arange(first, len(y) - years * YEAR_WEEKS)
    then = y[weeks][nothing[weeks + years * YEAR_WEEKS]]
    return then[np.nan_to_num(then) > 0]


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


def _without_gaps(y: Floats) -> Floats:
    """Unknown weeks by the known ones around them: a week that is not known is not 0."""
    is_known = ~np.isnan(y)
    filled: Floats = np.interp(np.arange(len(y)), np.flatnonzero(is_known), y[is_known])
    return filled


def _weeks_of(known: Floats, last: int, years: int, n_weeks: int) -> Floats:
    """The coming weeks so many years back, NaN where they are not known.

    The first week stands for the one before it too: that is no week of the history because it was sold in part only.
    """
    places = last + 1 + np.arange(n_weeks) - years * YEAR_WEEKS
    return _at(known, np.where(places == -1, 0, places))


def _at(y: Floats, places: Ints) -> Floats:
    found: Floats = np.where((places >= 0) & (places < len(y)), y[np.clip(places, 0, len(y) - 1)], np.nan)
    return found


def _season_then(
    y: Floats, ended: list[tuple[int, int]], last: int, years: int, n_weeks: int
) -> tuple[int, int] | None:
    """The season that had a sale in the coming weeks, so many years back; its first week stands for the one before."""
    places = last + 1 + np.arange(n_weeks) - years * YEAR_WEEKS
    sold = [place for place in np.where(places == -1, 0, places) if 0 <= place < len(y) and y[place] > 0]
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
