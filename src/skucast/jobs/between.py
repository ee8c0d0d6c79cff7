"""Forecasts that lie between the last run and this one: with the models and the plan of then, with the sales of now.

Made for the combinations alone that need them, by the functions that every forecast is made by.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, cast

import numpy as np
import pandas as pd

from skucast.backends.store.protocol import ModelStore
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY, Combination
from skucast.core.errors import ModelError, ModelNotFound
from skucast.core.model_files import newest_until
from skucast.core.parallel import in_parallel
from skucast.core.run import Run
from skucast.core.tables.forecasts import MODEL_METHODS, REFRESHED
from skucast.forecast import learnt
from skucast.forecast.artifact import StoredModel
from skucast.forecast.forecasting import Horizon, as_needed
from skucast.forecast.learnt import BLEND, Forecaster
from skucast.forecast.panel import model as panel_model
from skucast.forecast.panel.model import PANEL
from skucast.forecast.published import Shared, mixed
from skucast.jobs.forecast_rows import Known, forecast_rows, shared_of
from skucast.jobs.inputs import Inputs
from skucast.jobs.known_ahead import weather_ahead
from skucast.jobs.models import Models
from skucast.jobs.others import from_texts
from skucast.jobs.panel_files import Files
from skucast.jobs.refresh import with_fresh
from skucast.jobs.shards import combinations_of
from skucast.jobs.stored_models import kept_version, model_in
from skucast.regressors.future import WeatherWeeks
from skucast.regressors.plan_changes import plan_changes
from skucast.regressors.promotions import PlannedWeeks
from skucast.runtime.logs import log
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings
from skucast.sales.digests import digests_of
from skucast.sales.history import History
from skucast.scorecard.bridge import ROW, WAYS, Between, Flags, is_other_version, is_same_way, side_by_side

EVEN_YOUNG = -1
"""Weeks after which a model is fitted anew, where it is known to have been."""

_THEN = ["cutoff", "data_cutoff", "panel_version", "blend_version"]
"""What a last run's combinations are forecast together by."""


class Quiet(RunReport):
    """A report that nobody reads: what is forecast once more has been said already."""

    def warn(self, text: str, **fields: object) -> None:
        """Say it where only those hear it who look for it."""
        log.debug("between the runs: %s", text, extra={"fields": fields})


@dataclass(frozen=True)
class Found:
    """What lies between, and by combination and week what of its plan is another (JSON)."""

    between: Between
    plans: dict[tuple[Combination, date], str]


@dataclass(frozen=True)
class Remade:
    """Makes what lies between two runs; `known` is what this one's forecasts are made of, of all combinations."""

    settings: Settings
    warehouse: Warehouse
    store: ModelStore
    run: Run
    inputs: Inputs
    known: Known

    def between(self, before: pd.DataFrame, after: pd.DataFrame) -> Found:
        """Return the forecasts between the rows of two runs."""
        old, new, was, is_now = side_by_side(before, after)
        both = was & is_now
        old, new = old[both].reset_index(drop=True), new[both].reset_index(drop=True)
        weeks = sorted(old["ds"].dt.date.unique())
        plans: dict[tuple[Combination, date], str] = {}
        parts: dict[str, list[pd.DataFrame]] = {"restated": [], "unplanned": [], "planned": []}
        named: dict[datetime, dict[tuple[Combination, date], str]] = {}
        for then in self._groups(old, new):
            if then.known_at not in named:
                planned = self.known.plan, list(self.known.planned)
                named[then.known_at] = plan_changes(*planned, then.known_at, self._now, weeks)
            changed = named[then.known_at]
            if changed:
                mine = set(then.combinations)
                plans |= {each: text for each, text in changed.items() if each[0] in mine}
            try:
                for name, rows in then.made({each for each, _ in changed}, new):
                    parts[name].append(rows)
            except ModelError as error:
                log.warning("why forecasts changed is told in part: %s", error)
        frames = {name: pd.concat(rows, ignore_index=True) if rows else None for name, rows in parts.items()}
        return Found(Between(**frames), plans)

    @property
    def _now(self) -> datetime:
        return self.settings.clock.end_of(self.run.today)

    def _groups(self, old: pd.DataFrame, new: pd.DataFrame) -> Iterator[_Then]:
        """The combinations by what the last run forecast them from, and which of them are another by now."""
        is_model = (old["method"].isin(MODEL_METHODS) & ~old["status"].isin(WAYS)).to_numpy()
        is_open = is_model & ~new["status"].isin(WAYS).to_numpy()
        is_other = is_open & (is_other_version(old, new) | ~is_same_way(old, new))
        known = digests_of(self.inputs.history.weeks, old)
        kept = old["history_digest"]
        is_restated = is_open & (kept.notna().to_numpy() & (kept.to_numpy(dtype=object) != known))
        marked = old.assign(_is_other=is_other, _is_restated=is_restated, _is_open=is_open)
        for values, rows in marked.groupby(_THEN, dropna=False, sort=False):
            cutoff, data_cutoff, *versions = cast("tuple[Any, ...]", values)
            panel, blend = (value if isinstance(value, str) else None for value in versions)
            yield _Then(self, rows, cutoff.date(), data_cutoff.date(), panel, blend)


