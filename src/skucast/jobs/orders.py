"""What to order by a forecast: the terms of every combination, the stock that is there, and how it served."""

from __future__ import annotations

from datetime import date

import pandas as pd

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY
from skucast.core.quoting import listed
from skucast.core.run import Run
from skucast.core.tables.orders import ORDER_RULES, ORDERS
from skucast.core.weeks import WEEK
from skucast.core.words import counted
from skucast.forecast.joint.marginals import Rows
from skucast.forecast.joint.order_rules import faults_of, sensible
from skucast.forecast.joint.orders import Protection
from skucast.forecast.joint.terms import Defaults, idle_rules, terms_of
from skucast.runtime.groups.orders import levels_of_classes, weeks_of_classes
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings
from skucast.sales.history import History
from skucast.scorecard.monitoring import classes
from skucast.scorecard.order_scores import metrics_of_orders

SHOWN = 5
"""Rules that a message names."""


def protection_of(
    settings: Settings, warehouse: Warehouse, history: History, rows: Rows, report: RunReport
) -> Protection | None:
    """Return what takes orders from the simulation of these rows; None where SERVICE_LEVEL is off."""
    levels = levels_of_classes(settings.service_level)
    if not levels:
        return None
    weeks = weeks_of_classes(settings.lead_time_weeks, 0), weeks_of_classes(settings.review_weeks, 1)
    defaults = Defaults(levels, *weeks)
    rules = _rules(warehouse, history, report)
    if idle := idle_rules(rows.keys, rules):
        report.warn(f"{counted(len(idle), 'order rule')} about nothing that is forecast: {listed(idle, SHOWN)}")
    return Protection(rows, terms_of(rows.keys, defaults, _classes(history, rows, defaults), rules))


def _rules(warehouse: Warehouse, history: History, report: RunReport) -> pd.DataFrame:
    """The rules under the names of the sales, without what cannot be meant: a table may be written by others too."""
    rules = history.names.renamed(warehouse.read(ORDER_RULES)).drop_duplicates(KEY, keep="last", ignore_index=True)
    faults = faults_of(rules)
    if not faults:
        return rules
    report.warn(f"order rules that are not used where they are wrong: {listed(faults, SHOWN, '; ')}")
    return sensible(rules)


def write_orders(warehouse: Warehouse, run: Run, history: History, protection: Protection, report: RunReport) -> None:
    """Replace the orders of this cutoff; without sales of its last week nobody knows what is left in stock."""
    stock = history.stock if history.data_cutoff == run.cutoff else None
    made = protection.orders(stock).assign(run_id=run.run_id, created_at=run.run_at)
    extended = made.loc[made["is_extended"], ["lead_time_weeks", "review_weeks"]].sum(axis=1)
    if len(extended):
        report.notes.append(
            f"orders: the stock of {counted(len(extended), 'combination')} must last for up to {extended.max()} weeks, "
            "longer than is forecast; the weeks beyond count as the mean of those: raise HORIZON_WEEKS"
        )
    warehouse.replace(ORDERS, made, run.cutoff, run=run)


def _classes(history: History, rows: Rows, defaults: Defaults) -> pd.Series | None:
    """The classes of the rows' combinations, where they are asked for."""
    if not defaults.is_by_class:
        return None
    found = classes(history.weeks, pd.Timestamp(history.data_cutoff))
    joined = rows.keys.merge(found[[*KEY, "abc_class"]], on=KEY, how="left")
    return joined["abc_class"].astype("object")


def scored_orders(warehouse: Warehouse, run: Run, history: History, since: date) -> pd.DataFrame:
    """Return the rows of `tables.ORDERS_METRICS` of the weeks from `since` on."""
    window = pd.Timestamp(since), pd.Timestamp(history.data_cutoff)
    orders = warehouse.read(ORDERS, since={"cutoff": since - WEEK}, until={"cutoff": history.data_cutoff})
    weeks = history.weeks[history.weeks["ds"].between(*window)]
    return metrics_of_orders(orders, weeks, window).assign(
        actuals_through=pd.Timestamp(history.newest_day), run_id=run.run_id, created_at=run.run_at
    )
