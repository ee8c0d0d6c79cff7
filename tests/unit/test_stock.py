"""Stock: a day is out of stock if none was left and nothing was sold, and only where stock is kept at all."""

from __future__ import annotations

from datetime import timedelta
from math import nan

import pytest
from builders import CUTOFF, history_of, line, series, sunday, week

from skucast.sales.history import active_combinations

DAYS = [CUTOFF - timedelta(days=6 - number) for number in range(7)]


@pytest.mark.slow
@pytest.mark.parametrize(("empty_days", "y"), [(3, 15.0), (4, nan), (6, nan)])
def test_a_week_out_of_stock_on_most_days_is_unknown(warehouse, run, empty_days, y):
    """On 4 of 7 days: unknown. On 3 of them: 8 were sold on days that usually have 8 of 15, so 15 would have been."""
    lines = [line(day, 0 if n < empty_days else 2, stock=0 if n < empty_days else 50) for n, day in enumerate(DAYS)]
    history = history_of(warehouse, [*week(sunday(1), 7), *lines], run)
    assert series(history) == pytest.approx([7.0, y], nan_ok=True)
    assert series(history, "is_stockout") == [False, empty_days > 3]
    assert series(history, "is_censored") == [False, True]
    assert (history.report.n_stockout_weeks, history.report.n_censored_weeks) == (
        int(empty_days > 3),
        int(empty_days < 4),
    )


def test_the_correction_can_be_switched_off(warehouse, run):
    """Then y is what was sold, and the week is marked all the same."""
    lines = [line(day, 0 if n < 3 else 2, stock=0 if n < 3 else 50) for n, day in enumerate(DAYS)]
    history = history_of(warehouse, [*week(sunday(1), 7), *lines], run, correct_stockouts=False)
    assert series(history) == [7.0, 8.0]
    assert series(history, "is_censored") == [False, True]


def test_a_week_without_any_sale_and_stock_is_no_censored_one(warehouse, run):
    """Nothing on seven empty days: unknown, and nothing sold."""
    lines = [line(day, 0, stock=0) for day in DAYS]
    history = history_of(warehouse, [*week(sunday(1), 7, stock=9), *lines], run)
    assert series(history) == pytest.approx([7.0, nan], nan_ok=True)
    assert series(history, "is_censored") == [False, False]


@pytest.mark.slow
@pytest.mark.parametrize("evening", [0, -5], ids=["always 0", "negative"])
def test_sold_out_every_evening_is_not_out_of_stock(warehouse, run, evening):
    """100 a day with nothing left at night, ten weeks long: 700 a week, and active."""
    days = [sunday(ago) - timedelta(days=number) for ago in range(10) for number in range(7)]
    history = history_of(warehouse, [line(day, 100, stock=evening) for day in days], run)
    assert series(history) == [700.0] * 10
    assert len(active_combinations(history.weeks, 4)) == 1
    assert history.report.n_stockout_weeks == 0


@pytest.mark.slow
def test_sold_out_in_some_evenings_is_not_out_of_stock(warehouse, run):
    """Stock is kept, and 0 on five evenings of a week that sold on all of them."""
    lines = [line(day, 10, stock=0 if n < 5 else 40) for n, day in enumerate(DAYS)]
    history = history_of(warehouse, [*week(sunday(1), 70), *lines], run)
    assert series(history) == [70.0, 70.0]
    assert series(history, "is_censored") == [False, False]


def test_an_article_whose_stock_is_never_above_0_has_none_kept(warehouse, run):
    """Rows of 0 sold with stock 0 beside sales on other days: the stock says nothing."""
    lines = [line(day, 0 if n < 4 else 10, stock=0) for n, day in enumerate(DAYS)]
    history = history_of(warehouse, [*week(sunday(1), 30, stock=0), *lines], run)
    assert series(history) == [30.0, 30.0]


def test_an_article_that_sells_on_few_days_of_empty_weeks_is_active(warehouse, run):
    """Five empty days a week for twenty weeks, and sales on the others: not gone, and the run is warned."""
    days = [(sunday(ago) - timedelta(days=6 - n), n) for ago in range(20) for n in range(7)]
    lines = [line(day, 0 if n < 5 else 10, stock=0 if n < 5 else 3) for day, n in days]
    history = history_of(warehouse, [*week(sunday(20), 7, stock=9), *lines], run)
    assert len(active_combinations(history.weeks, 13)) == 1
    [warning] = history.report.warnings
    assert warning.startswith("stock: 1 of 1 combinations sell and count as out of stock in most of the last 26 weeks")


@pytest.mark.slow
@pytest.mark.parametrize(("empty_days", "other_stock"), [(1, 9), (1, None), (3, None)])
def test_unknown_stock_means_nothing(warehouse, run, empty_days, other_stock):
    """Days whose stock is NULL were not out of stock, and days that sold neither, whatever is known."""
    stock = [0] * empty_days + [None] * (6 - empty_days) + [other_stock]
    lines = [line(day, 1, stock=stock[n]) for n, day in enumerate(DAYS)]
    history = history_of(warehouse, [*week(sunday(1), 7), *lines], run)
    assert series(history) == [7.0, 7.0]


@pytest.mark.slow
@pytest.mark.parametrize(("sold", "y"), [(3, 3.0), (0, nan)])
def test_the_one_row_of_a_weekly_source_tells_the_week_s_stock(warehouse, run, sold, y):
    """Stock 0 and nothing sold: the week is unknown; with a sale it is what was sold."""
    lines = [line(sunday(1), 70, stock=9), line(sunday(0), sold, stock=0)]
    assert series(history_of(warehouse, lines, run, grain="week")) == pytest.approx([70.0, y], nan_ok=True)


def test_a_day_counts_by_its_largest_stock(warehouse, run):
    """Two lines of a day, one of them with stock 0: the article was there."""
    lines = [each for day in DAYS for each in (line(day, 1, stock=0), line(day, 0, stock=3))]
    assert series(history_of(warehouse, lines, run)) == [7.0]
