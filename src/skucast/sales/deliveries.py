"""Deliveries: which weeks of which units have arrived whole. What has not arrived is unknown, never 0."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.combination import KEY
from skucast.core.tables.contract import ALL
from skucast.core.weeks import WEEK, WeekClock

FEED_MIN_COMBINATIONS = 5
"""Below this many combinations a week, an empty or thin week says nothing about the delivery as a whole."""

LOOKBACK_WEEKS = 8
MIN_SHARE = 0.5
"""The newest week counts as delivered when it has at least this share of the usual number of combinations."""

MIN_WEEKS = 4
"""Fewest delivered weeks that tell what is usual."""

BY_CHANCE = 1e-3
"""Silence of a unit or channel that is less probable than this by what its articles usually do is no lack of demand."""

USUAL_WEEKS = 26
"""Weeks that tell how often an article has a row, and on which weekdays a unit sells."""

USUAL_SILENCES = 2
"""A unit that is silent more often than this within half a year either side seldom sells; its silence is no news."""

ALWAYS = 0.95
"""Share of the weeks in which a weekday must have sales to be missed."""

MISSED_DAYS = 2
"""Weekdays without any sale that make a week in the middle a partial one: a single one may be a stocktaking."""

Bits = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Late:
    """A unit, or one channel of it (else `*`), whose newest weeks have not arrived: the last week that has."""

    unit: str
    channel: str
    delivered_through: date

    @property
    def name(self) -> str:
        """The unit, or `unit/channel`."""
        return _name_of(self.unit, self.channel)

    def __str__(self) -> str:
        """Who it is, and the last week that is there."""
        return f"{self.name} is delivered through {self.delivered_through}"


@dataclass(frozen=True)
class Deliveries:
    """What has arrived: `data_cutoff` is the last week of the business, `unknown` what lacks up to it.

    `unknown` has one row per unit, channel and week label that has not arrived whole: columns unit, channel, ds.
    `feed_gaps` are the weeks that the whole business lacks; `late` the units and channels that are behind the others,
    `unit_gaps` in words the weeks that one lacks in the middle.
    """

    data_cutoff: date
    unknown: pd.DataFrame
    feed_gaps: pd.DatetimeIndex
    late: list[Late] = field(default_factory=list)
    unit_gaps: list[str] = field(default_factory=list)


def judge_deliveries(
    known: pd.DataFrame,
    clock: WeekClock,
    cutoff: date,
    *,
    days_off: Collection[date] = (),
    by_day: bool = True,
    closed_after_weeks: int = 13,
) -> Deliveries:
    """Return what of the weeks up to the cutoff has arrived, for the business, each unit and each unit's channels.

    Args:
        known: rows of `Warehouse.weekly_sales` with complete names, up to the cutoff.
        clock: the week clock.
        cutoff: last week that could be there.
        days_off: public holidays; a week that ends early because of them is whole.
        by_day: False where a row covers a whole week: its day says nothing.
        closed_after_weeks: a unit that has been silent for so long is closed, not late.
    """
    weeks = clock.range(known["ds"].min().date(), cutoff) if len(known) else pd.DatetimeIndex([], name="ds")
    off = _days_off(weeks, clock, days_off)
    rows = _placed(known, weeks, clock)
    business = _Feed.of(rows, weeks, off, by_day=by_day)
    last = business.last_delivered()
    if last < 0:
        return Deliveries(cutoff, _no_weeks(), weeks[:0])
    feed_gaps = weeks[: last + 1][business.gaps()[: last + 1]]
    weeks, off = weeks[: last + 1], off[: last + 1]
    found = [
        _of_group(name, _Feed.of(own, weeks, off, by_day=by_day), closed_after_weeks)
        for name, own in _groups(rows[rows["week"] <= last])
    ]
    unknown = [_rows(known, name, weeks[lacking]) for name, lacking in found if lacking.any()]
    unknown += [_rows(known, (ALL, ALL), feed_gaps)] if len(feed_gaps) else []
    behind = [each for name, lacking in found if (each := _late(name, lacking, weeks)) is not None]
    return Deliveries(
        data_cutoff=weeks[last].date(),
        unknown=pd.concat([_no_weeks(), *unknown]).drop_duplicates(ignore_index=True),
        feed_gaps=feed_gaps,
        late=[each for each in behind if each.channel == ALL or not any(_covers(other, each) for other in behind)],
        unit_gaps=list(_gap_texts(found, weeks, feed_gaps)),
    )


def _name_of(unit: str, channel: str) -> str:
    return unit if channel == ALL else f"{unit}/{channel}"


def _covers(whole: Late, part: Late) -> bool:
    return (whole.unit, whole.channel) == (part.unit, ALL) and whole.delivered_through <= part.delivered_through


def _groups(known: pd.DataFrame) -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
    """The units, and the channels of each, that are not all there is: those are judged as the business."""
    if known["unit"].nunique() > 1:
        for name, rows in known.groupby("unit"):
            yield (str(name), ALL), rows
    if len(known[["unit", "channel"]].drop_duplicates()) > 1:
        for (unit, channel), rows in known.groupby(["unit", "channel"]):
            yield (str(unit), str(channel)), rows


def _of_group(name: tuple[str, str], feed: _Feed, closed_after_weeks: int) -> tuple[tuple[str, str], Flags]:
    """The group's weeks that have not arrived; one that has been silent for long is closed, and its weeks are 0."""
    lacking = feed.improbable_silence() | feed.partial_in_the_middle()
    present = np.flatnonzero(~lacking & (feed.counts > 0))
    last = int(present[-1]) if len(present) else -1
    while last > 0 and feed.is_thin(last, lacking):
        lacking[last] = True
        earlier = np.flatnonzero(~lacking[:last] & (feed.counts[:last] > 0))
        last = int(earlier[-1]) if len(earlier) else -1
    if len(lacking) - 1 - last >= closed_after_weeks:
        lacking[last + 1 :] = False
    return name, lacking


