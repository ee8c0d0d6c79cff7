"""What one setting is: its default, its meaning, and the jobs that read it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic.fields import FieldInfo

from skucast.core.errors import InputError

Job = Literal[
    "train",
    "retrain",
    "predict",
    "monitor",
    "load",
    "loads",
    "names",
    "rollback",
    "models",
    "promotions",
    "override",
    "alerts",
    "freshness",
    "doctor",
    "demo",
    "compare-bigquery",
    "looker-views",
    "looker-url",
]

SALES_JOBS: tuple[Job, ...] = ("train", "retrain", "predict", "monitor")
EVERY_JOB: tuple[Job, ...] = (
    *SALES_JOBS,
    "load",
    "loads",
    "names",
    "rollback",
    "models",
    "promotions",
    "override",
    "alerts",
    "freshness",
    "doctor",
    "demo",
    "compare-bigquery",
)


def every_job_but(*others: Job) -> tuple[Job, ...]:
    """Return all jobs and tools but these."""
    return tuple(job for job in EVERY_JOB if job not in others)


CALENDAR = every_job_but("load", "loads", "rollback")
TRAINING: tuple[Job, ...] = ("train", "retrain")
FORECASTING: tuple[Job, ...] = (*TRAINING, "predict")


class Group(BaseModel):
    """Settings that belong together; `Settings` joins the groups and is the only one that is ever filled."""

    model_config = ConfigDict(defer_build=True)  # the checks are built once, for Settings

    title: ClassVar[str]


def field(default: Any, description: str, jobs: Sequence[Job] = EVERY_JOB, **rules: Any) -> Any:
    """Return a setting that these jobs read; pydantic's rules, such as `ge`, say what it may be."""
    return Field(default, description=description, json_schema_extra={"jobs": list(jobs)}, **rules)


def jobs_of(setting: FieldInfo) -> list[str]:
    """Return the jobs that read the setting."""
    extra = setting.json_schema_extra
    return list(extra["jobs"]) if isinstance(extra, dict) else []  # type: ignore[arg-type]


def is_secret(setting: FieldInfo) -> bool:
    """Return whether nobody may see the setting's value; whoever lists processes sees flags, so it has none."""
    return SecretStr in (setting.annotation, *get_args(setting.annotation))


def shown_default(setting: FieldInfo) -> str:
    """Return the default as a reader writes it."""
    if setting.default in (None, ""):
        return "none"
    return str(setting.default).lower() if setting.annotation is bool else str(setting.default)


def parsed(parse: Callable[[str], object], value: str) -> str:
    """Return the value as it is if it can be parsed, else raise what is wrong with it as pydantic wants to hear it."""
    try:
        parse(value)
    except InputError as error:
        raise ValueError(str(error)) from None
    return value
