"""Tuning: every setting is scored as prediction would have gone, the best few are kept, nothing later is known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF
from models import generated
from stubs import plan

from skucast.combination import Combination
from skucast.engine.artifact import loads
from skucast.engine.design import until, window
from skucast.engine.fit import fit_window
from skucast.engine.model import ModelSpec
from skucast.engine.rollout import roll_forward
from skucast.future import future_frame, last_known
from skucast.history import with_lag
from skucast.regressors.promotions import PROMO_REGRESSORS
from skucast.training import Recipe, folds_of, make_recipe, train, tuned
from skucast.tuning import MIN_FOLDS, Scores, choose, fast_grid, full_grid, refinements, score
from skucast.weeks import WeekClock

ARTICLE = Combination("Пермь", "ON TRADE", "ЦУП00009752")
SHAPES = [ModelSpec(), ModelSpec(target="log1p"), ModelSpec(seasonality_mode="multiplicative")]


def recipe_of(weeks: pd.DataFrame, **changed: object) -> Recipe:
    """Return a recipe for these weeks, tuned fast unless changed."""
    given = {"tune": "fast", "n_best": 3} | changed
    return make_recipe(plan(**given), WeekClock(), weeks["ds"].iloc[0].date(), CUTOFF)


@pytest.mark.parametrize("spec", SHAPES, ids=["additive", "log1p", "multiplicative"])
def test_a_score_is_a_real_forecast(spec: ModelSpec) -> None:
    """At every origin what `roll_forward` of a fit on the weeks before says: no true lag after the first step."""
    weeks = generated(100)
    recipe = recipe_of(weeks)
    known = window(with_lag(weeks), PROMO_REGRESSORS, recipe.grid)
    folds = folds_of(weeks, recipe)
    scores = score(known, recipe.grid, folds, [spec])
    assert len(folds) == 6
    for place, fold in enumerate(folds):
        past = weeks.iloc[: len(weeks) - 4 * (6 - place)]
        targets = [ds.date() for ds in weeks["ds"].iloc[len(past) : len(past) + 4]]
        model = fit_window(until(known, fold.last), recipe.grid, spec)
        rows = roll_forward(model, future_frame(past, targets), last_known(past), seed=1, n_paths=0)
        np.testing.assert_allclose(scores.yhat[0, place], rows["yhat"], rtol=1e-9)
        np.testing.assert_array_equal(scores.y[place], weeks["y"].iloc[len(past) : len(past) + 4])


def test_later_weeks_choose_no_earlier_setting() -> None:
    """Other sales in the last 12 weeks, those of the backtest, leave the settings chosen before them as they are."""
    weeks = generated(100)
    changed = weeks.assign(y=weeks["y"].where(np.arange(100) < 88, 5 * weeks["y"]))
    first, second = (tuned(frame, recipe_of(weeks)) for frame in (weeks, changed))
    assert first.earlier == second.earlier
    assert len(first.earlier) == len(first.final) == 3
    assert first.report != second.report


def test_the_best_have_the_least_error() -> None:
    """Sold 10 and 10; settings say 12 8, 10 11, 10 nothing known: errors 4, 1 and 10."""
    yhat = np.array([[[12.0, 8.0]], [[10.0, 11.0]], [[10.0, 0.0]]])
    scores = Scores([ModelSpec()] * 3, yhat, np.array([[10.0, 10.0]]))
    assert scores.best(2) == [1, 0]
    assert scores.wape([1]) == 1 / 20
    assert scores.wape([0, 1]) == pytest.approx((1 + 0.5) / 20)
    assert Scores([ModelSpec()], yhat[:1], np.array([[0.0, np.nan]])).wape([0]) is None


def test_the_grids_are_what_they_say() -> None:
    """44 and 900 different settings, all around the base; the refinement looks at what the 900 leave alone."""
    base = ModelSpec(promo_prior_scale=5.0)
    for grid, size in ((fast_grid(base), 44), (full_grid(base), 900)):
        assert len(set(grid)) == len(grid) == size
        assert {spec.promo_prior_scale for spec in grid} == {5.0}
    near = refinements(base)
    assert base not in near
    assert {spec.target for spec in near} == {"sales", "log1p"}


def test_too_few_origins_choose_nothing() -> None:
    """With three for the backtest and one more there is one to choose by: the default is kept, for both."""
    weeks = generated(40)
    recipe = recipe_of(weeks)
    folds = folds_of(weeks, recipe)[-3 - MIN_FOLDS + 1 :]
    known = window(with_lag(weeks), PROMO_REGRESSORS, recipe.grid)
    choice = choose(known, recipe.grid, folds, ModelSpec(), "fast", 3, 3)
    assert (choice.final, choice.earlier, choice.report) == ([ModelSpec()], [ModelSpec()], {})


def test_full_tuning_looks_further() -> None:
    """900 settings, the default and the neighbours of the best; it does no worse than fast on the origins it sees."""
    weeks = generated(100)
    full, fast = (tuned(weeks, recipe_of(weeks, tune=tune, n_best=1)).report for tune in ("full", "fast"))
    assert full["settings"] >= 900
    assert full["wape"] <= fast["wape_default"]
    assert full["wape_default"] == pytest.approx(fast["wape_default"])


def test_the_card_tells_how_settings_were_chosen() -> None:
    """Grid, origins, scores; the settings of each model that is averaged; all of it comes back from the file."""
    weeks = generated(100).assign(returns_quantity=0.0)
    trained = train(ARTICLE, weeks, recipe_of(weeks))
    stored = loads(trained.stored.payload)
    assert [model.spec.as_dict() for model in stored.models] == stored.card.hyperparameters
    assert len(stored.models) == 3
    assert {key: stored.card.tuning[key] for key in ("grid", "settings", "origins")} == {
        "grid": "fast", "settings": 44, "origins": 6
    }  # fmt: skip
    assert stored.card.tuning["wape"] <= stored.card.tuning["wape_default"]
    assert stored.card.recipe == recipe_of(weeks).plan.as_dict()


def test_a_growing_business_is_not_forecast_by_its_mean() -> None:
    """Sales that double in a year: the tuned forecast of the last four weeks is nearer than the untuned one's error."""
    weeks = generated(110)
    weeks = with_lag(weeks.assign(y=weeks["y"] * np.exp(np.arange(110) / 75)))
    past = weeks.iloc[:-4]
    errors = {}
    for tune in ("off", "fast"):
        recipe = dataclasses.replace(recipe_of(weeks, tune=tune))
        models = loads(train(ARTICLE, past, recipe).stored.payload).models
        targets = [ds.date() for ds in weeks["ds"].iloc[-4:]]
        rows = [
            roll_forward(model, future_frame(past, targets), last_known(past), seed=1, n_paths=0)["yhat"]
            for model in models
        ]
        errors[tune] = float((pd.concat(rows, axis=1).mean(axis=1) - weeks["y"].iloc[-4:].to_numpy()).abs().sum())
    assert errors["fast"] < errors["off"] * 1.05
    assert errors["fast"] < 0.25 * weeks["y"].iloc[-4:].sum()
