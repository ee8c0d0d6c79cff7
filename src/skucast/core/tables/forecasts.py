"""The ledger of forecasts, and scenarios beside it."""

from __future__ import annotations

from skucast.core.combination import KEY
from skucast.core.declared import OF_DECLARED, OF_REGRESSORS
from skucast.core.tables.contract import COMBINATION, RUN, Check, Column, Table, count, measure, text, week

METHODS = (
    *("prophet", "mean_8", "seasonal_naive", "zero", "ses", "tsb", "mean_4", "last_week", "blend", "panel"),
    *("last_season", "launch_curve", "reference", "sba", "mean"),
)
MODEL_METHODS = ("prophet", "blend", "panel")
"""Those of trained models; zero is for what is no longer sold, the others stand in where there is no model."""
STATUSES = (
    *("ok", "capped", "no_model", "short_history", "load_failed", "forecast_failed", "inactive", "sales_missing"),
    *("naive_better", "seasonal", "new", "announced", "phase_out", "successor"),
    *("refreshed", "stale"),
)
"""From `seasonal` on: an article of a season, forecast like in the one before; one sold for a few weeks, and one that
has not been sold at all but is announced; one that leaves its sales to a successor, and that."""
REFRESHED, STALE = "refreshed", "stale"
"""The model took part: fitted anew in memory, because it was old; old, and as it is stored: it could not be."""
NAIVE_BETTER = "naive_better"
"""There is a model, and a naive method has backtested better: that forecasts."""
RESTING = ("inactive", "seasonal")
"""Statuses of articles that may not have been sold lately."""
NEWCOMERS = ("new", "announced")
NOT_SOLD = ("inactive", "announced")
"""Statuses of what nobody misses in the sales."""
SALES_MISSING = "sales_missing"
"""Carried on from the forecast before: the combination was active lately and is not in the sales at all."""
FAILED_STATUSES = ("load_failed", "forecast_failed", SALES_MISSING)
"""Those that count for MAX_FAILED_SHARE: there is a model, and it could not be used; or there is nothing to use it on.
"""
PROMO_SOURCES = ("planned", "none", "expected")
"""A planned promotion; no promotion, on days that a plan covers; a recent average, where no plan says anything."""
WEATHER_SOURCES = ("observed", "forecast", "climate", "none")
"""All seven days are observed; some are forecast, or observed and the others not known; none is known, so that the week
counts as usual for the season; nothing is known of the unit at all: weather is off, or it was never fetched, for want
of a location or an answer."""
COMPONENTS = ("level", "yearly", "holidays", *OF_REGRESSORS, "carry_over")
REGRESSOR_EFFECTS = "regressor_effects"

_OF_DECLARED = measure(
    OF_DECLARED, "component: declared regressors, such as a price; NULL in rows of before, as 0", nullable=True
)

COMPONENT_FORECASTS = (
    measure("yhat_prophet", "the combination's own model; NULL without one", nullable=True),
    measure("yhat_panel", "the panel model, by absolute error; NULL without it", nullable=True),
    measure("yhat_panel_log", "the panel model, on logarithms; NULL without it", nullable=True),
    measure("yhat_mean", "expected value, for sums; yhat is the middle of what may be sold", nullable=True),
    text(
        "quantiles",
        "quantiles of what may be sold, JSON by probability: 0.005 to 0.995, and what LEVELS asks",
        nullable=True,
    ),
    text("panel_version", "version of the panel model; NULL without it", nullable=True),
    text("blend_version", "version of the blend's weights; NULL without them, and in rows of before", nullable=True),
)

OVERRIDDEN = (
    measure(
        "final",
        "the number that counts: yhat, or what an override makes of it; NULL before there were any",
        nullable=True,
    ),
    measure(
        "final_lower", "yhat_lower in the ratio of final to yhat; NULL where yhat is 0 and final is not", nullable=True
    ),
    measure(
        "final_upper", "yhat_upper in the ratio of final to yhat; NULL where yhat is 0 and final is not", nullable=True
    ),
    text("override_id", "override that made final; NULL = none", nullable=True),
    measure("override_effect", "final - yhat; NULL = no override", nullable=True),
)
"""What the planner's word makes of a forecast."""

