"""The gate: totals that jump against the last run, recent sales and last year, all at once and for no known cause."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Literal

import pandas as pd

from skucast.core.combination import KEY
from skucast.core.quoting import listed
from skucast.core.rows import is_about
from skucast.core.tables.contract import ALL
from skucast.scorecard.gate_limits import Beside, Judge
from skucast.scorecard.gate_promotions import BEYOND_PEAK, Promotions
from skucast.scorecard.gate_season import Season
from skucast.scorecard.gate_sides import Sides, Then, filled, then_of
from skucast.scorecard.totals import Pair, by_pair, group_name, of_group, totals_of

DEFAULT_JUMP = 0.5
"""How far a total may jump: 0.5 = to 1.5 times, or to 1/1.5."""

LISTED_SHARE = 0.7
"""From this share of the limits on a jump is listed; from the limits on it stops the run."""

EXAMPLES = 3

Kind = Literal["forecast", "newest week"]


@dataclass(frozen=True)
class Evidence:
    """What is judged, and by what.

    `rows` and `earlier` are rows of the forecasts table: those to be published, and the newest earlier ones of each
    combination and week. `weeks` are the history's. `known_then` are `known_totals` as the last run of all had them,
    None where no run has kept them. `late` are the units and channels that are behind, `closed` the weeks most of whose
    days are public holidays.
    """

    rows: pd.DataFrame
    earlier: pd.DataFrame
    weeks: pd.DataFrame
    data_cutoff: date
    known_then: pd.DataFrame | None = None
    late: Collection[Pair] = ()
    closed: Collection[pd.Timestamp] = ()


@dataclass(frozen=True)
class Jump:
    """One group's total that stands apart from all that it is compared with; numbers per week, NaN = not known.

    `share` is how far beyond its limits the nearest of the comparisons lies: 1 = at the limit. `cause` explains the
    jump, or is empty; `hint` says what else is known of it.
    """

    kind: Kind
    group: Pair
    value: float
    last_run: float
    recent: float
    last_year: float
    share: float
    is_small: bool
    cause: str = ""
    hint: str = ""
    examples: tuple[str, ...] = ()

    @property
    def stops(self) -> bool:
        """Whether nothing may be published because of it."""
        return self.share >= 1 and not self.is_small and not self.cause

    @property
    def name(self) -> str:
        """The group in words."""
        return group_name(self.group)

    @property
    def brief(self) -> str:
        """The number, and what it is compared with."""
        what = "forecast" if self.kind == "forecast" else "sales of the newest week"
        beside = {"last run": self.last_run, "recent weeks": self.recent, "last year": self.last_year}
        compared = ", ".join(f"{name} {_number(value)}" for name, value in beside.items() if math.isfinite(value))
        return f"{self.name}: {what} {_number(self.value)} a week ({compared})"

    def __str__(self) -> str:
        """One line: the number, what it is compared with, what is known of it, the articles that moved most."""
        notes = [self.cause, "a small group, stops nothing" if self.is_small else "", self.hint, *self.examples]
        return "; ".join([self.brief, *(note for note in notes if note)])


def jumps_of(evidence: Evidence, max_jump: float) -> list[Jump]:
    """Return the groups whose totals jump, the farthest first; `max_jump` 0.5 = beyond 1.5 times or 1/1.5, 0 = none.

    A total is compared with the last run's number for the same weeks, with the known weeks before, and with last
    year's same weeks; it jumps where it lies beyond all of them that there are, on the same side, by more than
    `max_jump` and by more than is usual for the group. Without a last run nothing jumps.
    """
    if not len(evidence.earlier) or not max_jump:
        return []
    found = [*_forecast_jumps(evidence, max_jump), *newest_week_jumps(evidence, max_jump)]
    return sorted(found, key=lambda jump: (not jump.stops, -jump.share))


# --- the two totals that are judged ----------------------------------------------------------------------------------


def _forecast_jumps(evidence: Evidence, max_jump: float) -> Iterator[Jump]:
    new, old = _comparable(evidence.rows, evidence.earlier)
    sides = Sides.of(new, old, _promoted_alike(new, old))
    judge = _judge(evidence, sides, pd.DatetimeIndex(sorted(set(new["ds"]))), evidence.data_cutoff, max_jump)
    then = then_of(evidence.known_then, evidence.weeks)
    excuses = _excuses(sides, then, evidence, old)
    for group, members in sides.groups.items():
        restated, change = _restated(judge, group, then.compared(members))
        value = sides.value(members)
        newest = judge.newest(group) if math.isnan(judge.last_year(group, value)) else math.nan
        beside = Beside(sides.last(members), restated, newest)
        share = judge.share(group, value, beside)
        if share < LISTED_SHARE:
            continue
        cause = excuses.cause(judge, group, members)
        unplanned = replace(beside, last_run=sides.last(members, base=True))
        is_planned = judge.share(group, sides.value(members, base=True), unplanned) < LISTED_SHARE
        if not cause and is_planned and value <= judge.peak(group) * BEYOND_PEAK:
            cause = "explained by what is known of promotions"
        if not cause and _on_holidays(judge, group, value, evidence, set(new["ds"])):
            cause = _HOLIDAYS
        hints = [
            change,
            "it has no sales any more: is its delivery missing?" if math.isnan(judge.peak(group)) else "",
            excuses.doubt(group, members),
        ]
        yield Jump(
            "forecast",
            group,
            value=value,
            last_run=beside.last_run,
            recent=judge.recent(group),
            last_year=judge.last_year(group, value),
            share=share,
            is_small=sides.is_small(group, judge),
            cause=cause,
            hint="; ".join(hint for hint in hints if hint),
            examples=_examples(new, old, group),
        )


def newest_week_jumps(evidence: Evidence, max_jump: float) -> Iterator[Jump]:
    """Yield the groups whose newest known week jumps: a fault in it has not reached every forecast yet."""
    newest = pd.Timestamp(evidence.data_cutoff)
    forecast = evidence.earlier[evidence.earlier["ds"] == newest]
    sold = filled(evidence.weeks).assign(is_promo=evidence.weeks["is_promo"])[evidence.weeks["ds"] == newest]
    sold = sold.rename(columns={"y": "yhat"})
    expected = forecast[is_about(forecast, sold)]  # of what is missing, others say what becomes of the run
    if not len(expected) or not len(sold):
        return
    promoted = sold[sold["is_promo"]]
    base = [each["yhat"].mask(is_about(each, promoted), 0.0) for each in (sold, expected)]
    sides = Sides.of(sold, expected, (base[0], base[1]))
    judge = _judge(evidence, sides, pd.DatetimeIndex([newest]), (newest - pd.Timedelta(weeks=1)).date(), max_jump)
    then = then_of(evidence.known_then, evidence.weeks)
    promotions_of = cache(lambda: Promotions.of(sold, expected, evidence.weeks, max_jump))
    season = Season.of(sold, expected, evidence.weeks)
    gone = {pair for pair in by_pair(forecast, "yhat") if pair not in sides.groups and pair not in sides.new}
    excuses = _Excuses(sides, dict.fromkeys(sides.new_pairs, _NEW), evidence.late, sorted(gone))
    for group, members in sides.groups.items():
        value = sides.value(members)
        restated, change = _restated(judge, group, then.compared(members))
        beside = Beside(sides.last(members), restated, then.week_before(members), is_certain=True)
        share = judge.share(group, value, beside)
        if share < LISTED_SHARE or then.has_published(members, newest):
            continue
        twice = season.is_loaded_twice(group)
        share = share if twice else judge.share(group, value, replace(beside, is_certain=False))
        if share < LISTED_SHARE:
            continue
        cause = excuses.cause(judge, group, members)
        if not cause and not twice and _is_promoted(judge, group, members, sides, promotions_of()):
            cause = "explained by promotions in it"
        if not cause and _on_holidays(judge, group, value, evidence, {newest}):
            cause = _HOLIDAYS
        if not cause and not twice and math.isnan(restated) and not promotions_of().did_wonders(members):
            cause = season.cause(judge, group, value, sides.last(members))
        yield Jump(
            "newest week",
            group,
            value=value,
            last_run=sides.last(members),
            recent=judge.recent(group),
            last_year=judge.last_year(group, value),
            share=share,
            is_small=sides.is_small(group, judge),
            cause=cause,
            hint="; ".join(hint for hint in (change, _TWICE if twice else "", excuses.doubt(group, members)) if hint),
            examples=_examples(sold, expected, group),
        )


def _is_promoted(judge: Judge, group: Pair, members: Sequence[Pair], sides: Sides, promotions: Promotions) -> bool:
    """Whether promotions explain that the week sold more: the rest of it does not jump, and they did no wonders."""
    value, last, base = sides.value(members), sides.last(members), sides.value(members, base=True)
    if not value > max(last, base):
        return False
    rest = judge.distance(group, base, sides.last(members, base=True))
    if rest < judge.limit and value <= judge.peak(group) * BEYOND_PEAK:
        return True
    explained = promotions.explained(members)
    return explained is not None and judge.distance(group, value - explained[0], last - explained[1]) < judge.limit


def _comparable(rows: pd.DataFrame, earlier: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both runs' rows of the weeks that both forecast; where there is none, all rows of each one's own weeks.

    A week of which the last run has a part only, as a targeted run leaves it, is none that it forecast.
    """
    n_rows = earlier["ds"].value_counts()
    weeks = set(rows["ds"]) & set(n_rows.index[2 * n_rows >= n_rows.max()])
    if weeks:
        return rows[rows["ds"].isin(weeks)], earlier[earlier["ds"].isin(weeks)]
    return rows, earlier[earlier["cutoff"] == earlier["cutoff"].max()]


