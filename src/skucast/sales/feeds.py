"""What one group of combinations has delivered by week, and how probable it is that it was silent by chance.

A group is the business, a unit, or a channel of a unit. A silence is news only where it is improbable by what the group
usually does: how often each of its articles has a row, on which weekdays it sells, how steady its weeks are.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, exp, sqrt

import numpy as np
import numpy.typing as npt
import pandas as pd

FEED_MIN_COMBINATIONS = 5
"""Below this many combinations a week, a thin week says nothing about the delivery as a whole."""

FEWEST_COMBINATIONS = 3
"""So few may make a newest week thin, where it is improbable that so many of them have no row."""

MIN_SHARE = 0.5
"""The newest week counts as delivered when it has at least this share of the usual number of combinations."""

MANY = 200
"""So many articles do not fall by half by chance."""

LOOKBACK_WEEKS = 8
"""Weeks that tell which articles are sold now, and what is usual of late."""

MIN_WEEKS = 4
"""Fewest delivered weeks that tell what is usual."""

USUAL_WEEKS = 26
"""Weeks that tell how often an article has a row, and on which weekdays a group sells."""

BY_CHANCE = 1e-3
"""Newest weeks that are less probable than this have not arrived."""

IN_THE_MIDDLE = 1e-4
"""Likewise weeks in the middle: there are many of them."""

SELDOM = 0.02
"""The newest week's silence is none already below this, if no week before was silent: nobody knows yet what follows."""

ERRORS = 2.0
"""By so many of its errors an estimate is raised that would call too much improbable."""

EARLY_END = 0.005
"""A newest week whose last days are silent has not arrived whole, if that is less probable than this."""

IN_PART = 2e-4
"""Silence on some days of a week: there are many weeks, and many sets of days."""

MISSED_DAYS = 2
"""Weekdays without any sale that make a week in the middle a partial one: a single one may be a stocktaking."""

ALWAYS = 0.95
"""Share of the weeks in which a weekday must have sales to be missed."""

MIN_DAYS_OFF, OPEN_SHARE = 6, 0.9
"""A group is open on days off if it sold on at least this share of those that it has had, and has had enough."""

EVERY_DAY = 127

