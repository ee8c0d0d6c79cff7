"""The planner's first numbers: what is sold and forecast in sum, by unit, channel and week."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skucast.core.combination import KEY
from skucast.core.weeks import WEEK
from skucast.dashboard.columns import coded, iso, rows_of, whole

if TYPE_CHECKING:
    from pandas import DataFrame, DatetimeIndex, Series

    from skucast.dashboard.board import Board

PAST_WEEKS = 13
YEAR_WEEKS = 52
_GROUP = ["unit", "channel"]
_FORECAST = [*KEY, "cutoff", "ds", "yhat"]
_OWN = ["yhat_mean", "final", "override_id"]
_LEVELS = ("total", "unit", "channel", "unit_channel")
_BOUNDS = ["yhat", "yhat_lower", "yhat_upper", "final"]
TOTALS_SHOWN = ["cutoff", "level", "unit", "channel", "step", *_BOUNDS]
"""Columns of `tables.TOTALS` that are looked at."""


def totals_data(board: Board) -> dict[str, Any] | None:
    """Return the sums of the last `PAST_WEEKS` weeks and of those forecast; None where nothing is forecast.

    `weeks` are all of them. `cells` has one entry per unit and channel and, in each list, one number per week, None
    where there is none: `sold`, `unknown` (combinations whose sales are not known), `last_year` with its `unknown`
    ones, `forecast`, and `before`, what the run before said. `intervals` has the stored bounds by unit, channel (`*` =
    all) and step (0 = all weeks together); nothing where none are stored, for bounds cannot be added up.
    """
    import pandas as pd

    forecasts = rows_of(board.forecasts.reindex(columns=[*_FORECAST, *_OWN]), [*_FORECAST, *_OWN])
    if forecasts.empty:
        return None
    cutoffs = sorted(forecasts["cutoff"].unique())
    newest = forecasts[forecasts["cutoff"] == cutoffs[-1]]
    coming = pd.DatetimeIndex(sorted(newest["ds"].unique()))
    before = forecasts[forecasts["cutoff"] == cutoffs[-2]] if len(cutoffs) > 1 else forecasts[:0]
    last = pd.Timestamp(board.run.cutoff)
    weeks = pd.date_range(last - (PAST_WEEKS - 1) * WEEK, max(last, coming[-1]), freq=f"{WEEK.days}D")
    sales = rows_of(board.history, [*KEY, "ds", "y"])
    groups = pd.MultiIndex.from_frame(
        pd.concat([newest[_GROUP], before[_GROUP], sales[_GROUP]]).drop_duplicates().sort_values(_GROUP)
    )
    year_ago = sales.assign(ds=sales["ds"] + YEAR_WEEKS * WEEK)
    sums = {
        "sold": _by_week(sales, sales["y"], groups, weeks),
        "unknown": _by_week(sales, sales["y"].isna().astype("float64"), groups, weeks),
        "last_year": _by_week(year_ago, year_ago["y"], groups, weeks),
        "last_year_unknown": _by_week(year_ago, year_ago["y"].isna().astype("float64"), groups, weeks),
        "forecast": _by_week(newest, expected(newest), groups, weeks),
        "before": _by_week(before, expected(before), groups, weeks),
    }
    names = groups.to_frame(index=False)
    return {
        "weeks": iso(weeks.to_series()),
        "before_cutoff": iso(before["cutoff"])[0] if len(before) else None,
        "cells": {
            **{name: coded(names[name]) for name in _GROUP},
            "n": newest.groupby(_GROUP).size().floordiv(len(coming)).reindex(groups, fill_value=0).tolist(),
            **sums,
        },
        "intervals": _intervals(board.totals, cutoffs[-1]),
    }


def expected(rows: DataFrame) -> Series:
    """Return what is summed of each forecast: the planner's number if there is one, else what is expected."""
    mean: Series = rows["yhat_mean"].astype("float64").fillna(rows["yhat"])
    return mean.where(rows["override_id"].isna() | rows["final"].isna(), rows["final"].astype("float64"))


def _by_week(rows: DataFrame, values: Series, groups: Any, weeks: DatetimeIndex) -> list[list[float | None]]:
    """One list per group and in it one sum per week, None where the group has no row or nothing known."""
    sums = values.groupby([rows["unit"], rows["channel"], rows["ds"]]).sum(min_count=1).unstack("ds")
    table = sums.reindex(index=groups, columns=weeks).round(3)
    return [[None if value != value else value for value in line] for line in table.to_numpy().tolist()]


def _intervals(totals: DataFrame | None, cutoff: Any) -> dict[str, Any]:
    """The stored intervals of the newest forecast; those of an earlier one are not its own."""
    empty: dict[str, Any] = {name: [] for name in ("unit", "channel", "step", "expected", "lower", "upper")}
    if totals is None or totals.empty:
        return empty
    rows = totals.loc[totals["level"].isin(_LEVELS) & (totals["cutoff"] == cutoff), TOTALS_SHOWN]
    moved = (rows["final"] - rows["yhat"]).fillna(0.0)
    return {
        **{name: coded(rows[name]) for name in _GROUP},
        "step": whole(rows["step"]),
        "expected": (rows["yhat"] + moved).round(3).tolist(),
        "lower": (rows["yhat_lower"] + moved).clip(lower=0).round(3).tolist(),
        "upper": (rows["yhat_upper"] + moved).clip(lower=0).round(3).tolist(),
    }
