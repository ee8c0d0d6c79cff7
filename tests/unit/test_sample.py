"""The sample distributor: deliveries fit together, the planted oddities are there, the planted effects can be found."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from skucast.core.combination import KEY, Combination, clean_name
from skucast.core.tables.sales import SALES
from skucast.core.tables.validation import validate
from skucast.entry.demo.planted import Truth, combinations, level
from skucast.entry.demo.sample import delivery, sample_lines

ORIGIN = date(2026, 11, 22)  # a Sunday
TRUTH = Truth(ORIGIN)
FIRST_TODAY = ORIGIN + timedelta(days=1)
PLAYED_TO = ORIGIN + timedelta(weeks=6)


@pytest.fixture(scope="module")
def history() -> pd.DataFrame:
    return sample_lines(ORIGIN)


@pytest.fixture(scope="module")
def played() -> pd.DataFrame:
    """History and six weeks played forward, in one delivery."""
    return delivery(PLAYED_TO + timedelta(days=1), None, origin=ORIGIN)


def of(lines: pd.DataFrame, combination: Combination) -> pd.DataFrame:
    """Return the combination's lines, however they are spelled."""
    wanted = pd.Series(data=True, index=lines.index)
    for name, part in zip(KEY, combination.parts, strict=True):
        wanted &= lines[name].isin([text for text in lines[name].dropna().unique() if clean_name(text) == part])
    return lines[wanted]


def weekly(lines: pd.DataFrame) -> pd.DataFrame:
    """Return quantity and mean discount of the selling days, one row per week labelled by its Sunday."""
    selling = lines[lines["quantity"] > 0].assign(Promo_discount_perc=lines["Promo_discount_perc"].fillna(0))
    days = selling.groupby("date", as_index=False)["Promo_discount_perc"].mean()
    sunday = pd.Grouper(key="date", freq="W-SUN")
    return pd.DataFrame(
        {"y": lines.groupby(sunday)["quantity"].sum(), "promo": days.groupby(sunday)["Promo_discount_perc"].mean()}
    )


def deliveries(todays: Sequence[date]) -> list[pd.DataFrame]:
    """Return one delivery per day of `todays`, the first from the start."""
    previous = [None, *(today - timedelta(days=1) for today in todays)]
    return [delivery(today, last, origin=ORIGIN) for today, last in zip(todays, previous, strict=False)]


# --- Deliveries -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_same_seed_gives_the_same_lines_and_another_seed_does_not(history: pd.DataFrame) -> None:
    """Two calls agree line by line; another seed gives other quantities."""
    assert_frame_equal(sample_lines(ORIGIN), history)
    assert sample_lines(ORIGIN, seed=1)["quantity"].sum() != history["quantity"].sum()


def test_lines_fit_the_sales_contract_as_they_are(played: pd.DataFrame) -> None:
    """Validation finds no mistake and has nothing to convert; quantities are whole pieces."""
    assert_frame_equal(validate(SALES, played)[played.columns], played)
    assert (played["quantity"].dropna() % 1 == 0).all()


def test_history_covers_130_whole_weeks(history: pd.DataFrame) -> None:
    """130 weeks that end on Sunday 22 November 2026 begin on Monday 27 May 2024."""
    assert history["date"].min() == pd.Timestamp(2024, 5, 27)
    assert history["date"].max() == pd.Timestamp(ORIGIN)


def test_a_later_first_day_gives_the_tail_of_the_history(history: pd.DataFrame) -> None:
    """Lines from a Thursday on are the same whether earlier ones are asked for or not."""
    thursday = date(2026, 10, 1)
    tail = history[history["date"] >= pd.Timestamp(thursday)].reset_index(drop=True)
    assert_frame_equal(sample_lines(ORIGIN, first_day=thursday), tail)


def test_the_first_delivery_is_the_history(history: pd.DataFrame) -> None:
    """On the day after the origin everything up to the origin arrives."""
    assert_frame_equal(delivery(FIRST_TODAY, None, origin=ORIGIN), history)


@pytest.mark.parametrize("every_days", [1, 5, 7, 20])
@pytest.mark.slow
def test_deliveries_in_any_split_equal_one_delivery(played: pd.DataFrame, every_days: int) -> None:
    """Daily, five-daily, weekly and rarer deliveries concatenate to the one over all days, row by row."""
    last_today = PLAYED_TO + timedelta(days=1)
    todays = [FIRST_TODAY + timedelta(days=n) for n in range(0, 42, every_days)]
    assert_frame_equal(pd.concat(deliveries([*todays, last_today]), ignore_index=True), played)


