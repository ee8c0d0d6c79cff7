"""Training of one combination: settings chosen, honest backtest, final fit on all weeks, model card."""

from __future__ import annotations

import functools
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from importlib.metadata import version
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from skucast.core.combination import Combination
from skucast.core.declared import PREFIX, Regressor
from skucast.core.errors import FitError
from skucast.core.weeks import WEEK, WeekClock
from skucast.forecast.artifact import dumps
from skucast.forecast.backtest import backtest, forecasts_back, interval_scale, origin_ends, score_by_step
from skucast.forecast.cards import ModelCard
from skucast.forecast.champion import Champion, Comparison, compared
from skucast.forecast.evidence import EVERY, evidence_origins
from skucast.forecast.families import with_those_that_pay
from skucast.forecast.naive import best_naive
from skucast.forecast.plain import StoredPayload
from skucast.forecast.prophet.design import MIN_WEEKS, Floats, WeekGrid, Window, week_grid, window
from skucast.forecast.prophet.elsewhere import NOTHING_ELSEWHERE, Elsewhere, Errors
from skucast.forecast.prophet.fit import Engine, fit_window, with_interval_scale, with_response
from skucast.forecast.prophet.model import FittedModel
from skucast.forecast.prophet.spec import LAG, ModelSpec
from skucast.forecast.prophet.tuning import (
    Choice,
    Fold,
    Tune,
    choose,
    errors_of,
    forecasts_at,
)
from skucast.regressors.built_in import ALWAYS, REGRESSORS, families_of
from skucast.regressors.calendars import Calendar
from skucast.regressors.declared_values import declared_columns
from skucast.regressors.future import NO_ARCHIVE, Archive, ahead_at, last_known
from skucast.regressors.holidays import Event, holiday_weeks, moved_days
from skucast.regressors.promotions import PROMO_REGRESSORS
from skucast.regressors.responses import Response, responded
from skucast.sales.columns import Columns, Weeks, columns_of, cut, days, last_day, numbers
from skucast.sales.history import lagged

HOLIDAYS_AHEAD = 104 * WEEK
"""How far past the cutoff a model knows its holidays."""

BACKTEST_WEEKS = (4, 8)
"""Fewest and most weeks ahead that an origin is scored: an interval is calibrated even where one week is forecast."""

INTERVAL_GROWTH = 0.1
"""Exponent of the step by which errors grow faster than the simulated paths spread; see docs/decisions/0030."""


def backtest_weeks_of(horizon_weeks: int) -> int:
    """Return how many weeks ahead an origin is scored where so many are forecast."""
    return int(np.clip(horizon_weeks, *BACKTEST_WEEKS))


@dataclass(frozen=True)
class TrainingPlan:
    """What training is asked for; models trained with another plan are not current.

    up to `tune_average` settings are averaged; `tune_origins` origins beside the `backtest_origins` choose them.
    `holiday_calendar` is the digest of the local events; `with_evidence` asks for forecasts at past origins, by which
    components are blended. `naive_evidence` is by how many standard errors a naive method must be better than a model
    to forecast instead. `regressors` are the declared ones as text, empty without any.
    """

    spec: ModelSpec
    engine: Engine
    tune: Tune
    tune_origins: int
    tune_average: int
    backtest_origins: int
    horizon_weeks: int
    holiday_country: str
    holiday_subdivision: str
    holiday_calendar: str
    weather: bool
    week_anchor: str
    with_evidence: bool = False
    sales_grain: str = "day"
    naive_evidence: float = 3.0
    regressors: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the plan as plain builtins; that nothing is declared is not said, as in cards of before."""
        return {name: value for name, value in asdict(self).items() if name != "regressors" or value}

    def made(self, card: ModelCard) -> bool:
        """Return whether the card's model was trained by this plan; what cards of before do not say is as it is now."""
        untold = {"sales_grain": self.sales_grain, "naive_evidence": self.naive_evidence}
        return {**untold, **card.recipe} == self.as_dict()

    @property
    def backtest_weeks(self) -> int:
        """Weeks ahead that an origin is scored."""
        return backtest_weeks_of(self.horizon_weeks)


