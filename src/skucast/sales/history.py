"""History: weekly sums become one clean row per combination and week, with a report of every repair."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.combination import KEY, Combination
from skucast.core.declared import PREFIX
from skucast.core.rows import kept_rows
from skucast.core.tables.contract import ALL
from skucast.core.weeks import WEEK, WeekClock, weeks_between
from skucast.sales.closures import MissingWeeks, closure_texts, without_closures
from skucast.sales.columns import Columns, Weeks, carried_on, days, numbers
from skucast.sales.data_report import DataReport
from skucast.sales.dates import future_lines, suspected_dates, without_strays
from skucast.sales.deliveries import Late, judge_deliveries
from skucast.sales.discounts import deepest_discounts, in_percent
from skucast.sales.gapless import Gapless, first_weeks
from skucast.sales.made_weeks import weeks_of
from skucast.sales.names import NO_NAMES, Names, merged_spellings, rejected_names, without_names
from skucast.sales.narrow_weeks import narrow_weeks
from skucast.sales.opened import Opened, opened_of
from skucast.sales.outliers import outlier_texts, outliers, outliers_found
from skucast.sales.selling_days import selling_days_of
from skucast.sales.stock import stock_left, suspected_stock
from skucast.sales.unknown_depths import NO_DEPTHS, UsualDepths, with_usual_depths

HISTORY_COLUMNS = [
    *KEY,
    "ds",
    "y",
    "returns_quantity",
    "promo_discount_perc",
    "promo_days",
    "is_promo",
    "is_stockout",
    "is_censored",
    "is_outlier",
    "is_closed",
    "promo_type",
    "promo_depth",
]

MAX_BRIDGED_WEEKS = 26
"""Sales later than this are not bridged: the forecast would feed on itself for half a year."""

_EXAMPLES = 20


@dataclass(frozen=True)
class History:
    """All combinations' weeks up to `data_cutoff`, the last week whose sales were delivered.

    `weeks` has one row per combination and week, without gaps, sorted: `HISTORY_COLUMNS`; `y` in sales per week, >= 0,
    NaN where it is not known (out of stock, delivery missing, closed); discounts in percent; `promo_days` 0 to 7;
    `promo_depth` is the discount on these days, NaN where none is known.
    `selling_days` are the weekdays, Monday first, on which a combination usually sells; all for those not named. `late`
    names the units and channels whose newest weeks have not arrived although others' have. `first_sales` has what was
    sold in the partial first weeks that `weeks` begins after: KEY, `ds`, `y`. `names` knows the spellings.
    `deepest_discounts` are what each combination ever had, percent; of those not named no depth is known.
    `usual_depths` are what a promotion without a depth counts as. `opened` has combinations without a week yet,
    `stock` what was left at the end of `data_cutoff` (see `stock_left`). Regressors that were declared are columns of
    `weeks` too, NaN where a value is not known.
    """

    weeks: pd.DataFrame
    data_cutoff: date
    newest_day: date
    report: DataReport
    selling_days: dict[Combination, tuple[bool, ...]] = field(default_factory=dict)
    late: list[Late] = field(default_factory=list)
    first_sales: pd.DataFrame | None = None
    names: Names = NO_NAMES
    deepest_discounts: dict[Combination, float] = field(default_factory=dict)
    usual_depths: UsualDepths = NO_DEPTHS
    stock: pd.DataFrame | None = None
    opened: dict[Combination, Opened] = field(default_factory=dict)

    @property
    def combinations(self) -> list[Combination]:
        """Every combination that has a week, sorted."""
        return list(self._combinations)

    @cached_property
    def _combinations(self) -> tuple[Combination, ...]:
        keys = self.weeks[KEY].drop_duplicates()
        return tuple(sorted(Combination(*parts) for parts in keys.itertuples(index=False, name=None)))

    def known_through(self, combination: Combination | None = None) -> date:
        """Return the last week that has arrived of a combination (None = of every one), no more than 26 weeks back."""
        behind = [
            each.delivered_through
            for each in self.late
            if combination is None or (each.unit == combination.unit and each.channel in (ALL, combination.channel))
        ]
        return max(min([self.data_cutoff, *behind]), self.data_cutoff - MAX_BRIDGED_WEEKS * WEEK)

    def delivered(self, wanted: Sequence[Combination]) -> dict[Combination, Columns]:
        """Return the weeks of each combination, sorted by these, up to the last one that has arrived."""
        names = set(wanted)
        whole = Columns({name: self.weeks[name].to_numpy() for name in self.weeks.columns.drop([*KEY, "promo_type"])})
        found = {}
        for combination, first, end in self._places():
            if combination in names:
                weeks = whole.part(first, end)
                n_arrived = (
                    int(np.sum(days(weeks) <= np.datetime64(self.known_through(combination))))
                    if self.late
                    else len(weeks)
                )
                found[combination] = weeks.part(0, n_arrived or len(weeks))
        return found

    def split(self, wanted: Sequence[Combination] | None = None) -> Iterator[tuple[Combination, pd.DataFrame]]:
        """Yield each combination with its weeks (key columns left out, index 0..n-1), sorted by combination."""
        names = None if wanted is None else set(wanted)
        values = self.weeks.drop(columns=KEY)
        for combination, first, end in self._places():
            if names is None or combination in names:
                weeks = values.iloc[first:end]
                weeks.index = pd.RangeIndex(end - first)
                yield combination, weeks

    def _places(self) -> Iterator[tuple[Combination, int, int]]:
        """Each combination with its first row and the one after its last."""
        keys = self.weeks[KEY]
        starts = np.flatnonzero((keys != keys.shift()).any(axis=1))  # rows are sorted by combination
        of_starts = keys.iloc[starts].astype(str).itertuples(index=False, name=None)
        for parts, (first, end) in zip(of_starts, itertools.pairwise([*starts.tolist(), len(keys)]), strict=True):
            yield Combination(*parts), first, end


def build_history(
    weekly: pd.DataFrame,
    clock: WeekClock,
    cutoff: date,
    *,
    grain: Literal["day", "week"] = "day",
    stale_after_weeks: int = 13,
    days_off: Collection[date] = (),
    days_off_by_unit: Mapping[str, Collection[date]] = MappingProxyType({}),
    correct_stockouts: bool = True,
    censor_outliers: bool = True,
    missing: MissingWeeks = "zero",
    later: pd.DataFrame | None = None,
    names: Names = NO_NAMES,
    newer: pd.DataFrame | None = None,
    emptied: bool = False,
) -> History:
    """Return the history up to the cutoff from the rows of `Warehouse.weekly_sales`.

    Rules: rows with NULL keys or dates and lines without a finite quantity are ignored and counted; a combination
    starts in its first week with a sale, a partial first week is dropped (unless it is the only one); weeks without
    rows are 0 up to the last delivered week; the net of a week is floored at 0. A day is out of stock if none was left
    and nothing was sold on a usual weekday, where stock is kept (see `empty_days`). A week is NaN when it sold nothing
    and was out of stock on most such days, when its unit or channel has not delivered it whole, or no
    line has a quantity. A week with sales
    and days out of stock `is_censored`: y is what the other days tell of a whole week, or what was sold without
    `correct_stockouts` and where sales are weekly. `days_off` are the public holidays, `days_off_by_unit` those of
    units that have others: a week that ends early because of them is whole. A week whose sales or returns nothing
    explains `is_outlier` and unknown, unless not `censor_outliers` (see `outliers`). A closure that has ended is
    unknown and `is_closed`; `missing` says what a week without a row is (see `closures`). A few rows that lie years
    before all others are left out; they are said, as are the lines dated after today (`later`:
    `Warehouse.later_sales`). `names` are those that the rows were given (`names.with_names`). `newer`
    are the rows of weeks after the cutoff: with them `opened` is told. Where `emptied`, the frame loses its columns
    once they are used: it is as large as all else.
    """
    weekly = narrow_weeks(weekly)
    placeholder = weekly[[*KEY, "ds"]].isna().any(axis=1) | (weekly[KEY] == "").any(axis=1)
    complete = weekly["ds"] <= pd.Timestamp(cutoff)
    known = kept_rows(weekly, ~placeholder & complete)
    rejected = rejected_names(known)
    known, strays = without_strays(without_names(known, rejected))
    known, measures = in_percent(known)
    usual = UsualDepths.of_weeks(known)
    known = with_usual_depths(known, usual)
    deliveries = judge_deliveries(
        known,
        clock,
        cutoff,
        days_off=days_off,
        days_off_by_unit=days_off_by_unit,
        by_day=grain == "day",
        closed_after_weeks=stale_after_weeks,
    )
    data_cutoff = deliveries.data_cutoff
    sold = kept_rows(known, known["ds"] <= pd.Timestamp(data_cutoff))
    newest_day = known["last_date"].max().date() if len(known) else cutoff
    newest = None if newer is None else _newest(weekly, newer, data_cutoff)
    of_rows: dict[str, Any] = {
        "n_lines": int(weekly["n_lines"].sum()),
        "n_placeholder_lines": int(weekly.loc[placeholder, "n_lines"].sum()),
        "n_bad_quantity_lines": int(weekly.loc[~placeholder, "n_bad_quantity"].sum()),
        "n_no_depth_weeks": int((known["no_depth_share"] > 0).sum()),
        "merged_spellings": merged_spellings(known)[:_EXAMPLES],
    }
    doubtful_dates = list(suspected_dates(known))
    of_combinations: dict[str, Any] = {
        "selling_days": selling_days_of(sold, data_cutoff) if grain == "day" else {},
        "deepest_discounts": deepest_discounts(sold),
        "stock": stock_left(sold, data_cutoff) if "last_stock" in sold else None,
    }
    declared = {name: PREFIX + name.partition(":")[2] for name in map(str, weekly) if ":" in name}
    starts, group, first_sales = first_weeks(sold, grain)
    gapless = Gapless.of(sold, starts, group, data_cutoff)
    weeks = weeks_of(sold, gapless, grain, list(declared), correct_stockouts=correct_stockouts)
    del known, sold, gapless, group, placeholder, complete  # the sums are most of the memory, and nobody asks them more
    if emptied:
        for name in list(weekly):
            del weekly[name]
    n_floored = int((weeks["quantity"] < 0).sum())
    is_undelivered = _is_among(weeks, deliveries.unknown)
    weeks = weeks.assign(y=weeks["y"].mask(is_undelivered)) if is_undelivered.any() else weeks
    of_units = {unit: {clock.label(day) for day in days} for unit, days in days_off_by_unit.items()}
    odd = outliers(weeks if censor_outliers else weeks[:0], {clock.label(day) for day in days_off}, of_units)
    is_outlier = weeks.index.isin(odd.index)
    repaired = without_closures(weeks.assign(y=weeks["y"].mask(is_outlier), is_outlier=is_outlier), missing)
    result = repaired[[*HISTORY_COLUMNS, *declared]].rename(columns=declared)
    inactive = inactive_combinations(result, stale_after_weeks)
    stale = ["/".join(map(str, names)) for names in inactive.index[inactive]]
    report = DataReport(
        **of_rows,
        n_combinations=len(starts),
        n_weeks=len(result),
        first_week=str(result["ds"].min().date()) if len(result) else "",
        data_cutoff=str(data_cutoff),
        newest_day=str(newest_day),
        late_weeks=weeks_between(data_cutoff, cutoff),
        n_zero_filled_weeks=int((repaired["n_lines"].isna() & (repaired["y"] == 0)).sum()),
        n_floored_weeks=n_floored,
        n_stockout_weeks=int(result["is_stockout"].sum()),
        n_censored_weeks=int((result["is_censored"] & ~result["is_stockout"]).sum()),
        n_partial_first_weeks=len(first_sales),
        n_outlier_weeks=len(odd),
        outlier_weeks=outlier_texts(odd)[:_EXAMPLES],
        n_closed_weeks=int(result["is_closed"].sum()),
        n_missing_weeks=int(repaired["is_missing"].sum()),
        closures=closure_texts(result)[:_EXAMPLES],
        n_future_lines=0 if later is None else int(later["n_lines"].sum()),
        n_stale_combinations=len(stale),
        stale_combinations=stale[:_EXAMPLES],
        joined_names=names.joined[:_EXAMPLES],
        doubtful_names=names.doubtful[:_EXAMPLES],
        left_out_names=names.left_out[:_EXAMPLES],
        rejected_names=[f"{'/'.join(name)!r}: {problem}" for name, problem in rejected.items()][:_EXAMPLES],
        feed_gap_weeks=[str(ds.date()) for ds in deliveries.feed_gaps],
        late_units=[str(each) for each in deliveries.late],
        unit_gaps=deliveries.unit_gaps[:_EXAMPLES],
        closed_units=deliveries.closed[:_EXAMPLES],
        warnings=[
            *deliveries.in_part,
            *future_lines(later),
            *strays,
            *outliers_found(odd),
            *measures,
            *doubtful_dates,
            *suspected_stock(result),
        ],
    )
    return History(
        weeks=result,
        data_cutoff=data_cutoff,
        newest_day=newest_day,
        report=report,
        late=deliveries.late,
        first_sales=first_sales,
        names=names,
        usual_depths=usual,
        opened={} if newest is None else opened_of(newest, result, by_day=grain == "day"),
        **of_combinations,
    )


def with_lag(weeks: pd.DataFrame) -> pd.DataFrame:
    """Return one combination's weeks with `y_lag1`, the week before; unknown weeks count as the mean of those before.

    The first row's lag is NaN: there is no week before it.
    """
    return weeks.assign(y_lag1=lagged(weeks["y"]))


def lagged(y: pd.Series | npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the sales of the week before each of one combination's weeks, as `with_lag` has them."""
    return np.concatenate([[np.nan], carried_on(np.asarray(y, dtype="float64"))])[: len(y)]


