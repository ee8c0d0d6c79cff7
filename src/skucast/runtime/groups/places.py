"""Where a run finds its tables, models and files."""

from __future__ import annotations

import re
from typing import ClassVar

from pydantic import field_validator

from skucast.runtime.groups.field import EVERY_JOB, SALES_JOBS, Group, field

BUCKET = re.compile(r"gs://[a-z0-9][a-z0-9._-]{1,220}[a-z0-9](/(?!\.{1,2}(/|$))[\w. -]+)*/?")
BIGQUERY = re.compile(r"bigquery://[a-z][a-z0-9-]{4,61}[a-z0-9]/[A-Za-z_][A-Za-z0-9_]{0,199}")


class Places(Group):
    """Where the tables, the models and the files are."""

    title: ClassVar[str] = "places"

    warehouse: str = field(
        "duckdb:local/warehouse.duckdb",
        "where the tables are: duckdb:FILE or bigquery://PROJECT/DATASET",
        [*EVERY_JOB, "looker-views", "looker-url"],
    )
    model_store: str = field(
        "local/models",
        "where the models are: a folder or gs://BUCKET[/PREFIX]",
        [*SALES_JOBS, "rollback", "doctor", "demo"],
    )
    staging: str = field(
        "local/staging",
        "where the dashboard is written and planners' files are read: a folder or gs://BUCKET[/PREFIX]",
        ["predict", "monitor", "promotions", "doctor", "demo"],
    )

    @field_validator("warehouse")
    @classmethod
    def _known_warehouse(cls, value: str) -> str:
        if not re.fullmatch(r"duckdb:(?!:|md:).+", value) and not BIGQUERY.fullmatch(value):
            raise ValueError("expected duckdb:FILE or bigquery://PROJECT/DATASET")
        return value

    @field_validator("model_store", "staging")
    @classmethod
    def _known_place(cls, value: str) -> str:
        is_uri = value.startswith("gs:") or "://" in value
        if not value.strip() or (is_uri and not BUCKET.fullmatch(value)):
            raise ValueError("expected a folder or gs://BUCKET[/PREFIX]")
        return value
