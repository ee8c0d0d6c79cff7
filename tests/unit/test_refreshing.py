"""A stored model fitted anew in memory: what a training of today by its settings would make, or a reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF, sunday
from stubs import plan, weeks_of

from skucast.core.combination import Combination
from skucast.core.errors import ModelError
from skucast.core.weeks import WEEK, WeekClock
from skucast.forecast.artifact import StoredModel, as_stored, loads
from skucast.forecast.prophet.fit import with_interval_scale
from skucast.forecast.prophet.model import FittedModel
from skucast.forecast.prophet.rollout import roll_forward
from skucast.forecast.prophet.spec import ModelSpec
from skucast.forecast.refreshing import Newest, holidays_end, refreshed
from skucast.forecast.training import Material, Recipe, fitter, make_recipe, train
from skucast.regressors.future import Archive
from skucast.regressors.responses import Response
from skucast.regressors.weather import WEATHER_REGRESSORS

ARTICLE = Combination("Пермь", "KA", "A1")
N_WEEKS, AGE = 90, 10
THEN = CUTOFF - AGE * WEEK
RESPONSES = {THEN: Response((0.0, 0.1, 0.2, 0.3, 0.4, 0.5)), CUTOFF: Response((0.0, 0.2, 0.3, 0.4, 0.5, 0.6))}


def weeks(n_weeks: int = N_WEEKS) -> pd.DataFrame:
    """Return weeks around 100 up to the cutoff, every seventh with a promotion that sells half as much again."""
    random = np.random.default_rng(4)
    promo = np.where(np.arange(n_weeks) % 7 == 0, 25.0, 0.0)
    y = (100 + random.normal(0, 10, n_weeks)) * (1 + promo / 50)
    return weeks_of(y).assign(promo_discount_perc=promo, promo_days=np.where(promo > 0, 7.0, 0.0))


def recipe_of(cutoff: date) -> Recipe:
    """Return the recipe of a training on that week."""
    return make_recipe(plan(), WeekClock(), weeks()["ds"].iloc[0].date(), cutoff)


def trained(cutoff: date = THEN, responses: Mapping[date, Response] = RESPONSES) -> StoredModel:
    """Return the model of a training on that week, as it comes out of a store."""
    known = weeks()[lambda rows: rows["ds"] <= pd.Timestamp(cutoff)]
    return loads(train(ARTICLE, Material(known, Archive(responses=responses)), recipe_of(cutoff)).stored.payload)


def newest(**changed: object) -> Newest:
    """Return today's weeks and what they tell."""
    return replace(Newest(weeks(), RESPONSES[CUTOFF], recipe_of(CUTOFF).grid, "day"), **changed)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def old() -> StoredModel:
    """Return a model that was trained ten weeks ago."""
    return trained()


def numbers(model: FittedModel) -> list[float]:
    """Return all that was fitted."""
    weights = [*(each.beta for each in model.holidays), *(each.beta for each in model.regressors)]
    return [model.k, model.m, model.sigma_obs, *model.delta, *model.yearly, *weights]


def test_it_is_the_model_that_a_training_of_today_by_its_settings_makes(old: StoredModel) -> None:
    """Numbers and forecast agree within 1e-9; card and version are those of the file, and it says what it is."""
    found, today = refreshed(old, newest()), trained(CUTOFF)
    np.testing.assert_allclose(numbers(found.models[0]), numbers(today.models[0]), rtol=1e-9, atol=1e-9)
    assert found.models[0].promo_response == today.models[0].promo_response
    ds = pd.date_range(CUTOFF, periods=5, freq="W-SUN")[1:].astype("datetime64[us]")
    coming = pd.DataFrame({"ds": ds, "promo_response": [0.4, 0, 0, 0], "promo_response_before": [0, 0.4, 0, 0]})
    rolled = [roll_forward(each.models[0], coming, 100.0, seed=1, n_paths=100)["yhat"] for each in (found, today)]
    np.testing.assert_allclose(rolled[0], rolled[1], rtol=1e-9)
    assert (found.status, found.version, found.card) == ("refreshed", old.version, old.card)


def test_the_width_of_its_intervals_is_that_of_its_card(old: StoredModel) -> None:
    """Scale and growth, which a backtest has told, are kept."""
    wide = replace(old, models=(with_interval_scale(old.models[0], 1.75, 0.2),))
    model = refreshed(wide, newest()).models[0]
    assert (model.interval_scale, model.interval_growth) == (1.75, 0.2)


