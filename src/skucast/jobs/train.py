"""Train: models of all combinations (bulk, resumes where it stopped) or of the targeted ones."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd

from skucast.backends.store.protocol import Live, ModelStore
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY, Combination
from skucast.core.errors import ModelError, ObjectKept, RunFailed, StoreConflict
from skucast.core.run import Run
from skucast.core.tables.records import REGISTRY
from skucast.core.tables.validation import empty
from skucast.core.words import counted
from skucast.forecast.artifact import ModelCard, loads
from skucast.forecast.prophet.spec import RESPONSE_PRIOR_SCALE, ModelSpec
from skucast.forecast.short import choose
from skucast.forecast.training import (
    SHORT_HISTORY,
    Material,
    Recipe,
    Trained,
    TrainingPlan,
    make_recipe,
    skip_reason,
    train,
)
from skucast.jobs.calendars import calendars_of, warn_of_events
from skucast.jobs.elsewhere import known_at_origins, with_elsewhere
from skucast.jobs.inputs import Inputs, read_inputs, warn_of_lateness
from skucast.jobs.known_ahead import weather_outlook, with_weather
from skucast.jobs.missing import check_missing, missing_from_sales, warn_of_shrinking, without_lost
from skucast.jobs.panel import PanelInputs, learn_blend, train_panel
from skucast.jobs.shards import combinations_of, drop_shards, is_published, own_rows, rows_of_all_tasks
from skucast.runtime.logs import log
from skucast.runtime.outcome import Outcome, RunReport, check_failed_share, run_each
from skucast.runtime.settings import Settings
from skucast.sales.demand import life_class

Found = dict[Combination, Live | ModelError]

SHOWN = 3
"""Combinations that a note names."""

_NOT_LIVE = "not made live"
"""How the reason begins of a new model that may not take the place of the live one."""


def train_all(settings: Settings, warehouse: Warehouse, store: ModelStore, run: Run, report: RunReport) -> None:
    """Train every combination whose model of this cutoff is missing (`force`: every one), or only `verify`.

    Raises:
        InputError: no sales, unknown target.
        RunFailed: too many failures (models that succeeded stay), or missing from the sales; or, with `verify`, a model
            is missing.
    """
    inputs = read_inputs(settings, warehouse, store, run, report)
    warn_of_lateness(run, inputs.history)
    warn_of_shrinking(settings, warehouse, run, inputs.history)
    inputs, lost = without_lost(settings, warehouse, run, inputs, report)
    if settings.verify:
        _verify(settings, store, inputs, report)
    else:
        panel = None
        if settings.forecaster != "prophet" and inputs.is_about_all:
            panel = PanelInputs(settings, warehouse, run, inputs.history)
        _train(settings, warehouse, store, run, report, inputs, keep_existing=not settings.force, panel=panel)
    if inputs.only is None and run.task_index == 0:  # one task's word is enough to fail the execution
        missing = missing_from_sales(settings, warehouse, store, run, inputs.history, lost)
        check_missing(settings, run, inputs.history, missing, report, "their models stay")


def retrain(settings: Settings, warehouse: Warehouse, store: ModelStore, run: Run, report: RunReport) -> None:
    """Train the targeted combinations anew on their full history and replace their models.

    Raises:
        InputError: no sales, unknown target.
        RunFailed: too many failures; models that succeeded stay.
    """
    inputs = read_inputs(settings, warehouse, store, run, report)
    warn_of_lateness(run, inputs.history)
    inputs, _ = without_lost(settings, warehouse, run, inputs, report)
    _train(settings, warehouse, store, run, report, inputs, keep_existing=False)


def _train(
    settings: Settings,
    warehouse: Warehouse,
    store: ModelStore,
    run: Run,
    report: RunReport,
    inputs: Inputs,
    *,
    keep_existing: bool,
    panel: PanelInputs | None = None,
) -> None:
    """Train, and record what became of every combination; only then see whether too many failed.

    The panel, of a run that is about all combinations, is trained by the first task before its own models, and none
    waits for it; the blend is learnt when all models are there. Of a run that fails by the share that failed the shards
    stay, so that a task that is started again trains again what failed.
    """
    if not _is_settled(warehouse, run, report):

        def train_these(wanted: Sequence[Combination]) -> pd.DataFrame:
            _probe(store, report)  # hours of training are lost on a place that cannot be written to
            if panel is not None and run.task_index == 0:
                train_panel(panel, store, report, force=settings.force)
            these = replace(inputs, wanted=list(wanted))
            registry = _train_wanted(settings, warehouse, store, run, report, these, keep_existing=keep_existing)
            _note_accuracy(registry, report)
            _note_not_live(registry, report)
            return _registry_rows(registry, run)

        rows = rows_of_all_tasks(warehouse, REGISTRY, run, report, inputs.wanted, train_these, _failures)
        if rows is None:
            return
        with report.timed("write"):
            report.n_rows = warehouse.replace(REGISTRY, rows, run.run_id, run=run)
        check_failed_share(_failures(rows), len(rows), settings.max_failed_share)
        drop_shards(warehouse, REGISTRY, run)
    if panel is not None:
        learn_blend(panel, store, report)


def _is_settled(warehouse: Warehouse, run: Run, report: RunReport) -> bool:
    """Whether the run is recorded and did not fail: then the shards are gone. One task alone just trains again."""
    if run.task_count == 1 or own_rows(warehouse, REGISTRY, run) is not None:
        return False
    return is_published(warehouse, REGISTRY, run.run_id, run, report, shards=REGISTRY)


def _failures(rows: pd.DataFrame) -> dict[Combination, str]:
    """The combinations whose training failed, with the reason."""
    failed = rows[rows["outcome"] == "failed"]
    return dict(zip(combinations_of(failed), failed["reason"], strict=True))


def _train_wanted(
    settings: Settings,
    warehouse: Warehouse,
    store: ModelStore,
    run: Run,
    report: RunReport,
    inputs: Inputs,
    *,
    keep_existing: bool,
) -> list[dict[str, Any]]:
    """Train and store this task's combinations and return their registry rows."""
    recipe = _recipe(settings, warehouse, inputs)
    found = store.load_many(inputs.wanted)
    outlook = weather_outlook(settings, warehouse, run, report, inputs.history)
    known = known_at_origins(settings, warehouse, run, inputs, recipe, outlook)
    history = with_weather(inputs.history, outlook, settings.clock)
    items: list[tuple[Combination, Material]] = []
    registry: list[dict[str, Any]] = []
    kinds: dict[tuple[str, ...], str | None] = {}
    first_week = history.weeks["ds"].min().date()
    for combination, weeks in history.split(inputs.wanted):
        kinds[combination.parts] = life_class(weeks, settings.horizon_weeks, settings.inactive_after_weeks, first_week)
        mine = recipe.of(combination.unit)
        reason = _skip_reason(settings, weeks, found[combination], mine, keep_existing=keep_existing)
        if reason:
            registry.append(_registry_row(combination, recipe, "skipped", reason, **_stand_in(reason, weeks, recipe)))
        else:
            items.append((combination, Material(weeks, known[combination], _evidence(found[combination], mine))))
    with report.timed("train"):
        recipe = with_elsewhere(settings, recipe, history, known) if items else recipe
        outcomes = run_each(items, partial(train, recipe=recipe), what="train", pool=settings.pool)
        registry.extend(_store_outcome(outcome, store, found, recipe, report) for outcome in outcomes)
    for row in registry:
        row["demand_class"] = kinds[tuple(row[name] for name in KEY)]
        report.counts[_count_label(row)] += 1
    return registry


