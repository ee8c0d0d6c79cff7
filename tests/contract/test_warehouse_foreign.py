"""What every warehouse makes of tables that others keep: instants for days, numbers for names, other cases."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
import pytest
from builders import CUTOFF
from rigs import make_table

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.errors import InputError
from skucast.core.tables.contract import Table
from skucast.core.tables.sales import LOCATIONS, PROMOTIONS, SALES, WEATHER
from skucast.core.weeks import WeekClock

DAYS = [date(2026, 11, 9) + timedelta(days=n) for n in range(15)]
"""Two weeks of Mondays to Sundays, and the Monday after."""


def quantity(day: date) -> int:
    """Return what sells: 70 on Mondays, else 10, so that a week is 130."""
    return 70 if day.weekday() == 0 else 10


def sales(warehouse: Warehouse, day: str, **columns: str) -> None:
    """Make a sales table whose `date` is this expression of each day (`{day}`)."""
    rows = []
    for one in DAYS:
        values = {"unit": "'U'", "channel": "'C'", "SKU_ID": "'S'", "quantity": str(quantity(one))}
        nothing = {"Promo_discount_perc": "CAST(NULL AS FLOAT64)"}
        rows.append({"date": day.format(day=one), **values, **nothing, **columns})
    make_table(warehouse, SALES, rows)


def weeks_of(warehouse: Warehouse, until: date = CUTOFF) -> dict[str, float]:
    """Return the quantity by week."""
    weeks = warehouse.weekly_sales(WeekClock(), until)
    return {str(ds.date()): sold for ds, sold in zip(weeks["ds"], weeks["quantity"], strict=True)}


INSTANTS = {
    "midnight": "CAST('{day} 00:00:00+03' AS INSTANT)",
    "last minute": "CAST('{day} 23:59:00+03' AS INSTANT)",
    "other zone": "CAST('{day} 02:00:00+05' AS INSTANT)",
    "wall clock": "CAST('{day} 23:59:00' AS DATETIME)",
    "day": "CAST('{day}' AS DATE)",
    "text": "'{day}'",
    "text of an instant": "'{day} 00:00:00+03:00'",
    "text with a zone's name": "'{day} 00:00:00 Europe/Moscow'",
    "text with a time": "'{day} 23:59:00'",
}


@pytest.mark.parametrize("day", INSTANTS.values(), ids=INSTANTS)
def test_a_day_of_sales_is_the_business_s(warehouse: Warehouse, day: str) -> None:
    """Midnight in Moscow is 21:00 UTC of the day before: Mondays stay in their own weeks, two of 130."""
    sales(warehouse, day)
    assert weeks_of(warehouse) == {"2026-11-15": 130, "2026-11-22": 130}
    weeks = warehouse.weekly_sales(WeekClock(), CUTOFF)
    assert weeks["first_date"].tolist() == [pd.Timestamp("2026-11-09"), pd.Timestamp("2026-11-16")]
    assert weeks["last_date"].tolist() == [pd.Timestamp("2026-11-15"), pd.Timestamp("2026-11-22")]


def test_the_first_later_day_is_the_business_s(warehouse: Warehouse) -> None:
    """The day that the message names, too."""
    sales(warehouse, INSTANTS["midnight"])
    with pytest.raises(InputError, match="the first are of 2026-11-09"):
        weeks_of(warehouse, date(2026, 11, 8))


def test_later_sales_are_of_later_days_of_the_business(warehouse: Warehouse) -> None:
    """Midnight of Monday the 23rd is later than Sunday, in Moscow."""
    sales(warehouse, INSTANTS["midnight"])
    found = warehouse.later_sales(CUTOFF)
    assert found[["unit", "n_lines"]].to_numpy().tolist() == [["U", 1]]
    assert found["last_date"].tolist() == [pd.Timestamp("2026-11-23")]


def test_another_time_zone_is_another_day(warehouse: Warehouse) -> None:
    """21:00 UTC on Sunday is Sunday in London and Monday in Moscow; the clock says which counts."""
    sales(warehouse, INSTANTS["midnight"])
    weeks = warehouse.weekly_sales(WeekClock(tz="Europe/London"), CUTOFF)
    assert weeks["quantity"].tolist() == [70, 130, 130]


PROMOTION = {
    "unit": "'U'",
    "channel": "'C'",
    "SKU_ID": "'S'",
    "starts_on": "CAST('2026-11-23' AS DATE)",
    "ends_on": "CAST('2026-11-29' AS DATE)",
    "discount_perc": "30",
    "known_from": "CAST('2026-11-20 12:00:00+03' AS INSTANT)",
    "plan_id": "'P'",
    "cancelled": "CAST(NULL AS BOOL)",
    "note": "CAST(NULL AS STRING)",
}
PLAN_DAYS = {
    "instants": ("CAST('2026-11-23 00:00:00+03' AS INSTANT)", "CAST('2026-11-29 00:00:00+03' AS INSTANT)"),
    "one instant": ("CAST('2026-11-23' AS DATE)", "CAST('2026-11-29 00:00:00+03' AS INSTANT)"),
    "wall clocks": ("CAST('2026-11-23 00:00:00' AS DATETIME)", "CAST('2026-11-29 23:59:59' AS DATETIME)"),
    "texts": ("'2026-11-23'", "'2026-11-29'"),
    "texts of instants": ("'2026-11-22T21:00:00Z'", "'2026-11-29T00:00:00+03:00'"),
}


@pytest.mark.parametrize(("first", "last"), PLAN_DAYS.values(), ids=PLAN_DAYS)
def test_days_of_a_plan_are_the_business_s(warehouse: Warehouse, first: str, last: str) -> None:
    """23 to 29 November, not one day early; since when it is known stays an instant, in UTC."""
    make_table(warehouse, PROMOTIONS, [PROMOTION | {"starts_on": first, "ends_on": last}])
    [row] = warehouse.read(PROMOTIONS).to_dict("records")
    assert (row["starts_on"], row["ends_on"]) == (pd.Timestamp("2026-11-23"), pd.Timestamp("2026-11-29"))
    assert row["known_from"] == pd.Timestamp("2026-11-20 09:00:00")


def test_limits_are_days_of_the_business_too(warehouse: Warehouse) -> None:
    """Weather whose days are instants: of two midnights in Moscow only the later is since the 23rd."""
    days = [f"CAST('2026-11-{day} 00:00:00+03' AS INSTANT)" for day in (22, 23)]
    rest = {"unit": "'U'", **dict.fromkeys(WEATHER.column_names[2:6], "1.5"), "kind": "'observed'"}
    fetched = {"fetched_at": "CAST('2026-11-24 00:00:00+00' AS INSTANT)"}
    make_table(warehouse, WEATHER, [{**rest, "date": day, **fetched} for day in days])
    found = warehouse.read(WEATHER, since={"date": date(2026, 11, 23)})
    assert found["date"].tolist() == [pd.Timestamp("2026-11-23")]


NUMBERS = {
    "INT64": ("CAST(9752 AS INT64)", "9752"),
    "NUMERIC": ("CAST(9752 AS NUMERIC)", "9752"),
    "BIGNUMERIC": ("CAST(9750 AS BIGNUMERIC)", "9750"),
    "FLOAT64": ("CAST(9752 AS FLOAT64)", "9752"),
    "FLOAT64 of a bar code": ("CAST('4.607012345678e12' AS FLOAT64)", "4607012345678"),
    "FLOAT64 past 1e15": ("CAST('14607012345678912' AS FLOAT64)", "14607012345678912"),
    "broken FLOAT64": ("CAST(12.5 AS FLOAT64)", "12.5"),
    "broken NUMERIC": ("CAST('12.50' AS NUMERIC)", "12.5"),
    "text stays": ("'9752.0'", "9752.0"),
}


@pytest.mark.parametrize(("number", "name"), NUMBERS.values(), ids=NUMBERS)
@pytest.mark.parametrize("table", [SALES, PROMOTIONS], ids=lambda table: table.label)
def test_numbers_as_names_have_no_decimal_places(warehouse: Warehouse, table: Table, number: str, name: str) -> None:
    """Article 9752 is 9752 whatever type of number its column is; a text is as it was written."""
    if table is SALES:
        sales(warehouse, INSTANTS["day"], SKU_ID=number)
        assert set(warehouse.weekly_sales(WeekClock(), CUTOFF)["SKU_ID"]) == {name}
    else:
        make_table(warehouse, PROMOTIONS, [PROMOTION | {"SKU_ID": number}])
        assert warehouse.read(PROMOTIONS)["SKU_ID"].tolist() == [name]


def test_a_number_that_is_none_is_no_name(warehouse: Warehouse) -> None:
    """A blank among numbers may come as NaN: it is no article called nan."""
    sales(warehouse, INSTANTS["day"], SKU_ID="CAST('NaN' AS FLOAT64)")
    assert warehouse.weekly_sales(WeekClock(), CUTOFF)["SKU_ID"].isna().all()


@pytest.mark.parametrize("change", [str.upper, str.lower], ids=["upper", "lower"])
def test_names_of_columns_compare_without_case(warehouse: Warehouse, change) -> None:
    """Neither warehouse tells `SKU_ID` from `sku_id`."""
    sales(warehouse, INSTANTS["day"])
    [plan] = [{change(name): value for name, value in PROMOTION.items()}]
    make_table(warehouse, PROMOTIONS, [plan])
    degrees = "CAST(1.5 AS FLOAT64)"
    place = {change("unit"): "'U'", change("latitude"): degrees, change("longitude"): degrees}
    make_table(warehouse, LOCATIONS, [place])
    assert warehouse.read(PROMOTIONS)["SKU_ID"].tolist() == ["S"]
    assert warehouse.exists(LOCATIONS)
    assert warehouse.read(LOCATIONS)["latitude"].tolist() == [1.5]


@pytest.mark.parametrize("change", [str.upper, str.lower], ids=["upper", "lower"])
def test_sales_columns_compare_without_case(warehouse: Warehouse, change) -> None:
    """A sales table of another pipeline that writes all its names in one case."""
    row = {"date": "CAST('2026-11-16' AS DATE)", "unit": "'U'", "channel": "'C'", "SKU_ID": "'S'", "quantity": "5"}
    row |= {"Promo_discount_perc": "CAST(NULL AS FLOAT64)", "stock": "7"}
    make_table(warehouse, SALES, [{change(name): value for name, value in row.items()}])
    weeks = warehouse.weekly_sales(WeekClock(), CUTOFF)
    assert weeks[["SKU_ID", "quantity", "stock_days"]].to_numpy().tolist() == [["S", 5.0, 1]]


def flagged_week(warehouse: Warehouse, **columns: str) -> list[object]:
    """Return what a table of others with one line says: days promoted, share without depth, flags not understood."""
    row = {"date": "CAST('2026-11-16' AS DATE)", "unit": "'U'", "channel": "'C'", "SKU_ID": "'S'", "quantity": "5"}
    make_table(warehouse, SALES, [row | columns])
    weeks = warehouse.weekly_sales(WeekClock(), CUTOFF)
    return weeks[["promo_days", "no_depth_share", "n_bad_flag"]].iloc[0].tolist()


@pytest.mark.parametrize("flag", ["TRUE", "1", "CAST(1 AS FLOAT64)", "'Yes'", "' ja'", "'ДА'"])
def test_a_flag_of_any_kind_is_a_promotion(warehouse: Warehouse, flag: str) -> None:
    """A table of flags needs no column of discounts."""
    assert flagged_week(warehouse, is_promo=flag) == [1, 1.0, 0]


@pytest.mark.parametrize(
    ("flag", "n_bad"),
    [("FALSE", 0), ("0", 0), ("CAST('nan' AS FLOAT64)", 0), ("'nein'", 0), ("''", 0), ("'TPR'", 1), ("2", 1)],
)
def test_any_other_flag_is_none(warehouse: Warehouse, flag: str, n_bad: int) -> None:
    """What is neither yes nor no is counted."""
    assert flagged_week(warehouse, is_promo=flag) == [0, 0.0, n_bad]


@pytest.mark.parametrize(("kind", "shown"), [("' two  for one '", "two for one"), ("12", "12"), ("''", None)])
def test_a_type_of_a_promotion_is_kept(warehouse: Warehouse, kind: str, shown: str | None) -> None:
    """As a text, its blanks put in order."""
    flagged_week(warehouse, is_promo="TRUE", promo_type=kind)
    (found,) = warehouse.weekly_sales(WeekClock(), CUTOFF)["promo_types"].astype("object")
    assert found == shown or (shown is None and pd.isna(found))


def test_a_flag_beside_a_discount(warehouse: Warehouse) -> None:
    """Its depth is known, also where it is 0."""
    assert flagged_week(warehouse, is_promo="TRUE", Promo_discount_perc="CAST(0 AS FLOAT64)") == [1, 0.0, 0]


@pytest.mark.parametrize("value", ["'5,5'", "''", "'1 234'"])
def test_a_quantity_that_is_no_number_is_bad_input(warehouse: Warehouse, value: str) -> None:
    """One line with the table and what to do, not a failure of the service."""
    sales(warehouse, INSTANTS["day"], quantity=value)
    with pytest.raises(InputError, match=rf"^[^\n]*{SALES.name}.*{value}[^\n]*; correct it at the source$") as it:
        weeks_of(warehouse)
    assert "column quantity" in str(it.value)


def test_lines_of_the_first_and_the_last_day_that_there_are(warehouse: Warehouse) -> None:
    """Each keeps its own week, and the later one is told with its day; the other weeks are what they were."""
    odd = "WHEN '2026-11-09' THEN '0001-01-01' WHEN '2026-11-23' THEN '9999-12-31'"
    day = f"CAST(CASE '{{day}}' {odd} ELSE '{{day}}' END AS DATE)"
    sales(warehouse, day)
    assert weeks_of(warehouse) == {"0001-01-07": 70, "2026-11-15": 60, "2026-11-22": 130}
    later = warehouse.later_sales(CUTOFF)
    assert [str(last.date()) for last in later["last_date"]] == ["9999-12-31"]
