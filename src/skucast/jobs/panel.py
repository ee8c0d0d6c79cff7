"""The panel and the blend: trained from all combinations together."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, partial
from typing import Any

import numpy as np

from skucast.backends.store.protocol import Live, ModelStore
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import Combination
from skucast.core.errors import ModelError, ModelNotFound, ObjectKept, StoreConflict
from skucast.core.model_files import SharedFile
from skucast.core.run import Run
from skucast.core.words import counted
from skucast.forecast import evidence as kept_evidence
from skucast.forecast import learnt
from skucast.forecast.artifact import StoredModel
from skucast.forecast.blend import LEAST_ORIGINS
from skucast.forecast.evidence import EVIDENCE, Evidence, evidence_origins
from skucast.forecast.learnt import BLEND, Past, learn, past_of
from skucast.forecast.panel import model as panel_model
from skucast.forecast.panel.features import features_at, levels
from skucast.forecast.panel.grid import Grid
from skucast.forecast.panel.known import KnownAhead
from skucast.forecast.panel.model import PANEL, PanelForecast, PanelModel
from skucast.forecast.panel.training import (
    LEAST_WEEKS,
    SEEDS,
    Rows,
    Task,
    check_trainer,
    dealt,
    panel_of,
    recipe_of,
    rows_of,
    tasks,
    train_forests,
)
from skucast.forecast.panel.trees import Forest
from skucast.forecast.plain import StoredPayload
from skucast.forecast.training import backtest_weeks_of
from skucast.jobs.known_ahead import usable_plan
from skucast.jobs.other_evidence import AskedThen
from skucast.jobs.others import NOBODY, Others
from skucast.jobs.panel_files import READERS, panel_grid, read_shared
from skucast.jobs.stored_models import model_in
from skucast.regressors.declared import declared_of
from skucast.runtime.logs import log
from skucast.runtime.outcome import RunReport, run_each
from skucast.runtime.settings import Settings
from skucast.sales.history import History


@dataclass(frozen=True)
class PanelInputs:
    """What the panel learns from: all combinations, and what was known of their promotions; made once, when asked."""

    settings: Settings
    warehouse: Warehouse
    run: Run
    history: History
    others: Others = NOBODY

    @property
    def cutoff(self) -> date:
        """The last week that the panel learns from."""
        return self.history.data_cutoff

    @property
    def evidence_weeks(self) -> int:
        """Weeks ahead that evidence is kept of."""
        return backtest_weeks_of(self.settings.horizon_weeks)

    @property
    def horizon(self) -> int:
        """Weeks that the panel forecasts: at least those that evidence is kept of."""
        return max(self.settings.horizon_weeks, self.evidence_weeks)

    @property
    def origins(self) -> list[date]:
        """Past origins of which evidence is wanted."""
        return evidence_origins(self.cutoff, self.evidence_weeks)

    @cached_property
    def grid(self) -> Grid:
        """All combinations' weeks."""
        return panel_grid(self.settings, self.warehouse, self.history, self.horizon)

    @cached_property
    def known(self) -> KnownAhead:
        """What was known of promotions at past origins."""
        clock, combinations = self.settings.clock, self.grid.combinations
        plan = usable_plan(self.settings, self.warehouse, self.history, combinations)[0]
        now = plan.as_of(clock.end_of(self.run.today), clock.targets(self.cutoff, self.horizon))
        has_plan = np.array([bool(each.is_covered.any()) for each in now.values()])
        return KnownAhead(self.grid, plan, clock, has_plan, [each.declared.known for each in now.values()])


