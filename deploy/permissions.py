#!/usr/bin/env python3
"""Who may do what: the one list that the scripts grant from and that docs/permissions.md shows.

    permissions.py grants RESOURCE      lines of: role, member, title and expression of the condition; tab-separated
    permissions.py merge POLICY.json    the policy with the grants of standard input added; exit 3 when it has them all
    permissions.py write FILE.md        put the table between the markers of this file

RESOURCE is project, models, staging, repository, secret:NAME, job:NAME, or account:ACCOUNT (may act as it). The
settings are in the environment. Standard library only.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from job_table import JOBS, SECRETS, TRIGGERED

DEPLOYER_ROLE = "projects/{PROJECT}/roles/skucastDeployer"
"""A role of the project's own, made by setup.sh: Google's run.developer may also start jobs with overrides."""

RETRAINER_ROLE = "projects/{PROJECT}/roles/skucastRetrainer"
"""Another one, of two permissions: to start, and with variables of its own."""

RECORDS = ("distributor_forecast_runs", "distributor_publishes")
"""Every job but the check leaves its own row in the first, and notes in the second what it published."""

WRITES = {
    "PREDICT": (
        "distributor_forecasts_weekly",
        "distributor_forecast_scenarios",
        "distributor_forecast_totals",
        "distributor_forecast_orders",
        "distributor_forecast_changes",
        "distributor_forecast_revisions",
        "distributor_promotions",
        "distributor_predecessors",
        "distributor_overrides",
        "distributor_work_notes",
        "distributor_weather_daily",
        "distributor_loads",
        *RECORDS,
    ),
    "MONITOR": (
        "distributor_model_performance_metrics",
        "distributor_forecast_totals_metrics",
        "distributor_forecast_orders_metrics",
        "distributor_override_value",
        "distributor_forecast_alerts",
        "distributor_work_notes",
        "distributor_retrain_requests",
        "distributor_loads",
        *RECORDS,
    ),
    "RETRAIN": (
        "distributor_model_registry",
        "distributor_backtests",
        "distributor_weather_daily",
        "distributor_loads",
        *RECORDS,
    ),
    "TRAIN": (
        "distributor_model_registry",
        "distributor_backtests",
        "distributor_weather_daily",
        "distributor_loads",
        *RECORDS,
    ),
    "FRESHNESS": (),
}
"""The tables each job writes; the sales table is in none."""

MOST_TABLES = 11
"""Tables that one condition can name beside the dataset and the staging tables: Google allows twelve operators."""

BUCKETS = {
    "PREDICT": {"models": "roles/storage.objectViewer", "staging": "roles/storage.objectUser"},
    "MONITOR": {"staging": "roles/storage.objectUser"},
    "RETRAIN": {"models": "roles/storage.objectUser", "staging": "roles/storage.objectViewer"},
    "TRAIN": {"models": "roles/storage.objectUser", "staging": "roles/storage.objectViewer"},
    "FRESHNESS": {},
}
BUCKET_WHY = {
    ("PREDICT", "models"): "reads models, and cannot change one",
    ("PREDICT", "staging"): "replaces the page, takes planners' files from the inbox and moves them",
    ("MONITOR", "staging"): "replaces the dashboard page, takes what was said of the work list and moves it",
    ("RETRAIN", "models"): "adds versions, deletes the oldest, and replaces the live model",
    ("TRAIN", "models"): "adds versions, deletes the oldest, and replaces the live model",
    ("RETRAIN", "staging"): "reads lists of targets",
    ("TRAIN", "staging"): "reads lists of targets",
}
SECRET_WHY = {
    "OPEN_METEO": "key of the weather service",
    "ALERT_WEBHOOK": "address that takes the digest of alerts, and what stops a forecast",
}


@dataclass(frozen=True)
class Grant:
    """One role of one account on one resource, and why; `tables` narrows it to these tables of the dataset."""

    who: str
    role: str
    resource: str
    why: str
    tables: tuple[str, ...] | None = None


def separate() -> Iterator[Grant]:
    """One account per job: nothing that its job does not need."""
    for job in JOBS:
        yield Grant(f"{job}_ACCOUNT", "roles/bigquery.jobUser", "project", "starts queries and load jobs")
        yield Grant(f"{job}_ACCOUNT", "roles/bigquery.readSessionUser", "project", "reads results as Arrow")
        yield Grant(f"{job}_ACCOUNT", "roles/bigquery.dataViewer", "project", "reads the dataset, no other one", ())
        for first in range(0, len(WRITES[job]), MOST_TABLES):
            yield Grant(
                f"{job}_ACCOUNT",
                "roles/bigquery.dataEditor",
                "project",
                "makes staging tables, and writes these tables alone",
                WRITES[job][first : first + MOST_TABLES],
            )
        for bucket, role in BUCKETS[job].items():
            yield Grant(f"{job}_ACCOUNT", role, bucket, BUCKET_WHY[job, bucket])
        for secret in (name for name, readers in SECRETS.items() if job in readers):
            yield Grant(f"{job}_ACCOUNT", "roles/secretmanager.secretAccessor", f"secret:{secret}", SECRET_WHY[secret])
        yield Grant("BUILD_ACCOUNT", "roles/iam.serviceAccountUser", f"account:{job}_ACCOUNT", "deploys the job as it")
    for job in TRIGGERED:
        yield Grant("SCHEDULER_ACCOUNT", "roles/run.invoker", f"job:{job}", "starts it, without overrides")


def single() -> Iterator[Grant]:
    """The simple mode: one account for all jobs and the triggers, with the roles of the deployment checklist."""
    who = "SINGLE_ACCOUNT"
    yield Grant(who, "roles/bigquery.dataEditor", "project", "reads and writes every table of the dataset", ())
    yield Grant(who, "roles/bigquery.user", "project", "starts queries and load jobs")
    yield Grant(who, "roles/storage.objectAdmin", "models", "reads and replaces models")
    yield Grant(who, "roles/storage.objectAdmin", "staging", "inbox and dashboard")
    yield Grant(who, "roles/logging.logWriter", "project", "of the checklist; Cloud Run itself writes the jobs' logs")
    for secret, why in SECRET_WHY.items():
        yield Grant(who, "roles/secretmanager.secretAccessor", f"secret:{secret}", why)
    yield Grant("BUILD_ACCOUNT", "roles/iam.serviceAccountUser", f"account:{who}", "deploys the jobs as it")
    for job in TRIGGERED:
        yield Grant(who, "roles/run.invoker", f"job:{job}", "the trigger starts it as this account")


def of_the_loop(settings: Mapping[str, str]) -> Iterator[Grant]:
    """Who monitors starts one job, that of the retraining, and nothing else; where RETRAIN_ALERTS is on."""
    if settings.get("RETRAIN_ALERTS", "0") != "0":
        who = "SINGLE_ACCOUNT" if settings["ACCOUNT_MODE"] == "single" else "MONITOR_ACCOUNT"
        yield Grant(who, RETRAINER_ROLE, "job:RETRAIN", "starts it for alerts that stay open (RETRAIN_ALERTS)")


def in_both_modes() -> Iterator[Grant]:
    """Operators and the build."""
    yield Grant("OPERATORS", "roles/logging.viewer", "project", "reads the jobs' logs")
    yield Grant("OPERATORS", "roles/monitoring.viewer", "project", "sees alerts and the dashboard of Cloud Monitoring")
    yield Grant("OPERATORS", "roles/cloudscheduler.viewer", "project", "sees the triggers and their last answer")
    yield Grant("OPERATORS", "roles/bigquery.jobUser", "project", "starts queries")
    yield Grant("OPERATORS", "roles/bigquery.readSessionUser", "project", "reads results as Arrow")
    yield Grant("OPERATORS", "roles/bigquery.dataViewer", "project", "reads the dataset, no other one", ())
    yield Grant(
        "OPERATORS",
        "roles/bigquery.dataEditor",
        "project",
        "acknowledges alerts, decides of names",
        ("distributor_forecast_alerts", "distributor_names", *RECORDS),
    )
    yield Grant("OPERATORS", "roles/storage.objectViewer", "staging", "opens the dashboard")
    for job in JOBS:
        yield Grant("OPERATORS", "roles/run.viewer", f"job:{job}", "sees executions")
        yield Grant(
            "OPERATORS", "roles/run.jobsExecutorWithOverrides", f"job:{job}", "starts it, also with other variables"
        )
    yield Grant("BUILD_ACCOUNT", "roles/artifactregistry.writer", "repository", "pushes images")
    yield Grant("BUILD_ACCOUNT", "roles/storage.objectCreator", "staging", "adds the lists of what is in the images")
    yield Grant("BUILD_ACCOUNT", "roles/ondemandscanning.admin", "project", "has images scanned before it pushes them")
    yield Grant(
        "BUILD_ACCOUNT", "roles/containeranalysis.occurrences.viewer", "project", "reads the provenance of an image"
    )
    for job in JOBS:
        yield Grant("BUILD_ACCOUNT", DEPLOYER_ROLE, f"job:{job}", "replaces it, and cannot start it")
    yield Grant(
        "BUILD_ACCOUNT", "roles/secretmanager.viewer", "project", "sees which secrets there are, not what is in them"
    )
    yield Grant("BUILD_ACCOUNT", "roles/logging.logWriter", "project", "writes the build's log")
    yield Grant("BUILD_ACCOUNT", "roles/storage.objectViewer", "project", "reads the source that was sent to the build")


def members(who: str, settings: Mapping[str, str]) -> list[str]:
    """Return the members behind a setting: people and groups as given, an account as a service account."""
    if who == "OPERATORS":
        return settings["OPERATORS"].split()
    return [f"serviceAccount:{settings[who]}@{settings['PROJECT']}.iam.gserviceaccount.com"]


def condition(grant: Grant, settings: Mapping[str, str]) -> tuple[str, str]:
    """Return title and expression of the condition, empty if there is none."""
    dataset = f"projects/{settings['PROJECT']}/datasets/{settings['DATASET']}"
    if grant.role == "roles/storage.objectViewer" and grant.resource == "project":
        bucket = f"projects/_/buckets/{settings['PROJECT']}_cloudbuild"
        return "skucast build source", f'resource.name.startsWith("{bucket}/")'
    if grant.tables is None:
        return "", ""
    clauses = [f'resource.name == "{dataset}"']
    if grant.tables:
        clauses.append(f'resource.name.startsWith("{dataset}/tables/staging_")')
        clauses += [f'resource.name == "{dataset}/tables/{table}"' for table in grant.tables]
        return f"skucast {grant.who.removesuffix('_ACCOUNT').lower()} writes", " || ".join(clauses)
    return "skucast dataset", f'{clauses[0]} || resource.name.startsWith("{dataset}/")'


def grants(settings: Mapping[str, str]) -> list[Grant]:
    """Return all grants of the mode."""
    of_mode = single() if settings["ACCOUNT_MODE"] == "single" else separate()
    return [*of_mode, *of_the_loop(settings), *in_both_modes()]


def lines(resource: str, settings: Mapping[str, str]) -> list[str]:
    """Return the grants on one resource, tab-separated."""
    wanted = resource
    if resource.startswith("account:") and settings["ACCOUNT_MODE"] == "single":
        wanted = "account:SINGLE_ACCOUNT"
    return [
        "\t".join((grant.role.format(**settings), member, *condition(grant, settings)))
        for grant in grants(settings)
        if grant.resource == wanted
        for member in members(grant.who, settings)
    ]


def merge(policy: dict[str, Any], given: list[str]) -> bool:
    """Add to the policy what it lacks and return whether that was anything."""
    bindings = policy.setdefault("bindings", [])
    changed = False
    for line in given:
        role, member, title, expression = line.split("\t")
        wanted = {"title": title, "expression": expression} if expression else None
        for binding in bindings:
            found = binding.get("condition")
            found = found and {"title": found.get("title", ""), "expression": found["expression"]}
            if binding["role"] == role and found == wanted:
                break
        else:
            binding = {"role": role, "members": [], **({"condition": wanted} if wanted else {})}
            bindings.append(binding)
        if member not in binding["members"]:
            binding["members"].append(member)
            changed = True
    if any("condition" in binding for binding in bindings):
        policy["version"] = 3
    return changed


def table(mode: str, settings: Mapping[str, str]) -> str:
    """Return the grants of a mode as a Markdown table."""
    rows = ["| account | role | on | why |", "|---|---|---|---|"]
    for grant in grants({**settings, "ACCOUNT_MODE": mode}):
        who = "people in `OPERATORS`" if grant.who == "OPERATORS" else f"`{settings[grant.who]}`"
        where = _place(grant, settings)
        rows.append(f"| {who} | `{grant.role.format(**settings)}` | {where} | {grant.why} |")
    return "\n".join(rows)


def _place(grant: Grant, settings: Mapping[str, str]) -> str:
    kind, _, name = grant.resource.partition(":")
    if kind == "job":
        return f"job `{settings[f'{name}_JOB']}`"
    if kind == "account":
        return f"account `{settings[name]}`"
    if kind == "secret":
        return f"secret `{settings[f'{name}_SECRET']}`"
    if grant.tables is not None:
        names = ", ".join(f"`{each}`" for each in grant.tables)
        return f"dataset `{settings['DATASET']}`" + (f": `staging_*`, {names}" if names else "")
    return {
        "project": "project",
        "models": f"bucket `{settings['MODEL_BUCKET']}`",
        "staging": f"bucket `{settings['STAGING_BUCKET']}`",
        "repository": f"repository `{settings['REPOSITORY']}`",
    }[kind] + (f", bucket `{settings['PROJECT']}_cloudbuild` only" if condition(grant, settings)[0] else "")


def main(argv: list[str]) -> int:
    """Run one command and return the exit code."""
    match argv:
        case ["grants", resource]:
            sys.stdout.writelines(f"{line}\n" for line in lines(resource, os.environ))
        case ["merge", path]:
            policy = json.loads(Path(path).read_text(encoding="utf-8"))
            changed = merge(policy, [line for line in sys.stdin.read().splitlines() if line])
            Path(path).write_text(json.dumps(policy, indent=1), encoding="utf-8")
            return 0 if changed else 3
        case ["write", path]:
            text = Path(path).read_text(encoding="utf-8")
            for mode in ("separate", "single"):
                before, rest = text.split(f"<!-- {mode}:start -->")
                after = rest.split(f"<!-- {mode}:end -->")[1]
                marked = f"<!-- {mode}:start -->\n{table(mode, os.environ)}\n<!-- {mode}:end -->"
                text = before + marked + after
            Path(path).write_text(text, encoding="utf-8")
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
