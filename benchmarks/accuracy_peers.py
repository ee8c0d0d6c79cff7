"""Forecasters of others, each as its own documentation uses it, on what every contender is given.

They run in an environment of their own (`make bench-accuracy` makes it from requirements/bench.in). What each was given
beyond the sales is in its `Contender.given`.
"""

import importlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from accuracy_data import AHEAD, HORIZON, Given

YEAR = 52
FORECAST = ["unique_id", "ds", "yhat", "lower", "upper"]


@dataclass(frozen=True)
class Contender:
    """Who forecasts, in words, from what (`given`), and how: `run` returns a row per series and week, `FORECAST`.

    `lower` and `upper` are the 80 % interval, NaN where a contender has none; where `yhat` is NaN the mean of the last
    four weeks stands in when it is scored. Where `part` is given nothing is run: it is that column of that contender.
    """

    name: str
    label: str
    given: str
    run: Callable[[Given], pd.DataFrame]
    part: tuple[str, str] | None = None


def peers() -> list[Contender]:
    """Return all of them but for Prophet, the quick ones first."""

    def stats(
        name: str, label: str, given: str, make: Callable[[], object], *, level: bool = True, xreg: bool = False
    ) -> Contender:
        run = _with_regressors if xreg else _statistical
        return Contender(name, label, given, lambda seen: run(seen, make, level=level))

    return [
        stats("naive52", "seasonal naive", "season of 52 weeks", _model("SeasonalNaive", YEAR)),
        Contender("mean4", "mean of 4 weeks", "no interval", lambda seen: mean_of(seen, 4)),
        Contender("mean8", "mean of 8 weeks", "no interval", lambda seen: mean_of(seen, 8)),
        stats("croston", "Croston", "classic; no interval", _model("CrostonClassic"), level=False),
        stats("sba", "Croston SBA", "no interval", _model("CrostonSBA"), level=False),
        stats("tsb", "TSB", "both rates 0.2; no interval", _model("TSB", 0.2, 0.2), level=False),
        stats("ets", "AutoETS", "no season (52 weeks are too many for it)", _model("AutoETS", 1)),
        stats("theta", "AutoTheta", "season of 52 weeks where its own test finds one", _model("AutoTheta", YEAR)),
        stats(
            "stl_ets",
            "MSTL + AutoETS",
            "season of 52 weeks by STL, AutoETS on the rest; a series that it refuses gets AutoETS",
            _stl,
        ),
        *(_boosted(*form) for form in BOOSTED),
        stats(
            "arima",
            "AutoARIMA",
            "the package's defaults, without a season of 52 weeks, for time; regressors: discount, promotion days, "
            "holiday days",
            _model("AutoARIMA", season_length=1),
            xreg=True,
        ),
    ]


def _model(name: str, *arguments: object, **named: object) -> Callable[[], object]:
    """How a model of StatsForecast is made; the package is looked for only where one is."""
    return lambda: getattr(importlib.import_module("statsforecast.models"), name)(*arguments, **named)


def _stl() -> object:
    return _model("MSTL", YEAR, trend_forecaster=_model("AutoETS", model="ZZN")())()


def mean_of(given: Given, n_weeks: int) -> pd.DataFrame:
    """Return the mean of each series' last weeks for all weeks to come; no interval."""
    level = given.known.groupby("unique_id")["y"].apply(lambda y: y.tail(n_weeks).mean())
    rows = given.ahead[["unique_id", "ds"]]
    return rows.assign(yhat=rows["unique_id"].map(level), lower=np.nan, upper=np.nan)


# --- StatsForecast ----------------------------------------------------------------------------------------------------


def _statistical(given: Given, make: Callable[[], object], *, level: bool) -> pd.DataFrame:
    return _forecast(given.known[["unique_id", "ds", "y"]], None, given.freq, make(), level=level)


def _forecast(
    known: pd.DataFrame, ahead: pd.DataFrame | None, freq: str, model: object, *, level: bool
) -> pd.DataFrame:
    from statsforecast import StatsForecast
    from statsforecast.models import AutoETS

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        runner = StatsForecast(models=[model], freq=freq, n_jobs=1, fallback_model=AutoETS(season_length=1))
        found = runner.forecast(df=known, h=HORIZON, X_df=ahead, level=[80] if level else None)
    name = next(column for column in found.columns if column not in ("unique_id", "ds"))
    columns = {name: "yhat", f"{name}-lo-80": "lower", f"{name}-hi-80": "upper"}
    return found.rename(columns=columns).reindex(columns=FORECAST)