def _late(name: tuple[str, str], lacking: Flags, weeks: pd.DatetimeIndex) -> Late | None:
    if not len(lacking) or not lacking[-1]:
        return None
    there = np.flatnonzero(~lacking)
    through = weeks[there[-1]].date() if len(there) else weeks[0].date() - WEEK
    return Late(*name, through)


def _gap_texts(
    found: list[tuple[tuple[str, str], Flags]], weeks: pd.DatetimeIndex, feed_gaps: pd.DatetimeIndex
) -> Iterator[str]:
    """Units first; a channel is named only for weeks in which its unit is not."""
    said: dict[str, set[pd.Timestamp]] = {}
    for (unit, channel), lacking in found:
        behind = next((place for place in range(len(lacking), 0, -1) if not lacking[place - 1]), 0)
        gaps = set(weeks[:behind][lacking[:behind]]) - set(feed_gaps) - said.get(unit, set())
        if channel == ALL:
            said[unit] = gaps
        if gaps:
            yield f"{_name_of(unit, channel)} lacks week {', '.join(str(ds.date()) for ds in sorted(gaps))}"


def _rows(known: pd.DataFrame, name: tuple[str, str], lacking: pd.DatetimeIndex) -> pd.DataFrame:
    """One row per channel of the group and week that it lacks."""
    places = known[["unit", "channel"]].drop_duplicates()
    for column, part in zip(("unit", "channel"), name, strict=True):
        places = places if part == ALL else places[places[column] == part]
    return places.merge(pd.DataFrame({"ds": lacking.astype("datetime64[us]")}), how="cross")


def _no_weeks() -> pd.DataFrame:
    text = pd.Series([], dtype="str")
    return pd.DataFrame({"unit": text, "channel": text, "ds": pd.Series([], dtype="datetime64[us]")})


