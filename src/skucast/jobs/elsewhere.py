"""What one combination's training leans on of the others: responses to promotions, and how well settings did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import Combination
from skucast.core.run import Run
from skucast.forecast.prophet.elsewhere import LEAST_ELSEWHERE, pooled
from skucast.forecast.trainable import skip_reason
from skucast.forecast.training import Material, Recipe, backtest_origins, tuning_errors
from skucast.jobs.inputs import Inputs
from skucast.jobs.known_ahead import archives
from skucast.regressors.future import Archive
from skucast.regressors.responses import responses_at
from skucast.regressors.weather import WeatherOutlook
from skucast.runtime.outcome import run_each
from skucast.runtime.settings import Settings
from skucast.sales.history import History

SAMPLE = 40
"""Combinations that tell how well settings do elsewhere: some three seconds of one core."""


def sample_of(history: History) -> list[Combination]:
    """Return some combinations of the whole history, evenly placed: the same in every task and for every target."""
    every = history.combinations
    return every[:: max(1, -(-len(every) // SAMPLE))]


def known_at_origins(
    settings: Settings, warehouse: Warehouse, run: Run, inputs: Inputs, recipe: Recipe, outlook: WeatherOutlook | None
) -> dict[Combination, Archive]:
    """Return what was known of the wanted combinations and of the sample at past origins, and of responses now."""
    history, origins = inputs.history, backtest_origins(recipe)
    asked = sorted({*inputs.wanted, *sample_of(history)})
    known = archives(settings, warehouse, run, history, asked, origins, recipe.plan.backtest_weeks, outlook)
    responses = responses_at(history.weeks, [*origins, recipe.cutoff])
    return {each: replace(archive, responses=responses[each]) for each, archive in known.items()}


def with_elsewhere(
    settings: Settings, recipe: Recipe, history: History, known: Mapping[Combination, Archive]
) -> Recipe:
    """Return the recipe with how well each setting did for the sample; as it is where too few say something."""
    sample = sample_of(history)
    if recipe.plan.tune != "fast" or len(sample) < LEAST_ELSEWHERE:
        return recipe
    items = [
        (each, Material(weeks, known[each]))
        for each, weeks in history.split(sample)
        if skip_reason(weeks, settings.min_history_weeks, settings.inactive_after_weeks) is None
    ]
    outcomes = run_each(items, partial(tuning_errors, recipe=recipe), what="compare settings", pool=settings.pool)
    found = {each.combination: each.value for each in outcomes}
    return replace(recipe, elsewhere=pooled([found[each] for each in sorted(found)]))