def carried(y: pd.Series) -> pd.Series:
    """Return y with what stands in for its unknown weeks (`carried_on`)."""
    return y if not y.isna().any() else pd.Series(carried_on(y.to_numpy(dtype="float64")), index=y.index)


def is_inactive(weeks: Weeks, after_weeks: int) -> bool:
    """Return whether a combination sold nothing in its last `after_weeks` weeks, out of stock or not.

    A feed that goes on with stock 0 after the last sale tells of an article that is gone; a week whose delivery failed
    may have sold something. Of many combinations `inactive_combinations` says the same at once.
    """
    return ends_without_a_sale(nothing_sold(weeks), after_weeks)


def inactive_combinations(weeks: pd.DataFrame, after_weeks: int) -> pd.Series:
    """Return which combinations are inactive (see `is_inactive`): true or false by `KEY`, sorted."""
    nothing = nothing_sold(weeks)
    places: dict[Any, Any] = weeks.groupby(KEY).indices
    index = pd.MultiIndex.from_tuples(list(places), names=KEY) if places else pd.MultiIndex.from_frame(weeks[KEY])
    inactive = [ends_without_a_sale(nothing[rows], after_weeks) for rows in places.values()]
    return pd.Series(inactive, index=index, dtype="bool").sort_index()


def active_combinations(weeks: pd.DataFrame, after_weeks: int) -> pd.DataFrame:
    """Return the combinations that are not inactive, sorted: columns of `KEY`."""
    inactive = inactive_combinations(weeks, after_weeks)
    return inactive.index[~inactive].to_frame(index=False)


