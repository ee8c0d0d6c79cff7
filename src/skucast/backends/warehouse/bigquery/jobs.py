"""Jobs of BigQuery: inserted under an id of our own, found again when an answer was lost, awaited to a deadline."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from io import BytesIO
from typing import Any

from google.api_core import exceptions as api
from google.api_core.retry import Retry, exponential_sleep_generator
from google.cloud import bigquery

from skucast.backends.deadline import within
from skucast.backends.warehouse.bigquery.dataset import Dataset
from skucast.backends.warehouse.bigquery.errors import FAILURES, PAUSES_S, explanation, is_lost, short, tried_again

_ONCE = Retry(predicate=lambda _: False)
"""No retry of the library's own: `_finished` looks for the job first."""


class Jobs:
    """Scripts and loads of one dataset; the same id is the same job, however often it is asked for."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._wait_again = tried_again(is_lost, dataset.deadline_s)

    def run_sql(self, sql: str, parameters: Sequence[Any], job_id: str, what: str, until: float) -> None:
        """Run the script until it has ended well, or raise by that moment."""
        config = bigquery.QueryJobConfig(query_parameters=list(parameters), use_query_cache=False)
        location = self._dataset.location()

        def insert(name: str) -> Any:
            return self._dataset.client.query(
                sql,
                job_config=config,
                job_id=name,
                location=location,
                retry=_ONCE,
                job_retry=None,
                timeout=self._dataset.timeout_s,
            )

        self._finished(insert, job_id, what, until)

    def load(self, payload: bytes, table_id: str, schema: Sequence[bigquery.SchemaField], job_id: str) -> None:
        """Put the rows of a Parquet file in place of those of the table, whole or not at all."""
        config = bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.PARQUET,
            schema=schema,
            write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE,
            create_disposition=bigquery.CreateDisposition.CREATE_NEVER,
        )
        location = self._dataset.location()

        def insert(name: str) -> Any:
            return self._dataset.client.load_table_from_file(
                BytesIO(payload),
                table_id,
                size=len(payload),
                num_retries=0,
                job_id=name,
                location=location,
                job_config=config,
                timeout=self._dataset.timeout_s,
            )

        with self._dataset.explained("bigquery.jobs.create", table_id):
            self._finished(insert, job_id, table_id, self._dataset.until())

    def _finished(self, insert: Callable[[str], Any], job_id: str, what: str, until: float) -> None:
        """Insert the job, or find the one that an insert with a lost answer has made, and wait for its end.

        A job that failed had no effect. Where the service itself failed it, or an earlier try of this run has left it
        behind, another one, with another id, takes its place. A job that outlasts its time is cancelled.
        """
        names = (f"{job_id}_after_{failed}" if failed else job_id for failed in itertools.count())
        name = next(names)
        for pause_s in exponential_sleep_generator(*PAUSES_S):
            job = None
            try:
                with within(until):
                    job, is_new = self._inserted(insert, name)
                    if is_new or job.error_result is None:
                        job.result(retry=self._wait_again.with_timeout(_left(until)), timeout=_left(until))
                        return
                name = next(names)
            except (TimeoutError, api.RetryError):
                self._cancel(job)
                raise
            except api.NotFound as error:
                raise explanation(error, "bigquery.jobs.create", what, self._dataset.deadline_s) from None
            except FAILURES as error:
                if not is_lost(error):
                    raise
                if job is not None and job.error_result is not None:
                    name = next(names)
                if time.monotonic() + pause_s > until:
                    self._cancel(job)
                    raise api.RetryError(f"last: {short(error)}", error) from None
                time.sleep(pause_s)

    def _inserted(self, insert: Callable[[str], Any], name: str) -> tuple[Any, bool]:
        """The job of this name, and whether it was not there before."""
        try:
            return insert(name), True
        except api.Conflict:
            location, timeout_s = self._dataset.location(), self._dataset.timeout_s
            return self._dataset.client.get_job(name, retry=_ONCE, location=location, timeout=timeout_s), False

    def _cancel(self, job: Any) -> None:
        """Ask the service to end a job that nobody waits for any longer; it may have ended meanwhile."""
        if job is not None:
            until = time.monotonic() + self._dataset.timeout_s
            with suppress(*FAILURES), within(until, is_tidying=True):
                job.cancel(retry=_ONCE, timeout=self._dataset.timeout_s)


def _left(until: float) -> float:
    return max(until - time.monotonic(), 0.001)