def _with_regressors(given: Given, make: Callable[[], object], *, level: bool) -> pd.DataFrame:
    """Series by which regressors vary in them: one that does not, or that others make up, is refused by the model."""
    by_columns: dict[tuple[str, ...], list[int]] = {}
    for series, rows in given.known.groupby("unique_id"):
        by_columns.setdefault(tuple(varying(rows[list(AHEAD)])), []).append(series)
    parts = []
    for columns, series in by_columns.items():
        chosen = ["unique_id", "ds", *columns]
        past = given.known.loc[given.known["unique_id"].isin(series), ["unique_id", "ds", "y", *columns]]
        coming = given.ahead.loc[given.ahead["unique_id"].isin(series), chosen] if columns else None
        parts.append(_forecast(past, coming, given.freq, make(), level=level))
    return pd.concat(parts, ignore_index=True)


def varying(columns: pd.DataFrame) -> list[str]:
    """Return the columns that neither are constant nor follow from those before them."""
    kept: list[str] = []
    basis = np.ones((len(columns), 1))
    for name in columns:
        wider = np.column_stack([basis, columns[name].to_numpy(dtype="float64")])
        if np.linalg.matrix_rank(wider) == wider.shape[1]:
            basis, kept = wider, [*kept, name]
    return kept


# --- LightGBM by MLForecast -------------------------------------------------------------------------------------------

LAGS = [1, 2, 3, 4, 5, 8, 13, 26, 51, 52, 53]
BOOSTED: list[tuple[str, str, dict[str, Any], str | None]] = [
    ("lightgbm", "LightGBM", {}, None),
    ("lightgbm_log", "LightGBM, logs", {}, "log1p"),
    ("lightgbm_scaled", "LightGBM, scaled, absolute error", {"objective": "l1"}, "scaled"),
]


def _boosted(name: str, label: str, parameters: dict[str, Any], transform: str | None) -> Contender:
    words = {
        None: "on the sales as they are",
        "log1p": "on log(1 + sales), as a GlobalSklearnTransformer",
        "scaled": "on sales scaled per series, as LocalStandardScaler does",
    }
    given = (
        f"MLForecast, {words[transform]}; LightGBM's default settings{', absolute error' if parameters else ''}; lags "
        f"{', '.join(map(str, LAGS))}, rolling means of 4, 13 and 52 weeks, expanding mean, week and month, unit, "
        "channel and SKU as categories; regressors: discount, promotion days, holiday days; conformal intervals of 2 "
        "windows"
    )
    return Contender(name, label, given, lambda seen: _by_mlforecast(seen, parameters, transform))


def _by_mlforecast(given: Given, parameters: dict[str, Any], transform: str | None) -> pd.DataFrame:
    import lightgbm
    from mlforecast import MLForecast
    from mlforecast.lag_transforms import ExpandingMean, RollingMean
    from mlforecast.utils import PredictionIntervals

    names = given.series.assign(**{name: given.series[name].astype("category") for name in _NAMES})
    known = given.known.merge(names, on="unique_id")
    model = lightgbm.LGBMRegressor(**parameters, verbosity=-1, n_jobs=1, random_state=0)
    forecaster = MLForecast(
        models={"model": model},
        freq=given.freq,
        lags=LAGS,
        lag_transforms={1: [RollingMean(4, 1), RollingMean(13, 1), RollingMean(YEAR, 1), ExpandingMean()]},
        date_features=["week", "month"],
        target_transforms=_transforms(transform),
        num_threads=1,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        long_enough = known.groupby("unique_id")["ds"].transform("size") > _SHORTEST
        forecaster.fit(
            known[long_enough],
            static_features=list(_NAMES),
            dropna=False,
            prediction_intervals=PredictionIntervals(n_windows=2, h=HORIZON),
        )
        ahead = given.ahead[given.ahead["unique_id"].isin(known.loc[long_enough, "unique_id"])]
        found = forecaster.predict(HORIZON, X_df=ahead[["unique_id", "ds", *AHEAD]], level=[80])
    renamed = found.rename(columns={"model": "yhat", "model-lo-80": "lower", "model-hi-80": "upper"})
    return renamed.reindex(columns=FORECAST)


_NAMES = ("unit", "channel", "SKU_ID")
_SHORTEST = 4 * HORIZON
"""Weeks that a series must have to be cut into windows for the intervals."""


def _transforms(name: str | None) -> list[object]:
    from mlforecast.target_transforms import GlobalSklearnTransformer, LocalStandardScaler
    from sklearn.preprocessing import FunctionTransformer

    if name == "log1p":
        return [GlobalSklearnTransformer(FunctionTransformer(func=np.log1p, inverse_func=np.expm1))]
    return [LocalStandardScaler()] if name == "scaled" else []
