"""Files for people, in a folder or in a bucket: whole or not at all, and readable where they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from stand_ins.proxy import StorageProxy
from stand_ins.servers import Server

from skucast.cloud import Endpoints, storage_client
from skucast.errors import InputError
from skucast.files import write_text

PAGE = "<!doctype html><title>Пермь</title>"
PATH = "dashboard/index.html"


def test_a_folder_gets_the_file(tmp_path: Path) -> None:
    """Folders on the way are made, the file is replaced, everybody may read it, nothing is left beside it."""
    for text in ("old", PAGE):
        shown = write_text(str(tmp_path), PATH, text, Endpoints())
    path = tmp_path / PATH
    assert shown == str(path)
    assert path.read_text(encoding="utf-8") == PAGE
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    """Half of the new text is nowhere to be seen."""
    write_text(str(tmp_path), PATH, PAGE, Endpoints())
    with pytest.raises(UnicodeEncodeError):
        write_text(str(tmp_path), PATH, "half\ud800", Endpoints())
    assert (tmp_path / PATH).read_text(encoding="utf-8") == PAGE
    assert len(list((tmp_path / "dashboard").iterdir())) == 1


@pytest.mark.parametrize("place", ["gs://{bucket}", "gs://{bucket}/staging/Пермь/"])
def test_a_bucket_gets_the_object(storage_server: Server, bucket: str, place: str) -> None:
    """A browser shows it as a page, in its own letters, and asks for the newest each time."""
    place = place.format(bucket=bucket)
    endpoints = Endpoints(storage=storage_server.url)
    for text in ("old", PAGE):
        shown = write_text(place, PATH, text, endpoints)
    assert shown == f"{place.rstrip('/')}/{PATH}"
    blob = storage_client(endpoints).bucket(bucket).get_blob(shown.removeprefix(f"gs://{bucket}/"))
    assert blob.download_as_bytes().decode() == PAGE
    assert (blob.content_type, blob.cache_control) == ("text/html; charset=utf-8", "no-cache")


def test_a_lost_answer_and_a_busy_service_are_survived(storage_proxy: StorageProxy, bucket: str) -> None:
    """Written twice, it is the same page."""
    storage_proxy.lose_answer("POST", PATH)
    storage_proxy.answer(503, "POST", PATH)
    endpoints = Endpoints(storage=storage_proxy.url)
    write_text(f"gs://{bucket}", PATH, PAGE, endpoints)
    assert storage_proxy.count("POST", PATH) == 3
    assert storage_client(endpoints).bucket(bucket).blob(PATH).download_as_bytes().decode() == PAGE


def test_a_missing_bucket_is_named(storage_server: Server) -> None:
    """One line."""
    with pytest.raises(InputError, match=r"^gs://no-such-bucket: there is no such bucket.*$"):
        write_text("gs://no-such-bucket/prefix", PATH, PAGE, Endpoints(storage=storage_server.url))


def test_a_refusal_names_permission_and_bucket(storage_proxy: StorageProxy, bucket: str) -> None:
    """One line, and nobody asks again."""
    storage_proxy.answer(403, "POST", PATH, times=None)
    with pytest.raises(InputError, match=rf"^gs://{bucket}: storage\.objects\.create was refused \(403 scripted\).*$"):
        write_text(f"gs://{bucket}", PATH, PAGE, Endpoints(storage=storage_proxy.url))
    assert len(storage_proxy.requests) == 1
