"""Weekly sums that come narrow have the values of those that come wide, and take less than half of the bytes."""

from __future__ import annotations

import pandas as pd
from pandas.testing import assert_frame_equal
from test_warehouse_sales import CUTOFF, NAMED, SOLD, deliver, line

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.run import Run
from skucast.core.weeks import SOLD_BY_WEEKDAY, WeekClock
from skucast.sales.narrow_weeks import SPELLINGS, narrow_weeks, spelt_out

SPELT = [
    *SOLD,
    line("2026-11-18", 2.0, **NAMED | {"unit": f" {NAMED['unit']}"}, promo_type="deal", is_promo=True),
    line("2026-11-18", 1.0, **NAMED | {"unit": None}),
]
"""One name in two spellings, the type of a promotion, a row without a unit."""


def test_narrow_sums_have_the_same_values(warehouse: Warehouse, run: Run) -> None:
    """Whole numbers in other types; spellings only where they are not the name itself."""
    deliver(warehouse, SPELT, run)
    wide, narrow = (warehouse.weekly_sales(WeekClock(), CUTOFF, narrow=each) for each in (False, True))
    assert_frame_equal(spelt_out(narrow).astype(wide.dtypes.to_dict()), wide)
    assert narrow["spelling_min"].notna().sum() < len(narrow)
    assert (narrow["spelling_min"].notna() | narrow["spelling_max"].notna()).any()


def test_narrow_sums_take_less_than_half(warehouse: Warehouse, run: Run) -> None:
    """By the bytes of all numbers and codes; those of columns of one value are counted once."""
    days = pd.date_range("2026-11-01", periods=20)
    deliver(warehouse, [line(f"{day.date()}", 1.0 + day.day, **NAMED) for day in days], run)
    wide, narrow = (warehouse.weekly_sales(WeekClock(), CUTOFF, narrow=each) for each in (False, True))
    numbers = [name for name in wide if wide[name].dtype.kind in "if" and name not in SOLD_BY_WEEKDAY]
    assert {str(wide[name].dtype) for name in numbers} == {"int64", "float64"}
    assert all(narrow[name].dtype.itemsize == 1 for name in numbers if wide[name].dtype.kind == "i")
    assert narrow["stock_days"].to_numpy().strides == (0,)
    assert narrow["quantity"].dtype == "float64"
    assert {str(narrow[name].dtype) for name in (*SPELLINGS, "promo_types")} == {"category"}
    assert narrow_weeks(narrow) is narrow
