"""Training of one combination: the card says what the model is, and the same data give the same model."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF
from stubs import plan, weeks_of

from skucast.core.combination import Combination
from skucast.core.weeks import WeekClock
from skucast.forecast.artifact import loads
from skucast.forecast.prophet.prophet_object import to_prophet
from skucast.forecast.trainable import skip_reason
from skucast.forecast.training import Material, Recipe, Trained, make_recipe, train

ARTICLE = Combination("Пермь", "ON TRADE", "ЦУП00009752")


@pytest.fixture(scope="module")
def weeks() -> pd.DataFrame:
    """Return 60 weeks around 100 without any promotion."""
    return weeks_of(100 + np.random.default_rng(4).normal(0, 10, 60))


@pytest.fixture(scope="module")
def recipe(weeks: pd.DataFrame) -> Recipe:
    """Return a recipe with four steps and three origins."""
    return make_recipe(plan(), WeekClock(), weeks["ds"].iloc[0].date(), CUTOFF)


@pytest.fixture(scope="module")
def trained(weeks: pd.DataFrame, recipe: Recipe) -> Trained:
    """Return the trained model."""
    return train(ARTICLE, Material(weeks), recipe)


def test_the_card_tells_what_was_trained(trained: Trained, recipe: Recipe) -> None:
    """Combination, cutoff, weeks (the first has no lag), settings, dropped regressors, an honest WAPE per step."""
    card = trained.card
    assert (card.combination, card.cutoff, card.first_week, card.n_weeks) == (
        "Пермь/ON TRADE/ЦУП00009752",
        "2026-11-22",
        "2025-10-05",
        59,
    )
    assert card.hyperparameters == [recipe.plan.spec.as_dict()]
    assert card.recipe == recipe.plan.as_dict()
    assert card.dropped_regressors == ["promo_discount_perc", "promo_days"]
    assert list(card.backtest) == ["1", "2", "3", "4", "pooled", "baseline", "perfect_plan", "promotions", "origins"]
    assert card.backtest["origins"] == 3
    assert 0.02 < card.backtest["pooled"] < 0.2
    assert json.loads(json.dumps(vars(card))) == vars(card)


def test_a_card_of_before_says_nothing_of_the_sales_grain(trained: Trained, recipe: Recipe) -> None:
    """It counts as of the same; a card that names another grain is of another plan."""
    said = trained.card.recipe
    before = {name: value for name, value in said.items() if name != "sales_grain"}
    by_week = {**said, "sales_grain": "week"}
    made = [recipe.plan.made(replace(trained.card, recipe=each)) for each in (said, before, by_week)]
    assert made == [True, True, False]


def test_the_file_holds_model_and_card(trained: Trained) -> None:
    """Loaded, it is what was trained; its version begins with the cutoff."""
    found = loads(trained.stored.payload)
    assert found.card == trained.card
    assert found.version == trained.stored.version
    assert found.version.startswith("2026-11-22-")
    assert to_prophet(found.models[0]).history["y"].sum() > 0


def test_the_same_data_give_the_same_version(trained: Trained, weeks: pd.DataFrame, recipe: Recipe) -> None:
    """Trained twice, the file is the same to the last byte: a second run changes nothing."""
    assert train(ARTICLE, Material(weeks), recipe).stored == trained.stored


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        ([1.0] * 26, None),
        ([1.0] * 25, "short history: 25 known weeks, 26 are needed"),
        ([1.0] * 25 + [float("nan")] * 5, "short history: 25 known weeks, 26 are needed"),
        ([1.0] * 26 + [0.0] * 13, "inactive: nothing sold for 13 weeks"),
        ([1.0] * 26 + [0.0] * 12, None),
    ],
)
def test_what_gets_no_model(y: list[float], expected: str | None) -> None:
    """Too few known weeks, or nothing sold lately; the reason is in words."""
    assert skip_reason(weeks_of(y), 26, 13) == expected
