"""Models in Cloud Storage while the service or the way to it fails."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from a_model import ARTICLE, DOWNLOAD, EVERYTHING, LIST, LIVE_UPLOAD, OTHER, PAYLOAD, VERSION_UPLOAD, many, one_line
from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
from stand_ins.shared import Address
from stand_ins.truthful import StorageProxy

from skucast.backends.cloud import POOL_SIZE, storage_client, storage_errors
from skucast.backends.store.gcs import CloudStore
from skucast.backends.store.protocol import Live
from skucast.backends.warehouse.bigquery.warehouse import BigQueryWarehouse
from skucast.core.errors import InputError, ModelError, ObjectKept, StoreError, WarehouseError
from skucast.core.places import Endpoints

# --- Trouble that passes --------------------------------------------------------------------------------------------

CALLS: dict[str, tuple[str, str, Callable[[CloudStore], object]]] = {
    "load": ("GET", DOWNLOAD, lambda store: store.load(ARTICLE).payload),
    "save a version": ("POST", VERSION_UPLOAD, lambda store: store.save(OTHER, PAYLOAD, "v1", expected=None)),
    "save live": ("POST", " Пермь/KA/", lambda store: store.save(OTHER, PAYLOAD, "v1", expected=None)),
    "stored": ("GET", LIST, lambda store: store.stored()),
}
"""Everything that asks the service: method, path, call."""


@pytest.mark.parametrize("call", CALLS)
def test_bursts_of_refusals_are_survived(store: CloudStore, storage_proxy: StorageProxy, call: str) -> None:
    """Too many requests, an internal error, no service: asked a fifth time it answers."""
    store.save(ARTICLE, PAYLOAD, "v1", expected=None)
    method, path, function = CALLS[call]
    storage_proxy.answer(403, method, path, reason="rateLimitExceeded")
    for status in (429, 500, 503):
        storage_proxy.answer(status, method, path)
    storage_proxy.requests.clear()
    assert function(store)
    assert storage_proxy.count(method, path) >= 5
    assert store.load(ARTICLE).payload == PAYLOAD


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("quotaExceeded", "a quota is used up"),
        ("accountDisabled", "billing is off"),
        ("Request is prohibited by organization's policy.", "a service perimeter"),
        ("Request had insufficient authentication scopes.", "lack an OAuth scope"),
    ],
)
def test_what_somebody_has_to_put_right_has_its_own_line(
    store: CloudStore, storage_proxy: StorageProxy, call: str, reason: str, text: str
) -> None:
    """It is said at once, and not asked for again."""
    method, path, function = CALLS[call]
    rule = storage_proxy.answer(403, method, path, times=None, reason=reason)
    with pytest.raises(InputError, match=text) as error:
        function(store)
    assert rule.used == 1
    assert "is it granted" not in one_line(error)


KEPT = {
    "policy": "Object 'b/o' is subject to bucket's retention policy or object retention and cannot be deleted or "
    "overwritten until 2027-01-01T00:00:00Z",
    "hold": "Object 'b/o' is under active Temporary hold and cannot be deleted, overwritten or archived until hold is "
    "removed.",
    "event-based hold": "Object 'b/o' is under active Event-Based hold and cannot be deleted, overwritten or archived",
    "reason": "retentionPolicyNotMet",
}


@pytest.mark.parametrize("reason", KEPT.values(), ids=KEPT)
def test_a_model_that_may_not_be_replaced_stays_live(
    store: CloudStore, storage_proxy: StorageProxy, reason: str
) -> None:
    """The new version is kept beside it, it is read as before, and the error is one of this model alone."""
    generation = store.save(ARTICLE, b"old", "v1", expected=None)
    rule = storage_proxy.answer(403, "POST", LIVE_UPLOAD, times=None, reason=reason)
    with pytest.raises(ObjectKept, match=r"its model stays live, .* a retention policy or a hold") as error:
        store.save(ARTICLE, PAYLOAD, "v2", expected=generation)
    assert one_line(error).startswith(f"{ARTICLE}: ")
    assert rule.used == 1
    assert store.load(ARTICLE) == Live(b"old", generation)
    assert store.versions(ARTICLE) == ["v1", "v2"]


def test_a_model_that_is_there_already_may_be_kept(store: CloudStore, storage_proxy: StorageProxy) -> None:
    """The same content once more is no replacement."""
    generation = store.save(ARTICLE, PAYLOAD, "v1", expected=None)
    for path in (LIVE_UPLOAD, VERSION_UPLOAD):
        storage_proxy.answer(403, "POST", path, times=None, reason=KEPT["policy"])
    assert store.save(ARTICLE, PAYLOAD, "v1", expected=generation) == generation


def test_a_probe_says_what_a_policy_does(store: CloudStore, storage_proxy: StorageProxy) -> None:
    """The marker can be written and not removed."""
    storage_proxy.answer(403, "DELETE", EVERYTHING, times=None, reason=KEPT["policy"])
    with pytest.raises(ObjectKept, match="take it off, or use another bucket"):
        store.probe()


def test_trouble_that_stays_ends_at_the_deadline(bucket: str, storage_proxy: StorageProxy) -> None:
    """One line says what was asked of which bucket and what it answered."""
    hasty = CloudStore(bucket, endpoints=Endpoints(storage=storage_proxy.url), deadline_s=0.5)
    storage_proxy.answer(503, "GET", EVERYTHING, times=None, reason="come back later")
    with pytest.raises(StoreError) as error:
        hasty.load(ARTICLE)
    assert re.fullmatch(
        r"gs://bucket-\w+: no usable answer to storage\.objects\.get \(503 come back later\)", one_line(error)
    )


@pytest.mark.parametrize("silent", ["from the start", "in the middle of the answer"])
@pytest.mark.parametrize(
    ("path", "call"),
    [
        (DOWNLOAD, lambda store: store.load(ARTICLE)),
        (LIST, lambda store: store.stored()),
        (LIST, lambda store: store.load_many(many(40))),
        (VERSION_UPLOAD, lambda store: store.save(ARTICLE, PAYLOAD, "v2", expected=None)),
    ],
    ids=["load", "stored", "load_many", "save"],
)
def test_a_silent_service_is_given_up(
    hasty: CloudStore, theirs: CloudStore, storage_proxy: StorageProxy, path: str, call: Any, silent: str
) -> None:
    """After the deadline of 0.6 s and one timeout of 0.2 s at most: each connection asks four times at most."""
    theirs.save(ARTICLE, PAYLOAD, "v1", expected=None)
    for method in ("GET", "POST"):
        if silent == "from the start":
            storage_proxy.stall(method, path)
        else:
            storage_proxy.cut(method, path, times=None, silent=True)
    before = len(storage_proxy.requests)
    with pytest.raises(StoreError) as error:
        call(hasty)
    assert 1 <= len(storage_proxy.requests) - before <= 4 * POOL_SIZE
    assert "no usable answer" in one_line(error)
    assert theirs.load(ARTICLE).payload == PAYLOAD


def test_many_models_share_one_deadline(hasty: CloudStore, theirs: CloudStore, storage_proxy: StorageProxy) -> None:
    """1000 models that nobody sends: each is an error of its own, and all together take no longer than one."""
    hasty.stored()
    storage_proxy.stall("GET", DOWNLOAD)
    found = hasty.load_many(many(1000))
    assert storage_proxy.count("GET", DOWNLOAD) <= 4 * POOL_SIZE
    assert {type(each) for each in found.values()} == {StoreError}


def test_a_stall_that_passes_costs_one_timeout(bucket: str, theirs: CloudStore, storage_proxy: StorageProxy) -> None:
    """The request is sent again on another connection."""
    theirs.save(ARTICLE, PAYLOAD, "v1", expected=None)
    storage_proxy.stall("GET", DOWNLOAD, times=1)
    store = CloudStore(bucket, endpoints=Endpoints(storage=storage_proxy.url), timeout_s=0.3)
    assert store.load(ARTICLE).payload == PAYLOAD


# --- Damaged on the way ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 2])
def test_a_damaged_model_is_read_again(store: CloudStore, storage_proxy: StorageProxy, times: int) -> None:
    """A flipped bit does not fit the checksum: up to three times it is fetched."""
    store.save(ARTICLE, PAYLOAD, "v1", expected=None)
    storage_proxy.flip("GET", DOWNLOAD, times=times)
    assert store.load(ARTICLE).payload == PAYLOAD
    assert storage_proxy.count("GET", DOWNLOAD) == times + 1


def test_a_model_that_stays_damaged_fails_alone(store: CloudStore, storage_proxy: StorageProxy) -> None:
    """After three times it is an error of this combination; the others are there."""
    combinations = many(10)
    generations = [store.save(combination, PAYLOAD, "v1", expected=None) for combination in combinations]
    storage_proxy.flip("GET", DOWNLOAD + ".*ЦУП00000003", times=None)
    found = store.load_many(combinations)
    damaged = found.pop(combinations[3])
    assert isinstance(damaged, ModelError)
    assert re.fullmatch(r"gs://bucket-\w+/Пермь/KA/ЦУП00000003\.pkl: arrived damaged 3 times; .*", str(damaged))
    assert storage_proxy.count("GET", "ЦУП00000003") == 3
    del generations[3]
    assert list(found.values()) == [Live(PAYLOAD, generation) for generation in generations]


@pytest.mark.parametrize("length", ["announced", "hidden"])
def test_a_cut_model_is_read_again(store: CloudStore, storage_proxy: StorageProxy, length: str) -> None:
    """Half an answer is no model, whether or not its announced length gives it away."""
    store.save(ARTICLE, PAYLOAD, "v1", expected=None)
    if length == "announced":
        storage_proxy.cut("GET", DOWNLOAD)
    else:
        storage_proxy.on("GET", DOWNLOAD, after=lambda _, found: replace(found, body=found.body[:1000]))
    assert store.load(ARTICLE).payload == PAYLOAD
    assert storage_proxy.count("GET", DOWNLOAD) == 2


def test_a_model_that_stays_cut_is_no_model(hasty: CloudStore, theirs: CloudStore, storage_proxy: StorageProxy) -> None:
    """At the deadline it is an error of this combination."""
    theirs.save(ARTICLE, PAYLOAD, "v1", expected=None)
    storage_proxy.cut("GET", DOWNLOAD, times=None)
    [found] = hasty.load_many([ARTICLE]).values()
    assert isinstance(found, StoreError)


def test_a_damaged_upload_is_not_stored(store: CloudStore, storage_proxy: StorageProxy) -> None:
    """The service refuses bytes that do not fit the checksum sent with them; what was live stays."""
    generation = store.save(ARTICLE, b"old", "v1", expected=None)
    storage_proxy.flip_upload("POST", VERSION_UPLOAD)
    with pytest.raises(StoreError, match="the checksum does not fit"):
        store.save(ARTICLE, PAYLOAD, "v2", expected=generation)
    assert store.load(ARTICLE) == Live(b"old", generation)
    assert store.versions(ARTICLE) == ["v1"]


# --- Trouble that stays ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "permission"),
    [
        (lambda store: store.load(ARTICLE), "storage.objects.get"),
        (lambda store: store.load_many(many(100)), "storage.objects.list"),
        (lambda store: store.stored(), "storage.objects.list"),
        (lambda store: store.versions(ARTICLE), "storage.objects.list"),
        (lambda store: store.save(ARTICLE, PAYLOAD, "v1", expected=None), "storage.objects.create"),
    ],
    ids=["load", "load_many", "stored", "versions", "save"],
)
@pytest.mark.parametrize("reason", ["quotaExceeded", "runner does not have access"])
def test_a_refusal_is_one_line_after_one_request(
    store: CloudStore, storage_proxy: StorageProxy, bucket: str, call: Any, permission: str, reason: str
) -> None:
    """403, be it a permission or a quota, names permission, bucket and reason; nobody asks again."""
    for method in ("GET", "POST"):
        storage_proxy.answer(403, method, EVERYTHING, times=None, reason=reason)
    with pytest.raises(InputError) as error:
        call(store)
    assert one_line(error).startswith(f"gs://{bucket}: {permission} was refused (403 {reason})")
    assert len(storage_proxy.requests) == 1


def test_models_that_may_not_be_read_are_not_asked_for_again(store: CloudStore, storage_proxy: StorageProxy) -> None:
    """Who may list but not read: what was under way is answered, the rest is not asked for, nothing is asked twice.

    Every connection asks once and is refused, whatever the others have heard by then; one request has come before all.
    """
    storage_proxy.refuse_quota("GET", DOWNLOAD)
    with pytest.raises(InputError, match=r"storage\.objects\.get was refused \(403 quotaExceeded\)"):
        store.load_many(many(525))
    asked = Counter(request.path for request in storage_proxy.requests)
    assert set(asked.values()) == {1}
    assert len(asked) <= POOL_SIZE + 1


def test_an_identity_that_is_not_accepted_is_one_line(
    store: CloudStore, storage_proxy: StorageProxy, bucket: str
) -> None:
    """401 names the bucket and the permission that was asked for."""
    storage_proxy.answer(401, "GET", EVERYTHING, times=None)
    with pytest.raises(InputError) as error:
        store.stored()
    assert one_line(error).startswith(f"gs://{bucket}: the credentials were not accepted for storage.objects.list")


@pytest.mark.parametrize(("method", "path"), [("POST", " _probe/"), ("DELETE", "/o/_probe/")])
def test_a_probe_survives_a_lost_answer(
    store: CloudStore, storage_proxy: StorageProxy, storage_server: Address, bucket: str, method: str, path: str
) -> None:
    """The marker was written, or removed, and nobody heard of it: the store can be written to, nothing is left."""
    storage_proxy.lose_answer(method, path)
    store.probe()
    assert storage_proxy.count(method, path) == 2
    assert list(storage_client(Endpoints(storage=storage_server.url)).list_blobs(bucket)) == []


LOST_ON_THE_WAY = [TransportError("no route"), RefreshError("try again", retryable=True)]


@pytest.mark.parametrize("error", [*LOST_ON_THE_WAY, RefreshError("invalid_grant")], ids=repr)
def test_trouble_on_the_way_to_the_token_is_no_missing_permission(error: GoogleAuthError) -> None:
    """A server of identities that cannot be reached fails the run (exit 1); one that refuses is for its owner (2)."""
    store_error, warehouse_error = (
        (StoreError, WarehouseError) if error in LOST_ON_THE_WAY else (InputError, InputError)
    )
    with pytest.raises(store_error), storage_errors("bucket", "storage.objects.get"):
        raise error
    with (
        pytest.raises(warehouse_error),
        BigQueryWarehouse("project", "dataset", {})._dataset.explained("permission", "what"),
    ):
        raise error


@pytest.mark.parametrize(("content", "reason"), [(None, "was not found"), ("{", "not a valid json file")])
def test_credentials_that_cannot_be_read_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None, reason: str
) -> None:
    """GOOGLE_APPLICATION_CREDENTIALS names no file, or a damaged one: the file is in the line."""
    path = tmp_path / "key.json"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    with pytest.raises(InputError) as error:
        CloudStore("bucket").stored()
    assert str(path) in one_line(error)
    assert reason in one_line(error)


def test_no_identity_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without Application Default Credentials the real service is not asked at all; the line says how to get them."""
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    with pytest.raises(InputError, match="no Google Cloud credentials"):
        CloudStore("bucket").stored()


@pytest.mark.parametrize(
    "call",
    [
        lambda store: store.load(ARTICLE),
        lambda store: store.load_many([ARTICLE]),
        lambda store: store.load_version(ARTICLE, "v1"),
        lambda store: store.stored(),
        lambda store: store.versions(ARTICLE),
        lambda store: store.save(ARTICLE, PAYLOAD, "v1", expected=None),
    ],
    ids=["load", "load_many", "load_version", "stored", "versions", "save"],
)
def test_a_missing_bucket_is_named(storage_server: Address, call: Any) -> None:
    """It is no missing model: nothing can be read or saved there before somebody makes the bucket."""
    nowhere = CloudStore("no-such-bucket", endpoints=Endpoints(storage=storage_server.url))
    with pytest.raises(InputError) as error:
        call(nowhere)
    assert one_line(error).startswith("gs://no-such-bucket: there is no such bucket")
