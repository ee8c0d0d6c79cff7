"""Predict: the next weeks of every active combination, one complete set of rows per cutoff."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import partial

import pandas as pd

from skucast.backends.store.protocol import ModelStore
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY, Combination
from skucast.core.errors import ModelError, ModelNotFound, ModelOfOtherWeeks, ModelTooNew, RunFailed
from skucast.core.quoting import listed
from skucast.core.rows import is_about
from skucast.core.run import Run
from skucast.core.tables.forecasts import FAILED_STATUSES, FORECASTS, MODEL_METHODS, SALES_MISSING
from skucast.core.weeks import anchor_of
from skucast.core.words import counted
from skucast.forecast.artifact import StoredModel
from skucast.forecast.newcomers import Newcomers, only_of
from skucast.forecast.others.protocol import Model
from skucast.jobs.changes import write_changes
from skucast.jobs.forecast_rows import Known, forecast_rows, known_of
from skucast.jobs.gate import last_look
from skucast.jobs.inputs import Inputs, check_lateness, read_inputs
from skucast.jobs.known_ahead import has_promotions, note_sources
from skucast.jobs.missing import check_missing, missing_from_sales, rows_of_missing, warn_of_shrinking, without_lost
from skucast.jobs.models import Models, load_models
from skucast.jobs.newcomers import looked_at, newcomers_of, rows_with_newcomers, tasks_newcomers
from skucast.jobs.others import Others, others_of
from skucast.jobs.override_intake import ingest_overrides
from skucast.jobs.overrides import with_overrides
from skucast.jobs.page import page_of_forecast
from skucast.jobs.panel_files import Files, load_files
from skucast.jobs.predecessors import ingest_predecessors
from skucast.jobs.promotions import ingest
from skucast.jobs.shards import combinations_of, drop_shards, is_published, rows_of_all_tasks
from skucast.jobs.totals import write_totals
from skucast.jobs.work_words import ingest_words
from skucast.runtime.logs import log
from skucast.runtime.outcome import RunReport, check_failed_share
from skucast.runtime.settings import Settings
from skucast.sales.digests import digests_of
from skucast.scorecard.missing import NOTHING_MISSING


def predict(settings: Settings, warehouse: Warehouse, store: ModelStore, run: Run, report: RunReport) -> None:
    """Take in the planners' files, forecast `horizon_weeks` for every wanted combination, replace this cutoff's rows.

    Raises:
        InputError: no sales, unknown target.
        RunFailed: sales too late, more than MAX_FAILED_SHARE failed or are not in the sales, or totals jump beyond
            MAX_JUMP; nothing is written.
    """
    others = others_of(settings)
    begin = partial(newcomers_of, settings, warehouse, run)
    inputs = read_inputs(settings, warehouse, store, run, report, beside=lambda history: begin(history).combinations)
    check_lateness(settings, run, inputs.history, report)
    if is_published(warehouse, FORECASTS, run.cutoff, run, report, shards=FORECASTS):
        page_of_forecast(settings, warehouse, run, inputs.history, report)
        return
    warn_of_shrinking(settings, warehouse, run, inputs.history)
    inputs, lost = without_lost(settings, warehouse, run, inputs, report)
    missing = NOTHING_MISSING
    if inputs.only is None:
        missing = missing_from_sales(settings, warehouse, store, run, inputs.history, lost)
        check_missing(settings, run, inputs.history, missing, report, "the published forecasts stay")
    if run.is_about_today(settings.clock):  # a day of the past knows neither today's files nor articles
        known = inputs.history.combinations, inputs.history.names.aliases
        ingest(settings, warehouse, run, report, *known, is_awaited=has_promotions(inputs.history))
        ingest_predecessors(settings, warehouse, run, report, *known)
        ingest_words(settings, warehouse, run, report)
    newcomers = begin(inputs.history).without(missing.combinations)
    forecast_ones = [*inputs.history.combinations, *newcomers.combinations, *missing.combinations]
    ingest_overrides(settings, warehouse, run, report, forecast_ones, inputs.history.names.aliases)
    if inputs.only is None:
        mine = tasks_newcomers(newcomers, run)
        inputs = replace(inputs, wanted=[*inputs.wanted, *mine])
        report.n_combinations += len(mine)

    made: list[Known] = []

    def forecast(wanted: Sequence[Combination]) -> pd.DataFrame:
        mine = replace(inputs, wanted=list(wanted))
        rows, known = _rows(settings, warehouse, store, run, mine, newcomers, report, others)
        made.append(known)
        return rows

    rows = rows_of_all_tasks(warehouse, FORECASTS, run, report, inputs.wanted, forecast, failures_of)
    if rows is not None:
        kept = rows_of_missing(settings, warehouse, run, rows, missing, report)
        failures = {each: report.failures.get(str(each), status) for each, status in failures_of(rows).items()}
        failures |= dict.fromkeys(missing.combinations, SALES_MISSING)
        check_failed_share(failures, len({*combinations_of(rows), *missing.combinations}), settings.max_failed_share)
        note_sources(rows, settings, report, inputs.history)
        rows = pd.concat([rows, kept], ignore_index=True) if len(kept) else rows
        final = with_overrides(settings, warehouse, run, inputs, rows, report)
        with report.timed("last look"):  # at the models' numbers: it is about faults, and an override is none
            last_look(settings, warehouse, run, inputs, final.rows, report)
        only = final.only(inputs.only)
        with report.timed("totals"):
            write_totals(settings, warehouse, store, run, inputs.history, final.all, only, report)
        write_changes(settings, warehouse, store, run, inputs, made[0] if made else None, final.all, report)
        made.clear()  # models and panel are half of what is in memory, and nobody asks them any more
        with report.timed("write"):
            report.n_rows = warehouse.replace(FORECASTS, final.all, run.cutoff, run=run, combinations=only)
            drop_shards(warehouse, FORECASTS, run)
        page_of_forecast(settings, warehouse, run, inputs.history, report)
    if run.task_index == 0:
        _note_orphans(store, inputs, report)


def forecasts_now(
    settings: Settings, warehouse: Warehouse, store: ModelStore, run: Run, report: RunReport, own: Sequence[Model] = ()
) -> pd.DataFrame:
    """Return the models' rows that `predict` would publish by what is there, before the planner's word; write nothing.

    `own` are models that stand beside ours and those of MODELS.

    Raises:
        InputError: no sales, unknown target.
        RunFailed: sales too late.
    """
    begin = partial(newcomers_of, settings, warehouse, run)
    inputs = read_inputs(settings, warehouse, store, run, report, beside=lambda history: begin(history).combinations)
    check_lateness(settings, run, inputs.history, report)
    newcomers = begin(inputs.history)
    inputs = replace(inputs, wanted=[*inputs.wanted, *(tasks_newcomers(newcomers, run) if inputs.only is None else [])])
    return _rows(settings, warehouse, store, run, inputs, newcomers, report, others_of(settings, own))[0]


def failures_of(rows: pd.DataFrame) -> dict[Combination, str]:
    """The combinations that have a fallback because their model failed, with their status."""
    failed = rows[rows["status"].isin(FAILED_STATUSES) & (rows["step"] == 1)]
    return dict(zip(combinations_of(failed), failed["status"], strict=True))


def _rows(
    settings: Settings,
    warehouse: Warehouse,
    store: ModelStore,
    run: Run,
    inputs: Inputs,
    newcomers: Newcomers,
    report: RunReport,
    others: Others,
) -> tuple[pd.DataFrame, Known]:
    """The forecasts of this task's combinations, as the table wants them, and what they are made of.

    What those are like is looked at too.
    """
    wanted = inputs.wanted
    inputs = replace(inputs, wanted=looked_at(newcomers, wanted, inputs.history))
    with report.timed("load models"):
        models = load_models(store, inputs.wanted, run.cutoff)
        files = None if settings.forecaster == "prophet" else load_files(store, run.cutoff, report)
    if models and all(isinstance(stored, ModelNotFound) for stored in models.values()):
        _keep_forecasts_of_models(settings, warehouse, run, inputs, has_panel=files is not None)
    with report.timed("forecast"):
        known = known_of(settings, warehouse, run, inputs, models, files, report)
        horizon, models = known.horizon, known.models
        rows = forecast_rows(inputs, models, known.planned, known.weather, horizon, report, known.shared, others)
        rows = rows_with_newcomers(rows, newcomers, inputs.history, inputs.wanted, horizon)
        rows, models = only_of(rows, wanted), {each: models[each] for each in wanted if each in models}
    if known.shared is not None:
        known.shared.grid.let_go()
    _count(rows, models, run.cutoff, report)
    if files is not None:
        _note_panel(files, models, report)
    digests = digests_of(inputs.history.weeks, rows)
    clock = settings.clock
    known_at = run.run_at if run.is_about_today(clock) else clock.end_of(run.today)
    stamped = rows.assign(known_at=known_at, run_id=run.run_id, created_at=run.run_at)
    return stamped.assign(history_digest=digests), known


def _keep_forecasts_of_models(
    settings: Settings, warehouse: Warehouse, run: Run, inputs: Inputs, *, has_panel: bool
) -> None:
    """Refuse to put fallbacks in the place of what models have forecast for this week; the panel's come again.

    Raises:
        RunFailed: not one model was found where there must have been some.
    """
    week = {"cutoff": run.cutoff}
    published = warehouse.read(FORECASTS, [*KEY, "method", "model_version"], since=week, until=week)
    mine = published[is_about(published, inputs.wanted)]
    is_of_own = mine["model_version"].notna() | (mine["method"] != "blend")  # a blend may be of the panel and others
    if (is_of_own & mine["method"].isin({*MODEL_METHODS} - ({"panel"} if has_panel else set()))).any():
        raise RunFailed(
            f"no model is found in {settings.model_store}, but models have made the forecasts of {run.cutoff}: "
            "correct MODEL_STORE, or run run_all_skus.py; the published forecasts stay"
        )
    instead = "the panel's or a fallback" if has_panel else "a fallback"
    log.warning("no model is found in %s: every forecast is %s", settings.model_store, instead)


def _count(rows: pd.DataFrame, models: Models, cutoff: date, report: RunReport) -> None:
    """Count combinations by status (of their first step) and record models that could not be loaded."""
    first = rows[rows["step"] == 1]
    report.counts = Counter(first["status"])
    for combination, stored in models.items():
        if isinstance(stored, ModelError) and not isinstance(stored, ModelNotFound):
            log.error("model not usable", extra={"fields": {"combination": str(combination), "error": str(stored)}})
            report.fail(combination, str(stored))
    _note_models(models, cutoff, report)


def _note_panel(files: Files, models: Models, report: RunReport) -> None:
    """Say if the panel is older than the models, as after a training that could not make one."""
    newest = max((each.card.cutoff_date for each in models.values() if isinstance(each, StoredModel)), default=None)
    cutoff = files.panel.content.cutoff
    if newest is not None and cutoff < newest:
        report.notes.append(f"the panel is of {cutoff}, older than the models of {newest}: run run_all_skus.py")


def _note_models(models: Models, cutoff: date, report: RunReport) -> None:
    """Say which combinations have no model for this cutoff, or one of weeks that end on another day, and what to do."""
    too_new = sum(isinstance(stored, ModelTooNew) for stored in models.values())
    of_other_weeks = [str(stored) for stored in models.values() if isinstance(stored, ModelOfOtherWeeks)]
    shifted = [
        stored.card.cutoff_date
        for stored in models.values()
        if isinstance(stored, StoredModel) and anchor_of(stored.card.cutoff_date) != anchor_of(cutoff)
    ]
    without = report.counts["no_model"] - too_new
    if without > 0:
        report.notes.append(f"{counted(without, 'combination')} without a model yet: run run_all_skus.py")
    if of_other_weeks:
        what = f"{counted(len(of_other_weeks), 'combination')} without a model of these weeks"
        report.notes.append(f"{what}: {of_other_weeks[0]}")
    if shifted:
        report.notes.append(
            f"{counted(len(shifted), 'combination')} forecast by models of weeks that end on {anchor_of(shifted[0])}, "
            f"these end on {anchor_of(cutoff)}: run run_all_skus.py"
        )
    if too_new > len(of_other_weeks):
        report.notes.append(
            f"{counted(too_new - len(of_other_weeks), 'combination')} whose models have seen later weeks: "
            "train with this --as-of"
        )


def _note_orphans(store: ModelStore, inputs: Inputs, report: RunReport) -> None:
    orphans = sorted(set(store.stored()) - set(inputs.history.combinations))
    if orphans:
        report.notes.append(f"{len(orphans)} stored models belong to no combination in the sales: {listed(orphans)}")
