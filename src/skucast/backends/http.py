"""Services that are asked over plain HTTP: tried again where that may help, for a bounded time, their secrets kept.

The weather service and the webhook are such, and this is the only file that imports `requests` for them, when there is
something to ask: most runs have nothing. Google's libraries try again by themselves.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from skucast.runtime.logs import kept_out_of_logs

if TYPE_CHECKING:
    from requests import Response, Session

PASSING = (429, 500, 502, 503, 504)
"""Statuses that may be gone the next time."""

MOST_BYTES = 16 * 1024 * 1024
"""Of an answer, unpacked: four years of days at a place are some 100 kB."""

NOT_DONE = (429, 503)
"""Those of them that say that nothing was done."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body of an answer, or the kind of the error that has kept it from coming.

    Never the error itself: its text holds the address, and who raised another one in its place would carry it along.
    `was_sent` is False where no connection came about: then the request has done nothing.
    """

    status: int = 0
    body: bytes = b""
    error: type[Exception] | None = None
    was_sent: bool = True
    after_s: float = 0.0

    @property
    def trouble(self) -> str | None:
        """What has kept the answer from coming, in words; None if it came."""
        if self.error is None:
            return None
        import requests
        from urllib3.exceptions import ReadTimeoutError

        from skucast.backends.deadline import BodyTooLarge

        after = f"given up after {self.after_s:.1f} s"
        if issubclass(self.error, (requests.Timeout, ReadTimeoutError)):
            return f"no answer in time, {after}"
        if issubclass(self.error, requests.ConnectionError):
            return f"no connection, or no answer in time, {after}" if self.was_sent else f"no connection, {after}"
        if issubclass(self.error, BodyTooLarge):
            return f"an answer of more than {MOST_BYTES:,} bytes"
        return f"{self.error.__name__}, {after}"


def ask(
    method: str,
    url: str,
    *,
    tries: int,
    pause_s: float,
    pause_max_s: int,
    timeout_s: float | tuple[float, float],
    secrets: Sequence[str | None],
    until: float,
    only_once: bool = False,
    **request: Any,
) -> Answer:
    """Send the request, up to `tries` times, and return the last answer whatever its status; no redirect is followed.

    Args:
        method: of the request, `GET` or `POST`; it may arrive twice when its answer was lost.
        url: where to.
        tries: how often at the most.
        pause_s: before the second try, doubled for each later one.
        pause_max_s: the longest pause, also where the service asks for a longer one.
        timeout_s: silence after which a try counts as lost; a pair gives the time to connect its own.
        secrets: what is in none of the library's log lines.
        until: the moment (monotonic) at which all is over: every try, every pause, the last byte of the body.
        only_once: try again only where the service has said, or cannot but have, that the request did nothing.
        request: what `requests` takes besides: `params`, `json`.
    """
    import requests
    from urllib3.exceptions import HTTPError

    from skucast.backends.deadline import within

    began = time.monotonic()
    session = _session(method, tries, pause_s, pause_max_s, only_once=only_once)
    try:
        with kept_out_of_logs(*secrets), session, within(until):
            answer = session.request(method, url, timeout=timeout_s, stream=True, allow_redirects=False, **request)
            return Answer(answer.status_code, _body(answer))
    except (requests.RequestException, HTTPError, OSError, ValueError) as error:  # HTTPError: the body breaks off
        return Answer(error=type(error), was_sent=not _is_unsent(error), after_s=time.monotonic() - began)


def _is_unsent(error: Exception) -> bool:
    import requests
    from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

    if isinstance(error, requests.ConnectTimeout):
        return True
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(reason, (NewConnectionError, ConnectTimeoutError))


def _session(method: str, tries: int, pause_s: float, pause_max_s: int, *, only_once: bool) -> Session:
    import requests

    from skucast.backends.deadline import BoundedRetry, bounded

    retry = BoundedRetry(
        total=tries - 1,
        read=0 if only_once else None,
        other=0 if only_once else None,
        status_forcelist=NOT_DONE if only_once else PASSING,
        allowed_methods={method},
        backoff_factor=pause_s,
        backoff_max=pause_max_s,
        retry_after_max=pause_max_s,
        raise_on_status=False,
    )
    session: Session = bounded(requests.Session(), max_retries=retry)
    return session


def _body(answer: Response) -> bytes:
    """The body, unpacked a piece at a time: of one that is too large no more is held than shows that."""
    from skucast.backends.deadline import refuse_announced, refuse_larger

    refuse_announced(answer.headers.get("Content-Length"), MOST_BYTES)
    pieces, n_bytes = [b""], 0
    while piece := answer.raw.read1(64 * 1024, decode_content=True):
        pieces.append(piece)
        n_bytes += len(piece)
        refuse_larger(n_bytes, MOST_BYTES)
    return b"".join(pieces)
