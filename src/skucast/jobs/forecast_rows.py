"""The rows of a forecast from what a job has read: models, plan, weather, the panel; the same for every caller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY, Combination
from skucast.core.errors import ModelError
from skucast.core.rows import is_about
from skucast.core.run import Run
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.validation import empty
from skucast.core.words import counted
from skucast.forecast.artifact import AGAIN, StoredModel, as_stored
from skucast.forecast.forecasting import Horizon, Peers, Start, forecast_all, start, start_naive, start_without_model
from skucast.forecast.learnt import BLEND
from skucast.forecast.panel.model import PANEL
from skucast.forecast.plausible import ABSURD, BROKEN
from skucast.forecast.published import Shared, absurd_ones, published, rows_without_panel, with_naive
from skucast.jobs.declared import note_known, warn_of_range
from skucast.jobs.inputs import Inputs
from skucast.jobs.known_ahead import plan_of, warn_of_depth, weather_ahead, weather_outlook
from skucast.jobs.models import Models
from skucast.jobs.newcomers import peers_of
from skucast.jobs.others import NOBODY, Others, and_blended, beside, said_by, with_others
from skucast.jobs.panel_files import Files, panel_grid
from skucast.jobs.refresh import with_fresh
from skucast.regressors.future import WeatherWeeks
from skucast.regressors.promotions import Plan, PlannedWeeks
from skucast.regressors.weather import WeatherOutlook
from skucast.runtime.groups.forecast import levels_of
from skucast.runtime.logs import log
from skucast.runtime.outcome import RunReport, run_each
from skucast.runtime.settings import Settings
from skucast.sales.columns import Columns
from skucast.sales.history import History


@dataclass(frozen=True)
class Known:
    """What the forecasts of a run are made of beside the history; `shared` is None where Prophet forecasts alone.

    `planned` is what the plan says now of the weeks after the data, `weather` by unit what is known of these.
    """

    horizon: Horizon
    plan: Plan
    planned: Mapping[Combination, PlannedWeeks]
    outlook: WeatherOutlook | None
    weather: Mapping[str, WeatherWeeks]
    models: Models
    files: Files | None
    shared: Shared | None


def known_of(
    settings: Settings,
    warehouse: Warehouse,
    run: Run,
    inputs: Inputs,
    models: Models,
    files: Files | None,
    report: RunReport,
) -> Known:
    """Return what is known today of the weeks ahead of the wanted combinations; old models among these fitted anew."""
    horizon, known_at = horizon_of(settings, run, inputs), settings.clock.end_of(run.today)
    weeks = horizon.weeks_after_data
    plan = plan_of(settings, warehouse, inputs.history, about(inputs, files))
    planned = plan.as_of(known_at, weeks)
    warn_of_depth(plan, known_at, weeks)
    about_wanted = {each: planned[each] for each in inputs.wanted if each in planned}
    note_known(about_wanted.values(), report)
    warn_of_range(inputs.history, about_wanted)
    outlook = weather_outlook(settings, warehouse, run, report, inputs.history)
    weather = weather_ahead(outlook, settings.clock, weeks, inputs.wanted)
    fresh = with_fresh(settings, warehouse, inputs.history, models, outlook, weeks[-1], report)
    shared = shared_of(settings, warehouse, inputs.history, files, planned, horizon)
    return Known(horizon, plan, planned, outlook, weather, fresh, files, shared)


def about(inputs: Inputs, files: Files | None) -> list[Combination]:
    """Return the combinations whose plan is asked for: the panel looks at what is promoted beside an article too."""
    return inputs.wanted if files is None else inputs.history.combinations


def shared_of(
    settings: Settings,
    warehouse: Warehouse,
    history: History,
    files: Files | None,
    planned: Mapping[Combination, PlannedWeeks],
    horizon: Horizon,
) -> Shared | None:
    """Return what all combinations share of a forecast; None without a panel."""
    if files is None:
        return None
    return Shared(
        panel=files.panel,
        blend=files.blend,
        grid=panel_grid(settings, warehouse, history, len(horizon.weeks_after_data)),
        planned=planned,
        forecaster=settings.forecaster,
        target=settings.target,
        levels=levels_of(settings.levels),
        blend_version=files.blend_version,
    )


def horizon_of(settings: Settings, run: Run, inputs: Inputs) -> Horizon:
    """Return the weeks that this run forecasts, and from what."""
    return Horizon(
        clock=settings.clock,
        today=run.today,
        cutoff=run.cutoff,
        data_cutoff=inputs.history.known_through(),
        horizon_weeks=settings.horizon_weeks,
        min_history_weeks=settings.min_history_weeks,
        inactive_after_weeks=settings.inactive_after_weeks,
        n_paths=settings.interval_paths,
    )


def forecast_rows(
    inputs: Inputs,
    models: Models,
    planned: Mapping[Combination, PlannedWeeks],
    weather: Mapping[str, WeatherWeeks],
    horizon: Horizon,
    report: RunReport,
    shared: Shared | None,
    others: Others = NOBODY,
) -> pd.DataFrame:
    """Return the forecasts of the wanted combinations: the table's columns but for the run's own; failures are kept.

    `planned` is by combination, `weather` by unit, both of the horizon's weeks; without what is `shared` Prophet
    forecasts alone. What `others` say stands beside it; those that take part in the blend are asked as well.
    """
    if not inputs.wanted:
        return empty(FORECASTS)
    weeks = inputs.history.delivered(inputs.wanted)
    items = [(each, _Item(weeks[each], models[each], planned[each], weather.get(each.unit))) for each in inputs.wanted]

    def without_model(combination: Combination, reason: str) -> Start:
        report.fail(combination, reason)
        known = planned[combination], weather.get(combination.unit)
        return start_without_model(combination, weeks[combination], horizon, *known, peers[combination])

    peers = peers_of(inputs.history, weeks)
    starts = [
        outcome.value or without_model(outcome.combination, str(outcome.error))
        for outcome in run_each(items, partial(_start, horizon=horizon, peers=peers), what="forecast")
    ]
    other = [each.combination for each in starts if each.has_other_discounts]
    if other:
        log.warning(
            "%s learnt discounts in another measure than percent, first %s; those planned count as the deepest that "
            "was learnt: run run_all_skus.py --force",
            "1 model has" if len(other) == 1 else f"{len(other)} models have",
            other[0],
        )

    def instead(combination: Combination) -> Start:
        stored = models[combination]
        if not isinstance(stored, StoredModel) or stored.stored is None or combination in tried:
            why = f"the forecast is {reasons[combination]}; {AGAIN}"
            log.error("forecast failed", extra={"fields": {"combination": str(combination), "error": why}})
            return without_model(combination, why)
        tried.add(combination)
        known = planned[combination], weather.get(combination.unit)
        return start(combination, weeks[combination], as_stored(stored), horizon, *known)

    tried: set[Combination] = set()
    reasons: dict[Combination, str] = {}

    def naive(combination: Combination, method: str) -> Start:
        known = planned[combination], weather.get(combination.unit)
        return start_naive(combination, weeks[combination], horizon, method, *known)

    rows = forecast_all(starts, horizon, instead, reasons)
    said = said_by(and_blended(others, shared, report), inputs.history, starts, horizon, report)
    largest = {each.combination: each.largest_y for each in starts}
    made = rows_without_panel(rows) if shared is None else _with_panel(rows, shared, horizon, said, largest, report)
    beaten = {each: stored.card.naive_instead for each, stored in models.items() if isinstance(stored, StoredModel)}
    final = with_naive(made, {each: method for each, method in beaten.items() if method}, naive, horizon)
    return with_others(final, said)


def _with_panel(
    rows: pd.DataFrame,
    shared: Shared,
    horizon: Horizon,
    said: pd.DataFrame | None,
    largest: Mapping[Combination, float],
    report: RunReport,
) -> pd.DataFrame:
    """The published rows; without the panel where it, or what was learnt of the blend, is of no use.

    Both are files, and about everybody: what is wrong with them stops nobody.
    """
    alone = rows_without_panel(rows)
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # numbers that are none are told below
            made = published(rows, shared, horizon, beside(rows, shared, said, report))
    except ModelError as error:
        report.warn(f"{PANEL}: {error}; Prophet forecasts alone")
        return alone
    except BROKEN as error:
        log.debug("the panel failed", exc_info=True)
        report.warn(f"{PANEL}: it cannot be computed ({type(error).__name__}: {error}); Prophet forecasts alone")
        return alone
    absurd = absurd_ones(made, largest)
    if not absurd:
        return made
    report.warn(
        f"{PANEL}, {BLEND}: {ABSURD} of {counted(len(absurd), 'combination')}, first {absurd[0]}: forecast without "
        "them; run run_all_skus.py"
    )
    parts = made[~is_about(made, absurd)], alone[is_about(alone, absurd)]
    return pd.concat(parts, ignore_index=True).sort_values([*KEY, "ds"], ignore_index=True)


@dataclass(frozen=True)
class _Item:
    """All that one combination's forecast is made of."""

    weeks: Columns
    stored: StoredModel | ModelError
    planned: PlannedWeeks
    weather: WeatherWeeks | None


def _start(combination: Combination, item: _Item, horizon: Horizon, peers: Mapping[Combination, Peers]) -> Start:
    known = item.planned, item.weather
    return start(combination, item.weeks, item.stored, horizon, *known, peers[combination])
