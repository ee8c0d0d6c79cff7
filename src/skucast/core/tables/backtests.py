"""What was forecast at past origins with what was known there: backtests, kept row by row."""

from __future__ import annotations

from skucast.core.combination import KEY
from skucast.core.tables.contract import COMBINATION, RUN, Table, count, measure, text, week

BACKTEST, EVIDENCE = "backtest", "evidence"

KINDS = (BACKTEST, EVIDENCE)
"""The last origins before the cutoff, at which a combination's new model was judged; the six that all components share,
by which they are blended."""

BACKTESTS = Table(
    label="backtests",
    name="distributor_backtests",
    meaning="What each model would have forecast at past origins, each fitted with what was known there. One row per "
    "combination, origin, step and model, of each training; of several trainings the newest `cutoff` holds.",
    columns=(
        text("slice", "cutoff and kind: the rows of a combination that are replaced together"),
        week("cutoff", "last week that the training knew"),
        text(
            "kind",
            "backtest: the newest origins, one after the other, at which the combination's new model was judged, its "
            "settings chosen at origins before them (what registry and page call backtest); evidence: the six origins, "
            "four weeks apart, that all components share and the blend is learnt from, of full trainings alone and of "
            "what was sold in the 13 weeks before",
            allowed=KINDS,
        ),
        *COMBINATION,
        week("origin", "last week that the forecast knew"),
        week("ds", "week that is forecast"),
        count("step", "distance of the week from the origin, 1 = next week"),
        text(
            "model",
            "prophet: the combination's own, fitted anew at the origin; prophet_perfect_plan: the same, had all "
            "promotions been planned; panel, panel_log: trained anew with what was known at the origin; blend: those "
            "three by weights learnt at the other origins alone, as FORECASTER=blend publishes; panel_mean: the mean "
            "of the panel's two, as FORECASTER=panel does; a name of BLEND_MODELS: that model, which is in blend too; "
            "last_week, mean_4, last_year: naive",
        ),
        measure("y", "sales, as they were known at the training; NULL = not known", nullable=True),
        measure("yhat", "forecast"),
        measure(
            "yhat_lower",
            "lower end of the 80 % interval: of blend and panel_mean by the errors at the other origins; of prophet as "
            "simulated, before these very errors scale it; NULL = none",
            nullable=True,
        ),
        measure("yhat_upper", "its upper end", nullable=True),
        text(
            "promotions",
            "whose promotions it knew: the plan's as of the origin, those that came to pass, or the recent average; "
            "NULL = it looks at none",
            nullable=True,
            allowed=("plan", "perfect_plan", "expected"),
        ),
        text(
            "model_version",
            "version of the model that the training made by these settings, whether or not it went live (the registry "
            "tells); NULL of what is made of all combinations, of naive methods and of evidence",
            nullable=True,
        ),
        *RUN,
    ),
    key=("slice", *KEY, "origin", "step", "model"),
    partition="slice",
    cluster=("cutoff", *KEY),
)
