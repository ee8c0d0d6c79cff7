"""The forecast of a combination without a model: worked examples, the choice, the interval."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from math import nan, sqrt
from typing import get_args

import numpy as np
import pytest
from builders import CUTOFF
from stubs import weeks_of

from skucast.core.tables.forecasts import METHODS
from skucast.core.tables.records import DEMAND_CLASSES
from skucast.core.weeks import WEEK
from skucast.forecast.short import RATES, choose, fallback, rates_of
from skucast.sales.demand import DemandClass, demand_class

TARGETS = [CUTOFF + WEEK * step for step in (1, 2, 3, 4)]


def series(*y: float) -> np.ndarray:
    return np.array(y, dtype="float64")


def noise(n: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 1.0, n)


# --- Methods --------------------------------------------------------------------------------------------------------


def test_smoothing_begins_as_a_mean_and_then_takes_a_share_of_each_week() -> None:
    """Of 10, 20, 30 the mean is 20; the fourth week weighs 0.3, the usual weight: 0.7 * 20 + 0.3 * 40 = 26."""
    chosen = choose(series(10, 20, 30, 40), 1)
    assert (chosen.method, chosen.alpha) == ("ses", 0.3)
    assert chosen.yhat.tolist() == pytest.approx([26.0])


def test_smoothing_takes_the_weight_that_did_best() -> None:
    """A level that moves and stays wants a heavy last week; noise around a level wants a light one."""
    walk = 100 + np.cumsum(5 * noise(60))
    assert choose(walk, 4).alpha >= 0.7
    assert choose(100 + 5 * noise(60), 4).alpha == 0.1


def test_seldom_sold_articles_are_forecast_by_how_often_and_how_much() -> None:
    """0.2 of each week: the share of weeks with a sale 1, 0.8, 0.64, ..., 0.8**4 * 0.8 + 0.2, ...; 10 and 20 are 12."""
    chosen = choose(series(10, 0, 0, 0, 0, 20, 0), 1)
    assert chosen.method == "tsb"
    assert chosen.yhat.tolist() == pytest.approx([0.8 * (0.8**5 + 0.2) * 12])


def rarely(seed: int, n: int, share: float) -> np.ndarray:
    """Return weeks of which about this share sold 1 to 29, the first one 7."""
    chance = np.random.default_rng(seed)
    y = np.where(chance.random(n) < share, chance.integers(1, 30, n), 0).astype("float64")
    y[0] = 7.0
    return y


@pytest.mark.parametrize(
    ("seed", "n", "share", "sba", "tsb"),
    [
        (0, 12, 0.3, 5.298876471, 4.031959745),
        (1, 30, 0.2, 2.983669386, 2.148307374),
        (2, 60, 0.5, 5.373717311, 6.471475035),
        (3, 104, 0.15, 1.952066823, 1.359723960),
        (4, 8, 0.6, 8.680877262, 9.877727846),
        (5, 52, 0.4, 6.185185129, 6.909961433),
    ],
)
def test_methods_of_seldom_sales_are_those_of_statsforecast(
    seed: int, n: int, share: float, sba: float, tsb: float
) -> None:
    """CrostonSBA and TSB(0.2, 0.2) of StatsForecast 2.1.1 gave these numbers; where it is installed it is asked."""
    y = rarely(seed, n, share)
    ours = rates_of(y)
    assert (ours["sba"], ours["tsb"]) == pytest.approx((sba, tsb))
    assert ours["mean"] == pytest.approx(y[-52:].mean())
    if find_spec("statsforecast"):  # pragma: no cover
        models = import_module("statsforecast.models")
        theirs = models.CrostonSBA().forecast(y, 1)["mean"][0], models.TSB(0.2, 0.2).forecast(y, 1)["mean"][0]
        assert (ours["sba"], ours["tsb"]) == pytest.approx(theirs)


@pytest.mark.parametrize("rate", ["mean", "tsb", "sba"])
def test_a_method_of_seldom_sales_takes_over_where_it_did_better(rate: str) -> None:
    """Of an article that sells in three of five weeks smoothing follows each gap; the rates look over them."""
    methods = {choose(rarely(seed, 60, 0.6), 4).method for seed in range(40)}
    assert rate in methods
    assert "ses" in methods, "where it is not much worse"


def test_another_method_takes_the_place_where_it_did_much_better() -> None:
    """Nothing for 15 weeks and then 50 every week: what looks further back than last week is too low for long."""
    chosen = choose(series(1, *[0] * 15, *[50] * 12), 4)
    assert chosen.method == "last_week"
    assert chosen.yhat.tolist() == [50.0] * 4
    assert chosen.wape["last_week"] < 0.5 * chosen.wape["tsb"]


@pytest.mark.parametrize("y", [[100.0] * 20, [100.0, 90.0] * 10, list(100 + noise(20))])
def test_smoothing_stays_where_nothing_is_much_better(y: list[float]) -> None:
    """Ties, swings and noise are no reason to take another method."""
    assert choose(series(*y), 4).method == "ses"


def test_few_past_errors_choose_nothing() -> None:
    """Four weeks have been forecast six times, last week's sales best each time: too little to go by."""
    assert choose(series(1, 2, 4, 8), 3).method == "ses"


