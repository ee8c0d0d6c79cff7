"""What the gate compares, by unit and channel: the new run and the last, recent sales as known now and then."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.combination import KEY
from skucast.core.tables.contract import ALL
from skucast.scorecard.gate_limits import RECENT_WEEKS, Judge
from skucast.scorecard.totals import Groups, Pair, by_pair, groups_of

SMALL_SHARE = 0.25
"""A group below this share of the mean of its kind is small: it is listed and stops nothing."""

MIN_VOLUME = 10.0
"""Sales a week below which a part of the business is small in any case."""

MUCH_GONE = 0.1
"""Share of a unit's channel that is missing from which on its total says nothing."""

SAME = 0.02
"""Totals that differ by less, as a ratio, are the same."""


@dataclass(frozen=True)
class Sides:
    """What is judged and what the last run said of it, by unit and channel, per week; `base` without promotions."""

    groups: Groups
    new: dict[Pair, float]
    old: dict[Pair, float]
    new_base: dict[Pair, float]
    old_base: dict[Pair, float]

    @classmethod
    def of(cls, new: pd.DataFrame, old: pd.DataFrame, base: tuple[pd.Series, pd.Series]) -> Sides:
        """Return both sides from their rows, `yhat` the number; `base` has it without promotions."""
        sums = by_pair(new, "yhat"), by_pair(old, "yhat")
        bases = by_pair(new.assign(yhat=base[0]), "yhat"), by_pair(old.assign(yhat=base[1]), "yhat")
        return cls(groups_of(new, old), *sums, *bases)

    @property
    def new_pairs(self) -> list[Pair]:
        """Those of which the last run said nothing."""
        return [pair for pair in self.new if pair not in self.old]

    def value(self, members: Sequence[Pair], *, base: bool = False) -> float:
        """Return what is judged of the members."""
        return sum((self.new_base if base else self.new).get(pair, 0.0) for pair in members)

    def last(self, members: Sequence[Pair], *, base: bool = False) -> float:
        """Return what the last run said of the members; NaN where that is nothing of any of them."""
        said = [pair for pair in members if pair in self.old]
        return sum((self.old_base if base else self.old)[pair] for pair in said) if said else math.nan

    def is_small(self, group: Pair, judge: Judge) -> bool:
        """Return whether the group is small beside others of its kind."""
        if group == (ALL, ALL):
            return False
        kind = [(unit == ALL, channel == ALL) for unit, channel in self.groups]
        mine = kind[list(self.groups).index(group)]
        alike = [self._volume(each, judge) for each, its in zip(self.groups, kind, strict=True) if its == mine]
        return self._volume(group, judge) < max(MIN_VOLUME, SMALL_SHARE * sum(alike) / len(alike))

    def _volume(self, group: Pair, judge: Judge) -> float:
        volumes = (self.last(self.groups[group]), judge.recent(group))
        return max((volume for volume in volumes if math.isfinite(volume)), default=0.0)