def nothing_sold(weeks: Weeks) -> npt.NDArray[np.bool_]:
    """Weeks that are known to have sold nothing, out of stock or not; one with sales is none, however empty."""
    nothing: npt.NDArray[np.bool_] = (numbers(weeks, "y") == 0) | np.asarray(weeks["is_stockout"], dtype="bool")
    return nothing


def ends_without_a_sale(nothing_sold: npt.NDArray[np.bool_], after_weeks: int) -> bool:
    """Return whether nothing was sold in the last `after_weeks` of these weeks, and there are so many."""
    last = nothing_sold[-after_weeks:]
    return len(last) == after_weeks and bool(last.all())


# --- weeks of each combination --------------------------------------------------------------------------------------


def _newest(weekly: pd.DataFrame, newer: pd.DataFrame, data_cutoff: date) -> pd.DataFrame:
    """The rows of the last week and of later ones, as far as `opened_of` looks at them."""
    columns = [*KEY, "ds", "quantity", "returns_quantity", "first_date", "last_date"]
    return pd.concat(
        [weekly.loc[weekly["ds"] >= pd.Timestamp(data_cutoff), columns], newer[columns]], ignore_index=True
    )


def _is_among(weeks: pd.DataFrame, undelivered: pd.DataFrame) -> pd.Series:
    """Whether each week is one that its unit and channel have not delivered."""
    names = ["unit", "channel", "ds"]
    if not len(undelivered):
        return pd.Series(data=False, index=weeks.index)
    lacking = pd.MultiIndex.from_frame(undelivered[names])
    return pd.Series(pd.MultiIndex.from_frame(weeks[names]).isin(lacking), index=weeks.index)
