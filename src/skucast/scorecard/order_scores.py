"""Whether what was to be ordered would have served: sales of the weeks that each stock had to last for, against it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from skucast.core.combination import KEY
from skucast.core.tables.contract import ALL
from skucast.core.tables.orders import ORDERS_METRICS
from skucast.core.tables.validation import empty
from skucast.core.weeks import WEEK

COUNTS = ["n", "n_left_out", "n_served"]
SUMS = [*COUNTS, "sum_demand", "sum_served", "sum_order_up_to", "sum_service_level"]

POOLED = {"class": "abc_class", "unit": "unit", "channel": "channel"}
"""What is pooled, beside everything, and by which column of the orders."""


def metrics_of_orders(
    orders: pd.DataFrame, weeks: pd.DataFrame, window: tuple[pd.Timestamp, pd.Timestamp]
) -> pd.DataFrame:
    """Return the rows of `tables.ORDERS_METRICS` but for the run's own columns.

    `orders` are those of several cutoffs, `weeks` what was sold (KEY, `ds`, `y`). An order is scored if all of its
    weeks lie in the window and are known. One of nothing, of which nothing was sold, would flatter the rest: it is
    left out.
    """
    inside = orders[(orders["ds_from"] >= window[0]) & (orders["ds"] <= window[1])]
    if not len(inside):
        return empty(ORDERS_METRICS).drop(columns=["actuals_through", "run_id", "created_at"])
    rows = _summands(inside.assign(demand=_demand(inside, weeks)))
    parts = [rows.assign(pooled_by="all", name=ALL)]
    parts += [
        rows.assign(pooled_by=pooled, name=rows[column]).dropna(subset="name") for pooled, column in POOLED.items()
    ]
    sums = pd.concat(parts).groupby(["pooled_by", "name"], sort=True)[SUMS].sum().reset_index()
    n, sold = sums["n"].where(sums["n"] > 0), sums["sum_demand"].where(sums["sum_demand"] > 0)
    return sums.assign(
        window_start=window[0],
        window_end=window[1],
        service_level=sums["n_served"] / n,
        service_level_wanted=sums["sum_service_level"] / n,
        fill_rate=sums["sum_served"] / sold,
    )


def _demand(orders: pd.DataFrame, weeks: pd.DataFrame) -> pd.Series:
    """What was sold in the weeks of each order, NaN where one of them is not known."""
    ordered = weeks.sort_values([*KEY, "ds"])
    keys = [ordered[name] for name in KEY]
    through = ordered[[*KEY, "ds"]].assign(
        sold=ordered["y"].fillna(0.0).groupby(keys).cumsum(),
        known=ordered["y"].notna().astype("int64").groupby(keys).cumsum(),
    )
    end = orders[[*KEY, "ds"]].merge(through, on=[*KEY, "ds"], how="left")
    before = (
        orders[KEY]
        .assign(ds=orders["ds_from"] - WEEK)
        .merge(through, on=[*KEY, "ds"], how="left")
        .fillna({"sold": 0.0, "known": 0})
    )
    n_weeks = (orders["ds"] - orders["ds_from"]).dt.days // 7 + 1
    demand = end["sold"] - before["sold"]
    is_known = (end["known"] - before["known"]).to_numpy() == n_weeks.to_numpy()
    return pd.Series(np.where(is_known, demand, np.nan), index=orders.index)


def _summands(rows: pd.DataFrame) -> pd.DataFrame:
    """What each order adds to the sums."""
    known = rows["demand"].notna() & ((rows["demand"] > 0) | (rows["order_up_to"] > 0))
    demand, stock = rows["demand"].where(known, 0.0), rows["order_up_to"].where(known, 0.0)
    return rows[["unit", "channel", "abc_class"]].assign(
        n=known.astype("int64"),
        n_left_out=(~known).astype("int64"),
        n_served=(known & (demand <= stock)).astype("int64"),
        sum_demand=demand,
        sum_served=np.minimum(demand, stock),
        sum_order_up_to=stock,
        sum_service_level=rows["service_level"].where(known, 0.0),
    )
