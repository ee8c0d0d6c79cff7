"""Train: models of all combinations (bulk, resumes where it stopped) or of the targeted ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import pandas as pd

from skucast.backends.store.protocol import Live, ModelStore
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY, Combination
from skucast.core.errors import ModelError, ObjectKept, StoreConflict
from skucast.core.run import Run
from skucast.core.tables.records import REGISTRY
from skucast.core.tables.validation import empty
from skucast.core.words import counted
from skucast.forecast.artifact import StoredModel
from skucast.forecast.champion import LEAST_ORIGINS, Champion, Comparison, champion_of
from skucast.forecast.evidence import EVIDENCE
from skucast.forecast.learnt import BLEND
from skucast.forecast.others.protocol import Model
from skucast.forecast.panel.model import PANEL
from skucast.forecast.trainable import skip_reason
from skucast.forecast.training import Material, Recipe, Trained, train
from skucast.jobs.backtests import KeptBacktests, keep_evidence
from skucast.jobs.elsewhere import known_at_origins, with_elsewhere
from skucast.jobs.inputs import Inputs, read_inputs, warn_of_lateness
from skucast.jobs.known_ahead import weather_outlook, with_weather
from skucast.jobs.missing import check_missing, missing_from_sales, warn_of_shrinking, without_lost
from skucast.jobs.others import blended_of
from skucast.jobs.panel import PanelInputs, learn_blend, train_panel
from skucast.jobs.registry import (
    NOT_LIVE,
    UNRECORDED,
    Ledger,
    Row,
    combination_of,
    details_of,
    failures_of,
    registry_row,
)
from skucast.jobs.shards import combinations_of
from skucast.jobs.stored_models import live_version, prune
from skucast.jobs.training_inputs import (
    NOT_COMPARED,
    SEEN_LATER,
    evidence_left,
    has_seen_later,
    is_beside,
    is_current,
    kept_again,
    kept_rows,
    readable,
    recipe_of,
    request_of,
    stand_in,
    why_not_compared,
)
from skucast.jobs.training_summary import count_rows, note_rows, show_comparison
from skucast.jobs.verify import verify
from skucast.runtime.logs import log
from skucast.runtime.outcome import Outcome, RunReport, check_failed_share, run_each
from skucast.runtime.settings import Settings
from skucast.sales.demand import life_class


def train_all(
    settings: Settings,
    warehouse: Warehouse,
    store: ModelStore,
    run: Run,
    report: RunReport,
    own: Sequence[Model] = (),
) -> None:
    """Train every combination whose model of this cutoff is missing (`force`: every one), or only `verify`.

    `own` are models that take part in the blend beside those of BLEND_MODELS.

    Raises:
        InputError: no sales, unknown target; the library of a model in BLEND_MODELS is missing.
        RunFailed: too many failures (models that succeeded stay), or missing from the sales; or, with `verify`, store
            and registry are not as they should be.
    """
    others = blended_of(settings, own)
    inputs = read_inputs(settings, warehouse, store, run, report)
    warn_of_lateness(run, inputs.history)
    warn_of_shrinking(settings, warehouse, run, inputs.history)
    inputs, lost = without_lost(settings, warehouse, run, inputs, report)
    if settings.verify:
        verify(
            settings, warehouse, store, inputs, report, looks_for_orphans=inputs.only is None and run.task_index == 0
        )
    else:
        panel = None
        if settings.forecaster != "prophet" and inputs.is_about_all:
            panel = PanelInputs(settings, warehouse, run, inputs.history, others)
        _train(settings, warehouse, store, run, report, inputs, keep_existing=not settings.force, panel=panel)
    if inputs.only is None and run.task_index == 0:  # one task's word is enough to fail the execution
        missing = missing_from_sales(settings, warehouse, store, run, inputs.history, lost)
        check_missing(settings, run, inputs.history, missing, report, "their models stay")


def retrain(settings: Settings, warehouse: Warehouse, store: ModelStore, run: Run, report: RunReport) -> None:
    """Train the targeted combinations anew on their full history and replace their models, unless clearly worse.

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
    """Train what no earlier attempt of this run has settled, each model recorded as it is made.

    The panel, of a run that is about all combinations, is trained by the first task before its own models, and none
    waits for it. Who finds the combinations of all tasks recorded sees whether too many failed, and learns the blend.
    A task that is started again trains again what failed, and nothing else.
    """
    if settings.dry_run:
        training = _Training(settings, warehouse, store, run, report, inputs, inputs.wanted, ledger=None)
        rows = _train_wanted(training, keep_existing=keep_existing)
        count_rows(rows, report)
        show_comparison(rows)
        return
    kept = KeptBacktests(settings, warehouse, run, report, inputs.history.data_cutoff)
    with Ledger(warehouse, run, report, inputs.history.data_cutoff, partial(live_version, store), kept.write) as ledger:
        settled = ledger.settled(inputs.wanted)
        wanted = [each for each in inputs.wanted if each not in settled]
        if settled:
            report.notes.append(f"{counted(len(settled), 'combination')} recorded by an earlier attempt of this run")
        rows = list(settled.values())
        if wanted:
            _probe(store, report)  # hours of training are lost on a place that cannot be written to
            if panel is not None and run.task_index == 0:
                train_panel(panel, store, report, force=settings.force)
            training = _Training(settings, warehouse, store, run, report, inputs, wanted, ledger, kept)
            rows += _train_wanted(training, keep_existing=keep_existing)
        count_rows(rows, report)
    kept.warn_of_lost()
    note_rows(rows, report)
    prune(store, _saved(rows), settings.keep_versions, report)
    recorded = ledger.rows()
    if n_left := len(_asked_for(inputs) - set(combinations_of(recorded))):
        what = counted(n_left, "combination")
        report.notes.append(f"{REGISTRY.label}: task {run.task_index} is recorded; {what} of other tasks not yet")
        return
    check_failed_share(failures_of(recorded), len(recorded), settings.max_failed_share)
    if panel is not None:
        keep_evidence(settings, warehouse, run, report, learn_blend(panel, store, report))
        prune(store, [PANEL, EVIDENCE, BLEND], settings.keep_versions, report)


