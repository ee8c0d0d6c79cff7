#!/usr/bin/env python3
"""Check settings and jobs before anything is sent: what gcloud passes on unseen, and Google then refuses.

    check.py        deploy/settings.env, the file that DEPLOY_SETTINGS names over it, the environment over both, and
                    the jobs of deploy/job_table.py with the settings put in

All mistakes are shown, one line each; exit 2 if there are any. Needs PyYAML and cronsim (`make` installs both).
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import chain, pairwise, takewhile
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from job_table import JOBS, SECRETS, TRIGGERED
from permissions import WRITES
from render import UnknownName, job_file

HERE = Path(__file__).resolve().parent
CPU_FOR_GIB = {1: (0, 4), 2: (0, 8), 4: (2, 16), 6: (4, 24), 8: (4, 32)}
"""CPUs of a task: from and to how many GiB of memory Cloud Run gives with them."""
MAX_TASKS, MAX_RETRIES, MAX_TIMEOUT_S = 10_000, 10, 168 * 3600
ZONES = available_timezones() - {"localtime", "Factory"}
FIVE_FIELDS = re.compile(r"\s*[\d*,/-]+(\s+[\d*,/-]+){4}\s*", re.ASCII)
"""What Cloud Scheduler takes of cron, in numbers; the library knows more: seconds, L for a last day, # for an nth."""
LARGEST_STEPS = (59, 23, 31, 12, 7)
"""Per field; a larger one never steps, so that something else was meant."""
HEARTBEAT_GAP = timedelta(hours=23, minutes=30)
"""The longest silence of the freshness check that alerts/heartbeat-silent.yaml takes as life."""
BUCKET = (
    r"(?!goog)(?!.*\.\.)(?!\d+(\.\d+){3}$)[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]",
    "a bucket's name: 3 to 63 of a-z, 0-9, - _ and .",
)
NETWORK = r"(projects/[\w.:-]+/(global/networks|regions/[a-z0-9-]+/subnetworks)/)?[a-z]([a-z0-9-]{0,61}[a-z0-9])?|"
SETTING = re.compile(r"[A-Z][A-Z0-9_]*=.*")
SIZES = {"taskCount": "TASKS", "maxRetries": "RETRIES", "timeoutSeconds": "TIMEOUT_S", "cpu": "CPU", "memory": "MEMORY"}
"""What a job's field is set by, after the job's name."""
RESERVED = re.compile(r"(CLOUD_RUN_|K_|X_GOOGLE_)|PORT$")
TEXTS = {
    "PROJECT": (r"[a-z][a-z0-9-]{4,28}[a-z0-9]", "a project's id: 6 to 30 of a-z, 0-9 and -, a letter first"),
    "REGION": (r"[a-z]+-[a-z]+\d", "a region such as asia-south1"),
    "DATASET": (r"[A-Za-z_]\w{0,199}", "a dataset's name: letters, digits and _"),
    "DATASET_LOCATION": (r"[A-Za-z]+(-[a-z]+\d)?", "a location such as asia-south1 or EU"),
    "MODEL_BUCKET": BUCKET,
    "STAGING_BUCKET": BUCKET,
    "REPOSITORY": (r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", "a repository's name: a-z, 0-9 and -, a letter first"),
    "ACCOUNT_MODE": (r"separate|single", "separate or single"),
    "BUILDER": (r"cloud|docker", "cloud or docker"),
    "OPERATORS": (
        r"((group|user|serviceAccount):[^\s@]+@[^\s@]+( +|$))*",
        "group:NAME@DOMAIN ..., separated by blanks",
    ),
    "ALERT_EMAIL": (r"([^\s@,=]+@[^\s@,=]+)?", "one address, or nothing"),
    "WEEK_ANCHOR": (r"MON|TUE|WED|THU|FRI|SAT|SUN", "a day, MON to SUN"),
    "SALES_TABLE": (r"[A-Za-z_]\w{0,199}", "a table's name: letters, digits and _"),
    "WEATHER": (r"true|false", "true or false"),
    "RETRAIN_ALERTS": (r"0|[1-9]|[1-4]\d|5[0-2]", "weeks, 0 to 52"),
    "MAX_BYTES_BILLED": (r"0|[1-9]\d{7,17}", "bytes, 0 for no limit, or at least 10485760"),
    "LOCALE": (r"(ru|en)?", "ru, en or nothing"),
    "SALES_COLUMNS": (r'[^"\\]*', "ours=theirs;..., without quotes"),
    "IMAGE_TAG": (r"[a-z0-9_][a-z0-9_-]{0,62}|", "a tag that can be a label too: a-z, 0-9, - and _, at most 63"),
    "PYTHON_IMAGE": (
        r"([\w./:-]+:3\.1[1-3][\w.-]*@sha256:[0-9a-f]{64})?",
        "an image of Python 3.11 to 3.13 by digest, NAME:TAG@sha256:..., or nothing for that of deploy/base.lock",
    ),
    "KMS_KEY": (
        r"(projects/[\w.:-]+/locations/[a-z0-9-]+/keyRings/[\w-]+/cryptoKeys/[\w-]+)?",
        "projects/P/locations/L/keyRings/R/cryptoKeys/K, or nothing",
    ),
    "VPC_NETWORK": (NETWORK, "a network's name or projects/P/global/networks/N, or nothing"),
    "VPC_SUBNET": (NETWORK, "a subnetwork's name or projects/P/regions/R/subnetworks/S, or nothing"),
    "VPC_EGRESS": (r"private-ranges-only|all-traffic", "private-ranges-only or all-traffic"),
    "BINARY_AUTHORIZATION": (r"(default)?", "default or nothing"),
    **{f"{each}_SECRET_VERSION": (r"([1-9]\d*)?", "a version's number, or nothing for the newest") for each in SECRETS},
    **{
        f"{name}_ACCOUNT": (r"[a-z][a-z0-9-]{4,28}[a-z0-9]", "an account's id: 6 to 30 of a-z, 0-9 and -")
        for name in (*JOBS, "SCHEDULER", "BUILD", "SINGLE")
    },
    **{f"{each}_SECRET": (r"[\w-]{1,255}", "a secret's name: letters, digits, - and _") for each in SECRETS},
    **{
        f"{job}_JOB": (r"[a-z]([a-z0-9-]{0,47}[a-z0-9])?", "a job's name: at most 49 of a-z, 0-9 and -") for job in JOBS
    },
    **{
        f"{job}_{size}": (r"0|[1-9]\d{0,6}", "a whole number")
        for job in JOBS
        for size in ("TASKS", "CPU", "TIMEOUT_S", "RETRIES")
    },
}
"""Settings by name: what they must match, in words too."""


def read_settings(text: str) -> dict[str, str]:
    """Return the settings of a file of NAME=value lines; lines that are none are `malformed`."""
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return dict(line.split("=", 1) for line in lines if SETTING.fullmatch(line))


def malformed(name: str, text: str) -> Iterator[str]:
    """Yield what is no setting in such a file."""
    for number, line in enumerate(text.splitlines(), 1):
        if line and not line.startswith("#") and not SETTING.fullmatch(line):
            yield f"{name}, line {number}: found {line}, expected NAME=value"


def mistakes(settings: Mapping[str, str]) -> Iterator[str]:
    """Yield what is wrong with the settings, and with the jobs that they are put into."""
    yield from _texts(settings)
    yield from _times(settings)
    yield from _names(settings)
    for job in JOBS:
        yield from _job(job, settings)
    yield from _scripts()


def _texts(settings: Mapping[str, str]) -> Iterator[str]:
    for name, (pattern, expected) in TEXTS.items():
        found = settings.get(name)
        if found is None or not re.fullmatch(pattern, found, re.ASCII):
            yield f"{name}: found {found!r}, expected {expected}"


def _times(settings: Mapping[str, str]) -> Iterator[str]:
    for name in ("SCHEDULE_TZ", "BUSINESS_TZ"):
        if settings.get(name) not in ZONES:
            yield f"{name}: found {settings.get(name)!r}, expected a time zone's name such as Europe/Moscow"
    for name in (f"{job}_SCHEDULE" for job in TRIGGERED):
        expected = _wrong_schedule(settings.get(name, ""))
        if not expected and name == "FRESHNESS_SCHEDULE" and _falls_silent(settings):
            expected = "twice a day or more: the heartbeat's alert waits 23.5 h"
        if expected:
            yield f"{name}: found {settings.get(name)!r}, expected {expected}"


def _wrong_schedule(text: str) -> str:
    """What was expected instead of this schedule; nothing if it is right."""
    from cronsim import CronSim, CronSimError

    steps = [max(map(int, re.findall(r"/(\d+)", field)), default=0) for field in text.split()]
    is_cron = FIVE_FIELDS.fullmatch(text) and all(map(int.__le__, steps, LARGEST_STEPS))
    try:
        CronSim(text if is_cron else "", datetime(2028, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        return "days that there are" if "day-of-month" in str(error) else "five fields of cron such as 0 22 * * 3"
    return ""


def _falls_silent(settings: Mapping[str, str]) -> bool:
    """Whether two starts of the freshness check, in a leap year of its time zone, are too far apart."""
    from cronsim import CronSim

    zone = settings.get("SCHEDULE_TZ", "")
    begin = datetime(2028, 1, 1, tzinfo=ZoneInfo(zone) if zone in ZONES else UTC)
    starts = (start.astimezone(UTC) for start in chain([begin], CronSim(settings["FRESHNESS_SCHEDULE"], begin)))
    a_year = takewhile(lambda pair: pair[0] < begin + timedelta(days=366), pairwise(starts))
    return any(later - earlier > HEARTBEAT_GAP for earlier, later in a_year)


def _names(settings: Mapping[str, str]) -> Iterator[str]:
    """Names that must differ: each of these would be one thing where two are meant."""
    jobs = [settings.get(f"{job}_JOB") for job in JOBS]
    if len(set(jobs)) < len(jobs):
        yield "*_JOB: two of them are the same; expected a name for each job"
    if settings.get("MODEL_BUCKET") == settings.get("STAGING_BUCKET"):
        yield "STAGING_BUCKET: found MODEL_BUCKET's name, expected another: who writes there must not write models"
    table = settings.get("SALES_TABLE", "")
    if table.startswith("staging_") or table in {each for tables in WRITES.values() for each in tables}:
        yield f"SALES_TABLE: found {table!r}, expected a table that no job writes"
    if bool(settings.get("VPC_NETWORK")) != bool(settings.get("VPC_SUBNET")):
        yield "VPC_NETWORK and VPC_SUBNET: found one of them, expected both or none"
    if (key := settings.get("KMS_KEY", "")) and f"/locations/{settings.get('REGION')}/" not in key:
        yield f"KMS_KEY: found {key!r}, expected a key in REGION, {settings.get('REGION')}: Cloud Run takes no other"
    names = [settings.get(f"{name}_ACCOUNT", "") for name in (*JOBS, "SCHEDULER", "BUILD")]
    if settings.get("ACCOUNT_MODE") == "separate" and len(set(names)) < len(names):
        yield "*_ACCOUNT: two of them are the same; expected one per job with ACCOUNT_MODE=separate"


def _job(job: str, settings: Mapping[str, str]) -> Iterator[str]:
    import yaml

    image = f"{settings.get('REGION')}-docker.pkg.dev/p/r/i@sha256:{'0' * 64}"
    with_secret = {f"{each}_SECRET_EXISTS": "yes" for each in SECRETS}
    with_secret |= {f"{each}_SECRET_VERSION": settings.get(f"{each}_SECRET_VERSION") or "1" for each in SECRETS}
    with_secret |= {"IMAGE": image, "COMMIT": "", "PREVIOUS": "", "NEWER": ""}
    try:
        spec = yaml.safe_load(job_file(job, {**settings, **with_secret}))
        yield from (f"job {job.lower()}: {_by_setting(mistake, job)}" for mistake in job_mistakes(spec))
    except (UnknownName, yaml.YAMLError) as error:
        yield f"job {job.lower()}: {' '.join(str(error).split())}"
    except (KeyError, TypeError, IndexError) as error:
        yield f"job {job.lower()}: is not a Cloud Run job: {type(error).__name__} {error}"


def _by_setting(mistake: str, job: str) -> str:
    """The mistake with the setting that it comes from."""
    field, colon, what = mistake.partition(":")
    return f"{field} ({job}_{SIZES[field]}){colon}{what}" if field in SIZES else mistake


def job_mistakes(job: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with one job, as it is sent."""
    if job["kind"] != "Job":
        yield f"kind: found {job['kind']}, expected Job"
    name = job["metadata"]["name"]
    if not re.fullmatch(TEXTS["PREDICT_JOB"][0], name):
        yield f"metadata.name: found {name!r}, expected {TEXTS['PREDICT_JOB'][1]}"
    execution = job["spec"]["template"]["spec"]
    task = execution["template"]["spec"]
    yield from _number("taskCount", execution["taskCount"], 1, MAX_TASKS)
    yield from _number("parallelism", execution.get("parallelism", 0), 0, execution["taskCount"], "taskCount")
    yield from _number("maxRetries", task["maxRetries"], 0, MAX_RETRIES)
    yield from _number("timeoutSeconds", task["timeoutSeconds"], 1, MAX_TIMEOUT_S)
    container = task["containers"][0]
    if not re.fullmatch(r"[\w./-]+@sha256:[0-9a-f]{64}", container["image"]):
        yield f"image: found {container['image']}, expected one by digest, NAME@sha256:..."
    yield from _size(container["resources"]["limits"])
    yield from _variables(container["env"])


def _number(name: str, found: object, low: int, high: object, limit: str = "") -> Iterator[str]:
    if type(found) is not int or not isinstance(high, int) or not low <= found <= high:
        yield f"{name}: found {found!r}, expected {low} to {limit or high}"


def _size(limits: Mapping[str, str]) -> Iterator[str]:
    cpu, memory = str(limits["cpu"]), str(limits["memory"])
    found = re.fullmatch(r"(\d+)(Gi|Mi)", memory)
    if not cpu.isdecimal() or int(cpu) not in CPU_FOR_GIB:
        yield f"cpu: found {cpu!r}, expected one of {', '.join(map(str, CPU_FOR_GIB))}"
    elif not found:
        yield f"memory: found {memory!r}, expected a number with Gi or Mi"
    else:
        gib = int(found[1]) / (1 if found[2] == "Gi" else 1024)
        low, high = CPU_FOR_GIB[int(cpu)]
        if not max(low, 0.5) <= gib <= high:
            yield f"memory: found {memory} with {cpu} CPU, expected {max(low, 0.5):g} to {high} GiB"


def _variables(env: list[Mapping[str, Any]]) -> Iterator[str]:
    names = [each["name"] for each in env]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"env {name}: found twice, expected once"
    for each in env:
        if RESERVED.match(each["name"]):
            yield f"env {each['name']}: Cloud Run sets it itself"
        version = str(each.get("valueFrom", {}).get("secretKeyRef", {}).get("key", "1"))
        if not re.fullmatch(r"[1-9]\d*", version, re.ASCII):
            yield f"env {each['name']}: found version {version!r} of its secret, expected a number"
        if "valueFrom" not in each and not isinstance(each.get("value"), str):
            yield f"env {each['name']}: found {each.get('value')!r}, expected text (quote it)"


def _scripts() -> Iterator[str]:
    for path in sorted(HERE.glob("*.sh")):
        if "--oidc" in path.read_text(encoding="utf-8"):
            yield f"{path.name}: asks for an OIDC token; Google's own APIs take OAuth, --oauth-service-account-email"


def given_settings() -> tuple[dict[str, str], list[str]]:
    """Return the settings as the scripts have them, and what is wrong with the files they come from."""
    known, found = read_settings((HERE / "settings.env").read_text(encoding="utf-8")), []
    own = os.environ.get("DEPLOY_SETTINGS")
    if own:
        try:
            text = Path(own).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            return known, [f"{own}: no file of settings ({type(error).__name__})"]
        given = read_settings(text)
        found = [
            *malformed(own, text),
            *(f"{own}: {name}: there is no such setting" for name in given if name not in known),
        ]
        known |= given
    return known | os.environ, found


def main() -> int:
    """Check everything, show the mistakes and return the exit code."""
    try:
        import cronsim  # noqa: F401
        import yaml  # noqa: F401
    except ImportError as error:
        print(f"deploy/check.py: {error}; pip install pyyaml cronsim, or PYTHON=.venv/bin/python", file=sys.stderr)
        return 2
    known, found = given_settings()
    found += mistakes(known)
    for mistake in found:
        print(mistake, file=sys.stderr)
    if found:
        print("nothing was sent; correct deploy/settings.env, or what overrides it", file=sys.stderr)
    return 2 if found else 0


if __name__ == "__main__":
    sys.exit(main())
