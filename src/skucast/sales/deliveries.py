"""Deliveries: which weeks of which units have arrived whole. What has not arrived is unknown, never 0."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from types import MappingProxyType

import numpy as np
import pandas as pd

from skucast.core.combination import KEY
from skucast.core.quoting import listed
from skucast.core.tables.contract import ALL
from skucast.core.weeks import WEEK, WeekClock
from skucast.sales.feeds import EVERY_DAY, Bits, Feed, Flags, as_flags
from skucast.sales.silences import Verdict, fell, gaps, judge, judge_business

Name = tuple[str, str]
"""Unit and channel of a group, `*` for all."""

BUSINESS: Name = (ALL, ALL)

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


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
    `feed_gaps` are the weeks that the whole business lacks; `late` the units and channels that are behind the others.
    In words: `unit_gaps` the weeks that one lacks in the middle, or everybody in part; `in_part` the weeks after the
    data cutoff of which something is there; `closed` who has no newest weeks for a reason, and which.
    """

    data_cutoff: date
    unknown: pd.DataFrame
    feed_gaps: pd.DatetimeIndex
    late: list[Late] = field(default_factory=list)
    unit_gaps: list[str] = field(default_factory=list)
    in_part: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)


def judge_deliveries(
    known: pd.DataFrame,
    clock: WeekClock,
    cutoff: date,
    *,
    days_off: Collection[date] = (),
    days_off_by_unit: Mapping[str, Collection[date]] = MappingProxyType({}),
    by_day: bool = True,
    closed_after_weeks: int = 13,
) -> Deliveries:
    """Return what of the weeks up to the cutoff has arrived, for the business, each unit and each unit's channels.

    Args:
        known: rows of `Warehouse.weekly_sales` with complete names, up to the cutoff.
        clock: the week clock.
        cutoff: last week that could be there.
        days_off: public holidays; a week that ends early because of them is whole.
        days_off_by_unit: those of units that have others.
        by_day: False where a row covers a whole week: its day says nothing.
        closed_after_weeks: a unit that has been silent for so long is closed, not late.
    """
    weeks = clock.range(known["ds"].min().date(), cutoff) if len(known) else pd.DatetimeIndex([], name="ds")
    off = _days_off(weeks, clock, days_off)
    rows = _placed(known, weeks, clock)
    business = Feed.of(rows, off, by_day=by_day)
    last, verdict = judge_business(business, closed_after_weeks)
    if last < 0:
        return Deliveries(cutoff, _no_weeks(), weeks[:0])
    lacks_all = gaps(business, verdict)[: last + 1]
    lacks_part = (verdict.lacking & (business.counts > 0))[: last + 1]
    feed_gaps, in_part = weeks[: last + 1][lacks_all], list(_part_texts(business, weeks, last, clock))
    weeks, off, rows = weeks[: last + 1], off[: last + 1], rows[rows["week"] <= last]
    why = verdict.why if verdict.since <= last else ""  # what is cut off is late, whatever the reason
    pauses = tuple(each for each in verdict.pauses if each[1] <= last and not lacks_all[each[0] : each[1] + 1].any())
    found = {BUSINESS: Verdict(lacks_part, verdict.closed[: last + 1], verdict.since, why, pauses)}
    off_of = {unit: _days_off(weeks, clock, days) for unit, days in days_off_by_unit.items()}
    feeds = {name: Feed.of(own, off_of.get(name[0], off), by_day=by_day) for name, own in _groups(rows)}
    own_feeds = dict(_with_own_days_off(feeds))
    beside = [business.counts[: last + 1] - each.counts for each in own_feeds.values()]
    have_fallen = fell(np.array(beside, dtype="int64").reshape(-1, last + 1).T).T
    for (name, feed), others_fell in zip(own_feeds.items(), have_fallen, strict=True):
        found[name] = judge(feed, feed.closed() & others_fell, closed_after_weeks)
    unknown = [_rows(known, name, weeks[each.lacking]) for name, each in found.items() if each.lacking.any()]
    unknown += [_rows(known, BUSINESS, feed_gaps)] if len(feed_gaps) else []
    behind = [each for name, its in found.items() if (each := _late(name, its.lacking, weeks)) is not None]
    return Deliveries(
        data_cutoff=weeks[last].date(),
        unknown=pd.concat([_no_weeks(), *unknown]).drop_duplicates(ignore_index=True),
        feed_gaps=feed_gaps,
        late=[each for each in behind if each.channel == ALL or not any(_covers(other, each) for other in behind)],
        unit_gaps=list(_gap_texts(found, weeks, feed_gaps)),
        in_part=in_part,
        closed=list(_closed_texts(found, weeks)),
    )


def _name_of(unit: str, channel: str) -> str:
    if unit == ALL:
        return "the business"
    return unit if channel == ALL else f"{unit}/{channel}"


def _covers(whole: Late, part: Late) -> bool:
    return (whole.unit, whole.channel) == (part.unit, ALL) and whole.delivered_through <= part.delivered_through


