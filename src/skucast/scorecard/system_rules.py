"""What is wrong with the runs as a whole: the system's rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

import pandas as pd

from skucast.core.tables.alerts import SYSTEM_RULES
from skucast.core.tables.contract import ALL
from skucast.core.texts import Count, Percent, Text, in_a_row, stored
from skucast.core.weeks import weeks_between
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
        [(rule, ALL, ALL, ALL, *each, stored(each[-1])) for rule, each in zip(SYSTEM_RULES, found, strict=True)],
        columns=FINDING_COLUMNS,
    )
    return rows.astype({"value": "float64"})


Found = tuple[Verdict, float | None, float, Text]
"""Verdict, value, limit, message."""


def _no_run(facts: SystemFacts, _: Rules) -> Found:
    if facts.newest_cutoff is None:
        return "breach", None, 0.0, Text("no forecast was ever published; run predict_weekly.py")
    late = weeks_between(facts.newest_cutoff, facts.cutoff)
    text = Text("the newest forecasts are those of {day}", day=facts.newest_cutoff)
    advice = facts.stopped or Text("run predict_weekly.py")
    expected = Text("expected {day}; {advice}", day=facts.cutoff, advice=advice)
    return _judged(float(late), 0.0, text, expected, is_broken=late > 0)


def _forecast_share(facts: SystemFacts, rules: Rules) -> Found:
    if facts.newest_cutoff is None or not facts.n_active:
        return "unknown", None, rules.forecast_share, Text("no forecast to judge")
    share = facts.n_forecast / facts.n_active
    text = Text(
        "{n} of {all} active combinations were forecast for {day}, {share}; at least {limit} are expected",
        n=facts.n_forecast,
        all=facts.n_active,
        day=facts.newest_cutoff,
        share=Percent(share),
        limit=Percent(rules.forecast_share),
    )
    limit = rules.forecast_share
    advice = Text("see the run's failures and TARGET_COMBINATIONS")
    return _judged(share, limit, text, advice, is_broken=share < limit)


def _promo_plan(facts: SystemFacts, rules: Rules) -> Found:
    share = facts.plan_share
    if share is None:
        return "unknown", None, rules.plan_share, Text("no forecast to judge")
    if not facts.has_promotions:
        return "calm", share, rules.plan_share, Text("no promotion in the sales or the plan: no plan is expected")
    text = Text(
        "the promotions plan covers {share} of the forecast weeks, at least {limit} are expected",
        share=Percent(share),
        limit=Percent(rules.plan_share),
    )
    limit = rules.plan_share
    return _judged(share, limit, text, Text("send the plan"), is_broken=share < limit)


def _sales_late(facts: SystemFacts, _: Rules) -> Found:
    late = weeks_between(facts.data_cutoff, facts.cutoff)
    if late <= 0 and facts.late:
        each = [Text("{name} is delivered through {day}", name=name, day=through) for name, through in facts.late]
        worst = max(weeks_between(through, facts.cutoff) for _, through in facts.late)
        units = Text("{units}; expected {day}; deliver them", units=in_a_row(each), day=facts.cutoff)
        return "breach", float(worst), 0.0, units
    if late <= 0:
        return "calm", float(late), 0.0, Text("sales are complete through {day}", day=facts.data_cutoff)
    text = Count(
        "sales are {n} week late: the last complete week is {day}, expected {expected}; deliver them",
        "sales are {n} weeks late: the last complete week is {day}, expected {expected}; deliver them",
        late,
        day=facts.data_cutoff,
        expected=facts.cutoff,
    )
    return "breach", float(late), 0.0, text


def _sales_missing(facts: SystemFacts, _: Rules) -> Found:
    n = len(facts.missing.combinations)
    if not n and facts.shrunken:
        return "breach", 0.0, 0.0, Text("{sales}; load them again", sales=facts.shrunken)
    if not n:
        return "calm", 0.0, 0.0, Text("all that was active lately is in the sales")
    more = [facts.shrunken] if facts.shrunken else []
    return "breach", float(n), 0.0, in_a_row([facts.missing.said, *more, WAY_OUT])


def _failures(facts: SystemFacts, rules: Rules) -> Found:
    share = facts.failed_share
    if share is None:
        return "unknown", None, rules.failed_share, Text("no run of this week to judge")
    limit = rules.failed_share
    text = Text(
        "{share} of the combinations failed in {job}, the limit is {limit}",
        share=Percent(share),
        job=str(facts.job),
        limit=Percent(limit),
    )
    return _judged(share, limit, text, Text("read its log"), is_broken=share > limit)


def _model_age(facts: SystemFacts, rules: Rules) -> Found:
    """Refreshed models too: what was chosen when they were trained is as old as the training."""
    ages, limit = facts.models, rules.max_model_age
    known = [*ages.own.values(), *([] if ages.panel is None else [ages.panel])]
    if not known:
        return "calm", None, float(limit), Text("no model has forecast")
    old, is_old_panel = ages.older(limit), ages.panel is not None and ages.panel > limit
    if not old and not is_old_panel:
        return "calm", float(max(known)), float(limit), Text("all models are at most {n} weeks old", n=limit)
    return (
        "breach",
        float(max(known)),
        float(limit),
        Text("{models}; run {command}", models=_old_models(ages, limit), command=mending_of_age(ages, limit)[0]),
    )


def _old_models(ages: ModelAges, limit: int) -> Text:
    old = ages.older(limit)
    parts: list[Text] = []
    if old:
        own = Count(
            "{old} of {n} model trained more than {limit} weeks ago, the oldest, {age} weeks, that of {name}",
            "{old} of {n} models trained more than {limit} weeks ago, the oldest, {age} weeks, that of {name}",
            len(ages.own),
            old=len(old),
            limit=limit,
            age=ages.own[old[0]],
            name=old[0],
        )
        parts.append(own)
    if ages.panel is not None and ages.panel > limit:
        parts.append(Text("the panel was trained {n} weeks ago", n=ages.panel))
    return in_a_row(parts)


def age_reason(ages: ModelAges, limit: int) -> Text:
    """Return the evidence of models that are too old, in one sentence; empty without any."""
    old = _old_models(ages, limit)
    return old and Text(
        "{models}; their settings were chosen then, however new the sales they are fitted to", models=old
    )


def mending_of_age(ages: ModelAges, limit: int, job: str = "retrain-models") -> tuple[str, str]:
    """Return the commands that train what is too old: on a machine, and on Cloud Run, where the job has this name."""
    if ages.panel is not None and ages.panel > limit:  # a run of some combinations leaves the panel as it is
        place = job.removeprefix("retrain-models")
        return "python run_all_skus.py", f"gcloud run jobs execute train-all-models{place}"
    on_cloud_run = f"gcloud run jobs execute {job} --update-env-vars 'TARGET_COMBINATIONS=@stale'"
    return "python retrain_models.py --target '@stale'", on_cloud_run


def _judged(value: float, limit: float, text: Text, advice: Text, *, is_broken: bool) -> Found:
    """What was found, and what to do if it is broken."""
    return ("breach", value, limit, in_a_row([text, advice])) if is_broken else ("calm", value, limit, text)


_SYSTEM: dict[str, Callable[[SystemFacts, Rules], Found]] = {
    "no_run": _no_run,
    "forecast_coverage": _forecast_share,
    "promo_plan": _promo_plan,
    "sales_late": _sales_late,
    "sales_missing": _sales_missing,
    "failures": _failures,
    "model_age": _model_age,
}
