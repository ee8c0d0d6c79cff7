"""The alerts of a monitored week: judged, stored, and said where people look."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from skucast.backends.warehouse.protocol import Warehouse
from skucast.backends.webhook import WebhookError, post
from skucast.core.combination import KEY, Combination
from skucast.core.errors import InputError
from skucast.core.rows import is_about
from skucast.core.run import FAILED, Run
from skucast.core.tables.alerts import ALERTS
from skucast.core.tables.contract import ALL
from skucast.core.tables.forecasts import SALES_MISSING
from skucast.core.tables.records import REGISTRY, RUNS
from skucast.core.tables.scorecard import POOLED_STEP
from skucast.core.targets import nearest
from skucast.core.texts import said_in
from skucast.core.weeks import WEEK, WeekClock, weeks_between
from skucast.jobs.known_ahead import expects_plan
from skucast.jobs.missing import shrunken
from skucast.runtime.logs import log
from skucast.runtime.settings import Settings
from skucast.sales.history import History, active_combinations
from skucast.scorecard.alert_texts import (
    alert_fields,
    digest_fields,
    digest_line,
    digest_text,
    gcloud_command,
    health_fields,
    in_order,
    name_of,
    retrain_command,
)
from skucast.scorecard.alerts import (
    combination_findings,
    context,
    is_quiet,
    listed,
    next_alerts,
)
from skucast.scorecard.missing import Missing
from skucast.scorecard.reasons import Evidence, probable_reason
from skucast.scorecard.retraining import with_retrainings
from skucast.scorecard.rules import Rules
from skucast.scorecard.system_rules import ModelAges, SystemFacts, age_reason, mending_of_age, system_findings
from skucast.scorecard.work_memory import listed_names, mended_by_training, resting_alerts, tally, work_text

REMEMBERED_WEEKS = 52
"""How long an alert is remembered while nobody monitors."""

LINE = 600
"""Characters of an error that an alert repeats."""

STILL_BEST = ("kept", "unchanged")
"""Outcomes of a training after which the model that was live is: no other was better, so it is not old."""

WATCHED_JOBS = ("train", "predict")
"""Jobs of all combinations; of a targeted one, one failure may be all there is, and a what-if publishes nothing."""


@dataclass(frozen=True)
class Window:
    """First and last week that the alerts are about; sales per week below which a volume is low."""

    start: date
    end: date
    low_volume: float


def rules_of(settings: Settings) -> Rules:
    """Return the limits that the settings name."""
    return Rules(
        wape=settings.alert_wape,
        n_weeks=settings.alert_weeks,
        bias=settings.alert_bias,
        interval_coverage=settings.alert_coverage,
        min_volume=settings.alert_min_volume,
        fva_best=settings.alert_fva,
        forecast_share=settings.alert_forecast_coverage,
        plan_share=settings.min_promo_coverage,
        failed_share=settings.max_failed_share,
        max_model_age=settings.max_model_age_weeks,
    )


def system_facts(
    settings: Settings, warehouse: Warehouse, run: Run, history: History, forecasts: pd.DataFrame, missing: Missing
) -> SystemFacts:
    """Return what the system's rules look at; `forecasts` has the ledger's rows of weeks from the window on."""
    active = _active(settings, history, missing)
    newest = forecasts[forecasts["cutoff"] == forecasts["cutoff"].max()]
    sold = newest[newest["status"] != "inactive"]
    made = newest[newest["status"] != SALES_MISSING]
    runs = _runs_of_all(warehouse, run)
    failed_share, job = _failures(runs)
    return SystemFacts(
        cutoff=run.cutoff,
        data_cutoff=history.data_cutoff,
        newest_cutoff=newest["cutoff"].iloc[0].date() if len(newest) else None,
        n_active=len(active),
        n_forecast=len(active.merge(made[KEY].drop_duplicates(), on=KEY)),
        plan_share=float((sold["promo_source"] != "expected").mean()) if len(sold) else None,
        has_promotions=expects_plan(history, sold["promo_source"]),
        failed_share=failed_share,
        job=job,
        late=tuple((each.name, each.delivered_through) for each in history.late),
        stopped=_stopped(runs),
        missing=missing,
        shrunken=shrunken(settings, warehouse, run, history),
        models=_ages(warehouse, newest, run.cutoff, settings.max_model_age_weeks),
    )


def judge(
    settings: Settings,
    run: Run,
    history: History,
    scored: pd.DataFrame,
    metrics: pd.DataFrame,
    facts: SystemFacts,
    stored: pd.DataFrame,
    asked: pd.DataFrame,
) -> pd.DataFrame:
    """Return the alerts of this week: rows of `tables.ALERTS`.

    `metrics` has the rows of the newest window, `scored` the forecasts from which they and the weeks before were made;
    `stored` the alerts of this and earlier weeks, `asked` what was to be trained anew for them.
    """
    rules = rules_of(settings)
    rolling = metrics[
        (metrics["window"] == "rolling") & (metrics["level"] == "combination") & (metrics["step"] == POOLED_STEP)
    ]
    found = pd.concat([system_findings(facts, rules), combination_findings(scored, rolling, rules)], ignore_index=True)
    active = _active(settings, history, facts.missing)
    rows = next_alerts(found, stored, active, run.cutoff)
    rows = rows.merge(context(rolling, rules), on=KEY, how="left")
    start = history.data_cutoff - (settings.lookback_weeks - 1) * WEEK
    rows = _explained(rows, settings, history, scored, Window(start, history.data_cutoff, 2 * rules.min_volume))
    rows = with_retrainings(_with_ages(rows, settings, facts.models), asked, run.cutoff)
    rows["is_listed"] = listed(rows, run.today)
    return rows.assign(run_id=run.run_id, created_at=run.run_at)


def announce(
    settings: Settings, run: Run, alerts: pd.DataFrame, metrics: pd.DataFrame, facts: SystemFacts, work: pd.DataFrame
) -> str | None:
    """Say the alerts and the work list in the log; return what the webhook is to say, None if there is nothing.

    One entry per alert that nobody has acknowledged and whose line of the work list is open, one for the digest, one
    with the run's gauges, one for the work list. It is said before
    the alerts are stored: a run that is killed in between says it again, and none is silent.
    """
    quiet = is_quiet(alerts, run.today) | alerts["alert_id"].isin(resting_alerts(work))
    for row in in_order(alerts[~quiet]):
        level = log.warning if row["state"] == "open" else log.info
        level("alert %s: %s: %s", row["state"], name_of(row), row["message"], extra={"fields": alert_fields(row)})
    fields = digest_fields(alerts[~quiet], int(quiet.sum()))
    line = digest_line(fields)
    log.info("%s", line, extra={"fields": fields})
    log.info("health", extra={"fields": health_fields(metrics, gauges(facts, alerts))})
    to_do = work_text(work)
    said = {"event": "work_list", **tally(work), "lines": listed_names(work)}
    log.info("%s", to_do, extra={"fields": said, "has_lines": True})
    if settings.alert_webhook_url is None or not (fields["n_listed"] or fields["n_resolved"]):
        return None
    command = "gcloud_command" if "://" in settings.warehouse else "command"
    text = digest_text(
        alerts[~quiet],
        said_in(settings.locale, line),
        str(run.cutoff),
        command,
        settings.retrain_job,
        settings.locale,
        mended_by_training(work),
    )
    return f"{text}\n{work_text(work, settings.locale)}"


def deliver(settings: Settings, text: str | None) -> None:
    """Say the text to the webhook, once what it is about is stored: however that goes, the run has done its work."""
    if settings.alert_webhook_url is not None and text is not None:
        try:
            post(settings.alert_webhook_url.get_secret_value(), text)
        except WebhookError as error:
            log.warning("%s", error)


def stored_alerts(warehouse: Warehouse, cutoff: date) -> pd.DataFrame:
    """Return the alerts of the weeks up to the cutoff, of a year."""
    return warehouse.read(ALERTS, since={"cutoff": cutoff - REMEMBERED_WEEKS * WEEK}, until={"cutoff": cutoff})


def newest_alerts(warehouse: Warehouse, cutoff: date) -> pd.DataFrame:
    """Return the alerts of the newest monitored week up to the cutoff, in the digest's order."""
    rows = stored_alerts(warehouse, cutoff)
    newest = rows[rows["cutoff"] == rows["cutoff"].max()]
    found: pd.DataFrame = newest.loc[[row["index"] for row in in_order(newest.reset_index())]]
    return found


