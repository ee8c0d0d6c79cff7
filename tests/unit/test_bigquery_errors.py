"""What BigQuery's clients raise, said in one line each; what pandas-gbq wraps is said like the rest."""

from __future__ import annotations

import re

import pandas_gbq
import pytest
from google.api_core import exceptions as api
from google.auth.exceptions import RefreshError, TransportError
from pandas_gbq.gbq_connector import GbqConnector

from skucast.backends.warehouse.bigquery import reading
from skucast.backends.warehouse.bigquery.errors import TWICE, Conflict, Gone, Twice, explanation
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
    "refused": (api.BadRequest("no such column"), WarehouseError, r"refused \(400 no such column\)"),
}


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


def test_refused_credentials_are_the_identity_s() -> None:
    """As pandas-gbq says it: a missing permission of ours, not a failure of the service."""
    error = reading._unwrapped(pandas_gbq.exceptions.AccessDenied("expired"))
    assert type(explanation(error, "bigquery.jobs.create", "read sales", 9.0)) is InputError


def test_the_library_still_asks_through_what_the_reader_overrides() -> None:
    """A release of pandas-gbq that asks for sizes otherwise is noticed here; the library itself is as it came."""
    assert GbqConnector.get_client.__module__ == GbqConnector.__module__
    assert reading._Connector.get_client.__name__ in GbqConnector._download_results.__code__.co_names
