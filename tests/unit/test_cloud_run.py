"""The call that starts an execution: once, with its variables, and what is known when its answer does not come."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from a_cloud import CloudRun

from skucast.backends import cloud_run
from skucast.backends.cloud_run import TRIES, CloudJob, MaybeStarted, NotStarted, start_execution

JOB = CloudJob("retrain-models", "asia-south1", "a-project")
TARGETS = {"TARGET_COMBINATIONS": "Пермь/KA/A1, Пермь/KA/B2"}

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloud_run, "PAUSE_S", 0.0)


@pytest.fixture
def service() -> Iterator[CloudRun]:
    """Return a Cloud Run that starts everything."""
    server = CloudRun(200)
    yield server
    server.stop()


def test_the_job_is_started_with_these_variables(service: CloudRun) -> None:
    """By the path of the API's second version; the answer names the execution; a stand-in is shown no identity."""
    assert start_execution(JOB, TARGETS, service.url) == "again-1"
    assert service.paths == ["/v2/projects/a-project/locations/asia-south1/jobs/retrain-models:run"]
    assert service.variables() == TARGETS
    assert "Authorization" not in service.headers[0]


def test_the_service_itself_is_shown_the_identity(service: CloudRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its token goes along as a header."""
    monkeypatch.setattr(cloud_run, "SERVICE", service.url)
    monkeypatch.setattr(cloud_run, "access_token", lambda: "a-token")
    start_execution(JOB, TARGETS, None)
    assert service.headers[0]["Authorization"] == "Bearer a-token"


@pytest.mark.parametrize("status", [429, 503])
def test_what_says_that_it_did_nothing_is_asked_again(service: CloudRun, status: int) -> None:
    """And has started nothing when it goes on saying so."""
    service.statuses[:] = [status, 200]
    assert start_execution(JOB, TARGETS, service.url) == "again-2"
    service.statuses[:] = [status]
    with pytest.raises(NotStarted, match=f"status {status}"):
        start_execution(JOB, TARGETS, service.url)
    assert len(service.paths) == 2 + TRIES


@pytest.mark.parametrize("status", [0, 500, 504])
def test_what_may_have_started_something_is_sent_once(service: CloudRun, status: int) -> None:
    """A connection that breaks off (0), or an error after who knows what."""
    service.statuses[:] = [status]
    with pytest.raises(MaybeStarted, match="jobs/retrain-models: no"):
        start_execution(JOB, TARGETS, service.url)
    assert len(service.paths) == 1


def test_a_refusal_is_said_as_the_service_says_it(service: CloudRun) -> None:
    """One line, and no second try."""
    service.statuses[:] = [403]
    with pytest.raises(NotStarted, match=r"refused, status 403: Permission 'run\.jobs\.runWithOverrides' denied"):
        start_execution(JOB, TARGETS, service.url)
    assert len(service.paths) == 1


def test_without_a_connection_nothing_is_started() -> None:
    """Nobody listens there: that is known for sure."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(NotStarted, match="no connection"):
        start_execution(JOB, TARGETS, f"http://127.0.0.1:{port}")


def test_a_job_is_named_with_its_place() -> None:
    """As an alert's command has it; without region or project nobody knows which one it is."""
    assert CloudJob.of("again --region=eu-west1 --project a-project") == CloudJob("again", "eu-west1", "a-project")
    with pytest.raises(NotStarted, match="without --project"):
        CloudJob.of("again --region eu-west1")
