"""Orders against what was sold: served or not, and which share of the pieces."""

import numpy as np
import pandas as pd
import pytest

from skucast.core.combination import KEY
from skucast.core.tables.orders import ORDERS_METRICS
from skucast.core.tables.validation import validate
from skucast.scorecard.order_scores import metrics_of_orders

WEEKS = [pd.Timestamp("2026-10-04") + pd.Timedelta(weeks=n) for n in range(5)]
A, B, C = ("u", "c", "a"), ("u", "c", "b"), ("v", "c", "c")


def sold(*rows: tuple[tuple[str, str, str], list[float]]) -> pd.DataFrame:
    """Return the weeks of combinations, the last of them the newest."""
    parts = [pd.DataFrame({**dict(zip(KEY, key, strict=True)), "ds": WEEKS[-len(y) :], "y": y}) for key, y in rows]
    return pd.concat(parts, ignore_index=True)


def order(key: tuple[str, str, str], first: int, last: int, stock: float, level: float = 0.9, abc: str | None = None):
    """Return an order whose stock must last from one week to another."""
    weeks = {"ds_from": WEEKS[first], "ds": WEEKS[last]}
    return {**dict(zip(KEY, key, strict=True)), **weeks, "order_up_to": stock, "service_level": level, "abc_class": abc}


def scored(orders: list[dict[str, object]], weeks: pd.DataFrame, first: int = 1) -> pd.DataFrame:
    """Return the metrics by what is pooled and name."""
    window = WEEKS[first], WEEKS[-1]
    stamp = {"actuals_through": WEEKS[-1], "run_id": "r", "created_at": pd.Timestamp.now("UTC")}
    rows = metrics_of_orders(pd.DataFrame(orders), weeks, window)
    return validate(ORDERS_METRICS, rows.assign(**stamp)).set_index(["pooled_by", "name"])


def test_an_order_serves_if_the_sales_of_all_its_weeks_stay_within_it() -> None:
    """10 + 20 of 30 are served, 20 + 40 of 50 are not, by 10 of 90 pieces: half of the orders, 89 % of the pieces."""
    orders = [order(A, 1, 2, 30.0, abc="A"), order(A, 2, 3, 50.0, level=0.8, abc="A"), order(B, 1, 1, 5.0, abc="C")]
    rows = scored(orders, sold((A, [99, 10, 20, 40, 0]), (B, [4, 4, 4, 4])))
    every = rows.loc[("all", "*")]
    assert every[["n", "n_served", "sum_demand", "sum_served"]].tolist() == [3, 2, 94.0, 84.0]
    assert rows.loc[("class", "A"), ["service_level", "service_level_wanted"]].tolist() == pytest.approx([0.5, 0.85])
    assert rows.loc[("class", "A"), "fill_rate"] == pytest.approx(80 / 90)
    assert rows.loc[("class", "C"), "service_level"] == 1.0
    assert {name for pooled, name in rows.index if pooled in ("unit", "channel")} == {"u", "c"}


def test_what_is_not_known_or_was_nothing_is_left_out() -> None:
    """An unknown week, a combination that is not in the sales, nothing of nothing; a window that begins too late."""
    weeks = sold((A, [0, 5, np.nan, 5, 5]), (C, [0, 0, 0, 0, 0]))
    orders = [order(A, 1, 2, 30.0), order(A, 3, 4, 9.0), order(B, 1, 2, 30.0), order(C, 1, 2, 0.0), order(C, 1, 2, 1.0)]
    rows = scored(orders, weeks)
    assert rows.loc[("all", "*"), ["n", "n_left_out", "n_served"]].tolist() == [2, 3, 1]
    assert pd.isna(scored([order(C, 1, 2, 1.0)], weeks).loc[("all", "*"), "fill_rate"])
    assert len(scored([order(A, 1, 2, 30.0)], weeks, first=2)) == 0


def test_the_weeks_of_a_combination_that_began_later_are_counted_from_its_first() -> None:
    """Sold since the fourth week: an order from that week on is scored, one from the week before is not known."""
    weeks = sold((A, [7, 7]))
    rows = scored([order(A, 3, 4, 14.0), order(A, 2, 4, 99.0)], weeks)
    assert rows.loc[("all", "*"), ["n", "n_left_out", "n_served"]].tolist() == [1, 1, 1]
