"""Cloud Run's API: one call, that starts an execution of a job with variables of its own."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from skucast.backends.cloud import access_token
from skucast.backends.http import NOT_DONE, ask
from skucast.core.errors import InputError, SkucastError

SERVICE = "https://run.googleapis.com"
TRIES = 4
PAUSE_S, PAUSE_MAX_S = 1.0, 10
CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 5.0, 60.0
DEADLINE_S = 120.0

_FLAG = re.compile(r"--(region|project)[ =]([a-z][a-z0-9-]+)")


class NotStarted(SkucastError):
    """Cloud Run has started nothing; says why."""


class MaybeStarted(SkucastError):
    """Nobody knows whether Cloud Run has started something: its answer was lost."""


@dataclass(frozen=True)
class CloudJob:
    """A job of Cloud Run and where it is."""

    name: str
    region: str
    project: str

    @staticmethod
    def of(text: str) -> CloudJob:
        """Return the job that RETRAIN_JOB names.

        Raises:
            NotStarted: it does not say where the job is.
        """
        flags = dict(_FLAG.findall(text))
        try:
            return CloudJob(text.split(maxsplit=1)[0], flags["region"], flags["project"])
        except KeyError as missing:
            raise NotStarted(f"RETRAIN_JOB: found {text!r}, without --{missing.args[0]}") from None

    @property
    def path(self) -> str:
        """What the API calls it."""
        return f"projects/{self.project}/locations/{self.region}/jobs/{self.name}"


def start_execution(job: CloudJob, variables: Mapping[str, str], endpoint: str | None) -> str:
    """Start the job once with these variables over its own and return the execution's name, which may be unknown ("").

    `endpoint` is a stand-in for the service, which asks for no identity. What may have started something is never sent
    again.

    Raises:
        NotStarted: no connection, a refusal, or the service is busy.
        MaybeStarted: an answer that was lost or is none.
    """
    token = None if endpoint else _token()
    overrides = {"containerOverrides": [{"env": [{"name": name, "value": text} for name, text in variables.items()]}]}
    answer = ask(
        "POST",
        f"{endpoint or SERVICE}/v2/{job.path}:run",
        tries=TRIES,
        pause_s=PAUSE_S,
        pause_max_s=PAUSE_MAX_S,
        timeout_s=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
        until=time.monotonic() + DEADLINE_S,
        secrets=(token,),
        only_once=True,
        headers={} if token is None else {"Authorization": f"Bearer {token}"},
        json={"overrides": overrides},
    )
    if answer.error is not None:
        wrong = MaybeStarted if answer.was_sent else NotStarted
        raise wrong(f"{job.path}: {answer.trouble}")
    if 200 <= answer.status < 300:
        return _execution(answer.body)
    if 400 <= answer.status < 500 or answer.status in NOT_DONE:
        raise NotStarted(f"{job.path}: refused, status {answer.status}{_said(answer.body)}")
    raise MaybeStarted(f"{job.path}: no usable answer, status {answer.status}{_said(answer.body)}")


def _token() -> str:
    try:
        return access_token()
    except InputError as error:
        raise NotStarted(str(error)) from None


def _execution(body: bytes) -> str:
    """The name of the execution in the operation that the service answers with."""
    with suppress(ValueError, KeyError, TypeError, AttributeError):
        return str(json.loads(body)["metadata"]["name"]).rpartition("/")[2]
    return ""


def _said(body: bytes) -> str:
    with suppress(ValueError, KeyError, TypeError):
        return f": {' '.join(str(json.loads(body)['error']['message']).split())[:300]}"
    return ""
