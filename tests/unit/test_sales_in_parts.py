"""Weekly sums of sales that are made in parts of whole units are those that are made at once."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from builders import CUTOFF
from pandas.testing import assert_frame_equal

from skucast.backends.warehouse.duckdb import parts
from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.core.run import Run
from skucast.core.tables.sales import SALES
from skucast.core.weeks import WeekClock

SPELT = {"Пермь": 3, " Пермь": 1, "Ижевск\u00a0": 2, "Ижевск": 2, "O'Neil": 1, None: 2, "A": 1}
"""Units as they are written, and so many lines of each."""


@pytest.fixture
def warehouse(tmp_path: Path, table_names: dict[str, str], run: Run) -> DuckDBWarehouse:
    """Return a warehouse with these lines, a day each."""
    made = DuckDBWarehouse(tmp_path / "warehouse.duckdb", table_names)
    lines = [(unit, day) for unit, n_lines in SPELT.items() for day in range(n_lines)]
    sales = pd.DataFrame(
        {
            "date": [CUTOFF - pd.Timedelta(days=5 * day) for _, day in lines],
            "unit": pd.Series([unit for unit, _ in lines], dtype="str"),
            "channel": "KA",
            "SKU_ID": [f"S{day}" for _, day in lines],
            "quantity": [float(number) for number in range(len(lines))],
            "Promo_discount_perc": 0.0,
        }
    )
    made.append_once(SALES, sales, batch_id="b", source="s.csv", run=run)
    return made


@pytest.mark.parametrize("at_once", [1, 4, 5, 7, 11])
def test_parts_give_the_rows_of_all_in_their_order(
    warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """12 lines of four units and of nobody, in parts of so many lines; a unit is in one part in all its spellings."""
    whole = warehouse.weekly_sales(WeekClock(), CUTOFF)
    assert whole["unit"].isna().any()
    monkeypatch.setattr(parts, "AT_ONCE", at_once)
    assert_frame_equal(warehouse.weekly_sales(WeekClock(), CUTOFF), whole)


def test_a_part_has_units_as_long_as_their_lines_fit(
    warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A and O'Neil have 1 line each, with Ижевск's 4 that is more than 5, as these with Пермь's 4, and nobody's 2."""
    with warehouse._file.reading() as connection:
        assert connection is not None
        names = {"table": warehouse._name(SALES), "unit": "unit", "blank": r"[\s\xa0]"}
        assert list(parts.parts_of(connection, names)) == [{}]
        monkeypatch.setattr(parts, "AT_ONCE", 5)
        found = [(sorted(part["units"]), part["nobody"]) for part in parts.parts_of(connection, names)]
    assert found == [
        (["A", "O'Neil"], False),
        (["Ижевск", "Ижевск\u00a0"], False),
        ([" Пермь", "Пермь"], False),
        ([], True),
    ]