Bits = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Feed:
    """The rows of a group, and by week, shape (W,), what they come to.

    `rows` has one row per combination and week: `unit` and `channel`, `week` (its place), `article` (the combination's
    number), `days`, `end`, `quantity` and `n_lines`.
    `counts` are combinations with a row, `ends` the days up to the last one with a row, 0 without any. Bits, the first
    day of the week first, are `days`, those that sold; `off`, on which selling nothing is no surprise; `holidays`, on
    which selling less is none.
    """

    rows: pd.DataFrame
    counts: npt.NDArray[np.int64]
    days: Bits
    ends: Bits
    quantity: Floats
    lines: Floats
    off: Bits
    holidays: Bits
    by_day: bool

    @classmethod
    def of(cls, rows: pd.DataFrame, off: Bits, *, by_day: bool) -> Feed:
        """Return the feed of these rows; `off` has one number per week."""
        place, n = rows["week"].to_numpy(), len(off)
        days, ends = np.zeros(n, dtype="int64"), np.zeros(n, dtype="int64")
        np.bitwise_or.at(days, place, rows["days"].to_numpy())
        np.maximum.at(ends, place, rows["end"].to_numpy())
        sold = np.nan_to_num(rows["quantity"].to_numpy(dtype="float64"), nan=0.0, posinf=0.0, neginf=0.0)
        quantity, lines = np.zeros(n), np.zeros(n)
        np.add.at(quantity, place, sold)
        np.add.at(lines, place, rows["n_lines"].to_numpy())
        return cls(rows, np.bincount(place, minlength=n), days, ends, quantity, lines, off, off, by_day)

    def closed(self) -> Flags:
        """Weeks of which most days are off: a business that sells nothing then is closed, not late."""
        is_closed: Flags = np.bitwise_count(self.off) > 3
        return is_closed

    def open_on_days_off(self) -> Flags:
        """Weeks in which the group may be expected to sell on days off, by what it did on those of other weeks."""
        is_there = self.counts > 0
        sold = np.where(is_there, np.bitwise_count(self.days & self.off), 0).astype("float64")
        n = np.where(is_there, np.bitwise_count(self.off), 0).astype("float64")
        others = n.sum() - n
        is_open: Flags = (others >= MIN_DAYS_OFF) & (sold.sum() - sold >= OPEN_SHARE * others)
        return is_open

    # --- how probable silence is

    def chance_of_silence(self, before: npt.NDArray[np.int64], days: int = EVERY_DAY) -> float:
        """Chance that the group has no row in a week, or none on these days of it, by what the weeks before tell.

        The least of what its articles, its weekdays and its weekly totals say: each is blind where there is little of
        its own. One article says nothing by itself, but one that sells every day does.
        """
        chances = [float(np.prod(self._silent_articles(before, days))), self._by_weekdays(before, days)]
        if days == EVERY_DAY:
            chances.append(self._by_totals(before))
        return min(chances)

    def sells_much(self, before: npt.NDArray[np.int64]) -> bool:
        """Whether the days of its weeks with rows, or of weekly sales their totals, make an empty one improbable.

        Its articles do not count: one order may have all of them.
        """
        there = before[self.counts[before] > 0]
        chance = self._by_weekdays(there, EVERY_DAY) if self.by_day else self._by_totals(there)
        return len(there) >= MIN_WEEKS and chance < IN_THE_MIDDLE

    def _silent_articles(self, before: npt.NDArray[np.int64], days: int = EVERY_DAY) -> Floats:
        """By article sold lately: chance that it has no row on these days, by its own share of weeks.

        Half a week is added to either side (Krichevsky and Trofimov 1981), so that nothing is impossible.
        """
        n = len(before)
        rank = np.full(len(self.counts), -1)
        rank[before] = np.arange(n)
        place = rank[self.rows["week"].to_numpy()]
        is_known = place >= 0
        place, article = place[is_known], self.rows["article"].to_numpy()[is_known]
        numbers, article = np.unique(article, return_inverse=True)
        hit = (self.rows["days"].to_numpy()[is_known] & days > 0) | (days == EVERY_DAY)
        first, last = np.full(len(numbers), n), np.full(len(numbers), -1)
        np.minimum.at(first, article, place)
        np.maximum.at(last, article, place)
        misses = n - first - np.bincount(article, weights=hit, minlength=len(numbers))
        lately = last >= n - LOOKBACK_WEEKS
        chances: Floats = (misses[lately] + 0.5) / (n - first[lately] + 1.0)
        return chances

    def _by_weekdays(self, before: npt.NDArray[np.int64], days: int) -> float:
        """Chance that nobody sells on any of these days, by the share of weeks in which somebody does.

        The weekdays with sales always or nearly so tell together how seldom one of them has none; that is raised by its
        own error, since those that were lucky are among them.
        """
        if not self.by_day:
            return 1.0
        n, hits = self._hits_by_weekday(before)
        misses = n - hits
        usual = hits >= ALWAYS * np.maximum(n, 1)
        chance = (misses + 0.5) / (n + 1.0)
        if usual.any():
            missed = float(misses[usual].sum())
            chance[usual] = (missed + ERRORS * sqrt(missed) + 0.5) / (n[usual].sum() + 1.0)
        return float(np.prod(chance[as_flags(days)]))

    def _hits_by_weekday(self, before: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
        """By weekday: in how many of the weeks it was no day off, and in how many of those it had sales."""
        ordinary = ~as_flags(self.off[before])
        return ordinary.sum(axis=0).astype("float64"), (as_flags(self.days[before]) & ordinary).sum(axis=0) * 1.0

    def _by_totals(self, before: npt.NDArray[np.int64]) -> float:
        """Chance of a week without any purchase, by how steady the weekly totals are.

        Totals of L purchases a week, of whatever size, vary by a coefficient of 1 / sqrt(L) or more; so L is at least
        one over its square, and the chance that there is none is exp(-L). Promotions make no week unsteady here; the
        variance is raised by its own error, since few weeks look steadier than they are.
        """
        totals = self.quantity[before]
        if len(totals) < LOOKBACK_WEEKS or np.median(totals) <= 0:
            return 1.0
        totals = np.clip(totals, 0.0, 2 * float(np.median(totals)))
        variance = float(np.var(totals, ddof=1))
        return exp(-(float(np.mean(totals)) ** 2) / variance) if variance > 0 else 0.0

    # --- weeks of which a part is there

    def is_in_part(self, week: int, before: npt.NDArray[np.int64], *, is_newest: bool) -> bool:
        """Whether a week that has rows lacks days on which the group should have sold.

        A group whose sales fade sells on fewer days from week to week; days off are no days that lack. Nor does a week
        lack any that has as many lines as others: some sources write lines of 0.
        """
        before = before[-USUAL_WEEKS:]
        if not self.by_day or len(before) < MIN_WEEKS or self._is_waning(before) or self._has_all_lines(week, before):
            return False
        open_days = EVERY_DAY & ~int(self.off[week])
        there = int(self.days[week])
        after = open_days & ~((1 << int(self.ends[week])) - 1)
        if is_newest and self._ends_early(after, before):
            return True
        n, hits = self._hits_by_weekday(before)
        usual = (n >= MIN_WEEKS) & (hits >= ALWAYS * n)
        missed = usual & as_flags(open_days & ~there)
        k = int(missed.sum())
        if k < MISSED_DAYS or there == 0 or not (is_newest or len(before) >= LOOKBACK_WEEKS):
            return False
        days = int((1 << np.flatnonzero(missed)).sum())
        return comb(7, k) * self.chance_of_silence(before, days) < IN_PART

    def missed_days(self, week: int, last: int) -> list[int]:
        """The days of a week without sales on which most of the weeks up to `last` have some, the first one 0."""
        n, hits = self._hits_by_weekday(np.arange(max(0, last + 1 - USUAL_WEEKS), last + 1))
        missed = (hits > MIN_SHARE * n) & as_flags(EVERY_DAY & ~int(self.off[week] | self.days[week]))
        return np.flatnonzero(missed).tolist() if self.by_day else []

    def _ends_early(self, after: int, before: npt.NDArray[np.int64]) -> bool:
        """Whether these days, after the last one with a row, had sales in every week of late, and not by chance."""
        lately = before[-LOOKBACK_WEEKS:]
        ordinary = lately[self.off[lately] & after == 0]
        always = after > 0 and len(ordinary) > 0 and bool((self.days[ordinary] & after > 0).all())
        return always and self.chance_of_silence(before, after) < EARLY_END

    def _has_all_lines(self, week: int, before: npt.NDArray[np.int64]) -> bool:
        before = before[self.counts[before] > 0]
        usual = np.median(self.lines[before] / self.counts[before]) if len(before) else np.inf
        return bool(self.lines[week] >= usual * max(self.counts[week], 1))

    def _is_waning(self, before: npt.NDArray[np.int64]) -> bool:
        """Whether the last ordinary week before was far below those that it followed, and sold on fewer days.

        One that sells little on all its days lacks none because of that.
        """
        before = before[self.holidays[before] == 0]
        usual = float(np.median(self.quantity[before[:-1]])) if len(before) > 1 else 0.0
        n, hits = self._hits_by_weekday(before)
        missed = (hits >= ALWAYS * n) & ~as_flags(self.days[before[-1:]]).any(axis=0)
        return usual > 0 and self.quantity[before[-1]] <= 0.5 * usual and bool(missed.any())

    def is_sparse(self, week: int, before: npt.NDArray[np.int64]) -> bool:
        """Whether far fewer combinations have a row than usual, in a group of not too few, and not by chance."""
        before = before[-USUAL_WEEKS:]
        usual = float(np.median(self.counts[before[-LOOKBACK_WEEKS:]]))
        if usual < FEWEST_COMBINATIONS or self.counts[week] >= MIN_SHARE * usual or self.closed()[week]:
            return False
        silent = self._silent_articles(before)
        by_chance = len(silent) <= MANY and _at_most(int(self.counts[week]), 1 - silent) >= BY_CHANCE
        return not by_chance and self._most_parts_are_sparse(week, before[-LOOKBACK_WEEKS:])

    def _most_parts_are_sparse(self, week: int, before: npt.NDArray[np.int64]) -> bool:
        """Whether more than half of the units are sparse, or of the one unit's channels: fewer are late alone."""
        part, names = pd.factorize(self.rows["unit"])
        if len(names) == 1:
            part, names = pd.factorize(self.rows["channel"])
        counts = np.zeros((len(self.counts), len(names)))
        np.add.at(counts, (self.rows["week"].to_numpy(), part), 1)
        usual = np.median(counts[before], axis=0)
        is_sparse = counts[week][usual > 0] < MIN_SHARE * usual[usual > 0]
        return not len(is_sparse) or bool(is_sparse.mean() > MIN_SHARE)


def _at_most(count: int, chances: Floats) -> float:
    """Chance that no more than so many of independent events happen."""
    distribution = np.ones(1)
    for chance in chances:
        distribution = np.convolve(distribution, [1 - chance, chance])
    return float(distribution[: count + 1].sum())


def as_flags(bits: int | Bits) -> Flags:
    """Return the bits as flags, the lowest first: one more axis, of 7."""
    flags: Flags = (np.asarray(bits)[..., None] >> np.arange(7) & 1).astype(bool)
    return flags
