"""The long frames of the library: which columns they have, and how they are made of rows of the forecasts table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import MappingProxyType

import numpy as np
import pandas as pd

from skucast.core.combination import KEY
from skucast.core.errors import InputError
from skucast.core.quoting import listed
from skucast.core.series import ID, unique_id
from skucast.core.tables.forecasts import COMPONENTS
from skucast.core.tables.scorecard import BASELINES
from skucast.jobs.others import from_texts

PUBLISHED = "skucast"
"""The column of the published number; its interval's ends are `skucast-lo-80` and `skucast-hi-80`."""

PARTS_OF_BLEND = MappingProxyType({"prophet": "yhat_prophet", "panel": "yhat_panel", "panel_log": "yhat_panel_log"})
"""The components of the blend, by their column of a long frame."""

WHICH = (ID, *KEY, "ds", "cutoff", "step")
ABOUT = ("method", "status", "promo_source", "weather_source", "model_version")

NO_MODEL = frozenset((*WHICH, "y", *COMPONENTS, *ABOUT, "mean", "left_out", "scale", "sq_scale", "origin"))
"""Columns that are no model's number."""


def long_frame(rows: pd.DataFrame, levels: Sequence[float], models: Sequence[str] = ()) -> pd.DataFrame:
    """Return rows of the forecasts table as a long frame.

    Columns: `WHICH`; `skucast` and its interval's ends of each level; the components of the blend, and the `models`
    beside ours with their intervals, NaN where one said nothing; `mean`, the expected value; what the number is made
    of, `COMPONENTS`; `ABOUT`. Sales per week.
    """
    found = rows.assign(**{ID: unique_id(rows)}, **{PUBLISHED: rows["yhat"]}, mean=rows["yhat_mean"])
    for level in levels:
        ends = zip((f"{PUBLISHED}-lo-{level:g}", f"{PUBLISHED}-hi-{level:g}"), (-1, 1), strict=True)
        found = found.assign(**{name: _end(rows, level, side) for name, side in ends})
    found = found.assign(**{name: rows[column] for name, column in PARTS_OF_BLEND.items()})
    others = from_texts(rows["yhat_others"].tolist()).set_axis(rows.index)
    others = others.reindex(columns=list(dict.fromkeys([*models, *others])))
    found = found.join(others)
    intervals = [name for name in found if str(name).startswith(f"{PUBLISHED}-")]
    names = [*WHICH, PUBLISHED, *intervals, *PARTS_OF_BLEND, *others, "mean", *COMPONENTS, *ABOUT]
    return found[names].sort_values([ID, "cutoff", "ds"], ignore_index=True)


def models_in(frame: pd.DataFrame) -> list[str]:
    """Return the columns of a long frame that are models' numbers: numeric, and not about something else."""
    numbers = [str(name) for name in frame.select_dtypes("number")]
    return [name for name in numbers if name not in NO_MODEL and not is_end(name)]


def is_end(name: str) -> bool:
    """Return whether the column is an end of an interval."""
    return "-lo-" in name or "-hi-" in name


def asked_models(frame: pd.DataFrame, models: Sequence[str] | None) -> list[str]:
    """Return the models that are asked for; by default all of the frame's that say anything.

    Raises:
        InputError: one is not in the frame, or there is none at all, or nothing says what was sold; a column that
            counts holds anything but numbers, or one that is not finite.
    """
    check_frame(frame, "forecasts")
    models = [models] if isinstance(models, str) else models
    missing = [name for name in (ID, "ds", "y", *(models or ())) if name not in frame]
    if missing:
        raise InputError(
            f"no column {', '.join(missing)}: expected a long frame such as cross_validation gives, "
            f"found {listed(frame.columns)}"
        )
    found = list(models) if models is not None else [name for name in models_in(frame) if frame[name].notna().any()]
    if not found:
        raise InputError("no model's numbers in the frame: name the columns by models=[...]")
    for name in ("y", *found):
        if not pd.api.types.is_numeric_dtype(frame[name]):
            raise InputError(f"column {name}: found {frame[name].dtype}: expected numbers")
        if np.isinf(frame[name].astype("float64")).any():
            raise InputError(f"column {name}: holds an infinite number; NaN says that there is none")
    return found


def check_frame(found: object, what: str) -> None:
    """Refuse what is no frame.

    Raises:
        InputError: it is none.
    """
    if not isinstance(found, pd.DataFrame):
        raise InputError(f"{what}: found {type(found).__name__}: expected a frame of predict or cross_validation")


NAIVE = tuple(BASELINES)


def _end(rows: pd.DataFrame, level: float, side: int) -> pd.Series:
    """One end of an interval: the published one, or a quantile that was kept; NaN where none was."""
    if level == 80:
        return rows["yhat_lower" if side < 0 else "yhat_upper"]
    probability = round((100 + side * level) / 200, 6)
    told = [_quantile(text, probability) for text in rows["quantiles"]]
    return pd.Series(told, index=rows.index, dtype="float64")


def _quantile(text: object, probability: float) -> float:
    if not isinstance(text, str):
        return float("nan")
    by_probability = {round(float(name), 6): value for name, value in json.loads(text).items()}
    return float(by_probability.get(probability, np.nan))
