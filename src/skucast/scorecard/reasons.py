"""Why a combination is an alert: the first probable reason that its own sales, plan and model give evidence of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.tables.forecasts import REFRESHED
from skucast.core.texts import Count, Number, Percent, Place, Text
from skucast.core.weeks import weeks_between

MOST_OF_THE_ERROR = 0.5
UPLIFT = 1.1
"""A promotion that sells less than this many usual weeks has sold no more than usual."""

USUAL_WEEKS = 26
RECENT_WEEKS = 8
SHIFT = 1.5
"""A level that is so many times the one before, either way, is another level."""
MIN_SHIFT_WEEKS = 2

STALE_WEEKS = 13
GAP_WEEKS = 13
ZERO_SHARE = 0.5
NEW_WEEKS = 26

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Weeks = npt.NDArray[np.datetime64]
_WEEK = "datetime64[D]"


@dataclass(frozen=True)
class Evidence:
    """What is known of one combination at the end of the window.

    `weeks` is its history up to `window_end` (`history.HISTORY_COLUMNS` without KEY), `rows` its forecasts of the
    window (`tables.SCORED`); `low_volume` in sales per week.
    """

    weeks: pd.DataFrame
    rows: pd.DataFrame
    window_start: date
    window_end: date
    low_volume: float

    @cached_property
    def sold(self) -> Sold:
        """The weeks as arrays."""
        return Sold(
            ds=self.weeks["ds"].to_numpy(),
            y=self.weeks["y"].to_numpy("float64"),
            is_promo=self.weeks["is_promo"].to_numpy("bool"),
            is_stockout=self.weeks["is_stockout"].to_numpy("bool"),
        )

    @cached_property
    def scored(self) -> Scored:
        """The forecasts of the window that are scored."""
        y = self.rows["y"].to_numpy("float64")
        known = ~np.isnan(y)
        ds = self.rows["ds"].to_numpy()[known]
        return Scored(
            ds=ds,
            y=y[known],
            error=self.rows["yhat"].to_numpy("float64")[known] - y[known],
            is_promo=np.isin(ds, self.sold.ds[self.sold.is_promo]),
            is_planned=(self.rows["promo_source"] == "planned").to_numpy("bool")[known],
            is_late=(self.rows["data_cutoff"] < self.rows["cutoff"]).to_numpy("bool")[known],
        )

    @cached_property
    def window(self) -> Floats:
        """What was sold in the weeks of the window that are known."""
        return self.sold.y[(self.sold.ds >= self._start) & self.sold.is_known]

    @cached_property
    def before(self) -> tuple[Floats, Flags]:
        """What was sold in the last 26 known weeks before the window, or those there are, and which had a promotion."""
        earlier = (self.sold.ds < self._start) & self.sold.is_known
        return self.sold.y[earlier][-USUAL_WEEKS:], self.sold.is_promo[earlier][-USUAL_WEEKS:]

    @property
    def _start(self) -> np.datetime64:
        return np.datetime64(self.window_start)


@dataclass(frozen=True)
class Sold:
    """A combination's weeks; `y` is NaN where it is not known."""

    ds: Weeks
    y: Floats
    is_promo: Flags
    is_stockout: Flags

    @property
    def is_known(self) -> Flags:
        """Which weeks' sales are known."""
        return ~np.isnan(self.y)


@dataclass(frozen=True)
class Scored:
    """Forecasts beside what was sold: `error` is the forecast minus that; made with a promotion planned, or late."""

    ds: Weeks
    y: Floats
    error: Floats
    is_promo: Flags
    is_planned: Flags
    is_late: Flags

    def share_of_error(self, part: Flags) -> float:
        """Return how much of the error these forecasts make."""
        whole = np.abs(self.error).sum()
        return float(np.abs(self.error[part]).sum() / whole) if whole else 0.0


def probable_reason(evidence: Evidence) -> tuple[str, Text]:
    """Return the first of `tables.REASONS` that there is evidence of, and the evidence: numbers in one sentence."""
    for reason, look in _LOOK.items():
        found = look(evidence)
        if found is not None:
            return reason, found
    raise AssertionError("the last reason is always found")


def _promotion_without_plan(evidence: Evidence) -> Text | None:
    rows = evidence.scored
    surprised = rows.is_promo & ~rows.is_planned & (rows.error < 0)
    share = rows.share_of_error(surprised)
    if share < MOST_OF_THE_ERROR:
        return None
    return Count(
        "{n} week of the window had a promotion that no plan named; forecasts of them, too low, are {share} of the "
        "error",
        "{n} weeks of the window had a promotion that no plan named; forecasts of them, too low, are {share} of the "
        "error",
        len(np.unique(rows.ds[surprised])),
        share=Percent(share),
    )


def _plan_without_uplift(evidence: Evidence) -> Text | None:
    rows, (before, is_promo) = evidence.scored, evidence.before
    usual = _mean(before[~is_promo])
    flat = rows.is_planned & (rows.error > 0) & (rows.y < UPLIFT * usual)
    share = rows.share_of_error(flat)
    if share < MOST_OF_THE_ERROR:
        return None
    weeks, first = np.unique(rows.ds[flat], return_index=True)
    sold = _mean(rows.y[flat][np.sort(first)])
    return Count(
        "a promotion was planned for {n} week that sold {sold} a week, as weeks without one do ({usual}); their "
        "forecasts are {share} of the error",
        "a promotion was planned for {n} weeks that sold {sold} a week, as weeks without one do ({usual}); their "
        "forecasts are {share} of the error",
        len(weeks),
        sold=Number(sold),
        usual=Number(usual),
        share=Percent(share),
    )


