"""Why a combination is an alert: the first probable reason that its own sales, plan and model give evidence of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import pandas as pd

from skucast.core.tables.forecasts import REFRESHED
from skucast.core.weeks import weeks_between
from skucast.core.words import counted, percent

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


def probable_reason(evidence: Evidence) -> tuple[str, str]:
    """Return the first of `tables.REASONS` that there is evidence of, and the evidence: numbers in one sentence."""
    for reason, look in _LOOK.items():
        found = look(evidence)
        if found is not None:
            return reason, found
    raise AssertionError("the last reason is always found")


def _promotion_without_plan(evidence: Evidence) -> str | None:
    rows = evidence.scored
    surprised = rows[rows["is_promo"] & (rows["promo_source"] != "planned") & (rows["error"] < 0)]
    share = _share_of_error(surprised, rows)
    if share < MOST_OF_THE_ERROR:
        return None
    return (
        f"{counted(surprised['ds'].nunique(), 'week')} of the window had a promotion that no plan named; forecasts of "
        f"them, too low, are {percent(share)} of the error"
    )


def _plan_without_uplift(evidence: Evidence) -> str | None:
    rows, before = evidence.scored, evidence.before
    usual = before.loc[~before["is_promo"], "y"].mean()
    flat = rows[(rows["promo_source"] == "planned") & (rows["error"] > 0) & (rows["y"] < UPLIFT * usual)]
    share = _share_of_error(flat, rows)
    if share < MOST_OF_THE_ERROR:
        return None
    sold = flat.drop_duplicates("ds")["y"].mean()
    return (
        f"a promotion was planned for {counted(flat['ds'].nunique(), 'week')} that sold {sold:.0f} a week, as weeks "
        f"without one do ({usual:.0f}); their forecasts are {percent(share)} of the error"
    )


def _stockout(evidence: Evidence) -> str | None:
    n_empty = int(evidence.weeks.tail(RECENT_WEEKS)["is_stockout"].sum())
    return f"{n_empty} of the last {RECENT_WEEKS} weeks were out of stock" if n_empty else None


def _level_shift(evidence: Evidence) -> str | None:
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
            return (
                f"the last {n_weeks} weeks sold {last.mean():.1f} a week, each of them "
                f"{'more' if last.mean() > usual else 'less'} than the {usual:.1f} of the {len(before)} weeks before "
                "the window"
            )
    return None


def _stale_model(evidence: Evidence) -> str | None:
    rows = evidence.rows
    trained = rows["model_cutoff"].mask(rows["status"] == REFRESHED, rows["data_cutoff"]).max()
    if pd.isna(trained):
        return None
    age = weeks_between(trained.date(), evidence.window_end)
    if age < STALE_WEEKS:
        return None
    return (
        f"the newest model behind the window's forecasts was trained on sales up to {trained.date()}, {age} weeks "
        "before its end"
    )


def _data_gap(evidence: Evidence) -> str | None:
    recent = evidence.weeks.tail(GAP_WEEKS)
    n_missing = int((recent["y"].isna() & ~recent["is_stockout"]).sum())
    if n_missing:
        return f"the sales of {n_missing} of the last {GAP_WEEKS} weeks are not known"
    rows = evidence.scored
    late = rows[rows["data_cutoff"] < rows["cutoff"]]
    if not len(rows) or len(late) < MOST_OF_THE_ERROR * len(rows):
        return None
    return f"{len(late)} of {counted(len(rows), 'forecast')} of the window were made on sales that were late"


def _low_volume(evidence: Evidence) -> str | None:
    y = evidence.weeks["y"].dropna().tail(USUAL_WEEKS)
    n_zero = int((y == 0).sum())
    if not len(y) or (y.mean() >= evidence.low_volume and n_zero < ZERO_SHARE * len(y)):
        return None
    return f"{y.mean():.1f} a week were sold over the last {counted(len(y), 'week')}, {n_zero} of them without a sale"


def _new_sku(evidence: Evidence) -> str | None:
    n_weeks = len(evidence.weeks)
    if not 0 < n_weeks < NEW_WEEKS:
        return None
    return f"sold since week {evidence.weeks['ds'].iloc[0].date()}, {counted(n_weeks, 'week')}"


def _unexplained(evidence: Evidence) -> str:
    rows = evidence.scored
    sold, n_over = rows["y"].abs().sum(), int((rows["error"] > 0).sum())
    size = f"WAPE {percent(rows['error'].abs().sum() / sold)}" if sold else "nothing was sold"
    return (
        f"none of the usual causes: {n_over} of {counted(len(rows), 'forecast')} were too high, the others too low or "
        f"right; {size}"
    )


def _share_of_error(part: pd.DataFrame, rows: pd.DataFrame) -> float:
    whole = rows["error"].abs().sum()
    return float(part["error"].abs().sum() / whole) if whole else 0.0


_LOOK: dict[str, Callable[[Evidence], str | None]] = {
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
