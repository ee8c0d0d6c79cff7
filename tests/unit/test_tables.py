"""Table contracts: what fits is put in order, what does not is named by column and row."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from skucast.core.errors import ContractError
from skucast.core.tables.contract import Check, Column, Table
from skucast.core.tables.every import TABLES
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.records import RUNS
from skucast.core.tables.reference import reference
from skucast.core.tables.sales import SALES
from skucast.core.tables.validation import convert_column, empty, validate

PAGE = Path(__file__).parents[2] / "docs/reference/tables.md"

WEEKS = Table(
    label="weeks",
    name="weeks",
    meaning="A small table with a column of every type.",
    columns=(
        Column("ds", "DATE", "week", "label"),
        Column("name", "STRING", "text", "who", allowed=("a", "b")),
        Column("y", "FLOAT64", "pieces", "sales"),
        Column("lower", "FLOAT64", "pieces", "lower end", nullable=True),
        Column("n", "INT64", "rows", "count"),
        Column("is_open", "BOOL", "true/false", "open"),
        Column("made_at", "TIMESTAMP", "UTC", "when"),
        Column("note", "STRING", "text", "note", nullable=True),
        Column("m", "INT64", "rows", "optional count", nullable=True),
    ),
    key=("ds", "name"),
    checks=(Check("lower <= y", lambda rows: rows["lower"].isna() | (rows["lower"] <= rows["y"])),),
)


def rows(**changed: object) -> pd.DataFrame:
    """Return two rows that fit `WEEKS`, in another order and as a source may type them; then changed."""
    columns = {
        "note": ["ok", None],
        "made_at": pd.to_datetime(["2026-11-25 19:00:01", "2026-11-25 19:00:02"]),
        "n": [1.0, 2.0],
        "y": ["3", "4.5"],
        "ds": [date(2026, 11, 22), date(2026, 11, 22)],
        "name": ["a", "b"],
        "is_open": [True, False],
        "lower": [1, None],
        "m": [None, 7],
    }
    return pd.DataFrame(columns | changed, index=[2, 3])


def mistakes(**changed: object) -> str:
    """Return what `validate` says about the changed rows."""
    with pytest.raises(ContractError) as caught:
        validate(WEEKS, rows(**changed))
    return str(caught.value)


# --- What fits ------------------------------------------------------------------------------------------------------


def test_columns_come_in_the_contract_s_order_and_types():
    """Whatever the order and the types of the source, the result is the contract's; the index stays."""
    valid = validate(WEEKS, rows())
    assert {name: str(kind) for name, kind in valid.dtypes.items()} == {
        "ds": "datetime64[us]",
        "name": "str",
        "y": "float64",
        "lower": "float64",
        "n": "int64",
        "is_open": "bool",
        "made_at": "datetime64[us]",
        "note": "str",
        "m": "Int64",
    }
    assert list(valid.columns) == WEEKS.column_names
    assert valid.index.tolist() == [2, 3]
    assert valid["y"].tolist() == [3.0, 4.5]
    assert valid["m"].isna().tolist() == [True, False]
    assert valid["note"].isna().tolist() == [False, True]


def test_the_given_frame_is_not_changed():
    """Validation returns a new frame."""
    given = rows()
    validate(WEEKS, given)
    pd.testing.assert_frame_equal(given, rows())


def test_a_missing_nullable_column_is_null():
    """Columns that may be NULL may be left out."""
    valid = validate(WEEKS, rows().drop(columns=["lower", "note", "m"]))
    assert valid[["lower", "note", "m"]].isna().all(axis=None)
    assert valid.dtypes.equals(validate(WEEKS, rows()).dtypes)


