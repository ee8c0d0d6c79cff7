"""History: what the warehouse's weekly sums become, rule by rule, from lines in a DuckDB file."""

from __future__ import annotations

import json
import unicodedata
from datetime import timedelta

import pandas as pd
import pytest
from builders import CUTOFF, deliver, history_of, line, series, sunday, week

from skucast.core.combination import Combination
from skucast.core.errors import InputError
from skucast.core.weeks import WeekClock
from skucast.sales.history import (
    HISTORY_COLUMNS,
    build_history,
)

MONDAY = CUTOFF - timedelta(days=6)
DAYS = [MONDAY + timedelta(days=n) for n in range(7)]
"""The seven days of the last complete week, 2026-11-16 to 22."""


# --- Summing --------------------------------------------------------------------------------------------------------


def test_lines_are_summed_per_day_and_week(warehouse, run):
    """3 + 4 on Monday and 5 on Sunday are one week of 12."""
    history = history_of(warehouse, [line(DAYS[0], 3), line(DAYS[0], 4), line(DAYS[6], 5)], run)
    assert list(history.weeks.columns) == HISTORY_COLUMNS
    assert series(history) == [12.0]
    assert series(history, "ds") == [pd.Timestamp(CUTOFF)]
    assert history.report.n_lines == 3


def test_returns_are_netted_inside_the_week_and_kept(warehouse, run):
    """10 sold and 4 returned make 6, with 4 in `returns_quantity`."""
    history = history_of(warehouse, [line(DAYS[0], 10), line(DAYS[0], -1), line(DAYS[3], -3)], run)
    assert series(history) == [6.0]
    assert series(history, "returns_quantity") == [4.0]
    assert history.report.n_floored_weeks == 0


def test_a_week_of_more_returns_than_sales_is_floored_at_zero(warehouse, run):
    """2 sold and 5 returned count as 0, the 5 are kept, and the report counts the repair."""
    lines = [*week(sunday(1), 8), line(DAYS[0], 2), line(DAYS[1], -5)]
    history = history_of(warehouse, lines, run)
    assert series(history) == [8.0, 0.0]
    assert series(history, "returns_quantity") == [0.0, 5.0]
    assert history.report.n_floored_weeks == 1


@pytest.mark.slow
def test_lines_without_a_key_or_date_are_ignored_and_counted(warehouse, run):
    """NULL or blank unit, channel, SKU or date: four placeholder lines, and the one real line is all that counts."""
    lines = [
        line(DAYS[0], 6),
        line(DAYS[0], 100, unit=None),
        line(DAYS[0], 100, channel="  "),
        line(DAYS[0], 100, SKU_ID=None),
        line(None, 100),
    ]
    history = history_of(warehouse, lines, run)
    assert history.combinations == [Combination("Пермь", "KA", "A1")]
    assert series(history) == [6.0]
    assert (history.report.n_lines, history.report.n_placeholder_lines) == (5, 4)


def test_lines_without_a_quantity_are_ignored_and_counted(warehouse, run):
    """A line whose quantity is NULL adds nothing and is counted, the week's other lines stay."""
    history = history_of(warehouse, [line(DAYS[0], 6), line(DAYS[0], None), line(DAYS[1], None)], run)
    assert series(history) == [6.0]
    assert history.report.n_bad_quantity_lines == 2


def test_a_week_of_which_no_line_has_a_quantity_is_unknown(warehouse, run):
    """It was recorded that something was, not how much: unknown, where a week without a row is 0."""
    lines = [line(sunday(3), 7.0), line(sunday(2), None), line(sunday(0), 7.0)]
    history = history_of(warehouse, lines, run, grain="week")
    assert [value if value == value else None for value in series(history)] == [7.0, None, 0.0, 7.0]


def test_two_spellings_are_merged_and_reported(warehouse, run):
    """Blanks around a name and a decomposed й are the same unit; the other spelling is in the report."""
    name = "Йошкар-Ола"
    other = f" {unicodedata.normalize('NFD', name)} "
    history = history_of(warehouse, [line(DAYS[0], 1, unit=name), line(DAYS[0], 2, unit=other)], run)
    assert history.combinations == [Combination(name, "KA", "A1")]
    assert series(history, unit=name) == [3.0]
    assert len(history.report.merged_spellings) == 1
    (text,) = history.report.merged_spellings
    assert text == f"'{name}/KA/A1' is also written '{other}/KA/A1' in another Unicode form"


