"""Where Google Cloud is and who asks: endpoints, credentials and the Cloud Storage client. BigQuery's is beside it."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from skucast.backends.cloud_refusals import is_kept, is_over_quota, is_rate_limited, way_out
from skucast.core.errors import InputError, ObjectKept, StoreError
from skucast.core.places import Endpoints

if TYPE_CHECKING:
    from google.api_core.retry import Retry
    from google.cloud.storage import Client as StorageClient

_CLOUD = "https://www.googleapis.com/auth/cloud-platform"
_DRIVE = "https://www.googleapis.com/auth/drive.readonly"

IDENTITY_WITHIN_S = 30.0
"""Time for one request for a token with its tries."""

POOL_SIZE = 32
"""HTTP connections kept per client: one per thread that loads or saves models."""


def storage_client(endpoints: Endpoints) -> StorageClient:
    """Return a Cloud Storage client with enough connections for the threads that load models.

    Raises:
        InputError: no credentials are found.
    """
    from google.cloud import storage

    if endpoints.storage is None:
        client = storage.Client(project=None, credentials=credentials())  # buckets are found without one
    else:
        options = {"api_endpoint": endpoints.storage}
        client = storage.Client(project="stand-in", credentials=anonymous(), client_options=options)
    bound_client(client, pool_connections=POOL_SIZE, pool_maxsize=POOL_SIZE)
    # It would ask for each bucket's metadata behind our back, for traces that we do not have: 403s in the bucket's log.
    client._bucket_metadata_cache = None  # noqa: SLF001 - the only other way is a variable of the environment
    return client


def bound_client(client: Any, **pool: Any) -> None:
    """Give every request of a client of Google's, and of its signing in, an end and a size."""
    from skucast.backends.deadline import bounded

    session = bounded(client._http, **pool)  # noqa: SLF001 - the documented way to mount an adapter
    session._auth_request = identity_request()  # noqa: SLF001 - its parameter is out of reach in the client


def identity_request() -> Any:
    """Return what asks for an identity's tokens: the metadata server, or the service that signs in."""
    from google.auth.transport.requests import Request
    from requests import Session

    from skucast.backends.deadline import MOST_BYTES_OF_REFUSAL, BoundedRetry, bounded

    retry = BoundedRetry(3, allowed_methods=None, redirect=0, raise_on_status=False)
    session = bounded(Session(), longest_s=IDENTITY_WITHIN_S, most_bytes=MOST_BYTES_OF_REFUSAL, max_retries=retry)
    return Request(session)


def storage_retry(deadline_s: float) -> Retry:
    """Return how Cloud Storage calls are tried again: what the library chooses, and rates; pauses grow."""
    from google.cloud.storage.retry import DEFAULT_RETRY

    by_library: Any = DEFAULT_RETRY._predicate  # noqa: SLF001 - it has no other door

    def is_passing(error: Exception) -> bool:
        return not is_over_quota(error) and (by_library(error) or is_rate_limited(error))

    retry: Retry = DEFAULT_RETRY.with_predicate(is_passing).with_delay(initial=0.25, maximum=15.0, multiplier=2.0)
    return retry.with_timeout(deadline_s)


