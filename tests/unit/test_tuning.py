"""Tuning: every setting is scored as prediction would have gone, the best few are kept, nothing later is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF
from models import generated
from stubs import future_frame, plan

from skucast.core.combination import Combination
from skucast.core.weeks import WeekClock
from skucast.forecast.artifact import loads
from skucast.forecast.prophet.design import Floats, until, window
from skucast.forecast.prophet.elsewhere import Elsewhere, Errors, pooled
from skucast.forecast.prophet.fit import fit_window
from skucast.forecast.prophet.rollout import roll_forward
from skucast.forecast.prophet.spec import ModelSpec
from skucast.forecast.prophet.tuning import (
    MIN_FOLDS,
    Fold,
    Scores,
    _average_pays,
    _damping_pays,
    choose,
    damped,
    fast_grid,
    full_grid,
    refinements,
    score,
)
from skucast.forecast.training import Material, Recipe, folds_of, make_recipe, train, tuned, tuning_errors
from skucast.regressors.future import last_known
from skucast.regressors.promotions import PROMO_REGRESSORS
from skucast.sales.history import with_lag

ARTICLE = Combination("Пермь", "ON TRADE", "ЦУП00009752")
SHAPES = [ModelSpec(), ModelSpec(target="log1p"), ModelSpec(seasonality_mode="multiplicative")]


def recipe_of(weeks: pd.DataFrame, **changed: object) -> Recipe:
    """Return a recipe for these weeks, tuned fast unless changed."""
    given = {"tune": "fast", "tune_average": 3} | changed
    return make_recipe(plan(**given), WeekClock(), weeks["ds"].iloc[0].date(), CUTOFF)


@pytest.mark.parametrize("spec", SHAPES, ids=["additive", "log1p", "multiplicative"])
def test_a_score_is_a_real_forecast(spec: ModelSpec) -> None:
    """At every origin what `roll_forward` of a fit on the weeks before says: no true lag after the first step."""
    weeks = generated(100)
    recipe = recipe_of(weeks)
    known = window(with_lag(weeks), PROMO_REGRESSORS, recipe.grid)
    folds = folds_of(Material(weeks), recipe)
    scores = score(known, recipe.grid, folds, [spec])
    assert len(folds) == 6
    for place, fold in enumerate(folds):
        past = weeks.iloc[: len(weeks) - 4 * (6 - place)]
        targets = [ds.date() for ds in weeks["ds"].iloc[len(past) : len(past) + 4]]
        model = fit_window(until(known, fold.last), recipe.grid, spec)
        rows = roll_forward(model, future_frame(past, targets), last_known(past), seed=1, n_paths=0)
        np.testing.assert_allclose(scores.yhat[0, place], rows["yhat"], rtol=1e-9)
        np.testing.assert_array_equal(scores.y[place], weeks["y"].iloc[len(past) : len(past) + 4])


@pytest.mark.parametrize("has_own_past", [True, False])
def test_settings_share_an_origin_and_nothing_else(has_own_past: bool) -> None:
    """Scored together, or of another history before, each setting forecasts what it does alone."""
    weeks, others = generated(100, 1), generated(100, 2)
    recipe = recipe_of(weeks)

    def scored(of: pd.DataFrame, specs: list[ModelSpec], folds: list[Fold]) -> Floats:
        return score(window(with_lag(of), PROMO_REGRESSORS, recipe.grid), recipe.grid, folds, specs).yhat

    def origins() -> list[Fold]:
        made = folds_of(Material(weeks), recipe)
        return made if has_own_past else [replace(fold, known=None) for fold in made]

    folds = origins()
    if has_own_past:
        scored(weeks, [replace(SHAPES[0], n_changepoints=10)], folds)
    else:
        scored(others, SHAPES, folds)
    together = scored(weeks, SHAPES, folds)
    for row, spec in zip(together, SHAPES, strict=True):
        np.testing.assert_array_equal(row, scored(weeks, [spec], origins())[0])


@pytest.mark.parametrize("tune", ["fast", "full"])
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.slow
def test_later_weeks_choose_no_earlier_setting(tune: str, seed: int) -> None:
    """Other sales in the last 12 weeks, those of the backtest, leave the settings chosen before them as they are."""
    weeks = generated(100, seed)
    changed = weeks.assign(y=weeks["y"].where(np.arange(100) < 88, 5 * weeks["y"]))
    first, second = (tuned(Material(frame), recipe_of(weeks, tune=tune)) for frame in (weeks, changed))
    assert first.earlier == second.earlier
    assert first.report != second.report


def test_unknown_late_weeks_leave_the_early_ones_to_choose_by() -> None:
    """Nothing known of the backtest's 12 weeks: the three origins before them still choose."""
    weeks = generated(100)
    weeks.loc[88:, "y"] = np.nan
    choice = tuned(Material(with_lag(weeks)), recipe_of(weeks))
    assert choice.report["origins"] == 3
    assert choice.earlier == choice.final


