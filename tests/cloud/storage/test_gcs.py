"""Models in Cloud Storage: their names, writers at once, writers that are killed, all of a business."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from a_model import ARTICLE, LIST, LIVE_UPLOAD, OTHER, PAYLOAD, VERSION_UPLOAD, many
from stand_ins.proxy import Lost, Request, Response
from stand_ins.shared import Address
from stand_ins.truthful import StorageProxy

import skucast
from skucast.backends.cloud import storage_client
from skucast.backends.store.gcs import CloudStore
from skucast.backends.store.opening import open_store
from skucast.backends.store.protocol import Live
from skucast.core.combination import Combination
from skucast.core.errors import ModelNotFound, StoreConflict
from skucast.core.places import Endpoints
from skucast.runtime.settings import Settings

SRC = Path(skucast.__file__).parents[1]
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
            return mine.save(ARTICLE, f"of {number}".encode(), f"v-of-{number}", expected=expected)
        except StoreConflict:
            return None

    with ThreadPoolExecutor(16) as pool:
        generations = list(pool.map(save, range(16)))
    [winner] = [number for number, generation in enumerate(generations) if generation is not None]
    assert theirs.load(ARTICLE) == Live(f"of {winner}".encode(), generations[winner])
    assert {f"v-of-{number}" for number in range(16)} <= set(theirs.versions(ARTICLE))


def test_a_version_that_comes_back_while_it_is_deleted_is_kept(
    store: CloudStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody rolls back to the version that is being deleted: it is live, and a version again."""
    first = store.save(ARTICLE, b"v1", "v1", expected=None)
    second = store.save(ARTICLE, b"v2", "v2", expected=first)
    real, looked = store._refuse_replaced, []

    def and_roll_back(combination: Combination, expected: str) -> None:
        real(combination, expected)
        if not looked:
            store.save(combination, b"v1", "v1", expected=expected)
        looked.append(expected)

    monkeypatch.setattr(store, "_refuse_replaced", and_roll_back)
    with pytest.raises(StoreConflict, match="another run replaced the model meanwhile"):
        store.delete_versions(ARTICLE, ["v1"], expected=second)
    assert store.load(ARTICLE).payload == store.load_version(ARTICLE, "v1") == b"v1"


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