def test_a_spelling_that_differs_in_blanks_shows_them(warehouse, run):
    """The name's own spelling is not repeated; the blank is seen between the quotes."""
    history = history_of(warehouse, [line(DAYS[0], 1, SKU_ID="X"), line(DAYS[0], 2, SKU_ID="X ")], run)
    assert history.report.merged_spellings == ["'Пермь/KA/X' is also written 'Пермь/KA/X '"]


def test_the_warehouse_trims_what_python_trims(warehouse, run):
    """Every white space that Python's strip removes is removed in SQL too: names agree everywhere."""
    blanks = [chr(code) for code in range(0x3001) if chr(code).isspace()]
    lines = [line(DAYS[0], 1, SKU_ID=f"{blank}A1{blank}") for blank in blanks]
    history = history_of(warehouse, lines, run)
    assert history.report.rejected_names == []
    assert series(history) == [len(blanks)]


@pytest.mark.slow
def test_names_that_cannot_be_files_are_rejected_and_the_rest_goes_on(warehouse, run):
    """SKU `..` and one with a control character are left out and named in the report."""
    lines = [line(DAYS[0], 1), line(DAYS[0], 2, SKU_ID=".."), line(DAYS[0], 3, SKU_ID="A\x07B")]
    history = history_of(warehouse, lines, run)
    assert history.combinations == [Combination("Пермь", "KA", "A1")]
    assert len(history.report.rejected_names) == 2
    assert any("means a folder" in text for text in history.report.rejected_names)
    assert any("control character" in text for text in history.report.rejected_names)


@pytest.mark.slow
def test_two_deliveries_of_one_day_add_up(warehouse, run):
    """Restated or late lines of a day that was delivered before change its week."""
    deliver(warehouse, [line(DAYS[0], 5)], run)
    deliver(warehouse, [line(DAYS[0], -2), line(DAYS[1], 4)], run, batch_id="restated")
    history = build_history(warehouse.weekly_sales(WeekClock(), CUTOFF), WeekClock(), CUTOFF)
    assert series(history) == [7.0]


# --- Calendar -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_weeks_without_rows_are_zero_from_the_first_sale_to_the_cutoff(warehouse, run):
    """Sales 4 and 2 weeks ago: the weeks between and after are 0, none before; another SKU sold up to now."""
    lines = [*week(sunday(4), 7), *week(sunday(2), 9), *week(sunday(0), 1, SKU_ID="B2")]
    history = history_of(warehouse, lines, run)
    assert series(history) == [7.0, 0.0, 9.0, 0.0, 0.0]
    assert series(history, "ds") == [pd.Timestamp(sunday(ago)) for ago in (4, 3, 2, 1, 0)]
    assert history.report.n_zero_filled_weeks == 3


def test_zero_lines_before_the_first_sale_start_nothing(warehouse, run):
    """Listed but not sold, or only returned: the combination starts with its first sale."""
    lines = [*week(sunday(3), 0), line(sunday(2), -1), *week(sunday(1), 5), *week(sunday(0), 6)]
    assert series(history_of(warehouse, lines, run)) == [5.0, 6.0]


def test_a_combination_that_never_sold_has_no_history(warehouse, run):
    """Zero lines and returns alone make no series."""
    history = history_of(warehouse, [*week(sunday(0), 5), *week(sunday(0), 0, SKU_ID="B2")], run)
    assert history.combinations == [Combination("Пермь", "KA", "A1")]


def test_a_partial_first_week_is_dropped(warehouse, run):
    """First sold on a Thursday: that week says too little; the series starts the week after."""
    thursday = sunday(2) - timedelta(days=3)
    history = history_of(warehouse, [line(thursday, 3), *week(sunday(1), 7), *week(sunday(0), 8)], run)
    assert series(history) == [7.0, 8.0]
    assert history.report.n_partial_first_weeks == 1
    assert history.first_sales[["ds", "y"]].to_numpy().tolist() == [[pd.Timestamp(sunday(2)), 3.0]]


def test_a_first_week_that_starts_on_its_monday_is_kept(warehouse, run):
    """Sold from the first day of the week on: nothing is missing."""
    history = history_of(warehouse, [line(sunday(1) - timedelta(days=6), 3), *week(sunday(0), 8)], run)
    assert series(history) == [3.0, 8.0]
    assert history.report.n_partial_first_weeks == 0


