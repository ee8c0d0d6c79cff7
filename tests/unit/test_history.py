"""History: what the warehouse's weekly sums become, rule by rule, from lines in a DuckDB file."""

from __future__ import annotations

import json
import unicodedata
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF, deliver, history_of, line, series, sunday, week

from skucast.core.combination import KEY, Combination
from skucast.core.errors import InputError
from skucast.core.weeks import WeekClock
from skucast.sales.history import (
    HISTORY_COLUMNS,
    active_combinations,
    build_history,
    carried,
    inactive_combinations,
    is_inactive,
    with_lag,
)

MONDAY = CUTOFF - timedelta(days=6)
DAYS = [MONDAY + timedelta(days=n) for n in range(7)]
"""The seven days of the last complete week, 2026-11-16 to 22."""

FEED = [f"S{n}" for n in range(10)]
"""Articles of a feed of ten combinations: enough to tell a missing delivery from a week without sales."""

nan = pytest.approx(float("nan"), nan_ok=True)


def feed(weeks_ago: range, skus: list[str] = FEED) -> list[dict[str, object]]:
    """Return whole weeks of 7 pieces for each article."""
    return [each for ago in weeks_ago for sku in skus for each in week(sunday(ago), 7, SKU_ID=sku)]


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


def test_fractions_instead_of_percent_are_suspected(warehouse, run):
    """Discounts that never exceed 1 look like fractions; the report warns, nothing is changed."""
    history = history_of(warehouse, [line(DAYS[0], 5, promo=0.2)], run)
    assert "fractions delivered where percent (0-100) are expected?" in history.report.warnings[0]
    assert series(history, "promo_discount_perc") == [0.2]


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


# --- The delivery as a whole ----------------------------------------------------------------------------------------


def test_a_week_that_a_whole_feed_lacks_is_unknown(warehouse, run):
    """Ten articles, and nobody sold anything in one week: a delivery is missing, not ten zeros."""
    history = history_of(warehouse, feed(range(9, 4, -1)) + feed(range(3, -1, -1)), run)
    assert series(history, SKU_ID="S0") == [7.0] * 5 + [nan] + [7.0] * 4
    assert history.report.feed_gap_weeks == [str(sunday(4))]


def test_a_week_that_a_small_feed_lacks_is_zero(warehouse, run):
    """Four articles may all have a week without sales."""
    history = history_of(warehouse, feed(range(9, 4, -1), FEED[:4]) + feed(range(3, -1, -1), FEED[:4]), run)
    assert series(history, SKU_ID="S0") == [7.0] * 5 + [0.0] + [7.0] * 4
    assert history.report.feed_gap_weeks == []


def test_late_sales_move_the_data_cutoff(warehouse, run):
    """Nothing delivered for two weeks: those weeks are unknown, not zero, and the report says how late."""
    history = history_of(warehouse, feed(range(9, 1, -1)), run)
    assert history.data_cutoff == sunday(2)
    assert series(history, "ds", SKU_ID="S0")[-1] == pd.Timestamp(sunday(2))
    assert history.report.late_weeks == 2
    assert history.newest_day == sunday(2)


@pytest.mark.slow
@pytest.mark.parametrize(("articles", "weeks_late"), [(4, 1), (5, 0)])
def test_a_newest_week_of_few_combinations_is_not_delivered_yet(warehouse, run, articles, weeks_late):
    """With rows of four of ten articles the newest week is left out; five are enough, and the others sold nothing."""
    history = history_of(warehouse, feed(range(9, 0, -1)) + feed(range(1), FEED[:articles]), run)
    assert history.data_cutoff == sunday(weeks_late)
    assert history.report.late_weeks == weeks_late
    assert series(history, SKU_ID="S9") == [7.0] * 9 + [0.0] * (1 - weeks_late)


def test_a_newest_week_that_ends_early_is_not_delivered_yet(warehouse, run):
    """Every week was delivered through Sunday, the newest stops on Wednesday: half a week is no week."""
    half = [line(day, 1, SKU_ID=sku) for sku in FEED for day in DAYS[:3]]
    history = history_of(warehouse, feed(range(9, 0, -1)) + half, run)
    assert history.data_cutoff == sunday(1)
    assert history.newest_day == DAYS[2]


def test_an_early_end_is_seen_beside_a_gap(warehouse, run):
    """A missing week among the last eight does not hide that the newest one stops on Wednesday."""
    half = [line(day, 1, SKU_ID=sku) for sku in FEED for day in DAYS[:3]]
    history = history_of(warehouse, feed(range(9, 4, -1)) + feed(range(3, 0, -1)) + half, run)
    assert history.data_cutoff == sunday(1)
    assert history.report.feed_gap_weeks == [str(sunday(4))]