def _restated(judge: Judge, group: Pair, compared: tuple[float, float]) -> tuple[float, str]:
    """Recent weeks as the last run knew them if they have changed by a jump since, and what to say; else NaN."""
    before, now = compared
    if not abs(judge.distance(group, now, before)) >= judge.limit:
        return math.nan, ""
    return before, (
        f"weeks that sold {_number(before)} when the last run was made now have {_number(now)}: "
        "loaded twice, or in part?"
    )


def _promoted_alike(new: pd.DataFrame, old: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Both runs' forecasts without promotions, in the weeks of which the new one knows them or that there are none."""
    known_now = new.assign(is_known=new["promo_source"] != "expected")[[*KEY, "ds", "is_known"]]
    found = old[[*KEY, "ds"]].merge(known_now, on=[*KEY, "ds"], how="left")["is_known"].to_numpy()
    is_known = pd.Series(found, index=old.index).eq(other=True)
    return tuple(  # type: ignore[return-value]
        (each["yhat"] - each["promo"].where(known, 0.0)).clip(lower=0.0)
        for each, known in ((new, new["promo_source"] != "expected"), (old, is_known))
    )


def _judge(evidence: Evidence, sides: Sides, weeks: pd.DatetimeIndex, through: date, max_jump: float) -> Judge:
    sales = totals_of(filled(evidence.weeks), "y", sides.groups)
    return Judge(sales, weeks, pd.Timestamp(through), max_jump)


# --- causes ----------------------------------------------------------------------------------------------------------

_NEW = "new"
_LATE_THEN = "late when the last run was made"
_TWICE = "nearly every article sold a multiple of two or three: is the week loaded twice?"
_HOLIDAYS = "explained by public holidays, of which no last year is known"


@dataclass(frozen=True)
class _Excuses:
    """Units' channels for which a change has a reason: the rest of a group is judged without them."""

    sides: Sides
    pairs: dict[Pair, str]
    late: Collection[Pair]
    missing: Collection[Pair] = ()

    def cause(self, judge: Judge, group: Pair, members: Sequence[Pair]) -> str:
        """What explains the group's jump, if what is left without the excused does not jump."""
        named = [pair for pair in members if pair in self.pairs]
        if not named or self.doubt(group, members):
            return ""
        rest = [pair for pair in members if pair not in self.pairs]
        left = judge.distance(group, self.sides.value(rest), self.sides.last(rest)) if rest else 0.0
        if not abs(left) < LISTED_SHARE * judge.limit:
            return ""
        reasons = dict.fromkeys(self.pairs[pair] for pair in named)
        return "explained by " + "; ".join(f"{_names(named, self.pairs, reason)} {reason}" for reason in reasons)

    def doubt(self, group: Pair, members: Sequence[Pair]) -> str:
        """What speaks against new names: others of the group are missing at the same time."""
        new = [pair for pair in members if self.pairs.get(pair) == _NEW]
        gone = [pair for pair in members if pair in self.sides.old and pair not in self.sides.new]
        gone += self.missing
        missing = [group_name(pair) for pair in (*self.late, *gone) if pair in self.sides.groups or pair in gone]
        if not new or not missing or group[0] != ALL:
            return ""
        return f"{_names(new, self.pairs, _NEW)} new while {missing[0]} is missing: another spelling?"


def _excuses(sides: Sides, then: Then, evidence: Evidence, old: pd.DataFrame) -> _Excuses:
    newest = old[(old["cutoff"] == old["cutoff"].max()) & (old["data_cutoff"] < old["cutoff"])]
    late = dict.fromkeys([*zip(newest["unit"], newest["channel"], strict=True), *then.late_pairs()])
    return _Excuses(sides, dict.fromkeys(late, _LATE_THEN) | dict.fromkeys(sides.new_pairs, _NEW), evidence.late)


def _names(pairs: Sequence[Pair], reasons: dict[Pair, str], reason: str) -> str:
    return listed([group_name(pair) for pair in pairs if reasons[pair] == reason], EXAMPLES)


def _on_holidays(judge: Judge, group: Pair, value: float, evidence: Evidence, weeks: Collection[pd.Timestamp]) -> bool:
    n_closed = sum(week in evidence.closed for week in weeks)
    return 2 * n_closed > len(weeks) and math.isnan(judge.last_year(group, value))


# --- small things ----------------------------------------------------------------------------------------------------


def _examples(new: pd.DataFrame, old: pd.DataFrame, group: Pair) -> tuple[str, ...]:
    """The group's articles that moved most."""
    means = [of_group(each, group).groupby(KEY)["yhat"].mean() for each in (old, new)]
    before, after = means[0].align(means[1], fill_value=0.0)
    moved = (after - before).abs().sort_values(ascending=False, kind="stable").head(EXAMPLES)
    return tuple(f"{'/'.join(key)} {_number(before[key])} to {_number(after[key])}" for key in moved.index)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"