def test_a_partial_first_week_is_kept_if_it_is_the_only_one(warehouse, run):
    """Two days of sales are all there is: better than no combination."""
    history = history_of(warehouse, [line(DAYS[5], 3), line(DAYS[6], 4)], run)
    assert series(history) == [7.0]
    assert history.report.n_partial_first_weeks == 0


def test_the_open_week_never_enters(warehouse, run):
    """Sales of the week that is still running change nothing, not even the newest day."""
    before = [*week(sunday(1), 5), *week(sunday(0), 6)]
    open_week = [line(CUTOFF + timedelta(days=n), 1000) for n in (1, 2, 3)]
    history = history_of(warehouse, [*before, *open_week], run)
    assert series(history) == [5.0, 6.0]
    assert (history.data_cutoff, history.newest_day) == (CUTOFF, CUTOFF)
    assert history.report.n_lines == 14


@pytest.mark.slow
@pytest.mark.parametrize(("anchor", "weeks"), [("SUN", [7.0]), ("WED", [3.0, 4.0])])
def test_weeks_end_on_the_anchor_day(warehouse, run, anchor, weeks):
    """One piece a day from Monday to Sunday: one calendar week, or three days and four of weeks that end on Wednesday.

    The Wednesday week before the Monday is partial; a sale at its start keeps it.
    """
    clock = WeekClock(anchor)
    lines = [line(day, 1) for day in DAYS]
    if anchor == "WED":
        lines.append(line(clock.start(clock.label(MONDAY)), 0.0))
        lines.append(line(clock.start(clock.label(MONDAY)), 1e-9))
    deliver(warehouse, lines, run)
    last = clock.label(CUTOFF)
    history = build_history(warehouse.weekly_sales(clock, last), clock, last)
    assert series(history) == pytest.approx(weeks)


def test_a_history_of_placeholders_only_is_empty(warehouse, run):
    """Nothing but NULL keys: no combination, all lines counted, no crash."""
    history = history_of(warehouse, [line(DAYS[0], 5, unit=None)], run)
    assert len(history.weeks) == 0
    assert history.combinations == []
    assert history.report.n_placeholder_lines == 1
    assert list(history.weeks.columns) == HISTORY_COLUMNS


def test_no_sales_yet_says_how_to_get_some(warehouse, run):
    """An empty warehouse, or sales of the open week only, point to the demo and to `load`."""
    with pytest.raises(InputError, match=r"run `make demo` .* `python -m skucast load FILE --table sales`"):
        warehouse.weekly_sales(WeekClock(), CUTOFF)
    deliver(warehouse, [line(CUTOFF + timedelta(days=1), 5)], run)
    with pytest.raises(InputError, match="no sales"):
        warehouse.weekly_sales(WeekClock(), CUTOFF)


# --- Promotions -----------------------------------------------------------------------------------------------------


def test_promotions_are_averaged_over_the_week_s_days(warehouse, run):
    """35 % on two of seven days: 10 % on average, two promo days, a promo week."""
    lines = [line(day, 1, promo=35 if n < 2 else None) for n, day in enumerate(DAYS)]
    history = history_of(warehouse, [*week(sunday(1), 7), *lines], run)
    assert series(history, "promo_discount_perc") == [0.0, 10.0]
    assert series(history, "promo_days") == [0.0, 2.0]
    assert series(history, "promo_depth")[1] == 35.0
    assert series(history, "is_promo") == [False, True]


def test_a_day_s_lines_share_one_discount(warehouse, run):
    """Three lines of Monday at 30 %, one of them full price, weigh as one day: (20 + 0) / 2."""
    lines = [line(DAYS[0], 1, promo=30), line(DAYS[0], 5, promo=30), line(DAYS[0], 1), line(DAYS[1], 9)]
    history = history_of(warehouse, lines, run)
    assert series(history, "promo_discount_perc") == [10.0]
    assert series(history, "promo_days") == [1.0]


def test_returns_carry_no_promotion(warehouse, run):
    """The discount of a returned line is about an earlier sale."""
    history = history_of(warehouse, [line(DAYS[0], 5), line(DAYS[1], -1, promo=50)], run)
    assert series(history, "promo_discount_perc") == [0.0]
    assert series(history, "is_promo") == [False]


