"""AutoGluon: some models of each kind and their weighted ensemble, in an environment of its own (some 6 GB)."""

import logging
import tempfile

import pandas as pd
from accuracy_data import AHEAD, HORIZON, KEY, Given
from accuracy_peers import FORECAST, Contender

TIME_LIMIT_S = 300
MODELS = ("SeasonalNaive", "ETS", "Theta", "RecursiveTabular", "DirectTabular")
QUANTILES = {"0.1": "lower", "0.5": "yhat", "0.9": "upper"}


def autogluon() -> Contender:
    """Return the contender."""
    return Contender(
        "autogluon",
        "AutoGluon",
        f"{', '.join(MODELS)} and their weighted ensemble, {TIME_LIMIT_S} s, one validation window, its median; "
        "discount, promotion days and holiday days known ahead, unit, channel and SKU as static features; no deep "
        "model (two cores) and no pretrained one (its weights are fetched from the net)",
        _run,
    )


def _run(given: Given) -> pd.DataFrame:
    from autogluon.timeseries import TimeSeriesDataFrame, TimeSeriesPredictor

    logging.getLogger("autogluon").setLevel(logging.ERROR)
    statics = given.series.assign(**{name: given.series[name].astype("category") for name in KEY})
    statics = statics[statics["unique_id"].isin(given.known["unique_id"])]
    named = {"id_column": "unique_id", "timestamp_column": "ds"}
    known = TimeSeriesDataFrame.from_data_frame(
        given.known[["unique_id", "ds", "y", *AHEAD]], static_features_df=statics, **named
    )
    ahead = TimeSeriesDataFrame.from_data_frame(given.ahead[["unique_id", "ds", *AHEAD]], **named)
    with tempfile.TemporaryDirectory() as folder:
        predictor = TimeSeriesPredictor(
            target="y",
            prediction_length=HORIZON,
            freq=given.freq,
            known_covariates_names=AHEAD,
            quantile_levels=[0.1, 0.5, 0.9],
            eval_metric="WQL",
            path=folder,
            verbosity=0,
        )
        predictor.fit(known, hyperparameters={name: {} for name in MODELS}, time_limit=TIME_LIMIT_S, random_seed=0)
        found = predictor.predict(known, known_covariates=ahead).reset_index()
    named = {"item_id": "unique_id", "timestamp": "ds", **QUANTILES}
    return found.drop(columns="mean").rename(columns=named)[FORECAST]
