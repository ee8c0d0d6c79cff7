"""What to order by a forecast, by which rules, and how well that served."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skucast.core.combination import KEY
from skucast.core.tables.contract import COMBINATION, RUN, SALES_MEASURE, Check, Column, Table, count, ratio, text, week
from skucast.core.tables.contract import total as summed
from skucast.core.tables.scorecard import VOLUME_CLASSES

if TYPE_CHECKING:
    import pandas as pd

LEVEL_SOURCES = ("setting", "class", "rule", "costs")
"""SERVICE_LEVEL for all, or for the combination's class; a rule of the table: the level itself, or the newsvendor's
ratio of its costs."""

LEAST_LEVEL, MOST_LEVEL = 0.5, 0.999
"""Levels that can be meant: below, stock would be less than is expected to sell; above, it knows no bounds."""
MAX_WEEKS = 52
"""Longest lead time and review that can be meant."""

POOLED_BY = ("all", "class", "unit", "channel")


def _optional(name: str, unit: str, meaning: str) -> Column:
    return Column(name, "FLOAT64", unit, meaning, nullable=True)


def _is_level(values: pd.Series) -> pd.Series:
    return values.isna() | ((values > 0) & (values < 1))


ORDER_RULES = Table(
    label="order_rules",
    name="distributor_order_rules",
    meaning="What holds for orders of some combinations instead of the settings; of several rules the narrowest that "
    "says something of it counts.",
    columns=(
        *(text(name, f"{name}; `*` = all") for name in KEY),
        Column("lead_time_weeks", "INT64", "weeks", "from order to arrival; NULL = as elsewhere", nullable=True),
        Column("review_weeks", "INT64", "weeks", "from order to order; NULL = as elsewhere", nullable=True),
        _optional(
            "service_level", "ratio, 0.95 = 95 %", "share of orders that last until the next; NULL = as elsewhere"
        ),
        _optional("cost_under", "money a piece", "what a piece too few costs, such as its margin; NULL = not known"),
        _optional("cost_over", "money a piece", "what a piece too many costs, such as its storage; NULL = not known"),
    ),
    key=tuple(KEY),
    checks=(
        Check("service_level is between 0 and 1", lambda rows: _is_level(rows["service_level"])),
        Check(
            "lead_time_weeks is at least 0",
            lambda rows: rows["lead_time_weeks"].isna() | (rows["lead_time_weeks"] >= 0),
        ),
        Check("review_weeks is at least 1", lambda rows: rows["review_weeks"].isna() | (rows["review_weeks"] >= 1)),
        Check(
            "cost_under and cost_over come together, above 0",
            lambda rows: (
                (rows["cost_under"].isna() & rows["cost_over"].isna())
                | ((rows["cost_under"] > 0) & (rows["cost_over"] > 0))
            ),
        ),
    ),
    is_whole=True,
)

ORDERS = Table(
    label="orders",
    name="distributor_forecast_orders",
    meaning="Of every combination that is forecast: the stock that lasts until the next order can have arrived, and, "
    "where stock is delivered, what to order now.",
    columns=(
        week("cutoff", "last complete week when the forecast was made"),
        *COMBINATION,
        count("lead_time_weeks", "from order to arrival"),
        count("review_weeks", "from order to order"),
        week("ds_from", "first week that the stock must last for"),
        week("ds", "last one: lead time and review after the cutoff"),
        Column("service_level", "FLOAT64", "ratio, 0.95 = 95 %", "wanted share of orders that last until the next"),
        text("service_level_source", "where that is from", allowed=LEVEL_SOURCES),
        summed("expected_demand", "expected sales of these weeks, with the planners' corrections"),
        summed("order_up_to", "stock and goods on their way that last at this level"),
        Column("safety_stock", "FLOAT64", "sales", "order_up_to - expected_demand; below 0 at low levels"),
        Column(
            "is_extended",
            "BOOL",
            "true/false",
            "the weeks go beyond those that are forecast; those beyond count as the mean of these",
        ),
        _optional("on_hand", SALES_MEASURE, "stock at the end of the newest week; NULL = not delivered or not kept"),
        Column("on_hand_day", "DATE", "day", "day of that stock", nullable=True),
        _optional(
            "proposed_order", SALES_MEASURE, "order_up_to - on_hand, at least 0; less what is on its way already"
        ),
        _optional(
            "days_of_cover", "days", "how long on_hand lasts at expected sales; NULL = not known, or none expected"
        ),
        text("abc_class", "class of the combination; NULL = not asked for", nullable=True, allowed=VOLUME_CLASSES),
        *RUN,
    ),
    key=("cutoff", *KEY),
    partition="cutoff",
    cluster=tuple(KEY),
)

ORDERS_METRICS = Table(
    label="orders_metrics",
    name="distributor_forecast_orders_metrics",
    meaning="Whether what was to be ordered would have served: sales of the weeks that each stock had to last for, in "
    "those up to `window_end`, against order_up_to.",
    columns=(
        week("window_end", "last week scored"),
        week("window_start", "first week scored: all weeks of an order lie in the window"),
        text("pooled_by", "what the row pools: everything, a class, a unit, a channel", allowed=POOLED_BY),
        text("name", "which one; `*` = all"),
        count("n", "orders scored, one for each combination and cutoff", "rows"),
        count(
            "n_left_out", "orders with a week whose sales are not known, or are of weeks that were not forecast", "rows"
        ),
        count("n_served", "orders whose stock would have lasted", "rows"),
        summed("sum_demand", "sales of their weeks"),
        summed("sum_served", "what of them the stock would have served"),
        summed("sum_order_up_to", "stock that was to be there"),
        summed("sum_service_level", "sum of the wanted levels"),
        ratio("service_level", "n_served / n: achieved; NULL when nothing was scored"),
        ratio("service_level_wanted", "sum_service_level / n; NULL when nothing was scored"),
        ratio("fill_rate", "sum_served / sum_demand; NULL when nothing was sold"),
        Column("actuals_through", "DATE", "day", "newest day of sales that was delivered when the row was made"),
        *RUN,
    ),
    key=("window_end", "pooled_by", "name"),
    partition="window_end",
)