def test_last_years_weeks_are_taken_where_they_did_better() -> None:
    """A wave of 52 weeks that repeats itself is forecast without an error, and with a narrow interval."""
    wave = 100 + 50 * np.sin(2 * np.pi * np.arange(110) / 52)
    method, rows = fallback(weeks_of(wave), TARGETS)
    assert method == "seasonal_naive"
    assert rows["yhat"].tolist() == pytest.approx(wave[58:62].tolist())
    assert (rows["yhat_upper"] - rows["yhat_lower"]).max() < 6.0


def test_unknown_weeks_are_skipped_and_no_error() -> None:
    """The same level as without them; their errors are not counted."""
    with_gap, without = series(10, 20, nan, 30, nan, 40), series(10, 20, 30, 40)
    assert choose(with_gap, 1).yhat.tolist() == choose(without, 1).yhat.tolist()
    assert choose(series(10, 20, 30, nan), 1).n_errors == 1


def test_what_is_known_before_the_window_changes_nothing() -> None:
    """Two years are looked at."""
    y = 100 + noise(104)
    assert choose(np.concatenate([[1e6] * 10, y]), 4).yhat.tolist() == choose(y, 4).yhat.tolist()


def test_every_method_is_one_that_the_table_allows() -> None:
    """With a year of history and sales in few weeks all of them are looked at."""
    y = np.zeros(80)
    y[::3] = 5.0
    assert set(choose(y, 4).wape) == {*RATES, "ses", "mean_4", "mean_8", "last_week", "seasonal_naive"} < set(METHODS)


# --- Interval -------------------------------------------------------------------------------------------------------


def test_the_interval_is_wider_where_the_past_errors_were_larger_and_with_the_step() -> None:
    """Ten times the noise, ten times the width; a level that moves is known less well four weeks ahead."""
    widths = {}
    for name, y in {"quiet": 1000 + noise(40), "loud": 1000 + 10 * noise(40)}.items():
        rows = fallback(weeks_of(y), TARGETS)[1]
        widths[name] = (rows["yhat_upper"] - rows["yhat_lower"]).to_numpy()
        assert (np.diff(widths[name]) >= 0).all()
    assert 4 < widths["loud"][0] / widths["quiet"][0] < 11
    moving = fallback(weeks_of(1000 + np.cumsum(10 * noise(40))), TARGETS)[1]
    width = (moving["yhat_upper"] - moving["yhat_lower"]).to_numpy()
    assert width[3] > 1.4 * width[0]


def test_the_interval_holds_80_percent_of_noise() -> None:
    """2,000 weeks after 500 series of 15 weeks of normal noise."""
    inside = []
    for seed in range(500):
        y = 100 + 10 * noise(19, seed)
        rows = fallback(weeks_of(y[:15]), TARGETS)[1]
        inside.append((rows["yhat_lower"].to_numpy() <= y[15:]) & (y[15:] <= rows["yhat_upper"].to_numpy()))
    assert 0.75 <= np.mean(inside) <= 0.85


def test_one_week_alone_has_an_interval_that_is_wide() -> None:
    """No error is known: 0.3 of the forecast is taken for one, times 1.5 twice, and the root of 1.2 a week on."""
    rows = fallback(weeks_of([100.0]), TARGETS[:2])[1]
    assert rows["yhat"].tolist() == [100.0, 100.0]
    assert rows["yhat_upper"].tolist() == pytest.approx([167.5, 100 + 67.5 * sqrt(1.2)])
    assert rows["yhat_lower"].tolist() == pytest.approx([32.5, 100 - 67.5 * sqrt(1.2)])


@pytest.mark.parametrize("n_steps", [1, 4, 30])
@pytest.mark.parametrize(
    "y", [[], [nan] * 9, [0.0] * 9, [7.0], [0.0, 0.0, 50.0, 0.0, 0.0, nan] * 4, [nan, 5.0, nan], [1e300] * 70]
)
def test_the_fallback_always_answers(y: list[float], n_steps: int) -> None:
    """Nothing, nothing known, nothing sold, seldom sold: finite numbers, 0 <= lower <= yhat <= upper."""
    targets = [CUTOFF + WEEK * step for step in range(1, n_steps + 1)]
    method, rows = fallback(weeks_of(y), targets)
    assert method in METHODS
    assert rows["ds"].dt.date.tolist() == targets
    numbers = rows[["yhat_lower", "yhat", "yhat_upper"]].to_numpy()
    assert np.isfinite(numbers).all()
    assert (numbers[:, 0] >= 0).all()
    assert (np.diff(numbers) >= 0).all()


# --- Kinds of demand ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        ([10, 12, 9, 11], "smooth"),
        ([10, 12, nan, nan, 11], "smooth"),
        ([1, 30, 2, 1], "erratic"),
        ([10, 0, 0, 12, 0, 11], "intermittent"),
        ([1, 0, 0, 30, 0, 2], "lumpy"),
        ([0, 0, nan], None),
        ([], None),
    ],
)
def test_the_kind_of_demand_is_how_often_and_how_evenly_it_sells(y: list[float], expected: str | None) -> None:
    """Seldom: 1.32 weeks from sale to sale; varied: a squared coefficient of variation of 0.49 or more."""
    assert demand_class(series(*y)) == expected


def test_the_kinds_of_demand_are_those_of_the_registry() -> None:
    """One list for both."""
    assert get_args(DemandClass) == DEMAND_CLASSES
