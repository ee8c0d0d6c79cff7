"""Looker Studio: the SQL of the views that it reads, and the address that opens a new report on them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from urllib.parse import quote, urlencode

from skucast.core.errors import InputError
from skucast.core.places import parse_bigquery
from skucast.core.tables.alerts import ALERTS
from skucast.core.tables.changes import CHANGES
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.orders import ORDERS
from skucast.core.tables.scorecard import BASELINES, METRICS
from skucast.core.tables.totals import TOTALS

VIEWS = ("skucast_trend", "skucast_worst", "skucast_detail", "skucast_series")
"""In the order of the report's data sources."""

PLANNER_VIEWS = ("skucast_totals", "skucast_orders", "skucast_changes")
"""No part of the report: its template knows the others alone."""

READ = (FORECASTS, METRICS, ALERTS, TOTALS, ORDERS, CHANGES)
"""The tables that the views are of."""

REPORT_NAME = "Sales forecast accuracy"
ALIASES = tuple(f"ds{number}" for number in range(len(VIEWS)))
"""What a report that has no template calls its data sources, one per view."""

_TEMPLATE = Path(__file__).parents[3] / "deploy" / "looker" / "views.sql"
_PLANNER = "planner.sql"
"""Beside it; last, because its tables may not be there yet."""

_CREATE = "https://lookerstudio.google.com/reporting/create"
_REPORT_ID = re.compile(r"[A-Za-z0-9_-]{20,}")
_ALIAS = re.compile(r"[A-Za-z0-9_-]+")


def views_sql(warehouse: str, table_names: Mapping[str, str]) -> str:
    """Return the statements that make the views, for the tables of these names by label; run twice, they do the same.

    Raises:
        InputError: the warehouse is not BigQuery, a table is called like a view, or the template is not there.
    """
    project, dataset = _dataset(warehouse)
    for label, name in table_names.items():
        if name in (*VIEWS, *PLANNER_VIEWS):
            raise InputError(f"{label.upper()}_TABLE: found {name!r}, the name of a view; expected that of a table")
    names = {f"{table.label.upper()}_TABLE": table_names[table.label] for table in READ}
    names["BASELINE_WAPES"] = ", ".join(f"newest.wape_{name}" for name in BASELINES)
    return Template(_template()).substitute(names, PROJECT=project, DATASET=dataset)


def report_url(warehouse: str, report_id: str | None = None, aliases: Sequence[str] = ALIASES) -> str:
    """Return the address that opens a new report on the views: an empty one, or a copy of the report `report_id`.

    A template's data sources are replaced by alias, so `aliases` must be what it calls those of `VIEWS`, in that order.

    Raises:
        InputError: the warehouse is not BigQuery, or the report or its aliases are not named as Looker Studio does.
    """
    project, dataset = _dataset(warehouse)
    _check_template(report_id, aliases)
    parameters = {"c.mode": "edit", "r.reportName": REPORT_NAME}
    if report_id is not None:
        parameters["c.reportId"] = report_id
    for alias, view in zip(aliases, VIEWS, strict=True):
        parameters |= {f"ds.{alias}.{name}": value for name, value in _source(project, dataset, view).items()}
    return f"{_CREATE}?{urlencode(parameters, quote_via=quote)}"


def parse_aliases(text: str) -> list[str]:
    """Return the aliases of a list with commas, without blanks around them."""
    return [alias.strip() for alias in text.split(",")]


def _source(project: str, dataset: str, view: str) -> dict[str, str]:
    """The parameters of one data source."""
    return {
        "connector": "bigQuery",
        "datasourceName": view,
        "type": "TABLE",
        "projectId": project,
        "datasetId": dataset,
        "tableId": view,
    }


def _dataset(warehouse: str) -> tuple[str, str]:
    if not warehouse.startswith("bigquery://"):
        raise InputError(
            f"WAREHOUSE: found {warehouse!r}: Looker Studio reads BigQuery alone, "
            "expected bigquery://PROJECT/DATASET (the dashboard of monitor_performance.py works everywhere)"
        )
    return parse_bigquery(warehouse)


def _check_template(report_id: str | None, aliases: Sequence[str]) -> None:
    if report_id is not None and not _REPORT_ID.fullmatch(report_id):
        raise InputError(
            f"--template: found {report_id!r}, expected the report's ID, the part of its address after /reporting/"
        )
    if len(aliases) != len(VIEWS) or len(set(aliases)) != len(VIEWS) or not all(map(_ALIAS.fullmatch, aliases)):
        raise InputError(
            f"--aliases: found {','.join(aliases)!r}, expected {len(VIEWS)} different ones, for {', '.join(VIEWS)}"
        )


def _template() -> str:
    try:
        return "".join(path.read_text(encoding="utf-8") for path in (_TEMPLATE, _TEMPLATE.with_name(_PLANNER)))
    except FileNotFoundError:
        raise InputError(
            "deploy/looker/views.sql is not beside the program: run this in a clone of the repository"
        ) from None