def acknowledge(warehouse: Warehouse, run: Run, alert_id: str, until: date, clock: WeekClock) -> dict[str, Any]:
    """Keep an open alert quiet up to and including a day; return its row. A day that has passed lets it speak again.

    Raises:
        InputError: no open alert has this name; the nearest ones are named. A later week has been monitored than the
            run is about: its alerts would know nothing of it. The day has passed, and the alert is not quiet.
    """
    later = warehouse.read(ALERTS, since={"cutoff": run.cutoff + WEEK})
    if len(later):
        newer = later["cutoff"].max().date()
        if run.is_about_today(clock):
            raise InputError(
                f"week {newer} has been monitored although it is not over, and would not know of this: "
                "acknowledge when it is over, or delete its rows of the alerts"
            )
        raise InputError(
            f"AS_OF: found {run.today}, but week {newer} has been monitored too and would not know; unset it"
        )
    newest = newest_alerts(warehouse, run.cutoff)
    still = newest.loc[newest["state"] != "resolved", "alert_id"]
    if alert_id not in set(still):
        near = ", ".join(nearest(alert_id, still.tolist())) or f"{len(still)} are open, none alike"
        raise InputError(f"{alert_id!r}: no open alert of this name ({near}); see: python -m skucast alerts list")
    is_it = newest["alert_id"] == alert_id
    if until < run.today and not is_quiet(newest[is_it], run.today).any():
        raise InputError(
            f"--until: found {until}, which has passed: the alert speaks already; give {run.today} or a later day"
        )
    rows = newest.assign(acknowledged_until=newest["acknowledged_until"].mask(is_it, pd.Timestamp(until)))
    row = in_order(rows[is_it])[0]
    combination = Combination(*(row[name] for name in KEY))
    mine = rows[is_about(rows, [combination])]
    warehouse.replace(ALERTS, mine, row["cutoff"].date(), run=run, combinations=[combination])
    return row


