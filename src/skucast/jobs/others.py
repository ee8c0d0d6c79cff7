"""Models beside ours in a run: which there are, what they say, and what of it is kept."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from skucast.core.combination import KEY, Combination
from skucast.core.declared import Regressor
from skucast.core.other_models import others_in
from skucast.core.series import ID, unique_id
from skucast.forecast.forecasting import Horizon, Start
from skucast.forecast.others.asking import Answer, Coming, Question, ask, long_history, long_known
from skucast.forecast.others.protocol import Model
from skucast.regressors.declared import declared_of
from skucast.runtime.outcome import RunReport, run_each
from skucast.runtime.settings import Settings
from skucast.sales.history import History

DIGITS = 6
"""Significant digits that are kept of a number."""


@dataclass(frozen=True)
class Others:
    """Models beside ours, and the declared regressors that they are told beside the promotions."""

    models: tuple[Model, ...] = ()
    declared: tuple[Regressor, ...] = ()


NOBODY = Others()


def others_of(settings: Settings, own: Sequence[Model] = ()) -> Others:
    """Return the models beside ours: those that MODELS names, and the caller's own.

    Raises:
        InputError: the library of one is not installed.
    """
    names = others_in(settings.models)
    if not names and not own:
        return NOBODY
    from skucast.forecast.others.statistical import named

    return Others((*map(named, names), *own), tuple(declared_of(settings.regressors)))


def with_others(
    rows: pd.DataFrame,
    others: Others,
    history: History,
    starts: Sequence[Start],
    horizon: Horizon,
    report: RunReport,
) -> pd.DataFrame:
    """Return the rows with what other models say of their weeks, fitted to all that is known now, as `yhat_others`."""
    if not others.models or not len(rows):
        return rows.assign(yhat_others=None)
    with report.timed("other models"):
        known = long_known(_coming(starts, horizon), others.declared)
        asked = Question(_delivered(history, others.declared), known)
        answers = answers_of(others.models, asked, report)
    key = [ID, "ds"]
    said = pd.concat([known[key], *(each.numbers.drop(columns=key) for each in answers)], axis=1)
    told = rows[[*KEY, "ds"]].assign(**{ID: unique_id(rows)}).merge(said, on=key, how="left").drop(columns=[*KEY, *key])
    return rows.assign(yhat_others=np.array(as_texts(told), dtype=object))


def answers_of(models: Sequence[Model], asked: Question, report: RunReport) -> list[Answer]:
    """Return what the models say that do not fail; those that do, or say nothing of some series, are noted."""
    by_name = {model.name: model for model in models}
    found = {}
    for outcome in run_each(list(by_name.items()), _Asking(asked), what="ask the models"):
        if outcome.value is None:
            report.notes.append(f"{outcome.combination}: no numbers, it failed: {outcome.error}")
            continue
        if outcome.value.problem is not None:
            report.notes.append(f"{outcome.combination}: {outcome.value.problem}")
        found[outcome.combination] = outcome.value
    return [found[name] for name in by_name if name in found]


class _Asking:
    """Asks one model after another the same."""

    def __init__(self, asked: Question) -> None:
        self.asked = asked

    def __call__(self, name: str, model: Model) -> Answer:
        return ask(name, model, self.asked)


def as_texts(numbers: pd.DataFrame) -> list[str | None]:
    """Return each row's numbers by column as JSON, without those that are not there; None where none is."""
    names = list(map(str, numbers))
    found = []
    for values in numbers.to_numpy(dtype="float64").tolist():
        told = {
            name: float(f"{value:.{DIGITS}g}")
            for name, value in zip(names, values, strict=True)
            if not math.isnan(value)
        }
        found.append(json.dumps(told, ensure_ascii=False) if told else None)
    return found


def from_texts(texts: Sequence[object]) -> pd.DataFrame:
    """Return the numbers of all rows, a column each, as they were first named; NaN where a row has none."""
    told = [json.loads(text) if isinstance(text, str) else {} for text in texts]
    names = list(dict.fromkeys(name for each in told for name in each))
    return pd.DataFrame(
        {name: [each.get(name) for each in told] for name in names}, dtype="float64", index=range(len(told))
    )


def _coming(starts: Sequence[Start], horizon: Horizon) -> Mapping[Combination, Coming]:
    return {each.combination: Coming(horizon.weeks_after(each.data_cutoff), each.ahead.regressors) for each in starts}


def _delivered(history: History, declared: Sequence[Regressor]) -> pd.DataFrame:
    """The weeks of all series up to the last one that has arrived of each."""
    weeks = long_history(history.weeks, declared)
    if not history.late:
        return weeks
    through = {each: pd.Timestamp(history.known_through(each)) for each in history.combinations}
    last = pd.Series([through[Combination(*parts)] for parts in weeks[KEY].itertuples(index=False, name=None)])
    return weeks[weeks["ds"] <= last].reset_index(drop=True)