@dataclass(frozen=True)
class Recipe:
    """The plan of one run with what all its combinations share: the cutoff, and the grid of weeks and holidays.

    `by_unit` has the recipes of the units with a calendar of their own: the same but for holidays. `elsewhere` tells
    how well the settings to choose from did for a sample of combinations. `declared` are further regressors.
    """

    plan: TrainingPlan
    cutoff: date
    grid: WeekGrid
    by_unit: Mapping[str, Recipe] = field(default_factory=dict)
    elsewhere: Elsewhere = NOTHING_ELSEWHERE
    declared: tuple[Regressor, ...] = ()

    def of(self, unit: str) -> Recipe:
        """Return the recipe of a unit."""
        if unit not in self.by_unit:
            return self
        return replace(self.by_unit[unit], elsewhere=self.elsewhere, declared=self.declared)


@dataclass(frozen=True)
class Material:
    """What one combination's model is made of.

    Its weeks, what was known ahead at the origins of its backtest, the evidence that an earlier training by the same
    plan left, and the live model that the new one is to be compared with.
    """

    weeks: pd.DataFrame
    archive: Archive = NO_ARCHIVE
    evidence: Mapping[str, list[float]] = field(default_factory=dict)
    champion: Champion | None = None

    @functools.cached_property
    def numbers(self) -> Columns:
        """Of the weeks the columns that a model knows, as arrays: they are cut at many origins."""
        declared = [str(name) for name in self.weeks if str(name).startswith(PREFIX)]
        return columns_of(self.weeks, ["y", *(name for name in REGRESSORS if name in self.weeks), *declared])


@dataclass(frozen=True)
class Trained:
    """A trained model ready to be stored, its card, the seconds of the final fit, and how it did against the live one.

    What depends on the live model is in no card: equal sales and settings give an equal model. `scored` is the backtest
    that the card sums up, `BACKTEST_COLUMNS`.
    """

    stored: StoredPayload
    card: ModelCard
    fit_s: float
    comparison: Comparison | None = None
    scored: pd.DataFrame | None = None


def make_recipe(
    plan: TrainingPlan,
    clock: WeekClock,
    first: date,
    cutoff: date,
    events: Sequence[Event] = (),
    calendars: Mapping[str, Calendar] = MappingProxyType({}),
) -> Recipe:
    """Return the recipe of a run whose history reaches from week `first` to the cutoff.

    `events` are the plan's; `calendars` those of the units that have another one than the plan.
    """
    others = {
        each: make_recipe(
            replace(
                plan,
                holiday_country=each.country,
                holiday_subdivision=each.subdivision,
                holiday_calendar=each.digest,
            ),
            clock,
            first,
            cutoff,
            each.events,
        )
        for each in set(calendars.values())
    }
    by_unit = {unit: others[each] for unit, each in calendars.items()}
    calendar = Calendar(plan.holiday_country, plan.holiday_subdivision, tuple(events))
    return Recipe(plan, cutoff, grid_of(calendar, clock, first, cutoff), by_unit)


def grid_of(calendar: Calendar, clock: WeekClock, first: date, cutoff: date) -> WeekGrid:
    """Return the weeks from the first one to the last that a model of this cutoff knows, with their holidays."""
    last = cutoff + HOLIDAYS_AHEAD
    given = calendar.country, first, last, clock
    parts = [
        weeks_of(*given, subdivision=calendar.subdivision, events=calendar.events)
        for weeks_of in (holiday_weeks, moved_days)
    ]
    holidays = pd.concat(parts, ignore_index=True)
    return week_grid(np.datetime64(first, "D"), np.datetime64(last, "D"), holidays)


def backtest_origins(recipe: Recipe) -> list[date]:
    """Return the labels of all origins that training looks at, oldest first."""
    plan = recipe.plan
    n = plan.tune_origins + plan.backtest_origins
    tuning = {recipe.cutoff - plan.backtest_weeks * back * WEEK for back in range(n, 0, -1)}
    return sorted(tuning.union(_evidence_origins(recipe)))