def test_a_mean_is_taken_where_it_pays() -> None:
    """Two settings that err to either side, and one that is always right at 10: alone it does better."""
    swing = np.array([12.0, 8.0, 12.0])
    yhat = np.stack([swing, 20 - swing, np.full(3, 10.0)])[:, :, None]
    right = np.full((3, 1), 10.0)
    assert _average_pays(Scores([ModelSpec()] * 2, yhat[:2], right), [0, 1, 2], 2)
    assert not _average_pays(
        Scores([ModelSpec()] * 3, yhat + np.array([[[0.0]], [[0.5]], [[0.0]]]), right), [0, 1, 2], 3
    )


def test_the_best_have_the_least_error() -> None:
    """Sold 10 and 10; settings say 12 8, 10 11, 10 nothing known: errors 4, 1 and 10."""
    yhat = np.array([[[12.0, 8.0]], [[10.0, 11.0]], [[10.0, 0.0]]])
    scores = Scores([ModelSpec()] * 3, yhat, np.array([[10.0, 10.0]]))
    assert scores.best(2, [0]) == [1, 0]
    assert scores.wape([1], [0]) == 1 / 20
    assert scores.wape([0, 1], [0]) == pytest.approx((1 + 0.5) / 20)
    assert Scores([ModelSpec()], yhat[:1], np.array([[0.0, np.nan]])).wape([0], [0]) is None


def test_what_settings_do_elsewhere_counts_beside_the_own_weeks() -> None:
    """Off by 20 % here and 30 % elsewhere against 10 and 60: the first; without others, or too few, the second."""
    scores = Scores([ModelSpec()] * 2, np.array([[[12.0]], [[11.0]]]), np.array([[10.0]]))
    assert scores.best(1, [0], (0.3, 0.6)) == [0]
    assert scores.best(1, [0]) == [1]
    one = Errors(np.array([30.0, 60.0]), 100.0, np.array([20.0, np.nan]), 100.0)
    assert pooled([one, None] * 9) == Elsewhere()
    assert pooled([one] * 10) == Elsewhere((0.3, 0.6), (0.2, np.inf))


def test_settings_do_elsewhere_what_they_did_before_the_backtest() -> None:
    """A choice by the early origins leans on the early ones of the others alone."""
    weeks = generated(100)
    recipe, material = recipe_of(weeks), Material(weeks)
    errors = tuning_errors(ARTICLE, material, recipe)
    late = tuning_errors(ARTICLE, Material(weeks.assign(y=weeks["y"].where(np.arange(100) < 88, 9.0))), recipe)
    assert errors is not None
    assert late is not None
    np.testing.assert_array_equal(errors.earlier, late.earlier)
    assert (errors.every != late.every).any()
    assert tuning_errors(ARTICLE, Material(weeks.tail(30)), recipe) is None


