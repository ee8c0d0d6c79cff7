"""Real Prophet objects: the reference optimiser (CmdStan), and a stored model as a fitted `prophet.Prophet`.

Alone in importing Prophet; `as_published` has what `to_prophet` gives.
"""

from __future__ import annotations

from skucast.forecast.prophet import without_pictures  # noqa: F401 - before Prophet is imported

# isort: split
import logging
import tempfile
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from prophet import Prophet

from skucast.core.combination import Combination
from skucast.core.errors import ModelError
from skucast.forecast.artifact import StoredModel
from skucast.forecast.prophet.as_published import MeanOfProphets, SalesProphet, history_frame
from skucast.forecast.prophet.design import YEAR_DAYS, Floats, group_of, scales_by_group
from skucast.forecast.prophet.model import FittedModel
from skucast.regressors.responses import RESPONSE_REGRESSORS


class SharedWeeks(Prophet):
    """A `prophet.Prophet` whose holidays may take a part of their week: the column `share` of its `holidays`.

    Prophet's own holiday columns are 0 and 1. Everything else is Prophet; `predict` needs no further columns.
    """

    def make_holiday_features(self, dates: Any, holidays: pd.DataFrame) -> Any:
        """Return what Prophet returns, the holidays' columns with their shares."""
        features, prior_scales, names = super().make_holiday_features(dates, holidays)
        for name, rows in holidays.groupby("holiday"):
            share = dates.map(rows.set_index("ds")["share"]).fillna(0.0)
            features[f"{name}_delim_+0"] = share.to_numpy(dtype="float64")
        return features, prior_scales, names


Parameters = tuple[Floats, float]
"""k, m, beta, delta in one array, and sigma."""


def optimise(model: FittedModel) -> Parameters:
    """Return what Prophet's own optimiser finds for the model's history and settings."""
    _quiet()
    prophet = unfitted(model)
    with tempfile.TemporaryDirectory(prefix="skucast-fit-") as folder:  # else each fit leaves files until the exit
        prophet.fit(history_frame(model), output_dir=folder)
    found = [np.atleast_1d(prophet.params[name][0]) for name in ("k", "m", "beta", "delta")]
    return np.concatenate(found).astype("float64"), float(prophet.params["sigma_obs"][0].item())


def to_prophet(what: FittedModel | StoredModel | Sequence[FittedModel]) -> SalesProphet | MeanOfProphets:
    """Return the model, the models that are averaged, or what a model file holds, as objects that say their scale.

    One model is a `SalesProphet`, several are a `MeanOfProphets`: the `predict` of both is on the scale of sales and
    gives the published number.

    Raises:
        ValueError: no model.
    """
    combination = None
    if isinstance(what, StoredModel):
        combination = Combination.parse(what.card.combination)
    models = (what,) if isinstance(what, FittedModel) else what.models if isinstance(what, StoredModel) else what
    members = tuple(SalesProphet(model, combination) for model in models)
    if not members:
        raise ValueError("no model to make a Prophet of")
    return members[0] if len(members) == 1 else MeanOfProphets(members)


def real_prophet(model: FittedModel) -> Any:
    """Return the same model as a real, fitted `prophet.Prophet`, in the measure of `model.spec.target`.

    Its predict, plot and plot_components work and need no column for holidays, also for those that take a part of
    their week; with the target log1p, its yhat and its lag are log(1 + sales). Prophet's own JSON of it would
    forget those parts: keep the model file.
    """
    _quiet()
    prophet = unfitted(model)
    inputs = prophet.preprocess(history_frame(model))
    beta = [*model.yearly, *(holiday.beta for holiday in model.holidays), *(each.beta for each in model.regressors)]
    prophet.params = {
        "k": np.array([[model.k]]),
        "m": np.array([[model.m]]),
        "delta": np.array([model.delta]),
        "beta": np.array([beta or [0.0] * inputs.K]),
        "sigma_obs": np.array([[model.sigma_obs]]),
    }
    return prophet


def unfitted(model: FittedModel) -> Any:
    """Return a `prophet.Prophet` with the model's settings, season, holidays and regressors, not yet fitted."""
    spec = model.spec
    prophet = SharedWeeks(
        growth="linear",
        n_changepoints=spec.n_changepoints,
        changepoint_range=spec.changepoint_range,
        changepoint_prior_scale=spec.changepoint_prior_scale,
        seasonality_mode=spec.seasonality_mode,
        seasonality_prior_scale=spec.seasonality_prior_scale,
        holidays_prior_scale=spec.holidays_prior_scale,
        holidays=_holiday_frame(model),
        yearly_seasonality=False,
        weekly_seasonality=False,  # one constant on weekly data: it would steal the level
        daily_seasonality=False,
        uncertainty_samples=1000,
    )
    if model.yearly:
        prophet.add_seasonality("yearly", YEAR_DAYS, len(model.yearly) // 2)
    for regressor in model.regressors:
        prior = scales_by_group(spec)[group_of(regressor.name)]
        standardize: Literal["auto"] | bool = "auto" if regressor.name not in RESPONSE_REGRESSORS else False
        prophet.add_regressor(regressor.name, prior_scale=float(prior), standardize=standardize)
    return prophet


def _holiday_frame(model: FittedModel) -> pd.DataFrame | None:
    rows = [(holiday.name, *week) for holiday in model.holidays for week in holiday.shares.items()]
    if not rows:
        return None
    frame = pd.DataFrame(rows, columns=["holiday", "ds", "share"])
    try:
        return frame.assign(ds=pd.to_datetime(frame["ds"]))
    except ValueError:
        raise ModelError("a holiday of the model is on no day of the calendar; retrain this combination") from None


class _Silence(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.CRITICAL


_SILENCE = _Silence()


def _quiet() -> None:
    """Keep the libraries' talk about every fit out of the log; a fit that fails raises.

    CmdStan's logger resets its level on first use, so only a filter lasts.
    """
    for name in ("cmdstanpy", "prophet"):
        logging.getLogger(name).addFilter(_SILENCE)
