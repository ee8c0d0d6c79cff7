"""Where the services are, and how a place is written: `gs://BUCKET/PREFIX`, `bigquery://PROJECT/DATASET`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Endpoints:
    """Where the services are; None = the real ones, with Application Default Credentials."""

    bigquery: str | None = None
    bigquery_storage: str | None = None
    storage: str | None = None


def parse_gs(uri: str) -> tuple[str, str]:
    """Return the bucket and the prefix of `gs://BUCKET[/PREFIX]`; the prefix ends in `/` unless it is empty."""
    bucket, _, prefix = uri.removeprefix("gs://").partition("/")
    prefix = prefix.strip("/")
    return bucket, f"{prefix}/" if prefix else ""


def parse_bigquery(uri: str) -> tuple[str, str]:
    """Return the project and the dataset of `bigquery://PROJECT/DATASET`."""
    project, _, dataset = uri.removeprefix("bigquery://").partition("/")
    return project, dataset