FORECASTS = Table(
    label="forecasts",
    name="distributor_forecasts_weekly",
    meaning="The ledger: every cutoff's forecast of the weeks after it, never overwritten by a later cutoff.",
    columns=(
        week("cutoff", "last complete week when the forecast was made"),
        *COMBINATION,
        week("ds", "week that is forecast"),
        count("step", "distance of `ds` from the cutoff, 1 = next week"),
        Column("is_open_week", "BOOL", "true/false", "`ds` had begun when the forecast was made"),
        measure("yhat", "forecast, at least 0"),
        measure("yhat_lower", "lower end of the 80 % interval"),
        measure("yhat_upper", "upper end of the 80 % interval"),
        measure("level", "component: trend without season and regressors"),
        measure("yearly", "component: time of the year"),
        measure("holidays", "component: holidays in the week"),
        measure("promo", "component: promotions"),
        measure("weather", "component: weather"),
        measure("carry_over", "component: last week's sales; the components add up to yhat before it is clipped"),
        text("method", "what made the number", allowed=METHODS),
        text(
            "status",
            "why that method; `ok` = its own model took part, `refreshed` = fitted anew to the sales up to "
            "`data_cutoff`, `stale` = old, and as it is stored",
            allowed=STATUSES,
        ),
        text("promo_source", "what was known of promotions", allowed=PROMO_SOURCES),
        text("weather_source", "what was known of weather", allowed=WEATHER_SOURCES),
        week("data_cutoff", "last week whose sales were known; before `cutoff` when sales were late"),
        text("model_version", "version of the stored model; NULL for fallbacks", nullable=True),
        week("model_cutoff", "last week the stored model was trained on; NULL for fallbacks", nullable=True),
        *RUN,
        *COMPONENT_FORECASTS,
        *OVERRIDDEN,
        text(
            "history_digest",
            "digest of the sales and promotions that were known up to `data_cutoff`: another one of the same weeks "
            "means that they were restated; NULL in rows of before",
            nullable=True,
        ),
        Column(
            "known_at",
            "TIMESTAMP",
            "UTC",
            "moment up to which the plan was known: the run's start, or, of a run of the past, the end of its day; "
            "NULL in rows of before",
            nullable=True,
        ),
        _OF_DECLARED,
        text(
            REGRESSOR_EFFECTS,
            "what each declared regressor adds to `regressors`, JSON by name; NULL where none took part",
            nullable=True,
        ),
        text(
            "yhat_others",
            'what the other models of MODELS say, JSON: {"ets": 12.5, "ets-lo-80": 8.1, "ets-hi-80": 17.2}, sales per '
            "week; NULL where there are none, or none said anything",
            nullable=True,
        ),
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
            of=("yhat_lower", "yhat", "yhat_upper"),
        ),
        Check("final is at least 0", lambda rows: rows["final"].isna() | (rows["final"] >= 0), of=("final",)),
        Check("step is at least 1", lambda rows: rows["step"] >= 1, of=("step",)),
    ),
)

_OF_THEIR_MAKING = (
    *("is_open_week", "yhat_prophet", "yhat_panel", "yhat_panel_log", "quantiles", "blend_version", "override_effect"),
    *("history_digest", "known_at", REGRESSOR_EFFECTS, "yhat_others"),
)
LOOKED_AT = tuple(name for name in FORECASTS.column_names if name not in _OF_THEIR_MAKING)
"""Columns that scorecard and page look at, in many weeks of the ledger; half of its bytes are in the others."""

SCENARIOS = Table(
    label="scenarios",
    name="distributor_forecast_scenarios",
    meaning="What another plan of promotions would give, beside the forecast of the plan as it is; made by hand.",
    columns=(
        text("scenario_id", "the scenario's name, a slash, and the cutoff"),
        text("scenario", "its name"),
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
                *(name for name in COMPONENTS if name != _OF_DECLARED.name),
                "method",
                "status",
                "promo_source",
                "weather_source",
                "model_version",
            )
        ),
        measure("baseline_yhat", "forecast of the same model with the plan as it is"),
        text("baseline_promo_source", "what that plan says of promotions", allowed=PROMO_SOURCES),
        measure("difference", "yhat - baseline_yhat"),
        text("plan_file", "name of the file with the other promotions"),
        text("plan_sha256", "SHA-256 of its bytes"),
        *RUN,
        _OF_DECLARED,
    ),
    key=("scenario_id", *KEY, "ds"),
    partition="scenario_id",
    cluster=tuple(KEY),
)
