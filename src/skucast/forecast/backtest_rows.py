"""Backtests as rows of their table: what each model has forecast at past origins, all combinations at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.combination import KEY, Combination
from skucast.forecast.backtest import BACKTEST_COLUMNS
from skucast.forecast.learnt import Forecaster, Origin, Past
from skucast.forecast.panel.grid import Grid
from skucast.forecast.prophet.design import Floats
from skucast.sales.baselines import MEAN_4_WEEKS, YARDSTICKS, YEAR_WEEKS

PUBLISHED_AS: Mapping[Forecaster, str] = {"blend": "blend", "panel": "panel_mean", "prophet": "prophet"}
"""The model whose number each forecaster publishes, as the rows name it."""


@dataclass(frozen=True)
class Scored:
    """The backtest of one combination's new model, `BACKTEST_COLUMNS`, and the version that the model has."""

    combination: Combination
    rows: pd.DataFrame
    version: str


def rows_of_backtests(scored: Sequence[Scored]) -> pd.DataFrame:
    """Return the rows of these backtests, but for cutoff and the run's own columns.

    Of Prophet as it knew the promotions, of the same had all been planned where that is not the same, and of last year.
    """
    lengths = [len(each.rows) for each in scored]
    told = {name: np.concatenate([each.rows[name].to_numpy() for each in scored]) for name in BACKTEST_COLUMNS}
    parts = zip(*(each.combination.parts for each in scored), strict=True)
    names = {name: np.repeat(list(part), lengths) for name, part in zip(KEY, parts, strict=True)}
    weeks = pd.DataFrame(names | {name: told[name] for name in _WEEK})
    prophet = {name: told[name] for name in ("yhat", "yhat_lower", "yhat_upper", "promotions")}
    version = np.repeat([each.version for each in scored], lengths)
    models = [
        weeks.assign(model="prophet", **prophet, model_version=version),
        weeks.assign(
            model="prophet_perfect_plan",
            yhat=told["yhat_perfect_plan"],
            promotions="perfect_plan",
            model_version=version,
        )[told["promotions"] != "perfect_plan"],
        weeks.assign(model="last_year", yhat=told["baseline"]),
    ]
    found: pd.DataFrame = pd.concat(models, ignore_index=True)
    return found


_WEEK = ("origin", "ds", "step", "y")


def rows_of_evidence(past: Past, forecaster: Forecaster) -> pd.DataFrame:
    """Return what all models have forecast at the origins that they share, but for cutoff and the run's own columns.

    Of combinations that sold something in the weeks before; a model that said nothing of one has no rows of it.
    """
    published = past.blends if forecaster == "blend" else past.panels
    ends = past.intervals(forecaster)
    pieces = [
        _rows(past, origin, name, yhat, ends[number] if is_published else None)
        for number, origin in enumerate(past.origins)
        for name, yhat, is_published in _forecasts(past, origin, published[number], PUBLISHED_AS[forecaster])
    ]
    columns = {name: np.concatenate([each[name] for each in pieces]) for name in (pieces[0] if pieces else {})}
    return pd.DataFrame(_with_texts(past, columns)) if pieces else pd.DataFrame()


def _forecasts(past: Past, origin: Origin, published: Floats, name: str) -> Iterator[tuple[str, Floats, bool]]:
    """Each model's name and numbers (S, H) at an origin, and whether they are what is published."""
    for component, values in zip(past.components, origin.forecasts, strict=True):
        yield component, values, False
    yield name, published, True
    for baseline, values in baselines_at(past.grid, past.grid.end(origin.label), published.shape[1]).items():
        yield baseline, values, False


def baselines_at(grid: Grid, end: int, horizon: int) -> dict[str, Floats]:
    """Return what each of `baselines.YARDSTICKS` says after `end` weeks of all combinations, (S, H)."""
    known = grid.is_known[:, :end]
    later = known[:, ::-1].cumsum(axis=1)[:, ::-1]  # how many weeks are known from this one on
    y = np.nan_to_num(grid.y[:, :end])
    flat = {
        name: np.where(known & (later <= n), y, 0.0).sum(axis=1) / np.maximum(np.minimum(later[:, 0], n), 1)
        for name, n in (("last_week", 1), ("mean_4", MEAN_4_WEEKS))
    }
    found = {name: np.repeat(values[:, None], horizon, axis=1) for name, values in flat.items()}
    weeks = end + np.arange(horizon) - YEAR_WEEKS
    a_year_ago = np.where(weeks >= 0, grid.y[:, np.maximum(weeks, 0)], np.nan)
    return found | {"last_year": np.where(np.isnan(a_year_ago), found["last_week"], a_year_ago)}


def _rows(
    past: Past, origin: Origin, model: str, yhat: Floats, ends: tuple[Floats, Floats] | None
) -> dict[str, npt.NDArray[Any]]:
    """The columns of one model at one origin: names and words as numbers, `_with_texts` says of what."""
    grid = past.grid
    row, step = np.nonzero(~np.isnan(yhat) & origin.sells[:, None])
    end, label = grid.end(origin.label), np.datetime64(origin.label, "D")
    known = origin.promotions
    if known is None or model in YARDSTICKS:
        words = np.full(len(yhat), -1)
    else:
        words = np.array([_WORDS.index(each) for each in known.tolist()])
    nothing = np.full(len(row), np.nan)
    return {
        "combination": row,
        "origin": np.full(len(row), label),
        "ds": label + (step + 1) * np.timedelta64(7, "D"),
        "step": step + 1,
        "model": np.full(len(row), _names_of(past).index(model)),
        "y": grid.y[row, end + step],
        "yhat": yhat[row, step],
        "yhat_lower": nothing if ends is None else ends[0][row, step],
        "yhat_upper": nothing if ends is None else ends[1][row, step],
        "promotions": words[row],
    }


_WORDS = ("plan", "perfect_plan", "expected", None)  # the last one is at -1
OTHER_MODELS = ("blend", "panel_mean", *YARDSTICKS)
"""Names of models that are no components."""


def _names_of(past: Past) -> tuple[str, ...]:
    return *past.components, *OTHER_MODELS


def _with_texts(past: Past, columns: Mapping[str, npt.NDArray[Any]]) -> dict[str, Any]:
    """The columns with names in the place of numbers: of millions of rows each text is made once."""

    def texts(names: Sequence[str | None], codes: npt.NDArray[Any]) -> Any:
        return pd.array(list(names), dtype="str").take(codes)

    row = columns["combination"]
    parts = zip(*(each.parts for each in past.grid.combinations), strict=True)
    return {
        **{name: texts(part, row) for name, part in zip(KEY, parts, strict=True)},
        **{name: values for name, values in columns.items() if name != "combination"},
        "model": texts(_names_of(past), columns["model"]),
        "promotions": texts(_WORDS, columns["promotions"]),
    }