def _placed(known: pd.DataFrame, weeks: pd.DatetimeIndex, clock: WeekClock) -> pd.DataFrame:
    """The rows with their place among the weeks (`week`), selling days as bits (`days`) and last day (`end`).

    The first day of a week is the lowest bit, and counts 1.
    """
    first = (clock.end_weekday + 1) % 7
    sold = known["selling_weekdays"].to_numpy(dtype="int64")
    return known[[*KEY, "ds"]].assign(
        week=weeks.get_indexer(pd.DatetimeIndex(known["ds"])),
        days=(sold >> first) | (sold << (7 - first)) & 127,
        end=7 - (known["ds"] - pd.to_datetime(known["last_date"])).dt.days.to_numpy(dtype="int64"),
    )


def _days_off(weeks: pd.DatetimeIndex, clock: WeekClock, days_off: Collection[date]) -> Bits:
    """By week: bits of its days, the first of the week first, on which selling nothing is no surprise.

    Those are the holidays and the days beside them: a bridge day, the eve of New Year.
    """
    off = np.zeros(len(weeks), dtype="int64")
    places = {label.date(): number for number, label in enumerate(weeks)}
    around = {day + timedelta(days=beside) for day in days_off for beside in (-1, 0, 1)}
    for day in around:
        label = clock.label(day)
        if label in places:
            off[places[label]] |= 1 << 6 - (label - day).days
    return off


