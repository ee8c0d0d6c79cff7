"""All tables that the warehouse may hold."""

from __future__ import annotations

from skucast.core.tables.alerts import ALERTS
from skucast.core.tables.backtests import BACKTESTS
from skucast.core.tables.changes import CHANGES, REVISIONS
from skucast.core.tables.contract import Table
from skucast.core.tables.forecasts import FORECASTS, SCENARIOS
from skucast.core.tables.names import NAMES
from skucast.core.tables.orders import ORDER_RULES, ORDERS, ORDERS_METRICS
from skucast.core.tables.overrides import OVERRIDE_VALUE, OVERRIDES
from skucast.core.tables.predecessors import PREDECESSORS
from skucast.core.tables.records import LOADS, PUBLISHES, REGISTRY, RETRAININGS, RUNS
from skucast.core.tables.regressors import REGRESSORS
from skucast.core.tables.sales import LOCATIONS, PROMOTIONS, SALES, WEATHER
from skucast.core.tables.scorecard import METRICS
from skucast.core.tables.totals import TOTALS, TOTALS_METRICS
from skucast.core.tables.work_notes import WORK_NOTES

TABLES = (
    SALES,
    PROMOTIONS,
    REGRESSORS,
    PREDECESSORS,
    OVERRIDES,
    ORDER_RULES,
    LOCATIONS,
    WEATHER,
    FORECASTS,
    SCENARIOS,
    TOTALS,
    CHANGES,
    REVISIONS,
    ORDERS,
    METRICS,
    TOTALS_METRICS,
    ORDERS_METRICS,
    OVERRIDE_VALUE,
    ALERTS,
    WORK_NOTES,
    REGISTRY,
    BACKTESTS,
    RUNS,
    PUBLISHES,
    LOADS,
    NAMES,
    RETRAININGS,
)

DELIVERED = (SALES, LOCATIONS, ORDER_RULES)
"""What others deliver, or load; all other tables are written by runs: results, records, and what inboxes bring."""

READ: dict[str, tuple[Table, ...]] = {
    "predict": tuple(each for each in TABLES if each is not SCENARIOS),
    "monitor": tuple(each for each in TABLES if each is not SCENARIOS),
}
"""Tables that a job reads, for the page too, after it has published: seen to before that. Others read first."""

WRITTEN = {
    "train": (REGISTRY,),
    "retrain": (REGISTRY,),
    "predict": (TOTALS, ORDERS, CHANGES, REVISIONS, FORECASTS),
    "monitor": (METRICS, TOTALS_METRICS, ORDERS_METRICS, OVERRIDE_VALUE, ALERTS, RETRAININGS),
    "alerts": (ALERTS, WORK_NOTES),
    "rollback": (REGISTRY,),
    "models": (REGISTRY,),
}
"""Tables that a job writes at its end, after files were moved, models saved or pages written: seen to before that."""
