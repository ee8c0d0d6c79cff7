"""Monitoring of overrides: what they have brought is worked out of what was scored, kept in its table, and said."""

from __future__ import annotations

from datetime import date

import pandas as pd

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.run import Run
from skucast.core.tables.overrides import OVERRIDE_VALUE, OVERRIDES
from skucast.core.tables.validation import validate
from skucast.runtime.outcome import RunReport
from skucast.scorecard.override_value import override_value, remarks


def value_of_overrides(
    warehouse: Warehouse, scored: pd.DataFrame, forecasts: pd.DataFrame, window_end: date, run: Run
) -> pd.DataFrame | None:
    """Return what overrides have brought up to this week, rows of its table.

    None where nobody has ever said anything: then no table is made.
    """
    said = warehouse.read(OVERRIDES)
    week = {"window_end": window_end}
    if not len(said) and not len(warehouse.read(OVERRIDE_VALUE, since=week, until=week)):
        return None
    found = override_value(scored, forecasts, said, window_end).assign(run_id=run.run_id, created_at=run.run_at)
    return validate(OVERRIDE_VALUE, found)


def write_override_value(
    warehouse: Warehouse, rows: pd.DataFrame | None, window_end: date, run: Run, report: RunReport
) -> None:
    """Replace what overrides have brought up to this week, and note what is worth saying."""
    if rows is not None:
        warehouse.replace(OVERRIDE_VALUE, rows, window_end, run=run)
        report.notes.extend(remarks(rows))
