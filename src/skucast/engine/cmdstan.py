"""Fit with Prophet's own optimiser (CmdStan): the only file that imports `prophet` to fit."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from skucast.engine.model import LAG, FittedModel, Holiday, ModelSpec, Regressor, Seasonality
from skucast.errors import FitError

if TYPE_CHECKING:
    from prophet import Prophet

MIN_WEEKS = 12
"""Fewest known weeks with a lag that can be fitted at all."""

YEAR_DAYS = 365.25


def fit(weeks: pd.DataFrame, regressors: Sequence[str], holidays: pd.DataFrame, spec: ModelSpec) -> FittedModel:
    """Return Prophet's maximum a posteriori model of one combination.

    Args:
        weeks: one row per week: `ds`, `y` (NaN = unknown, skipped), `y_lag1` and the regressors (finite).
        regressors: names beside the lag; those constant in history are dropped and remembered.
        holidays: `holiday`, `ds`; only those that history has seen twice should be in it, future weeks too.
        spec: the model's settings.

    Raises:
        FitError: fewer than 12 known weeks, or values that are not finite; the weeks are named.
    """
    known = _known_weeks(weeks, [*regressors, LAG])
    used = [name for name in [*regressors, LAG] if known[name].nunique() > 1]
    _quiet()
    prophet = _prophet(known, used, holidays, spec)
    with tempfile.TemporaryDirectory(prefix="skucast-fit-") as folder:  # else each fit leaves files until the exit
        prophet.fit(known[["ds", "y", *used]], output_dir=folder)
    prophet.fit_kwargs = {}  # the folder's name would be stored, and make equal models differ
    return _plain_model(prophet, known, used, [name for name in [*regressors, LAG] if name not in used], spec)


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


def _known_weeks(weeks: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    known = weeks[weeks["y"].notna() & weeks[LAG].notna()]
    wrong = ~np.isfinite(known[["y", *columns]].to_numpy(dtype="float64")).all(axis=1)
    if wrong.any():
        labels = ", ".join(str(ds.date()) for ds in known.loc[wrong, "ds"].iloc[:3])
        raise FitError(f"values that are not finite in week {labels}; correct them at the source")
    if len(known) < MIN_WEEKS:
        raise FitError(f"{len(known)} known weeks with a lag, at least {MIN_WEEKS} are needed")
    return known.reset_index(drop=True)


def _prophet(known: pd.DataFrame, used: Sequence[str], holidays: pd.DataFrame, spec: ModelSpec) -> Prophet:
    from prophet import Prophet

    prophet = Prophet(
        growth="linear",
        n_changepoints=spec.n_changepoints,
        changepoint_range=spec.changepoint_range,
        changepoint_prior_scale=spec.changepoint_prior_scale,
        seasonality_mode=spec.seasonality_mode,
        seasonality_prior_scale=spec.seasonality_prior_scale,
        holidays_prior_scale=spec.holidays_prior_scale,
        holidays=holidays if len(holidays) else None,
        yearly_seasonality=False,
        weekly_seasonality=False,  # one constant on weekly data: it would steal the level
        daily_seasonality=False,
        uncertainty_samples=1000,
    )
    if len(known) >= spec.yearly_min_weeks:
        prophet.add_seasonality("yearly", YEAR_DAYS, spec.yearly_order)
    for name in used:
        prior = spec.lag_prior_scale if name == LAG else spec.promo_prior_scale
        prophet.add_regressor(name, prior_scale=prior)
    return prophet


def _plain_model(
    prophet: Any, known: pd.DataFrame, used: Sequence[str], dropped: Sequence[str], spec: ModelSpec
) -> FittedModel:
    from prophet.serialize import model_to_json

    beta = dict(zip(_feature_names(prophet), prophet.params["beta"][0].tolist(), strict=True))
    mode = spec.seasonality_mode
    return FittedModel(
        spec=spec,
        start=str(prophet.start.date()),
        t_scale_days=prophet.t_scale / pd.Timedelta(days=1),
        y_scale=float(prophet.y_scale),
        y_max=float(known["y"].max()),
        k=float(prophet.params["k"][0].item()),
        m=float(prophet.params["m"][0].item()),
        delta=tuple(prophet.params["delta"][0].tolist()),
        changepoints=tuple(prophet.changepoints_t.tolist()),
        sigma_obs=float(prophet.params["sigma_obs"][0].item()),
        yearly=_yearly(prophet, beta),
        holidays=_holidays(prophet, beta, mode),
        regressors=tuple(_regressor(name, prophet.extra_regressors[name], beta[name]) for name in used),
        dropped_regressors=tuple(dropped),
        n_weeks=len(known),
        prophet_json=model_to_json(prophet),
    )


def _feature_names(prophet: Any) -> list[str]:
    features, _, _, _ = prophet.make_all_seasonality_features(prophet.history.iloc[:1])
    return [str(name) for name in features.columns]


def _yearly(prophet: Prophet, beta: dict[str, float]) -> Seasonality | None:
    season = prophet.seasonalities.get("yearly")
    if season is None:
        return None
    weights = tuple(beta[f"yearly_delim_{column + 1}"] for column in range(2 * season["fourier_order"]))
    return Seasonality(season["period"], season["mode"], weights)


def _holidays(prophet: Prophet, beta: dict[str, float], mode: Any) -> tuple[Holiday, ...]:
    if prophet.holidays is None:
        return ()
    groups = prophet.holidays.groupby("holiday")["ds"]
    return tuple(
        Holiday(str(name), mode, beta[f"{name}_delim_+0"], tuple(str(day.date()) for day in days))
        for name, days in groups
    )


def _regressor(name: str, stored: dict[str, Any], weight: float) -> Regressor:
    return Regressor(name, stored["mode"], weight, float(stored["mu"]), float(stored["std"]))
