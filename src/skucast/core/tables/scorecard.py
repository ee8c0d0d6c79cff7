"""How good forecasts were: the metrics, and the scored rows that they are summed from."""

from __future__ import annotations

from skucast.core.combination import KEY
from skucast.core.tables.contract import COMBINATION, RUN, Column, Table, count, measure, ratio, text, total, week
from skucast.core.tables.forecasts import METHODS, PROMO_SOURCES, STATUSES

LEVELS = ("combination", "unit", "channel", "SKU_ID", "total")
WINDOWS = ("week", "rolling")
"""One target week alone; the last LOOKBACK_WEEKS weeks together."""
BASELINES = {
    "last_week": "the last known week's sales",
    "mean_4": "the mean of the last 4 known weeks",
    "last_year": "the same week last year, else the last known week",
}
POOLED_STEP = 0
LEFT_OUT = {
    "stockout": "the week was out of stock",
    "not_delivered": "the week's sales are not known",
    "failed": "the model failed and a fallback stood in",
    "inactive": "0 was forecast of what is no longer sold, and nothing was sold",
}
"""Why a stored forecast is not scored; each is counted in `n_REASON`."""
APART = {"sum_actual": "sum of y", "sum_forecast": "sum of yhat", "sum_abs_error": "sum of abs(e)"}
"""Sums that are kept of the fallbacks for failed models too, in columns of their own: `NAME_failed`."""
UNPUBLISHED = "unpublished"
"""A week that was sold, after the first cutoff in the ledger, and that no forecast was published for at that step."""
VOLUME_CLASSES = ("A", "B", "C")
VARIABILITY_CLASSES = ("X", "Y", "Z")

METRICS = Table(
    label="metrics",
    name="distributor_model_performance_metrics",
    meaning="Accuracy of stored forecasts, per combination and rolled up: of each week, and of the weeks up to it. "
    "Sums first; every ratio is a ratio of sums, NULL where it is undefined. e = yhat - y, in every column. "
    "The window of one combination at one step is there only where something was left out: it is the sum of its weeks.",
    columns=(
        week("window_end", "last week scored"),
        week("window_start", "first week scored; for `week` the same"),
        text("window", "what is scored: the week `window_end` alone, or all weeks of the window", allowed=WINDOWS),
        text("level", "what the row sums over", allowed=LEVELS),
        *(text(name, f"{name}; `*` = all") for name in KEY),
        count("step", f"step of the forecasts scored; {POOLED_STEP} = all steps pooled"),
        count("n", "forecasts matched with a known week", "rows"),
        count("n_weeks", "different weeks among them"),
        count("n_left_out", "forecasts of the window that are not scored: the sum of the reasons' counts", "rows"),
        *(
            count(f"n_{name}", f"those among them because {meaning}", "rows")
            for name, meaning in LEFT_OUT.items()
            if name != "inactive"
        ),
        count("n_unpublished", "weeks sold that no forecast was published for at that step; not in n_left_out", "rows"),
        count("n_restated_weeks", "weeks among n_weeks in which an actual differs from the first one scored"),
        total("sum_actual", "sum of y"),
        total("sum_abs_actual", "sum of abs(y)"),
        total("sum_forecast", "sum of yhat"),
        total("sum_error", "sum of e = yhat - y; positive = over-forecast"),
        total("sum_abs_error", "sum of abs(e)"),
        Column("sum_sq_error", "FLOAT64", "sales squared", "sum of e squared"),
        Column("sum_smape", "FLOAT64", "ratio", "sum of 2 abs(e) / (abs(y) + abs(yhat)), 0 where both are 0"),
        count("n_covered", "y inside the interval", "rows"),
        *(total(f"sum_abs_error_{name}", f"sum of abs(e) of {meaning}") for name, meaning in BASELINES.items()),
        total("sum_pinball_10", "sum of the pinball loss of yhat_lower as the 0.1 quantile"),
        total("sum_pinball_90", "sum of the pinball loss of yhat_upper as the 0.9 quantile"),
        count(
            "n_scaled",
            "scored forecasts with a scale: 8 or more changes from week to week before them, not all 0",
            "rows",
        ),
        Column("sum_scaled_error", "FLOAT64", "ratio", "sum of abs(e) / mean abs change from week to week before it"),
        Column("sum_sq_scaled_error", "FLOAT64", "ratio", "sum of e squared / mean squared change before it"),
        count("n_compared", "forecasts, scored or not, with one of the same week by an earlier cutoff", "rows"),
        total("sum_abs_change", "sum of abs(yhat - yhat of the newest earlier cutoff), of those"),
        total("sum_forecast_compared", "sum of yhat, of those"),
        ratio("wape", "sum_abs_error / sum_abs_actual; NULL when all actuals are 0"),
        ratio("smape", "sum_smape / n, 0 to 2; NULL when nothing matched"),
        measure("mae", "sum_abs_error / n; NULL when nothing matched", nullable=True),
        measure("rmse", "root of sum_sq_error / n; NULL when nothing matched", nullable=True),
        measure("bias", "sum_error / n; NULL when nothing matched", nullable=True),
        ratio("bias_ratio", "sum_error / sum_abs_actual; NULL when all actuals are 0"),
        ratio("coverage", "n_covered / n, 0.8 expected; NULL when nothing matched"),
        *(ratio(f"wape_{name}", f"WAPE of {meaning}, on the same rows") for name, meaning in BASELINES.items()),
        ratio("fva", "forecast value added against last year's week alone, as fva_last_year: wape_last_year - wape"),
        *(
            ratio(f"fva_{name}", f"wape_{name} - wape; positive = better than {meaning}")
            for name, meaning in BASELINES.items()
        ),
        ratio(
            "mase", "sum_scaled_error / n_scaled; below 1 = better than last week's sales were before; NULL without any"
        ),
        ratio("rmsse", "root of sum_sq_scaled_error / n_scaled; NULL when n_scaled is 0"),
        measure("pinball_10", "sum_pinball_10 / n; NULL when nothing matched", nullable=True),
        measure("pinball_90", "sum_pinball_90 / n; NULL when nothing matched", nullable=True),
        Column(
            "tracking_signal",
            "FLOAT64",
            "ratio, -n to n",
            "sum_error / mae: beyond +-4 the errors lean to one side; read it at one step; NULL when mae is 0 or NULL",
            nullable=True,
        ),
        ratio(
            "churn", "sum_abs_change / sum_forecast_compared; NULL when nothing was compared or all of it forecast 0"
        ),
        text(
            "abc_class",
            "A, B, C: the combinations that make 80, 15 and 5 % of all sales of the 52 weeks up to window_end; "
            "NULL for roll-ups",
            nullable=True,
            allowed=VOLUME_CLASSES,
        ),
        text(
            "xyz_class",
            "X, Y, Z: coefficient of variation of weekly sales in those weeks up to 0.5, up to 1, more; "
            "NULL for roll-ups, with fewer than 8 known weeks, or without sales",
            nullable=True,
            allowed=VARIABILITY_CLASSES,
        ),
        ratio("volume_share", "share of all sales in those weeks; NULL for roll-ups, or when nothing was sold"),
        measure(
            "volume", "mean of the known weeks among those; NULL for roll-ups, or with no known week", nullable=True
        ),
        measure(
            "actual_first",
            "y as it was when the week was first scored; only in pooled `week` rows of a combination",
            nullable=True,
        ),
        Column("actuals_through", "DATE", "day", "newest day of sales that was delivered when the row was made"),
        *RUN,
        Column(  # at the end, and NULL in rows of before it was counted
            "n_inactive",
            "INT64",
            "rows",
            f"those of n_left_out because {LEFT_OUT['inactive']}; NULL in rows that were made when they were scored",
            nullable=True,
        ),
        *(
            measure(f"{name}_failed", f"{meaning} of the forecasts of n_failed, which are scored apart", nullable=True)
            for name, meaning in APART.items()
        ),
        ratio("wape_failed", "sum_abs_error_failed / sum_actual_failed; NULL when none failed, or all of those are 0"),
        measure(
            "sum_forecast_mean", "sum of yhat_mean, the expected value; of yhat where there is none", nullable=True
        ),
        ratio("bias_ratio_mean", "(sum_forecast_mean - sum_actual) / sum_abs_actual; NULL when all actuals are 0"),
    ),
    key=("window_end", "window", "level", *KEY, "step"),
    partition="window_end",
    cluster=("level", *KEY),
)

