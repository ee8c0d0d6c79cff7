"""Models in Cloud Storage: what the store promises while others write and the service or the way to it fails."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
from stand_ins.proxy import Lost, Request, Response, StorageProxy
from stand_ins.shared import Address

import skucast
from skucast.backends.cloud import storage_client, storage_errors
from skucast.backends.store.gcs import CloudStore
from skucast.backends.store.opening import open_store
from skucast.backends.store.protocol import Live
from skucast.backends.warehouse.bigquery.warehouse import BigQueryWarehouse
from skucast.core.combination import Combination
from skucast.core.errors import InputError, ModelError, ModelNotFound, StoreConflict, StoreError, WarehouseError
from skucast.core.places import Endpoints
from skucast.runtime.settings import Settings

SRC = Path(skucast.__file__).parents[1]

ARTICLE = Combination("Пермь", "ON TRADE", "ЦУП00009752")
OTHER = Combination("Пермь", "KA", "A1")
PAYLOAD = bytes(range(256)) * 120
"""30 KB, as a model."""

# What the proxy's patterns look at: a download's path, and a path followed by the object's name for an upload.
DOWNLOAD = "/download/"
LIVE_UPLOAD = r" Пермь/ON TRADE/ЦУП00009752\.pkl$"
VERSION_UPLOAD = " _versions/"
LIST = r"/o\?"
EVERYTHING = ".*"


@pytest.fixture
def store(storage_proxy: StorageProxy, bucket: str) -> CloudStore:
    """Return an empty store behind the proxy, as jobs use it."""
    return CloudStore(bucket, endpoints=Endpoints(storage=storage_proxy.url))


@pytest.fixture
def hasty(storage_proxy: StorageProxy, bucket: str) -> CloudStore:
    """Return the same store with little patience: 0.2 s of silence, 0.6 s in all."""
    return CloudStore(bucket, endpoints=Endpoints(storage=storage_proxy.url), timeout_s=0.2, deadline_s=0.6)


@pytest.fixture
def theirs(storage_server: Address, bucket: str) -> CloudStore:
    """Return the store as another process sees it, whose requests meet no fault."""
    return CloudStore(bucket, endpoints=Endpoints(storage=storage_server.url))


def many(count: int) -> list[Combination]:
    """Return so many combinations."""
    return [Combination("Пермь", "KA", f"ЦУП{number:08}") for number in range(count)]


def one_line(error: pytest.ExceptionInfo[Exception]) -> str:
    """Return the error's text, which is one line."""
    text = str(error.value)
    assert "\n" not in text
    return text


# --- Names and places -----------------------------------------------------------------------------------------------


def test_the_bucket_lists_readable_names(store: CloudStore, storage_server: Address, bucket: str) -> None:
    """Live objects are `Unit/Channel/SKU_ID.pkl`, versions lie below `_versions/`; Cyrillic and spaces as they are."""
    store.save(ARTICLE, b"v1", "2026-11-22-abc", expected=None)
    names = [blob.name for blob in storage_client(Endpoints(storage=storage_server.url)).list_blobs(bucket)]
    assert names == ["_versions/Пермь/ON TRADE/ЦУП00009752/2026-11-22-abc.pkl", "Пермь/ON TRADE/ЦУП00009752.pkl"]


def test_settings_open_a_store_below_a_prefix(
    settings: Callable[..., Settings], storage_server: Address, bucket: str, theirs: CloudStore
) -> None:
    """`MODEL_STORE=gs://BUCKET/PREFIX` sees what is below its prefix only, and nobody else sees that as models."""
    place = f"gs://{bucket}/distributor/модели/"
    prefixed = open_store(settings(model_store=place, gcs_endpoint=storage_server.url))
    theirs.save(OTHER, b"theirs", "v1", expected=None)
    generation = prefixed.save(ARTICLE, b"mine", "v1", expected=None)
    assert prefixed.stored() == [ARTICLE]
    assert prefixed.versions(ARTICLE) == ["v1"]
    assert prefixed.load(ARTICLE) == Live(b"mine", generation)
    assert theirs.stored() == [OTHER]
    with pytest.raises(ModelNotFound, match=re.escape(f"in gs://{bucket}/distributor/модели/; train it")):
        prefixed.load(OTHER)


def test_versions_are_never_listed_as_models(store: CloudStore, storage_proxy: StorageProxy) -> None:
    """They outnumber the models many times; the answers to `stored` hold none of them. Other objects do no harm."""
    generation = None
    for number in range(5):
        generation = store.save(ARTICLE, b"any", f"v{number}", expected=generation)
    store.save(Combination("!before", "KA", "A1"), b"any", "v1", expected=None)
    bucket = store._bucket
    bucket.blob("dashboard/index.html").upload_from_string("page")
    bucket.blob("_other/a.pkl").upload_from_string("?")
    answers: list[bytes] = []

    def keep(_: Request, answer: Response) -> Response:
        answers.append(answer.body)
        return answer

    storage_proxy.on("GET", LIST, times=None, after=keep)
    assert store.stored() == [Combination("!before", "KA", "A1"), ARTICLE]
    assert b"dashboard/index.html" in b"".join(answers)
    assert b"_versions/" not in b"".join(answers)


