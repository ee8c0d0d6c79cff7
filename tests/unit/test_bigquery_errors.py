"""What BigQuery's clients raise, said in one line each; what pandas-gbq wraps is said like the rest."""

from __future__ import annotations

import re

import pandas_gbq
import pytest
from google.api_core import exceptions as api
from google.auth.exceptions import RefreshError, TransportError
from pandas_gbq.gbq_connector import GbqConnector

from skucast.backends.warehouse.bigquery import errors, reading
from skucast.backends.warehouse.bigquery.errors import TWICE, Conflict, Gone, Twice, WrongKind, explanation, is_lost
from skucast.core.errors import InputError, WarehouseError

SAID = {
    "lost": (api.ServiceUnavailable("later\nperhaps"), WarehouseError, "no usable answer within 9 s .*later perhaps"),
    "lost on the way to the token": (TransportError("no way"), WarehouseError, "no usable answer within 9 s"),
    "a token that may come": (RefreshError("busy", retryable=True), WarehouseError, "no usable answer within 9 s"),
    "no token": (RefreshError("revoked"), InputError, "bigquery.jobs.create is missing or refused .*revoked"),
    "over quota": (api.Forbidden("Quota exceeded: x"), WarehouseError, "over quota .*; run it again later"),
    "no permission": (api.Forbidden("lacks bigquery.tables.get"), InputError, "bigquery.tables.get is missing"),
    "gone": (api.NotFound("Table t"), Gone, "a table is gone; run it again"),
    "a conflict": (api.BadRequest("due to concurrent update"), Conflict, "another writer was first; run it again"),
    "appended before": (api.BadRequest(f"failed: {TWICE}"), Twice, ""),
    "another kind": (
        api.BadRequest("Bad double value: 5,5"),
        WrongKind,
        "a column is not of the expected kind .*5,5.*; correct it at the source",
    ),
    "refused": (api.BadRequest("no such column"), WarehouseError, r"refused \(400 no such column\)"),
}


REASONS = {
    "rate": ("rateLimitExceeded", "Exceeded rate limits: too many table update operations", True),
    "rate of jobs": ("jobRateLimitExceeded", "Exceeded rate limits: too many concurrent queries", True),
    "rate by the minute": ("rateLimitExceeded", "Quota exceeded for quota metric 'requests' per minute", True),
    "quota": ("quotaExceeded", "Quota exceeded: Your table exceeded quota for imports", False),
    "own quota": ("quotaExceeded", "Custom quota exceeded: Your project exceeded the custom quota", False),
    "permission": ("accessDenied", "Access Denied: Permission bigquery.tables.get denied", False),
}


@pytest.mark.parametrize(("reason", "text", "is_passing"), REASONS.values(), ids=REASONS)
@pytest.mark.parametrize("status", [403, 429])
def test_rates_pass_and_quotas_do_not(status: int, reason: str, text: str, is_passing: bool) -> None:
    """Asked too fast is asked again, whatever status it comes with; a used up quota is said at once."""
    error = api.from_http_status(status, text, errors=[{"reason": reason, "message": text}])
    assert is_lost(error) is (is_passing or (status == 429 and reason == "accessDenied"))
    said = str(explanation(error, "bigquery.jobs.create", "load", 9.0))
    assert ("over quota" in said) is (reason == "quotaExceeded")


@pytest.mark.parametrize("reason", ["jobRateLimitExceeded", "jobBackendError", "jobInternalError", "tableUnavailable"])
def test_failures_of_jobs_that_come_as_bad_requests_pass_too(reason: str) -> None:
    """The service answers 400, but nothing is wrong with what was asked."""
    assert is_lost(api.BadRequest("try again", errors=[{"reason": reason, "message": "try again"}]))
    assert not is_lost(api.BadRequest("no such column", errors=[{"reason": "invalidQuery"}]))


def test_rates_of_the_storage_api_pass_too() -> None:
    """It gives no reasons, but a text."""
    assert is_lost(api.ResourceExhausted("Quota exceeded for quota metric 'CreateReadSession' and limit 'per minute'"))
    assert not is_lost(api.ResourceExhausted("Quota exceeded: Your project exceeded quota for bytes read"))


