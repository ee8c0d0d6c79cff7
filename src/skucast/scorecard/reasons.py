"""Why a combination is an alert: the first probable reason that its own sales, plan and model give evidence of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

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

    @property
    def scored(self) -> pd.DataFrame:
        """The forecasts of the window that are scored, with their `error` and whether their week had a promotion."""
        rows = self.rows[self.rows["y"].notna()]
        promoted = self.weeks.loc[self.weeks["is_promo"], "ds"]
        return rows.assign(error=rows["yhat"] - rows["y"], is_promo=rows["ds"].isin(promoted))

    @property
    def window(self) -> pd.DataFrame:
        """The weeks of the window whose sales are known."""
        return self.weeks[self.weeks["ds"].ge(pd.Timestamp(self.window_start)) & self.weeks["y"].notna()]

    @property
    def before(self) -> pd.DataFrame:
        """The last 26 known weeks before the window, or those there are."""
        earlier = self.weeks["ds"].lt(pd.Timestamp(self.window_start)) & self.weeks["y"].notna()
        return self.weeks[earlier].tail(USUAL_WEEKS)


def probable_reason(evidence: Evidence) -> tuple[str, Text]:
    """Return the first of `tables.REASONS` that there is evidence of, and the evidence: numbers in one sentence."""
    for reason, look in _LOOK.items():
        found = look(evidence)
        if found is not None:
            return reason, found
    raise AssertionError("the last reason is always found")


def _promotion_without_plan(evidence: Evidence) -> Text | None:
    rows = evidence.scored
    surprised = rows[rows["is_promo"] & (rows["promo_source"] != "planned") & (rows["error"] < 0)]
    share = _share_of_error(surprised, rows)
    if share < MOST_OF_THE_ERROR:
        return None
    return Count(
        "{n} week of the window had a promotion that no plan named; forecasts of them, too low, are {share} of the "
        "error",
        "{n} weeks of the window had a promotion that no plan named; forecasts of them, too low, are {share} of the "
        "error",
        surprised["ds"].nunique(),
        share=Percent(share),
    )


def _plan_without_uplift(evidence: Evidence) -> Text | None:
    rows, before = evidence.scored, evidence.before
    usual = before.loc[~before["is_promo"], "y"].mean()
    flat = rows[(rows["promo_source"] == "planned") & (rows["error"] > 0) & (rows["y"] < UPLIFT * usual)]
    share = _share_of_error(flat, rows)
    if share < MOST_OF_THE_ERROR:
        return None
    sold = flat.drop_duplicates("ds")["y"].mean()
    return Count(
        "a promotion was planned for {n} week that sold {sold} a week, as weeks without one do ({usual}); their "
        "forecasts are {share} of the error",
        "a promotion was planned for {n} weeks that sold {sold} a week, as weeks without one do ({usual}); their "
        "forecasts are {share} of the error",
        flat["ds"].nunique(),
        sold=Number(sold),
        usual=Number(usual),
        share=Percent(share),
    )


def _stockout(evidence: Evidence) -> Text | None:
    n_empty = int(evidence.weeks.tail(RECENT_WEEKS)["is_stockout"].sum())
    if not n_empty:
        return None
    return Text("{n} of the last {weeks} weeks were out of stock", n=n_empty, weeks=RECENT_WEEKS)


def _level_shift(evidence: Evidence) -> Text | None:
    """All weeks of the window on one side of what was usual, or the last few far from it: a shift may be young."""
    now, before = evidence.window["y"], evidence.before["y"]
    if len(before) < RECENT_WEEKS:
        return None
    usual = before.mean()
    for n_weeks in range(len(now), MIN_SHIFT_WEEKS - 1, -1):
        last = now.tail(n_weeks)
        on_one_side = (last > usual).all() or (last < usual).all()
        nearest = last.mean() if n_weeks == len(now) else min(last, key=lambda y: abs(y - usual))
        if on_one_side and max(nearest, usual) >= SHIFT * min(nearest, usual):
            places: dict[str, Place] = {
                "n": n_weeks,
                "sold": Number(last.mean(), 1),
                "usual": Number(usual, 1),
                "before": len(before),
            }
            if last.mean() > usual:
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
    trained = rows["model_cutoff"].mask(rows["status"] == REFRESHED, rows["data_cutoff"]).max()
    if pd.isna(trained):
        return None
    age = weeks_between(trained.date(), evidence.window_end)
    if age < STALE_WEEKS:
        return None
    return Text(
        "the newest model behind the window's forecasts was trained on sales up to {day}, {n} weeks before its end",
        day=trained.date(),
        n=age,
    )


def _data_gap(evidence: Evidence) -> Text | None:
    recent = evidence.weeks.tail(GAP_WEEKS)
    n_missing = int((recent["y"].isna() & ~recent["is_stockout"]).sum())
    if n_missing:
        return Text("the sales of {n} of the last {weeks} weeks are not known", n=n_missing, weeks=GAP_WEEKS)
    rows = evidence.scored
    late = rows[rows["data_cutoff"] < rows["cutoff"]]
    if not len(rows) or len(late) < MOST_OF_THE_ERROR * len(rows):
        return None
    return Count(
        "{late} of {n} forecast of the window were made on sales that were late",
        "{late} of {n} forecasts of the window were made on sales that were late",
        len(rows),
        late=len(late),
    )


def _low_volume(evidence: Evidence) -> Text | None:
    y = evidence.weeks["y"].dropna().tail(USUAL_WEEKS)
    n_zero = int((y == 0).sum())
    if not len(y) or (y.mean() >= evidence.low_volume and n_zero < ZERO_SHARE * len(y)):
        return None
    return Count(
        "{sold} a week were sold over the last {n} week, {zero} of them without a sale",
        "{sold} a week were sold over the last {n} weeks, {zero} of them without a sale",
        len(y),
        sold=Number(y.mean(), 1),
        zero=n_zero,
    )


def _new_sku(evidence: Evidence) -> Text | None:
    n_weeks = len(evidence.weeks)
    if not 0 < n_weeks < NEW_WEEKS:
        return None
    first = evidence.weeks["ds"].iloc[0].date()
    return Count("sold since week {day}, {n} week", "sold since week {day}, {n} weeks", n_weeks, day=first)


def _unexplained(evidence: Evidence) -> Text:
    rows = evidence.scored
    sold, n_over = rows["y"].abs().sum(), int((rows["error"] > 0).sum())
    wape = rows["error"].abs().sum() / sold if sold else None
    return Count(
        "none of the usual causes: {over} of {n} forecast were too high, the others too low or right; {size}",
        "none of the usual causes: {over} of {n} forecasts were too high, the others too low or right; {size}",
        len(rows),
        over=n_over,
        size=Text("nothing was sold") if wape is None else Text("WAPE {wape}", wape=Percent(wape)),
    )


def _share_of_error(part: pd.DataFrame, rows: pd.DataFrame) -> float:
    whole = rows["error"].abs().sum()
    return float(part["error"].abs().sum() / whole) if whole else 0.0


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