def train(combination: Combination, material: Material, recipe: Recipe) -> Trained:
    """Return the model of one combination, fitted on all its weeks, with the score of its backtest in the card.

    Raises:
        FitError: the history cannot be fitted.
    """
    recipe = recipe.of(combination.unit)
    plan, weeks = recipe.plan, material.numbers
    choice = tuned(material, recipe)
    archive = replace(material.archive, declared=recipe.declared)

    def backtested(regressors: Sequence[str]) -> pd.DataFrame:
        fit_weeks = fitter(recipe, choice.earlier, regressors, archive.responses, is_final=False)
        return backtest(weeks, fit_weeks, plan.backtest_weeks, plan.backtest_origins, archive)

    chosen = with_those_that_pay(weeks, archive, backtested, families_of(recipe.declared))
    scale = interval_scale(chosen.scored, INTERVAL_GROWTH)
    started = time.perf_counter()
    fit_weeks = fitter(recipe, choice.final, chosen.regressors, archive.responses)
    models = [with_interval_scale(model, scale, INTERVAL_GROWTH) for model in fit_weeks(weeks)]
    fit_s = time.perf_counter() - started
    card = ModelCard(
        combination=str(combination),
        cutoff=str(recipe.cutoff),
        first_week=str(days(weeks)[0]),
        n_weeks=models[0].n_weeks,
        recipe=plan.as_dict(),
        hyperparameters=[model.spec.as_dict() for model in models],
        dropped_regressors=list(models[0].dropped_regressors),
        is_converged=all(model.is_converged for model in models),
        backtest=score_by_step(chosen.scored) | chosen.said,
        tuning=choice.report,
        versions=_versions(),
        evidence=evidence_of(material, recipe),
        naive=best_naive(weeks, chosen.scored, plan.naive_evidence),
    )

    def forecasts(specs: Sequence[ModelSpec], regressors: Sequence[str]) -> Floats:
        tried = choice.forecast_late(specs) if tuple(regressors) == ALWAYS else None
        if tried is not None and len(tried) == len(chosen.scored):  # tuning has left out no origin
            return tried
        fit_weeks = fitter(recipe, specs, regressors, archive.responses, is_final=False)
        return forecasts_back(weeks, fit_weeks, plan.backtest_weeks, plan.backtest_origins, archive)

    settings = choice.earlier, choice.final
    comparison = compared(material.champion, chosen, *settings, forecasts) if material.champion else None
    return Trained(dumps(models, card), card, fit_s, comparison, chosen.scored)


def tuned(material: Material, recipe: Recipe) -> Choice:
    """Return the settings chosen for one combination.

    Raises:
        FitError: the history cannot be fitted.
    """
    plan = recipe.plan
    known = _window(material.numbers, ALWAYS, recipe.grid, None)
    folds = [] if plan.tune == "off" else folds_of(material, recipe)
    late, average = plan.backtest_origins, plan.tune_average
    return choose(known, recipe.grid, folds, plan.spec, plan.tune, late, average, recipe.elsewhere)


def tuning_errors(combination: Combination, material: Material, recipe: Recipe) -> Errors | None:
    """Return how far each setting was off for a combination of the sample; None where that cannot be told."""
    plan, recipe = recipe.plan, recipe.of(combination.unit)
    try:
        known = _window(material.numbers, ALWAYS, recipe.grid, None)
        return errors_of(known, recipe.grid, folds_of(material, recipe), plan.spec, plan.tune, plan.backtest_origins)
    except FitError:
        return None


def folds_of(material: Material, recipe: Recipe) -> list[Fold]:
    """Return the origins that settings are scored at, oldest first; the last ones are those of the backtest."""
    plan = recipe.plan
    ends = origin_ends(material.numbers, plan.backtest_weeks, plan.tune_origins + plan.backtest_origins)
    return [_fold(material, end, recipe) for end in ends]


