"""Tables that others have changed, in the jobs: days of no calendar, a view where a table was, broken records."""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import pytest
from business import Business
from pandas.testing import assert_frame_equal

from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.records import RUNS
from skucast.core.tables.sales import SALES


def change(business: Business, sql: str) -> None:
    """Change the tables past the program."""
    with duckdb.connect(str(business.warehouse.path)) as connection:
        connection.execute(sql)


@pytest.mark.parametrize(
    ("day", "said"),
    [
        ("0001-01-01", "1 line is dated 0001-01-01"),
        ("0044-03-15 (BC)", "1 line is dated 0001-01-01"),
        ("-infinity", "1 line is dated 0001-01-01"),
        ("20261-11-22", "1 line is dated after today, of Пермь, the last 9999-12-31"),
        ("infinity", "1 line is dated after today, of Пермь, the last 9999-12-31"),
    ],
)
def test_a_line_of_no_day_is_left_out_and_said(
    business: Business, shown: Callable[[], str], day: str, said: str
) -> None:
    """The first of January of year 1 is what 1C writes for no date: the numbers are what they are without the line."""
    business.already("predict")
    before = business.rows(FORECASTS)
    line = f"SELECT * REPLACE (CAST('{day}' AS DATE) AS date) FROM {SALES.name} WHERE \"SKU_ID\" = 'A1' LIMIT 1"
    change(business, f"INSERT INTO {SALES.name} {line}")
    shown()
    assert business("predict") == 0
    assert said in shown()
    assert_frame_equal(business.rows(FORECASTS), before)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        (
            f"ALTER TABLE {FORECASTS.name} RENAME TO kept; CREATE VIEW {FORECASTS.name} AS SELECT * FROM kept",
            "a table is not as this program made it",
        ),
        (
            f"UPDATE {FORECASTS.name} SET created_at = 'infinity'",
            "column created_at, row 0: found '294247-01-10 04:00:54.775807', expected a day from 0001-01-01",
        ),
    ],
)
def test_a_table_that_somebody_has_changed_ends_the_run_with_one_line(
    business: Business, shown: Callable[[], str], sql: str, said: str
) -> None:
    """Exit 2, what and where, no traceback."""
    business.already("predict")
    change(business, sql)
    shown()
    assert business("predict") == 2
    found = shown()
    assert said in found
    assert "Traceback" not in found


def test_a_record_of_a_run_that_is_no_json_any_more_is_none(business: Business, shown: Callable[[], str]) -> None:
    """Prediction and scoring go on, on every column in which runs keep what they have found."""
    business.already("predict")
    records = ("counts", "seconds", "data_report", "sources", "plan_files")
    for text in ("{", "[1]", "null"):
        change(business, f"UPDATE {RUNS.name} SET " + ", ".join(f"{name} = '{text}'" for name in records))
        shown()
        assert business("predict") == 0
        assert business("monitor") == 0
        assert "Traceback" not in shown()
