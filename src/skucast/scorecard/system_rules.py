"""What is wrong with the runs as a whole: the system's rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

import pandas as pd

from skucast.core.tables.alerts import SYSTEM_RULES
from skucast.core.tables.contract import ALL
from skucast.core.weeks import weeks_between
from skucast.core.words import counted, percent
from skucast.scorecard.missing import NOTHING_MISSING, WAY_OUT, Missing
from skucast.scorecard.rules import FINDING_COLUMNS, Rules, Verdict


@dataclass(frozen=True)
class ModelAges:
    """How many weeks ago the models behind the newest forecasts were trained: each combination's own, and the panel."""

    own: Mapping[str, int] = field(default_factory=dict)
    panel: int | None = None

    def older(self, weeks: int) -> list[str]:
        """Return the combinations whose model is older, the oldest first."""
        old = [(-age, name) for name, age in self.own.items() if age > weeks]
        return [name for _, name in sorted(old)]


@dataclass(frozen=True)
class SystemFacts:
    """What is known of the week's runs; None = not known. `failed_share` is that of the week's worst job.

    `newest_cutoff` is the last week that forecasts were published for; `plan_share` the share of its forecasts that
    a plan covers; `n_active` combinations sell or are `missing` from the sales, and `n_forecast` of them are forecast.
    `late` has the units (or `unit/channel`) that are behind the others, and the last week of each; `stopped` says why
    the prediction failed, `shrunken` that most lines of the sales are gone. Without any promotion in sales or plan
    (`has_promotions`) nobody is asked for a plan. `models` tells how old the models behind the newest forecasts are.
    """

    cutoff: date
    data_cutoff: date
    newest_cutoff: date | None
    n_active: int
    n_forecast: int
    plan_share: float | None
    failed_share: float | None
    job: str | None
    late: tuple[tuple[str, date], ...] = ()
    missing: Missing = NOTHING_MISSING
    stopped: str = ""
    shrunken: str = ""
    has_promotions: bool = True
    models: ModelAges = field(default_factory=ModelAges)


def system_findings(facts: SystemFacts, rules: Rules) -> pd.DataFrame:
    """Return what each rule finds of the runs as a whole: `FINDING_COLUMNS`, KEY all `*`."""
    found = [_SYSTEM[rule](facts, rules) for rule in SYSTEM_RULES]
    rows = pd.DataFrame(
        [(rule, ALL, ALL, ALL, *each) for rule, each in zip(SYSTEM_RULES, found, strict=True)], columns=FINDING_COLUMNS
    )
    return rows.astype({"value": "float64"})


Found = tuple[Verdict, float | None, float, str]
"""Verdict, value, limit, message."""


def _no_run(facts: SystemFacts, _: Rules) -> Found:
    if facts.newest_cutoff is None:
        return "breach", None, 0.0, "no forecast was ever published; run predict_weekly.py"
    late = weeks_between(facts.newest_cutoff, facts.cutoff)
    text = f"the newest forecasts are those of {facts.newest_cutoff}"
    expected = f"expected {facts.cutoff}; {facts.stopped or 'run predict_weekly.py'}"
    return _judged(float(late), 0.0, text, expected, is_broken=late > 0)


def _forecast_share(facts: SystemFacts, rules: Rules) -> Found:
    if facts.newest_cutoff is None or not facts.n_active:
        return "unknown", None, rules.forecast_share, "no forecast to judge"
    share = facts.n_forecast / facts.n_active
    text = (
        f"{facts.n_forecast} of {facts.n_active} active combinations were forecast for "
        f"{facts.newest_cutoff}, {percent(share)}; at least {percent(rules.forecast_share)} are expected"
    )
    limit = rules.forecast_share
    advice = "see the run's failures and TARGET_COMBINATIONS"
    return _judged(share, limit, text, advice, is_broken=share < limit)


def _promo_plan(facts: SystemFacts, rules: Rules) -> Found:
    share = facts.plan_share
    if share is None:
        return "unknown", None, rules.plan_share, "no forecast to judge"
    if not facts.has_promotions:
        return "calm", share, rules.plan_share, "no promotion in the sales or the plan: no plan is expected"
    text = (
        f"the promotions plan covers {percent(share)} of the forecast weeks, "
        f"at least {percent(rules.plan_share)} are expected"
    )
    limit = rules.plan_share
    return _judged(share, limit, text, "send the plan", is_broken=share < limit)


