"""Why a forecast is not what it was: the bridge from the last run's number to this one's, and of one run again."""

from __future__ import annotations

from skucast.core.combination import KEY
from skucast.core.declared import OF_REGRESSORS
from skucast.core.tables.contract import RUN, Check, Column, Table, count, instant, measure, text, week
from skucast.core.tables.forecasts import METHODS, STATUSES
from skucast.core.tables.totals import TOTAL_LEVELS

OF_COMPONENTS = {
    "level": "level_and_trend",
    "yearly": "season",
    "holidays": "holidays",
    **{name: use.part for name, use in OF_REGRESSORS.items()},
    "carry_over": "new_sales",
}
"""The part that each component's difference is, of one and the same model and plan at two cutoffs."""

PARTS = {
    "data_restated": "sales of weeks that the last run knew are not what they were, or are read otherwise by now",
    "new_sales": "last week's sales, through the lag",
    "level_and_trend": "level and trend, by what the sales of the weeks since teach",
    "season": "time of the year",
    "holidays": "holidays in the week",
    "promotions": "the effect of promotions that are planned as before, and the average where nothing is planned",
    "weather": "weather, by what is known of it now",
    "regressors": "declared regressors, such as a price, by what is known of them now; NULL in rows of before, as 0",
    "bounds": "cut at 0 or at a model's largest number; with TARGET=mean, and in sums, from the middle to the mean; on "
    "the page “Middle to mean”",
    "plan": "promotions that were added, withdrawn or changed since; on the page “Plan changed”",
    "model": "the combination's own model: retrained, refreshed or rolled back",
    "panel": "another version of the panel model",
    "blend": "other weights of the components",
    "model_and_data": "another model that forecasts from newer sales: the version before is kept no more, so that the "
    "two cannot be told apart",
    "other_method": "made in another way than before: `method` or `status` is another",
    "new_articles": "articles that the last run did not forecast",
    "gone_articles": "articles that this run does not forecast",
    "override": "the planner's word: set, changed, withdrawn, or its difference to the forecast",
}
"""In the order in which they are taken: each is what changes when it alone is taken from the new run, those before it
being new and those after it as they were. They add up to the change."""

MODEL_CHANGES = ("retrained", "refreshed", "rolled_back")

_ABOUT = (
    text("level", "what the row is about", allowed=tuple(TOTAL_LEVELS)),
    text("unit", "business unit; `*` = all"),
    text("channel", "sales channel; `*` = all"),
    text("SKU_ID", "article; `*` = all"),
)


def _bridge(before: str) -> tuple[Column, ...]:
    """The number before, that of now, and what lies between; `before` is what published the first."""
    return (
        count("n_combinations", "combinations that it sums", "combinations"),
        measure(
            "final_before",
            f"what {before} published, with the planner's word; 0 of a new article; in sums the expected value",
        ),
        measure(
            "final",
            "what this run publishes, with the planner's word; 0 of one that is gone; in sums the expected value",
        ),
        measure("change", "final - final_before"),
        *(measure(name, meaning) for name, meaning in PARTS.items() if name != "regressors"),
        text("why", "the largest parts in words, the largest first"),
    )


_PLAN_CHANGE = text(
    "plan_change", "which promotions of the week were added, withdrawn or changed; NULL = none", nullable=True
)
_MODEL_CHANGE = text(
    "model_change", "what became of its own model; NULL = nothing", nullable=True, allowed=MODEL_CHANGES
)

_BLEND_CHANGE = text(
    "blend_change",
    'models beside ours that take part in the blend since, or no longer, JSON: {"joined": ["ets"], "left": ["theta"]}; '
    "NULL = none, and in rows of before",
    nullable=True,
)


def _ways(before: str) -> tuple[Column, ...]:
    return (
        text(
            "method_before",
            f"`method` of {before}; NULL in sums and of a new article",
            nullable=True,
            allowed=METHODS,
        ),
        text("method", "`method` of this run; NULL in sums and of one that is gone", nullable=True, allowed=METHODS),
        text("status_before", f"`status` of {before}; NULL as in method_before", nullable=True, allowed=STATUSES),
        text("status", "`status` of this run; NULL as in method", nullable=True, allowed=STATUSES),
    )


_OF_DECLARED = measure("regressors", PARTS["regressors"], nullable=True)

_ADDS_UP = Check(
    "the parts add up to the change",
    lambda rows: (rows[list(PARTS)].sum(axis=1) - rows["change"]).abs() <= 0.005,
)

CHANGES = Table(
    label="changes",
    name="distributor_forecast_changes",
    meaning="Why a forecast changed: from the last run's number of a week to this one's, in parts that add up; of "
    "each combination and rolled up. Weeks that only one of the runs forecasts have no row.",
    columns=(
        week("cutoff", "that of the run"),
        week("previous_cutoff", "that of the run before; of a sum, of most of its combinations"),
        *_ABOUT,
        week("ds", "week that both runs forecast"),
        *_bridge("the last run"),
        measure(
            "sales_surprise", "sales less their forecast, of the week that is known since; NULL = none", nullable=True
        ),
        _PLAN_CHANGE,
        _MODEL_CHANGE,
        *_ways("the last run"),
        measure(
            "replaced",
            "what an earlier run of this same cutoff had published, if this one replaced it; NULL = none had",
            nullable=True,
        ),
        *RUN,
        Column(
            "new_weeks",
            "INT64",
            "weeks",
            "weeks of sales that are known since the last run; 0 = none, they are late; NULL in sums",
            nullable=True,
        ),
        _OF_DECLARED,
        _BLEND_CHANGE,
    ),
    key=("cutoff", "level", *KEY, "ds"),
    partition="cutoff",
    cluster=("level", *KEY),
    checks=(_ADDS_UP,),
)

REVISIONS = Table(
    label="revisions",
    name="distributor_forecast_revisions",
    meaning="What each further run of one cutoff changed of the forecast that it replaced, in parts that add up. Sums "
    "of units and channels are there after each such run, all 0 where it changed nothing; a combination or article "
    "that it left as it was has no row.",
    columns=(
        week("cutoff", "that of both runs"),
        text("replaced_run_id", "the run whose forecast was replaced; where several had made it, the newest of them"),
        instant("replaced_at", "when that was made"),
        *_ABOUT,
        week("ds", "week that is forecast"),
        *_bridge("the run that was replaced"),
        _PLAN_CHANGE,
        _MODEL_CHANGE,
        *_ways("the run that was replaced"),
        Column(
            "new_weeks",
            "INT64",
            "weeks",
            "weeks of sales that came late, after the run that was replaced; NULL = none, and in sums",
            nullable=True,
        ),
        *RUN,
        _OF_DECLARED,
        _BLEND_CHANGE,
    ),
    key=("cutoff", "run_id", "level", *KEY, "ds"),
    partition="cutoff",
    cluster=("level", *KEY),
    checks=(_ADDS_UP,),
)