@pytest.mark.slow
@pytest.mark.parametrize(("weeks_before", "is_left_out"), [(8, True), (7, False)])
def test_half_a_week_is_seen_in_a_small_feed_too(warehouse, run, weeks_before, is_left_out):
    """One article, 10 a day to Sunday, the newest week to Tuesday: left out beside eight such weeks only."""
    days = [sunday(0) - timedelta(days=n) for n in range(7 * weeks_before + 7)]
    history = history_of(warehouse, [line(day, 10) for day in days if day <= DAYS[1]], run)
    assert series(history)[-1] == (70.0 if is_left_out else 20.0)
    assert history.report.late_weeks == int(is_left_out)


def test_an_article_that_seldom_sells_is_not_late(warehouse, run):
    """Sold on one day in most weeks, and in the newest one on its Monday: nothing is missing."""
    lines = [line(sunday(ago) - timedelta(days=ago % 3), 5) for ago in (9, 8, 6, 5, 3, 2, 1)]
    history = history_of(warehouse, [*lines, line(DAYS[0], 5)], run)
    assert history.data_cutoff == CUTOFF


def test_the_day_of_a_weekly_row_says_nothing_about_the_delivery(warehouse, run):
    """Weekly rows dated on Sunday, the newest on Monday: a whole week all the same."""
    lines = [line(sunday(ago), 70) for ago in range(1, 10)]
    assert history_of(warehouse, [*lines, line(DAYS[0], 70)], run, grain="week").data_cutoff == CUTOFF


def test_one_misdated_line_hides_no_gap(warehouse, run):
    """Ten articles and a missing delivery: a line of 1996 changes nothing about it, and is suspected by its week."""
    lines = feed(range(9, 4, -1)) + feed(range(3, -1, -1))
    history = history_of(warehouse, [*lines, line("1996-03-03", 1, SKU_ID="S0")], run)
    assert history.report.feed_gap_weeks == [str(sunday(4))]
    assert series(history, SKU_ID="S0")[-9:] == [7.0] * 4 + [nan] + [7.0] * 4
    weeks_between = (sunday(9) - date(1996, 3, 3)).days // 7 - 1
    (text,) = history.report.warnings
    assert text.startswith(f"nothing was sold in the {weeks_between} weeks between 1996-03-03 and {sunday(9)}: rows")


def test_a_long_outage_is_unknown_too(warehouse, run):
    """Ten articles, and no delivery for twenty weeks: twenty unknown weeks, no suspicion about dates."""
    history = history_of(warehouse, feed(range(30, 22, -1)) + feed(range(2, -1, -1)), run)
    assert len(history.report.feed_gap_weeks) == 20
    assert history.report.warnings == []


def test_a_shop_closed_on_sundays_is_delivered_by_saturday(warehouse, run):
    """A newest week that ends no earlier than the weeks before it is complete."""
    lines = [each for each in feed(range(9, -1, -1)) if each["date"].weekday() < 6]
    assert history_of(warehouse, lines, run).data_cutoff == CUTOFF


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
    }
    lists = (
        "stale_combinations",
        "merged_spellings",
        "rejected_names",
        "feed_gap_weeks",
        "late_units",
        "unit_gaps",
        "warnings",
    )
    assert report == expected | {name: [] for name in lists}
    assert json.loads(json.dumps(report)) == report


def test_the_report_says_in_words_what_there_is(warehouse, run):
    """One zero week and one placeholder line: two texts, nothing about what was not found."""
    lines = [*week(sunday(2), 7), *week(sunday(0), 9), line(DAYS[0], 1, unit=None)]
    report = history_of(warehouse, lines, run).report
    assert report.repairs() == ["placeholder lines ignored: 1", "weeks without rows counted as 0: 1"]


# --- One combination ------------------------------------------------------------------------------------------------


def test_split_yields_each_wanted_combination_with_its_weeks(warehouse, run):
    """Sorted by combination, key columns left out, rows counted from 0; all of them unless some are wanted."""
    history = history_of(warehouse, [*week(sunday(1), 7), *week(sunday(0), 9), *week(sunday(0), 5, SKU_ID="B2")], run)
    a1, b2 = Combination("Пермь", "KA", "A1"), Combination("Пермь", "KA", "B2")
    parts = dict(history.split())
    assert list(parts) == [a1, b2]
    assert parts[a1]["y"].tolist() == [7.0, 9.0]
    assert parts[b2].index.tolist() == [0]
    assert not set(KEY) & set(parts[b2].columns)
    assert [combination for combination, _ in history.split([b2])] == [b2]