def test_a_long_list_comes_in_pages(store: CloudStore, storage_proxy: StorageProxy) -> None:
    """Every page is read, and a page that fails is asked for again."""
    combinations = many(7)
    for combination in combinations:
        store.save(combination, b"any", "v1", expected=None)
    storage_proxy.answer(503, "GET", "pageToken")
    storage_proxy.on(
        "GET", LIST, times=None, before=lambda asked: replace(asked, target=asked.target + "&maxResults=2")
    )
    assert store.stored() == combinations
    assert storage_proxy.count("GET", "pageToken") >= 4


# --- Writers at once ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("there_is", ["no model", "a model"])
def test_of_writers_at_once_one_wins(storage_server: Address, bucket: str, theirs: CloudStore, there_is: str) -> None:
    """Sixteen save a model that they trained on the same one: one is live, fifteen are told, all sixteen are kept."""
    expected = theirs.save(ARTICLE, b"old", "v0", expected=None) if there_is == "a model" else None
    at_once = threading.Barrier(16)

    def save(number: int) -> str | None:
        mine = CloudStore(bucket, endpoints=Endpoints(storage=storage_server.url))
        mine.stored()
        at_once.wait()
        try:
            return mine.save(ARTICLE, f"of {number}".encode(), f"v-of {number}", expected=expected)
        except StoreConflict:
            return None

    with ThreadPoolExecutor(16) as pool:
        generations = list(pool.map(save, range(16)))
    [winner] = [number for number, generation in enumerate(generations) if generation is not None]
    assert theirs.load(ARTICLE) == Live(f"of {winner}".encode(), generations[winner])
    assert {f"v-of {number}" for number in range(16)} <= set(theirs.versions(ARTICLE))


@pytest.mark.parametrize("upload", [VERSION_UPLOAD, LIVE_UPLOAD], ids=["version", "live"])
def test_a_lost_answer_is_no_conflict(store: CloudStore, storage_proxy: StorageProxy, upload: str) -> None:
    """The upload arrived, its answer did not: sent again it is refused, and recognised as one's own."""
    before = store.save(ARTICLE, b"old", "v1", expected=None)
    storage_proxy.lose_answer("POST", upload)
    storage_proxy.requests.clear()
    after = store.save(ARTICLE, PAYLOAD, "v2", expected=before)
    assert storage_proxy.count("POST", upload) == 2
    assert store.load(ARTICLE) == Live(PAYLOAD, after)
    assert store.versions(ARTICLE) == ["v1", "v2"]


@pytest.mark.parametrize("payload", [b"theirs", PAYLOAD], ids=["other bytes", "the same bytes"])
def test_a_lost_update_is_reported(
    store: CloudStore, theirs: CloudStore, storage_proxy: StorageProxy, payload: bytes
) -> None:
    """Another run saves between our reading and our writing: its model stays, and we are told unless it is as ours."""
    generation = store.save(ARTICLE, b"old", "v1", expected=None)
    by_them = []

    def overtake(_: Request) -> None:
        by_them.append(theirs.save(ARTICLE, payload, "theirs", expected=generation))

    storage_proxy.on("POST", LIVE_UPLOAD, before=overtake)
    if payload == PAYLOAD:
        assert store.save(ARTICLE, PAYLOAD, "mine", expected=generation) == by_them[0]
    else:
        with pytest.raises(StoreConflict, match="another run replaced the model meanwhile; its model stays live"):
            store.save(ARTICLE, PAYLOAD, "mine", expected=generation)
    assert theirs.load(ARTICLE) == Live(payload, by_them[0])
    assert theirs.versions(ARTICLE) == ["v1", "mine", "theirs"]


def test_a_lost_update_after_a_lost_answer_is_reported(
    store: CloudStore, theirs: CloudStore, storage_proxy: StorageProxy
) -> None:
    """Ours was live for a moment, then another run replaced it before we could ask: theirs stays."""

    def overtake(_: Request, answer: Response) -> Response:
        theirs.save(ARTICLE, b"theirs", "theirs", expected=theirs.load(ARTICLE).generation)
        raise Lost

    storage_proxy.on("POST", LIVE_UPLOAD, after=overtake)
    with pytest.raises(StoreConflict):
        store.save(ARTICLE, PAYLOAD, "mine", expected=None)
    assert theirs.load(ARTICLE).payload == b"theirs"


# --- Killed ---------------------------------------------------------------------------------------------------------

SAVE = """
import sys
from skucast.core.places import Endpoints
from skucast.core.combination import Combination
from skucast.backends.store.gcs import CloudStore

url, bucket, expected = sys.argv[1:]
store = CloudStore(bucket, endpoints=Endpoints(storage=url))
store.save(Combination("Пермь", "ON TRADE", "ЦУП00009752"), bytes(range(256)) * 120, "v2", expected=expected)
"""


