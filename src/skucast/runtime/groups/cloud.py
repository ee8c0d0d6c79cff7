"""The log, the cloud's services, and what Cloud Run says of this task."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from pydantic import ValidationInfo, field_validator

from skucast.runtime.groups.addresses import is_host_and_port, is_web_address
from skucast.runtime.groups.field import Group, every_job_but, field

CLOUD = every_job_but("load", "demo")
LOGGING = every_job_but("doctor")

LEAST_BILLED = 10 * 1024**2
"""What a query of one table bills at least."""

HTTP_ENDPOINT = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?")
RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}")
"""What becomes a part of a run's name, and so of names of tables and files."""

GRPC_ENDPOINT = re.compile(r"[A-Za-z0-9.-]+:\d{1,5}")


class Cloud(Group):
    """The log, and where the services of Google Cloud are."""

    title: ClassVar[str] = "log and cloud"

    log_format: Literal["auto", "text", "json"] = field(
        "auto", "text for people, json for Cloud Logging; auto = by place", LOGGING
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = field("INFO", "least severity that is logged", LOGGING)
    gcs_endpoint: str | None = field(
        None, "stand-in for Cloud Storage, http://HOST:PORT; none = the real service", CLOUD
    )
    bigquery_endpoint: str | None = field(
        None, "stand-in for BigQuery, http://HOST:PORT; none = the real service", CLOUD
    )
    bigquery_storage_endpoint: str | None = field(
        None, "stand-in for the BigQuery Storage API, HOST:PORT; none = that of BIGQUERY_ENDPOINT has none", CLOUD
    )
    max_bytes_billed: int = field(
        100_000_000_000,
        "bytes that one query of BigQuery may bill; one that would bill more is refused and bills none; 0 = no limit",
        ge=0,
    )
    cloud_run_endpoint: str | None = field(
        None, "stand-in for the API of Cloud Run, http://HOST:PORT; none = the real service", ["monitor"]
    )
    cloud_run_job: str | None = field(None, "set by Cloud Run: name of the job", [])
    cloud_run_execution: str | None = field(None, "set by Cloud Run: name of the execution", [])
    cloud_run_task_index: int = field(0, "set by Cloud Run: number of this task", [], ge=0)
    cloud_run_task_count: int = field(1, "set by Cloud Run: tasks of the execution", [], ge=1, le=10_000)
    cloud_run_task_attempt: int = field(0, "set by Cloud Run: tries of this task before", [], ge=0)

    @field_validator("gcs_endpoint", "bigquery_endpoint", "cloud_run_endpoint")
    @classmethod
    def _http_address(cls, value: str | None) -> str | None:
        if value is not None and not (HTTP_ENDPOINT.fullmatch(value) and is_web_address(value)):
            raise ValueError("expected http://HOST:PORT, or no such variable for the real service")
        return value

    @field_validator("bigquery_storage_endpoint")
    @classmethod
    def _grpc_address(cls, value: str | None) -> str | None:
        if value is not None and not (GRPC_ENDPOINT.fullmatch(value) and is_host_and_port(value)):
            raise ValueError("expected HOST:PORT, or no such variable for the real service")
        return value

    @field_validator("cloud_run_job", "cloud_run_execution")
    @classmethod
    def _name_of_cloud_run(cls, value: str | None) -> str | None:
        if value is not None and not RUN_NAME.fullmatch(value):
            raise ValueError("expected the name that Cloud Run gives: letters, digits, '-', '_' and '.'")
        return value

    @field_validator("max_bytes_billed")
    @classmethod
    def _a_query_at_all(cls, value: int) -> int:
        if 0 < value < LEAST_BILLED:
            raise ValueError(f"expected 0 or at least {LEAST_BILLED:,}: BigQuery bills no query less")
        return value

    @field_validator("cloud_run_task_count")
    @classmethod
    def _tasks_of_one_execution(cls, count: int, others: ValidationInfo) -> int:
        index = others.data.get("cloud_run_task_index", 0)
        if index >= count:
            raise ValueError(f"expected more than CLOUD_RUN_TASK_INDEX={index}")
        if count > 1 and not others.data.get("cloud_run_execution"):
            raise ValueError("expected CLOUD_RUN_EXECUTION too: the tasks of one execution share its name")
        return count
