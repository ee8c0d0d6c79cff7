"""Models beside ours are asked: the frames that they get, and what becomes of their answer."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from skucast.core.combination import KEY, Combination
from skucast.core.declared import Regressor
from skucast.core.quoting import listed
from skucast.core.series import ID, called, unique_id
from skucast.forecast.others.protocol import Model
from skucast.forecast.panel.grid import Ints
from skucast.forecast.prophet.design import Floats
from skucast.regressors.declared_values import columns_of
from skucast.regressors.promotions import PROMO_REGRESSORS
from skucast.sales.history import carried

SHOWN = 3
"""Series that a note names."""

ENDS = ("-lo-80", "-hi-80")

_WHICH = [ID, *KEY, "ds"]


@dataclass(frozen=True)
class Question:
    """What all models are asked at one origin: `history` and `known`, as `protocol.Model` gets them."""

    history: pd.DataFrame
    known: pd.DataFrame

    @property
    def h(self) -> int:
        """The most weeks that are asked of a series."""
        return int(self.known.groupby(ID, sort=False).size().max()) if len(self.known) else 0


@dataclass(frozen=True)
class Answer:
    """What a model says: a row per asked one, its number and, if it has them, the ends of its interval; NaN = nothing.

    `problem` says what was wrong with it, in words; None if nothing was.
    """

    numbers: pd.DataFrame
    problem: str | None = None


@dataclass(frozen=True)
class Coming:
    """What is known of the weeks of one series after its last one, `ds`: regressors by name, shape (H,)."""

    ds: Sequence[date]
    known: Mapping[str, Floats]


def long_history(weeks: pd.DataFrame, declared: Sequence[Regressor] = ()) -> pd.DataFrame:
    """Return the weeks of all series, `HISTORY_COLUMNS` sorted by combination, as models get them.

    Unknown weeks are filled as those of a lag are (see `sales.history.carried`), by what lies before them alone, so
    that any first part of the frame's weeks is what was known then. Weeks before a series' first known one are left
    out.
    """
    series: Ints = weeks.groupby(KEY, sort=False).ngroup().to_numpy(dtype="int64").astype("int64")
    y = weeks["y"].copy()
    is_told = y.notna().to_numpy()
    for number in np.unique(series[~is_told]):
        rows = series == number
        y[rows] = carried(y[rows])
    known = {name: weeks[name].astype("float64").fillna(0.0).to_numpy() for name in PROMO_REGRESSORS}
    for regressor in declared:
        known |= _declared(regressor, weeks, series)
    found = weeks.assign(**{ID: unique_id(weeks)}, y=y, is_filled=~is_told, **known)[y.notna()]
    return found[[*_WHICH, "y", "is_filled", *known]].reset_index(drop=True)


def long_known(coming: Mapping[Combination, Coming], declared: Sequence[Regressor] = ()) -> pd.DataFrame:
    """Return what is known of the coming weeks of these series as models get it."""
    known = [*PROMO_REGRESSORS, *(name for each in declared for name in each.columns)]
    counts = [len(each.ds) for each in coming.values()]
    names = {name: np.repeat([each.parts[place] for each in coming], counts) for place, name in enumerate(KEY)}
    days = [day for each in coming.values() for day in each.ds]
    ahead = {
        name: np.concatenate(
            [np.zeros(0), *(np.asarray(each.known[name], dtype="float64") for each in coming.values())]
        )
        for name in known
    }
    ids = np.repeat([called(each) for each in coming], counts)
    found = pd.DataFrame({ID: ids, **names, "ds": pd.to_datetime(days).astype("datetime64[us]"), **ahead})
    return found.astype(dict.fromkeys((ID, *KEY), "str"))


def _declared(regressor: Regressor, weeks: pd.DataFrame, series: Ints) -> dict[str, Floats]:
    """The regressor's columns of all weeks, `series` is the number of each one's series; unknown values filled."""
    found = {name: np.zeros(len(weeks)) for name in regressor.columns}
    if regressor.column in weeks:
        raw = weeks[regressor.column].to_numpy(dtype="float64")
        for rows in np.split(np.arange(len(weeks)), np.flatnonzero(np.diff(series)) + 1):
            for name, values in columns_of(regressor, raw[rows]).items():
                found[name][rows] = values
    return found


def ask(_: str, model: Model, asked: Question) -> Answer:
    """Return what a copy of the model says, fitted to the history.

    Raises:
        ValueError: it gives no frame with the columns that are asked for, or two numbers of one week.
        Exception: whatever the model raises.
    """
    fresh = copy.deepcopy(model)
    fitted = fresh.fit(asked.history.copy())
    said = (fresh if fitted is None else fitted).predict(asked.h, asked.known.copy())
    name, key = model.name, [ID, "ds"]
    missing = [each for each in (*key, name) if not isinstance(said, pd.DataFrame) or each not in said]
    if missing:
        raise ValueError(f"predict gave no column {', '.join(missing)}")
    columns = [name, *(f"{name}{end}" for end in ENDS if f"{name}{end}" in said)]
    told = said[[*key, *columns]].assign(ds=pd.to_datetime(said["ds"]).astype("datetime64[us]"))
    if told.duplicated(key).any():
        raise ValueError("predict gave several rows of one series and week")
    rows = asked.known[key].merge(told.astype({ID: "str"}), on=key, how="left")
    numbers = rows[columns].astype("float64")
    numbers = numbers.where(np.isfinite(numbers)).clip(lower=0.0)
    if len(columns) == 1 + len(ENDS):
        lower, upper = (numbers[each].where(numbers[name].notna()) for each in columns[1:])
        ends = {columns[1]: lower.clip(upper=numbers[name]), columns[2]: upper.clip(lower=numbers[name])}
        numbers = numbers.assign(**ends)
    silent = asked.known.loc[numbers[name].isna().to_numpy(), ID].unique().tolist()
    return Answer(
        rows[key].join(numbers[columns if len(columns) == 1 + len(ENDS) else [name]]), _problem(silent, asked)
    )


def _problem(silent: Sequence[str], asked: Question) -> str | None:
    if not len(silent):
        return None
    return f"no number of {len(silent)} of {asked.known[ID].nunique()} series, {listed(silent, SHOWN)}"
