"""Who works: processes of this machine, or a cluster."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pool:
    """Who works: so many processes of this machine, or those of the Dask cluster at this address."""

    workers: int = 1
    dask_scheduler: str | None = None


HERE = Pool()
"""This process alone."""
