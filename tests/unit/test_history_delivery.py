"""History: which weeks were delivered, told by the feed as a whole."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest
from builders import CUTOFF, history_of, line, series, sunday, week

MONDAY = CUTOFF - timedelta(days=6)
DAYS = [MONDAY + timedelta(days=n) for n in range(7)]
"""The seven days of the last complete week, 2026-11-16 to 22."""

FEED = [f"S{n}" for n in range(10)]
"""Articles of a feed of ten combinations: enough to tell a missing delivery from a week without sales."""

nan = pytest.approx(float("nan"), nan_ok=True)


def feed(weeks_ago: range, skus: list[str] = FEED) -> list[dict[str, object]]:
    """Return whole weeks of 7 pieces for each article."""
    return [each for ago in weeks_ago for sku in skus for each in week(sunday(ago), 7, SKU_ID=sku)]


def test_a_week_that_a_whole_feed_lacks_is_unknown(warehouse, run):
    """Ten articles, and nobody sold anything in one week: a delivery is missing, not ten zeros."""
    history = history_of(warehouse, feed(range(9, 4, -1)) + feed(range(3, -1, -1)), run)
    assert series(history, SKU_ID="S0") == [7.0] * 5 + [nan] + [7.0] * 4
    assert history.report.feed_gap_weeks == [str(sunday(4))]


def test_a_week_that_a_small_feed_seldom_sells_in_is_zero(warehouse, run):
    """Two articles that are sold in three weeks of four may both have a week without sales."""
    weeks = [ago for ago in range(19, -1, -1) if ago % 4 != 2]
    history = history_of(warehouse, [each for ago in weeks for each in feed(range(ago, ago + 1), FEED[:2])], run)
    assert series(history, SKU_ID="S0")[-8:] == [7.0, 0.0, 7.0, 7.0, 7.0, 0.0, 7.0, 7.0]
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
@pytest.mark.parametrize(("weeks_before", "is_left_out"), [(8, True), (4, True), (3, False)])
def test_half_a_week_is_seen_in_a_small_feed_too(warehouse, run, weeks_before, is_left_out):
    """One article, 10 a day to Sunday, the newest week to Tuesday: left out beside four such weeks or more."""
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
    """Ten articles and a missing delivery: a line of 1996 changes nothing about it, is left out and said."""
    lines = feed(range(9, 4, -1)) + feed(range(3, -1, -1))
    history = history_of(warehouse, [*lines, line("1996-03-03", 1, SKU_ID="S0")], run)
    assert history.report.feed_gap_weeks == [str(sunday(4))]
    assert series(history, SKU_ID="S0") == [7.0] * 5 + [nan] + [7.0] * 4
    (text,) = history.report.warnings
    assert text.startswith("1 line is dated 1996-03-03 to 1996-03-03, far before all others")


def test_a_past_of_its_own_is_kept_and_suspected(warehouse, run):
    """Six weeks of many lines, then nothing for more than two years: they may be right, and are named by their week."""
    history = history_of(warehouse, feed(range(130, 124, -1)) + feed(range(9, -1, -1)), run)
    assert len(series(history, SKU_ID="S0")) == 131
    (text,) = history.report.warnings
    assert text.startswith(f"nothing was sold in the 115 weeks between {sunday(125)} and {sunday(9)}: rows up to")


def test_a_long_outage_is_unknown_too(warehouse, run):
    """Ten articles, and no delivery for twenty weeks: twenty unknown weeks, no suspicion about dates."""
    history = history_of(warehouse, feed(range(30, 22, -1)) + feed(range(2, -1, -1)), run)
    assert len(history.report.feed_gap_weeks) == 20
    assert history.report.warnings == []


def test_a_shop_closed_on_sundays_is_delivered_by_saturday(warehouse, run):
    """A newest week that ends no earlier than the weeks before it is complete."""
    lines = [each for each in feed(range(9, -1, -1)) if each["date"].weekday() < 6]
    assert history_of(warehouse, lines, run).data_cutoff == CUTOFF