TO_DO = {
    "billing": (api.Forbidden("Billing has not been enabled for this project. Enable billing at"), "billing is off"),
    "billing account": (api.Forbidden("The billing account for the owning project is disabled"), "billing is off"),
    "the service is off": (api.Forbidden("BigQuery API has not been used in project 1 before"), "enable its API"),
    "scope": (api.Forbidden("Request had insufficient authentication scopes."), "lack an OAuth scope"),
    "Drive": (api.Forbidden("Permission denied while getting Drive credentials."), "share it with the account"),
    "perimeter": (
        api.Forbidden("VPC Service Controls: Request is prohibited by organization's policy. Unique: x"),
        "a service perimeter",
    ),
    "policy": (api.Forbidden("Operation denied by org policy: ['constraints/gcp.x']"), "an organisation policy"),
    "location": (
        api.NotFound("Not found: Dataset p:other was not found in location EU"),
        "has to be in one location",
    ),
    "two locations": (
        api.BadRequest("Cannot read and write in different locations: source: US, destination: EU"),
        "has to be in one location",
    ),
    "partition filter": (
        api.BadRequest("Cannot query over table 'p.d.t' without a filter over column(s) 'date' that can be used"),
        "switch require_partition_filter off",
    ),
    "base of a view": (
        api.Forbidden("Access Denied: Table p:d.t: User does not have permission to query table p:d.t, or perhaps"),
        r"may not be read \(bigquery.tables.getData\)",
    ),
}


@pytest.mark.parametrize(("error", "text"), TO_DO.values(), ids=TO_DO)
def test_what_somebody_has_to_put_right_has_its_own_line(error: Exception, text: str) -> None:
    """It is no missing permission of ours, and no failure that another run mends."""
    said = explanation(error, "bigquery.jobs.create", "read sales", 9.0)
    assert type(said) is InputError
    assert re.match(f"read sales: .*{text}", str(said))
    assert "is missing or refused" not in str(said)


@pytest.mark.parametrize(("error", "kind", "text"), SAID.values(), ids=SAID)
def test_what_the_clients_raise_is_one_line(error: Exception, kind: type[Exception], text: str) -> None:
    """It says what it was about and what to do; only what may pass on its own is no mistake of the user's."""
    said = explanation(error, "bigquery.jobs.create", "read sales", 9.0)
    assert type(said) is kind
    assert "\n" not in str(said)
    assert kind is Twice or re.match(f"read sales: {text}", str(said))


@pytest.mark.parametrize("wrapper", [pandas_gbq.exceptions.GenericGBQException, pandas_gbq.exceptions.QueryTimeout])
def test_what_the_reader_wraps_is_unwrapped(wrapper: type[Exception]) -> None:
    """The service's own error counts, not pandas-gbq's."""
    cause = api.NotFound("Table t")
    wrapped = wrapper("Reason: 404")
    wrapped.__cause__ = cause
    assert reading._unwrapped(wrapped) is cause


def test_a_wait_that_the_reader_gave_up_is_a_time_that_ran_out() -> None:
    """There is no answer of the service behind it."""
    error = reading._unwrapped(pandas_gbq.exceptions.QueryTimeout("Reason: 9 s"))
    assert "no usable answer within 9 s" in str(explanation(error, "bigquery.jobs.create", "read sales", 9.0))


@pytest.mark.parametrize(("passed_s", "words"), [(0.1, "after 0.1 s, and no other try"), (8.0, "within 9 s")])
def test_it_says_how_long_it_was_really_waited_for(
    monkeypatch: pytest.MonkeyPatch, passed_s: float, words: str
) -> None:
    """Who gives up at once does not say that the deadline has passed."""
    monkeypatch.setattr(errors.time, "monotonic", lambda: 100.0 + passed_s)
    said = explanation(api.ServiceUnavailable("later"), "bigquery.jobs.create", "read sales", 9.0, 100.0)
    assert f"read sales: no usable answer {words} (503 later)" in str(said)


def test_refused_credentials_are_the_identity_s() -> None:
    """As pandas-gbq says it: a missing permission of ours, not a failure of the service."""
    error = reading._unwrapped(pandas_gbq.exceptions.AccessDenied("expired"))
    assert type(explanation(error, "bigquery.jobs.create", "read sales", 9.0)) is InputError


def test_the_library_still_asks_through_what_the_reader_overrides() -> None:
    """A release of pandas-gbq that asks for sizes otherwise is noticed here; the library itself is as it came."""
    assert GbqConnector.get_client.__module__ == GbqConnector.__module__
    assert reading._Connector.get_client.__name__ in GbqConnector._download_results.__code__.co_names
