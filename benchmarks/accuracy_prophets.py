"""Prophet's own package: with its defaults, and as this business specified it (regressors and last week fed back)."""

import logging
from collections.abc import Iterator

import numpy as np
import pandas as pd
from accuracy_data import COUNTRY, HORIZON, Given
from accuracy_peers import FORECAST, Contender

SPECIFIED = {
    "changepoint_prior_scale": 0.1,
    "seasonality_prior_scale": 0.02,
    "holidays_prior_scale": 0.1,
    "weekly_seasonality": False,
    "daily_seasonality": False,
}
"""The product's default settings (`ModelSpec`), untuned: tuning by this package takes hours."""

REGRESSOR_PRIOR = 10.0
YEARLY_FROM = 53
PROMO = ["depth", "promo_days"]
PATHS = 200
LEAST_ROWS = 3
"""Rows that the package needs to fit anything."""


def prophets() -> list[Contender]:
    """Return both."""
    return [
        Contender(
            "prophet_plain",
            "Prophet, defaults",
            "`Prophet()` on each series by itself, no regressor, no holiday; clipped at 0",
            _plain,
        ),
        Contender(
            "prophet_specified",
            "Prophet as specified",
            "last week's sales, discount and promotion days as regressors (prior 10), holidays moved to their week, "
            "yearly season from 53 weeks on, additive; one setting for all (changepoints 0.1, season 0.02, holidays "
            "0.1), not tuned; each forecast is the next week's lag; interval of each step given the lag",
            _specified,
        ),
    ]


def _plain(given: Given) -> pd.DataFrame:
    from prophet import Prophet

    _quiet()
    parts = []
    for known, ahead in _series(given):
        found = Prophet().fit(known[["ds", "y"]]).predict(ahead[["ds"]])
        parts.append(_rows(ahead, found))
    return _joined(parts)


def _specified(given: Given) -> pd.DataFrame:
    _quiet()
    holidays = weeks_of_holidays(given)
    return _joined([_rows(ahead, _fed_back(known, ahead, holidays)) for known, ahead in _series(given)])


def _fed_back(known: pd.DataFrame, ahead: pd.DataFrame, holidays: pd.DataFrame) -> pd.DataFrame:
    from prophet import Prophet

    yearly = 10 if len(known) >= YEARLY_FROM else False
    model = Prophet(yearly_seasonality=yearly, holidays=holidays, uncertainty_samples=PATHS, **SPECIFIED)
    for name in ("y_lag1", *PROMO):
        model.add_regressor(name, prior_scale=REGRESSOR_PRIOR)
    model.fit(known.assign(y_lag1=known["y"].shift()).dropna()[["ds", "y", "y_lag1", *PROMO]])
    lag, weeks = known["y"].iloc[-1], []
    for place in range(len(ahead)):
        week = model.predict(ahead.iloc[[place]][["ds", *PROMO]].assign(y_lag1=lag))
        lag = max(0.0, float(week["yhat"].iloc[0]))
        weeks.append(week)
    return pd.concat(weeks, ignore_index=True)


def weeks_of_holidays(given: Given) -> pd.DataFrame:
    """Return each holiday at the label of its week: on weekly data the package ignores any other day."""
    import holidays

    labels = pd.DatetimeIndex(sorted({*given.known["ds"], *given.ahead["ds"]}))
    days = holidays.country_holidays(COUNTRY, years=range(labels[0].year, labels[-1].year + 1))
    rows = [
        (name, labels[labels.searchsorted(pd.Timestamp(day))])
        for day, name in sorted(days.items())
        if day_in(day, labels)
    ]
    return pd.DataFrame(rows, columns=["holiday", "ds"]).drop_duplicates()


def day_in(day: object, labels: pd.DatetimeIndex) -> bool:
    return labels[0] - pd.Timedelta(days=6) <= pd.Timestamp(str(day)) <= labels[-1]


def _series(given: Given) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Yield each series' weeks and those to come; too short ones are left out."""
    coming = dict(iter(given.ahead.groupby("unique_id")))
    for series, known in given.known.groupby("unique_id"):
        if len(known) > LEAST_ROWS:
            yield known, coming[series]


def _rows(ahead: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    bounds = {"yhat": "yhat", "lower": "yhat_lower", "upper": "yhat_upper"}
    values = {name: np.maximum(found[column].to_numpy(), 0.0) for name, column in bounds.items()}
    return ahead[["unique_id", "ds"]].head(HORIZON).assign(**values)


def _joined(parts: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(parts, ignore_index=True)[FORECAST]


def _quiet() -> None:
    for name in ("cmdstanpy", "prophet"):
        logging.getLogger(name).setLevel(logging.ERROR)
        logging.getLogger(name).disabled = True