def train_panel(inputs: PanelInputs, store: ModelStore, report: RunReport, *, force: bool) -> None:
    """Train the panel, and of past origins of which no evidence is kept what it would have forecast there; store both.

    What cannot be trained stops nobody: the models of the combinations forecast without it, and a note says so.
    """
    try:
        check_trainer()
    except ValueError as error:
        _note(report, f"no panel model: {error}; Prophet forecasts alone")
        return
    recipe, cutoff = recipe_of(inputs.horizon, declared_of(inputs.settings.regressors)), inputs.cutoff
    kept = None if force else _evidence_until(store, cutoff)
    forecasts = _kept(kept, inputs, recipe)
    missing = [origin for origin in inputs.origins if origin not in forecasts]
    is_current = not force and _is_current(store, cutoff, recipe)
    asked = AskedThen(inputs.others, inputs.history, inputs.grid, inputs.known, inputs.evidence_weeks, kept)
    if is_current and not missing and not asked.is_missing(inputs.origins):
        report.notes.append(f"panel of {cutoff} exists")
        return
    with report.timed("panel"):
        try:
            trained = _trained(inputs, missing, recipe, is_current=is_current)
        except ValueError as error:
            _note(report, f"no panel model: {error}; Prophet forecasts alone")
            return
        forecasts |= {origin: _forecast_at(inputs, trained[origin], origin) for origin in missing if origin in trained}
        if cutoff in trained:
            _save(store, PANEL, partial(panel_model.dumps, trained[cutoff]), report, force=force)
    said = asked.at(inputs.origins, report)
    evidence = kept_evidence.kept_evidence(cutoff, recipe, inputs.grid.combinations, forecasts, said)
    _save(store, EVIDENCE, partial(kept_evidence.dumps, evidence), report, force=force)
    report.notes.append(
        f"panel: {counted(len(inputs.grid.combinations), 'combination')}, "
        f"{counted(len(forecasts), 'past origin')} of evidence, {len(forecasts.keys() & set(missing))} of them new"
    )


def _trained(
    inputs: PanelInputs, missing: Sequence[date], recipe: Mapping[str, Any], *, is_current: bool
) -> dict[date, PanelModel]:
    """The panels of past origins (one seed) and of now (all seeds), by the last week they know; forests side by side.

    Raises:
        ValueError: no week to learn from, or a forest could not be trained.
    """
    grid, cutoff = inputs.grid, inputs.cutoff
    ends = {origin: grid.end(origin) for origin in missing if grid.end(origin) > LEAST_WEEKS}
    if not is_current:
        ends[cutoff] = grid.n_weeks
    if not ends:
        return {}
    started = time.perf_counter()
    rows = rows_of(grid, inputs.horizon, inputs.known, min(ends.values()))
    log.debug("rows of the panel: %d in %.1f s", len(rows.shares), time.perf_counter() - started)
    pool = inputs.settings.pool
    wanted = {
        f"panel of {label}, {', '.join(task.name for task in hand)}": (label, (end, hand))
        for label, end in ends.items()
        if (rows.weeks < end).any()
        for hand in dealt(tasks(SEEDS if label == cutoff else SEEDS[:1]), pool.workers)
    }
    found: dict[date, list[tuple[Task, Forest]]] = {}
    items = [(name, item) for name, (_, item) in wanted.items()]
    for outcome in run_each(items, partial(_train_some, rows=rows), what="train the panel", pool=pool):
        if outcome.value is None:
            raise ValueError(str(outcome.error))
        label, (_, hand) = wanted[outcome.combination]
        found.setdefault(label, []).extend(zip(hand, outcome.value, strict=True))
    return {label: panel_of(label, recipe, rows, forests) for label, forests in found.items()}


def _train_some(_: str, item: tuple[int, list[Task]], rows: Rows) -> list[Forest]:
    end, hand = item
    return train_forests(hand, rows.until(end))


def _forecast_at(inputs: PanelInputs, panel: PanelModel, origin: date) -> PanelForecast:
    """What a panel that knew no more than the origin says of the weeks after it."""
    grid, horizon = inputs.grid, inputs.evidence_weeks
    end = grid.end(origin)
    ahead = inputs.known(end, horizon)
    said = panel.predict(features_at(grid, end, ahead.depth, ahead.days, ahead.declared)[0], levels(grid, end))
    usable = (grid.sold.count[:, end] >= LEAST_WEEKS)[:, None]
    return PanelForecast(*(np.where(usable, values, np.nan) for values in vars(said).values()))


def _kept(kept: Evidence | None, inputs: PanelInputs, recipe: Mapping[str, Any]) -> dict[date, PanelForecast]:
    """The evidence of earlier trainings by the same recipe, of the wanted origins."""
    if kept is None or kept.recipe != recipe:
        return {}
    horizon = inputs.evidence_weeks
    found = {origin: kept.forecast(origin, inputs.grid.combinations, horizon) for origin in inputs.origins}
    return {origin: forecast for origin, forecast in found.items() if forecast is not None}