@dataclass(frozen=True)
class _Then:
    """Combinations that the last run forecast from the same weeks by the same panel: `rows` are theirs of both runs."""

    remade: Remade
    rows: pd.DataFrame
    cutoff: date
    data_cutoff: date
    panel_version: str | None
    blend_version: str | None

    @property
    def combinations(self) -> list[Combination]:
        """All of them."""
        return combinations_of(self.rows)

    @cached_property
    def today(self) -> date:
        """The day that the last run was about; where its rows do not say it, the one it ran on, or the same weekday."""
        clock, run = self.remade.settings.clock, self.remade.run
        if self._said_at is not None:
            return clock.day_of(self._said_at)
        ran_on = clock.day_of(self.rows["created_at"].max().to_pydatetime())
        if self.cutoff < ran_on <= self.cutoff + timedelta(days=7):
            return ran_on
        return self.cutoff + timedelta(days=min(max((run.today - run.cutoff).days, 1), 7))

    @cached_property
    def known_at(self) -> datetime:
        """The moment up to which the last run knew the plan: it may have changed later on the same day."""
        if self._said_at is not None:
            return self._said_at
        created: datetime = self.rows["created_at"].max().to_pydatetime()
        clock = self.remade.settings.clock
        end: datetime = clock.end_of(self.today)
        return min(end, created) if clock.day_of(created) == self.today else end

    @cached_property
    def _said_at(self) -> datetime | None:
        said = self.rows["known_at"].max()
        return None if pd.isna(said) else said.to_pydatetime()

    def made(self, replanned: set[Combination], new: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
        """Yield what lies between, by its name in `Between`."""
        other = combinations_of(self.rows[self.rows["_is_other"]])
        restated = combinations_of(self.rows[self.rows["_is_restated"]])
        if replanned:
            replanned = replanned & set(combinations_of(self.rows[self.rows["_is_open"]]))
        if not (other or restated or replanned):
            return
        models = self._models(sorted({*other, *restated, *replanned}))
        known, history = self.remade.known, self.remade.inputs.history
        horizon = replace(known.horizon, n_paths=0)
        clock = self.remade.settings.clock
        weather = weather_ahead(known.outlook, clock, horizon.weeks_after_data, self.combinations)
        shared = self._shared(known.shared, history, known.planned, horizon)
        if mine := [each for each in other if each in models]:
            rows = self._forecast(mine, models, known.planned, horizon, history, weather, shared)
            yield "planned", _with_steps(rows, new, shared)
        if mine := [each for each in sorted(replanned) if each in models]:
            planned = known.plan.as_of(self.known_at, horizon.weeks_after_data)
            shared = shared and replace(shared, planned=planned)
            yield "unplanned", self._forecast(mine, models, planned, horizon, history, weather, shared)
        if mine := [each for each in restated if each in models]:
            yield "restated", self._restated(mine, models)

    def _restated(self, combinations: Sequence[Combination], models: Models) -> pd.DataFrame:
        """The last run's forecast from the sales of then as they are known now."""
        known, clock, run = self.remade.known, self.remade.settings.clock, self.remade.run
        horizon = replace(known.horizon, today=self.today, cutoff=self.cutoff, data_cutoff=self.data_cutoff, n_paths=0)
        weeks = horizon.weeks_after_data
        planned = known.plan.as_of(self.known_at, weeks)
        moment = None if run.is_about_today(clock) and self.today == run.today else self.known_at
        weather = weather_ahead(known.outlook, clock, weeks, combinations, moment)
        shared = self._shared(None, self._history, planned, horizon)
        return self._forecast(combinations, models, planned, horizon, self._history, weather, shared)

    @cached_property
    def _history(self) -> History:
        """The sales of then as they are known now."""
        history = self.remade.inputs.history
        weeks = history.weeks[history.weeks["ds"] <= pd.Timestamp(self.data_cutoff)].reset_index(drop=True)
        return replace(history, weeks=weeks, data_cutoff=self.data_cutoff, late=[])

    def _forecast(
        self,
        combinations: Sequence[Combination],
        models: Models,
        planned: Mapping[Combination, PlannedWeeks],
        horizon: Horizon,
        history: History,
        weather: Mapping[str, WeatherWeeks],
        shared: Shared | None,
    ) -> pd.DataFrame:
        inputs = replace(self.remade.inputs, history=history, wanted=list(combinations))
        return forecast_rows(inputs, models, planned, weather, horizon, Quiet(), shared)

    # --- the versions of then ---------------------------------------------------------------------------------------

    def _models(self, combinations: Sequence[Combination]) -> Models:
        """The models that the last run forecast with; one that is kept no more is left out.

        What had been fitted anew for it is fitted anew to the same weeks.
        """
        first = self.rows.drop_duplicates(KEY)
        names = combinations_of(first)
        version = dict(zip(names, first["model_version"], strict=True))
        wanted = {each: version[each] if isinstance(version[each], str) else None for each in combinations}
        found = {each: stored for each in combinations if (stored := self._now_stored(each)) is not None}
        models: Models = {each: ModelNotFound("it had none") for each, name in wanted.items() if name is None}
        models |= {each: model for each, model in found.items() if _version(model) == wanted[each] is not None}
        others = [each for each, name in wanted.items() if name is not None and each not in models]
        models |= self._kept({each: str(wanted[each]) for each in others})
        is_fresh = self.rows[self.rows["status"] == REFRESHED]
        return {**models, **self._fitted_anew(models, set(combinations_of(is_fresh)))}

    def _now_stored(self, combination: Combination) -> StoredModel | None:
        """The model that this run has read of a combination, as it is stored."""
        found = self.remade.known.models.get(combination)
        return (found.stored or found) if isinstance(found, StoredModel) else None

    def _kept(self, versions: Mapping[Combination, str]) -> Models:
        """Those of these versions that are live or kept."""
        live = self.remade.store.load_many(list(versions)) if versions else {}
        models = {each: model_in(each, file) for each, file in live.items()}
        usable = {each: model for each, model in models.items() if _version(model) == versions[each]}
        rest = [each for each in versions if each not in usable]
        kept = in_parallel(lambda each: kept_version(self.remade.store, each, versions[each]), rest) if rest else {}
        found = {**usable, **kept}
        return {each: as_needed(model) for each, model in found.items() if isinstance(model, StoredModel)}

    def _fitted_anew(self, models: Models, wanted: set[Combination]) -> Models:
        old: Models = {each: model for each, model in models.items() if each in wanted}
        if not old:
            return {}
        remade = self.remade
        settings = remade.settings.model_copy(update={"refresh_after_weeks": EVEN_YOUNG, "refresh": True})
        last = self.data_cutoff + (remade.known.horizon.horizon_weeks + 1) * timedelta(days=7)
        outlook = remade.known.outlook
        return with_fresh(settings, remade.warehouse, self._history, old, outlook, last, Quiet())

    @cached_property
    def _files(self) -> Files | None:
        """The panel and the blend of then; None where it forecast without.

        Raises:
            ModelError: a version is kept no more, or cannot be read.
        """
        if self.panel_version is None:
            return None
        now, store = self.remade.known.files, self.remade.store
        panel = now.panel if now is not None and now.panel.version == self.panel_version else None
        if panel is None:
            panel = panel_model.loads(store.load_version(PANEL, self.panel_version))
        if now is not None and now.blend_version == self.blend_version:
            return Files(panel, now.blend, now.blend_version)
        # rows of before do not say which weights they had: the newest of then
        version = self.blend_version or newest_until(store.versions(BLEND), self.cutoff)
        if version is None:
            return Files(panel, None)
        return Files(panel, learnt.loads(store.load_version(BLEND, version)).content, version)

    def _shared(
        self, now: Shared | None, history: History, planned: Mapping[Combination, PlannedWeeks], horizon: Horizon
    ) -> Shared | None:
        """What all combinations share: the files of then, and `now` but for these, or made of the history."""
        files, remade = self._files, self.remade
        if files is None:
            return None
        made = now or shared_of(remade.settings, remade.warehouse, history, files, planned, horizon)
        if made is None:
            return None
        blend = files.blend
        if blend is not None and remade.settings.target == "median":
            blend = replace(blend, spread={})  # no interval is asked for
        return replace(
            made,
            panel=files.panel,
            blend=blend,
            blend_version=files.blend_version,
            planned=planned,
            forecaster=self._forecaster,
        )

    @property
    def _forecaster(self) -> Forecaster:
        """Whose number was published then."""
        if (self.rows["method"] == "blend").any():
            return "blend"
        now = self.remade.settings.forecaster
        return "panel" if now == "prophet" else now


def _version(model: object) -> str | None:
    return model.version if isinstance(model, StoredModel) else None


def _with_steps(rows: pd.DataFrame, new: pd.DataFrame, shared: Shared | None) -> pd.DataFrame:
    """The rows with what the model of now adds to them (`model`), and then the panel of now (`panel`)."""
    combinations = combinations_of(rows)
    shape = len(combinations), len(rows) // max(len(combinations), 1)
    place = pd.MultiIndex.from_frame(new[ROW]).get_indexer(pd.MultiIndex.from_frame(rows[ROW]))
    is_there: Flags = place >= 0

    def table(frame: pd.DataFrame, name: str) -> np.ndarray:
        values = frame[name].to_numpy(dtype="float64")
        return values.reshape(shape) if frame is rows else np.where(is_there, values[place], np.nan).reshape(shape)

    names = ("yhat_prophet", "yhat_panel", "yhat_panel_log")
    old, now = (np.stack([table(frame, name) for name in names]) for frame in (rows, new))
    if shared is not None and shared.others:  # they have no versions: what they say now is theirs in all steps
        said = from_texts(rows["yhat_others"].tolist()).reindex(columns=list(shared.others)).to_numpy("float64")
        of_others = said.T.reshape(len(shared.others), *shape)
        old, now = (np.concatenate([each, of_others]) for each in (old, now))
    if shared is None:
        model, panel = np.nan_to_num(now[0] - old[0]), np.zeros(shape)
    else:
        steps = [mixed(each, shared, combinations) for each in (old, np.concatenate([now[:1], old[1:]]), now)]
        model, panel = (np.nan_to_num(later - earlier) for earlier, later in itertools.pairwise(steps))
    is_mixed = rows["method"].isin(("blend", "panel")).to_numpy()
    alone = np.nan_to_num(now[0] - old[0]).ravel()
    return rows.assign(model=np.where(is_mixed, model.ravel(), alone), panel=np.where(is_mixed, panel.ravel(), 0.0))
