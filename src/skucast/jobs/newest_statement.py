"""From when what people say now is known: of two statements about one thing the newer counts."""

from __future__ import annotations

from datetime import datetime, timedelta

import pandas as pd

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.run import Run
from skucast.core.tables.contract import Table


def newest_at(warehouse: Warehouse, table: Table, run: Run, n_files: int) -> datetime:
    """Return from when the last of some things said now is known: the run's moment, or after the newest statement.

    So what is read later is newer, also where runs overlap; a row that somebody dated far ahead moves nobody.
    """
    newest = warehouse.read(table)["known_from"].max()
    is_near = pd.notna(newest) and pd.Timestamp(run.run_at) <= newest < pd.Timestamp(run.run_at) + timedelta(days=1)
    return newest.to_pydatetime() + timedelta(microseconds=n_files) if is_near else run.run_at
