"""How good the totals of forecasts were: each is one number, with an interval of its own, that was hit or missed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy.typing as npt
import pandas as pd

from skucast.core.combination import KEY
from skucast.core.tables.contract import ALL
from skucast.core.tables.totals import ALL_WEEKS, TOTAL_LEVELS, TOTALS_METRICS
from skucast.core.tables.validation import empty

MOST_UNKNOWN = 0.05
"""Share of a total's forecast whose actuals may be unknown, and count as forecast. With more it is not scored."""

COUNTS = ["n", "n_left_out", "n_partly", "n_covered"]
SUMS = [*COUNTS, "sum_actual", "sum_forecast", "sum_abs_error", "sum_width"]

GROUP = ["level", *KEY, "step"]

SCORED_COLUMNS = ["cutoff", *GROUP, "ds_from", "ds", "yhat", "yhat_lower", "yhat_upper"]
"""What of `tables.TOTALS` is scored."""


def sums_of_totals(
    totals: pd.DataFrame, forecasts: pd.DataFrame, weeks: pd.DataFrame, window: tuple[pd.Timestamp, pd.Timestamp]
) -> pd.DataFrame:
    """Return the sums over the totals of some cutoffs, by group and step: columns `GROUP` and `SUMS`.

    `totals` and `forecasts` are of the same cutoffs, `weeks` has what was sold (KEY, `ds`, `y`). What is summed is what
    was forecast: sales of a combination without a forecast are in no total. An unknown actual counts as it was
    forecast, or takes the total out, see `MOST_UNKNOWN`. Totals of single combinations are pooled.
    """
    inside = totals[(totals["ds_from"] >= window[0]) & (totals["ds"] <= window[1])]
    if not len(inside):
        return pd.DataFrame(columns=[*GROUP, *SUMS])
    sold = _sold(forecasts[forecasts["ds"].between(*window)], weeks)
    rows = inside[["cutoff", *GROUP, "yhat", "yhat_lower", "yhat_upper"]].merge(sold, on=["cutoff", *GROUP], how="left")
    summands = _summands(rows)
    alone = summands[summands["level"] != "combination"]
    pooled = summands.assign(**dict.fromkeys(KEY, ALL))
    parts = [alone, pooled[pooled["level"] != "total"]]
    return pd.concat(parts).groupby(GROUP, sort=True)[SUMS].sum().reset_index()


def metrics_of_totals(sums: list[pd.DataFrame], window: tuple[pd.Timestamp, pd.Timestamp]) -> pd.DataFrame:
    """Return the rows of `tables.TOTALS_METRICS` but for the run's own columns."""
    found = [each for each in sums if len(each)]
    if not found:
        return empty(TOTALS_METRICS).drop(columns=["actuals_through", "run_id", "created_at"])
    rows = pd.concat(found).groupby(GROUP, sort=True)[SUMS].sum().reset_index()
    actual, n = rows["sum_actual"].where(rows["sum_actual"] != 0), rows["n"].where(rows["n"] > 0)
    return rows.drop(columns="sum_width").assign(
        window_start=window[0],
        window_end=window[1],
        **{name: rows[name].astype("int64") for name in COUNTS},
        wape=rows["sum_abs_error"] / actual,
        bias_ratio=(rows["sum_forecast"] - rows["sum_actual"]) / actual,
        coverage=rows["n_covered"] / n,
        mean_width=rows["sum_width"] / n,
    )


def _sold(forecasts: pd.DataFrame, weeks: pd.DataFrame) -> pd.DataFrame:
    """What was sold of each total's forecasts: `cutoff`, `GROUP`, `y`, `forecast`, `unknown` (forecast of unknown)."""
    cells = forecasts[["cutoff", *KEY, "ds", "step"]].assign(forecast=forecasts["yhat_mean"].fillna(forecasts["yhat"]))
    cells = cells.merge(weeks[[*KEY, "ds", "y"]], on=[*KEY, "ds"], how="left")
    cells["unknown"] = cells["forecast"].where(cells["y"].isna(), 0.0)
    cells["y"] = cells["y"].fillna(0.0)
    place = cells.groupby(KEY, sort=False).ngroup().to_numpy()
    combinations = cells[KEY].drop_duplicates()
    return pd.concat(list(_by_level(cells, place, combinations)), ignore_index=True)


def _by_level(cells: pd.DataFrame, place: npt.NDArray[Any], combinations: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The sums of each level; `place` says which of the combinations each cell is about."""
    numbers = ["y", "forecast", "unknown"]
    for level, by in TOTAL_LEVELS.items():
        named = combinations.assign(**{name: ALL for name in KEY if name not in by})
        code = named.groupby(KEY, sort=True).ngroup().to_numpy()
        names = named.drop_duplicates().sort_values(KEY, ignore_index=True)
        rows = cells[["cutoff", "step", *numbers]].assign(group=code[place])
        weekly = rows.groupby(["cutoff", "group", "step"])[numbers].sum().reset_index()
        whole = weekly.groupby(["cutoff", "group"])[numbers].sum().reset_index().assign(step=ALL_WEEKS)
        found = whole if level == "combination" else pd.concat([weekly, whole], ignore_index=True)
        keys = names.iloc[found["group"].to_numpy()].reset_index(drop=True)
        yield pd.concat([keys, found.drop(columns="group")], axis=1).assign(level=level)


def _summands(rows: pd.DataFrame) -> pd.DataFrame:
    """What each total adds to the sums; one whose forecasts are not found any more, by name, is left out."""
    known = rows["forecast"].notna() & ~(rows["unknown"] > MOST_UNKNOWN * rows["forecast"])
    y = (rows["y"] + rows["unknown"]).where(known, 0.0)
    yhat = rows["yhat"].where(known, 0.0)
    return rows[GROUP].assign(
        n=known.astype("int64"),
        n_left_out=(~known).astype("int64"),
        n_partly=(known & (rows["unknown"] > 0)).astype("int64"),
        n_covered=(known & y.between(rows["yhat_lower"], rows["yhat_upper"])).astype("int64"),
        sum_actual=y,
        sum_forecast=yhat,
        sum_abs_error=(yhat - y).abs(),
        sum_width=(rows["yhat_upper"] - rows["yhat_lower"]).where(known, 0.0),
    )
