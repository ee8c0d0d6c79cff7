"""Training of one combination: honest backtest, final fit on all weeks, model card."""

from __future__ import annotations

import dataclasses
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version

import pandas as pd

from skucast.backtest import backtest, interval_scale, score_by_step
from skucast.combination import Combination
from skucast.engine.artifact import ModelCard, StoredPayload, dumps
from skucast.engine.cmdstan import fit
from skucast.engine.model import FittedModel, ModelSpec
from skucast.history import is_inactive, with_lag
from skucast.regressors.holidays import holiday_weeks, seen_twice
from skucast.regressors.promotions import PROMO_REGRESSORS
from skucast.weeks import WEEK, WeekClock

HOLIDAYS_AHEAD = 104 * WEEK
"""How far past the cutoff a model knows its holidays."""


@dataclass(frozen=True)
class Recipe:
    """How models are trained in one run; the same for every combination."""

    spec: ModelSpec
    clock: WeekClock
    cutoff: date
    holidays: pd.DataFrame
    holiday_country: str
    horizon_weeks: int
    backtest_origins: int


@dataclass(frozen=True)
class Trained:
    """A trained model ready to be stored, its card, and the seconds of the final fit."""

    stored: StoredPayload
    card: ModelCard
    fit_s: float


def make_recipe(
    spec: ModelSpec, clock: WeekClock, first: date, cutoff: date, country: str, horizon_weeks: int, origins: int
) -> Recipe:
    """Return the recipe of a run whose history reaches from week `first` to the cutoff."""
    holidays = holiday_weeks(country, first, cutoff + HOLIDAYS_AHEAD, clock)
    return Recipe(spec, clock, cutoff, holidays, country, horizon_weeks, origins)


def skip_reason(weeks: pd.DataFrame, min_history_weeks: int, inactive_after_weeks: int) -> str | None:
    """Return why a combination gets no model, or None if it gets one."""
    known = int(weeks["y"].notna().sum())
    if is_inactive(weeks, inactive_after_weeks):
        return f"inactive: nothing sold for {inactive_after_weeks} weeks"
    if known < min_history_weeks:
        return f"short history: {known} known weeks, {min_history_weeks} are needed"
    return None


def train(combination: Combination, weeks: pd.DataFrame, recipe: Recipe) -> Trained:
    """Return the model of one combination, fitted on all its weeks, with the score of its backtest in the card.

    Raises:
        FitError: the history cannot be fitted.
    """
    scored = backtest(weeks, fit_recipe(recipe), recipe.horizon_weeks, recipe.backtest_origins)
    started = time.perf_counter()
    model = dataclasses.replace(fit_recipe(recipe)(weeks), interval_scale=interval_scale(scored))
    fit_s = time.perf_counter() - started
    card = ModelCard(
        combination=str(combination),
        cutoff=str(recipe.cutoff),
        first_week=str(weeks["ds"].iloc[0].date()),
        n_weeks=model.n_weeks,
        hyperparameters=recipe.spec.as_dict(),
        dropped_regressors=list(model.dropped_regressors),
        backtest=score_by_step(scored),
        holiday_country=recipe.holiday_country,
        week_anchor=recipe.clock.anchor,
        versions={"python": platform.python_version(), **{name: version(name) for name in ("prophet", "holidays")}},
    )
    return Trained(dumps(model, card), card, fit_s)


def fit_recipe(recipe: Recipe) -> Callable[[pd.DataFrame], FittedModel]:
    """Return the function that fits one combination's weeks by the recipe."""

    def fit_weeks(weeks: pd.DataFrame) -> FittedModel:
        first, last = weeks["ds"].iloc[0], weeks["ds"].iloc[-1]
        holidays = seen_twice(recipe.holidays[recipe.holidays["ds"] >= first], last)
        return fit(with_lag(weeks), PROMO_REGRESSORS, holidays, recipe.spec)

    return fit_weeks
