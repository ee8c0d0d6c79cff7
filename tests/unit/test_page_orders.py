"""Orders and scores of sums on the page: what it embeds, and that nothing is shown where nothing is stored."""

from dataclasses import replace

import pandas as pd
from boards import KAZAN, PERM, decoded, named, small_board

from skucast.core.combination import KEY
from skucast.core.tables.orders import ORDERS, ORDERS_METRICS
from skucast.core.tables.totals import TOTALS_METRICS
from skucast.core.tables.validation import empty
from skucast.dashboard.data import page_data
from skucast.dashboard.orders import served_data, sums_scored


def order(names: tuple[str, str, str], **other: object) -> dict[str, object]:
    """Return what to order of a combination of which no stock is known."""
    weeks = {"lead_time_weeks": 2, "review_weeks": 1, "service_level": 0.9, "is_extended": False}
    amounts = {"expected_demand": 30.0, "order_up_to": 41.26, "safety_stock": 11.26}
    stock = dict.fromkeys(("on_hand", "proposed_order", "days_of_cover"), float("nan"))
    return {**named(names), **weeks, **amounts, **stock, "on_hand_day": pd.NaT, **other}


def test_orders_are_by_combination_and_unknown_stock_is_none() -> None:
    """One row each in the order of the combinations; what is about none of them is left out."""
    others = pd.DataFrame([order(PERM, on_hand=5.0, proposed_order=36.26), order(KAZAN), order(("x", "y", "z"))])
    data = page_data(replace(small_board(), orders=others))
    found = decoded(data["orders"])
    assert found["rows"] == [1] * len(data["combinations"]["is_detailed"])
    assert sorted(found["on_hand"], key=str) == [5, None]
    assert found["weeks"] == [3, 3]
    assert set(found["level"]) == {0.9}


def test_without_orders_and_scores_nothing_is_said() -> None:
    """Empty tables, as before the first run that makes them, and a board without them."""
    board = small_board()
    nothing = replace(
        board, orders=empty(ORDERS), totals_metrics=empty(TOTALS_METRICS), orders_metrics=empty(ORDERS_METRICS)
    )
    for each in (board, nothing):
        data = page_data(each)
        assert (data["orders"]["weeks"], data["served"], data["sums_scored"]) == ([], None, [])


def test_scores_of_sums_pool_the_steps_of_weeks_and_keep_all_weeks_apart() -> None:
    """Two steps of 10 sums each, 9 and 7 of them hit: 80 %; all weeks together are another figure; groups are not."""
    sums = {"sum_actual": 100.0, "sum_forecast": 90.0, "sum_abs_error": 20.0}
    rows = [
        {"level": "unit", **dict.fromkeys(KEY, "*"), "step": step, "n": 10, "n_covered": covered, **sums}
        for step, covered in ((1, 9), (2, 7), (0, 3))
    ]
    rows.append({**rows[0], "unit": "Пермь", "n_covered": 0})
    (found,) = sums_scored(replace(small_board(), totals_metrics=pd.DataFrame(rows)))
    assert (found["n"], found["coverage"], found["whole_coverage"]) == (20, 0.8, 0.3)
    assert (found["wape"], found["bias"]) == (0.2, -0.1)
    metrics = {"pooled_by": "all", "n": 0, "service_level": None, "service_level_wanted": None, "fill_rate": None}
    none = pd.DataFrame([{**metrics, "window_start": pd.Timestamp("2026-05-17")}])
    assert served_data(replace(small_board(), orders_metrics=none)) is None
