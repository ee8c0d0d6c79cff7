"""The SQL that BigQuery's own forecasters are asked with; its syntax is that of Google's reference of November 2026."""

from __future__ import annotations

from datetime import date

_FOUND = """SELECT
  unit,
  channel,
  SKU_ID,
  DATE(forecast_timestamp) AS ds,
  GREATEST(forecast_value, 0) AS yhat,
  GREATEST(prediction_interval_lower_bound, 0) AS yhat_lower,
  GREATEST(prediction_interval_upper_bound, 0) AS yhat_upper
FROM
"""

_HISTORY = """SELECT unit, channel, SKU_ID, TIMESTAMP(ds) AS week, y{regressors}
    FROM `{weeks}`
    WHERE origin IS NULL AND y IS NOT NULL AND ds <= DATE '{data_cutoff}'"""

_AI_FORECAST = """  AI.FORECAST(
    ({history}),
    data_col => 'y',
    timestamp_col => 'week',
    id_cols => ['unit', 'channel', 'SKU_ID'],
    horizon => {horizon},
    confidence_level => 0.8)
"""

_MODEL = """CREATE OR REPLACE MODEL `{model}`
OPTIONS(
  MODEL_TYPE = 'ARIMA_PLUS_XREG',
  TIME_SERIES_TIMESTAMP_COL = 'week',
  TIME_SERIES_DATA_COL = 'y',
  TIME_SERIES_ID_COL = ['unit', 'channel', 'SKU_ID'],
  DATA_FREQUENCY = 'WEEKLY',
  HORIZON = {horizon}
) AS
{history}
"""

_ML_FORECAST = """  ML.FORECAST(
    MODEL `{model}`,
    STRUCT({horizon} AS horizon, 0.8 AS confidence_level),
    (SELECT unit, channel, SKU_ID, TIMESTAMP(ds) AS week, promo_discount_perc, promo_days
    FROM `{weeks}`
    WHERE origin = DATE '{origin}'))
"""

DROP = "DROP MODEL IF EXISTS `{model}`"


def ai_forecast(weeks: str, data_cutoff: date, horizon: int) -> str:
    """Return the query of `AI.FORECAST`: the sales of each combination up to a day, and nothing else."""
    history = _HISTORY.format(weeks=weeks, data_cutoff=data_cutoff, regressors="")
    return _FOUND + _AI_FORECAST.format(history=history, horizon=horizon)


def model(name: str, weeks: str, data_cutoff: date, horizon: int) -> str:
    """Return the statement that trains `ARIMA_PLUS_XREG` on sales and promotions up to a day."""
    regressors = ", promo_discount_perc, promo_days"
    history = _HISTORY.format(weeks=weeks, data_cutoff=data_cutoff, regressors=regressors)
    return _MODEL.format(model=name, history=history, horizon=horizon)


def of_model(name: str, weeks: str, origin: date, horizon: int) -> str:
    """Return the query of the model's forecast, with the promotions that were planned at the origin."""
    return _FOUND + _ML_FORECAST.format(model=name, weeks=weeks, origin=origin, horizon=horizon)
