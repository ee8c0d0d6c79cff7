"""The contract of every table: columns, types, units, keys; it creates tables, validates frames, makes the docs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from skucast.core.combination import KEY
from skucast.core.errors import ContractError

if TYPE_CHECKING:
    import pandas as pd

Type = Literal["STRING", "DATE", "TIMESTAMP", "FLOAT64", "INT64", "BOOL"]

ALL = "*"
"""Stands in a key column for "all of them", in roll-ups and in targets."""

SALES_MEASURE = "pieces (or the source's own measure)"


@dataclass(frozen=True)
class Column:
    """One column; `unit` is its measure, `allowed` the only values of an enumeration."""

    name: str
    type: Type
    unit: str
    meaning: str
    nullable: bool = False
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Check:
    """A rule over whole rows; `holds` returns one boolean a row."""

    rule: str
    holds: Callable[[pd.DataFrame], pd.Series]


@dataclass(frozen=True)
class Table:
    """One table. `partition` names the column by whose value rows are replaced as a whole.

    `is_whole`: all of its rows are one slice, named `ALL`.
    `one_writer`: no two tasks ever write the same slice, so that its writers need not conflict, nor be noted.
    """

    label: str
    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    partition: str | None = None
    cluster: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    one_writer: bool = False
    is_whole: bool = False

    @property
    def column_names(self) -> list[str]:
        """Column names in the order of the contract."""
        return [column.name for column in self.columns]

    def column(self, name: str) -> Column:
        """Return the column of that name."""
        return next(column for column in self.columns if column.name == name)


def _text(name: str, meaning: str, *, nullable: bool = False, allowed: tuple[str, ...] = ()) -> Column:
    return Column(name, "STRING", "text", meaning, nullable, allowed)


def _measure(name: str, meaning: str, *, nullable: bool = False) -> Column:
    return Column(name, "FLOAT64", "sales per week", meaning, nullable)


def _ratio(name: str, meaning: str) -> Column:
    return Column(name, "FLOAT64", "ratio, 0.2 = 20 %", meaning, nullable=True)


def _sum(name: str, meaning: str) -> Column:
    return Column(name, "FLOAT64", "sales", meaning)


def _count(name: str, meaning: str, unit: str = "weeks") -> Column:
    return Column(name, "INT64", unit, meaning)


def _week(name: str, meaning: str, *, nullable: bool = False) -> Column:
    return Column(name, "DATE", "week label (last day of the week)", meaning, nullable)


def _instant(name: str, meaning: str) -> Column:
    return Column(name, "TIMESTAMP", "UTC", meaning)


_COMBINATION = (
    _text("unit", "business unit"),
    _text("channel", "sales channel"),
    _text("SKU_ID", "article"),
)

_RUN = (
    _text("run_id", "execution that wrote the row"),
    _instant("created_at", "when the row was made"),
)

SALES = Table(
    label="sales",
    name="distributor_sales_frozen_sample_1",
    meaning="Sales lines as the source delivers them; read only. Several lines a day, returns as negative lines.",
    columns=(
        Column("date", "DATE", "day", "day of the sale (weekly sources: any day of the week)", nullable=True),
        *(_text(name, f"{name} as delivered; NULL marks a placeholder row, ignored", nullable=True) for name in KEY),
        Column("quantity", "FLOAT64", SALES_MEASURE, "sold quantity; negative = return", nullable=True),
        Column("Promo_discount_perc", "FLOAT64", "percent, 0-100", "discount depth; NULL = none", nullable=True),
        Column("stock", "FLOAT64", SALES_MEASURE, "stock at the end of the day; NULL = not known", nullable=True),
    ),
    checks=(
        Check("quantity lies within 1e12", lambda rows: rows["quantity"].isna() | (rows["quantity"].abs() <= 1e12)),
        Check("date lies in 1990 to 2099", lambda rows: rows["date"].isna() | rows["date"].dt.year.between(1990, 2099)),
        Check(
            "Promo_discount_perc is a percentage, 0 to 100",
            lambda rows: rows["Promo_discount_perc"].isna() | rows["Promo_discount_perc"].between(0, 100),
        ),
    ),
)

PROMOTIONS = Table(
    label="promotions",
    name="distributor_promotions",
    meaning="The plan, append-only: what was known of promotions, and from when. A correction or a cancellation is a "
    "new row; for a day, the newest statement about it counts.",
    columns=(
        *(_text(name, f"{name}; `*` = all", nullable=True) for name in KEY),
        Column("starts_on", "DATE", "day", "first day", nullable=True),
        Column("ends_on", "DATE", "day", "last day, included", nullable=True),
        Column(
            "discount_perc",
            "FLOAT64",
            "percent, 0-100",
            "discount depth; NULL = the plan is complete for these days: no promotion but those in other rows",
            nullable=True,
        ),
        Column("known_from", "TIMESTAMP", "UTC", "since when this was known; nothing before may use it", nullable=True),
        _text(
            "plan_id", "name of the promotion: of rows of one name and combination, the newest counts", nullable=True
        ),
        Column("cancelled", "BOOL", "true/false", "the promotion is called off; NULL = false", nullable=True),
        _text("note", "remark, not used", nullable=True),
    ),
)
"""All may be NULL, because a plan may be a table that people keep: what means nothing is passed over and counted."""

LOCATIONS = Table(
    label="locations",
    name="distributor_locations",
    meaning="Where the units are, for their weather.",
    columns=(
        _text("unit", "business unit"),
        Column("latitude", "FLOAT64", "degrees, -90 to 90", "north is positive"),
        Column("longitude", "FLOAT64", "degrees, -180 to 180", "east is positive"),
    ),
    key=("unit",),
    checks=(
        Check("latitude lies in -90 to 90", lambda rows: rows["latitude"].between(-90, 90)),
        Check("longitude lies in -180 to 180", lambda rows: rows["longitude"].between(-180, 180)),
    ),
    is_whole=True,
)

WEATHER = Table(
    label="weather",
    name="distributor_weather_daily",
    meaning="Daily weather per unit, append-only: a day is observed once, what was forecast stays as it was forecast.",
    columns=(
        _text("unit", "business unit"),
        Column("date", "DATE", "day", "day in the unit's own time"),
        Column("temperature_2m_max", "FLOAT64", "degrees Celsius", "highest; NULL = not known", nullable=True),
        Column("temperature_2m_min", "FLOAT64", "degrees Celsius", "lowest; NULL = not known", nullable=True),
        Column("precipitation_sum", "FLOAT64", "mm", "rain and melted snow; NULL = not known", nullable=True),
        Column("snowfall_sum", "FLOAT64", "cm", "fresh snow; NULL = not known", nullable=True),
        _text("kind", "what the numbers are", allowed=("observed", "forecast")),
        _instant("fetched_at", "when they were fetched"),
    ),
)

METHODS = ("prophet", "mean_8", "seasonal_naive", "zero")
STATUSES = ("ok", "capped", "no_model", "short_history", "load_failed", "forecast_failed", "inactive")
FAILED_STATUSES = ("load_failed", "forecast_failed")
"""Those that count for MAX_FAILED_SHARE: there is a model, and it could not be used."""
PROMO_SOURCES = ("planned", "none", "expected")
"""A planned promotion; no promotion, on days that a plan covers; a recent average, where no plan says anything."""
WEATHER_SOURCES = ("observed", "forecast", "climate", "none")
"""All seven days are observed; some are forecast, or observed and the others not known; none is known, so that the week
counts as usual for the season; nothing is known of the unit at all: weather is off, or it was never fetched, for want
of a location or an answer."""
COMPONENTS = ("level", "yearly", "holidays", "promo", "weather", "carry_over")

FORECASTS = Table(
    label="forecasts",
    name="distributor_forecasts_weekly",
    meaning="The ledger: every cutoff's forecast of the weeks after it, never overwritten by a later cutoff.",
    columns=(
        _week("cutoff", "last complete week when the forecast was made"),
        *_COMBINATION,
        _week("ds", "week that is forecast"),
        _count("step", "distance of `ds` from the cutoff, 1 = next week"),
        Column("is_open_week", "BOOL", "true/false", "`ds` had begun when the forecast was made"),
        _measure("yhat", "forecast, at least 0"),
        _measure("yhat_lower", "lower end of the 80 % interval"),
        _measure("yhat_upper", "upper end of the 80 % interval"),
        _measure("level", "component: trend without season and regressors"),
        _measure("yearly", "component: time of the year"),
        _measure("holidays", "component: holidays in the week"),
        _measure("promo", "component: promotions"),
        _measure("weather", "component: weather"),
        _measure("carry_over", "component: last week's sales; the six components add up to yhat before it is clipped"),
        _text("method", "what made the number", allowed=METHODS),
        _text("status", "why that method; `ok` = a model's own forecast", allowed=STATUSES),
        _text("promo_source", "what was known of promotions", allowed=PROMO_SOURCES),
        _text("weather_source", "what was known of weather", allowed=WEATHER_SOURCES),
        _week("data_cutoff", "last week whose sales were known; before `cutoff` when sales were late"),
        _text("model_version", "version of the stored model; NULL for fallbacks", nullable=True),
        _week("model_cutoff", "last week the model was trained on; NULL for fallbacks", nullable=True),
        *_RUN,
    ),
    key=("cutoff", *KEY, "ds"),
    partition="cutoff",
    cluster=tuple(KEY),
    checks=(
        Check(
            "0 <= yhat_lower <= yhat <= yhat_upper",
            lambda rows: (
                (rows["yhat_lower"] >= 0) & (rows["yhat_lower"] <= rows["yhat"]) & (rows["yhat"] <= rows["yhat_upper"])
            ),
        ),
        Check("step is at least 1", lambda rows: rows["step"] >= 1),
    ),
)

SCENARIOS = Table(
    label="scenarios",
    name="distributor_forecast_scenarios",
    meaning="What another plan of promotions would give, beside the forecast of the plan as it is; made by hand.",
    columns=(
        _text("scenario_id", "the scenario's name, a slash, and the cutoff"),
        _text("scenario", "its name"),
        *(
            FORECASTS.column(name)
            for name in (
                "cutoff",
                *KEY,
                "ds",
                "step",
                "yhat",
                "yhat_lower",
                "yhat_upper",
                *COMPONENTS,
                "method",
                "status",
                "promo_source",
                "weather_source",
                "model_version",
            )
        ),
        _measure("baseline_yhat", "forecast of the same model with the plan as it is"),
        _text("baseline_promo_source", "what that plan says of promotions", allowed=PROMO_SOURCES),
        _measure("difference", "yhat - baseline_yhat"),
        _text("plan_file", "name of the file with the other promotions"),
        _text("plan_sha256", "SHA-256 of its bytes"),
        *_RUN,
    ),
    key=("scenario_id", *KEY, "ds"),
    partition="scenario_id",
    cluster=tuple(KEY),
)

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
}
"""Why a stored forecast is not scored; each is counted in `n_REASON`."""
UNPUBLISHED = "unpublished"
"""A week that was sold, after the first cutoff in the ledger, and that no forecast was published for at that step."""
VOLUME_CLASSES = ("A", "B", "C")
VARIABILITY_CLASSES = ("X", "Y", "Z")

METRICS = Table(
    label="metrics",
    name="distributor_model_performance_metrics",
    meaning="Accuracy of stored forecasts, per combination and rolled up: of each week, and of the weeks up to it. "
    "Sums first; every ratio is a ratio of sums, NULL where it is undefined. e = yhat - y, in every column.",
    columns=(
        _week("window_end", "last week scored"),
        _week("window_start", "first week scored; for `week` the same"),
        _text("window", "what is scored: the week `window_end` alone, or all weeks of the window", allowed=WINDOWS),
        _text("level", "what the row sums over", allowed=LEVELS),
        *(_text(name, f"{name}; `*` = all") for name in KEY),
        _count("step", f"step of the forecasts scored; {POOLED_STEP} = all steps pooled"),
        _count("n", "forecasts matched with a known week", "rows"),
        _count("n_weeks", "different weeks among them"),
        _count("n_left_out", "forecasts of the window that are not scored: the sum of the three below", "rows"),
        *(_count(f"n_{name}", f"those among them because {meaning}", "rows") for name, meaning in LEFT_OUT.items()),
        _count(
            "n_unpublished", "weeks sold that no forecast was published for at that step; not in n_left_out", "rows"
        ),
        _count("n_restated_weeks", "weeks among n_weeks in which an actual differs from the first one scored"),
        _sum("sum_actual", "sum of y"),
        _sum("sum_abs_actual", "sum of abs(y)"),
        _sum("sum_forecast", "sum of yhat"),
        _sum("sum_error", "sum of e = yhat - y; positive = over-forecast"),
        _sum("sum_abs_error", "sum of abs(e)"),
        Column("sum_sq_error", "FLOAT64", "sales squared", "sum of e squared"),
        Column("sum_smape", "FLOAT64", "ratio", "sum of 2 abs(e) / (abs(y) + abs(yhat)), 0 where both are 0"),
        _count("n_covered", "y inside the interval", "rows"),
        *(_sum(f"sum_abs_error_{name}", f"sum of abs(e) of {meaning}") for name, meaning in BASELINES.items()),
        _sum("sum_pinball_10", "sum of the pinball loss of yhat_lower as the 0.1 quantile"),
        _sum("sum_pinball_90", "sum of the pinball loss of yhat_upper as the 0.9 quantile"),
        _count(
            "n_scaled",
            "scored forecasts with a scale: 8 or more changes from week to week before them, not all 0",
            "rows",
        ),
        Column("sum_scaled_error", "FLOAT64", "ratio", "sum of abs(e) / mean abs change from week to week before it"),
        Column("sum_sq_scaled_error", "FLOAT64", "ratio", "sum of e squared / mean squared change before it"),
        _count("n_compared", "forecasts, scored or not, with one of the same week by an earlier cutoff", "rows"),
        _sum("sum_abs_change", "sum of abs(yhat - yhat of the newest earlier cutoff), of those"),
        _sum("sum_forecast_compared", "sum of yhat, of those"),
        _ratio("wape", "sum_abs_error / sum_abs_actual; NULL when all actuals are 0"),
        _ratio("smape", "sum_smape / n, 0 to 2; NULL when nothing matched"),
        _measure("mae", "sum_abs_error / n; NULL when nothing matched", nullable=True),
        _measure("rmse", "root of sum_sq_error / n; NULL when nothing matched", nullable=True),
        _measure("bias", "sum_error / n; NULL when nothing matched", nullable=True),
        _ratio("bias_ratio", "sum_error / sum_abs_actual; NULL when all actuals are 0"),
        _ratio("coverage", "n_covered / n, 0.8 expected; NULL when nothing matched"),
        *(_ratio(f"wape_{name}", f"WAPE of {meaning}, on the same rows") for name, meaning in BASELINES.items()),
        _ratio("fva", "forecast value added: wape_last_year - wape; positive = better than the baseline"),
        *(
            _ratio(f"fva_{name}", f"wape_{name} - wape; positive = better than {meaning}")
            for name, meaning in BASELINES.items()
        ),
        _ratio(
            "mase", "sum_scaled_error / n_scaled; below 1 = better than last week's sales were before; NULL without any"
        ),
        _ratio("rmsse", "root of sum_sq_scaled_error / n_scaled; NULL when n_scaled is 0"),
        _measure("pinball_10", "sum_pinball_10 / n; NULL when nothing matched", nullable=True),
        _measure("pinball_90", "sum_pinball_90 / n; NULL when nothing matched", nullable=True),
        Column(
            "tracking_signal",
            "FLOAT64",
            "ratio, -n to n",
            "sum_error / mae: beyond +-4 the errors lean to one side; read it at one step; NULL when mae is 0 or NULL",
            nullable=True,
        ),
        _ratio(
            "churn", "sum_abs_change / sum_forecast_compared; NULL when nothing was compared or all of it forecast 0"
        ),
        _text(
            "abc_class",
            "A, B, C: the combinations that make 80, 15 and 5 % of all sales of the 52 weeks up to window_end; "
            "NULL for roll-ups",
            nullable=True,
            allowed=VOLUME_CLASSES,
        ),
        _text(
            "xyz_class",
            "X, Y, Z: coefficient of variation of weekly sales in those weeks up to 0.5, up to 1, more; "
            "NULL for roll-ups, with fewer than 8 known weeks, or without sales",
            nullable=True,
            allowed=VARIABILITY_CLASSES,
        ),
        _ratio("volume_share", "share of all sales in those weeks; NULL for roll-ups, or when nothing was sold"),
        _measure(
            "volume", "mean of the known weeks among those; NULL for roll-ups, or with no known week", nullable=True
        ),
        _measure(
            "actual_first",
            "y as it was when the week was first scored; only in pooled `week` rows of a combination",
            nullable=True,
        ),
        Column("actuals_through", "DATE", "day", "newest day of sales that was delivered when the row was made"),
        *_RUN,
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
        _week("cutoff", "last complete week when the forecast was made"),
        *_COMBINATION,
        _week("ds", "week that was forecast"),
        _count("step", "distance of `ds` from the cutoff, 1 = next week"),
        _measure("y", "actual; NULL where the forecast is not scored", nullable=True),
        _measure("yhat", "forecast; NULL where none was published", nullable=True),
        _measure("yhat_lower", "lower end of the 80 % interval; NULL where none was published", nullable=True),
        _measure("yhat_upper", "upper end of the 80 % interval; NULL where none was published", nullable=True),
        *(
            _measure(f"baseline_{name}", f"forecast by {meaning}; NULL where none was published", nullable=True)
            for name, meaning in BASELINES.items()
        ),
        _text("left_out", "why it is not scored; NULL = it is", nullable=True, allowed=(*LEFT_OUT, UNPUBLISHED)),
        _measure("previous_yhat", "forecast of the same week by the newest earlier cutoff; NULL = none", nullable=True),
        _measure(
            "scale", "mean abs change from week to week before it; NULL with fewer than 8, or all 0", nullable=True
        ),
        Column("sq_scale", "FLOAT64", "sales squared", "mean squared change before it; NULL as `scale`", nullable=True),
        _text("method", "what made the number; NULL where none was published", nullable=True, allowed=METHODS),
        _text("status", "why that method; NULL where none was published", nullable=True, allowed=STATUSES),
        _text("promo_source", "what was known of promotions; NULL as above", nullable=True, allowed=PROMO_SOURCES),
        _week("data_cutoff", "last week whose sales were known; NULL where none was published", nullable=True),
        _week("model_cutoff", "last week the model was trained on; NULL for fallbacks", nullable=True),
    ),
    key=("cutoff", *KEY, "ds"),
    cluster=tuple(KEY),
)
"""Staged only, never a table of its own."""

COMBINATION_RULES = {
    "wape": "the forecasts of several weeks in a row were wrong by a large share of sales",
    "bias": "the forecasts of every week of the window lean to one side",
    "coverage": "the intervals of the window held too few of the actuals",
}
SYSTEM_RULES = {
    "no_run": "no forecast was published for this week",
    "forecast_coverage": "too few of the active combinations were forecast",
    "promo_plan": "the promotions plan is missing or covers too little",
    "sales_late": "sales are late",
    "failures": "too many combinations failed in a run",
}
ALERT_STATES = ("open", "still_open", "resolved")
"""Opened by this run; opened by an earlier one and not over; over."""
REASONS = {
    "promotion_without_plan": "a promotion that no plan named",
    "plan_without_uplift": "a planned promotion that sold no more than usual",
    "stockout": "weeks out of stock",
    "level_shift": "sales have moved to another level",
    "stale_model": "the model has not been trained for long",
    "data_gap": "weeks without delivered sales",
    "low_volume": "few pieces, or weeks without any",
    "new_sku": "sold for a short time",
    "unexplained": "none of these",
}
"""Probable reasons of an alert, in the order in which they are looked for."""

ALERTS = Table(
    label="alerts",
    name="distributor_forecast_alerts",
    meaning="What needs attention, one set per monitored week: the alerts opened, still open and resolved in it.",
    columns=(
        _week("cutoff", "last complete week when it was judged"),
        _text("alert_id", "name of the alert, the same from opening to resolution"),
        _text("state", "opened by this run, still open, or over", allowed=ALERT_STATES),
        _text("rule", "what was broken", allowed=(*COMBINATION_RULES, *SYSTEM_RULES)),
        *(_text(name, f"{name}; `*` = the system as a whole") for name in KEY),
        _week("opened", "cutoff that opened it"),
        _count("n_open_weeks", "weeks since then, the first included"),
        Column("value", "FLOAT64", "as the rule", "what was last found; NULL = not known", nullable=True),
        Column("value_limit", "FLOAT64", "as the rule", "what was allowed"),
        _text("message", "what is wrong, in one sentence"),
        _text("reason", "probable reason; NULL for the system's rules", nullable=True, allowed=tuple(REASONS)),
        _text("evidence", "the numbers behind the reason, in one sentence; NULL for the system's rules", nullable=True),
        Column(
            "lost_volume",
            "FLOAT64",
            "sales",
            "sales forecast wrongly in the window (mae x n_weeks): the order of the list; NULL for the system's rules",
            nullable=True,
        ),
        _measure("volume", "mean weekly sales of the last 52 weeks; NULL for the system's rules", nullable=True),
        _text("abc_class", "class by volume; NULL for the system's rules", nullable=True, allowed=VOLUME_CLASSES),
        _text("xyz_class", "class by variability, NULL as in the metrics", nullable=True, allowed=VARIABILITY_CLASSES),
        _ratio("wape", "WAPE of the window, steps pooled"),
        _ratio("bias_ratio", "bias of the window, steps pooled"),
        _ratio("coverage", "interval coverage of the window, steps pooled"),
        _ratio("fva_best", "WAPE of the best of the three baselines minus WAPE, same rows"),
        _text("command", "what mends it on this machine; NULL where training does not", nullable=True),
        _text("gcloud_command", "the same on Google Cloud", nullable=True),
        Column("acknowledged_until", "DATE", "day", "quiet up to and including this day; NULL = not", nullable=True),
        Column(
            "is_listed",
            "BOOL",
            "true/false",
            "in this run's digest: alerts of the 20 combinations with most lost volume, and the system's",
        ),
        *_RUN,
    ),
    key=("cutoff", "alert_id"),
    partition="cutoff",
    cluster=tuple(KEY),
)

REGISTRY = Table(
    label="registry",
    name="distributor_model_registry",
    meaning="One row per training of a combination: what was trained, how it did in its backtest, what became of it.",
    columns=(
        _text("run_id", "training run"),
        *_COMBINATION,
        _week("cutoff", "last week the model was trained on"),
        _text("outcome", "saved, unchanged, skipped or failed", allowed=("saved", "unchanged", "skipped", "failed")),
        _text("reason", "why, in words; NULL when saved", nullable=True),
        _text("model_version", "immutable version of the stored model; NULL when none was made", nullable=True),
        _text("previous_version", "version that was live before; NULL when none was", nullable=True),
        Column("n_weeks", "INT64", "weeks", "known weeks of history", nullable=True),
        _text("hyperparameters", "settings of the models that are averaged, best first, JSON", nullable=True),
        _text(
            "tuning",
            "how the settings were chosen: grid, origins, WAPE of the choice and the default; JSON",
            nullable=True,
        ),
        Column("is_converged", "BOOL", "true/false", "false where a fit met the bound on its steps", nullable=True),
        Column("backtest_origins", "INT64", "origins", "rolling origins of the backtest", nullable=True),
        _ratio("backtest_wape", "WAPE of the backtest, all steps pooled"),
        _text("backtest_by_step", "WAPE of the backtest per step, JSON; what later steps really face", nullable=True),
        _ratio("backtest_wape_last_year", "WAPE of the baseline on the same weeks"),
        _ratio("backtest_wape_perfect_plan", "WAPE had every promotion of those weeks been planned"),
        _text(
            "backtest_promotions",
            "whose promotions the backtest knew: the plan's as of each origin, those that came to pass (the plan is "
            "younger than an origin), or the recent average (there is no plan)",
            nullable=True,
            allowed=("plan", "perfect_plan", "expected"),
        ),
        _ratio("backtest_wape_weather", "WAPE with weather in the model; NULL = weather is off"),
        _text(
            "weather",
            "whether weather lowered the error and was kept; perfect_weather = no forecast had been kept at the "
            "origins, so what was observed stood in for one; NULL = weather is off",
            nullable=True,
            allowed=("kept", "dropped", "kept, perfect_weather", "dropped, perfect_weather"),
        ),
        Column("fit_s", "FLOAT64", "seconds", "time of the final fit", nullable=True),
        _instant("created_at", "when the row was made"),
    ),
    key=("run_id", *KEY),
    partition="run_id",
    cluster=tuple(KEY),
)

RUNS = Table(
    label="runs",
    name="distributor_forecast_runs",
    meaning="One row per task of an execution of a job: what it was asked, what came out, how long each step took.",
    columns=(
        _text("task_id", "the task: the run_id, with /NUMBER where an execution has several tasks"),
        _text("run_id", "the execution"),
        _text("job", "predict, monitor, train, retrain, load, rollback, promotions or alerts"),
        _instant("run_at", "start"),
        _week("cutoff", "last complete week at the start; NULL if the run stopped before", nullable=True),
        Column("exit_code", "INT64", "code", "0 done, 1 failed, 2 bad settings or input"),
        _text("error", "the line that was shown; NULL when done", nullable=True),
        Column("n_combinations", "INT64", "combinations", "asked for"),
        Column("n_failed", "INT64", "combinations", "failed"),
        Column("n_rows", "INT64", "rows", "written to the job's table"),
        _text("counts", "combinations by status, JSON"),
        _text("seconds", "time by step, JSON"),
        _text("data_report", "what was found and repaired in the sales, JSON; NULL if none was read", nullable=True),
        _text("sources", "share of the rows by what was known ahead of promotions and weather, JSON", nullable=True),
        _text("version", "version of skucast"),
    ),
    key=("task_id",),
    partition="task_id",
    one_writer=True,
)

PUBLISHES = Table(
    label="publishes",
    name="distributor_publishes",
    meaning="One row per slice of a table and run that published it. Every publish touches the rows of its table, "
    "so that two publishers conflict. A table with rows here that is missing is never made anew by a write.",
    columns=(
        _text("table_name", "the table"),
        _text("partition_value", "what was replaced"),
        _text("run_id", "execution that published"),
        Column("n_rows", "INT64", "rows", "rows published"),
        _instant("published_at", "when"),
    ),
    key=("table_name", "partition_value", "run_id"),
)

LOADS = Table(
    label="loads",
    name="distributor_loads",
    meaning="One row per file or delivery that was appended, so that the same one is never appended twice.",
    columns=(
        _text("batch_id", "SHA-256 of the file's bytes, or the name of a generated delivery"),
        _text("table_name", "table that received the rows"),
        _text("source", "file name, as given"),
        Column("n_rows", "INT64", "rows", "rows appended"),
        _instant("loaded_at", "when"),
    ),
    key=("table_name", "batch_id"),
)

SAMPLE_SOURCE = "sample distributor"
"""Source of the deliveries that the demo makes up, in the loads table."""

TABLES = (
    SALES,
    PROMOTIONS,
    LOCATIONS,
    WEATHER,
    FORECASTS,
    SCENARIOS,
    METRICS,
    ALERTS,
    REGISTRY,
    RUNS,
    PUBLISHES,
    LOADS,
)


# --- Validation -----------------------------------------------------------------------------------------------------


def validate(table: Table, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows as the contract wants them: its columns in its order and types; dates are datetime64[us].

    A nullable column that is missing is filled with NULL.

    Raises:
        ContractError: naming every mistake: column, first offending row, what was found and expected.
    """
    problems = list(_column_problems(table, rows))
    if problems:
        raise ContractError(f"table {table.label}: {'; '.join(problems)}")
    converted, problems = _convert(table, rows)
    if not problems:
        problems = [*_key_problems(table, converted), *_check_problems(table, converted)]
    if problems:
        raise ContractError(f"table {table.label}: {'; '.join(problems)}")
    return converted