@pytest.mark.slow
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.label)
def test_no_rows_are_valid_rows(table):
    """Every table has an empty frame of its own columns, and it fits the contract."""
    pd.testing.assert_frame_equal(validate(table, empty(table)), empty(table))


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.label)
def test_contracts_are_consistent(table):
    """Column names are unique; key, partition and cluster name columns of the table; keys are required."""
    names = table.column_names
    assert len(set(names)) == len(names)
    assert {*table.key, *table.cluster, *filter(None, [table.partition])} <= set(names)
    assert not [name for name in table.key if table.column(name).nullable]


@pytest.mark.parametrize(
    ("given", "day"),
    [
        ("2026-11-22", date(2026, 11, 22)),
        ("2026-11-22 13:30:00", date(2026, 11, 22)),
        (date(2026, 11, 22), date(2026, 11, 22)),
        (datetime.fromisoformat("2026-11-22T13:30:00"), date(2026, 11, 22)),
    ],
)
def test_a_date_is_a_day_without_its_time(given, day):
    """The time of a day is cut off, the day as written stays."""
    assert validate(WEEKS, rows(ds=[given, given]))["ds"].dt.date.tolist() == [day, day]


INSTANTS = (pd.Timestamp("2026-11-22 22:30", tz="UTC"), "2026-11-22T22:30:00Z", "2026-11-23T01:30:00+03:00")


@pytest.mark.parametrize("given", INSTANTS)
@pytest.mark.parametrize(("tz", "day"), [("Europe/Moscow", date(2026, 11, 23)), ("Europe/London", date(2026, 11, 22))])
def test_an_instant_is_a_day_of_the_business(given, tz, day):
    """Its day depends on who looks."""
    assert validate(WEEKS, rows(ds=[given, given]), tz=tz)["ds"].dt.date.tolist() == [day, day]


def test_instants_of_summer_and_winter_are_days_of_the_business():
    """One column, two offsets, and a day among them that is one already."""
    given = ["2026-03-01T00:30:00+01:00", "2026-07-01T23:30:00+02:00", "2026-08-01"]
    column = Column("starts_on", "DATE", "day", "first day")
    assert convert_column(column, pd.Series(given), "Europe/Berlin").dt.date.astype("str").tolist() == [
        "2026-03-01",
        "2026-07-01",
        "2026-08-01",
    ]
    instants = convert_column(Column("known_from", "TIMESTAMP", "UTC", "since when"), pd.Series(given[:2]))
    assert instants.tolist() == [pd.Timestamp("2026-02-28 23:30"), pd.Timestamp("2026-07-01 21:30")]


@pytest.mark.parametrize("given", INSTANTS)
def test_an_instant_of_nobody_s_time_zone_is_no_day(given):
    """Where the business is not known, the day is not guessed."""
    with pytest.raises(ContractError, match=r"column ds, row 2: found .*, expected a day, without a time zone"):
        validate(WEEKS, rows(ds=[given, given]))


def test_an_instant_is_kept_in_utc():
    """A column of instants has no zone; what came with one is converted, not cut."""
    column = Column("known_from", "TIMESTAMP", "UTC", "since when")
    given = pd.Series([pd.Timestamp("2026-11-20 12:00", tz="Europe/Moscow")])
    assert convert_column(column, given).tolist() == [pd.Timestamp("2026-11-20 09:00")]


@pytest.mark.parametrize("given", [[Decimal("1.5"), Decimal(2)], ["1.5", "2e0"], [1.5, 2]])
def test_numbers_may_come_as_text_or_decimals(given):
    """CSV texts and database decimals are numbers."""
    assert validate(WEEKS, rows(y=given, lower=None))["y"].tolist() == [1.5, 2.0]


def test_article_numbers_are_text_without_a_decimal_point():
    """A column of whole numbers with NULLs is read as floats; article 123 is still '123'."""
    column = Column("SKU_ID", "STRING", "text", "article", nullable=True)
    assert convert_column(column, pd.Series([123, None])).tolist()[0] == "123"
    assert convert_column(column, pd.Series([123, 124])).tolist() == ["123", "124"]
    assert convert_column(column, pd.Series([1.5])).tolist() == ["1.5"]
    assert convert_column(column, pd.Series([1.5, 4.607012345678e12, 9752])).tolist() == [
        "1.5",
        "4607012345678",
        "9752",
    ]


