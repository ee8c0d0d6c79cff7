"""Where a run finds its tables, models and files."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from pydantic import field_validator

from skucast.core.words import counted
from skucast.runtime.groups.addresses import path_problem
from skucast.runtime.groups.field import EVERY_JOB, SALES_JOBS, Group, field

BUCKET = re.compile(r"gs://[a-z0-9][a-z0-9._-]{1,220}[a-z0-9](/(?!\.{1,2}(/|$))[\w. -]+)*/?")
PROJECT = re.compile(r"[a-z][a-z0-9-]{4,61}[a-z0-9]")
DATASET = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")
BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")


class Places(Group):
    """Where the tables, the models and the files are, and in which language planners read."""

    title: ClassVar[str] = "places"

    warehouse: str = field(
        "duckdb:local/warehouse.duckdb",
        "where the tables are: duckdb:FILE or bigquery://PROJECT/DATASET",
        [*EVERY_JOB, "looker-views", "looker-url"],
    )
    model_store: str = field(
        "local/models",
        "where the models are: a folder or gs://BUCKET[/PREFIX]",
        [*SALES_JOBS, "rollback", "models", "doctor", "demo"],
    )
    staging: str = field(
        "local/staging",
        "where the dashboard is written and planners' files are read: a folder or gs://BUCKET[/PREFIX]",
        ["predict", "monitor", "promotions", "override", "alerts", "doctor", "demo"],
    )

    locale: Literal["", "en", "ru"] = field(
        "",
        "language, numbers and dates of the page and of the files for planners: en or ru (default: the page asks its "
        "reader's browser, files are in English)",
        ["predict", "monitor", "promotions", "override", "alerts", "demo"],
    )

    @field_validator("locale", mode="before")
    @classmethod
    def _language_of(cls, value: object) -> object:
        """`ru_RU.UTF-8` and `RU` mean `ru`."""
        return re.split(r"[-_.@]", value.strip().lower())[0] if isinstance(value, str) else value

    @field_validator("warehouse")
    @classmethod
    def _known_warehouse(cls, value: str) -> str:
        is_file = re.fullmatch(r"duckdb:(?!:|md:|//).+", value)
        problem = (path_problem(value.removeprefix("duckdb:")) or None) if is_file else _bigquery_problem(value)
        if problem is not None:
            file = value.removeprefix("duckdb://")
            meant = f"; did you mean duckdb:{file}?" if file.strip("/") and file != value else ""
            raise ValueError(f"expected duckdb:FILE or bigquery://PROJECT/DATASET{problem}{meant}")
        return value

    @field_validator("model_store", "staging")
    @classmethod
    def _known_place(cls, value: str) -> str:
        is_uri = value.startswith("gs:") or "://" in value
        if not value.strip() or (is_uri and not BUCKET.fullmatch(value)):
            raise ValueError(f"expected a folder or gs://BUCKET[/PREFIX]{_bucket_problem(value)}")
        if problem := path_problem(value):
            raise ValueError(f"expected a folder or gs://BUCKET[/PREFIX]{problem}")
        return value


def _bigquery_problem(value: str) -> str | None:
    """What is wrong with the parts of such a place, '' if it is none at all, None if nothing is."""
    if not value.startswith("bigquery://"):
        return ""
    parts = value.removeprefix("bigquery://").split("/")
    if ESCAPE.search(value):
        return _no_escapes(value)
    if len(parts) != 2 or not all(parts):
        return f"; found {counted(len([part for part in parts if part]), 'part')} after bigquery://, or a / too many"
    project, dataset = parts
    if not PROJECT.fullmatch(project):
        return f"; {project!r} is no project's ID: 6 to 30 small letters, digits and hyphens, the first one a letter"
    if not DATASET.fullmatch(dataset):
        return f"; {dataset!r} is no dataset's name: letters, digits and underscores, the first one no digit"
    return None


def _bucket_problem(value: str) -> str:
    """What is wrong with the parts of such a place, '' if it is none at all."""
    if not value.startswith("gs://"):
        return ""
    if ESCAPE.search(value):
        return _no_escapes(value)
    bucket, _, prefix = value.removeprefix("gs://").partition("/")
    if not BUCKET_NAME.fullmatch(bucket):
        return f"; {bucket!r} is no bucket's name: 3 or more small letters, digits, '-', '_' and '.'"
    return f"; the prefix {prefix!r} has an empty part, a part of dots alone, or a character that is none of a name's"


def _no_escapes(value: str) -> str:
    [escape, *_] = ESCAPE.findall(value)
    return f"; names are written as they are, and {escape} is none of them: nothing is escaped here"