def _sales_late(facts: SystemFacts, _: Rules) -> Found:
    late = weeks_between(facts.data_cutoff, facts.cutoff)
    if late <= 0 and facts.late:
        text = "; ".join(f"{name} is delivered through {through}" for name, through in facts.late)
        worst = max(weeks_between(through, facts.cutoff) for _, through in facts.late)
        return "breach", float(worst), 0.0, f"{text}; expected {facts.cutoff}; deliver them"
    if late <= 0:
        return "calm", float(late), 0.0, f"sales are complete through {facts.data_cutoff}"
    text = (
        f"sales are {counted(late, 'week')} late: the last complete week is {facts.data_cutoff}, "
        f"expected {facts.cutoff}; deliver them"
    )
    return "breach", float(late), 0.0, text


def _sales_missing(facts: SystemFacts, _: Rules) -> Found:
    n = len(facts.missing.combinations)
    if not n and facts.shrunken:
        return "breach", 0.0, 0.0, f"{facts.shrunken}; load them again"
    if not n:
        return "calm", 0.0, 0.0, "all that was active lately is in the sales"
    more = f"; {facts.shrunken}" if facts.shrunken else ""
    return "breach", float(n), 0.0, f"{facts.missing}{more}; {WAY_OUT}"


def _failures(facts: SystemFacts, rules: Rules) -> Found:
    share = facts.failed_share
    if share is None:
        return "unknown", None, rules.failed_share, "no run of this week to judge"
    limit = rules.failed_share
    text = f"{percent(share)} of the combinations failed in {facts.job}, the limit is {percent(limit)}"
    return _judged(share, limit, text, "read its log", is_broken=share > limit)


def _model_age(facts: SystemFacts, rules: Rules) -> Found:
    """Refreshed models too: what was chosen when they were trained is as old as the training."""
    ages, limit = facts.models, rules.max_model_age
    known = [*ages.own.values(), *([] if ages.panel is None else [ages.panel])]
    if not known:
        return "calm", None, float(limit), "no model has forecast"
    old, is_old_panel = ages.older(limit), ages.panel is not None and ages.panel > limit
    if not old and not is_old_panel:
        return "calm", float(max(known)), float(limit), f"all models are at most {limit} weeks old"
    return (
        "breach",
        float(max(known)),
        float(limit),
        f"{_old_models(ages, limit)}; run {mending_of_age(ages, limit)[0]}",
    )


def _old_models(ages: ModelAges, limit: int) -> str:
    old = ages.older(limit)
    parts = []
    if old:
        first = f"the oldest, {ages.own[old[0]]} weeks, that of {old[0]}"
        parts.append(f"{len(old)} of {counted(len(ages.own), 'model')} trained more than {limit} weeks ago, {first}")
    if ages.panel is not None and ages.panel > limit:
        parts.append(f"the panel was trained {ages.panel} weeks ago")
    return "; ".join(parts)


def age_reason(ages: ModelAges, limit: int) -> str:
    """Return the evidence of models that are too old, in one sentence; empty without any."""
    old = _old_models(ages, limit)
    return old and f"{old}; their settings were chosen then, however new the sales they are fitted to"


def mending_of_age(ages: ModelAges, limit: int, job: str = "retrain-models") -> tuple[str, str]:
    """Return the commands that train what is too old: on a machine, and on Cloud Run, where the job has this name."""
    if ages.panel is not None and ages.panel > limit:  # a run of some combinations leaves the panel as it is
        place = job.removeprefix("retrain-models")
        return "python run_all_skus.py", f"gcloud run jobs execute train-all-models{place}"
    on_cloud_run = f"gcloud run jobs execute {job} --update-env-vars 'TARGET_COMBINATIONS=@stale'"
    return "python retrain_models.py --target '@stale'", on_cloud_run


def _judged(value: float, limit: float, text: str, advice: str, *, is_broken: bool) -> Found:
    """What was found, and what to do if it is broken."""
    return ("breach", value, limit, f"{text}; {advice}") if is_broken else ("calm", value, limit, text)


_SYSTEM: dict[str, Callable[[SystemFacts, Rules], Found]] = {
    "no_run": _no_run,
    "forecast_coverage": _forecast_share,
    "promo_plan": _promo_plan,
    "sales_late": _sales_late,
    "sales_missing": _sales_missing,
    "failures": _failures,
    "model_age": _model_age,
}
