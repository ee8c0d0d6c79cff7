"""What the table of revisions has of a forecast; that it is read for the page takes nothing of what makes it."""

from __future__ import annotations

import pandas as pd

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.tables.changes import REVISIONS
from skucast.core.tables.validation import empty
from skucast.scorecard.revisions import chain_of


def revisions_of(warehouse: Warehouse, newest: pd.DataFrame) -> pd.DataFrame:
    """Return what the runs that led to these forecasts, of one cutoff, have changed, run by run."""
    if newest.empty:
        return empty(REVISIONS)
    week = {"cutoff": newest["cutoff"].max().date()}
    return chain_of(warehouse.read(REVISIONS, since=week, until=week), newest)
