"""The page's data: frames as compact columns, rows in the order of combinations, weeks as numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from skucast.combination import KEY
from skucast.tables import COMPONENTS

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    from skucast.dashboard import Board

_DIGITS = 4
"""Significant digits of embedded numbers; digits before the decimal point are always kept."""

_SCORED_VALUES = ["y", "yhat", "yhat_lower", "yhat_upper", "baseline_last_year"]
_FORECAST_VALUES = ["yhat", "yhat_lower", "yhat_upper", *COMPONENTS]
_FORECAST_WEEKS = ["data_cutoff", "model_cutoff"]
_HISTORY_VALUES = ["y", "promo_discount_perc"]

Columns = dict[str, list[Any]]


def page_data(board: Board) -> dict[str, Any]:
    """Return what the page's script reads, as plain lists and texts.

    `combinations` and `weeks` are the lists that numbers refer to. A table's rows are sorted by combination, `ds` and
    `step`; its `rows` says how many belong to each combination.
    """
    scored = _rows(board.scored, [*KEY, "ds", "step", *_SCORED_VALUES])
    forecasts = _rows(
        board.forecasts, [*KEY, "ds", "step", "is_open_week", "method", "status", *_FORECAST_VALUES, *_FORECAST_WEEKS]
    )
    history = _rows(board.history, [*KEY, "ds", *_HISTORY_VALUES])
    left_out = _left_out(_rows(board.metrics, ["level", *KEY, "step", "n_left_out"]))
    names = _combinations([scored, forecasts, history, left_out])
    weeks = _weeks([scored["ds"], forecasts["ds"], history["ds"]])
    return {
        "cutoff": board.run.cutoff.isoformat(),
        "combinations": {name: names[name].tolist() for name in KEY},
        "weeks": weeks,
        "window": _window(board.metrics),
        "left_out": _table(left_out, names, _left_out_columns),
        "scored": _table(scored, names, lambda rows: _scored_columns(rows, weeks)),
        "forecasts": _table(forecasts, names, lambda rows: _forecast_columns(rows, weeks)),
        "history": _table(history, names, lambda rows: _history_columns(rows, weeks)),
    }


def short(value: float) -> float | int | None:
    """Return the number with `_DIGITS` significant digits, whole where it is whole, None where it is not finite."""
    if not math.isfinite(value):
        return None
    decimals = _DIGITS - 1 - math.floor(math.log10(abs(value))) if value else 0
    rounded = round(float(value), max(decimals, 0))
    return int(rounded) if rounded.is_integer() else rounded


def _rows(frame: DataFrame, columns: list[str]) -> DataFrame:
    """Return those columns; a frame without rows may also come without columns."""
    return frame[columns] if len(frame) else frame.reindex(columns=columns)


def _left_out(metrics: DataFrame) -> DataFrame:
    """Return the combinations' forecasts that had no usable actual; one row per combination and step."""
    return metrics[(metrics["level"] == "combination") & (metrics["n_left_out"] > 0)]


def _combinations(frames: list[DataFrame]) -> DataFrame:
    """Return the names of every combination on the page, sorted; one row each, columns of `KEY`."""
    import pandas as pd

    names = pd.concat([frame[KEY].astype("str").drop_duplicates() for frame in frames])
    return names.drop_duplicates().sort_values(KEY, ignore_index=True)


def _weeks(columns: list[Series]) -> list[str]:
    """Return every week on the page, sorted, as ISO dates."""
    return sorted({week for column in columns for week in _iso(column.drop_duplicates())})


def _iso(dates: Series) -> list[str]:
    """Return the dates as text; a missing one is empty."""
    import pandas as pd

    return pd.to_datetime(dates).dt.strftime("%Y-%m-%d").fillna("").tolist()


def _window(metrics: DataFrame) -> dict[str, str] | None:
    """Return the first and last week the stored metrics cover, None when there are none."""
    if metrics.empty:
        return None
    start, end = _iso(metrics["window_start"])[0], _iso(metrics["window_end"])[0]
    return {"start": start, "end": end}


def _table(frame: DataFrame, names: DataFrame, columns: Callable[[DataFrame], Columns]) -> Columns:
    """Return the columns of the frame sorted by combination, and how many `rows` each combination has."""
    import numpy as np
    import pandas as pd

    index = pd.MultiIndex.from_frame(names)
    codes = index.get_indexer(pd.MultiIndex.from_frame(frame[KEY].astype("str")))
    order = [name for name in ("ds", "step") if name in frame]
    rows = frame.assign(_code=codes).sort_values(["_code", *order], kind="stable", ignore_index=True)
    return {"rows": np.bincount(codes, minlength=len(names)).tolist(), **columns(rows)}


def _left_out_columns(rows: DataFrame) -> Columns:
    return {"step": _whole(rows["step"]), "n": _whole(rows["n_left_out"])}


def _scored_columns(rows: DataFrame, weeks: list[str]) -> Columns:
    # Decided before rounding: a rounded end could step over a sale that lies on it.
    covered = (rows["yhat_lower"] <= rows["y"]) & (rows["y"] <= rows["yhat_upper"])
    return {
        "ds": _week_numbers(rows["ds"], weeks),
        "step": _whole(rows["step"]),
        "covered": _whole(covered),
        **_values(rows, _SCORED_VALUES),
    }


def _forecast_columns(rows: DataFrame, weeks: list[str]) -> Columns:
    return {
        "ds": _week_numbers(rows["ds"], weeks),
        "step": _whole(rows["step"]),
        "is_open_week": _whole(rows["is_open_week"]),
        "method": rows["method"].tolist(),
        "status": rows["status"].tolist(),
        **{name: _iso(rows[name]) for name in _FORECAST_WEEKS},
        **_values(rows, _FORECAST_VALUES),
    }


def _history_columns(rows: DataFrame, weeks: list[str]) -> Columns:
    return {"ds": _week_numbers(rows["ds"], weeks), **_values(rows, _HISTORY_VALUES)}


def _values(rows: DataFrame, names: list[str]) -> Columns:
    return {name: [short(value) for value in rows[name].astype("float64")] for name in names}


def _whole(values: Series) -> list[int]:
    return values.astype("int64").tolist()


def _week_numbers(dates: Series, weeks: list[str]) -> list[int]:
    number = {week: position for position, week in enumerate(weeks)}
    return [number[week] for week in _iso(dates)]
