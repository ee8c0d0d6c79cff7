"""What tables call by a code, in the words of page and workbook."""

from __future__ import annotations

from skucast.core.texts import wording

METHODS = {
    "blend": wording("Its own model and the one of all articles"),
    "prophet": wording("Its own model"),
    "panel": wording("The model of all articles"),
    "ses": wording("Smoothed recent weeks"),
    "tsb": wording("Rate of rare sales"),
    "mean_4": wording("Mean of the last 4 weeks"),
    "mean_8": wording("Mean of the last 8 weeks"),
    "last_week": wording("Last week"),
    "seasonal_naive": wording("Same week last year"),
    "zero": wording("Zero"),
    "last_season": wording("Like the season before"),
    "launch_curve": wording("How new articles begin"),
    "reference": wording("Like its reference articles"),
    "sba": wording("Rate of rare sales"),
    "mean": wording("Mean of the last year"),
}

STATUSES = {
    "ok": wording("model forecast"),
    "capped": wording("model forecast, limited to a plausible height"),
    "refreshed": wording("model forecast, fitted anew to the newest sales"),
    "stale": wording("model forecast, of an old model"),
    "no_model": wording("no model trained yet"),
    "short_history": wording("history too short for a model"),
    "naive_better": wording("a naive method backtests better than its model"),
    "load_failed": wording("stored model could not be read"),
    "forecast_failed": wording("model gave no usable forecast"),
    "inactive": wording("no longer sold"),
    "sales_missing": wording("carried on: not in the sales any more"),
    "seasonal": wording("sold in a season"),
    "new": wording("sold for a few weeks"),
    "announced": wording("announced, not yet sold"),
    "phase_out": wording("leaves its sales to a successor"),
    "successor": wording("takes over from another article"),
}

PROMO_SOURCES = {
    "planned": wording("promotion planned"),
    "none": wording("no promotion planned"),
    "expected": wording("no plan: usual promotions"),
}

RULES = {
    "wape": wording("Large error"),
    "bias": wording("Leans to one side"),
    "coverage": wording("Intervals too narrow"),
    "no_run": wording("No forecast this week"),
    "forecast_coverage": wording("Too few combinations forecast"),
    "promo_plan": wording("Promotions plan"),
    "sales_late": wording("Sales are late"),
    "sales_missing": wording("Sales are missing"),
    "failures": wording("Too many failures"),
    "model_age": wording("Old models"),
    "file": wording("A file was refused"),
}

STATES = {"open": wording("Open"), "done": wording("Done"), "snoozed": wording("Snoozed")}

REASONS = {
    "promotion_without_plan": wording("Promotion without plan"),
    "plan_without_uplift": wording("Plan without uplift"),
    "stockout": wording("Out of stock"),
    "level_shift": wording("Level shift"),
    "stale_model": wording("Stale model"),
    "data_gap": wording("Gap in the data"),
    "low_volume": wording("Low volume"),
    "new_sku": wording("New SKU"),
    "unexplained": wording("Unexplained"),
}

HOLIDAYS = (
    wording("Defender of the Fatherland Day"),
    wording("International Women's Day"),
    wording("May holidays"),
    wording("New Year"),
    wording("Russia Day"),
    wording("Unity Day"),
)
"""Russia's, as its calendar and its blocks call them; others are shown under the name that they have there."""