@dataclass(frozen=True)
class Then:
    """What the last run of all knew of recent weeks, and of the same weeks now: one row per pair and week."""

    totals: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=["pair", "ds", "y_then", "y_now"]))

    @functools.cached_property
    def newest(self) -> pd.Timestamp:
        """The newest week that it knew."""
        newest: pd.Timestamp = self.totals["ds"].max()
        return newest

    def late_pairs(self) -> list[Pair]:
        """Return those that were behind the others."""
        last = self.totals.groupby("pair")["ds"].max()
        return list(last.index[last < self.newest])

    def compared(self, members: Sequence[Pair]) -> tuple[float, float]:
        """Return the mean week of the members as known then and now; NaN for both if nothing was."""
        its = [place for pair in members if (place := self._both[0].get(pair)) is not None]
        sums = self._both[1][:, its]
        is_known = ~np.isnan(sums[0]).all(axis=0)
        then, now = (
            float(np.nansum(side[:, is_known]) / n) if (n := int(is_known.sum())) else math.nan for side in sums
        )
        return then, now

    @functools.cached_property
    def _both(self) -> tuple[dict[Pair, int], npt.NDArray[np.float64]]:
        """The place of each pair, and its weeks as known then and now where both are, (2, pairs, weeks)."""
        known = self.totals.dropna()
        pairs, weeks = (pd.factorize(known[name]) for name in ("pair", "ds"))
        table = np.full((2, len(pairs[1]), len(weeks[1])), np.nan)
        for side, name in zip(table, ("y_then", "y_now"), strict=True):
            side[pairs[0], weeks[0]] = known[name]
        return {pair: place for place, pair in enumerate(pairs[1])}, table

    def week_before(self, members: Sequence[Pair]) -> float:
        """Return the members' newest week that it knew, if it knew that of all; NaN if not."""
        then, _ = self._of(members, self.newest)
        return float(np.nansum(then)) if len(then) == len(members) else math.nan

    def has_published(self, members: Sequence[Pair], ds: pd.Timestamp) -> bool:
        """Return whether it was published with the members' week as it is now."""
        sides = self._of(members, ds)
        then, now = (float(np.nansum(side)) for side in sides)
        return bool(sides.size) and abs(then - now) <= SAME * max(then, now)

    def _of(self, members: Sequence[Pair], ds: pd.Timestamp) -> npt.NDArray[np.float64]:
        """What was known then and is now of the members' week, of those of which anything was, (2, members)."""
        if ds not in self._weeks:
            return np.zeros((2, 0))
        places, known = self._weeks[ds]
        found: npt.NDArray[np.float64] = known[:, sorted(places[pair] for pair in members if pair in places)]
        return found

    @functools.cached_property
    def _weeks(self) -> dict[pd.Timestamp, tuple[dict[Pair, int], npt.NDArray[np.float64]]]:
        """Of each week the place of each pair, and what was known then and is now, (2, pairs)."""
        return {
            cast("pd.Timestamp", ds): (
                {pair: place for place, pair in enumerate(rows["pair"])},
                rows[["y_then", "y_now"]].to_numpy(dtype="float64").T,
            )
            for ds, rows in self.totals.groupby("ds")
        }


def then_of(known_then: pd.DataFrame | None, weeks: pd.DataFrame) -> Then:
    """Return what the last run of all knew (`known_totals` of its time) beside what is known now."""
    if known_then is None or not len(known_then):
        return Then()
    key = ["unit", "channel", "ds"]
    now = known_totals(weeks, known_then["ds"].max().date())
    both = known_then.merge(now, on=key, how="left", suffixes=("_then", "_now"))
    pairs = pd.Series(list(zip(both["unit"], both["channel"], strict=True)), index=both.index)
    return Then(both.assign(pair=pairs)[["pair", "ds", "y_then", "y_now"]])


def without_missing(
    known_then: pd.DataFrame | None, gone: pd.DataFrame, forecasts: pd.DataFrame
) -> pd.DataFrame | None:
    """Return what the last run knew but for units' channels much of which is gone: what is left is another total.

    `gone` are those of the forecasts that are not in the sales.
    """
    if known_then is None or not len(gone):
        return known_then
    was = by_pair(forecasts, "yhat")
    much = {pair for pair, lost in by_pair(gone, "yhat").items() if lost > MUCH_GONE * was[pair]}
    pairs = zip(known_then["unit"], known_then["channel"], strict=True)
    return known_then[[pair not in much for pair in pairs]]


def known_totals(weeks: pd.DataFrame, data_cutoff: date) -> pd.DataFrame:
    """Return what a run knows of the last weeks' sales, for the next run to compare: unit, channel, ds, y.

    Weeks that a unit or channel has not delivered are left out.
    """
    since = pd.Timestamp(data_cutoff) - pd.Timedelta(weeks=RECENT_WEEKS - 1)
    key = ["unit", "channel", "ds"]
    recent = weeks["ds"].between(since, pd.Timestamp(data_cutoff))
    totals = filled(weeks)[recent].groupby(key)["y"].sum()
    is_known = weeks[recent].groupby(key)["y"].count() > 0
    return totals[is_known].reset_index()


def filled(weeks: pd.DataFrame) -> pd.DataFrame:
    """Return the weeks with an unknown y as the last known one: what was out of stock, or is late, did not shrink."""
    known: pd.DataFrame = weeks[[*KEY, "ds"]].assign(y=weeks.groupby(KEY)["y"].ffill().fillna(0.0))
    return known
