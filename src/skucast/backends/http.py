"""A session for services that are asked over plain HTTP: tried again where that may help, for a bounded time."""

from __future__ import annotations

from requests import Session
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

PASSING = (429, 500, 502, 503, 504)
"""Statuses that may be gone the next time."""


def retrying_session(method: str, *, tries: int, pause_s: float, pause_max_s: int) -> Session:
    """Return a session that sends one kind of request, up to `tries` times.

    Args:
        method: the only one that is tried again.
        tries: how often at the most; the last answer is returned whatever its status.
        pause_s: before the second try, doubled for each later one.
        pause_max_s: the longest pause, also where the service asks for a longer one.
    """
    retry = Retry(
        total=tries - 1,
        status_forcelist=PASSING,
        allowed_methods={method},
        backoff_factor=pause_s,
        backoff_max=pause_max_s,
        retry_after_max=pause_max_s,
        raise_on_status=False,
    )
    session = Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    return session