def _stockout(evidence: Evidence) -> Text | None:
    n_empty = int(evidence.sold.is_stockout[-RECENT_WEEKS:].sum())
    if not n_empty:
        return None
    return Text("{n} of the last {weeks} weeks were out of stock", n=n_empty, weeks=RECENT_WEEKS)


def _level_shift(evidence: Evidence) -> Text | None:
    """All weeks of the window on one side of what was usual, or the last few far from it: a shift may be young."""
    now, (before, _) = evidence.window, evidence.before
    if len(before) < RECENT_WEEKS:
        return None
    usual = _mean(before)
    for n_weeks in range(len(now), MIN_SHIFT_WEEKS - 1, -1):
        last = now[-n_weeks:]
        on_one_side = (last > usual).all() or (last < usual).all()
        nearest = _mean(last) if n_weeks == len(now) else float(min(last, key=lambda y: abs(y - usual)))
        if on_one_side and max(nearest, usual) >= SHIFT * min(nearest, usual):
            places: dict[str, Place] = {
                "n": n_weeks,
                "sold": Number(_mean(last), 1),
                "usual": Number(usual, 1),
                "before": len(before),
            }
            if _mean(last) > usual:
                return Text(
                    "the last {n} weeks sold {sold} a week, each of them more than the {usual} of the {before} weeks "
                    "before the window",
                    **places,
                )
            return Text(
                "the last {n} weeks sold {sold} a week, each of them less than the {usual} of the {before} weeks "
                "before the window",
                **places,
            )
    return None


def _stale_model(evidence: Evidence) -> Text | None:
    rows = evidence.rows
    refreshed = (rows["status"] == REFRESHED).to_numpy("bool")
    trained = np.where(refreshed, rows["data_cutoff"].to_numpy(_WEEK), rows["model_cutoff"].to_numpy(_WEEK))
    known = trained[~np.isnat(trained)]
    if not len(known):
        return None
    newest = known.max().astype(date)
    age = weeks_between(newest, evidence.window_end)
    if age < STALE_WEEKS:
        return None
    return Text(
        "the newest model behind the window's forecasts was trained on sales up to {day}, {n} weeks before its end",
        day=newest,
        n=age,
    )


def _data_gap(evidence: Evidence) -> Text | None:
    n_missing = int((~evidence.sold.is_known & ~evidence.sold.is_stockout)[-GAP_WEEKS:].sum())
    if n_missing:
        return Text("the sales of {n} of the last {weeks} weeks are not known", n=n_missing, weeks=GAP_WEEKS)
    late = evidence.scored.is_late
    if not len(late) or late.sum() < MOST_OF_THE_ERROR * len(late):
        return None
    return Count(
        "{late} of {n} forecast of the window were made on sales that were late",
        "{late} of {n} forecasts of the window were made on sales that were late",
        len(late),
        late=int(late.sum()),
    )


def _low_volume(evidence: Evidence) -> Text | None:
    y = evidence.sold.y[evidence.sold.is_known][-USUAL_WEEKS:]
    n_zero = int((y == 0).sum())
    if not len(y) or (_mean(y) >= evidence.low_volume and n_zero < ZERO_SHARE * len(y)):
        return None
    return Count(
        "{sold} a week were sold over the last {n} week, {zero} of them without a sale",
        "{sold} a week were sold over the last {n} weeks, {zero} of them without a sale",
        len(y),
        sold=Number(_mean(y), 1),
        zero=n_zero,
    )


def _new_sku(evidence: Evidence) -> Text | None:
    n_weeks = len(evidence.weeks)
    if not 0 < n_weeks < NEW_WEEKS:
        return None
    first = evidence.sold.ds[0].astype("datetime64[D]").astype(date)
    return Count("sold since week {day}, {n} week", "sold since week {day}, {n} weeks", n_weeks, day=first)


def _unexplained(evidence: Evidence) -> Text:
    rows = evidence.scored
    sold, n_over = np.abs(rows.y).sum(), int((rows.error > 0).sum())
    wape = float(np.abs(rows.error).sum() / sold) if sold else None
    return Count(
        "none of the usual causes: {over} of {n} forecast were too high, the others too low or right; {size}",
        "none of the usual causes: {over} of {n} forecasts were too high, the others too low or right; {size}",
        len(rows.y),
        over=n_over,
        size=Text("nothing was sold") if wape is None else Text("WAPE {wape}", wape=Percent(wape)),
    )


def _mean(values: Floats) -> float:
    """The mean, NaN of nothing."""
    return float(values.mean()) if len(values) else float("nan")


_LOOK: dict[str, Callable[[Evidence], Text | None]] = {
    "promotion_without_plan": _promotion_without_plan,
    "plan_without_uplift": _plan_without_uplift,
    "stockout": _stockout,
    "level_shift": _level_shift,
    "stale_model": _stale_model,
    "data_gap": _data_gap,
    "low_volume": _low_volume,
    "new_sku": _new_sku,
    "unexplained": _unexplained,
}
"""In the order of `tables.REASONS`."""