def test_a_promotion_across_a_week_boundary_counts_in_both(warehouse, run):
    """28 % from Friday to Tuesday: three days of the first week, two of the second."""
    first = [sunday(1) - timedelta(days=6 - n) for n in range(7)]
    lines = [line(day, 1, promo=28 if n >= 4 else None) for n, day in enumerate(first)]
    lines += [line(day, 1, promo=28 if n < 2 else None) for n, day in enumerate(DAYS)]
    history = history_of(warehouse, lines, run)
    assert series(history, "promo_discount_perc") == [12.0, 8.0]
    assert series(history, "promo_days") == [3.0, 2.0]


# --- Weekly sources -------------------------------------------------------------------------------------------------


def test_one_row_of_a_weekly_source_is_a_whole_week(warehouse, run):
    """Dated on any day of the week: no partial first week, and a promotion lasts all seven days."""
    lines = [line(sunday(2) - timedelta(days=2), 70), line(sunday(0) - timedelta(days=1), 90, promo=25)]
    history = history_of(warehouse, lines, run, grain="week")
    assert series(history) == [70.0, 0.0, 90.0]
    assert series(history, "promo_days") == [0.0, 0.0, 7.0]
    assert series(history, "promo_discount_perc") == [0.0, 0.0, 25.0]


def test_a_weekly_source_never_has_more_than_seven_promo_days(warehouse, run):
    """Two rows of one week on different days are still one week."""
    history = history_of(warehouse, [line(DAYS[0], 70, promo=25), line(DAYS[6], 5, promo=25)], run, grain="week")
    assert series(history, "promo_days") == [7.0]


# --- The report -----------------------------------------------------------------------------------------------------


def test_combinations_that_stopped_selling_are_listed_as_stale(warehouse, run):
    """No sale in the last 3 weeks, when 3 is the limit: listed; 2 weeks are not enough."""
    lines = [
        *week(sunday(5), 7),
        *week(sunday(3), 7),
        *week(sunday(2), 7, SKU_ID="B2"),
        *week(sunday(5), 7, SKU_ID="C3"),
    ]
    history = history_of(warehouse, [*lines, *week(sunday(0), 7, SKU_ID="C3")], run, stale_after_weeks=3)
    assert history.report.stale_combinations == ["Пермь/KA/A1"]
    assert history.report.n_stale_combinations == 1


def test_the_report_counts_what_was_found(warehouse, run):
    """Two combinations over three and one weeks: every count can be read off the lines; all of it is JSON."""
    lines = [*week(sunday(2), 7), *week(sunday(0), 9), *week(sunday(0), 5, SKU_ID="B2"), line(DAYS[0], None, unit=None)]
    report = history_of(warehouse, lines, run).report.as_dict()
    expected = {
        "n_lines": 22,
        "n_combinations": 2,
        "n_weeks": 4,
        "first_week": str(sunday(2)),
        "data_cutoff": str(CUTOFF),
        "newest_day": str(CUTOFF),
        "late_weeks": 0,
        "n_placeholder_lines": 1,
        "n_bad_quantity_lines": 0,
        "n_zero_filled_weeks": 1,
        "n_floored_weeks": 0,
        "n_stockout_weeks": 0,
        "n_censored_weeks": 0,
        "n_partial_first_weeks": 0,
        "n_stale_combinations": 0,
        "n_future_lines": 0,
        "n_outlier_weeks": 0,
        "n_closed_weeks": 0,
        "n_missing_weeks": 0,
        "n_no_depth_weeks": 0,
    }
    lists = (
        "stale_combinations",
        "merged_spellings",
        "joined_names",
        "doubtful_names",
        "left_out_names",
        "rejected_names",
        "feed_gap_weeks",
        "late_units",
        "unit_gaps",
        "closed_units",
        "outlier_weeks",
        "closures",
        "warnings",
    )
    assert report == expected | {name: [] for name in lists}
    assert json.loads(json.dumps(report)) == report


def test_the_report_says_in_words_what_there_is(warehouse, run):
    """One zero week and one placeholder line: two texts, nothing about what was not found."""
    lines = [*week(sunday(2), 7), *week(sunday(0), 9), line(DAYS[0], 1, unit=None)]
    report = history_of(warehouse, lines, run).report
    assert report.repairs() == ["placeholder lines ignored: 1", "weeks without rows counted as 0: 1"]