# --- What they are made of ------------------------------------------------------------------------------------------


def _active(settings: Settings, history: History, missing: Missing) -> pd.DataFrame:
    """The combinations that sell, and those whose sales are missing: nothing says that they do no more. Columns KEY."""
    active = active_combinations(history.weeks, settings.inactive_after_weeks)
    missed = pd.DataFrame([each.parts for each in missing.combinations], columns=KEY).astype(active.dtypes)
    return pd.concat([active, missed], ignore_index=True)


def _ages(warehouse: Warehouse, newest: pd.DataFrame, cutoff: date, limit: int) -> ModelAges:
    """How old the models of the newest forecasts are, refreshed or not; the panel's version begins with its week.

    A model that a training has compared and kept is as new as that training.
    """
    first = newest[newest["step"] == newest["step"].min()]
    own = first[first["model_cutoff"].notna() & (first["method"] != "panel")]
    trained = own["model_cutoff"]
    if (trained < pd.Timestamp(cutoff - limit * WEEK)).any():
        trained = _confirmed(warehouse, own, cutoff)
    names = [str(Combination(*each)) for each in own[KEY].itertuples(index=False, name=None)]
    weeks = [weeks_between(each.date(), cutoff) for each in trained]
    panels = pd.to_datetime(first["panel_version"].str[:10], errors="coerce").dropna()
    panel = weeks_between(panels.max().date(), cutoff) if len(panels) else None
    return ModelAges(dict(zip(names, weeks, strict=True)), panel)


def _confirmed(warehouse: Warehouse, own: pd.DataFrame, cutoff: date) -> pd.Series:
    """When each model was trained, or last won against a new one, by the registry."""
    since, until = {"cutoff": own["model_cutoff"].min().date()}, {"cutoff": cutoff}
    rows = warehouse.read(REGISTRY, [*KEY, "cutoff", "outcome", "model_version"], since=since, until=until)
    won = rows[rows["outcome"].isin(STILL_BEST)].groupby([*KEY, "model_version"])["cutoff"].max().rename("won")
    last = own.merge(won.reset_index(), on=[*KEY, "model_version"], how="left")["won"].set_axis(own.index)
    return own["model_cutoff"].where(last.isna() | (last < own["model_cutoff"]), last)  # kept in a training of the past


