"""Sales whose dates cannot be right: after today, or far before all others."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest
from builders import CUTOFF, deliver, history_of, line, series, sunday, week

from skucast.jobs.inputs import read_history
from skucast.runtime.settings import Settings
from skucast.sales.dates import without_strays

LINES = [each for ago in range(19, -1, -1) for each in week(sunday(ago), 7)]


def test_lines_dated_after_today_are_counted_and_said(warehouse, run):
    """Nine lines of 2062 and three of the running week: the nine are said, and neither is in the history."""
    far = [line(date(2062, 11, 10 + number), 5) for number in range(9)]
    near = [line(date(2026, 11, 23 + number), 5) for number in range(3)]
    deliver(warehouse, [*LINES, *near, *far], run)
    history = read_history(Settings(), warehouse, run)
    assert history.report.n_future_lines == 9
    (text,) = history.report.warnings
    assert text.startswith("9 lines are dated after today, of Пермь, the last 2062-11-18; not used")
    assert (history.data_cutoff, series(history)) == (CUTOFF, [7.0] * 20)


def test_a_run_of_a_past_day_knows_that_the_days_since_are_over(warehouse, run):
    """As of August, the sales of the autumn are no mistake: today is when the run is made."""
    deliver(warehouse, LINES, run)
    past = pd.Timestamp(sunday(12)).date()
    history = read_history(Settings(), warehouse, replace(run, today=past, cutoff=sunday(13)))
    assert (history.report.n_future_lines, history.report.warnings) == (0, [])


def test_one_line_of_long_ago_makes_no_decades_of_zeros(warehouse, run):
    """The article begins with its first believable week; the line is said."""
    history = history_of(warehouse, [line(date(1991, 1, 1), 5), *LINES], run)
    assert series(history) == [7.0] * 20
    (text,) = history.report.warnings
    assert text.startswith("1 line is dated 1991-01-01 to 1991-01-01, far before all others")
    assert history.report.first_week == str(sunday(19))


def test_a_line_years_before_the_others_of_its_article_is_left_out(warehouse, run):
    """The business sells since 2021; one article has a line of 2021 and then those of the last twenty weeks."""
    long = [each for ago in range(280, -1, -1) for each in week(sunday(ago), 7, SKU_ID="B2")]
    history = history_of(warehouse, [line(sunday(270), 5), *LINES, *long], run)
    assert series(history) == [7.0] * 20
    assert len(series(history, SKU_ID="B2")) == 281
    assert "first Пермь/KA/A1" in history.report.warnings[0]


def test_an_article_that_comes_back_keeps_its_past(warehouse, run):
    """Ten weeks of sales three years ago are a past, not a mistake."""
    old = [each for ago in range(180, 170, -1) for each in week(sunday(ago), 7)]
    other = [each for ago in range(180, -1, -1) for each in week(sunday(ago), 7, SKU_ID="B2")]
    history = history_of(warehouse, [*old, *LINES, *other], run)
    assert len(series(history)) == 181
    assert history.report.warnings == []


def test_sales_before_1990_are_left_out_however_many_they_are():
    """A table that nobody checks has 1900 for an unknown day: no business begins then."""
    ds = pd.to_datetime(["1900-01-07"] * 5 + ["2026-11-22"] * 2).astype("datetime64[us]")
    rows = pd.DataFrame({"unit": "P", "channel": "KA", "SKU_ID": "A1", "ds": ds, "n_lines": 2})
    kept, (text,) = without_strays(rows.assign(first_date=rows["ds"], last_date=rows["ds"]))
    assert kept["ds"].dt.year.tolist() == [2026, 2026]
    assert text.startswith("10 lines are dated 1900-01-07 to 1900-01-07")


# --- A year too early -----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("ago", [52, 60, 71])
def test_a_line_of_an_article_a_year_too_early_is_left_out(warehouse, run, ago):
    """The business sells since two years, the article since twenty weeks, and once a year before one of them."""
    long = [each for number in range(104, -1, -1) for each in week(sunday(number), 7, SKU_ID="B2")]
    history = history_of(warehouse, [line(sunday(ago), 5), *LINES, *long], run)
    assert series(history) == [7.0] * 20
    (text,) = history.report.warnings
    assert text.startswith(f"1 line is dated {sunday(ago)} to {sunday(ago)}, far before all others")


@pytest.mark.slow
@pytest.mark.parametrize(("n_weeks", "places"), [(40, [52]), (20, [52]), (40, [60, 61])])
def test_a_block_of_lines_before_the_business_began_is_left_out(warehouse, run, n_weeks, places):
    """Whole weeks of every article, dated a year early, before a feed of less than a year: no start of the history."""
    articles = [f"S{number}" for number in range(5)]
    weeks = [*places, *range(n_weeks)]
    lines = [each for ago in weeks for name in articles for each in week(sunday(ago), 7, SKU_ID=name)]
    history = history_of(warehouse, lines, run)
    assert series(history, SKU_ID="S0") == [7.0] * n_weeks
    (text,) = history.report.warnings
    assert text.startswith(f"{len(places) * 35} lines are dated ")


@pytest.mark.slow
def test_an_article_that_sells_seldom_keeps_its_first_week(warehouse, run):
    """A sale, nothing for half a year, then one every third week: a slow seller begins so."""
    long = [each for number in range(104, -1, -1) for each in week(sunday(number), 7, SKU_ID="B2")]
    slow = [line(sunday(ago), 1) for ago in (90, *range(60, -1, -3))]
    history = history_of(warehouse, [*slow, *long], run)
    assert len(series(history)) == 90  # the first one is partial
    assert history.report.warnings == []


def test_a_business_that_begins_with_a_pause_keeps_its_first_weeks(warehouse, run):
    """Two weeks, a month of nothing, then every week: no year is wrong."""
    history = history_of(warehouse, [each for ago in (28, 27, *range(22)) for each in week(sunday(ago), 7)], run)
    assert len(series(history)) == 29
