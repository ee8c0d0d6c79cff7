"""A webhook that takes messages as Slack's do: JSON with one text. Its address is a secret and is never shown."""

from __future__ import annotations

from html import escape
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from skucast.backends.http import retrying_session
from skucast.core.errors import SkucastError
from skucast.runtime.logs import kept_out_of_logs

TIMEOUT_S = 10.0
TRIES = 3
PAUSE_S, PAUSE_MAX_S = 0.5, 5
"""Before the second try, doubled for each later one."""
MAX_CHARACTERS = 30_000
"""Slack cuts longer texts off at 40,000."""


class WebhookError(SkucastError):
    """The webhook did not take the message; nothing else depends on it."""


def post(url: str, text: str) -> None:
    """Send the text; what a chat would read as a link or a mention of people arrives as the text that it is.

    Raises:
        WebhookError: no answer, or a refusal, said without the address.
    """
    problem = _problem(url, escape(text[:MAX_CHARACTERS], quote=False))
    # Raised here and not where it was caught: the library's error holds the address, and would be this one's context.
    if problem is not None:
        raise WebhookError(f"ALERT_WEBHOOK_URL: the digest was not delivered ({problem}); check the address")


def _problem(url: str, text: str) -> str | None:
    try:
        # A message may arrive twice when its answer was lost; that is better than not at all.
        session = retrying_session("POST", tries=TRIES, pause_s=PAUSE_S, pause_max_s=PAUSE_MAX_S)
        with kept_out_of_logs(url, urlsplit(url).path.lstrip("/")), session:
            answer = session.post(url, json={"text": text}, timeout=TIMEOUT_S, allow_redirects=False)
    except (requests.RequestException, HTTPError) as error:
        return type(error).__name__
    return None if 200 <= answer.status_code < 300 else f"status {answer.status_code}"
