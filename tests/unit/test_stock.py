"""Stock: a day is out of stock if none was left and nothing was sold, and only where stock is kept at all."""

from __future__ import annotations

from datetime import timedelta
from math import nan
from typing import Any

import pytest
from builders import CUTOFF, history_of, line, series, sunday, week

from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.sales.history import active_combinations

DAYS = [CUTOFF - timedelta(days=6 - number) for number in range(7)]
NOTHING = (0, 0)


def days_of(*days: tuple[float, float | None], weeks: range = range(1, 11), **names: str) -> list[dict[str, Any]]:
    """Return the lines of these weeks before the cutoff: sold and left in stock on each of seven days, from Monday."""
    return [
        line(sunday(ago) - timedelta(days=6 - n), sold, stock=stock, **names)
        for ago in weeks
        for n, (sold, stock) in enumerate(days)
    ]


TEN_WEEKS = days_of(*[(1, 9)] * 7)


@pytest.mark.slow
@pytest.mark.parametrize(("empty_days", "y"), [(1, 14.0), (3, 14.0), (4, 14.0), (6, 8.0)])
def test_a_week_with_sales_and_days_out_of_stock_is_raised(warehouse, run, empty_days, y):
    """2 a day on the days that sold are 14 a week; of a week nearly empty no more than four times its sales."""
    newest = days_of(*[NOTHING] * empty_days, *[(2, 50)] * (7 - empty_days), weeks=range(1))
    history = history_of(warehouse, [*TEN_WEEKS, *newest], run)
    assert series(history) == pytest.approx([7.0] * 10 + [y])
    assert not any(series(history, "is_stockout"))
    assert series(history, "is_censored") == [False] * 10 + [True]
    assert (history.report.n_stockout_weeks, history.report.n_censored_weeks) == (0, 1)


def test_the_correction_can_be_switched_off(warehouse, run):
    """Then y is what was sold, and the week is marked all the same."""
    newest = days_of(*[NOTHING] * 5, *[(2, 50)] * 2, weeks=range(1))
    history = history_of(warehouse, [*TEN_WEEKS, *newest], run, correct_stockouts=False)
    assert series(history)[-1] == 4.0
    assert series(history, "is_censored")[-1]


@pytest.mark.parametrize(("empty_days", "y"), [(3, 0.0), (4, nan), (7, nan)])
def test_a_week_without_a_sale_is_unknown_if_it_was_empty_on_most_days(warehouse, run, empty_days, y):
    """Nothing was sold: 0 while there was some left on most days, else nobody knows."""
    newest = days_of(*[NOTHING] * empty_days, *[(0, 50)] * (7 - empty_days), weeks=range(1))
    history = history_of(warehouse, [*TEN_WEEKS, *newest], run)
    assert series(history)[-1] == pytest.approx(y, nan_ok=True)
    assert series(history, "is_stockout")[-1] == (empty_days > 3)
    assert not series(history, "is_censored")[-1]


SELLS, RESTS = (10, 0), (0, 0)
SOME_LEFT = (10, 4)


@pytest.mark.slow
@pytest.mark.parametrize("known_once", [True, False], ids=["once above 0", "kept"])
@pytest.mark.parametrize("with_rows", [True, False], ids=["rows of 0", "no rows"])
def test_days_on_which_an_article_does_not_sell_are_not_empty(warehouse, run, known_once, with_rows):
    """Sold on Monday, Wednesday and Friday; stock 0 on the other days, and a single number or all above 0 where sold.

    Every week is known, what was sold, and unmarked; a neighbour that sells on all days changes nothing.
    """
    day = SELLS if known_once else SOME_LEFT
    lines = days_of(day, RESTS, day, RESTS, day, RESTS, RESTS, weeks=range(20))
    lines += [line(sunday(9) - timedelta(days=6), 0, stock=500)] if known_once else []
    lines = lines if with_rows else [each for each in lines if each["quantity"] or each["stock"]]
    history = history_of(warehouse, [*lines, *days_of(*[(5, 9)] * 7, weeks=range(20), SKU_ID="B2")], run)
    assert series(history) == [30.0] * 20
    assert not any(series(history, "is_censored") + series(history, "is_stockout"))
    assert history.report.warnings == []


@pytest.mark.slow
def test_an_article_of_few_days_is_out_of_stock_on_those(warehouse, run):
    """Without Friday's sale and stock a week of three selling days is raised by half; without any it is unknown."""
    lines = days_of(SOME_LEFT, RESTS, SOME_LEFT, RESTS, SOME_LEFT, RESTS, RESTS, weeks=range(2, 22))
    lines += days_of(SOME_LEFT, RESTS, SOME_LEFT, *[RESTS] * 4, weeks=range(1, 2))
    lines += days_of(*[RESTS] * 7, weeks=range(1))
    neighbour = days_of(*[(5, 9)] * 7, weeks=range(22), SKU_ID="B2")
    y = series(history_of(warehouse, [*lines, *neighbour], run))
    assert y[:20] == [30.0] * 20
    assert y[20:] == pytest.approx([30.0, nan], rel=0.02, nan_ok=True)


