"""The forecast of one combination: its model if there is a usable one, a labelled fallback if not, never nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pandas as pd

from skucast.baselines import fallback
from skucast.combination import Combination
from skucast.engine.artifact import StoredModel
from skucast.engine.rollout import roll_forward, seed_of
from skucast.errors import ModelError, ModelNotFound
from skucast.future import future_frame, last_known
from skucast.history import is_inactive
from skucast.regressors.promotions import expected_promotions, promo_source
from skucast.tables import COMPONENTS
from skucast.weeks import WEEK, WeekClock, weeks_between


@dataclass(frozen=True)
class Horizon:
    """Which weeks one run forecasts, and from what."""

    clock: WeekClock
    today: date
    cutoff: date
    data_cutoff: date
    horizon_weeks: int
    min_history_weeks: int
    inactive_after_weeks: int
    n_paths: int

    @property
    def weeks_ahead(self) -> list[date]:
        """All weeks after the last known one; those up to the cutoff only bridge a late delivery."""
        late = weeks_between(self.data_cutoff, self.cutoff)
        return self.clock.targets(self.data_cutoff, late + self.horizon_weeks)


def forecast_one(
    combination: Combination, weeks: pd.DataFrame, stored: StoredModel | ModelError | None, horizon: Horizon
) -> pd.DataFrame:
    """Return one row per step: the columns of the forecasts table but for the run's own, sales per week.

    Without a usable model (`stored` is None or the error that loading it raised) the row says why in `status`.
    """
    if is_inactive(weeks, horizon.inactive_after_weeks):
        rows = _flat("zero", "inactive", _zeros(horizon))
    elif isinstance(stored, StoredModel):
        rows = _model_rows(combination, weeks, stored, horizon)
    else:
        method, forecast = fallback(weeks, horizon.weeks_ahead)
        rows = _flat(method, _status_without_model(weeks, stored, horizon), forecast)
    return _stamped(combination, rows, weeks, horizon)


def forecast_without_model(combination: Combination, weeks: pd.DataFrame, horizon: Horizon) -> pd.DataFrame:
    """Return the fallback rows for a combination whose model failed while it forecast."""
    method, forecast = fallback(weeks, horizon.weeks_ahead)
    return _stamped(combination, _flat(method, "forecast_failed", forecast), weeks, horizon)


def _model_rows(combination: Combination, weeks: pd.DataFrame, stored: StoredModel, horizon: Horizon) -> pd.DataFrame:
    future = future_frame(weeks, horizon.weeks_ahead)
    seed = seed_of(combination, horizon.cutoff)
    rows = roll_forward(stored.model, future, last_known(weeks), seed=seed, n_paths=horizon.n_paths)
    return rows.drop(columns="is_capped").assign(
        method="prophet",
        status=rows["is_capped"].map({True: "capped", False: "ok"}),
        model_version=stored.version,
        model_cutoff=pd.Timestamp(stored.card.cutoff),
    )


def _flat(method: str, status: str, forecast: pd.DataFrame) -> pd.DataFrame:
    """Rows of a forecast that is all level, without season or regressors."""
    components = dict.fromkeys(COMPONENTS, 0.0) | {"level": forecast["yhat"]}
    no_model = {"model_version": None, "model_cutoff": pd.Timestamp("NaT")}
    return forecast.assign(**components, method=method, status=status, **no_model)


def _zeros(horizon: Horizon) -> pd.DataFrame:
    ds = pd.to_datetime(horizon.weeks_ahead).astype("datetime64[us]")
    return pd.DataFrame({"ds": ds, "yhat": 0.0, "yhat_lower": 0.0, "yhat_upper": 0.0})


def _status_without_model(weeks: pd.DataFrame, stored: ModelError | None, horizon: Horizon) -> str:
    if stored is not None and not isinstance(stored, ModelNotFound):
        return "load_failed"
    return "short_history" if int(weeks["y"].notna().sum()) < horizon.min_history_weeks else "no_model"


def _stamped(combination: Combination, rows: pd.DataFrame, weeks: pd.DataFrame, horizon: Horizon) -> pd.DataFrame:
    """The rows of the horizon, with key, step and what was known; weeks that only bridge are left out."""
    week_start = rows["ds"] - WEEK + pd.Timedelta(days=1)
    stamped = rows.assign(
        cutoff=pd.Timestamp(horizon.cutoff),
        unit=combination.unit,
        channel=combination.channel,
        SKU_ID=combination.sku_id,
        step=(rows["ds"] - pd.Timestamp(horizon.cutoff)).dt.days // 7,
        is_open_week=week_start <= pd.Timestamp(horizon.today),
        promo_source=promo_source(expected_promotions(weeks)) if len(weeks) else "none",
        weather_source="none",
        data_cutoff=pd.Timestamp(horizon.data_cutoff),
    )
    return stamped[stamped["step"] >= 1].reset_index(drop=True)
