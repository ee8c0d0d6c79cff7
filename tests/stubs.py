"""Models without a fit: forecasts that a reader can work out in his head."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pandas as pd
from builders import CUTOFF

from skucast.core.combination import Combination
from skucast.core.errors import ModelError
from skucast.forecast.artifact import StoredModel, dumps, loads
from skucast.forecast.cards import ModelCard
from skucast.forecast.forecasting import Horizon, Start, forecast_all, start
from skucast.forecast.prophet.model import FittedModel, Regressor
from skucast.forecast.prophet.spec import LAG, ModelSpec
from skucast.forecast.training import TrainingPlan
from skucast.regressors.future import ahead
from skucast.regressors.promotions import PlannedWeeks


def stub_model(
    level: float = 100.0, carry_over: float | None = 0.5, *, mean_lag: float = 100.0, **changed: Any
) -> FittedModel:
    """Return a model that forecasts `level + carry_over * (last week - mean_lag)`, without a lag if that is None."""
    lag = () if carry_over is None else (Regressor(LAG, carry_over, mu=mean_lag, std=100.0),)
    parts: dict[str, Any] = {
        "spec": ModelSpec(),
        "start": str(CUTOFF - timedelta(weeks=100)),
        "t_scale_days": 700.0,
        "y_scale": 100.0,
        "y_max": 1000.0,
        "k": 0.0,
        "m": level / 100.0,
        "delta": (),
        "changepoints": (),
        "sigma_obs": 0.1,
        "yearly": (),
        "holidays": (),
        "regressors": lag,
        "dropped_regressors": (),
        "n_weeks": 100,
        "history": "{}",
    }
    return FittedModel(**(parts | changed))


def card(combination: str = "Пермь/KA/A1", cutoff: date = CUTOFF) -> ModelCard:
    """Return the card of a model of that combination."""
    return ModelCard(
        combination=combination,
        cutoff=str(cutoff),
        first_week=str(cutoff - timedelta(weeks=100)),
        n_weeks=100,
        recipe={"tune": "off"},
        hyperparameters=[ModelSpec().as_dict()],
        dropped_regressors=[],
        is_converged=True,
        backtest={"1": 0.2, "pooled": None, "baseline": 0.3, "origins": 3},
        tuning={},
        versions={"prophet": "1"},
    )


def stored(model: FittedModel | None = None, cutoff: date = CUTOFF) -> StoredModel:
    """Return the model as it comes out of a store."""
    return loads(dumps([model or stub_model()], card(cutoff=cutoff)).payload)


def plan(**changed: Any) -> TrainingPlan:
    """Return a plan without tuning: four weeks, three origins, holidays of Russia."""
    parts: dict[str, Any] = {
        "spec": ModelSpec(),
        "engine": "map",
        "tune": "off",
        "tune_origins": 3,
        "tune_average": 1,
        "backtest_origins": 3,
        "horizon_weeks": 4,
        "holiday_country": "RU",
        "weather": False,
        "holiday_subdivision": "",
        "holiday_calendar": "",
        "week_anchor": "SUN",
    }
    return TrainingPlan(**(parts | changed))


def forecast_one(
    combination: Combination,
    weeks: pd.DataFrame,
    found: StoredModel | ModelError | None,
    horizon: Horizon,
    planned: PlannedWeeks | None = None,
) -> pd.DataFrame:
    """Return the forecast of one combination alone, whose model gives numbers."""

    def nobody(_: Combination) -> Start:
        raise AssertionError("the model gave no number")

    return forecast_all([start(combination, weeks, found, horizon, planned)], horizon, nobody)


def future_frame(past: pd.DataFrame, targets: Sequence[date]) -> pd.DataFrame:
    """Return the weeks to come as a forecast without a plan knows them."""
    ds = pd.Series(pd.to_datetime(list(targets)).astype("datetime64[us]"), name="ds")
    return pd.DataFrame({"ds": ds, **ahead(past, None, len(targets)).regressors})


def weeks_of(y: Sequence[float], last: date = CUTOFF, promo: float = 0.0) -> pd.DataFrame:
    """Return one combination's weeks with these sales, the last one labelled `last`."""
    ds = pd.date_range(end=last, periods=len(y), freq="7D").astype("datetime64[us]")
    values = pd.Series(list(y), dtype="float64")
    return pd.DataFrame(
        {
            "ds": ds,
            "y": values,
            "returns_quantity": 0.0,
            "promo_discount_perc": promo,
            "promo_days": 7.0 if promo else 0.0,
            "is_promo": promo > 0,
            "is_stockout": False,
            "is_censored": False,
        }
    )
