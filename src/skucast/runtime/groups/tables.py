"""What the tables are called, and the columns of the sales."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import field_validator

from skucast.core.tables.alerts import ALERTS
from skucast.core.tables.backtests import BACKTESTS
from skucast.core.tables.changes import CHANGES, REVISIONS
from skucast.core.tables.contract import Table
from skucast.core.tables.every import TABLES
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
from skucast.runtime.column_map import parse_column_map
from skucast.runtime.groups.field import EVERY_JOB, FORECASTING, SALES_JOBS, TRAINING, Group, Job, field, parsed

TABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")


def _table(table: Table, jobs: Sequence[Job] = EVERY_JOB) -> Any:
    return field(table.name, f"name of the {table.label} table", jobs)


class Tables(Group):
    """What the tables are called, and the columns of the sales."""

    title: ClassVar[str] = "tables"

    sales_columns: str = field(
        "",
        "columns of the sales table, or of a file to load, named otherwise: ours=theirs;..., e.g. quantity=qty",
        [*SALES_JOBS, "names", "models", "promotions", "override", "doctor"],
    )
    sales_table: str = _table(
        SALES, [*SALES_JOBS, "load", "loads", "names", "promotions", "override", "doctor", "demo"]
    )
    promotions_table: str = _table(PROMOTIONS, [*SALES_JOBS, "loads", "promotions", "doctor", "demo"])
    regressors_table: str = _table(
        REGRESSORS, [*SALES_JOBS, "load", "loads", "names", "promotions", "override", "doctor", "demo"]
    )
    predecessors_table: str = _table(PREDECESSORS, ["predict", "loads", "promotions", "override", "doctor"])
    overrides_table: str = _table(OVERRIDES, ["predict", "monitor", "loads", "override", "doctor"])
    override_value_table: str = _table(OVERRIDE_VALUE, ["predict", "monitor", "override", "doctor"])
    order_rules_table: str = _table(ORDER_RULES, ["predict", "load", "doctor"])
    locations_table: str = _table(LOCATIONS, [*FORECASTING, "load", "doctor"])
    weather_table: str = _table(WEATHER, [*FORECASTING, "doctor"])
    forecasts_table: str = _table(
        FORECASTS,
        [*SALES_JOBS, "names", "promotions", "override", "alerts", "freshness", "doctor", "demo", "looker-views"],
    )
    scenarios_table: str = _table(SCENARIOS, ["predict"])
    totals_table: str = _table(TOTALS, ["predict", "monitor", "doctor", "demo", "looker-views"])
    changes_table: str = _table(CHANGES, ["predict", "monitor", "doctor", "demo", "looker-views"])
    revisions_table: str = _table(REVISIONS, ["predict", "monitor", "doctor", "demo"])
    orders_table: str = _table(ORDERS, ["predict", "monitor", "doctor", "demo", "looker-views"])
    metrics_table: str = _table(METRICS, [*SALES_JOBS, "doctor", "demo", "looker-views"])
    totals_metrics_table: str = _table(TOTALS_METRICS, ["monitor", "doctor", "demo"])
    orders_metrics_table: str = _table(ORDERS_METRICS, ["monitor", "doctor", "demo"])
    alerts_table: str = _table(ALERTS, [*SALES_JOBS, "alerts", "freshness", "doctor", "demo", "looker-views"])
    work_notes_table: str = _table(WORK_NOTES, ["predict", "monitor", "loads", "alerts", "doctor", "demo"])
    registry_table: str = _table(
        REGISTRY, [*TRAINING, "rollback", "models", "predict", "monitor", "alerts", "doctor", "demo"]
    )
    backtests_table: str = _table(BACKTESTS, [*TRAINING, "predict", "monitor", "doctor", "demo"])
    runs_table: str = _table(RUNS)
    publishes_table: str = _table(PUBLISHES)
    names_table: str = _table(
        NAMES, [*SALES_JOBS, "load", "names", "promotions", "override", "alerts", "doctor", "demo"]
    )
    retrainings_table: str = _table(RETRAININGS, ["predict", "monitor", "alerts", "doctor", "demo"])
    loads_table: str = _table(
        LOADS, [*FORECASTING, "monitor", "load", "loads", "promotions", "override", "alerts", "doctor", "demo"]
    )

    @field_validator("sales_columns")
    @classmethod
    def _column_map(cls, value: str) -> str:
        return parsed(parse_column_map, value)

    @field_validator(*(f"{table.label}_table" for table in TABLES))
    @classmethod
    def _safe_table_name(cls, value: str) -> str:
        if not TABLE_NAME.fullmatch(value):
            raise ValueError("expected a table name of letters, digits and _")
        return value
