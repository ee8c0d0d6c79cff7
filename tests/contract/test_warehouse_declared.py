"""What every warehouse makes of columns of the sales that further regressors are declared to be in."""

from __future__ import annotations

import pytest
from builders import CUTOFF
from rigs import declare, make_table

from skucast.backends.warehouse.protocol import WEEKLY_SALES_COLUMNS, Warehouse
from skucast.core.declared import Regressor, Rule, Source
from skucast.core.errors import InputError
from skucast.core.tables.sales import SALES
from skucast.core.weeks import WeekClock

LINES = [
    ("2026-11-16", "1", "10.0"),
    ("2026-11-16", "3", "20.0"),
    ("2026-11-16", "-5", "90.0"),
    ("2026-11-17", "0", "12.0"),
    ("2026-11-18", "2", "NULL"),
    ("2026-11-19", "2", "30.5"),
    ("2026-11-24", "2", "99.0"),
]
"""Day, quantity and price: on Monday 17.5 by what was sold, on Tuesday 12 without a sale, on Thursday 30.5."""


def sales(warehouse: Warehouse, kind: str = "FLOAT64") -> None:
    """Make a sales table with a price."""
    rows = [
        {
            "date": f"CAST('{day}' AS DATE)",
            "unit": "'U'",
            "channel": "'C'",
            "SKU_ID": "'S'",
            "quantity": quantity,
            "Promo_discount_perc": "CAST(NULL AS FLOAT64)",
            "PRICE": f"CAST({price} AS {kind})",
        }
        for day, quantity, price in LINES
    ]
    make_table(warehouse, SALES, rows)


def price(week: Rule = "mean", column: str = "price") -> Regressor:
    """Declare a price; names of columns are the same in either case."""
    return Regressor("p", "price", Source("sales", column), Source("table"), week)


def test_a_declared_column_is_carried_by_its_rule(warehouse: Warehouse) -> None:
    """Days of 17.5, 12 and 30.5: their mean, the last, the largest of all lines, and the sum of all lines."""
    sales(warehouse)
    rules: tuple[Rule, ...] = ("mean", "last", "max", "sum")
    declare(warehouse, *(price(rule) for rule in rules))
    [week] = warehouse.weekly_sales(WeekClock(), CUTOFF).to_dict("records")
    assert [week[f"{rule}:p"] for rule in rules] == [pytest.approx(20.0), 30.5, 90.0, 162.5]
    assert week["quantity"] == 3.0


def test_nothing_is_carried_that_nobody_declared(warehouse: Warehouse) -> None:
    """The weekly sums have the columns of the contract alone."""
    sales(warehouse)
    assert list(warehouse.weekly_sales(WeekClock(), CUTOFF)) == list(WEEKLY_SALES_COLUMNS)


def test_text_where_a_number_is_declared_is_refused(warehouse: Warehouse) -> None:
    """The table, and what to do; nothing is guessed from text."""
    rows = [
        {"unit": "'U'", "channel": "'C'", "SKU_ID": "'S'", "quantity": "1", "PRICE": f"'{text}'"}
        for text in ("9.5", "dear")
    ]
    day = {"date": "CAST('2026-11-16' AS DATE)", "Promo_discount_perc": "CAST(NULL AS FLOAT64)"}
    make_table(warehouse, SALES, [{**day, **row} for row in rows])
    declare(warehouse, price(column="PRICE"))
    with pytest.raises(InputError, match="correct it at the source"):
        warehouse.weekly_sales(WeekClock(), CUTOFF)


def test_a_declared_column_that_is_not_there_is_named(warehouse: Warehouse) -> None:
    """A table that others keep is not changed: the column and the regressor are said."""
    sales(warehouse)
    declare(warehouse, price(column="list_price"))
    with pytest.raises(InputError, match=r"no column list_price, which the regressor p is to come from \(REGRESSORS\)"):
        warehouse.weekly_sales(WeekClock(), CUTOFF)
