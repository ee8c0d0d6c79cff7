"""Prophet's terms evaluated on weeks: trend, season, holidays and regressors of a fitted model, in plain numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.engine.model import LAG, FittedModel, Mode, Regressor, Seasonality

Floats = npt.NDArray[np.float64]

_DAY = np.timedelta64(1, "D")


@dataclass(frozen=True)
class Terms:
    """The terms of a model on H weeks, without the lag; each array has shape (H,).

    `trend` is in sales per week; `additive` and `multiplicative` hold one array per component in units of the trend's
    share (multiplicative) or of sales per week (additive).
    """

    t: Floats
    trend: Floats
    additive: dict[str, Floats]
    multiplicative: dict[str, Floats]

    def component(self, name: str) -> Floats:
        """Return one component in sales per week; zeros if the model has none of it."""
        zeros = np.zeros_like(self.trend)
        return self.additive.get(name, zeros) + self.trend * self.multiplicative.get(name, zeros)

    def sum_additive(self) -> Floats:
        """Return the sum of the additive terms, sales per week."""
        return sum(self.additive.values(), np.zeros_like(self.trend))

    def sum_multiplicative(self) -> Floats:
        """Return the sum of the multiplicative terms, ratio to the trend."""
        return sum(self.multiplicative.values(), np.zeros_like(self.trend))


def terms(model: FittedModel, future: pd.DataFrame) -> Terms:
    """Return the model's terms on the weeks of `future`: columns `ds` and every regressor of the model but the lag.

    Raises:
        KeyError: a regressor of the model is missing in `future`.
    """
    ds = future["ds"].to_numpy(dtype="datetime64[D]")
    t = scaled_time(model, ds)
    result = Terms(t, trend(model, t), {}, {})
    if model.yearly is not None:
        _add(result, "yearly", model.yearly.mode, fourier(ds, model.yearly) @ np.array(model.yearly.beta), model)
    labels = ds.astype("str")
    for holiday in model.holidays:
        _add(result, "holidays", holiday.mode, np.isin(labels, holiday.weeks).astype("float64") * holiday.beta, model)
    for regressor in model.regressors:
        if regressor.name != LAG:
            values = future[regressor.name].to_numpy(dtype="float64")
            _add(result, component_of(regressor), regressor.mode, standardized(regressor, values), model)
    return result


def scaled_time(model: FittedModel, ds: npt.NDArray[np.datetime64]) -> Floats:
    """Return Prophet's t of the days `ds`: 0 at the first week of history, 1 at its last."""
    days: Floats = (ds - np.datetime64(model.start, "D")) / _DAY
    return days / model.t_scale_days


def trend(model: FittedModel, t: Floats) -> Floats:
    """Return the piecewise linear trend at t, sales per week."""
    hinges = np.maximum(0.0, t[:, None] - np.array(model.changepoints)[None, :])
    result: Floats = (model.k * t + model.m + hinges @ np.array(model.delta)) * model.y_scale
    return result


def fourier(ds: npt.NDArray[np.datetime64], season: Seasonality) -> Floats:
    """Return the Fourier columns of the days, sine and cosine in turn, shape (H, number of weights)."""
    days = (ds - np.datetime64("1970-01-01", "D")) / _DAY
    order = np.arange(1, len(season.beta) // 2 + 1)
    angle = 2 * np.pi * days[:, None] * order / season.period
    return np.stack([np.sin(angle), np.cos(angle)], axis=2).reshape(len(days), -1)


def standardized(regressor: Regressor, values: Floats) -> Floats:
    """Return the regressor's effect for the values, in units of y_scale (or as a ratio, if multiplicative)."""
    return regressor.beta * (values - regressor.mu) / regressor.std


def component_of(regressor: Regressor) -> str:
    """Return the component of the forecast table that a regressor belongs to."""
    return "carry_over" if regressor.name == LAG else regressor.name.split("_", 1)[0]


def _add(result: Terms, component: str, mode: Mode, values: Floats, model: FittedModel) -> None:
    group = result.additive if mode == "additive" else result.multiplicative
    scaled = values * model.y_scale if mode == "additive" else values
    group[component] = group.get(component, np.zeros_like(result.trend)) + scaled