def seldom(left: float | None, weeks: range) -> list[dict[str, Any]]:
    """Return the lines of weeks of which every second one sells one piece, on another weekday each time."""
    sells = [(ago, ago // 2 % 6 if ago % 2 == 0 else None) for ago in weeks]
    return [
        each
        for ago, day in sells
        for each in days_of(*[(float(n == day), left) for n in range(7)], weeks=range(ago, ago + 1))
    ]


@pytest.mark.slow
def test_an_article_that_seldom_sells_is_out_of_stock_all_the_same(warehouse, run):
    """Stock is kept and always there but for the last two weeks: these are unknown."""
    history = history_of(warehouse, [*seldom(9, range(2, 42)), *days_of(*[NOTHING] * 7, weeks=range(2))], run)
    assert series(history, "is_stockout") == [False] * (len(series(history)) - 2) + [True] * 2


@pytest.mark.slow
def test_stock_that_is_kept_no_longer_tells_nothing(warehouse, run):
    """Since forty weeks the source writes 0, also on days that sell: weeks without a sale are 0, as before that."""
    history = history_of(warehouse, [*seldom(9, range(40, 80)), *seldom(0, range(40))], run)
    assert series(history)[-24:] == [0.0, 1.0] * 12
    assert history.report.warnings == []


@pytest.mark.slow
@pytest.mark.parametrize("n_weeks", [2, 5, 20])
def test_a_young_article_of_one_day_a_week_is_not_raised(warehouse, run, n_weeks):
    """Sold on Mondays only, with some left then and 0 on the other days, beside an article of all days."""
    lines = days_of((30, 9), *[NOTHING] * 6, weeks=range(n_weeks))
    history = history_of(warehouse, [*lines, *days_of(*[(5, 9)] * 7, weeks=range(30), SKU_ID="B2")], run)
    assert series(history) == [30.0] * n_weeks
    assert not any(series(history, "is_censored"))


@pytest.mark.slow
def test_the_weekdays_of_an_article_may_change(warehouse, run):
    """Sold every day, since twelve weeks on Monday, Wednesday and Friday: no week of the change is raised."""
    rare = days_of(SOME_LEFT, RESTS, SOME_LEFT, RESTS, SOME_LEFT, RESTS, RESTS, weeks=range(12))
    history = history_of(warehouse, [*days_of(*[SOME_LEFT] * 7, weeks=range(12, 30)), *rare], run)
    assert series(history) == [70.0] * 18 + [30.0] * 12


@pytest.mark.slow
def test_no_line_of_another_article_decides_what_a_week_would_have_sold(warehouse, run):
    """A Monday of a million beside it, and a million each Monday: a week without Friday is 7 a day as ever."""
    lines = [*days_of(*[(7, 9)] * 7), *days_of(*[(7, 9)] * 4, NOTHING, *[(7, 9)] * 2, weeks=range(1))]
    other = [*days_of(*[(3, 9)] * 7, SKU_ID="B2"), line(sunday(4) - timedelta(days=6), 1e6, SKU_ID="B2")]
    whole = days_of((1e6, 9), *[(3, 9)] * 6, SKU_ID="C3")
    y = series(history_of(warehouse, [*lines, *other, *whole], run, censor_outliers=False))
    assert y == pytest.approx([49.0] * 11, rel=0.05)


@pytest.mark.slow
def test_another_unit_s_lines_change_nothing(tmp_path, table_names, run):
    """A week's y is the same whatever another unit, or another channel, sells and keeps in stock."""
    lines = [*TEN_WEEKS, *days_of(*[NOTHING] * 2, *[(2, 50)] * 5, weeks=range(1))]
    lines += days_of(*[(1, 9)] * 7, weeks=range(11), SKU_ID="B2")
    others = [
        *days_of((1e6, 0), *[NOTHING] * 6, weeks=range(11), unit="Юг"),
        *days_of(*[NOTHING] * 6, (9, 3), weeks=range(11), channel="TF"),
    ]
    alone, beside = (
        history_of(DuckDBWarehouse(tmp_path / name, table_names), sold, run)
        for name, sold in (("alone", lines), ("beside", [*lines, *others]))
    )
    assert series(alone) == series(beside)


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


@pytest.mark.slow
def test_an_article_that_is_out_of_stock_most_of_the_time_is_active(warehouse, run):
    """Five empty days a week for ten weeks, after twenty whole ones: not gone, and the run is warned."""
    lines = days_of(*[(10, 3)] * 7, weeks=range(16, 36))
    for ago in range(16):
        empty = {(ago + n) % 7 for n in range(5)}
        lines += days_of(*[NOTHING if n in empty else (10, 3) for n in range(7)], weeks=range(ago, ago + 1))
    history = history_of(warehouse, lines, run)
    assert series(history) == pytest.approx([70.0] * 36)
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


# --- What is left ---------------------------------------------------------------------------------------------------


def test_what_is_left_is_that_of_the_last_day_that_says_so(warehouse, run):
    """Five on Friday, none said for the weekend; below 0 is none left."""
    usual = days_of(*[(1, 9)] * 7)
    newest = days_of(*[(1, 9)] * 4, (1, 5), (1, None), (1, None), weeks=range(1))
    below = days_of(*[(1, 9)] * 7, SKU_ID="B") + days_of(*[(1, -3)] * 7, weeks=range(1), SKU_ID="B")
    left = history_of(warehouse, [*usual, *newest, *below], run).stock
    assert left is not None
    assert left["on_hand"].tolist() == [5.0, 0.0]
    assert left["on_hand_day"].dt.date.tolist() == [CUTOFF - timedelta(days=2), CUTOFF]


def test_nobody_knows_what_is_left_where_stock_is_not_kept_or_not_delivered_lately(warehouse, run):
    """A source that writes 0 every day keeps none; one whose newest week says nothing may be out by now."""
    zeros = days_of(*[(1, 0)] * 7, weeks=range(11))
    silent = days_of(*[(1, 9)] * 7, SKU_ID="B") + days_of(*[(1, None)] * 7, weeks=range(1), SKU_ID="B")
    left = history_of(warehouse, [*zeros, *silent], run).stock
    assert left is not None
    assert not len(left)
