"""Who asks Google Cloud, and what for: scopes of service accounts and of people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import google.auth
import pytest
from google.auth import compute_engine
from google.oauth2 import credentials as people
from google.oauth2 import service_account

from skucast.backends.cloud import credentials

CLOUD = "https://www.googleapis.com/auth/cloud-platform"
DRIVE = "https://www.googleapis.com/auth/drive.readonly"


def account() -> Any:
    """Return the credentials of a service account's key."""
    return service_account.Credentials(None, "job@project.iam.gserviceaccount.com", "https://token")


def found(monkeypatch: pytest.MonkeyPatch, who: Any, *, with_drive: bool) -> Any:
    """Return our credentials where the machine has these."""
    monkeypatch.setattr(google.auth, "default", lambda **_: (who, None))
    return credentials(with_drive=with_drive)


@pytest.mark.parametrize("who", [account, compute_engine.Credentials], ids=["key", "Cloud Run"])
def test_an_account_may_read_sheets_where_a_table_may_be_one(
    monkeypatch: pytest.MonkeyPatch, who: Callable[[], Any]
) -> None:
    """BigQuery shows a Google Sheet as a table only to who may read Drive; Cloud Storage has none."""
    assert found(monkeypatch, who(), with_drive=True)._scopes == [CLOUD, DRIVE]
    assert found(monkeypatch, who(), with_drive=False)._scopes == [CLOUD]


def test_a_login_keeps_the_scopes_that_it_was_made_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for a scope that was not granted, a person's login is refused as a whole."""
    login = people.Credentials("token", scopes=None)
    assert found(monkeypatch, login, with_drive=True) is login