@dataclass(frozen=True)
class _Feed:
    """The rows of a group by week, shape (W,): combinations with a row, days that sold, the last day with a row.

    Days are bits, the first day of the week first; `ends` counts the days up to the last one, 0 without a row. `rows`
    has one row per combination and week.
    """

    rows: pd.DataFrame
    weeks: pd.DatetimeIndex
    counts: npt.NDArray[np.int64]
    days: Bits
    ends: Bits
    off: Bits
    by_day: bool

    @classmethod
    def of(cls, rows: pd.DataFrame, weeks: pd.DatetimeIndex, off: Bits, *, by_day: bool) -> _Feed:
        place = rows["week"].to_numpy()
        days, ends = np.zeros(len(weeks), dtype="int64"), np.zeros(len(weeks), dtype="int64")
        np.bitwise_or.at(days, place, rows["days"].to_numpy())
        np.maximum.at(ends, place, rows["end"].to_numpy())
        return cls(rows, weeks, np.bincount(place, minlength=len(weeks)), days, ends, off, by_day)

    # --- the business as a whole

    def last_delivered(self) -> int:
        """The last week that counts as delivered, -1 if none has a row."""
        delivered = np.flatnonzero(self.counts > 0)
        if not len(delivered):
            return -1
        last = int(delivered[-1])
        return last - 1 if last and self.is_thin(last, np.zeros(len(self.counts), dtype=bool)) else last

    def gaps(self) -> Flags:
        """Weeks in which nobody sold anything although the delivered weeks before them had many combinations."""
        delivered = pd.Series(np.where(self.counts > 0, self.counts, np.nan))
        usual = delivered.dropna().rolling(LOOKBACK_WEEKS, min_periods=1).median().reindex(delivered.index).ffill()
        is_gap: Flags = (self.counts == 0) & (usual.to_numpy() >= FEED_MIN_COMBINATIONS) & ~self._closed()
        return is_gap

    # --- one week

    def is_thin(self, week: int, lacking: Flags) -> bool:
        """Whether the newest week lacks most combinations, or ends earlier than every one of the weeks before it.

        In a feed of few combinations the first says nothing, and the second only beside the full number of weeks.
        """
        before = np.flatnonzero(~lacking[:week])[-LOOKBACK_WEEKS:]
        if len(before) < MIN_WEEKS:
            return False
        usual = float(np.median(self.counts[before]))
        is_large = usual >= FEED_MIN_COMBINATIONS
        is_sparse = self.counts[week] < MIN_SHARE * usual and not self._closed()[week]
        enough = is_large or np.count_nonzero(self.counts[before]) == LOOKBACK_WEEKS
        return bool((is_large and is_sparse) or (enough and self._ends_early(week, before)))

    def _ends_early(self, week: int, before: npt.NDArray[np.int64]) -> bool:
        """Whether sales end before those of every week before, on a day after which they should have gone on."""
        ordinary = before[(self.off[before] == 0) & (self.ends[before] > 0)]
        if not self.by_day or not len(ordinary):
            return False
        usual_end, end = int(self.ends[ordinary].min()), int(self.ends[week])
        missed = ((1 << usual_end) - 1) & ~((1 << end) - 1) & ~int(self.off[week])
        return missed != 0

    def _closed(self) -> Flags:
        """Weeks of which most days are off: a business that sells nothing then is closed, not late."""
        n_off = np.array([int(bits).bit_count() for bits in self.off], dtype="int64")
        return n_off > 3

    # --- a unit or channel, beside others that have delivered

    def improbable_silence(self) -> Flags:
        """Weeks without any row whose probability, by what the group's articles usually do, is below `BY_CHANCE`."""
        lacking = np.zeros(len(self.counts), dtype=bool)
        silent = np.flatnonzero((self.counts == 0) & ~self._closed())
        delivered = np.flatnonzero(self.counts > 0)
        if not len(silent) or not len(delivered):
            return lacking
        runs = np.split(silent, np.flatnonzero(np.diff(silent) > 1) + 1)
        starts = np.array([run[0] for run in runs])
        for run in runs:
            before = delivered[delivered < run[0]][-USUAL_WEEKS:]
            is_usual = np.count_nonzero(np.abs(starts - run[0]) <= USUAL_WEEKS) > USUAL_SILENCES
            if len(before) >= MIN_WEEKS and not is_usual:
                lacking[run] = self._probability_of_silence(before) < BY_CHANCE
        return lacking

    def _probability_of_silence(self, before: npt.NDArray[np.int64]) -> float:
        """Chance that none of the articles sold lately has a row, by each one's own share of weeks.

        Half a week is added to either side (Krichevsky and Trofimov 1981), so that nothing is impossible.
        """
        recent = self.rows[self.rows["ds"].isin(self.weeks[before])]
        lately = self.rows.loc[self.rows["ds"].isin(self.weeks[before[-LOOKBACK_WEEKS:]]), KEY].drop_duplicates()
        seen = recent.merge(lately, on=KEY).groupby(KEY)["ds"].agg(["nunique", "min"])
        first = self.weeks[before].get_indexer(pd.DatetimeIndex(seen["min"]))
        n_weeks = len(before) - first
        return float(np.prod((n_weeks - seen["nunique"].to_numpy() + 0.5) / (n_weeks + 1.0)))

    def partial_in_the_middle(self) -> Flags:
        """Weeks in which the group sold nothing on days on which it always does, though it sold on others."""
        lacking = np.zeros(len(self.counts), dtype=bool)
        sold = np.flatnonzero((self.counts > 0) & (self.days > 0))
        if not self.by_day or len(sold) <= LOOKBACK_WEEKS:
            return lacking
        bits = (self.days[sold, None] >> np.arange(7) & 1).astype(bool)
        ordinary = self.off[sold] == 0
        totals = np.vstack([np.zeros((1, 7)), np.cumsum(bits & ordinary[:, None], axis=0)])
        weeks = np.concatenate([[0], np.cumsum(ordinary)])
        start = np.maximum(0, np.arange(len(sold)) - USUAL_WEEKS)
        n = weeks[:-1] - weeks[start]
        share = (totals[:-1] - totals[start]) / np.maximum(n, 1)[:, None]
        off = (self.off[sold, None] >> np.arange(7) & 1).astype(bool)
        missed = ((share >= ALWAYS) & ~bits & ~off).sum(axis=1)
        lacking[sold] = (n >= LOOKBACK_WEEKS) & (missed >= MISSED_DAYS)
        return lacking
