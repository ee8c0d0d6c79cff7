"""A regressor of scikit-learn's kind on lags, beside ours: one for all series together."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from skucast.core.combination import KEY
from skucast.core.errors import InputError
from skucast.core.series import ID
from skucast.forecast.prophet.design import Floats

LAGS = (1, 2, 3, 4, 8, 13, 26, 52)
LEVEL_WEEKS = 13
"""Sales are told as shares of the mean of so many weeks before, so that large and small series teach each other.
After as many without a sale a series is inactive, if nothing else is set."""

DAYS_A_YEAR = 365.25

_NOT_KNOWN = frozenset((ID, *KEY, "ds", "y", "is_filled"))


def on_lags(regressor: Any, lags: Sequence[int] = LAGS, name: str | None = None) -> OnLags:
    """Return a regressor of scikit-learn's kind as a model that stands beside ours.

    One regressor learns from all series: of each week the sales as a share of the series' level (mean of the 13 weeks
    before), from the shares of the lagged weeks, the time of the year (sine and cosine) and what is known ahead (the
    week's discount, its promoted days). It forecasts week after week, its own forecasts being the lags of the later
    ones. A lagged week before a series' first counts as usual (share 1); filled weeks teach nothing; a series without a
    sale in 13 weeks is forecast 0.

    Args:
        regressor: an object with `fit(X, y)` and `predict(X)`; a copy of it is fitted.
        lags: weeks before, each at least 1.
        name: what its column is called (default: the regressor's class, in lower case).

    Raises:
        InputError: no regressor, no lags, or such as lie ahead.

    Examples:
        >>> from sklearn.linear_model import Ridge
        >>> import skucast as sk
        >>> sk.on_lags(Ridge(), lags=[1, 2, 52]).name
        'ridge'
    """
    if isinstance(regressor, type) or not all(callable(getattr(regressor, each, None)) for each in ("fit", "predict")):
        raise InputError(
            f"on_lags: found {regressor!r}: expected an object with fit(X, y) and predict(X), such as Ridge()"
        )
    lags = [lags] if isinstance(lags, int) else lags
    if not lags or any(int(lag) != lag or lag < 1 for lag in lags):
        raise InputError(f"on_lags: found lags {list(lags)}: expected weeks before, each a whole number from 1 on")
    return OnLags(name or type(regressor).__name__.lower(), regressor, tuple(int(lag) for lag in lags))


@dataclass
class OnLags:
    """A regressor on lags by a name; `fitted` is its copy, `sales` what each series has sold."""

    name: str
    regressor: Any
    lags: tuple[int, ...]
    fitted: Any = None
    sales: dict[str, Floats] = field(default_factory=dict)

    def fit(self, history: pd.DataFrame) -> OnLags:
        """Fit a copy of the regressor to all series, and return the model."""
        parts, shares = [], []
        self.sales = {}
        extra = _of_week(history)
        teaches = ~history["is_filled"].to_numpy(dtype="bool")
        for name, rows in history.groupby(ID, sort=False).indices.items():
            y = history["y"].to_numpy(dtype="float64")[rows]
            self.sales[str(name)] = y
            lagged, level = self._lagged(y)
            told = teaches[rows] & (level > 0)
            parts.append(np.column_stack([lagged, extra[rows]])[told])
            shares.append(y[told] / level[told])
        if not sum(map(len, shares)):
            raise ValueError("no week to learn from")
        self.fitted = copy.deepcopy(self.regressor).fit(np.concatenate(parts), np.concatenate(shares))
        return self

    def predict(self, h: int, known: pd.DataFrame) -> pd.DataFrame:
        """Return the forecasts of the known weeks, all series one step at a time."""
        series = {str(name): rows for name, rows in known.groupby(ID, sort=False).indices.items()}
        asked = {name: rows for name, rows in series.items() if name in self.sales}
        sales = {name: self.sales[name] for name in asked}
        extra, numbers = _of_week(known), np.full(len(known), np.nan)
        for step in range(h):
            rows = {name: places[step] for name, places in asked.items() if step < len(places)}
            ends = [self._next(sales[name]) for name in rows]
            lagged, level = (np.array(each) for each in zip(*ends, strict=True))
            places = np.fromiter(rows.values(), dtype="int64")
            shares = np.asarray(self.fitted.predict(np.column_stack([lagged, extra[places]])), dtype="float64")
            numbers[places] = np.maximum(shares * level, 0.0)
            sales |= {name: np.append(sales[name], number) for name, number in zip(rows, numbers[places], strict=True)}
        return known[[ID, "ds"]].assign(**{self.name: numbers})

    def _next(self, y: Floats) -> tuple[Floats, float]:
        """The lagged shares of the week after the last one, and the level they are shares of."""
        level = float(y[-LEVEL_WEEKS:].mean())
        lagged = np.array([y[-lag] / level if lag <= len(y) and level > 0 else 1.0 for lag in self.lags])
        return lagged, level

    def _lagged(self, y: Floats) -> tuple[Floats, Floats]:
        """The lagged shares of each week, (N, lags), and the levels they are shares of, (N,): 0 where none is known."""
        total = np.concatenate([[0.0], np.cumsum(y)])
        ends = np.arange(len(y))
        first = np.maximum(ends - LEVEL_WEEKS, 0)
        level = (total[ends] - total[first]) / np.maximum(ends - first, 1)
        level = np.where(level > TINY * max(y.max(), 1e-300), level, 0.0)
        before = [np.concatenate([np.full(min(lag, len(y)), np.nan), y])[: len(y)] for lag in self.lags]
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = np.column_stack(before) / level[:, None]
        return np.where(np.isnan(shares), 1.0, shares), level


TINY = 1e-9
"""What a difference of sums leaves of zeros."""


def _of_week(rows: pd.DataFrame) -> Floats:
    """What the calendar says of each row's week, and all that is known ahead; (N, 2 and more)."""
    angle = 2 * np.pi * rows["ds"].dt.day_of_year.to_numpy(dtype="float64") / DAYS_A_YEAR
    known = rows.drop(columns=[name for name in rows if name in _NOT_KNOWN]).to_numpy(dtype="float64")
    return np.column_stack([np.sin(angle), np.cos(angle), known])