def _stand_in(reason: str, weeks: pd.DataFrame, recipe: Recipe) -> dict[str, Any]:
    """What the registry keeps of a history too short for a model: the method that forecasts it, and its past errors."""
    if not reason.startswith(SHORT_HISTORY):
        return {}
    chosen = choose(weeks["y"].to_numpy(dtype="float64"), recipe.plan.horizon_weeks)
    return {"n_weeks": int(weeks["y"].notna().sum()), "tuning": json.dumps(chosen.as_dict())}


def _registry_rows(registry: list[dict[str, Any]], run: Run) -> pd.DataFrame:
    rows = pd.DataFrame(registry) if registry else empty(REGISTRY)
    return rows.assign(run_id=run.run_id, created_at=run.run_at)


def _recipe(settings: Settings, warehouse: Warehouse, inputs: Inputs) -> Recipe:
    spec = ModelSpec(
        seasonality_mode=settings.seasonality_mode,
        changepoint_prior_scale=settings.changepoint_prior_scale,
        promo_prior_scale=RESPONSE_PRIOR_SCALE,
    )
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
    )
    first, last = inputs.history.weeks["ds"].min().date(), inputs.history.data_cutoff
    return make_recipe(plan, settings.clock, first, last, calendars.usual.events, calendars.by_unit)