def _saved(rows: Sequence[Row]) -> list[Combination]:
    return [Combination(*(row[name] for name in KEY)) for row in rows if row["outcome"] == "saved"]


def _asked_for(inputs: Inputs) -> set[Combination]:
    """The combinations of all tasks of the run."""
    every = set(inputs.history.combinations)
    return every if inputs.only is None else every & set(inputs.only)


@dataclass(frozen=True)
class _Training:
    """All that one task's training works with; `wanted` is what it trains; without a ledger it only rehearses."""

    settings: Settings
    warehouse: Warehouse
    store: ModelStore
    run: Run
    report: RunReport
    inputs: Inputs
    wanted: Sequence[Combination]
    ledger: Ledger | None
    kept: KeptBacktests | None = None


def _train_wanted(training: _Training, *, keep_existing: bool) -> list[Row]:
    """Train and store the wanted combinations; record each and return the rows."""
    settings, warehouse, run, report = training.settings, training.warehouse, training.run, training.report
    inputs = replace(training.inputs, wanted=list(training.wanted))
    recipe = recipe_of(settings, warehouse, inputs)
    seen_at = run.now()  # before it: what is put in their place meanwhile has the newer row
    found = training.store.load_many(inputs.wanted)
    outlook = weather_outlook(settings, warehouse, run, report, inputs.history)
    known = known_at_origins(settings, warehouse, run, inputs, recipe, outlook)
    history = with_weather(inputs.history, outlook, settings.clock)
    recorded = _recorded(warehouse, recipe) if keep_existing else empty(REGISTRY)
    named, won = set(recorded["model_version"].dropna()), kept_rows(recorded)
    items: list[tuple[Combination, Material]] = []
    rows: list[Row] = []
    kinds: dict[Combination, str | None] = {}

    def record(row: Row) -> None:
        row["demand_class"] = kinds[combination_of(row)]
        rows.append(row)
        if training.ledger is not None:
            training.ledger.add(row, seen_at)

    first_week = history.weeks["ds"].min().date()
    for combination, weeks in history.split(inputs.wanted):
        kinds[combination] = life_class(weeks, settings.horizon_weeks, settings.inactive_after_weeks, first_week)
        mine, live = recipe.of(combination.unit), readable(combination, found[combination])
        reason = _skip_reason(settings, weeks, live, mine, named, keep_existing=keep_existing)
        again = None
        if reason is None and live is not None and has_seen_later(live, mine, settings.sales_grain):
            if keep_existing and is_beside(training.store, combination, mine):
                again = _kept_row(combination, live, recipe, f"{SEEN_LATER} {recipe.cutoff}", {})
        elif reason is None:
            again = kept_again(won.get(combination), live, request_of(settings, mine))
        if again is not None:
            record(again)
            continue
        if reason is None:
            champion = _champion(settings, found[combination], live, mine)
            items.append((combination, Material(weeks, known[combination], evidence_left(live, mine), champion)))
            continue
        details = stand_in(reason, weeks, recipe) if live is None else details_of(live.card, live.version, live.version)
        record(registry_row(combination, recipe.cutoff, "skipped", reason, details))
    with report.timed("train"):
        recipe = with_elsewhere(settings, recipe, history, known) if items else recipe
        for outcome in run_each(items, partial(train, recipe=recipe), what="train", pool=settings.pool):
            record(_store_outcome(training, outcome, found[outcome.combination], recipe))
    return rows


def _recorded(warehouse: Warehouse, recipe: Recipe) -> pd.DataFrame:
    """What the registry knows of trainings at this cutoff."""
    return warehouse.read(REGISTRY, since={"cutoff": recipe.cutoff}, until={"cutoff": recipe.cutoff})