SCORED = Table(
    label="scored",
    name="scored",
    meaning="Stored forecasts beside their actuals: what the tasks of one monitoring run hand to the one that sums up.",
    columns=(
        week("cutoff", "last complete week when the forecast was made"),
        *COMBINATION,
        week("ds", "week that was forecast"),
        count("step", "distance of `ds` from the cutoff, 1 = next week"),
        measure("y", "actual; NULL where the forecast is not scored", nullable=True),
        measure("yhat", "forecast; NULL where none was published", nullable=True),
        measure("yhat_lower", "lower end of the 80 % interval; NULL where none was published", nullable=True),
        measure("yhat_upper", "upper end of the 80 % interval; NULL where none was published", nullable=True),
        *(
            measure(f"baseline_{name}", f"forecast by {meaning}; NULL where none was published", nullable=True)
            for name, meaning in BASELINES.items()
        ),
        text("left_out", "why it is not scored; NULL = it is", nullable=True, allowed=(*LEFT_OUT, UNPUBLISHED)),
        measure("previous_yhat", "forecast of the same week by the newest earlier cutoff; NULL = none", nullable=True),
        measure(
            "scale", "mean abs change from week to week before it; NULL with fewer than 8, or all 0", nullable=True
        ),
        Column("sq_scale", "FLOAT64", "sales squared", "mean squared change before it; NULL as `scale`", nullable=True),
        text("method", "what made the number; NULL where none was published", nullable=True, allowed=METHODS),
        text("status", "why that method; NULL where none was published", nullable=True, allowed=STATUSES),
        text("promo_source", "what was known of promotions; NULL as above", nullable=True, allowed=PROMO_SOURCES),
        week("data_cutoff", "last week whose sales were known; NULL where none was published", nullable=True),
        week("model_cutoff", "last week the model was trained on; NULL for fallbacks", nullable=True),
        measure("y_failed", "actual, where a fallback for a failed model is scored apart; else NULL", nullable=True),
        measure("yhat_mean", "expected value; NULL where none was published", nullable=True),
    ),
    key=("cutoff", *KEY, "ds"),
    cluster=tuple(KEY),
)
"""Staged only, never a table of its own."""
