"""Files for people, in a folder or in a bucket: whole or not at all, and readable where they are."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from stand_ins.proxy import Response
from stand_ins.shared import Address
from stand_ins.truthful import StorageProxy

from skucast.backends.cloud import storage_client
from skucast.backends.files import Content, list_files, move, read_bytes, write_bytes, write_text
from skucast.core.errors import InputError, StoreError
from skucast.core.places import Endpoints

PAGE = "<!doctype html><title>Пермь</title>"
PATH = "dashboard/index.html"
INBOX = "promotions/inbox"
PLAN = f"{INBOX}/план.csv"
DONE = "promotions/done/1-план.csv"


@pytest.fixture(params=["folder", "bucket"])
def staging(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Endpoints]:
    """Return a place for files that is empty, and how it is reached."""
    if request.param == "folder":
        return str(tmp_path / "staging"), Endpoints()
    proxy, bucket = request.getfixturevalue("storage_proxy"), request.getfixturevalue("bucket")
    return f"gs://{bucket}/Пермь", Endpoints(storage=proxy.url)


def read(staging: tuple[str, Endpoints], path: str) -> Content:
    """Return a file that is there."""
    found = read_bytes(staging[0], path, staging[1])
    assert found is not None
    return found


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
def test_a_bucket_gets_the_object(storage_server: Address, bucket: str, place: str) -> None:
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


def test_a_missing_bucket_is_named(storage_server: Address) -> None:
    """One line."""
    with pytest.raises(InputError, match=r"^gs://no-such-bucket: there is no such bucket.*$"):
        write_text("gs://no-such-bucket/prefix", PATH, PAGE, Endpoints(storage=storage_server.url))


def test_a_refusal_names_permission_and_bucket(storage_proxy: StorageProxy, bucket: str) -> None:
    """One line, and nobody asks again."""
    storage_proxy.answer(403, "POST", PATH, times=None)
    with pytest.raises(InputError, match=rf"^gs://{bucket}: storage\.objects\.create was refused \(403 scripted\).*$"):
        write_text(f"gs://{bucket}", PATH, PAGE, Endpoints(storage=storage_proxy.url))
    assert len(storage_proxy.requests) == 1


# --- Both -----------------------------------------------------------------------------------------------------------


def test_files_are_listed_by_name(staging: tuple[str, Endpoints]) -> None:
    """Not those of folders above, below or beside it, no hidden ones, no locks of spreadsheets; no folder, no files."""
    place, endpoints = staging
    assert list_files(place, INBOX, endpoints) == []
    for name in ("b.csv", "a.xlsx", "Я.csv", ".hidden", "~$a.xlsx", "older/c.csv"):
        write_bytes(place, f"{INBOX}/{name}", b"1", endpoints)
    write_bytes(place, f"{INBOX}-2/d.csv", b"1", endpoints)
    assert list_files(place, INBOX, endpoints) == ["a.xlsx", "b.csv", "Я.csv"]


def test_what_was_written_is_read(staging: tuple[str, Endpoints]) -> None:
    """Byte for byte, with the moment it came; a limit gives its beginning; what is not there is None."""
    place, endpoints = staging
    before = datetime.now(UTC).replace(tzinfo=None)
    write_bytes(place, PLAN, bytes(range(256)), endpoints)
    found = read(staging, PLAN)
    assert found.data == bytes(range(256))
    assert abs(found.changed_at - before) < timedelta(minutes=1)
    limited = read_bytes(place, PLAN, endpoints, limit=10)
    assert limited is not None
    assert limited.data == bytes(range(10))
    assert limited.version == found.version
    assert read_bytes(place, f"{INBOX}/none.csv", endpoints) is None


def test_a_file_is_moved_once(staging: tuple[str, Endpoints]) -> None:
    """A second move, of a repeat or of another task, finds it moved and changes nothing."""
    place, endpoints = staging
    write_bytes(place, PLAN, b"plan", endpoints)
    version = read(staging, PLAN).version
    for _ in range(2):
        assert move(place, PLAN, DONE, endpoints, version=version)
        assert read(staging, DONE).data == b"plan"
        assert list_files(place, INBOX, endpoints) == []


def test_a_file_that_was_replaced_meanwhile_stays(staging: tuple[str, Endpoints]) -> None:
    """Nobody has read the new one yet."""
    place, endpoints = staging
    write_bytes(place, PLAN, b"old", endpoints)
    version = read(staging, PLAN).version
    write_bytes(place, PLAN, b"new", endpoints)
    assert not move(place, PLAN, DONE, endpoints, version=version)
    assert read(staging, PLAN).data == b"new"
    assert read_bytes(place, DONE, endpoints) is None


def test_a_move_that_was_interrupted_is_finished(staging: tuple[str, Endpoints]) -> None:
    """The copy is there, the original too: it goes."""
    place, endpoints = staging
    for path in (PLAN, DONE):
        write_bytes(place, path, b"plan", endpoints)
    assert move(place, PLAN, DONE, endpoints, version=read(staging, PLAN).version)
    assert read_bytes(place, PLAN, endpoints) is None
    assert read(staging, DONE).data == b"plan"


def test_another_content_is_never_replaced_by_a_move(staging: tuple[str, Endpoints]) -> None:
    """Both are named in one line and stay."""
    place, endpoints = staging
    write_bytes(place, PLAN, b"mine", endpoints)
    write_bytes(place, DONE, b"theirs", endpoints)
    with pytest.raises(InputError, match=rf"^STAGING: .*{DONE} is there with another content than .*{PLAN}; .*$"):
        move(place, PLAN, DONE, endpoints, version=read(staging, PLAN).version)
    assert (read(staging, PLAN).data, read(staging, DONE).data) == (b"mine", b"theirs")


# --- What goes wrong on the way -------------------------------------------------------------------------------------


def test_a_move_survives_lost_answers(storage_proxy: StorageProxy, bucket: str) -> None:
    """Of the copy and of the deletion: asked again, both are done already."""
    staging = (f"gs://{bucket}", Endpoints(storage=storage_proxy.url))
    write_bytes(staging[0], PLAN, b"plan", staging[1])
    storage_proxy.lose_answer("POST", "copyTo")
    storage_proxy.lose_answer("DELETE", PLAN)
    assert move(staging[0], PLAN, DONE, staging[1], version=read(staging, PLAN).version)
    assert read(staging, DONE).data == b"plan"
    assert list_files(staging[0], INBOX, staging[1]) == []


def test_a_file_that_arrives_damaged_is_read_again(storage_proxy: StorageProxy, bucket: str) -> None:
    """One bit is another plan."""
    staging = (f"gs://{bucket}", Endpoints(storage=storage_proxy.url))
    write_bytes(staging[0], PLAN, b"plan", staging[1])
    storage_proxy.flip("GET", "alt=media")
    assert read(staging, PLAN).data == b"plan"
    storage_proxy.flip("GET", "alt=media", times=None)
    with pytest.raises(StoreError, match=r"^gs://.*план.csv: arrived damaged or changed 3 times; run again$"):
        read(staging, PLAN)


def test_the_inbox_of_a_missing_bucket_is_named(storage_server: Address) -> None:
    """One line."""
    with pytest.raises(InputError, match=r"^gs://no-such-bucket: there is no such bucket.*$"):
        list_files("gs://no-such-bucket", INBOX, Endpoints(storage=storage_server.url))


@pytest.mark.parametrize(
    ("method", "path", "permission"),
    [
        ("GET", "prefix=", "list"),
        ("GET", "/o/", "get"),
        ("POST", "copyTo", "create"),
        ("DELETE", "/o/", "delete"),
    ],
)
def test_every_refusal_names_its_permission(
    storage_proxy: StorageProxy, bucket: str, method: str, path: str, permission: str
) -> None:
    """One line that says what to grant."""
    place, endpoints = f"gs://{bucket}", Endpoints(storage=storage_proxy.url)
    write_bytes(place, PLAN, b"plan", endpoints)
    storage_proxy.answer(403, method, path, times=None)
    refused = rf"^gs://{bucket}: storage\.objects\.{permission} was refused \(403 scripted\).*$"

    def empty_the_inbox() -> None:
        for name in list_files(place, INBOX, endpoints):
            version = read((place, endpoints), f"{INBOX}/{name}").version
            move(place, PLAN, DONE, endpoints, version=version)

    with pytest.raises(InputError, match=refused):
        empty_the_inbox()


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Here a file is in its place."""
    (tmp_path / "promotions").write_text("no folder")
    with pytest.raises(InputError, match=rf"^STAGING: {re.escape(str(tmp_path))}/{INBOX} cannot be read \(.+\)$"):
        list_files(str(tmp_path), INBOX, Endpoints())


