"""Totals of forecasts with intervals of their own, and how good those were."""

from __future__ import annotations

from collections.abc import Mapping

from skucast.core.combination import KEY
from skucast.core.tables.contract import RUN, Check, Column, Table, count, measure, ratio, text, total, week

TOTAL_LEVELS: Mapping[str, tuple[str, ...]] = {
    "total": (),
    "unit": ("unit",),
    "channel": ("channel",),
    "unit_channel": ("unit", "channel"),
    "SKU_ID": ("SKU_ID",),
    "combination": tuple(KEY),
}
"""What is summed over, and what each sum is named by; of single combinations weeks are summed, and nothing else."""

ALL_WEEKS = 0
"""Step of the sum over all weeks of the horizon."""

CORRELATION_SOURCES = ("backtests", "default")

TOTALS = Table(
    label="totals",
    name="distributor_forecast_totals",
    meaning="What the forecasts of a cutoff add up to, by week and over all weeks, with intervals from weeks that are "
    "simulated jointly: never the sum of bounds.",
    columns=(
        week("cutoff", "last complete week when the forecast was made"),
        text("level", "what the row sums over", allowed=tuple(TOTAL_LEVELS)),
        *(text(name, f"{name}; `*` = all") for name in KEY),
        week("ds_from", "first week that is summed"),
        week("ds", "last week that is summed; the same for one week alone"),
        count("step", f"distance of the week from the cutoff, 1 = next week; {ALL_WEEKS} = all weeks together"),
        count("n_combinations", "combinations that are summed", "combinations"),
        total("yhat", "expected value: the sum of yhat_mean, of yhat where there is none"),
        total("yhat_lower", "lower end of the 80 % interval of the sum"),
        total("yhat_upper", "upper end of the 80 % interval of the sum"),
        total(
            "sum_yhat", "sum of the published yhat, which are middles: less than the expected value where sales peak"
        ),
        total(
            "final",
            "yhat with the planner's number (final of the forecasts) in the place of each expected value that one was "
            "said of, as on the page and in the changes; its interval is that of yhat, moved by as much",
        ),
        text("quantiles", "quantiles of what may be sold in sum, JSON by probability"),
        text(
            "correlation_source",
            "what tells how errors go together: those at past origins, or a default for want of them",
            allowed=CORRELATION_SOURCES,
        ),
        *RUN,
    ),
    key=("cutoff", "level", *KEY, "step"),
    partition="cutoff",
    cluster=("level", *KEY),
    checks=(
        Check(
            "0 <= yhat_lower <= yhat <= yhat_upper",
            lambda rows: (
                (rows["yhat_lower"] >= 0) & (rows["yhat_lower"] <= rows["yhat"]) & (rows["yhat"] <= rows["yhat_upper"])
            ),
            of=("yhat_lower", "yhat", "yhat_upper"),
        ),
    ),
)

TOTALS_METRICS = Table(
    label="totals_metrics",
    name="distributor_forecast_totals_metrics",
    meaning="Accuracy of the totals, in the weeks up to `window_end`: each total is one number that was hit or missed. "
    "Sums first; every ratio is a ratio of sums, NULL where it is undefined. e = yhat - y.",
    columns=(
        week("window_end", "last week scored"),
        week("window_start", "first week scored: all weeks of a total lie in the window"),
        text("level", "what the totals sum over", allowed=tuple(TOTAL_LEVELS)),
        *(text(name, f"{name}; `*` = all; `*` in every one = all totals of the level, pooled") for name in KEY),
        count("step", f"step of the totals scored; {ALL_WEEKS} = those of all weeks together"),
        count("n", "totals scored", "rows"),
        count("n_left_out", "totals not scored, because too many of their actuals are not known", "rows"),
        count("n_partly", "of n those of which a small part is not known; it counts as it was forecast", "rows"),
        count("n_covered", "y inside the interval", "rows"),
        total("sum_actual", "sum of y"),
        total("sum_forecast", "sum of yhat"),
        total("sum_abs_error", "sum of abs(e)"),
        ratio("wape", "sum_abs_error / sum_actual; NULL when all actuals are 0"),
        ratio("bias_ratio", "(sum_forecast - sum_actual) / sum_actual; NULL when all actuals are 0"),
        ratio("coverage", "n_covered / n, 0.8 expected; NULL when nothing was scored"),
        measure("mean_width", "mean of yhat_upper - yhat_lower; NULL when nothing was scored", nullable=True),
        Column("actuals_through", "DATE", "day", "newest day of sales that was delivered when the row was made"),
        *RUN,
    ),
    key=("window_end", "level", *KEY, "step"),
    partition="window_end",
    cluster=("level", *KEY),
)