def _skip_reason(
    settings: Settings, weeks: pd.DataFrame, found: Live | ModelError, recipe: Recipe, *, keep_existing: bool
) -> str | None:
    reason = skip_reason(weeks, settings.min_history_weeks, settings.inactive_after_weeks)
    if reason is None and keep_existing and _is_current(found, recipe):
        return f"model of {recipe.cutoff} exists"
    return reason


def _is_current(found: Live | ModelError, recipe: Recipe) -> bool:
    """Whether the live model was trained on this cutoff by this plan."""
    card = _card(found)
    return card is not None and card.cutoff == str(recipe.cutoff) and recipe.plan.made(card)


def _evidence(found: Live | ModelError, recipe: Recipe) -> Mapping[str, list[float]]:
    """What an earlier training by the same plan, that knew no more than this one, has left of past origins."""
    card = _card(found)
    if card is None or not recipe.plan.made(card) or card.cutoff_date > recipe.cutoff:
        return {}
    return card.evidence


def _probe(store: ModelStore, report: RunReport) -> None:
    """Find out whether models can be stored; where none can be replaced, first ones still can."""
    try:
        store.probe()
    except ObjectKept as error:
        log.warning("live models cannot be replaced: %s", error)
        report.notes.append(f"live models cannot be replaced, new versions are kept beside them: {error}")


def _card(found: Live | ModelError) -> ModelCard | None:
    if isinstance(found, ModelError):
        return None
    try:
        return loads(found.payload).card
    except ModelError:
        return None


def _store_outcome(
    outcome: Outcome[Combination, Trained], store: ModelStore, found: Found, recipe: Recipe, report: RunReport
) -> dict[str, Any]:
    """Save the trained model at once, so that a run that stops later loses nothing, and return its registry row."""
    combination, trained = outcome.combination, outcome.value
    if trained is None:
        report.fail(combination, str(outcome.error))
        return _registry_row(combination, recipe, "failed", str(outcome.error))
    live = found[combination]
    previous = None if isinstance(live, ModelError) else _version_of(live)
    details = _details(trained, previous)
    if previous == trained.stored.version:
        return _registry_row(
            combination, recipe, "unchanged", "the same data and settings gave the same model", **details
        )
    expected = live.generation if isinstance(live, Live) else None
    try:
        store.save(combination, trained.stored.payload, trained.stored.version, expected=expected)
    except ObjectKept as error:  # so it would be for every other live model: all are trained, each is recorded
        return _registry_row(combination, recipe, "unchanged", f"{_NOT_LIVE}: {error}", **details)
    except (StoreConflict, ModelError) as error:
        report.fail(combination, str(error))
        return _registry_row(combination, recipe, "failed", str(error), **details)
    _log_trained(combination, trained)
    return _registry_row(combination, recipe, "saved", None, **details)


def _version_of(live: Live) -> str | None:
    try:
        return loads(live.payload).version
    except ModelError:
        return None


