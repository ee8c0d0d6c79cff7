"""Objects in Cloud Storage that are larger than any model: left where they show it, whatever is said of their size."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import pytest
from a_model import ARTICLE, DOWNLOAD, OTHER, PAYLOAD
from stand_ins.proxy import Request
from stand_ins.truthful import StorageProxy

from skucast.backends.downloads import AtMost
from skucast.backends.store.gcs import CloudStore
from skucast.backends.store.protocol import Live
from skucast.core.errors import ModelError, StoreConflict
from skucast.core.model_files import MAX_BYTES

LARGE = bytes(60 * 2**20)


def test_a_large_object_is_never_in_memory_whole(theirs: CloudStore) -> None:
    """60 MiB where 4 are read as a model: the peak is that of the four."""
    generation = theirs.save(ARTICLE, LARGE, "v1", expected=None)
    theirs.load_many([OTHER])  # what the first request needs is no part of it
    tracemalloc.start()
    [found] = theirs.load_many([ARTICLE]).values()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(found, Live)
    assert (len(found.payload), found.generation) == (MAX_BYTES + 1, generation)
    assert peak < 4 * MAX_BYTES


def test_nothing_is_read_of_what_is_announced_as_too_large(
    store: CloudStore, theirs: CloudStore, storage_proxy: StorageProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One request for each model, as ever: its answer says how large it is. One more for whose generation is wanted."""
    theirs.save(ARTICLE, LARGE, "v1", expected=None)
    theirs.save(OTHER, PAYLOAD, "v1", expected=None)
    store.load_many([OTHER])
    storage_proxy.forget()
    read: list[int] = []
    write = AtMost.write
    monkeypatch.setattr(AtMost, "write", lambda buffer, content: read.append(len(content)) or write(buffer, content))
    found = store.load_many([ARTICLE, OTHER])
    assert sum(read) == len(PAYLOAD)
    assert [len(each.payload) for each in found.values()] == [MAX_BYTES + 1, len(PAYLOAD)]
    assert storage_proxy.count("GET", DOWNLOAD) == 2
    assert len(storage_proxy.requests) == 3


def test_what_is_too_large_is_never_kept_as_the_version_that_it_is_not(
    store: CloudStore, theirs: CloudStore, storage_proxy: StorageProxy
) -> None:
    """While a version is deleted, a live object of its name comes that is no model: no beginning of it is stored."""
    live = theirs.save(ARTICLE, PAYLOAD, "v0", expected=None)
    theirs.keep(ARTICLE, LARGE, "v1")

    def replace_it(request: Request) -> Request:
        theirs.save(ARTICLE, LARGE, "v1", expected=live)
        return request

    storage_proxy.on("DELETE", "v1", before=replace_it)
    with pytest.raises(StoreConflict):
        store.delete_versions(ARTICLE, ["v1"], expected=live)
    assert theirs.versions(ARTICLE) == ["v0"]


def test_what_was_too_large_and_is_replaced_meanwhile_is_read_again(
    store: CloudStore, theirs: CloudStore, storage_proxy: StorageProxy
) -> None:
    """The generation that is told is the one whose bytes are told: never the beginning of another object."""
    first = theirs.save(ARTICLE, LARGE, "v1", expected=None)
    replaced: list[str] = []

    def replace_it(request: Request) -> Request:
        replaced.append(theirs.save(ARTICLE, PAYLOAD, "v2", expected=first))
        return request

    storage_proxy.on("GET", r"^/storage/v1/.*/o/Пермь", before=replace_it)  # where its size is asked for
    assert store.load(ARTICLE) == Live(PAYLOAD, replaced[0])


def test_a_body_that_is_longer_than_is_said_of_it_is_an_error_of_its_model(
    store: CloudStore, storage_proxy: StorageProxy
) -> None:
    """The object has 30 KB, what comes has 60 MiB: three times left in the middle, then given up."""
    store.save(ARTICLE, PAYLOAD, "v1", expected=None)
    storage_proxy.on("GET", DOWNLOAD, times=None, after=lambda _, found: replace(found, body=LARGE))
    [found] = store.load_many([ARTICLE]).values()
    assert isinstance(found, ModelError)
    assert "arrived damaged 3 times" in str(found)