def test_nothing_new_is_an_empty_delivery() -> None:
    """Asking twice on one day brings no line the second time, in the contract's columns and types."""
    again = delivery(FIRST_TODAY, ORIGIN, origin=ORIGIN)
    assert len(again) == 0
    assert_frame_equal(validate(SALES, again), again)


def test_only_a_later_delivery_restates_a_day() -> None:
    """Wednesday 25 November, delivered a week before, gains 125 pieces; no other day is restated."""
    first, second, third = deliveries([FIRST_TODAY, FIRST_TODAY + timedelta(days=7), FIRST_TODAY + timedelta(days=14)])
    restated = third[third["date"] < pd.Timestamp(FIRST_TODAY + timedelta(days=7))]
    known_days = of(second, TRUTH.restated)["date"]

    assert first["date"].max() == pd.Timestamp(ORIGIN)
    assert second["date"].min() == pd.Timestamp(FIRST_TODAY)
    assert pd.Timestamp(2026, 11, 25) in set(known_days)
    assert restated[["date", *KEY, "quantity"]].to_numpy().tolist() == [
        [pd.Timestamp(2026, 11, 25), *TRUTH.restated.parts, 125.0]
    ]


# --- Planted oddities -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_sixty_combinations_sell_twenty_to_two_thousand_pieces_a_week(history: pd.DataFrame) -> None:
    """All 60 names are delivered; typical weeks spread over two orders of magnitude."""
    means = [of(history, combination)["quantity"].sum() / 130 for combination in TRUTH.ordinary]
    names = history.dropna(subset=KEY)[KEY].drop_duplicates().map(clean_name).drop_duplicates()

    assert len(names) == len(combinations()) == 60
    assert 15 < min(means) < 40
    assert 1500 < max(means) < 2500


def test_a_day_has_one_to_three_sales_lines(history: pd.DataFrame) -> None:
    """Selling days of a large combination have 1, 2 and 3 lines."""
    lines = of(history, TRUTH.ordinary[0]).query("quantity > 0")
    assert set(lines.groupby("date").size()) == {1, 2, 3}


def test_about_one_line_in_a_hundred_is_a_return(history: pd.DataFrame) -> None:
    """Returns are negative lines without a discount, at most 30 % of the day's sales."""
    returns = history[history["quantity"] < 0]
    assert 0.007 < len(returns) / len(history) < 0.013
    assert returns["Promo_discount_perc"].isna().all()
    days = of(history, TRUTH.ordinary[0]).groupby("date")["quantity"]
    assert (days.min() >= -0.3 * days.agg(lambda lines: lines[lines > 0].sum())).all()


def test_the_new_combination_is_ten_weeks_old(history: pd.DataFrame) -> None:
    """It sells from 17 September (a Thursday: its first week is not whole) to the origin."""
    days = of(history, TRUTH.new)["date"]
    assert days.min() == pd.Timestamp(TRUTH.new_since) == pd.Timestamp(2026, 9, 17)
    assert days.max() == pd.Timestamp(ORIGIN)


def test_the_discontinued_combination_is_silent(played: pd.DataFrame) -> None:
    """It sold until 20 weeks before the origin, and never comes back."""
    days = of(played, TRUTH.discontinued)["date"]
    assert days.max() < pd.Timestamp(TRUTH.discontinued_since)
    assert days.max() > pd.Timestamp(TRUTH.discontinued_since) - pd.Timedelta(days=7)


def test_the_intermittent_combination_sells_in_a_quarter_of_the_weeks(history: pd.DataFrame) -> None:
    """32 or 33 of 130 weeks have sales."""
    selling = (weekly(of(history, TRUTH.intermittent))["y"] > 0).sum()
    assert selling in {32, 33}


def test_stock_outs_are_rows_without_stock_and_sales(played: pd.DataFrame) -> None:
    """In each two-week stock-out every day is one row, 0 pieces and 0 in stock; elsewhere stock is positive or NULL."""
    empty_days: list[int] = []
    for combination, first_day, last_day in TRUTH.stock_outs:
        lines = of(played, combination)
        rows = lines[lines["date"].between(pd.Timestamp(first_day), pd.Timestamp(last_day))]
        assert len(rows) == 14
        assert (rows[["quantity", "stock"]] == 0).all(axis=None)
        empty_days.extend(rows.index)
    others = played.drop(index=empty_days)["stock"]

    assert len(TRUTH.stock_outs) == 5
    assert others.min() > 0
    assert 0.05 < others.notna().mean() < 0.5