def _details(trained: Trained, previous: str | None) -> dict[str, Any]:
    score = trained.card.backtest
    by_step = {step: value for step, value in score.items() if step.isdigit()}
    return {
        "model_version": trained.stored.version,
        "previous_version": previous,
        "n_weeks": trained.card.n_weeks,
        "hyperparameters": json.dumps(trained.card.hyperparameters),
        "tuning": json.dumps(trained.card.tuning),
        "is_converged": trained.card.is_converged,
        "backtest_origins": score["origins"],
        "backtest_wape": score["pooled"],
        "backtest_by_step": json.dumps(by_step),
        "backtest_wape_last_year": score["baseline"],
        "backtest_wape_perfect_plan": score["perfect_plan"],
        "backtest_promotions": score["promotions"],
        "backtest_wape_weather": score.get("with_weather"),
        "weather": _weather_word(score),
        "fit_s": trained.fit_s,
    }


def _weather_word(score: dict[str, Any]) -> str | None:
    return (
        f"{score['weather']}{', perfect_weather' if score['is_perfect_weather'] else ''}"
        if "weather" in score
        else None
    )


def _registry_row(
    combination: Combination, recipe: Recipe, outcome: str, reason: str | None, **details: Any
) -> dict[str, Any]:
    names = dict(zip(KEY, combination.parts, strict=True))
    return {**names, "cutoff": pd.Timestamp(recipe.cutoff), "outcome": outcome, "reason": reason, **details}


def _count_label(row: dict[str, Any]) -> str:
    return f"{row['outcome']}: {row['reason'].split(':')[0]}" if row["outcome"] == "skipped" else str(row["outcome"])


def _log_trained(combination: Combination, trained: Trained) -> None:
    fields = {
        "combination": str(combination),
        "version": trained.stored.version,
        "backtest_wape": trained.card.backtest["pooled"],
        "fit_s": round(trained.fit_s, 3),
        "dropped": ",".join(trained.card.dropped_regressors) or None,
    }
    log.debug("model saved", extra={"fields": fields})
    if not trained.card.is_converged:
        log.warning("the fit stopped at its bound on steps; the model is usable", extra={"fields": fields})


def _note_accuracy(registry: list[dict[str, Any]], report: RunReport) -> None:
    scores = [row["backtest_wape"] for row in registry if row.get("backtest_wape") is not None]
    if scores:
        report.notes.append(f"backtest WAPE, median of {len(scores)} models: {pd.Series(scores).median():.3f}")


def _note_not_live(registry: list[dict[str, Any]], report: RunReport) -> None:
    """Say which new models forecast nothing, because the live ones may not be replaced."""
    kept = ["/".join(row[name] for name in KEY) for row in registry if str(row["reason"]).startswith(_NOT_LIVE)]
    if not kept:
        return
    more = ", ..." if len(kept) > SHOWN else ""
    text = (
        f"{counted(len(kept), 'new model')} not live, the earlier ones go on forecasting: "
        f"{', '.join(kept[:SHOWN])}{more}; take the retention policy or the hold off, and train again"
    )
    log.warning("%s", text)
    report.notes.append(text)


def _verify(settings: Settings, store: ModelStore, inputs: Inputs, report: RunReport) -> None:
    """Compare expected with stored models; every usable file counts, whatever its cutoff."""
    found = store.load_many(inputs.wanted)
    missing = []
    for combination, weeks in inputs.history.split(inputs.wanted):
        reason = skip_reason(weeks, settings.min_history_weeks, settings.inactive_after_weeks)
        if reason:
            report.counts[f"not expected: {reason.split(':')[0]}"] += 1
        elif _card(found[combination]) is None:
            missing.append(combination)
        else:
            report.counts["stored"] += 1
    if missing:
        report.counts["missing"] = len(missing)
        names = ", ".join(map(str, missing[:20])) + (f" and {len(missing) - 20} more" if len(missing) > 20 else "")
        raise RunFailed(f"{len(missing)} models are missing or unusable: {names}; run run_all_skus.py")
    report.notes.append(f"all {report.counts['stored']} expected models are stored and readable")
