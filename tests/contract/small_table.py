"""A small table for the contract suites, its rows, and what is read of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pandas as pd
from builders import CUTOFF

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY, Combination
from skucast.core.errors import ShardsMissing
from skucast.core.run import Run
from skucast.core.tables.contract import Column, Table
from skucast.core.tables.forecasts import FORECASTS

PERM = Combination("Пермь", "ON TRADE", "ЦУП00009752")
QUOTED = Combination('O\'Neil "North"', "A/B; DROP", "%_\\")
THIRD = Combination("Пермь", "KA", "ЦУП00009752")

TYPES = (
    Column("seen_at", "TIMESTAMP", "UTC", "an instant", nullable=True),
    Column("is_open", "BOOL", "true/false", "a flag", nullable=True),
    Column("count", "INT64", "weeks", "a whole number", nullable=True),
    Column("note", "STRING", "text", "a text", nullable=True),
)
SMALL = replace(
    FORECASTS,
    columns=(*(FORECASTS.column(name) for name in ("cutoff", *KEY, "ds", "yhat")), *TYPES),
    checks=(),
)
"""The forecasts' table with few columns, one of each type."""


def small(yhat: float, combinations: Sequence[Combination] = (PERM, QUOTED), cutoff: date = CUTOFF) -> pd.DataFrame:
    """Return one row of `SMALL` per combination, in key order, for the week after the cutoff."""
    rows = pd.DataFrame([combination.parts for combination in sorted(combinations)], columns=KEY)
    return rows.assign(cutoff=cutoff, ds=cutoff + timedelta(weeks=1), yhat=yhat)


def forecasts(warehouse: Warehouse) -> dict[Combination, float]:
    """Return yhat by combination, of the cutoff of the tests."""
    rows = warehouse.read(SMALL, since={"cutoff": CUTOFF}, until={"cutoff": CUTOFF})
    return dict(zip(map(Combination, *(rows[name] for name in KEY)), rows["yhat"], strict=True))


def lines(*rows: dict[str, Any]) -> pd.DataFrame:
    """Return sales lines as a frame."""
    return pd.DataFrame(list(rows)).astype(
        {"quantity": "float64", "Promo_discount_perc": "float64", "stock": "float64"}
    )


def missing(warehouse: Warehouse, run: Run, table: Table = SMALL) -> list[int]:
    """Return the tasks of the run that have not staged rows of the table."""
    try:
        warehouse.staged(table, run=run)
    except ShardsMissing as error:
        return list(error.tasks)
    return []
