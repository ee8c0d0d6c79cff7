"""What the clients of BigQuery raise: lost, a conflict or a refusal, and the line that says what to do about it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from google.api_core import exceptions as api
from google.api_core.retry import Retry
from google.auth.exceptions import GoogleAuthError
from requests.exceptions import RequestException

from skucast.backends.cloud import is_lost_signing_in
from skucast.backends.cloud_refusals import PASSING, is_over_quota, is_rate_limited, reasons_of, way_out
from skucast.core.errors import InputError, WarehouseError

_LOST = (
    api.TooManyRequests,
    api.InternalServerError,
    api.BadGateway,
    api.ServiceUnavailable,
    api.GatewayTimeout,
    RequestException,
    ConnectionError,
)
_NO_IDENTITY = (api.Forbidden, api.Unauthorized, GoogleAuthError)
_CONFLICT = ("concurrent update", "serialize access", "failed to commit", "transaction is aborted")

_WRONG_KIND = re.compile(
    r"bad \w+ value|invalid (date|datetime|timestamp|numeric|bignumeric|cast)\b|(could not|cannot) (cast|convert)"
    r"|no matching signature|field format|casting from source column|unimplemented type for cast",
    re.IGNORECASE,
)

FAILURES = (api.GoogleAPIError, *_NO_IDENTITY, *_LOST, TimeoutError)
"""Everything that a call may end with, all of which `explanation` can say."""

PAUSES_S = (0.2, 10.0)
"""The first and the longest pause before another try; each may be twice as long as the one before."""

TOO_DEAR = "bytesBilledLimitExceeded"
"""The service's reason where a query would bill more than it may."""

TWICE = "skucast: this batch was appended before"
"""What the append's own assertion says; the service hands it back as the reason of a failed job."""


SUPERSEDED = "skucast: a run that read later has published"
"""What a publish's own assertion says, likewise."""


class Later(Exception):
    """A run that read its inputs later has published the slice."""


class Conflict(WarehouseError):
    """Another transaction changed the same table first."""


class Gone(WarehouseError):
    """A table that is read is not there."""


class WrongKind(InputError):
    """A table that others keep holds other values than its column is for."""


class Twice(Exception):
    """The batch was appended by somebody else between the check and the transaction."""


def is_lost(error: BaseException) -> bool:
    """Return whether another try is worth it: lost on the way, or asked too fast; no refusal, no used up quota."""
    if is_over_quota(error):
        return False
    is_passing = is_rate_limited(error) or bool(reasons_of(error) & PASSING)
    return isinstance(error, _LOST) or is_lost_signing_in(error) or is_passing


def is_conflict(error: BaseException) -> bool:
    """Return whether another writer was first; what was asked had no effect."""
    return isinstance(error, api.BadRequest | api.Aborted) and any(sign in str(error).lower() for sign in _CONFLICT)


def is_passing(error: BaseException) -> bool:
    """Return whether a call about a table is worth another try; a job is not just asked for again after a conflict."""
    return is_lost(error) or is_conflict(error)


def tried_again(worth_it: Callable[[BaseException], bool], deadline_s: float) -> Retry:
    """Return how the library tries again what is worth it, until the deadline."""
    first_s, longest_s = PAUSES_S
    return Retry(predicate=worth_it, timeout=deadline_s, initial=first_s, maximum=longest_s)


def explanation(
    error: BaseException, permission: str, what: str, deadline_s: float, since: float | None = None
) -> Exception:
    """Return the error to raise instead: what the failure means, in one line.

    `since` is when it was asked (monotonic): who gave up before the deadline says after how long.
    """
    text = short(error)
    if TOO_DEAR in reasons_of(error):
        return InputError(f"{what}: it would bill more bytes than MAX_BYTES_BILLED allows, and billed none ({text})")
    if is_over_quota(error):
        return WarehouseError(f"{what}: over quota ({text}); run it again later")
    if is_lost(error) or isinstance(error, (api.RetryError, TimeoutError)):
        return WarehouseError(f"{what}: no usable answer {_how_long(deadline_s, since)} ({text})")
    to_do = way_out(error)
    if to_do is not None:
        return InputError(f"{what}: {to_do} ({text})")
    if isinstance(error, _NO_IDENTITY):
        named = re.search(r"bigquery\.[a-z]+\.[A-Za-z]+", text)  # the service knows best, where it says so
        return InputError(f"{what}: {named[0] if named else permission} is missing or refused ({text})")
    if isinstance(error, api.NotFound):
        return Gone(f"{what}: a table is gone; run it again ({text})")
    if isinstance(error, (api.BadRequest, api.Aborted)):
        if is_conflict(error):
            return Conflict(f"{what}: another writer was first; run it again ({text})")
        if _WRONG_KIND.search(text):
            return WrongKind(f"{what}: a column is not of the expected kind ({text}); correct it at the source")
        if SUPERSEDED in str(error):
            return Later()
        return Twice() if TWICE in str(error) else WarehouseError(f"{what}: refused ({text})")
    return WarehouseError(f"{what}: {text}")


def _how_long(deadline_s: float, since: float | None) -> str:
    passed_s = deadline_s if since is None else time.monotonic() - since
    if passed_s >= deadline_s / 4:  # pauses double: no time was left for the next one
        return f"within {deadline_s:g} s"
    return f"after {passed_s:.1f} s, and no other try"


def short(error: BaseException) -> str:
    """Return what the error says, in one line of bounded length."""
    return " ".join(str(error).split())[:300]
