"""Exports that overlap: whichever comes first, the table is the same once all are in."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pandas as pd
import pytest
from builders import CUTOFF, line

from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.backends.warehouse.protocol import Meeting
from skucast.core.run import Run
from skucast.core.tables.sales import DELIVERED, SALES

DAYS = [CUTOFF - timedelta(days=back) for back in range(12)]
LINES = [
    line(day, 1.0 + number, promo=None, stock=None, unit=unit)
    for number, day in enumerate(DAYS)
    for unit in ("Пермь", "Юг")
    for _ in range(2)
]
EXPORTS = {
    "older": [each for each in LINES if each["date"] <= DAYS[4]],
    "newer": [each for each in LINES if each["date"] >= DAYS[7]],
    "one unit": [each for each in LINES if each["unit"] == "Юг"],
}


@pytest.mark.slow
def test_exports_that_overlap_give_the_same_table_in_any_order(
    warehouse: DuckDBWarehouse, run: Run, table_names: dict[str, str]
) -> None:
    """Loaded with --replace, each once or twice: every line of the business is there once, as often as it was sold."""
    expected = _sorted(pd.DataFrame(LINES))
    for number, order in enumerate(permutations(EXPORTS)):
        into = DuckDBWarehouse(warehouse.path.with_name(f"{number}.duckdb"), table_names)
        for name in [*order, order[0]]:
            rows = pd.DataFrame(EXPORTS[name]).astype({"Promo_discount_perc": "float64", "stock": "float64"})
            of = replace(run, run_id=f"{number} {name}")
            into.append_once(SALES, rows, batch_id=name, source=name, run=of, meeting=Meeting("replace"))
        assert _sorted(into.read(SALES)) == expected


def _sorted(rows: pd.DataFrame) -> list[tuple[object, ...]]:
    days = pd.to_datetime(rows["date"]).dt.date
    parts = rows[
        [name for name in DELIVERED if name in LINES[0] and name not in {"stock", "Promo_discount_perc"}]
    ].assign(date=days)
    return sorted(parts.itertuples(index=False, name=None))