def test_every_model_of_an_average_is_fitted_by_its_own_settings(old: StoredModel) -> None:
    """Two settings averaged are two settings again."""
    specs = [ModelSpec(), ModelSpec(changepoint_prior_scale=0.01, yearly_order=3)]
    known = weeks()[lambda rows: rows["ds"] <= pd.Timestamp(THEN)]
    models = fitter(recipe_of(THEN), specs, responses=RESPONSES)(known)
    found = refreshed(replace(old, models=tuple(models)), newest())
    assert [model.spec for model in found.models] == specs
    wanted = fitter(recipe_of(CUTOFF), specs, responses=RESPONSES)(weeks())
    assert [numbers(model) for model in found.models] == [numbers(model) for model in wanted]


def test_a_model_by_depth_and_days_stays_one() -> None:
    """A file of before responses were told: promotions enter as they did."""
    model = refreshed(trained(responses={}), newest()).models[0]
    assert model.promo_response == ()
    assert [each.name for each in model.regressors] == ["promo_discount_perc", "promo_days", "y_lag1"]


def test_it_knows_the_holidays_of_today(old: StoredModel) -> None:
    """104 weeks from today, by the calendar that the unit has today."""
    assert holidays_end(old.card) == THEN + 104 * WEEK
    first = weeks()["ds"].iloc[0].date()
    here = make_recipe(plan(holiday_country="KZ"), WeekClock(), first, CUTOFF)
    found = refreshed(old, newest(grid=here.grid)).models[0]
    assert "Nowruz Holiday" in {each.name for each in found.holidays} - {each.name for each in old.models[0].holidays}
    assert max(max(each.shares) for each in found.holidays) > str(holidays_end(old.card) - 8 * WEEK)


def test_weather_is_kept_as_the_card_says(old: StoredModel) -> None:
    """A model with weather gets today's, each regressor once; one that has dropped it stays without."""
    random = np.random.default_rng(2)
    observed = weeks().assign(**{name: random.normal(0, 1, N_WEEKS) for name in WEATHER_REGRESSORS})
    with_it = replace(old, card=replace(old.card, backtest={**old.card.backtest, "weather": "kept"}))
    names = [each.name for each in refreshed(with_it, newest(weeks=observed)).models[0].regressors]
    assert names == ["promo_response", "promo_response_before", *WEATHER_REGRESSORS, "y_lag1"]
    without = refreshed(old, newest(weeks=observed)).models[0].regressors
    assert not {each.name for each in without} & set(WEATHER_REGRESSORS)
    with pytest.raises(ModelError, match="it knows the weather, which is off"):
        refreshed(with_it, newest())


def test_a_model_of_other_weeks_or_of_other_sales_is_not_refreshed(old: StoredModel) -> None:
    """Weeks that end on another day, sales by week: said, not fitted."""
    saturday = replace(old, card=replace(old.card, cutoff=str(THEN - pd.Timedelta(days=1))[:10]))
    with pytest.raises(ModelError, match="weeks that end on SAT, these end on SUN"):
        refreshed(saturday, newest())
    by_week = replace(old, card=replace(old.card, recipe={**old.card.recipe, "sales_grain": "week"}))
    with pytest.raises(ModelError, match="trained on sales by week, SALES_GRAIN is day"):
        refreshed(by_week, newest())


def test_a_converted_model_forecasts_as_it_did_in_the_old_system(old: StoredModel) -> None:
    """That is what it was converted for: its settings are not ours."""
    converted = replace(old, card=replace(old.card, recipe={"converted": "sha256 0123456789ab"}))
    with pytest.raises(ModelError, match="converted from the old system"):
        refreshed(converted, newest())


def test_weeks_that_cannot_be_fitted_leave_the_stored_model(old: StoredModel) -> None:
    """Too few known weeks: a reason, and the model of the store under its own name."""
    few = weeks().assign(y=weeks()["y"].where(weeks()["ds"] > pd.Timestamp(sunday(5))))
    with pytest.raises(ModelError, match="known weeks"):
        refreshed(old, newest(weeks=few))
    found = as_stored(refreshed(old, newest()))
    assert (found.models, found.status, found.stored) == (old.models, "stale", None)