def test_decimals_as_article_numbers_have_no_zeros_at_their_end():
    """Parquet files of databases hold 9752 with nine decimal places; a text stays as it is written."""
    column = Column("SKU_ID", "STRING", "text", "article", nullable=True)
    given = [Decimal("9752.000000000"), Decimal(9750), Decimal("12.50"), "9752.0", None]
    assert convert_column(column, pd.Series(given, dtype="object")).tolist()[:4] == ["9752", "9750", "12.5", "9752.0"]


# --- What does not --------------------------------------------------------------------------------------------------


def test_missing_and_unknown_columns_are_named_together():
    """Both kinds of mistakes are in one message, with the table."""
    with pytest.raises(ContractError) as caught:
        validate(WEEKS, rows().drop(columns=["y", "n"]).assign(yhat=1, extra=2))
    assert str(caught.value) == "table weeks: missing column y, n; unknown column yhat, extra"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"y": [1.0, "many"]}, "column y, row 3: found 'many', expected a finite number"),
        ({"y": ["1,5", "2"]}, "column y, row 2: found '1,5', expected a finite number"),
        ({"y": [1.0, float("inf")]}, "column y, row 3: found inf, expected a finite number"),
        ({"y": ["-inf", "1"]}, "column y, row 2: found '-inf', expected a finite number"),
        ({"y": ["1e999", "1"]}, "column y, row 2: found '1e999', expected a finite number"),
        ({"lower": [float("inf"), 1]}, "column lower, row 2: found inf, expected a finite number"),
        ({"y": [1.0, None]}, "column y, row 3: found nan, expected a value, because the column is required"),
        ({"y": ["nan", "1"]}, "column y, row 2: found 'nan', expected a finite number"),
        ({"y": [" ", "1"]}, "column y, row 2: found ' ', expected a value, because the column is required"),
        ({"name": ["a", None]}, "column name, row 3: found nan, expected a value"),
        ({"name": ["a", "c"]}, "column name, row 3: found 'c', expected one of a, b"),
        ({"n": [1, 2.5]}, "column n, row 3: found 2.5, expected a whole number"),
        ({"n": [1, float("inf")]}, "column n, row 3: found inf, expected a whole number"),
        ({"n": ["1", "x"]}, "column n, row 3: found 'x', expected a whole number"),
        ({"is_open": [True, "maybe"]}, "column is_open, row 3: found 'maybe', expected true or false"),
        ({"is_open": [2, 1]}, "column is_open, row 2: found 2, expected true or false"),
        ({"is_open": [True, None]}, "column is_open, row 3: found None, expected a value"),
        ({"ds": ["2026-11-22", "22.11.2026"]}, "column ds, row 3: found '22.11.2026', expected a date"),
        ({"ds": ["2026-02-29", "2026-11-22"]}, "column ds, row 2: found '2026-02-29', expected a date"),
        ({"ds": [20261122, 20261122]}, "column ds, row 2: found 20261122, expected a date"),
        ({"ds": [date(2026, 11, 22), None]}, "column ds, row 3: found None, expected a value"),
        ({"made_at": ["2026-11-25 19:00:01", "later"]}, "column made_at, row 3: found 'later', expected a date"),
    ],
)
def test_a_wrong_value_is_named_by_column_and_row(changed, message):
    """Text, infinite, fractional, unknown and missing values are refused: column, row label, found, expected."""
    assert message in mistakes(**changed)


def test_the_mistakes_of_all_columns_are_reported_together():
    """One run over the rows names the first wrong row of each column, and how many more there are."""
    text = mistakes(y=["x", "z"], n=[1, "?"])
    assert "column y, row 2: found 'x', expected a finite number (and 1 more)" in text
    assert "column n, row 3: found '?'" in text


