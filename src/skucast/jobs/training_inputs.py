"""What a training begins with: the recipe of the run, the live models, and which combinations need none."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from skucast.backends.store.protocol import Live, ModelStore
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import Combination
from skucast.core.declared import as_text
from skucast.core.errors import ModelError, ModelNotFound
from skucast.core.weeks import anchor_of
from skucast.forecast.artifact import StoredModel
from skucast.forecast.prophet.spec import RESPONSE_PRIOR_SCALE, ModelSpec
from skucast.forecast.short import choose
from skucast.forecast.trainable import SHORT_HISTORY
from skucast.forecast.training import Recipe, TrainingPlan, make_recipe
from skucast.jobs.calendars import calendars_of, warn_of_events
from skucast.jobs.inputs import Inputs
from skucast.jobs.registry import Row, as_rows, combination_of, latest
from skucast.jobs.stored_models import kept_version, model_in
from skucast.regressors.declared import declared_of
from skucast.runtime.settings import Settings

NOT_COMPARED = "not compared"
"""How the reason begins of a model that was replaced without a comparison."""

SEEN_LATER = "the stored model has seen weeks after"
"""How the reason begins of a live model that stays because a training for a day of the past knows less."""

DECIDED = "; decided by an earlier run"
"""How the reason ends of a model that is kept without being compared again."""

OF_THE_RUN = ("run_id", "created_at")


def recipe_of(settings: Settings, warehouse: Warehouse, inputs: Inputs) -> Recipe:
    """Return the recipe that these settings ask for, of the whole history.

    Raises:
        InputError: HOLIDAY_CALENDAR or a location cannot be understood.
    """
    spec = ModelSpec(
        seasonality_mode=settings.seasonality_mode,
        changepoint_prior_scale=settings.changepoint_prior_scale,
        promo_prior_scale=RESPONSE_PRIOR_SCALE,
    )
    declared = declared_of(settings.regressors)
    units = sorted(inputs.history.weeks["unit"].unique())
    calendars = calendars_of(settings, warehouse, units)
    warn_of_events(settings, units)
    plan = TrainingPlan(
        spec=spec,
        engine=settings.engine,
        tune=settings.tune,
        tune_origins=settings.tune_origins,
        tune_average=settings.tune_average,
        backtest_origins=settings.backtest_origins,
        horizon_weeks=settings.horizon_weeks,
        holiday_country=settings.holiday_country,
        weather=settings.weather,
        holiday_subdivision=settings.holiday_subdivision,
        holiday_calendar=calendars.usual.digest,
        week_anchor=settings.week_anchor,
        with_evidence=settings.forecaster == "blend",
        sales_grain=settings.sales_grain,
        naive_evidence=settings.naive_evidence,
        regressors=as_text(declared),
    )
    first, last = inputs.history.weeks["ds"].min().date(), inputs.history.data_cutoff
    made = make_recipe(plan, settings.clock, first, last, calendars.usual.events, calendars.by_unit)
    return replace(made, declared=declared)


def readable(combination: Combination, found: Live | ModelError) -> StoredModel | None:
    """Return the live model; None where there is none, or none of this combination that can be read."""
    live = model_in(combination, found)
    return live if isinstance(live, StoredModel) else None


def why_not_compared(found: Live | ModelError, live: StoredModel | None, recipe: Recipe, grain: str) -> str | None:
    """Return why the settings of what is stored tell nothing of what to do; None if they do, or nothing is there.

    `live` is what can be read of `found`. Settings of another target, grid, engine or calendar are compared: fitted by
    this recipe, to this history.
    """
    if isinstance(found, ModelNotFound):
        return None
    if live is None:
        return "the stored file cannot be used"
    if anchor_of(live.card.cutoff_date) != anchor_of(recipe.cutoff):
        return f"the stored model is of weeks that end on {anchor_of(live.card.cutoff_date)}"
    if live.card.recipe.get("sales_grain", grain) != grain:
        return f"the stored model was trained on sales by {live.card.recipe['sales_grain']}"
    if has_seen_later(live, recipe, grain):
        return f"{SEEN_LATER} {recipe.cutoff}"
    return None


def has_seen_later(live: StoredModel | None, recipe: Recipe, grain: str) -> bool:
    """Return whether the live model, of the same weeks and grain, knows weeks that this training does not."""
    if live is None or anchor_of(live.card.cutoff_date) != anchor_of(recipe.cutoff):
        return False
    return live.card.recipe.get("sales_grain", grain) == grain and live.card.cutoff_date > recipe.cutoff


def is_beside(store: ModelStore, combination: Combination, recipe: Recipe) -> bool:
    """Return whether a model of this cutoff by this plan is kept beside the live one."""
    of_the_day = [each for each in store.versions(combination) if each[:10] == str(recipe.cutoff)]
    kept = (kept_version(store, combination, version) for version in of_the_day)
    return any(isinstance(each, StoredModel) and is_current(each, recipe) for each in kept)


def is_current(live: StoredModel | None, recipe: Recipe) -> bool:
    """Return whether the live model was trained on this cutoff by this plan."""
    return live is not None and live.card.cutoff_date == recipe.cutoff and recipe.plan.made(live.card)


def request_of(settings: Settings, recipe: Recipe) -> str:
    """Return the digest of what a training asks for: how models are made, and when the live one is kept."""
    asked = {**recipe.plan.as_dict(), "max_worse": settings.max_worse, "only_if_better": settings.only_if_better}
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()[:16]


def kept_rows(recorded: pd.DataFrame) -> dict[Combination, Row]:
    """Return the newest of these rows of the registry that say of a combination that its live model was kept."""
    rows = as_rows(latest(recorded[(recorded["outcome"] == "kept") & recorded["request"].notna()]))
    return {combination_of(row): row for row in rows}


def kept_again(before: Row | None, live: StoredModel | None, request: str) -> Row | None:
    """Return the row of a combination whose live model has won at this cutoff by the same request; None if it has not.

    Nothing would come out but the same: what is live, the recipe and the rule are what they were.
    """
    if before is None or live is None or (before["model_version"], before["request"]) != (live.version, request):
        return None
    reason = str(before["reason"]).removesuffix(DECIDED)
    return {name: value for name, value in before.items() if name not in OF_THE_RUN} | {"reason": f"{reason}{DECIDED}"}


def evidence_left(live: StoredModel | None, recipe: Recipe) -> Mapping[str, list[float]]:
    """Return what an earlier training by the same plan, that knew no more than this one, has left of past origins."""
    if live is None or not recipe.plan.made(live.card) or live.card.cutoff_date > recipe.cutoff:
        return {}
    return live.card.evidence


def stand_in(reason: str, weeks: pd.DataFrame, recipe: Recipe) -> dict[str, Any]:
    """Return what the registry keeps of a history too short for a model: what forecasts it, and its past errors."""
    if not reason.startswith(SHORT_HISTORY):
        return {}
    chosen = choose(weeks["y"].to_numpy(dtype="float64"), recipe.plan.horizon_weeks)
    return {"n_weeks": int(weeks["y"].notna().sum()), "tuning": json.dumps(chosen.as_dict())}
