"""The alerts: their rules, states and reasons."""

from __future__ import annotations

from skucast.core.combination import KEY
from skucast.core.tables.contract import RUN, Column, Table, count, measure, ratio, text, week
from skucast.core.tables.scorecard import VARIABILITY_CLASSES, VOLUME_CLASSES

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
    "sales_missing": "what was active lately is not in the sales at all",
    "failures": "too many combinations failed in a run",
    "model_age": "models that forecast were trained long ago",
}
ALERT_STATES = ("open", "still_open", "resolved")
"""Opened by this run; opened by an earlier one and not over; over."""
WRONG_VOLUME = "lost_volume"
"""The column of the sales forecast wrongly: none of them need be lost, but tables and log entries have this name."""
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
        week("cutoff", "last complete week when it was judged"),
        text("alert_id", "name of the alert, the same from opening to resolution"),
        text("state", "opened by this run, still open, or over", allowed=ALERT_STATES),
        text("rule", "what was broken", allowed=(*COMBINATION_RULES, *SYSTEM_RULES)),
        *(text(name, f"{name}; `*` = the system as a whole") for name in KEY),
        week("opened", "cutoff that opened it"),
        count("n_open_weeks", "weeks since then, the first included"),
        Column("value", "FLOAT64", "as the rule", "what was last found; NULL = not known", nullable=True),
        Column("value_limit", "FLOAT64", "as the rule", "what was allowed"),
        text("message", "what is wrong, in one sentence"),
        text(
            "reason",
            "probable reason; NULL for the system's rules but model_age",
            nullable=True,
            allowed=tuple(REASONS),
        ),
        text("evidence", "the numbers behind the reason, in one sentence; NULL where that is", nullable=True),
        Column(
            WRONG_VOLUME,
            "FLOAT64",
            "sales",
            "sales forecast wrongly in the window (mae x n_weeks): the order of the list; NULL for the system's rules",
            nullable=True,
        ),
        measure("volume", "mean weekly sales of the last 52 weeks; NULL for the system's rules", nullable=True),
        text("abc_class", "class by volume; NULL for the system's rules", nullable=True, allowed=VOLUME_CLASSES),
        text("xyz_class", "class by variability, NULL as in the metrics", nullable=True, allowed=VARIABILITY_CLASSES),
        ratio("wape", "WAPE of the window, steps pooled"),
        ratio("bias_ratio", "bias of the window, steps pooled"),
        ratio("coverage", "interval coverage of the window, steps pooled"),
        ratio("fva_best", "WAPE of the best of the three baselines minus WAPE, same rows"),
        text("command", "what mends it on this machine; NULL where training does not", nullable=True),
        text("gcloud_command", "the same on Google Cloud", nullable=True),
        Column("acknowledged_until", "DATE", "day", "quiet up to and including this day; NULL = not", nullable=True),
        Column(
            "is_listed",
            "BOOL",
            "true/false",
            "in this run's digest: alerts of the 20 combinations with most volume forecast wrongly, and the system's",
        ),
        *RUN,
        text(
            "message_json",
            "`message` as text and places, for other languages; NULL = as it is",
            nullable=True,
        ),
        text("evidence_json", "the same of `evidence`", nullable=True),
    ),
    key=("cutoff", "alert_id"),
    partition="cutoff",
    cluster=tuple(KEY),
)