def test_promotions_that_make_the_backtest_worse_are_damped() -> None:
    """Off by 5 with the usual effects: by 4 with smaller ones pays, by 4.9 may be luck."""
    scores = Scores([ModelSpec()] * 3, np.array([[[15.0]], [[14.0]], [[14.9]]]), np.array([[10.0]]))
    assert _damping_pays(scores, [0], [1], [0])
    assert not _damping_pays(scores, [0], [2], [0])
    assert damped(ModelSpec()).promo_prior_scale < ModelSpec().promo_prior_scale / 2


def test_a_setting_without_a_number_is_the_worst() -> None:
    """NaN and infinity never count as no error; a week whose sales are not known does not count at all."""
    yhat = np.array([[[np.nan, 1.0]], [[np.inf, 1.0]], [[500.0, 1.0]]])
    assert Scores([ModelSpec()] * 3, yhat, np.array([[10.0, np.nan]])).best(1, [0]) == [2]


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
    folds = folds_of(Material(weeks), recipe)[-3 - MIN_FOLDS + 1 :]
    known = window(with_lag(weeks), PROMO_REGRESSORS, recipe.grid)
    choice = choose(known, recipe.grid, folds, ModelSpec(), "fast", 3, 3)
    assert (choice.final, choice.earlier, choice.report) == ([ModelSpec()], [ModelSpec()], {})


@pytest.mark.slow
def test_full_tuning_looks_further() -> None:
    """900 settings, the default and the neighbours of the best; it does no worse than fast on the origins it sees."""
    weeks = generated(100)
    full, fast = (
        tuned(Material(weeks), recipe_of(weeks, tune=tune, tune_average=1)).report for tune in ("full", "fast")
    )
    assert full["settings"] >= 900
    assert full["wape"] <= fast["wape_default"]
    assert full["wape_default"] == pytest.approx(fast["wape_default"])


def test_the_card_tells_how_settings_were_chosen() -> None:
    """Grid, origins, scores; the settings of each model that is averaged; all of it comes back from the file."""
    weeks = generated(100).assign(returns_quantity=0.0)
    trained = train(ARTICLE, Material(weeks), recipe_of(weeks))
    stored = loads(trained.stored.payload)
    assert [model.spec.as_dict() for model in stored.models] == stored.card.hyperparameters
    assert len(stored.models) in (1, 3)
    assert len(stored.card.tuning["wape_each"]) == len(stored.models)
    assert stored.card.tuning["stopped_fits"] == 0
    assert stored.card.is_converged
    assert {key: stored.card.tuning[key] for key in ("grid", "settings", "origins")} == {
        "grid": "fast", "settings": 44, "origins": 6
    }  # fmt: skip
    assert stored.card.tuning["wape"] <= stored.card.tuning["wape_default"]
    assert stored.card.recipe == recipe_of(weeks).plan.as_dict()


def test_a_growing_business_is_not_forecast_by_its_mean() -> None:
    """Sales that double in a year: the tuned forecast of the last four weeks is nearer than the untuned one."""
    weeks = generated(110)
    weeks = with_lag(weeks.assign(y=weeks["y"] * np.exp(np.arange(110) / 75)))
    past = weeks.iloc[:-4]
    errors = {}
    for tune in ("off", "fast"):
        recipe = recipe_of(weeks, tune=tune)
        models = loads(train(ARTICLE, Material(past), recipe).stored.payload).models
        targets = [ds.date() for ds in weeks["ds"].iloc[-4:]]
        rows = [
            roll_forward(model, future_frame(past, targets), last_known(past), seed=1, n_paths=0)["yhat"]
            for model in models
        ]
        errors[tune] = float((pd.concat(rows, axis=1).mean(axis=1) - weeks["y"].iloc[-4:].to_numpy()).abs().sum())
    assert errors["fast"] < errors["off"]
    assert errors["fast"] < 0.25 * weeks["y"].iloc[-4:].sum()
