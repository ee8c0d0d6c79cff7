"""Prophet by the product's own code: trained as a run trains it, forecast as a run forecasts.

What is known ahead comes as a complete plan of promotions, at the origins of every backtest too.
"""

import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from accuracy_data import COUNTRY, HORIZON, Given
from accuracy_peers import FORECAST, Contender

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from skucast.core.combination import Combination
from skucast.core.errors import FitError, ModelError
from skucast.core.weeks import WEEK
from skucast.forecast.artifact import StoredModel, loads
from skucast.forecast.forecasting import Horizon, Start, forecast_all, start, start_without_model
from skucast.forecast.prophet.spec import ModelSpec
from skucast.forecast.trainable import skip_reason
from skucast.forecast.training import Material, Recipe, TrainingPlan, make_recipe, train
from skucast.regressors.future import Archive
from skucast.regressors.promotions import PlannedWeeks
from skucast.runtime.settings import Settings

PLANNED = Archive(has_plan=True)


def specified() -> Contender:
    """Return Prophet as this business specified it, by the product's solver."""
    return Contender(
        "ours_untuned",
        "Prophet as specified, our solver",
        "the product's Prophet by its default setting alone, on each series by itself (`TUNE=off`)",
        lambda given: by_prophet(given, tune="off"),
    )


def by_prophet(given: Given, tune: str) -> pd.DataFrame:
    """Train every series on what is known and forecast it; short ones get the product's own fallback."""
    settings = settings_of(given, tune=tune)
    recipe = recipe_of(settings, given)
    horizon = horizon_of(settings, recipe.cutoff)
    starts, again = [], {}
    for combination, weeks, planned in histories(given):
        starts.append(start(combination, weeks, _trained(combination, weeks, recipe, settings), horizon, planned))
        again[combination] = weeks, planned

    def replaced(combination: Combination) -> Start:
        weeks, planned = again[combination]
        return start_without_model(combination, weeks, horizon, planned)

    rows = forecast_all(starts, horizon, replaced)
    return with_ids(rows.rename(columns={"yhat_lower": "lower", "yhat_upper": "upper"}), given)[FORECAST]


def settings_of(given: Given, **changed: object) -> Settings:
    """Return the product's settings: its defaults but for the week, the grain and the country."""
    return Settings(week_anchor=given.anchor, sales_grain="week", holiday_country=COUNTRY, **changed)


def recipe_of(settings: Settings, given: Given) -> Recipe:
    """Return what a training at this origin is asked for."""
    spec = ModelSpec(
        seasonality_mode=settings.seasonality_mode, changepoint_prior_scale=settings.changepoint_prior_scale
    )
    same = ("engine", "tune", "tune_origins", "tune_average", "backtest_origins", "horizon_weeks")
    plan = TrainingPlan(
        spec=spec,
        **{name: getattr(settings, name) for name in same},
        holiday_country=COUNTRY,
        holiday_subdivision="",
        holiday_calendar="",
        weather=False,
        week_anchor=given.anchor,
    )
    return make_recipe(plan, settings.clock, given.known["ds"].min().date(), given.origin.date())


def horizon_of(settings: Settings, cutoff: date) -> Horizon:
    return Horizon(
        clock=settings.clock,
        today=cutoff + WEEK // 7,
        cutoff=cutoff,
        data_cutoff=cutoff,
        horizon_weeks=HORIZON,
        min_history_weeks=settings.min_history_weeks,
        inactive_after_weeks=settings.inactive_after_weeks,
        n_paths=settings.interval_paths,
    )


def histories(given: Given) -> Iterator[tuple[Combination, pd.DataFrame, PlannedWeeks]]:
    """Yield each series as the product's history has it, and its plan of the weeks to come, sorted by combination."""
    names = given.series.set_index("unique_id")
    coming = dict(iter(given.ahead.groupby("unique_id")))
    for series, known in given.known.groupby("unique_id"):
        ahead = coming[series]
        depth, days = (ahead[name].to_numpy(dtype="float64") for name in ("depth", "promo_days"))
        planned = PlannedWeeks(depth, days, np.ones(len(ahead), dtype=np.bool_), is_known=True)
        yield Combination(*names.loc[series]), weeks_of(known), planned


def weeks_of(known: pd.DataFrame) -> pd.DataFrame:
    """Return a series' weeks with the columns of the product's history."""
    flags = dict.fromkeys(("is_stockout", "is_censored", "is_outlier"), False)
    return pd.DataFrame(
        {
            "ds": known["ds"].astype("datetime64[us]").to_numpy(),
            "y": known["y"].to_numpy(),
            "returns_quantity": 0.0,
            "promo_discount_perc": known["depth"].to_numpy(),
            "promo_days": known["promo_days"].to_numpy(),
            "is_promo": known["promo_days"].to_numpy() > 0,
            **flags,
        }
    )


def with_ids(rows: pd.DataFrame, given: Given) -> pd.DataFrame:
    return rows.merge(given.series, on=["unit", "channel", "SKU_ID"])


def _trained(
    combination: Combination, weeks: pd.DataFrame, recipe: Recipe, settings: Settings
) -> StoredModel | ModelError | None:
    if skip_reason(weeks, settings.min_history_weeks, settings.inactive_after_weeks):
        return None
    try:
        return loads(train(combination, Material(weeks, PLANNED), recipe).stored.payload)
    except FitError:
        return None