@contextlib.contextmanager
def storage_errors(bucket: str, permission: str, until: float = math.inf) -> Iterator[None]:
    """Turn what the client raises into one line that says what to do; 404, 412 and damaged content are the caller's.

    All requests of the block are over at the moment `until` (monotonic).

    Raises:
        InputError: the identity is not accepted, or may not do this.
        ObjectKept: a retention policy or a hold is on the object.
        StoreError: no usable answer.
    """
    from google.api_core import exceptions as api
    from google.auth.exceptions import GoogleAuthError
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError

    from skucast.backends.deadline import within

    try:
        with within(until):
            yield
    except (api.NotFound, api.PreconditionFailed):
        raise
    except (api.Forbidden, api.TooManyRequests) as error:
        if is_kept(error):
            raise ObjectKept(
                f"gs://{bucket}: a retention policy or a hold keeps an object as it is ({_reason(error)}); "
                "take it off, or use another bucket"
            ) from None
        if is_over_quota(error):
            raise InputError(
                f"gs://{bucket}: {permission} was refused ({_reason(error)}): a quota is used up; run it again later"
            ) from None
        to_do = way_out(error)
        if to_do is not None:
            raise InputError(f"gs://{bucket}: {to_do} ({_reason(error)})") from None
        raise InputError(
            f"gs://{bucket}: {permission} was refused ({_reason(error)}); is it granted on this bucket?"
        ) from None
    except (api.Unauthorized, GoogleAuthError) as error:
        if is_lost_signing_in(error):
            raise StoreError(f"gs://{bucket}: no usable answer to {permission} ({_reason(error)})") from None
        raise InputError(
            f"gs://{bucket}: the credentials were not accepted for {permission} ({_reason(error)})"
        ) from None
    except (api.GoogleAPIError, RequestException, HTTPError, ConnectionError) as error:
        raise StoreError(f"gs://{bucket}: no usable answer to {permission} ({_reason(error)})") from None
    except (AttributeError, LookupError, TypeError, ValueError) as error:  # what Google's library makes of it
        why = f"it is none of Cloud Storage's: {_reason(error)}"
        raise StoreError(f"gs://{bucket}: no usable answer to {permission} ({why})") from None


def refuse_not_stored(blob: Any) -> None:
    """Refuse an answer to an upload that names no generation: something else than Cloud Storage has taken the object.

    Raises:
        ValueError: inside of `storage_errors`, which makes it no usable answer.
    """
    if blob.generation is None:
        raise ValueError("it does not say that the object is stored")


def is_lost_signing_in(error: BaseException) -> bool:
    """Return whether the request was lost on the way to the identity's token: worth another try, never a refusal."""
    from google.auth.exceptions import GoogleAuthError, TransportError

    return isinstance(error, TransportError) or (isinstance(error, GoogleAuthError) and error.retryable)


def no_bucket(bucket: str) -> InputError:
    """Return the error for a bucket that does not exist."""
    return InputError(f"gs://{bucket}: there is no such bucket; create it, or correct the setting that names it")


def _reason(error: Any) -> str:
    """Return in one line what the service or the connection said."""
    cause = getattr(error, "cause", None) or error  # of what was tried again until the deadline
    response: Any = getattr(cause, "response", None)
    with contextlib.suppress(AttributeError, KeyError, TypeError, ValueError):
        return f"{response.status_code} {response.json()['error']['message']}"
    lines = str(cause).splitlines()
    return lines[0][:300] if lines else type(cause).__name__


def credentials(*, with_drive: bool = False) -> Any:
    """Return the Application Default Credentials; an account of a service may look into Drive as well, if asked for.

    A table of BigQuery may be a Google Sheet. A person's login has the scopes that it was made with, and no others.

    Raises:
        InputError: there are none.
    """
    import google.auth
    from google.auth.credentials import Scoped
    from google.auth.exceptions import DefaultCredentialsError

    try:
        found, _ = google.auth.default(request=identity_request())
    except DefaultCredentialsError as error:
        raise InputError(
            f"no Google Cloud credentials ({_reason(error)}): on Cloud Run give the job a service account, "
            "elsewhere run `gcloud auth application-default login`"
        ) from None
    if not isinstance(found, Scoped):
        return found
    is_account = getattr(found, "service_account_email", None) is not None
    return found.with_scopes([_CLOUD, _DRIVE] if with_drive and is_account else [_CLOUD])  # type: ignore[no-untyped-call]


def access_token() -> str:
    """Return the token of the identity that this process runs as, good for some minutes at least.

    Raises:
        InputError: there are no credentials, or they are not accepted.
    """
    from google.auth.exceptions import GoogleAuthError

    found = credentials()
    try:
        found.refresh(identity_request())
    except GoogleAuthError as error:
        raise InputError(f"the credentials were not accepted ({_reason(error)})") from None
    return str(found.token)


def anonymous() -> Any:
    """Return the credentials for a stand-in, which asks for none."""
    from google.auth.credentials import AnonymousCredentials

    return AnonymousCredentials()
