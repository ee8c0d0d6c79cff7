"""Cloud Storage that is never silent and never done: a byte at a time, for ten minutes; given up in one line."""

from __future__ import annotations

from typing import Any

import pytest
from a_model import ARTICLE, DOWNLOAD, LIST, LIVE_UPLOAD, PAYLOAD, VERSION_UPLOAD, one_line
from stand_ins.truthful import StorageProxy

from skucast.backends import files
from skucast.backends.files import list_files, read_bytes, write_bytes
from skucast.backends.store.gcs import CloudStore
from skucast.core.errors import StoreError
from skucast.core.places import Endpoints


@pytest.mark.parametrize("part", ["headers", "body"])
@pytest.mark.parametrize(
    ("method", "path", "call"),
    [
        ("GET", DOWNLOAD, lambda store: store.load(ARTICLE)),
        ("GET", LIST, lambda store: store.stored()),
        ("GET", LIST, lambda store: store.load_many([ARTICLE])),
        ("POST", VERSION_UPLOAD, lambda store: store.save(ARTICLE, PAYLOAD, "v2", expected=None)),
        ("POST", LIVE_UPLOAD, lambda store: store.save(ARTICLE, PAYLOAD, "v2", expected=None)),
    ],
    ids=["load", "stored", "load_many", "save a version", "save live"],
)
def test_a_service_that_drips_is_given_up(
    hasty: CloudStore, theirs: CloudStore, storage_proxy: StorageProxy, method: str, path: str, call: Any, part: str
) -> None:
    """The call ends at all; the model is one or the other, whole."""
    theirs.save(ARTICLE, PAYLOAD, "v1", expected=None)
    storage_proxy.trickle(method, path, part)
    with pytest.raises(StoreError) as error:
        call(hasty)
    assert "no usable answer" in one_line(error)
    assert theirs.load(ARTICLE).payload == PAYLOAD


@pytest.mark.parametrize("part", ["headers", "body"])
@pytest.mark.parametrize(
    ("path", "call"),
    [
        (r"/o\?", lambda place, there: list_files(place, "inbox", there)),
        ("alt=media", lambda place, there: read_bytes(place, "inbox/a.csv", there)),
    ],
    ids=["list", "read"],
)
def test_a_folder_that_drips_is_given_up(
    storage_proxy: StorageProxy, bucket: str, monkeypatch: pytest.MonkeyPatch, path: str, call: Any, part: str
) -> None:
    """The inbox and the page are files of the same service."""
    monkeypatch.setattr(files, "DEADLINE_S", 0.8)
    place, there = f"gs://{bucket}", Endpoints(storage=storage_proxy.url)
    write_bytes(place, "inbox/a.csv", b"a;b", there)
    storage_proxy.trickle("GET", path, part)
    with pytest.raises(StoreError, match="no usable answer"):
        call(place, there)