@pytest.mark.parametrize(
    ("upload", "when", "live", "versions"),
    [
        (VERSION_UPLOAD, "before", b"old", ["v1"]),
        (VERSION_UPLOAD, "after", b"old", ["v1", "v2"]),
        (LIVE_UPLOAD, "before", b"old", ["v1", "v2"]),
        (LIVE_UPLOAD, "after", PAYLOAD, ["v1", "v2"]),
    ],
    ids=["before the version", "after the version", "before the live object", "after the live object"],
)
def test_a_killed_save_leaves_a_whole_model(
    theirs: CloudStore,
    storage_proxy: StorageProxy,
    bucket: str,
    upload: str,
    when: str,
    live: bytes,
    versions: list[str],
) -> None:
    """Killed without warning at each of its effects: the live model is the old or the new one, and a rerun mends it."""
    expected = theirs.save(ARTICLE, b"old", "v1", expected=None)
    started = threading.Event()

    def kill(*_: object) -> Any:
        started.wait()
        process.kill()
        process.wait()
        raise Lost

    storage_proxy.on("POST", upload, **{when: kill})
    command = [sys.executable, "-c", SAVE, storage_proxy.url, bucket, expected]
    process = subprocess.Popen(command, env={"PYTHONPATH": str(SRC)}, stderr=subprocess.PIPE)
    started.set()
    _, said = process.communicate()
    assert (process.returncode, said) == (-signal.SIGKILL, b"")

    found = theirs.load(ARTICLE)
    assert found.payload == live
    assert theirs.versions(ARTICLE) == versions
    theirs.save(ARTICLE, PAYLOAD, "v2", expected=found.generation)
    assert theirs.load(ARTICLE).payload == PAYLOAD
    assert theirs.versions(ARTICLE) == ["v1", "v2"]


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
    """Too many requests, an internal error, no service: asked a fourth time it answers."""
    store.save(ARTICLE, PAYLOAD, "v1", expected=None)
    method, path, function = CALLS[call]
    for status in (429, 500, 503):
        storage_proxy.answer(status, method, path)
    storage_proxy.requests.clear()
    assert function(store)
    assert storage_proxy.count(method, path) >= 4
    assert store.load(ARTICLE).payload == PAYLOAD


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
    """After the deadline of 0.6 s and one timeout of 0.2 s at most; the limit leaves a slow machine its time."""
    theirs.save(ARTICLE, PAYLOAD, "v1", expected=None)
    for method in ("GET", "POST"):
        if silent == "from the start":
            storage_proxy.stall(method, path)
        else:
            storage_proxy.cut(method, path, times=None, silent=True)
    started = time.monotonic()
    with pytest.raises(StoreError) as error:
        call(hasty)
    assert time.monotonic() - started < 3
    assert "no usable answer" in one_line(error)
    assert theirs.load(ARTICLE).payload == PAYLOAD


def test_many_models_share_one_deadline(hasty: CloudStore, theirs: CloudStore, storage_proxy: StorageProxy) -> None:
    """1000 models that nobody sends: each is an error of its own, and all together take no longer than one."""
    hasty.stored()
    storage_proxy.stall("GET", DOWNLOAD)
    started = time.monotonic()
    found = hasty.load_many(many(1000))
    assert time.monotonic() - started < 3
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
    """Who may list but not read: what was under way is answered, the rest is not asked for, nothing is asked twice."""
    storage_proxy.refuse_quota("GET", DOWNLOAD)
    with pytest.raises(InputError, match=r"storage\.objects\.get was refused \(403 quotaExceeded\)"):
        store.load_many(many(525))
    asked = Counter(request.path for request in storage_proxy.requests)
    assert set(asked.values()) == {1}
    assert len(asked) < 300


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


# --- All of them ----------------------------------------------------------------------------------------------------


def test_all_models_of_a_business_are_read_in_parallel(
    storage_server: Address, bucket: str, record_property: Callable[[str, object], None]
) -> None:
    """525 models of 30 KB, as a prediction reads them; the time is reported, a slow machine does not fail."""
    combinations = many(525)
    objects = storage_client(Endpoints(storage=storage_server.url)).bucket(bucket)
    with ThreadPoolExecutor(16) as pool:
        list(
            pool.map(
                lambda each: objects.blob(each.path).upload_from_string(PAYLOAD + each.path.encode()), combinations
            )
        )
    store = CloudStore(bucket, endpoints=Endpoints(storage=storage_server.url))
    started = time.monotonic()
    found = store.load_many(combinations)
    record_property("load_many_525_s", round(time.monotonic() - started, 2))
    assert list(found) == combinations
    payloads = [live.payload for live in found.values() if isinstance(live, Live)]
    assert payloads == [PAYLOAD + combination.path.encode() for combination in combinations]
