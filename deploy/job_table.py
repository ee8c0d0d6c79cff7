#!/usr/bin/env python3
"""The five jobs and the three images: all in which one differs from the others, and no list of them elsewhere.

    job_table.py lists         for the scripts, a line each: jobs, those with a trigger, secrets, images
    job_table.py image JOB     the image that a job runs on

What they have in common is in templates/; render.py puts both together. Names, sizes, accounts and schedules are
settings (settings.env), PREDICT_CPU that of PREDICT. Standard library only.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Image:
    """A Dockerfile's title, the scripts of the image (it starts the first), and its parts of the requirements.

    `parts` come after the one that all images have; each is a template of that name, and one of image_parts.py.
    """

    title: str
    scripts: tuple[str, ...]
    parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Job:
    """What a job is about, its image, and which parts of templates/job.yaml it has.

    `command` and `args`, lists in YAML, stand for what the image would start.
    """

    about: str
    image: str
    variables: tuple[str, ...]
    secrets: tuple[str, ...] = ()
    has_trigger: bool = False
    command: str = ""
    args: str = ""


IMAGES = {
    "predict": Image("The weekly forecast.", ("predict_weekly.py",), ("fitting",)),
    "monitor": Image("Scores of stored forecasts, and the dashboard.", ("monitor_performance.py",)),
    "retrain": Image(
        "Training of models that went bad, and, with run_all_skus.py as its command, of all.",
        ("retrain_models.py", "run_all_skus.py"),
        ("fitting", "training"),
    ),
}

SALES = ("MAX_BYTES_BILLED", "SALES_TABLE", "SALES_COLUMNS")
TRAINING = ("MODEL_STORE", *SALES, "WEATHER")

JOBS = {
    "PREDICT": Job(
        "The forecast of the next weeks; started by its trigger, or by hand to fill in a week (docs/runbook.md).",
        image="predict",
        variables=(*TRAINING, "STAGING", "LOCALE"),
        secrets=("OPEN_METEO", "ALERT_WEBHOOK"),
        has_trigger=True,
    ),
    "MONITOR": Job(
        "Scores of the stored forecasts, metrics and dashboard; started by its trigger.",
        image="monitor",
        variables=("STAGING", *SALES, "LOCALE", "RETRAIN_JOB", "RETRAIN_ALERTS"),
        secrets=("ALERT_WEBHOOK",),
        has_trigger=True,
    ),
    "RETRAIN": Job(
        "Training of what TARGET_COMBINATIONS names; started by hand or by the loop, which give it (docs/runbook.md).",
        image="retrain",
        variables=TRAINING,
        secrets=("OPEN_METEO",),
    ),
    "TRAIN": Job(
        "Training of all combinations, on the image of retrain-models; started by hand.",
        image="retrain",
        variables=TRAINING,
        secrets=("OPEN_METEO",),
        command='["python", "run_all_skus.py"]',
    ),
    "FRESHNESS": Job(
        "The heartbeat: are forecasts and scorecard as new as they should be? On the monitoring's image, "
        "started by its trigger.",
        image="monitor",
        variables=("MAX_BYTES_BILLED",),
        has_trigger=True,
        command="[python, -m, skucast]",
        args="[freshness]",
    ),
}

OPTIONS = ("KMS_KEY", "VPC_NETWORK", "BINARY_AUTHORIZATION")
"""Settings that every job has lines for where they are set."""

TRIGGERED = tuple(name for name, job in JOBS.items() if job.has_trigger)
SECRETS = {
    secret: tuple(name for name, job in JOBS.items() if secret in job.secrets)
    for secret in ("OPEN_METEO", "ALERT_WEBHOOK")
}
"""Whose job reads which secret; NAME_SECRET is what Secret Manager calls it."""


def main(argv: list[str]) -> int:
    """Run one command and return the exit code."""
    match argv:
        case ["lists"]:
            for names in (JOBS, TRIGGERED, SECRETS, IMAGES):
                print(*names)
        case ["image", job] if job.upper() in JOBS:
            print(JOBS[job.upper()].image)
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