def _failures(runs: pd.DataFrame) -> tuple[float | None, str | None]:
    """The largest share of failed combinations among the newest execution of each job of this week, and that job."""
    rows = runs[runs["job"].isin(WATCHED_JOBS) & (runs["n_combinations"] > 0)].sort_values(["run_at", "run_id"])
    if not len(rows):
        return None, None
    newest = rows.groupby("job")["run_id"].transform("last")
    tasks = rows[rows["run_id"] == newest].groupby("job")[["n_failed", "n_combinations"]].sum()
    shares = tasks["n_failed"] / tasks["n_combinations"]
    return float(shares.max()), str(shares.idxmax())


_LOOKED_AT_OF_RUNS = ["run_id", "job", "run_at", "exit_code", "error", "n_combinations", "n_failed", "scope"]


def _runs_of_all(warehouse: Warehouse, run: Run) -> pd.DataFrame:
    """This week's runs that were about all combinations; older rows do not say what they were about."""
    week = {"cutoff": run.cutoff}
    rows = warehouse.read(RUNS, _LOOKED_AT_OF_RUNS, since=week, until=week)
    found: pd.DataFrame = rows[rows["scope"].fillna("all") == "all"]
    return found


def _stopped(runs: pd.DataFrame) -> str:
    """Why the newest prediction of this week failed, in one line that is not too long; empty if it did not."""
    rows = runs[runs["job"] == "predict"].sort_values("run_at", kind="stable")
    failed = rows[rows["run_id"].isin(rows["run_id"].tail(1)) & (rows["exit_code"] == FAILED)]
    return "".join(f"the run has failed: {textwrap.shorten(str(error), LINE)}" for error in failed["error"].head(1))


def _explained(
    rows: pd.DataFrame, settings: Settings, history: History, scored: pd.DataFrame, window: Window
) -> pd.DataFrame:
    """The alerts with reason, evidence and commands; the system's rules speak for themselves."""
    names = [Combination(*each) for each in rows.loc[rows["unit"] != ALL, KEY].itertuples(index=False, name=None)]
    weeks = dict(history.split(names))
    inside = scored[scored["ds"] >= pd.Timestamp(window.start)]
    parts = inside.merge(rows[KEY].drop_duplicates(), on=KEY).groupby(KEY)
    forecasts = {Combination(*map(str, key)): part for key, part in parts}
    said = {
        each: {
            **_reason(weeks.get(each, history.weeks.head(0)), forecasts.get(each, scored.head(0)), window),
            "command": retrain_command(each),
            "gcloud_command": gcloud_command(each, settings.retrain_job),
        }
        for each in dict.fromkeys(names)  # a combination may break several rules
    }
    columns = ["reason", "evidence", "evidence_json", "command", "gcloud_command"]
    nothing = dict.fromkeys(columns)
    each = [said.get(Combination(*key), nothing) for key in rows[KEY].itertuples(index=False, name=None)]
    return rows.assign(
        **{name: pd.Series([one[name] for one in each], index=rows.index, dtype="str") for name in columns}
    )


def _with_ages(rows: pd.DataFrame, settings: Settings, ages: ModelAges) -> pd.DataFrame:
    """The alert about the age of models with reason, evidence and commands: of the system, and mended by training."""
    limit = settings.max_model_age_weeks
    of_age = (rows["rule"] == "model_age") & (rows["state"] != "resolved")
    command, gcloud = mending_of_age(ages, limit, settings.retrain_job)
    evidence = age_reason(ages, limit)
    said = {
        "reason": "stale_model",
        "evidence": str(evidence) if evidence else rows["message"],
        "evidence_json": evidence.stored() if evidence else rows["message_json"],
        "command": command,
        "gcloud_command": gcloud,
    }
    return rows.assign(**{name: rows[name].mask(of_age, text) for name, text in said.items()})


def _reason(weeks: pd.DataFrame, rows: pd.DataFrame, window: Window) -> dict[str, str | None]:
    reason, evidence = probable_reason(Evidence(weeks, rows, window.start, window.end, window.low_volume))
    return {"reason": reason, "evidence": str(evidence), "evidence_json": evidence.stored()}


def gauges(facts: SystemFacts, alerts: pd.DataFrame) -> dict[str, float | None]:
    """Return what the system's rules look at, as numbers: shares are ratios, None = not known."""
    return {
        "forecast_coverage": facts.n_forecast / facts.n_active if facts.n_active else None,
        "promo_coverage": facts.plan_share,
        "failed_share": facts.failed_share,
        "sales_late_weeks": weeks_between(facts.data_cutoff, facts.cutoff),
        "n_alerts": int((alerts["state"] != "resolved").sum()),
    }