def empty(table: Table) -> pd.DataFrame:
    """Return no rows, in the table's columns and types."""
    import pandas as pd

    return pd.DataFrame({column.name: pd.Series([], dtype=_pandas_type(column)) for column in table.columns})


def _column_problems(table: Table, rows: pd.DataFrame) -> Iterator[str]:
    missing = [column.name for column in table.columns if not column.nullable and column.name not in rows]
    unknown = [str(name) for name in rows.columns if name not in table.column_names]
    if missing:
        yield f"missing column {', '.join(missing)}"
    if unknown:
        yield f"unknown column {', '.join(unknown)}"


def _convert(table: Table, rows: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    import pandas as pd

    converted: dict[str, pd.Series] = {}
    problems = []
    for column in table.columns:
        if column.name not in rows:
            converted[column.name] = pd.Series(None, index=rows.index, dtype=_pandas_type(column))
            continue
        try:
            converted[column.name] = convert_column(column, rows[column.name])
        except ContractError as error:
            problems.append(str(error))
    return pd.DataFrame(converted, index=rows.index), problems


def convert_column(column: Column, values: pd.Series) -> pd.Series:
    """Return the values in the column's type.

    Raises:
        ContractError: naming the first row that does not fit (its index label) and what was found there.
    """
    import numpy as np
    import pandas as pd

    if column.type in ("DATE", "TIMESTAMP"):
        result = _as_dates(column, values)
    elif column.type == "FLOAT64":
        result = pd.to_numeric(values, errors="coerce").astype("float64")
        not_a_number = result.isna() & values.notna() & ~_is_blank(values)
        refuse(column, values, result.isin([np.inf, -np.inf]) | not_a_number, "a finite number")
    elif column.type == "INT64":
        numbers = pd.to_numeric(values, errors="coerce")
        refuse(column, values, values.notna() & ((numbers % 1) != 0), "a whole number")
        result = numbers.astype("Int64")
    elif column.type == "BOOL":
        refuse(column, values, values.notna() & ~values.isin([True, False]), "true or false")
        result = values.astype("boolean")
    else:
        result = _as_text(values)
    if column.allowed:
        refuse(column, values, result.notna() & ~result.isin(column.allowed), f"one of {', '.join(column.allowed)}")
    if not column.nullable:
        refuse(column, values, result.isna(), "a value, because the column is required")
        result = result.astype(_pandas_type(column))
    return result


def _pandas_type(column: Column) -> Any:
    floats_and_dates = {"FLOAT64": "float64", "DATE": "datetime64[us]", "TIMESTAMP": "datetime64[us]", "STRING": "str"}
    whole = {"INT64": "Int64", "BOOL": "boolean"} if column.nullable else {"INT64": "int64", "BOOL": "bool"}
    return (floats_and_dates | whole)[column.type]


def _as_text(values: pd.Series) -> pd.Series:
    import pandas as pd

    if pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")  # whole numbers beside NULLs were read as floats: article 123, not 123.0
    return values.astype("str").where(values.notna(), None).astype("str")


def _as_dates(column: Column, values: pd.Series) -> pd.Series:
    import pandas as pd

    if pd.api.types.is_numeric_dtype(values) and not values.isna().all():
        refuse(column, values, values.notna(), "a date such as 2026-11-22")
    try:
        result = pd.to_datetime(values, errors="coerce", format=None if column.type == "TIMESTAMP" else "ISO8601")
    except ValueError:  # what pandas raises for texts of several time zones
        raise ContractError(f"column {column.name}: found several time zones, expected dates in one") from None
    refuse(column, values, result.isna() & values.notna(), "a date such as 2026-11-22")
    result = result.dt.tz_localize(None) if getattr(result.dt, "tz", None) is not None else result
    return (result.dt.normalize() if column.type == "DATE" else result).astype("datetime64[us]")


def _is_blank(values: pd.Series) -> pd.Series:
    return values.astype("str").str.strip() == ""


def refuse(column: Column, values: pd.Series, wrong: pd.Series, expected: str) -> None:
    """Refuse the column if any of its values is wrong.

    Raises:
        ContractError: naming the first such row (its index label), what was found there, and how many more there are.
    """
    if wrong.any():
        row = wrong.index[wrong.to_numpy()][0]
        value = values[wrong.to_numpy()].iloc[0]
        found = repr(value.item() if hasattr(value, "item") else value)  # 2.5, not np.float64(2.5)
        more = int(wrong.sum()) - 1
        raise ContractError(
            f"column {column.name}, row {row}: found {found}, expected {expected}"
            + (f" (and {more} more)" if more else "")
        )


def _key_problems(table: Table, rows: pd.DataFrame) -> Iterator[str]:
    if not table.key:
        return
    twice = rows.duplicated(subset=list(table.key))
    if twice.any():
        example = rows.loc[twice, list(table.key)].iloc[0]
        yield f"{int(twice.sum())} rows repeat a key, first {tuple(str(value) for value in example)}"


def _check_problems(table: Table, rows: pd.DataFrame) -> Iterator[str]:
    for check in table.checks:
        broken = ~check.holds(rows).astype("bool")
        if broken.any():
            yield f"rule broken in {int(broken.sum())} rows, first row {rows.index[broken.to_numpy()][0]}: {check.rule}"


# --- Documentation --------------------------------------------------------------------------------------------------


def reference() -> str:
    """Return the table reference of the README, Markdown, made from the contracts."""
    return "\n".join(line for table in TABLES for line in _table_lines(table))


def _table_lines(table: Table) -> Iterator[str]:
    yield f"### {table.label}: `{table.name}`"
    yield ""
    yield table.meaning
    facts = [
        f"key: {', '.join(f'`{name}`' for name in table.key)}" if table.key else "",
        f"replaced by: `{table.partition}`" if table.partition else "",
        "replaced as a whole" if table.is_whole else "",
    ]
    if any(facts):
        yield f"({'; '.join(fact for fact in facts if fact)})"
    yield ""
    yield "| column | type | measure | meaning |"
    yield "|---|---|---|---|"
    for column in table.columns:
        kind = f"{column.type}{' or NULL' if column.nullable else ''}"
        allowed = f" ({', '.join(f'`{value}`' for value in column.allowed)})" if column.allowed else ""
        yield f"| `{column.name}` | {kind} | {column.unit} | {column.meaning}{allowed} |"
    yield ""
