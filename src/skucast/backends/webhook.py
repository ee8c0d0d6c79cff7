"""A webhook that takes messages as Slack's do: JSON with one text. Its address is a secret and is never shown."""

from __future__ import annotations

import time
from html import escape
from urllib.parse import urlsplit

from skucast.backends.http import ask
from skucast.core.errors import SkucastError

TIMEOUT_S = 10.0
DEADLINE_S = 60.0
"""Time for an answer that comes, but only drop by drop."""

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
    # A message may arrive twice when its answer was lost; that is better than not at all.
    answer = ask(
        "POST",
        url,
        tries=TRIES,
        pause_s=PAUSE_S,
        pause_max_s=PAUSE_MAX_S,
        timeout_s=TIMEOUT_S,
        until=time.monotonic() + DEADLINE_S,
        secrets=(url, urlsplit(url).path.lstrip("/")),
        json={"text": escape(text[:MAX_CHARACTERS], quote=False)},
    )
    if not 200 <= answer.status < 300:
        problem = answer.error.__name__ if answer.error else f"status {answer.status}"
        trouble = f": {answer.trouble}" if answer.trouble else ""
        raise WebhookError(f"ALERT_WEBHOOK_URL: the digest was not delivered ({problem}){trouble}; check the address")