def evidence_of(material: Material, recipe: Recipe) -> dict[str, list[float]]:
    """Return what would have been forecast at past origins, by their label: sales per week of each step.

    At each origin the settings are those that did best at the origins before it whose weeks had all passed. Without
    the blend nobody asks for it.
    """
    plan, weeks = recipe.plan, material.numbers
    wanted = evidence_origins(recipe.cutoff, plan.backtest_weeks) if plan.with_evidence else []
    kept = {str(each): material.evidence[str(each)] for each in wanted if str(each) in material.evidence}
    missing = [each for each in wanted if str(each) not in kept]
    if not missing:
        return kept
    labels = days(weeks).tolist()
    origins = [each for each in _evidence_origins(recipe) if each >= missing[0] - plan.tune_origins * EVERY * WEEK]
    n_known = (~np.isnan(weeks["y"])).cumsum()
    ends = {each: labels.index(each) + 1 for each in origins if each in labels}
    usable = {each: end for each, end in ends.items() if n_known[end - 1] > MIN_WEEKS}
    folds = [_fold(material, end, recipe) for end in usable.values()]
    known = _window(weeks, ALWAYS, recipe.grid, None)
    found = forecasts_at(known, recipe.grid, folds, plan.spec, plan.tune, plan.tune_average)
    told = {str(each): yhat for each, yhat in zip(usable, found.tolist(), strict=True) if np.isfinite(yhat).all()}
    return kept | {str(each): told[str(each)] for each in missing if str(each) in told}


def _evidence_origins(recipe: Recipe) -> list[date]:
    """Past origins of the evidence and those before them by which settings are chosen, oldest first."""
    plan = recipe.plan
    if not plan.with_evidence:
        return []
    wanted = evidence_origins(recipe.cutoff, plan.backtest_weeks)
    return [*(wanted[0] - EVERY * back * WEEK for back in range(plan.tune_origins, 0, -1)), *wanted]


def fitter(
    recipe: Recipe,
    specs: Sequence[ModelSpec],
    regressors: Sequence[str] = ALWAYS,
    responses: Mapping[date, Response] = MappingProxyType({}),
    is_final: bool = True,  # noqa: FBT001, FBT002 - said by name
) -> Callable[[Weeks], list[FittedModel]]:
    """Return the function that fits one combination's weeks under each of the settings.

    Promotions enter by the response as it was known after the weeks, where that is told. A model that is not final
    forecasts and is thrown away: it lacks the text of its weeks.
    """

    def fit_weeks(weeks: Weeks) -> list[FittedModel]:
        given = responses.get(last_day(weeks)), recipe.grid, recipe.plan.engine, recipe.declared
        return fitted(weeks, specs, regressors, *given, is_final=is_final)

    return fit_weeks


def fitted(
    weeks: Weeks,
    specs: Sequence[ModelSpec],
    regressors: Sequence[str],
    response: Response | None,
    grid: WeekGrid,
    engine: Engine,
    declared: Sequence[Regressor] = (),
    is_final: bool = True,  # noqa: FBT001, FBT002 - said by name
) -> list[FittedModel]:
    """Return the models of one combination's weeks under each of the settings.

    Raises:
        FitError: the history cannot be fitted.
    """
    known = _window(weeks, regressors, grid, response, declared)
    models = [fit_window(known, grid, spec, engine, with_history=is_final) for spec in specs]
    return [with_response(model, response) for model in models]


@functools.cache
def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in ("prophet", "holidays", "numba")}}


def _window(
    weeks: Weeks,
    regressors: Sequence[str],
    grid: WeekGrid,
    response: Response | None,
    declared: Sequence[Regressor] = (),
) -> Window:
    """The weeks as they are fitted: promotions by their response, or by depth and days where no response is told."""
    known: dict[str, Any] = {"ds": weeks["ds"], "y": weeks["y"], LAG: lagged(weeks["y"])}
    promotions = {name: weeks[name] for name in PROMO_REGRESSORS} if response is None else responded(weeks, response)
    built_in = [name for name in regressors if name in REGRESSORS and name not in PROMO_REGRESSORS]
    others: dict[str, Any] = {name: weeks[name] for name in built_in}
    asked = [each for each in declared if each.column in regressors]
    others |= declared_columns(weeks, asked)
    return window({**known, **promotions, **others}, [*promotions, *others], grid)


def _fold(material: Material, end: int, recipe: Recipe) -> Fold:
    past, coming = cut(material.numbers, 0, end), cut(material.numbers, end, end + recipe.plan.backtest_weeks)
    rows = recipe.grid.rows(days(coming))
    ahead, _ = ahead_at(past, coming, material.archive)
    known = _window(past, ALWAYS, recipe.grid, material.archive.response_after(past))
    regressors = np.column_stack([ahead.regressors[name] for name in known.names if name != LAG])
    y = numbers(coming, "y")
    return Fold(int(rows[0]) - 1, rows, regressors, last_known(past), y, known)
