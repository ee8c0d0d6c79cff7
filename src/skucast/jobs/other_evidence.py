"""What models beside ours would have forecast at past origins: asked there once, and kept from training to training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from skucast.core.bounds import MOST_SALES
from skucast.core.combination import KEY, Combination
from skucast.core.words import counted
from skucast.forecast.evidence import Evidence
from skucast.forecast.others.asking import Answer, Coming, Question, ask, long_history, long_known
from skucast.forecast.others.protocol import Model
from skucast.forecast.panel.grid import Grid
from skucast.forecast.panel.known import Known
from skucast.forecast.panel.training import LEAST_WEEKS
from skucast.forecast.prophet.design import Floats
from skucast.jobs.others import Others
from skucast.regressors.declared_values import columns_of
from skucast.regressors.promotions import PROMO_REGRESSORS
from skucast.runtime.outcome import RunReport, run_each
from skucast.sales.history import History

Said = dict[str, tuple[Mapping[str, Any], dict[date, Floats]]]
"""By a model's name its recipe, and what it said at each origin, (S, H)."""


@dataclass(frozen=True)
class AskedThen:
    """Asks models what they would have forecast at past origins with what was known there; `kept` is not asked again.

    An origin is four weeks from the next one, so that of six a week later at most one is new.
    """

    others: Others
    history: History
    grid: Grid
    known: Known
    horizon: int
    kept: Evidence | None

    def is_missing(self, origins: Sequence[date]) -> bool:
        """Return whether anything is to be asked."""
        return any(self._missing(model, origins) for model in self.others.models)

    def at(self, origins: Sequence[date], report: RunReport) -> Said:
        """Return what all models say at these origins; one that fails says nothing there, which is noted."""
        wanted = {
            f"{model.name} at {origin}": (model, origin)
            for model in self.others.models
            for origin in self._missing(model, origins)
        }
        found: Said = {}
        for model in self.others.models:
            there = [each for each in origins if self._is_kept(model, each)]
            found[model.name] = recipe_of(model, self.others), {each: self._of_kept(model, each) for each in there}
        failed: dict[str, list[str]] = {}
        with report.timed("other models"):
            for outcome in run_each(list(wanted.items()), self._ask, what="ask the models", traces=False):
                model, origin = wanted[outcome.combination]
                if outcome.value is None:
                    failed.setdefault(model.name, []).append(str(outcome.error))
                else:
                    found[model.name][1][origin] = outcome.value
        for name, errors in failed.items():
            report.warn(f"{name}: it failed at {counted(len(errors), 'past origin')}: {errors[0]}")
        return found

    def _missing(self, model: Model, origins: Sequence[date]) -> list[date]:
        return [each for each in origins if self.grid.end(each) > LEAST_WEEKS and not self._is_kept(model, each)]

    def _is_kept(self, model: Model, origin: date) -> bool:
        recipe = recipe_of(model, self.others)
        return self.kept is not None and self.kept.has_model(model.name, origin, self.horizon, recipe)

    def _of_kept(self, model: Model, origin: date) -> Floats:
        assert self.kept is not None
        return self.kept.of_model(model.name, origin, self.grid.combinations, self.horizon)

    def _ask(self, _: str, item: tuple[Model, date]) -> Floats:
        model, origin = item
        asked, rows = self._question(origin)
        answer: Answer = ask(model.name, model, asked)
        found = np.full((len(self.grid.combinations), self.horizon), np.nan)
        found[rows] = answer.numbers[model.name].to_numpy(dtype="float64").reshape(len(rows), self.horizon)
        usable = self.grid.sold.count[:, self.grid.end(origin)] >= LEAST_WEEKS
        return np.where(usable[:, None] & (found <= MOST_SALES), found, np.nan)

    def _question(self, origin: date) -> tuple[Question, list[int]]:
        """What is asked at an origin, and of which rows of the grid: those that had been sold by then."""
        history = self._weeks[self._weeks["ds"] <= pd.Timestamp(origin)].reset_index(drop=True)
        there = {Combination(*parts) for parts in history[KEY].drop_duplicates().itertuples(index=False, name=None)}
        rows = [row for row, each in enumerate(self.grid.combinations) if each in there]
        known = dict(self._known_at(self.grid.end(origin)))
        weeks = [self.grid.label(self.grid.end(origin) + step) for step in range(1, self.horizon + 1)]
        coming = {
            self.grid.combinations[row]: Coming(weeks, {name: values[row] for name, values in known.items()})
            for row in rows
        }
        return Question(history, long_known(coming, self.others.declared)), rows

    def _known_at(self, end: int) -> Iterator[tuple[str, Floats]]:
        """What was known after so many weeks of those to come, by its column, (S, H)."""
        ahead = self.known(end, self.horizon)
        yield from zip(PROMO_REGRESSORS, (ahead.depth, ahead.days), strict=True)
        for (regressor, values), coming in zip(self.grid.declared, ahead.declared, strict=True):
            whole = np.concatenate([values[:, :end], coming], axis=1)
            for name, each in columns_of(regressor, whole, end).items():
                yield name, each[:, end:]

    @cached_property
    def _weeks(self) -> pd.DataFrame:
        return long_history(self.history.weeks, self.others.declared)


def recipe_of(model: Model, others: Others) -> dict[str, Any]:
    """Return by what a model's forecasts are made: of another recipe none are taken for its own."""
    made_of = getattr(model, "recipe", type(model).__qualname__)
    return {"model": made_of, "declared": [each.name for each in others.declared]}