def test_the_lag_is_the_week_before():
    """The first week has none."""
    assert with_lag(pd.DataFrame({"y": [3.0, 5.0, 8.0]}))["y_lag1"].tolist() == [nan, 3.0, 5.0]


def test_the_lag_of_an_unknown_week_is_the_mean_of_four_before():
    """1 2 3 4 6 ?: the missing week counts as (2 + 3 + 4 + 6) / 4; y itself stays unknown."""
    weeks = with_lag(pd.DataFrame({"y": [1, 2, 3, 4, 6, np.nan, 9]}))
    assert weeks["y_lag1"].tolist() == [nan, 1.0, 2.0, 3.0, 4.0, 6.0, 3.75]
    assert np.isnan(weeks["y"][5])


def test_consecutive_unknown_weeks_build_on_each_other():
    """8 ? ?: 8, then the mean of 8 and 8; nothing known before stays unknown."""
    assert carried(pd.Series([np.nan, 4, 8, np.nan, np.nan])).tolist() == [nan, 4.0, 8.0, 6.0, 6.0]


def test_a_known_series_is_carried_as_it_is():
    """Without unknown weeks nothing changes, and the given series is never written to."""
    given = pd.Series([1.0, np.nan])
    carried(given)
    assert given.isna().tolist() == [False, True]
    assert carried(pd.Series([1.0, 0.0])).tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("y", "inactive"), [([5, 0, 0, 0], True), ([0, 0, 5, 0], False), ([0, 0], False), ([5, 0, np.nan, 0], False)]
)
def test_inactive_means_known_to_have_sold_nothing(y, inactive):
    """Three zero weeks at the end, each of them known; a shorter history is new, not inactive."""
    assert is_inactive(pd.DataFrame({"y": y, "is_stockout": False, "is_censored": False}), 3) == inactive


def test_an_article_without_stock_for_good_is_inactive():
    """Three weeks out of stock at the end: unknown sales, but none; a delivery that failed is another matter."""
    gone = pd.DataFrame(
        {"y": [5, np.nan, np.nan, np.nan], "is_stockout": [False, True, True, True], "is_censored": False}
    )
    assert is_inactive(gone, 3)
    assert not is_inactive(gone.assign(is_stockout=False), 3)


# --- Selling days ---------------------------------------------------------------------------------------------------


def test_the_usual_selling_days_are_known(warehouse, run):
    """Monday to Friday, with a stray Saturday in one week of ten; what sells every day is not named."""
    weekdays = [
        line(sunday(back) - timedelta(days=6 - day), 5.0)
        for back in range(10)
        for day in ([0, 1, 2, 3, 4, 5] if back == 3 else range(5))
    ]
    daily = [line(sunday(back) - timedelta(days=day), 5.0, SKU_ID="B2") for back in range(10) for day in range(7)]
    found = history_of(warehouse, [*weekdays, *daily], run)
    assert found.selling_days == {Combination("Пермь", "KA", "A1"): (True,) * 5 + (False,) * 2}


def test_weekly_rows_tell_of_no_selling_days(warehouse, run):
    """Their day is that of the week's label."""
    rows = [line(sunday(back), 5.0) for back in range(10)]
    assert history_of(warehouse, rows, run, grain="week").selling_days == {}


def test_many_combinations_are_judged_as_each_by_itself():
    """Seldom sold, out of stock or not delivered, for few weeks or many, in any order of the combinations."""
    random = np.random.default_rng(7)
    parts = []
    for number in random.permutation(60):
        y = random.choice([0.0, 0.0, 0.0, 1.0, np.nan], random.integers(1, 9))
        parts.append(pd.DataFrame({"unit": "U", "channel": "C", "SKU_ID": f"S{number:02d}", "y": y}))
    weeks = pd.concat(parts, ignore_index=True)
    weeks["is_censored"] = False
    weeks["is_stockout"] = weeks["y"].isna() & (random.uniform(size=len(weeks)) < 0.5)
    alone = {key: is_inactive(rows, 3) for key, rows in weeks.groupby(KEY)}
    assert inactive_combinations(weeks, 3).to_dict() == alone
    active = [key for key, inactive in alone.items() if not inactive]
    assert 0 < len(active) < len(alone)
    assert active_combinations(weeks, 3).to_numpy().tolist() == [list(key) for key in active]
    assert not len(active_combinations(weeks.head(0), 3))