def test_one_name_is_delivered_in_three_spellings_that_mean_one_combination(history: pd.DataFrame) -> None:
    """Some lines have a trailing space, some a decomposed й; cleaned, they are one; no other name varies."""
    spellings = history.dropna(subset=KEY)[KEY].drop_duplicates()
    twice = spellings[spellings.map(clean_name).duplicated(keep=False)]
    unit, channel, sku_id = TRUTH.two_spellings.parts
    decomposed = unicodedata.normalize("NFD", unit)

    assert decomposed != unit
    assert {tuple(row) for row in twice.to_numpy()} == {
        (unit, channel, sku_id),
        (unit, channel, f"{sku_id} "),
        (decomposed, channel, sku_id),
    }


def test_every_week_has_a_placeholder_row(history: pd.DataFrame) -> None:
    """130 rows lack a key: half of them all keys and the quantity, half only the article."""
    placeholders = history[history[KEY].isna().any(axis=1)]
    nothing = placeholders[KEY].isna().all(axis=1)
    assert len(placeholders) == 130
    assert nothing.sum() == 65
    assert placeholders.loc[nothing, "quantity"].isna().all()
    assert (placeholders.loc[~nothing, "quantity"] == 0).all()


def test_the_shifted_combination_loses_sixty_percent_after_the_origin(played: pd.DataFrame) -> None:
    """Its weeks fall from about 600 pieces to about 240 with the first day after the origin, and stay there."""
    y = weekly(of(played, TRUTH.shifted))["y"]
    before, after = y.loc[:"2026-11-22"].tail(8).mean(), y.loc["2026-11-29":"2026-12-27"].mean()
    assert before == pytest.approx(600, rel=0.2)
    assert after / before == pytest.approx(TRUTH.shift_factor, abs=0.1)


def test_promotions_last_five_to_fourteen_days_and_cross_weeks(history: pd.DataFrame) -> None:
    """A large combination's discounts come in runs of 5 to 14 days of one depth, 10 to 40 %, some over a Sunday."""
    lines = of(history, TRUTH.ordinary[0]).query("quantity > 0")
    depth = (
        lines.groupby("date")["Promo_discount_perc"]
        .agg(lambda values: values.fillna(0).max())
        .asfreq("D", fill_value=0)
    )
    run = (depth != depth.shift()).cumsum()
    runs = pd.DataFrame({"depth": depth, "run": run, "day": depth.index})[depth > 0]
    runs = runs.groupby("run").agg(depth=("depth", "first"), first=("day", "min"), last=("day", "max"))
    runs = runs[(runs["first"] > depth.index[0]) & (runs["last"] < depth.index[-1])]  # seen from beginning to end
    n_days = (runs["last"] - runs["first"]).dt.days + 1

    assert len(runs) >= 8
    assert n_days.between(5, 14).all()
    assert runs["depth"].between(10, 40).all()
    assert (n_days > 7 - runs["first"].dt.day_of_week).any()


# --- Planted effects ------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_least_squares_finds_the_planted_effects(history: pd.DataFrame) -> None:
    """Over the 15 largest ordinary combinations: 15 % a 10 points, carry-over 0.3, New Year -30 %, May +25 %."""
    found = np.mean([fitted_effects(history, combination) for combination in TRUTH.ordinary[:15]], axis=0)
    promo, phi, new_year, may = found
    assert promo == pytest.approx(TRUTH.promo_uplift_per_10pp, abs=0.01)
    assert phi == pytest.approx(TRUTH.phi, abs=0.06)
    assert new_year == pytest.approx(TRUTH.new_year_effect, abs=0.06)
    assert may == pytest.approx(TRUTH.may_effect, abs=0.06)


def fitted_effects(lines: pd.DataFrame, combination: Combination) -> list[float]:
    """Return uplift per 10 points, carry-over, New Year and May effect, in shares of the typical week."""
    weeks = weekly(of(lines, combination))
    y = weeks["y"].to_numpy() / level(combination)
    number = np.arange(len(y))
    angle = 2 * np.pi * number * 7 / 365.25
    columns = [
        weeks["promo"].to_numpy() / 10,
        np.roll(y, 1),
        share_of_days(weeks.index, month=1, last_day=8),
        share_of_days(weeks.index, month=5, last_day=9),
        np.ones(len(y)),
        number,
        np.cos(angle),
        np.sin(angle),
    ]
    coefficients = np.linalg.lstsq(np.column_stack(columns)[1:], y[1:], rcond=None)[0]
    return [float(value) for value in coefficients[:4]]


def share_of_days(sundays: pd.Index, month: int, last_day: int) -> npt.NDArray[np.float64]:
    """Return the share of each week's days from the first to `last_day` of the month."""
    days = sundays.to_numpy()[:, None] - np.arange(7) * np.timedelta64(1, "D")
    stamps = pd.DatetimeIndex(days.ravel())
    inside = (stamps.month == month) & (stamps.day <= last_day)
    shares: npt.NDArray[np.float64] = inside.reshape(-1, 7).mean(axis=1)
    return shares
