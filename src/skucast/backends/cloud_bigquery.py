"""BigQuery clients, made in one place: every call bounded in time, for the real service or for a stand-in."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from google.api_core.exceptions import DeadlineExceeded, ServiceUnavailable
from google.api_core.retry import Retry
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_JOB_RETRY, DEFAULT_RETRY
from google.cloud.bigquery_storage_v1 import BigQueryReadClient

from skucast.backends.cloud import anonymous, bound_client, credentials
from skucast.backends.cloud_refusals import PASSING, is_rate_limited, reasons_of
from skucast.backends.deadline import within
from skucast.core.places import Endpoints

_is_passing_by_library: Callable[[Exception], bool] = DEFAULT_RETRY._predicate  # noqa: SLF001 - it has no other door
_RETRY = DEFAULT_RETRY.with_predicate(
    lambda error: _is_passing_by_library(error) or is_rate_limited(error) or bool(reasons_of(error) & PASSING)
)

_MAX_MESSAGE = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class BoundedClient(bigquery.Client):
    """A BigQuery client whose every call has a timeout and a deadline, and that knows where its Storage API is."""

    def __init__(
        self, *, timeout_s: float, deadline_s: float, read_client: Callable[[], Any] | None, **parts: Any
    ) -> None:
        super().__init__(**parts)
        bound_client(self)
        self.bytes_processed = 0
        self.has_storage_api = read_client is not None
        self._timeout_s = timeout_s
        self._deadline_s = deadline_s
        self._read_client = read_client

    def query_and_wait(self, *parts: Any, **options: Any) -> Any:
        """Run a query as the base class does, counting the bytes it processed."""
        # The library wraps these two around `_call_api`; on their own they last ten and twenty minutes.
        bounded = {
            "retry": _RETRY.with_timeout(self._deadline_s),
            "job_retry": DEFAULT_JOB_RETRY.with_timeout(self._deadline_s),
        }
        with within(time.monotonic() + self._deadline_s):
            rows = super().query_and_wait(*parts, **{**options, **bounded})
        self.bytes_processed += rows.total_bytes_processed or 0
        return rows

    def _call_api(self, retry: Any, *parts: Any, **options: Any) -> Any:
        # The library passes None, which means for ever, wherever its caller gives no timeout (pandas-gbq gives none),
        # and at least two minutes where it asks for results. The service answers these within ten seconds, done or not.
        given = options.get("timeout")
        options["timeout"] = min(given, self._timeout_s) if isinstance(given, int | float) else self._timeout_s
        bounded = retry.with_timeout(self._deadline_s) if retry else retry
        with within(time.monotonic() + self._deadline_s):
            return super()._call_api(bounded, *parts, **options)

    def _ensure_bqstorage_client(self, *_: Any, **__: Any) -> Any:
        # What to_dataframe() asks for; on its own it would dial the real service whatever this client talks to.
        return self._read_client() if self._read_client else None


def bigquery_client(
    project: str, endpoints: Endpoints, *, timeout_s: float, deadline_s: float, max_bytes_billed: int = 0
) -> BoundedClient:
    """Return a BigQuery client of the project, its calls bounded, and what each of its queries may bill (0 = anything).

    Raises:
        InputError: no credentials are found.
    """
    # Of the client, so that no query can be forgotten: the library joins it to the settings of each.
    limit = bigquery.QueryJobConfig(maximum_bytes_billed=max_bytes_billed) if max_bytes_billed else None
    bounds: dict[str, Any] = {"timeout_s": timeout_s, "deadline_s": deadline_s, "default_query_job_config": limit}
    if endpoints.bigquery is None:
        found = credentials(with_drive=True)
        reader = partial(_read_client, deadline_s, credentials=found)
        return BoundedClient(project=project, credentials=found, read_client=reader, **bounds)
    options = {"api_endpoint": endpoints.bigquery}
    storage = endpoints.bigquery_storage
    stand_in = partial(_stand_in_read_client, storage, deadline_s) if storage else None
    return BoundedClient(
        project=project, credentials=anonymous(), client_options=options, read_client=stand_in, **bounds
    )


class _BoundedReadClient(BigQueryReadClient):
    """A Storage API client for one result, all of whose calls end at one deadline.

    The library's sessions may take ten minutes, its streams a day, and a broken stream is opened again for ever.
    """

    until = 0.0

    def create_read_session(self, *parts: Any, **options: Any) -> Any:
        return super().create_read_session(*parts, **{**options, **self._bounds()})

    def read_rows(self, *parts: Any, **options: Any) -> Any:
        return super().read_rows(*parts, **{**options, **self._bounds()})  # type: ignore[no-untyped-call]

    def _bounds(self) -> dict[str, Any]:
        return {"retry": _STORAGE_RETRY.with_timeout(self._left()), "timeout": self._in_time}

    def _in_time(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Give every call, also one that opens a stream again, the time that is left."""

        def bounded(*parts: Any, **options: Any) -> Any:
            return call(*parts, **{**options, "timeout": self._left()})

        return bounded

    def _left(self) -> float:
        left = self.until - time.monotonic()
        if left <= 0:
            raise DeadlineExceeded("the Storage API gave no complete answer in time")
        return left


def _is_passing(error: Exception) -> bool:
    """Whether the Storage API may answer another try."""
    return isinstance(error, ServiceUnavailable) or is_rate_limited(error)


_STORAGE_RETRY = Retry(predicate=_is_passing, initial=0.1, maximum=10.0)


def _read_client(deadline_s: float, **parts: Any) -> _BoundedReadClient:
    client = _BoundedReadClient(**parts)
    client.until = time.monotonic() + deadline_s
    return client


def _stand_in_read_client(endpoint: str, deadline_s: float) -> _BoundedReadClient:
    import grpc
    from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

    channel = grpc.insecure_channel(endpoint, options=_MAX_MESSAGE)
    return _read_client(deadline_s, transport=BigQueryReadGrpcTransport(channel=channel))