def _groups(known: pd.DataFrame) -> Iterator[tuple[Name, pd.DataFrame]]:
    """The units, and the channels of each, that are not all there is: those are judged as the business."""
    if known["unit"].nunique() > 1:
        for name, rows in known.groupby("unit"):
            yield (str(name), ALL), rows
    if len(known[["unit", "channel"]].drop_duplicates()) > 1:
        for (unit, channel), rows in known.groupby(["unit", "channel"]):
            yield (str(unit), str(channel)), rows


def _with_own_days_off(feeds: dict[Name, Feed]) -> Iterator[tuple[Name, Feed]]:
    """The feeds, without the days off on which others sold, of groups that sell on days off themselves."""
    sold = {name: as_flags(feed.days).astype("int64") for name, feed in feeds.items() if name[1] != ALL}
    total = sum(sold.values(), start=np.zeros(1, dtype="int64"))
    for name, feed in feeds.items():
        own = sum(flags for (unit, channel), flags in sold.items() if name in ((unit, ALL), (unit, channel)))
        others = ((total > own) << np.arange(7)).sum(axis=-1)
        yield name, replace(feed, off=np.where(feed.open_on_days_off(), feed.off & ~others, feed.off))


# --- in words --------------------------------------------------------------------------------------------------------


def _late(name: Name, lacking: Flags, weeks: pd.DatetimeIndex) -> Late | None:
    if name == BUSINESS or not len(lacking) or not lacking[-1]:
        return None
    there = np.flatnonzero(~lacking)
    through = weeks[there[-1]].date() if len(there) else weeks[0].date() - WEEK
    return Late(*name, through)


def _gap_texts(found: dict[Name, Verdict], weeks: pd.DatetimeIndex, feed_gaps: pd.DatetimeIndex) -> Iterator[str]:
    """The business first, then units; a channel is named only for weeks in which its unit is not."""
    said: dict[str, set[pd.Timestamp]] = {ALL: set(feed_gaps)}
    for (unit, channel), verdict in found.items():
        lacking = verdict.lacking
        behind = next((place for place in range(len(lacking), 0, -1) if not lacking[place - 1]), 0)
        lacks = set(weeks[:behind][lacking[:behind]]) - said[ALL] - said.get(unit, set())
        if channel == ALL:
            said[unit] = lacks | said.get(unit, set())
        if lacks:
            what = "lacks a part of week" if unit == ALL else "lacks week"
            yield f"{_name_of(unit, channel)} {what} {listed(ds.date() for ds in sorted(lacks))}"


def _part_texts(business: Feed, weeks: pd.DatetimeIndex, last: int, clock: WeekClock) -> Iterator[str]:
    """What there is of the weeks after the last one that counts as delivered."""
    for week in (last + 1 + np.flatnonzero(business.counts[last + 1 :] > 0)).tolist():
        missed = [_DAYS[(clock.end_weekday + 1 + day) % 7] for day in business.missed_days(week, last)]
        lacks = f"nothing on {', '.join(missed)}" if missed else "far fewer combinations than usual"
        yield f"week {weeks[week].date()} has arrived only in part: {lacks}"


def _closed_texts(found: dict[Name, Verdict], weeks: pd.DatetimeIndex) -> Iterator[str]:
    """Units whose silence has a reason, then channels of others that are not late; then silences in the middle."""
    units = {unit for (unit, channel), verdict in found.items() if channel == ALL and verdict.why}
    for (unit, channel), verdict in found.items():
        is_late = channel != ALL and (unit, ALL) in found and found[unit, ALL].lacking[verdict.since]
        if verdict.why and not is_late and (channel == ALL or unit not in units):
            since = weeks[verdict.since].date()
            yield f"{_name_of(unit, channel)} has sold nothing since week {since}, {verdict.why}: closed, not late"
    for (unit, channel), verdict in found.items():
        whole = () if channel == ALL else found[unit, ALL].pauses if (unit, ALL) in found else ()
        for first, last, why in verdict.pauses:
            if (first, last, why) not in whole:
                weeks_of = f"from week {weeks[first].date()} to {weeks[last].date()}, {why}"
                worth = "these weeks are 0, or unknown of what sells in nearly all others"
                yield f"{_name_of(unit, channel)} sold nothing {weeks_of}: closed, not missing; {worth}"


# --- frames ----------------------------------------------------------------------------------------------------------


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
    """The rows with their place among the weeks (`week`), a number for the combination, days as bits and last day.

    The first day of a week is the lowest bit, and counts 1. A day is there (`days`) if anything tells that it had a
    line: a sale, a discount, known stock, or that it is the first or last one; `end` is the last.
    """
    first = (clock.end_weekday + 1) % 7
    there = np.zeros(len(known), dtype="int64")
    for column in ("selling_weekdays", "stock_weekdays", "promo_weekdays"):
        there |= known[column].to_numpy(dtype="int64")
    last, start = (
        7 - (known["ds"] - pd.to_datetime(known[column])).dt.days.to_numpy(dtype="int64")
        for column in ("last_date", "first_date")
    )
    return known[["unit", "channel", "quantity", "n_lines"]].assign(
        week=weeks.get_indexer(pd.DatetimeIndex(known["ds"])),
        article=known.groupby(KEY, sort=False).ngroup().to_numpy(),
        days=(there >> first) | (there << (7 - first)) & EVERY_DAY | 1 << last - 1 | 1 << start - 1,
        end=last,
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