def test_dates_of_several_zones_are_refused_in_one_line():
    """Texts with different offsets have no one day; that is said, not thrown."""
    assert "column ds: found several time zones" in mistakes(
        ds=["2026-11-22T23:00:00+03:00", "2026-11-22T23:00:00+05:00"]
    )


def test_a_repeated_key_is_refused_with_an_example():
    """No two rows share a key; the first that does is shown."""
    text = mistakes(name=["a", "a"])
    assert "1 rows repeat a key" in text
    assert "2026-11-22" in text


def test_a_broken_rule_is_named_with_its_first_row():
    """A rule over whole rows says how many rows break it, and the first."""
    assert "rule broken in 1 rows, first row 3: lower <= y" in mistakes(lower=[1, 9])


def test_the_contract_of_some_columns_keeps_what_they_can_tell():
    """Its key only whole, of its rules those that say which columns they look at, all of which are there."""
    part = FORECASTS.part(["yhat", "step", "cutoff", "unit"])
    assert part.column_names == ["cutoff", "unit", "step", "yhat"]
    assert part.key == ()
    assert [check.rule for check in part.checks] == ["step is at least 1"]
    assert FORECASTS.part(FORECASTS.column_names) == FORECASTS
    assert FORECASTS.part(FORECASTS.key).key == FORECASTS.key


def test_rows_without_a_key_may_repeat():
    """Sales lines have no key: two equal lines are two sales."""
    line = {"date": "2026-11-16", "unit": "U", "channel": "C", "SKU_ID": "S", "quantity": 1}
    assert len(validate(SALES, pd.DataFrame([line, line]))) == 2


def test_a_placeholder_line_of_sales_is_valid():
    """Sales may hold lines that are NULL throughout; history ignores and counts them."""
    valid = validate(SALES, pd.DataFrame([dict.fromkeys(SALES.column_names)]))
    assert valid.isna().all(axis=None)


@pytest.mark.parametrize(("discount", "fits"), [(0, True), (100, True), (None, True), (100.5, False), (-1, False)])
def test_a_promo_discount_is_a_percentage(discount, fits):
    """Depths outside 0 to 100 are refused: 140 % off does not exist."""
    line = {"date": "2026-11-16", "unit": "U", "channel": "C", "SKU_ID": "S", "quantity": 1}
    lines = pd.DataFrame([line | {"Promo_discount_perc": discount}])
    if fits:
        validate(SALES, lines)
        return
    with pytest.raises(ContractError, match="Promo_discount_perc is a percentage, 0 to 100"):
        validate(SALES, lines)


@pytest.mark.parametrize(
    ("lower", "yhat", "upper", "fits"), [(0, 1, 2, True), (1, 1, 1, True), (-1, 1, 2, False), (2, 1, 3, False)]
)
def test_an_interval_holds_its_forecast(lower, yhat, upper, fits):
    """0 <= yhat_lower <= yhat <= yhat_upper in every forecast row."""
    check = FORECASTS.checks[0]
    held = check.holds(pd.DataFrame({"yhat_lower": [lower], "yhat": [yhat], "yhat_upper": [upper]}))
    assert held.tolist() == [fits]


# --- Documentation --------------------------------------------------------------------------------------------------


def test_the_reference_names_every_column():
    """Each table has its heading, and each column its line with type, measure and meaning."""
    lines = reference().splitlines()
    assert "## runs: `distributor_forecast_runs`" in lines
    assert "| `cutoff` | DATE or NULL | week label (last day of the week) | " in reference()
    assert sum(line.startswith("| `") for line in lines) == sum(len(table.columns) for table in TABLES)
    assert f"| `run_id` | STRING | text | {RUNS.column('run_id').meaning} |" in lines


def test_the_page_shows_the_contracts():
    """docs/reference/tables.md is what `python -m skucast reference` writes today; if not: `make docs`."""
    assert PAGE.read_text(encoding="utf-8") == reference()
