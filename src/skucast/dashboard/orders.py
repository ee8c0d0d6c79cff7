"""What the page says of orders, and of how good sums and orders were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skucast.core.combination import KEY
from skucast.core.tables.contract import ALL
from skucast.core.tables.totals import ALL_WEEKS, TOTAL_LEVELS
from skucast.dashboard.columns import Columns, iso, only, rows_of, short, table, values, whole

if TYPE_CHECKING:
    from pandas import DataFrame

    from skucast.dashboard.board import Board

_AMOUNTS = ["expected_demand", "order_up_to", "safety_stock", "on_hand", "proposed_order", "days_of_cover"]
_COLUMNS = [*KEY, "lead_time_weeks", "review_weeks", "service_level", "is_extended", "on_hand_day", *_AMOUNTS]
_SUMS = ["n", "n_covered", "sum_actual", "sum_forecast", "sum_abs_error"]


def orders_data(board: Board, names: DataFrame) -> Columns:
    """Return what to order of each combination, at most one row each."""
    import pandas as pd

    orders = rows_of(pd.DataFrame() if board.orders is None else board.orders, _COLUMNS)
    return table(only(orders, names), names, _order_columns)


def _order_columns(rows: DataFrame) -> Columns:
    return {
        "weeks": whole(rows["lead_time_weeks"] + rows["review_weeks"]),
        "level": short(rows["service_level"].astype("float64")),
        "is_extended": whole(rows["is_extended"]),
        "on_hand_day": iso(rows["on_hand_day"]),
        **values(rows, _AMOUNTS),
    }


def served_data(board: Board) -> dict[str, Any] | None:
    """Return how the orders of the weeks scored would have served, all of them; None where none is scored."""
    metrics = board.orders_metrics
    if metrics is None or metrics.empty:
        return None
    every = metrics[metrics["pooled_by"] == "all"]
    names = ["service_level", "service_level_wanted", "fill_rate"]
    found = {"n": whole(every["n"]), **values(every, names), "since": iso(every["window_start"])}
    return {name: column[0] for name, column in found.items()} if found["n"] and found["n"][0] else None


def sums_scored(board: Board) -> list[dict[str, Any]]:
    """Return how good the totals of each level were: of single weeks, and (`whole`) of all weeks together.

    Per level `n`, `wape`, `bias` and `coverage` of single weeks, the same of all weeks with `whole_` before it; None
    where nothing is scored.
    """
    metrics = board.totals_metrics
    if metrics is None or metrics.empty:
        return []
    pooled = metrics[(metrics[KEY] == ALL).all(axis=1)]
    found = []
    for level in TOTAL_LEVELS:
        mine = pooled[pooled["level"] == level]
        weeks, whole_ones = (_ratios(mine[is_one]) for is_one in (mine["step"] != ALL_WEEKS, mine["step"] == ALL_WEEKS))
        if len(mine):
            found.append({"level": level, **weeks, **{f"whole_{name}": value for name, value in whole_ones.items()}})
    return found


def _ratios(rows: DataFrame) -> dict[str, Any]:
    sums = rows[_SUMS].sum()
    n, actual = int(sums["n"]), float(sums["sum_actual"])
    return {
        "n": n,
        "wape": round(float(sums["sum_abs_error"]) / actual, 4) if actual else None,
        "bias": round((float(sums["sum_forecast"]) - actual) / actual, 4) if actual else None,
        "coverage": round(float(sums["n_covered"]) / n, 4) if n else None,
    }