@pytest.mark.parametrize(
    "body",
    [b"null", b"[1, 2]", b'{"items": [null]}', b'{"items": [{"generation": "1"}]}', b'{"items": "abc"}', b"<html>"],
)
def test_an_answer_that_is_none_of_the_service_s_is_no_usable_answer(
    storage_proxy: StorageProxy, bucket: str, body: bytes
) -> None:
    """Such as that of a proxy on the way, with status 200: prediction goes on with what it knows."""
    endpoints = Endpoints(storage=storage_proxy.url)
    write_bytes(f"gs://{bucket}", "inbox/a.csv", b"a", endpoints)
    answer = Response(200, body, {"Content-Type": "application/json"})
    storage_proxy.on("GET", "/o", before=lambda _: answer, times=None)
    with pytest.raises(StoreError, match=r"no usable answer to storage\.objects\.list"):
        list_files(f"gs://{bucket}", "inbox", endpoints)
    with pytest.raises(StoreError, match=r"no usable answer to storage\.objects\.get"):
        read_bytes(f"gs://{bucket}", "inbox/a.csv", endpoints)
    storage_proxy.on("POST", "/upload", before=lambda _: answer, times=None)
    with pytest.raises(StoreError, match=r"no usable answer to storage\.objects\.create"):
        write_bytes(f"gs://{bucket}", "inbox/b.csv", b"b", endpoints)
