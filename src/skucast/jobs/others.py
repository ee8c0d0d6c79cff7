"""Models beside ours in a run: which there are, what they say, and what of it is kept."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from skucast.core.combination import KEY, Combination
from skucast.core.declared import Regressor
from skucast.core.errors import InputError
from skucast.core.kept_json import kept_object
from skucast.core.other_models import others_in
from skucast.core.series import ID, unique_id
from skucast.forecast.forecasting import Horizon, Start
from skucast.forecast.learnt import BLEND
from skucast.forecast.others.asking import Answer, Coming, Question, ask, long_history, long_known
from skucast.forecast.others.protocol import Model
from skucast.forecast.published import Shared
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
    return _with_names(others_in(settings.models), own, settings, "MODELS")


def blended_of(settings: Settings, own: Sequence[Model] = ()) -> Others:
    """Return the models that a training lets take part in the blend: those that BLEND_MODELS names, the caller's own.

    Raises:
        InputError: the library of one is not installed.
    """
    return _with_names(others_in(settings.blend_models), own, settings, "BLEND_MODELS")


def _with_names(names: Sequence[str], own: Sequence[Model], settings: Settings, setting: str) -> Others:
    if not names and not own:
        return NOBODY
    return Others((*(_named(name, setting) for name in names), *own), tuple(declared_of(settings.regressors)))


def _named(name: str, setting: str) -> Model:
    """The model of this name.

    Raises:
        InputError: its library is not installed, or there is none of this name.
    """
    from skucast.forecast.others.statistical import named

    return named(name, setting)


def and_blended(others: Others, shared: Shared | None, report: RunReport) -> Others:
    """Return the models, and behind them those that take part in the blend; why one cannot be asked is noted."""
    asked, more = {each.name for each in others.models}, []
    for name in () if shared is None else shared.others:
        if name in asked:
            continue
        try:
            more.append(_named(name, BLEND.name))
        except InputError as error:
            report.notes.append(str(error))
    return replace(others, models=(*others.models, *more)) if more else others


def said_by(
    others: Others, history: History, starts: Sequence[Start], horizon: Horizon, report: RunReport
) -> pd.DataFrame | None:
    """Return what models say of the weeks to come, fitted to all that is known now: series, week, a column each.

    None where none is asked.
    """
    if not others.models or not starts:
        return None
    with report.timed("other models"):
        known = long_known(_coming(starts, horizon), others.declared)
        asked = Question(_delivered(history, others.declared), known)
        answers = answers_of(others.models, asked, report)
    key = [ID, "ds"]
    return pd.concat([known[key], *(each.numbers.drop(columns=key) for each in answers)], axis=1)


def beside(rows: pd.DataFrame, shared: Shared, said: pd.DataFrame | None, report: RunReport) -> pd.DataFrame:
    """Return the numbers of the models in the blend, a row for each of `rows`: those that are kept, to the digit."""
    there = [name for name in shared.others if said is not None and name in said]
    if gone := [name for name in shared.others if name not in there]:
        report.warn(
            f"{BLEND}: no numbers of {', '.join(gone)}, with which it was learnt: the other components count for it"
        )
    if said is None or not there:
        return pd.DataFrame(index=rows.index)
    found = _of_rows(rows, said)
    return pd.DataFrame({name: [_rounded(each) for each in found[name].tolist()] for name in there}, dtype="float64")


def with_others(rows: pd.DataFrame, said: pd.DataFrame | None) -> pd.DataFrame:
    """Return the rows with what other models said of their weeks as `yhat_others`."""
    if said is None:
        return rows.assign(yhat_others=None)
    return rows.assign(yhat_others=np.array(as_texts(_of_rows(rows, said)), dtype=object))


def _of_rows(rows: pd.DataFrame, said: pd.DataFrame) -> pd.DataFrame:
    key = [ID, "ds"]
    return rows[[*KEY, "ds"]].assign(**{ID: unique_id(rows)}).merge(said, on=key, how="left").drop(columns=[*KEY, *key])


def answers_of(models: Sequence[Model], asked: Question, report: RunReport) -> list[Answer]:
    """Return what the models say that do not fail; those that do, or say nothing of some series, are noted."""
    by_name = {model.name: model for model in models}
    found = {}
    for outcome in run_each(list(by_name.items()), _Asking(asked), what="ask the models", traces=False):
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
        told = {name: _rounded(value) for name, value in zip(names, values, strict=True) if not math.isnan(value)}
        found.append(json.dumps(told, ensure_ascii=False) if told else None)
    return found


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def from_texts(texts: Sequence[object]) -> pd.DataFrame:
    """Return the numbers of all rows, a column each, as they were first named; NaN where a row has none."""
    told = [kept_object(text) for text in texts]
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