def _skip_reason(
    settings: Settings,
    weeks: pd.DataFrame,
    live: StoredModel | None,
    recipe: Recipe,
    named: Collection[str],
    *,
    keep_existing: bool,
) -> str | None:
    reason = skip_reason(weeks, settings.min_history_weeks, settings.inactive_after_weeks)
    if reason is None and live is not None and keep_existing and is_current(live, recipe):
        return f"model of {recipe.cutoff} exists{'' if live.version in named else UNRECORDED}"
    return reason


def _probe(store: ModelStore, report: RunReport) -> None:
    """Find out whether models can be stored; where none can be replaced, first ones still can."""
    try:
        store.probe()
    except ObjectKept as error:
        report.warn(f"live models cannot be replaced, new versions are kept beside them: {error}")


def _champion(
    settings: Settings, found: Live | ModelError, live: StoredModel | None, recipe: Recipe
) -> Champion | None:
    if live is None or why_not_compared(found, live, recipe, settings.sales_grain):
        return None
    return champion_of(live)


def _store_outcome(
    training: _Training, outcome: Outcome[Combination, Trained], found: Live | ModelError, recipe: Recipe
) -> Row:
    """Save the trained model at once, so that a run that stops later loses nothing, and return its registry row."""
    combination, trained = outcome.combination, outcome.value
    if trained is None:
        training.report.fail(combination, str(outcome.error))
        return registry_row(combination, recipe.cutoff, "failed", str(outcome.error), {})
    live = readable(combination, found)
    row = _decided(training.settings, combination, trained, found, live, recipe)
    if training.ledger is None:
        return row
    if training.kept is not None:
        training.kept.add(combination, trained)
    if row["outcome"] == "kept" and has_seen_later(live, recipe, training.settings.sales_grain):
        training.store.keep(combination, trained.stored.payload, trained.stored.version)  # for forecasts of that day
    if row["outcome"] != "saved":
        return row
    training.ledger.saving(combination, row)
    expected = found.generation if isinstance(found, Live) else None
    try:
        training.store.save(combination, trained.stored.payload, trained.stored.version, expected=expected)
    except ObjectKept as error:  # so it would be for every other live model: all are trained, each is recorded
        return row | {"outcome": "unchanged", "reason": f"{NOT_LIVE}: {error}"}
    except (StoreConflict, ModelError) as error:
        training.report.fail(combination, str(error))
        return row | {"outcome": "failed", "reason": str(error)}
    _log_trained(combination, trained)
    return row


def _decided(
    settings: Settings,
    combination: Combination,
    trained: Trained,
    found: Live | ModelError,
    live: StoredModel | None,
    recipe: Recipe,
) -> Row:
    """What becomes of a model that was trained, as its row: saved in the place of the live one, or not."""
    new, comparison = trained.stored, trained.comparison
    details = details_of(trained.card, new.version, None if live is None else live.version, trained.fit_s)
    if comparison is not None:
        compared = {
            "compared_origins": comparison.n_origins,
            "champion_wape": comparison.champion,
            "challenger_wape": comparison.challenger,
        }
        details |= compared
    if live is not None and live.version == new.version:
        reason = "the same data and settings gave the same model"
        return registry_row(combination, recipe.cutoff, "unchanged", reason, details)
    not_compared = why_not_compared(found, live, recipe, settings.sales_grain)
    kept = None if live is None or settings.force else _why_kept(settings, comparison, live, recipe, not_compared)
    if live is not None and kept:
        details["request"] = request_of(settings, recipe.of(combination.unit))
        return _kept_row(combination, live, recipe, kept, details)
    return registry_row(
        combination, recipe.cutoff, "saved", f"{NOT_COMPARED}: {not_compared}" if not_compared else None, details
    )


def _kept_row(
    combination: Combination, live: StoredModel, recipe: Recipe, reason: str, details: Mapping[str, object]
) -> Row:
    """The row of a live model that stays: its own figures, beside those of the comparison."""
    own = details_of(live.card, live.version, live.version)
    return registry_row(combination, recipe.cutoff, "kept", reason, {**details, **own})


def _why_kept(
    settings: Settings, comparison: Comparison | None, live: StoredModel, recipe: Recipe, not_compared: str | None
) -> str | None:
    """Why the live model stays; None if the new one takes its place, as where the live one is of no use any more."""
    if comparison is not None:
        return comparison.why_kept(settings.max_worse, only_if_better=settings.only_if_better)
    if has_seen_later(live, recipe, settings.sales_grain):
        return f"{SEEN_LATER} {recipe.cutoff}"
    if settings.only_if_better and (not_compared is None or live.card.cutoff_date > recipe.cutoff):
        why = not_compared or f"fewer than {LEAST_ORIGINS} origins of the backtest tell which is better"
        return f"no gain can be shown: {why}"
    return None


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