def read_evidence(store: ModelStore) -> Evidence | None:
    """Return the evidence of the panel that is kept; None where there is none that can be read."""
    try:
        return kept_evidence.loads(store.load(EVIDENCE).payload).content
    except ModelError as error:
        if not isinstance(error, ModelNotFound):
            log.warning("%s: %s; it is made anew", EVIDENCE, error)
        return None


def _evidence_until(store: ModelStore, cutoff: date) -> Evidence | None:
    """The evidence that is live, or the newest version of it that had not seen past the cutoff."""
    live = read_evidence(store)
    if live is None or live.cutoff <= cutoff:
        return live
    try:
        return read_shared(store, EVIDENCE, kept_evidence.loads, cutoff).content
    except ModelError:
        return None


def _is_current(store: ModelStore, cutoff: date, recipe: Mapping[str, Any]) -> bool:
    try:
        panel = read_shared(store, PANEL, panel_model.loads, cutoff).content
    except ModelError:
        return False
    return panel.cutoff == cutoff and panel.recipe == recipe


def learn_blend(inputs: PanelInputs, store: ModelStore, report: RunReport) -> Past | None:
    """Learn the weights of the components and the spread of their errors from the evidence, and store them.

    Return what it was learnt from; None without evidence.
    """
    kept = read_evidence(store) if inputs.settings.force else _evidence_until(store, inputs.cutoff)
    if kept is None:
        return None
    with report.timed("blend"):
        own = {
            combination: loads_evidence(combination, live)
            for combination, live in store.load_many(list(inputs.grid.combinations)).items()
        }
        wanted = [each.name for each in inputs.others.models]
        past = past_of(inputs.grid, inputs.known, own, kept, inputs.origins, inputs.evidence_weeks, wanted)
        blend = learn(past)
        _save(store, BLEND, partial(learnt.dumps, blend), report, force=inputs.settings.force)
    for name in wanted:
        if name not in past.components:
            report.warn(f"{BLEND}: {name} takes no part: fewer than {LEAST_ORIGINS} past origins tell what it is worth")
    if blend.pooled:
        shares = ", ".join(f"{name} {share:.0%}" for name, share in zip(blend.components, blend.pooled, strict=True))
        report.notes.append(f"blend: {shares}, by {counted(len(blend.origins), 'past origin')}")
    elif blend.origins:
        report.notes.append(f"blend: the median of the components, {counted(len(blend.origins), 'past origin')} only")
    else:
        report.notes.append("blend: no evidence of past origins; the panel forecasts alone")
    return past


def loads_evidence(combination: Combination, live: Live | ModelError) -> Mapping[str, Sequence[float]]:
    """Return the evidence in the model file of a combination; nothing where it cannot be read, or is another's."""
    found = model_in(combination, live)
    return found.card.evidence if isinstance(found, StoredModel) else {}


def _save(
    store: ModelStore, file: SharedFile, made: Callable[[], StoredPayload], report: RunReport, *, force: bool
) -> None:
    """Put the file in the place of what is there; what keeps it from being live is said and stops nobody.

    Of a training for a day of the past it is kept beside what has seen later weeks, for forecasts of that day.
    """
    try:
        stored = made()
    except ModelError as error:
        _note(report, f"{file} stays as it is: {error}")
        return
    try:
        live = store.load(file)
        day, known = stored.version[:10], _day_of(file, live)
        if not force and known > day:
            store.keep(file, stored.payload, stored.version)
            _note(report, f"{file} of {known} stays live, it has seen weeks after {day}; --force replaces it")
            return
        expected = live.generation
    except ModelNotFound:
        expected = None
    except ModelError as error:
        _note(report, f"{file}: {error}")
        return
    try:
        store.save(file, stored.payload, stored.version, expected=expected)
    except (ObjectKept, StoreConflict, ModelError) as error:
        _note(report, f"{file} is not live: {error}")


def _note(report: RunReport, text: str) -> None:
    report.warn(text)


def _day_of(file: SharedFile, live: Live) -> str:
    """The last week that the live file knows; nothing of one that cannot be read, which may be replaced."""
    try:
        return str(READERS[file](live.payload).content.cutoff)
    except ModelError:
        return ""
