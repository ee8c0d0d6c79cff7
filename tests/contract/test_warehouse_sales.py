"""What every warehouse promises of weekly sales."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from unicodedata import normalize

import pandas as pd
import pytest
from builders import CUTOFF, deliver, line
from small_table import lines

from skucast.backends.warehouse.protocol import WEEKLY_SALES_COLUMNS, Warehouse
from skucast.core.errors import InputError
from skucast.core.run import Run
from skucast.core.tables.contract import Table
from skucast.core.tables.sales import SALES
from skucast.core.weeks import SOLD_BY_WEEKDAY, WeekClock

DECOMPOSED = normalize("NFD", "Чайковский")
NAMED = {"unit": "Чайковский", "channel": "ON TRADE", "SKU_ID": "ЦУП'1"}
SOLD = [
    line("2026-11-15", 100.0, **NAMED),
    line("2026-11-16", 5.0, promo=20, stock=7, **NAMED),
    line("2026-11-16", 3.0, **(NAMED | {"unit": DECOMPOSED})),
    line("2026-11-17", 4.0, stock=0, **(NAMED | {"SKU_ID": " ЦУП'1\u00a0"})),
    line("2026-11-17", -2.0, promo=50, **NAMED),
    line("2026-11-19", -1.0, **NAMED),
    line("2026-11-21", None, **NAMED),
    line("2026-11-23", 1000.0, **NAMED),
]
"""Sunday to Monday, with the week of 16 to 22 November between them."""


def weekly(warehouse: Warehouse, run: Run, rows: list[dict[str, Any]], clock: WeekClock | None = None) -> pd.DataFrame:
    """Return the weekly sales of these lines up to the cutoff."""
    deliver(warehouse, rows, run)
    return warehouse.weekly_sales(clock or WeekClock(), CUTOFF)


def test_lines_are_summed_to_weeks(warehouse: Warehouse, run: Run) -> None:
    """The week of 16 November by hand: 5+3+4-2-1 = 9 net, 3 returned; discount (mean(20, 0) + 0) / 2 = 5 %.

    Of four days with lines (Saturday's has no quantity) one has a discount and two know their stock; the one with none
    left in the evening has sold. It sells on Monday (1) and Tuesday (2).
    """
    weeks = weekly(warehouse, run, SOLD).set_index("ds")
    assert list(weeks.reset_index()[list(WEEKLY_SALES_COLUMNS)]) == list(WEEKLY_SALES_COLUMNS)
    assert weeks.index.tolist() == [pd.Timestamp("2026-11-15"), pd.Timestamp("2026-11-22")]
    row = weeks.loc["2026-11-22"].to_dict()
    spelling_min, spelling_max = row.pop("spelling_min"), row.pop("spelling_max")
    assert pd.isna(row.pop("promo_types"))
    assert row == {
        **NAMED,
        "quantity": 9.0,
        "returns_quantity": 3.0,
        "promo_discount_perc": 5.0,
        "promo_days": 1,
        "least_discount": 20.0,
        "most_discount": 20.0,
        "selling_weekdays": 3,
        "promo_weekdays": 1,
        "stock_weekdays": 3,
        "stockout_weekdays": 0,
        "stock_days": 2,
        "stockout_days": 0,
        "left_weekdays": 1,
        **dict(zip(SOLD_BY_WEEKDAY, [8.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0], strict=True)),
        "first_date": pd.Timestamp("2026-11-16"),
        "last_date": pd.Timestamp("2026-11-21"),
        "n_lines": 6,
        "n_bad_quantity": 1,
        "n_bad_discount": 0,
        "n_bad_flag": 0,
        "no_depth_share": 0.0,
        "last_stock": 0.0,
    }
    assert pd.isna(weeks["last_stock"].iloc[0])
    assert spelling_min != spelling_max


def test_a_day_without_stock_and_sales_is_told_by_its_weekday(warehouse: Warehouse, run: Run) -> None:
    """Mondays sell 6 and leave some, a Tuesday sells 2 and leaves none, the next one sells nothing and leaves none."""
    lines = [
        line("2026-11-09", 6.0, stock=5, **NAMED),
        line("2026-11-10", 2.0, stock=0, **NAMED),
        line("2026-11-16", 6.0, stock=4, **NAMED),
        line("2026-11-17", 0.0, stock=-1, **NAMED),
        line("2026-11-22", -3.0, **NAMED),
    ]
    found = weekly(warehouse, run, lines)
    assert found["stock_weekdays"].tolist() == [3, 3]
    assert found["left_weekdays"].tolist() == [1, 1]
    assert found["last_stock"].tolist() == [0.0, -1.0]
    assert found["stockout_weekdays"].tolist() == [0, 2]
    assert found["stockout_days"].tolist() == [0, 1]
    assert found[[*SOLD_BY_WEEKDAY]].to_numpy().tolist() == [[6.0, 2.0, *[0.0] * 5], [6.0, *[0.0] * 6]]


def test_a_discount_below_0_is_none_and_counted(warehouse: Warehouse, run: Run) -> None:
    """Two lines of -30 count as lines without a discount: the week's is that of the third, on one of three days."""
    rows = lines(*(line(f"2026-11-{day}", 1.0, promo=promo) for day, promo in ((16, -30), (17, -30), (18, 30))))
    warehouse.append_once(replace(SALES, checks=()), rows, batch_id="one", source="test", run=run)
    row = warehouse.weekly_sales(WeekClock(), CUTOFF).iloc[0]
    assert (row["n_bad_discount"], row["promo_discount_perc"], row["promo_days"]) == (2, 10.0, 1)
    assert (row["least_discount"], row["most_discount"], row["promo_weekdays"]) == (30.0, 30.0, 4)


def test_one_spelling_is_reported_as_one(warehouse: Warehouse, run: Run) -> None:
    """Least and greatest spelling are equal, as delivered."""
    weeks = weekly(warehouse, run, SOLD[:2])
    assert weeks["spelling_min"].tolist() == weeks["spelling_max"].tolist() == ["Чайковский/ON TRADE/ЦУП'1"] * 2


@pytest.mark.parametrize(
    ("anchor", "until", "expected"),
    [
        ("SUN", "2026-11-22", {"2026-11-15": 100.0, "2026-11-22": 9.0}),
        ("WED", "2026-11-18", {"2026-11-18": 110.0}),
        ("WED", "2026-11-25", {"2026-11-18": 110.0, "2026-11-25": 999.0}),
        ("MON", "2026-11-23", {"2026-11-16": 108.0, "2026-11-23": 1001.0}),
        ("SAT", "2026-11-21", {"2026-11-21": 109.0}),
    ],
)
def test_the_anchor_day_ends_the_week(
    warehouse: Warehouse, run: Run, anchor: Any, until: str, expected: dict[str, float]
) -> None:
    """Sunday sold 100, Monday 8, Tuesday 2 net, Thursday -1, the next Monday 1000; later days than `until` are out."""
    deliver(warehouse, SOLD, run)
    weeks = warehouse.weekly_sales(WeekClock(anchor), date.fromisoformat(until))
    assert {str(ds.date()): quantity for ds, quantity in zip(weeks["ds"], weeks["quantity"], strict=True)} == expected


@pytest.mark.parametrize("anchor", ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"])
def test_the_warehouse_and_the_clock_agree_on_every_day(warehouse: Warehouse, run: Run, anchor: Any) -> None:
    """Each day around a new year and a leap day gets the label that `WeekClock.label` gives it."""
    days = [start + timedelta(days=n) for start in (date(2023, 12, 25), date(2024, 2, 25)) for n in range(14)]
    clock = WeekClock(anchor)
    weeks = weekly(warehouse, run, [line(day, 1.0, SKU_ID=str(day)) for day in days], clock)
    assert dict(zip(weeks["SKU_ID"], weeks["ds"].dt.date, strict=True)) == {str(day): clock.label(day) for day in days}


def test_placeholder_rows_are_counted_apart(warehouse: Warehouse, run: Run) -> None:
    """Rows without an article, or without anything, are groups of their own with NULL where nothing was delivered."""
    nothing = {"unit": None, "channel": None, "SKU_ID": None}
    rows = [line("2026-11-16", 5.0), line("2026-11-16", 0.0, SKU_ID=None), line(None, None, **nothing)]
    weeks = weekly(warehouse, run, rows)
    assert weeks[weeks["SKU_ID"].notna()]["quantity"].tolist() == [5.0]
    placeholders = weeks[weeks["SKU_ID"].isna()].sort_values("ds")
    assert placeholders["n_lines"].tolist() == [1, 1]
    assert placeholders["unit"].isna().tolist() == [False, True]
    assert placeholders["ds"].isna().tolist() == [False, True]


def test_a_week_of_returns_is_negative(warehouse: Warehouse, run: Run) -> None:
    """The warehouse nets; flooring is the history's. Without a selling line the first day is that of any line."""
    row = weekly(warehouse, run, [line("2026-11-17", -4.0), line("2026-11-18", 0.0, stock=0)]).iloc[0]
    assert (row["quantity"], row["returns_quantity"], row["promo_discount_perc"]) == (-4.0, 4.0, 0.0)
    assert (row["stock_days"], row["stockout_days"]) == (1, 1)
    assert row["first_date"] == pd.Timestamp("2026-11-17")


def test_weekly_sales_have_one_type_a_column(warehouse: Warehouse, run: Run) -> None:
    """Dates are datetime64[us] without a zone, quantities floats, counts whole numbers."""
    types = weekly(warehouse, run, SOLD).dtypes
    assert {str(types[name]) for name in ("ds", "first_date", "last_date")} == {"datetime64[us]"}
    assert {str(types[name]) for name in ("quantity", "returns_quantity", "promo_discount_perc")} == {"float64"}
    counts = ("promo_days", "selling_weekdays", "stock_days", "stockout_days", "n_lines", "n_bad_quantity")
    assert {str(types[name]) for name in counts} == {"int64"}
    assert {str(types[name]) for name in SOLD_BY_WEEKDAY} == {"float64"}


def test_lines_after_a_day_are_counted_by_unit(warehouse: Warehouse, run: Run) -> None:
    """Two lines of one unit after the day, one without a unit; those of the day itself and before are none of them."""
    late = [line("2062-11-16", 5.0, unit=None), line("2026-11-24", 1.0, **NAMED)]
    deliver(warehouse, [*SOLD, *late], run)
    found = warehouse.later_sales(CUTOFF)
    assert found["unit"].tolist() == ["", NAMED["unit"]]
    assert found["n_lines"].tolist() == [1, 2]
    assert found["last_date"].tolist() == [pd.Timestamp("2062-11-16"), pd.Timestamp("2026-11-24")]
    deliver(warehouse, [line("2099-12-31", 1.0, **NAMED)], run, "no end")
    assert warehouse.later_sales(date(2062, 11, 16))["last_date"].tolist() == [pd.Timestamp("2099-12-31")]
    assert not len(warehouse.later_sales(date(2099, 12, 31)))


@pytest.mark.parametrize("there_is", ["nothing", "an empty table"])
def test_without_sales_the_way_out_is_named(warehouse: Warehouse, there_is: str) -> None:
    """No table, or no rows in it: `make demo` or a file of one's own; in the cloud the table that has them."""
    if there_is == "an empty table":
        warehouse.ensure(SALES)
    with pytest.raises(InputError, match=r"make demo.*python -m skucast load FILE --table sales|SALES_TABLE"):
        warehouse.weekly_sales(WeekClock(), CUTOFF)


def test_sales_of_later_days_only_are_named_with_their_first_day(warehouse: Warehouse, run: Run) -> None:
    """There are sales, but none up to the cutoff: the way out is a later day, not another file."""
    deliver(warehouse, [line("2026-11-24", 1.0), line("2026-11-23", 1.0)], run)
    with pytest.raises(InputError, match=r"up to 2026-11-22, .*; the first are of 2026-11-23: .*AS_OF"):
        warehouse.weekly_sales(WeekClock(), CUTOFF)


def without(name: str) -> Table:
    """Return the sales contract without one column."""
    return replace(SALES, columns=tuple(column for column in SALES.columns if column.name != name), checks=())


def test_sales_without_stock_are_fine(warehouse: Warehouse, run: Run) -> None:
    """A source that knows no stock has no day with known stock."""
    rows = lines(line("2026-11-16", 5.0)).drop(columns="stock")
    warehouse.append_once(without("stock"), rows, batch_id="one", source="test", run=run)
    weeks = warehouse.weekly_sales(WeekClock(), CUTOFF)
    assert weeks[["quantity", "stock_days", "stockout_days"]].to_numpy().tolist() == [[5.0, 0, 0]]


def test_sales_without_a_needed_column_are_refused(warehouse: Warehouse, run: Run) -> None:
    """The column is named, and the setting that maps it."""
    rows = lines(line("2026-11-16", 5.0)).drop(columns="quantity")
    warehouse.append_once(without("quantity"), rows, batch_id="one", source="test", run=run)
    with pytest.raises(InputError, match=r"no column quantity.*SALES_COLUMNS=quantity="):
        warehouse.weekly_sales(WeekClock(), CUTOFF)
