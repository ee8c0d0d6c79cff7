"""Promotions of weeks to come: what the plan said at a moment; where it says nothing, a recent average.

For one combination and day the newest statement counts (`known_from`): a promotion, its cancellation, or that the plan
is complete there and knows of none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.combination import KEY, Combination, clean_name
from skucast.tables import ALL

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

PROMO_REGRESSORS = ["promo_discount_perc", "promo_days"]
"""Mean discount over the days with a selling line (percent), and days with a discount (0 to 7)."""

EXPECTATION_WEEKS = 26

WEEK_DAYS = 7


@dataclass(frozen=True)
class PlannedWeeks:
    """What a plan says of H consecutive weeks of one combination; arrays have shape (H,).

    `discount` (percent, mean over the week's days) and `days` (0 to 7) count only where `is_covered`. `is_known` tells
    whether the plan has ever said anything about the combination.
    """

    discount: Floats
    days: Floats
    is_covered: Flags
    is_known: bool

    def first(self, n_weeks: int) -> PlannedWeeks:
        """Return the first weeks."""
        part = slice(n_weeks)
        return PlannedWeeks(self.discount[part], self.days[part], self.is_covered[part], self.is_known)


class Plan:
    """The rows of `tables.PROMOTIONS` about some combinations, to be read as of any moment."""

    def __init__(
        self, rows: pd.DataFrame, combinations: Sequence[Combination], grain: Literal["day", "week"] = "day"
    ) -> None:
        self._combinations = list(combinations)
        self._grain = grain
        self._places = _places_by_pattern(rows, self._combinations)
        named = pd.Series([pattern in self._places for pattern in _patterns(rows)], index=rows.index, dtype="bool")
        self._rows = rows[named]

    def as_of(self, known_at: datetime, weeks: Sequence[date]) -> dict[Combination, PlannedWeeks]:
        """Return what was known of consecutive weeks (their labels) at a moment (naive UTC), by combination.

        The discount of a week is the mean over its seven days, `days` those with a discount, as in history; where a
        sales row covers a week (grain `week`), a promotion on any day counts as seven days, as it does there. A week is
        covered if all its days are, or if a promotion is planned in it.
        """
        known = self._rows[self._rows["known_from"] <= pd.Timestamp(known_at)]
        is_known = np.zeros(len(self._combinations), dtype=bool)
        for pattern in set(_patterns(known)):
            is_known[self._places[pattern]] = True
        by_day = self._by_day(known, weeks[0] - timedelta(days=WEEK_DAYS - 1), WEEK_DAYS * len(weeks))
        by_week = by_day.reshape(len(self._combinations), len(weeks), WEEK_DAYS)
        days = (by_week > 0).sum(axis=2).astype("float64")
        discount = np.nansum(by_week, axis=2) / WEEK_DAYS
        is_covered = ~np.isnan(by_week).any(axis=2) | (days > 0)
        if self._grain == "week":
            days = np.where(days > 0, float(WEEK_DAYS), 0.0)
        return {
            combination: PlannedWeeks(discount[place], days[place], is_covered[place], bool(is_known[place]))
            for place, combination in enumerate(self._combinations)
        }

    def _by_day(self, known: pd.DataFrame, first: date, n_days: int) -> Floats:
        """The discount of every combination and day, percent; NaN where nothing is said: shape (C, n_days)."""
        said = np.full((len(self._combinations), n_days), np.nan)
        rows = _in_order(_not_superseded(known))
        starts = (rows["starts_on"] - pd.Timestamp(first)).dt.days.clip(lower=0).to_numpy()
        ends = (rows["ends_on"] - pd.Timestamp(first)).dt.days.clip(upper=n_days - 1).to_numpy() + 1
        depth = rows["discount_perc"].fillna(0.0).mask(_is_cancelled(rows), 0.0).to_numpy(dtype="float64")
        for pattern, start, end, percent in zip(_patterns(rows), starts, ends, depth, strict=True):
            if start < end:
                said[self._places[pattern], start:end] = percent
        return said


def expected_promotions(weeks: pd.DataFrame) -> dict[str, float]:
    """Return the value of each promo regressor to assume for a week no plan covers: its mean over the last 26 weeks."""
    recent = {name: weeks[name].to_numpy(dtype="float64")[-EXPECTATION_WEEKS:] for name in PROMO_REGRESSORS}
    return {name: float(values.mean()) if len(values) else 0.0 for name, values in recent.items()}


def promotions_ahead(
    weeks: pd.DataFrame, planned: PlannedWeeks | None, n_weeks: int
) -> tuple[dict[str, Floats], npt.NDArray[Any]]:
    """Return each promo regressor and where it is from (`tables.PROMO_SOURCES`) for the weeks after a history, (H,).

    The ladder: a planned promotion; none, where the plan covers the week; else the expectation.
    """
    expected = {name: np.full(n_weeks, value) for name, value in expected_promotions(weeks).items()}
    if planned is None:
        return expected, np.full(n_weeks, "expected", dtype=object)
    said = dict(zip(PROMO_REGRESSORS, (planned.discount, planned.days), strict=True))
    values = {name: np.where(planned.is_covered, said[name], expected[name]) for name in PROMO_REGRESSORS}
    source = np.where(planned.days > 0, "planned", np.where(planned.is_covered, "none", "expected"))
    return values, source.astype(object)


# --- which rows count, and for whom ---------------------------------------------------------------------------------


Pattern = tuple[str, str, str]


def _patterns(rows: pd.DataFrame) -> list[Pattern]:
    """The names of each row, cleaned as those of the sales are; `*` stays."""
    columns = [rows[name].map({raw: clean_name(raw) for raw in rows[name].unique()}) for name in KEY]
    return list(zip(*columns, strict=True))


def _places_by_pattern(rows: pd.DataFrame, combinations: Sequence[Combination]) -> dict[Pattern, npt.NDArray[np.int64]]:
    """The places of the combinations that each pattern names; patterns that name nobody are left out."""
    names = pd.DataFrame([combination.parts for combination in combinations], columns=KEY)
    found: dict[Pattern, npt.NDArray[np.int64]] = {}
    groups: dict[tuple[str, ...], Any] = {}
    for pattern in set(_patterns(rows)):
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


def _not_superseded(rows: pd.DataFrame) -> pd.DataFrame:
    """The newest rows of every promotion and pattern: a correction may move its days."""
    newest = rows.groupby(["plan_id", *KEY])["known_from"].transform("max")
    return rows[rows["known_from"] == newest]


def _in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """Sorted so that a later row counts: by age, then coverage before promotions, then `*` before names."""
    order = rows.assign(
        _promotion=rows["discount_perc"].notna(), _named=sum((rows[name] != ALL).astype("int64") for name in KEY)
    )
    return order.sort_values(["known_from", "_promotion", "_named", "plan_id", "starts_on", *KEY])


def _is_cancelled(rows: pd.DataFrame) -> pd.Series:
    cancelled: pd.Series = rows["cancelled"].fillna(value=False).astype("bool")
    return cancelled
