"""Promotions of weeks to come: what the plan said at a moment; where it says nothing, a recent average.

For one combination and day the newest statement counts (`known_from`): a promotion, its cancellation, or that the plan
is complete there and knows of none.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.combination import KEY, Combination, clean_name
from skucast.core.declared import Regressor
from skucast.core.tables.contract import ALL
from skucast.regressors.built_in import PROMOTIONS
from skucast.regressors.declared_values import NOTHING_DECLARED, DeclaredAsOf, DeclaredWeeks, filled_ahead, of_weeks
from skucast.sales.columns import Weeks, numbers
from skucast.sales.promo_types import one_spelling

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

PROMO_REGRESSORS = [each.column for each in PROMOTIONS]
"""Mean discount over the days with a selling line (percent), and days with a promotion (0 to 7)."""

TOO_DEEP = 1.25
"""A discount so many times as deep as the deepest that an article ever had is named."""

LIKE_A_FLAG, NO_FLAG = 1.0, 5.0
"""A discount of 1 % is more probably a flag, or a fraction of 1, where an article had discounts of so many percent."""

WEEK_DAYS = 7

UNKNOWN_NAMES = "unknown unit, channel or SKU_ID"
"""What is wrong with rows about names without sales, as `usable_rows` says it."""


@dataclass(frozen=True)
class PlannedWeeks:
    """What a plan says of H consecutive weeks of one combination; arrays have shape (H,).

    `discount` (percent, mean over the week's days) and `days` (0 to 7) count only where `is_covered`. `is_known` tells
    whether the plan has ever said anything about the combination. `types` has the type that most of a week's promoted
    days have, of several the first by the alphabet, None where none is said (in all weeks: `types` is None). `as_typed`
    has what people are shown: the deepest discount of each week (percent, NaN where none is known), its promoted days.
    `declared` is what was known of further regressors.
    """

    discount: Floats
    days: Floats
    is_covered: Flags
    is_known: bool
    types: npt.NDArray[np.object_] | None = None
    as_typed: tuple[Floats, Floats] | None = None
    declared: DeclaredWeeks = NOTHING_DECLARED

    def first(self, n_weeks: int) -> PlannedWeeks:
        """Return the first weeks."""
        return self._part(slice(n_weeks))

    def last(self, n_weeks: int) -> PlannedWeeks:
        """Return the last weeks."""
        return self._part(slice(len(self.days) - n_weeks, None))

    def _part(self, part: slice) -> PlannedWeeks:
        types = None if self.types is None else self.types[part]
        typed = None if self.as_typed is None else (self.as_typed[0][part], self.as_typed[1][part])
        promotions = self.discount[part], self.days[part], self.is_covered[part]
        return PlannedWeeks(*promotions, self.is_known, types, typed, self.declared.part(part))


EVERY_DAY = (True,) * WEEK_DAYS


class Plan:
    """The rows of `tables.PROMOTIONS` about some combinations, to be read as of any moment.

    `selling_days` are the weekdays, Monday first, on which a combination sells, where that is not every day;
    `deepest` the deepest discount that one ever had, percent, where that is known: what is planned beyond it counts as
    that, because nothing is known of its effect, and it may be a price. `usual` is what a promotion without a discount
    counts as, percent; 0 where no depth is known at all. `types` are the types of promotions as the sales spell them.
    `declared` tells what was known of further regressors, of the combinations in their order. `regressors` declare how
    a week's discount and days are made of its days.
    """

    def __init__(
        self,
        rows: pd.DataFrame,
        combinations: Sequence[Combination],
        grain: Literal["day", "week"] = "day",
        selling_days: Mapping[Combination, tuple[bool, ...]] = MappingProxyType({}),
        deepest: Mapping[Combination, float] = MappingProxyType({}),
        usual: Mapping[Combination, float] = MappingProxyType({}),
        types: Collection[str] = (),
        declared: DeclaredAsOf | None = None,
        regressors: Sequence[Regressor] = PROMOTIONS,
    ) -> None:
        self._regressors = tuple(regressors)
        self._combinations = list(combinations)
        self._grain = grain
        self._selling_days = selling_days
        self._deepest = deepest
        self._usual = usual
        self._usual_depths = np.array([usual.get(each, 0.0) for each in combinations])
        self._limits = np.array([deepest.get(each, np.inf) for each in combinations])
        sells = [selling_days.get(each, EVERY_DAY) for each in combinations]
        self._sells = np.array(sells, dtype=bool).reshape(-1, WEEK_DAYS)
        self._places = places_by_pattern(rows, self._combinations)
        patterns = pd.Series(patterns_of(rows), index=rows.index, dtype="object")
        self._known_types = types
        self._declared = declared
        shown = one_spelling(sorted(rows["promo_type"].dropna().unique()), types)
        self._types_said = sorted(set(shown.values()))
        rows = rows.assign(promo_type=rows["promo_type"].map(shown))
        self._rows = rows.assign(_pattern=patterns)[patterns.isin(list(self._places))]

    def and_these(self, rows: pd.DataFrame, declared: DeclaredAsOf | None = None) -> Plan:
        """Return the plan with more usable rows of `tables.PROMOTIONS`, or with something else declared."""
        mine = self._rows.drop(columns="_pattern")
        both = pd.concat([each for each in (mine, rows) if len(each)] or [rows], ignore_index=True)
        same = self._selling_days, self._deepest, self._usual, self._known_types, declared or self._declared
        return Plan(both, self._combinations, self._grain, *same, self._regressors)

    def as_of(self, known_at: datetime, weeks: Sequence[date]) -> dict[Combination, PlannedWeeks]:
        """Return what was known of consecutive weeks (their labels) at a moment (naive UTC), by combination.

        As in history: the discount of a week is the mean over its selling days, `days` those with one. Where a sales
        row covers a week (grain `week`) it has one depth: a promotion on any day counts as seven days of its discount,
        the mean over its days. A week is covered if all its days are, or if a promotion is planned in it.
        """
        known = self._known(known_at)
        is_known = np.zeros(len(self._combinations), dtype=bool)
        for pattern in known["_pattern"].unique():
            is_known[self._places[pattern]] = True
        first = weeks[0] - timedelta(days=WEEK_DAYS - 1)
        shape = (len(self._combinations), len(weeks), WEEK_DAYS)
        by_day, flagged, kinds, has_depth = self._by_day(known, first, WEEK_DAYS * len(weeks))
        by_week = np.minimum(by_day, self._limits[:, None]).reshape(shape)
        promoted: Flags = (by_week > 0) | flagged.reshape(shape)
        sells: Flags = np.roll(self._sells, -first.weekday(), axis=1).reshape(-1, 1, WEEK_DAYS)
        discount_rule, days_rule = (each.week for each in self._regressors)
        planned = np.nan_to_num(by_week)
        days = of_weeks(np.where(sells, promoted, np.nan), days_rule)
        has_promotion = promoted.any(axis=2)
        is_covered: Flags = np.logical_or(has_promotion, np.all(~np.isnan(by_week), axis=2))
        told = promoted & sells if self._grain == "week" else sells
        discount = np.nan_to_num(of_weeks(np.where(told, planned, np.nan), discount_rule))
        if self._grain == "week":
            days = np.where(days > 0, float(WEEK_DAYS), 0.0)
        types = self._types(kinds.reshape(shape), promoted & sells)
        typed = np.where(has_depth & (by_day > 0), by_day, 0.0).reshape(shape).max(axis=2)
        depth, typed_days = np.where(typed > 0, typed, np.nan), promoted.sum(axis=2).astype("float64")
        declared = self._declared(known_at, weeks) if self._declared else None
        return {
            combination: PlannedWeeks(
                discount[place],
                days[place],
                is_covered[place],
                bool(is_known[place]),
                None if types is None else types[place],
                (depth[place], typed_days[place]),
                declared[place] if declared else NOTHING_DECLARED,
            )
            for place, combination in enumerate(self._combinations)
        }

    def _types(self, kinds: npt.NDArray[np.int64], promoted: Flags) -> npt.NDArray[np.object_] | None:
        """The type of every combination and week, (C, H), by the places of those of its days; None if none is said."""
        if not self._types_said:
            return None
        counts = np.stack([((kinds == number) & promoted).sum(axis=2) for number in range(len(self._types_said))])
        names: npt.NDArray[np.object_] = np.array(self._types_said, dtype=object)[counts.argmax(axis=0)]
        names[counts.max(axis=0) == 0] = None
        return names

    def too_deep(self, known_at: datetime, weeks: Sequence[date]) -> dict[Combination, tuple[float, float]]:
        """Return the deepest discount planned in consecutive weeks beyond what a combination ever had, and that."""
        first = weeks[0] - timedelta(days=WEEK_DAYS - 1)
        planned = np.nan_to_num(self._by_day(self._known(known_at), first, WEEK_DAYS * len(weeks))[0]).max(axis=1)
        return {
            self._combinations[place]: (float(planned[place]), float(self._limits[place]))
            for place in np.flatnonzero(planned > TOO_DEEP * self._limits).tolist()
        }

    def like_flags(self, known_at: datetime, weeks: Sequence[date]) -> dict[Combination, float]:
        """Return the deepest discount that those ever had of which consecutive weeks have promotions of 1 % alone."""
        first = weeks[0] - timedelta(days=WEEK_DAYS - 1)
        planned = np.nan_to_num(self._by_day(self._known(known_at), first, WEEK_DAYS * len(weeks))[0]).max(axis=1)
        is_flag = (planned == LIKE_A_FLAG) & (self._limits >= NO_FLAG) & np.isfinite(self._limits)
        return {self._combinations[place]: float(self._limits[place]) for place in np.flatnonzero(is_flag).tolist()}

    def by_day(self, known_at: datetime, first: date, n_days: int) -> tuple[Floats, Flags]:
        """Return what was planned then of each combination and day, as it was written: percent, and what is promoted.

        Percent is NaN where nothing is said; shape (C, n_days).
        """
        said, flagged, *_ = self._by_day(self._known(known_at), first, n_days)
        return said, (said > 0) | flagged

    def _known(self, known_at: datetime) -> pd.DataFrame:
        return self._rows[self._rows["known_from"] <= pd.Timestamp(known_at)]

    def _by_day(
        self, known: pd.DataFrame, first: date, n_days: int
    ) -> tuple[Floats, Flags, npt.NDArray[np.int64], Flags]:
        """The discount of every combination and day, percent, whether it is a promotion whatever that is, and its type.

        NaN where nothing is said; the type is its place among those said, -1 for none; shape (C, n_days). The last one
        tells where the discount is one that somebody said, not the usual one.
        """
        said = np.full((len(self._combinations), n_days), np.nan)
        flagged = np.zeros(said.shape, dtype=bool)
        kinds = np.full(said.shape, -1, dtype="int64")
        has_depth = np.ones(said.shape, dtype=bool)
        if known.empty:
            return said, flagged, kinds, has_depth
        rows = standing(known)
        starts = (rows["starts_on"] - pd.Timestamp(first)).dt.days.clip(lower=0).to_numpy()
        ends = (rows["ends_on"] - pd.Timestamp(first)).dt.days.clip(upper=n_days - 1).to_numpy() + 1
        depth = rows["discount_perc"].mask(is_cancelled(rows), 0.0).to_numpy(dtype="float64")
        is_flagged = (_is_flagged(rows) & ~is_cancelled(rows)).to_numpy(dtype=bool)
        kind = rows["promo_type"].map(self._types_said.index, na_action="ignore").fillna(-1).to_numpy(dtype="int64")
        of_rows = zip(rows["_pattern"], starts, ends, depth, is_flagged, kind, strict=True)
        for pattern, start, end, percent, flag, number in of_rows:
            if start < end:
                places = self._places[pattern]
                usual = self._usual_depths[places, None] if flag else 0.0
                said[places, start:end] = usual if np.isnan(percent) else percent
                flagged[places, start:end] = flag
                has_depth[places, start:end] = not np.isnan(percent)
                kinds[places, start:end] = number
        return said, flagged, kinds, has_depth


def usable_rows(rows: pd.DataFrame, known: Sequence[Combination]) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the rows of a plan that mean something, and how many do not, by what is wrong with them.

    A plan may be a table that people keep: a blank row, or one about an unknown article, must not stop a forecast.
    """
    problems = problems_of(rows, known)
    counts = {str(problem): int(count) for problem, count in problems.sum().items() if count}
    numbered = pd.Series([f"row {number}" for number in range(1, len(rows) + 1)], index=rows.index, dtype="str")
    named = rows.assign(plan_id=rows["plan_id"].where(rows["plan_id"].notna(), numbered))
    return named[~problems.any(axis=1)], counts


def problems_of(rows: pd.DataFrame, known: Sequence[Combination]) -> pd.DataFrame:
    """Return what is wrong with each row of a plan: a column of true and false per problem, by the problem's text."""
    names = {pattern for each in known for pattern in itertools.product(*((part, ALL) for part in each.parts))}
    required = rows[[*KEY, "starts_on", "ends_on", "known_from"]]
    is_blank = required.isna().any(axis=1) | (required[KEY] == "").any(axis=1)
    patterns = patterns_of(rows.fillna(dict.fromkeys(KEY, "")))
    is_known = pd.Series([pattern in names for pattern in patterns], index=rows.index, dtype="bool")
    percent = rows["discount_perc"]
    found = {
        "names, days or known_from missing": is_blank,
        "ends before it starts": rows["ends_on"] < rows["starts_on"],
        "discount_perc outside 0 to 100": percent.notna() & ~percent.between(0, 100),
        "discount_perc is a fraction (0.3 for 30)": (percent > 0) & (percent < 1),
        UNKNOWN_NAMES: ~is_blank & ~is_known,
    }
    return pd.DataFrame(found, index=rows.index).astype("bool")


def promotions_ahead(
    weeks: Weeks,
    planned: PlannedWeeks | None,
    n_weeks: int,
    regressors: Sequence[Regressor] = PROMOTIONS,
) -> tuple[dict[str, Floats], npt.NDArray[Any]]:
    """Return each promo regressor and where it is from (`tables.PROMO_SOURCES`) for the weeks after a history, (H,).

    The ladder: a planned promotion; none, where the plan covers the week; else what stands in by declaration.
    """
    nothing = np.full(n_weeks, np.nan)
    said = (nothing, nothing) if planned is None else (planned.discount, planned.days)
    is_covered = np.zeros(n_weeks, dtype=bool) if planned is None else planned.is_covered
    values = {
        each.column: filled_ahead(numbers(weeks, each.column), np.where(is_covered, found, np.nan), each.unknown)
        for each, found in zip(regressors, said, strict=True)
    }
    if planned is None:
        return values, np.full(n_weeks, "expected", dtype=object)
    source = np.where(planned.days > 0, "planned", np.where(planned.is_covered, "none", "expected"))
    return values, source.astype(object)


# --- which rows count, and for whom ---------------------------------------------------------------------------------


Pattern = tuple[str, str, str]


def patterns_of(rows: pd.DataFrame) -> list[Pattern]:
    """Return the names of each row, cleaned as those of the sales are; `*` stays."""
    columns = [rows[name].map({raw: clean_name(raw) for raw in rows[name].unique()}) for name in KEY]
    return list(zip(*(column.to_numpy(dtype=object) for column in columns), strict=True))


def places_by_pattern(rows: pd.DataFrame, combinations: Sequence[Combination]) -> dict[Pattern, npt.NDArray[np.int64]]:
    """Return the places of the combinations that each pattern names, without those that name nobody; `*` = all."""
    names = pd.DataFrame([combination.parts for combination in combinations], columns=KEY)
    found: dict[Pattern, npt.NDArray[np.int64]] = {}
    groups: dict[tuple[str, ...], Any] = {}
    for pattern in set(patterns_of(rows)):
        said = tuple(name for name, part in zip(KEY, pattern, strict=True) if part != ALL)
        if not said:
            places = np.arange(len(names))
        else:
            if said not in groups:
                groups[said] = names.groupby(list(said)).indices
            parts = tuple(part for part in pattern if part != ALL)
            places = groups[said].get(parts if len(parts) > 1 else parts[0], np.array([], dtype="int64"))
        if len(places):
            found[pattern] = places
    return found


def standing(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a plan that nothing has corrected or called off, sorted so that a later one counts."""
    return in_order(not_corrected(rows))


def not_corrected(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a plan that nothing has corrected or called off, in the order in which they are."""
    return _without_cancelled(_not_superseded(rows))


def _not_superseded(rows: pd.DataFrame) -> pd.DataFrame:
    """The newest rows of every promotion and pattern: a correction may move its days."""
    newest = rows.groupby(["plan_id", *KEY])["known_from"].transform("max")
    return rows[rows["known_from"] == newest]


def _without_cancelled(rows: pd.DataFrame) -> pd.DataFrame:
    """Without the promotions that a row about the same names and days, said then or later, has called off."""
    same = [*KEY, "starts_on", "ends_on"]
    calls_off = is_cancelled(rows)
    if not calls_off.any():
        return rows
    called_off = rows[calls_off].groupby(same)["known_from"].max().rename("_called_off").reset_index()
    until = rows.merge(called_off, on=same, how="left")["_called_off"].set_axis(rows.index)
    return rows[calls_off | ~(rows["known_from"] <= until)]


def in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a plan sorted so that a later one counts.

    What is called off first: it leaves its days free and is about no other promotion. Then by age; of one age coverage
    before promotions, those without a depth before others, `*` before names, and of rows that name equally much the
    deeper discount last.
    """
    order = rows.assign(
        _stands=~is_cancelled(rows),
        _promotion=is_promotion(rows),
        _has_depth=rows["discount_perc"].notna(),
        _named=sum((rows[name] != ALL).astype("int64") for name in KEY),
    )
    return order.sort_values(
        ["_stands", "known_from", "_promotion", "_has_depth", "_named", "discount_perc", "plan_id", "starts_on", *KEY]
    )


def is_promotion(rows: pd.DataFrame) -> pd.Series:
    """Return which rows of a plan are promotions; the others say what it covers."""
    return rows["discount_perc"].notna() | _is_flagged(rows)


def _is_flagged(rows: pd.DataFrame) -> pd.Series:
    flagged: pd.Series = rows["is_promo"].fillna(value=False).astype("bool")
    return flagged


def is_cancelled(rows: pd.DataFrame) -> pd.Series:
    """Return which rows of a plan call a promotion off."""
    cancelled: pd.Series = rows["cancelled"].fillna(value=False).astype("bool")
    return cancelled
