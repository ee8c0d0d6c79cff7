"""A stored model fitted anew in memory: its own settings, today's sales, responses to promotions and holidays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd

from skucast.core.declared import Regressor
from skucast.core.errors import ModelError, SkucastError
from skucast.core.weeks import anchor_of
from skucast.forecast.artifact import AGAIN, StoredModel
from skucast.forecast.cards import ModelCard
from skucast.forecast.families import names_kept, regressors_with
from skucast.forecast.prophet.design import WeekGrid
from skucast.forecast.prophet.fit import with_interval_scale
from skucast.forecast.prophet.model import FittedModel
from skucast.forecast.prophet.spec import LAG
from skucast.forecast.training import HOLIDAYS_AHEAD, fitted
from skucast.regressors.built_in import families_of
from skucast.regressors.responses import Response


@dataclass(frozen=True)
class Newest:
    """What one combination's model is fitted anew to: all its weeks, and the response to promotions that they tell.

    `weeks` have the columns of the weather where that is on, and those of the `declared` regressors; `grid` has the
    weeks and the holidays of its unit.
    """

    weeks: pd.DataFrame
    response: Response | None
    grid: WeekGrid
    grain: str
    declared: tuple[Regressor, ...] = ()


def refreshed(stored: StoredModel, newest: Newest) -> StoredModel:
    """Return the model as a training of today by its settings would make it; card and version stay.

    How wide its intervals are is kept too: the backtest that told it fitted anew at each of its origins.

    Raises:
        ModelError: it cannot be: other weeks or sales than it was trained on, weather that is off, no fit.
    """
    _check(stored, newest)
    first = stored.models[0]
    response = newest.response if first.promo_response else None
    specs = [model.spec for model in stored.models]
    engine = stored.card.recipe.get("engine", "map")
    try:
        regressors = regressors_with(names_kept(stored.card.backtest), families_of(newest.declared))
        models = fitted(newest.weeks, specs, regressors, response, newest.grid, engine, newest.declared)
    except SkucastError as error:
        raise ModelError(str(error)) from None
    models = [with_interval_scale(model, first.interval_scale, first.interval_growth) for model in models]
    if not all(map(_is_finite, models)):
        raise ModelError(f"the fit is not finite; {AGAIN}")
    return replace(stored, models=tuple(models), status="refreshed", stored=stored)


def holidays_end(card: ModelCard) -> date:
    """Return the last week whose holidays the model knows."""
    return card.cutoff_date + HOLIDAYS_AHEAD


def _check(stored: StoredModel, newest: Newest) -> None:
    """Refuse a model that today's weeks are not the continuation of, and one that asks for more than is known.

    Raises:
        ModelError: saying why.
    """
    card = stored.card
    if "converted" in card.recipe:
        raise ModelError("it was converted from the old system, and forecasts as it did there")
    families = families_of(newest.declared)
    known = {name for family in families for name in family.columns}
    if {each.name for model in stored.models for each in model.regressors} - {*known, LAG}:
        raise ModelError("it needs what is not known")
    last = newest.weeks["ds"].iloc[-1].date()
    if anchor_of(card.cutoff_date) != anchor_of(last):
        raise ModelError(f"it is of weeks that end on {anchor_of(card.cutoff_date)}, these end on {anchor_of(last)}")
    grain = card.recipe.get("sales_grain", newest.grain)
    if grain != newest.grain:
        raise ModelError(f"it was trained on sales by {grain}, SALES_GRAIN is {newest.grain}")
    kept = names_kept(card.backtest)
    for family in families:
        if family.is_built_in and family.name in kept and not set(family.values) <= set(newest.weeks):
            raise ModelError(f"it knows the {family.name}, which is off")


def knows_weather(card: ModelCard) -> bool:
    """Return whether weather was kept when the model was trained."""
    return "weather" in names_kept(card.backtest)


def _is_finite(model: FittedModel) -> bool:
    weights = [*(each.beta for each in model.holidays), *(each.beta for each in model.regressors)]
    numbers = [model.k, model.m, model.sigma_obs, *model.delta, *model.yearly, *weights]
    return bool(np.isfinite(numbers).all())
