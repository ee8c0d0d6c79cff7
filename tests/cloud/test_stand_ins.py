"""The stand-ins themselves: what the proxy adds to them, and that nothing of them outlives a session."""

from __future__ import annotations

import json
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from google.api_core.exceptions import BadRequest, Conflict, PreconditionFailed
from google.cloud import bigquery
from google.cloud.storage import Bucket
from stand_ins import build, servers
from stand_ins.servers import PROJECT
from stand_ins.shared import Address
from stand_ins.truthful import StorageProxy

from skucast.backends.cloud import storage_client
from skucast.backends.cloud_bigquery import bigquery_client
from skucast.core.places import Endpoints

TESTS = Path(__file__).parents[1]
BIG = 9 * 2**20
"""Above 8 MiB the client uploads in several requests."""


@pytest.fixture
def objects(storage_proxy: StorageProxy, bucket: str) -> Bucket:
    """Return the bucket as the client library sees it through the proxy."""
    return storage_client(Endpoints(storage=storage_proxy.url)).bucket(bucket)


# --- What fake-gcs-server lies about --------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [10, BIG], ids=["in one request", "in several"])
def test_an_upload_keeps_its_precondition(objects: Bucket, size: int) -> None:
    """412 unless the live object is of the expected generation, 0 = there is none; else it is replaced."""
    first = objects.blob("ц/a b.pkl")
    first.upload_from_string(b"1" * size, if_generation_match=0)
    for wrong in (0, 5):
        with pytest.raises(PreconditionFailed):
            objects.blob("ц/a b.pkl").upload_from_string(b"2" * size, if_generation_match=wrong)
    assert objects.blob("ц/a b.pkl").download_as_bytes() == b"1" * size
    objects.blob("ц/a b.pkl").upload_from_string(b"3" * size, if_generation_match=first.generation)
    assert objects.blob("ц/a b.pkl").download_as_bytes() == b"3" * size


def test_a_deletion_keeps_its_precondition(objects: Bucket) -> None:
    """412 and the object is still there; with its generation it goes."""
    blob = objects.blob("ц/a b.pkl")
    blob.upload_from_string(b"1")
    with pytest.raises(PreconditionFailed):
        objects.blob(blob.name).delete(if_generation_match=5)
    assert blob.exists()
    objects.blob(blob.name).delete(if_generation_match=blob.generation)
    assert not blob.exists()


def test_a_copy_keeps_its_precondition(objects: Bucket) -> None:
    """It is about the object that is replaced, not about the one that is copied."""
    source, target = objects.blob("source"), objects.blob("ц/target")
    source.upload_from_string(b"new")
    target.upload_from_string(b"old")
    for wrong in (0, source.generation):
        with pytest.raises(PreconditionFailed):
            objects.copy_blob(source, objects, target.name, if_generation_match=wrong)
        with pytest.raises(PreconditionFailed):
            objects.blob(target.name).rewrite(source, if_generation_match=wrong)
    assert target.download_as_bytes() == b"old"
    objects.copy_blob(source, objects, target.name, if_generation_match=target.generation)
    assert target.download_as_bytes() == b"new"


def test_a_wrong_checksum_is_refused(objects: Bucket) -> None:
    """Nothing is stored."""
    blob = objects.blob("a")
    blob.crc32c = "AAAAAA=="
    with pytest.raises(BadRequest):
        blob.upload_from_string(b"other", checksum=None)
    assert not objects.blob("a").exists()


def test_versions_can_be_listed(storage_proxy: StorageProxy, bucket: str, objects: Bucket) -> None:
    """The client's `versions=True` is understood."""
    objects.blob("a").upload_from_string(b"1")
    assert [blob.name for blob in objects.list_blobs(versions=True)] == ["a"]
    assert storage_proxy.count("GET", "versions=True") == 1


# --- What local-bigquery lies about -----------------------------------------------------------------------------------


def test_a_table_is_there_or_not(bigquery_server: Address, dataset: str) -> None:
    """Eight create it and look at once: one has made it, the others hear so, and nobody sees it without its column."""
    client = bigquery_client(PROJECT, Endpoints(bigquery=bigquery_server.url), timeout_s=30, deadline_s=60)
    at_once = threading.Barrier(8)

    def create(name: str) -> bool:
        table = bigquery.Table(f"{PROJECT}.{dataset}.{name}", schema=[bigquery.SchemaField("ds", "DATE")])
        at_once.wait()
        try:
            client.create_table(table)
        except Conflict:
            is_maker = False
        else:
            is_maker = True
        assert [field.name for field in client.get_table(table).schema] == ["ds"]
        return is_maker

    with ThreadPoolExecutor(8) as pool:
        for number in range(10):
            assert sum(pool.map(create, [f"table_{number}"] * 8)) == 1


def test_a_query_sent_again_is_answered_again(bigquery_server: Address) -> None:
    """With the id of a request whose answer was lost, the answer is that of the first time."""
    url = f"{bigquery_server.url}/bigquery/v2/projects/{PROJECT}/queries"
    body = json.dumps({"query": "SELECT RAND()", "useLegacySql": False, "requestId": secrets.token_hex(8)}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    first, second = (json.load(urllib.request.urlopen(request, timeout=30))["rows"] for _ in range(2))
    assert first == second


# --- Their life -----------------------------------------------------------------------------------------------------


def test_bigquery_answers(bigquery_server: Address) -> None:
    """Its REST API is there."""
    with urllib.request.urlopen(f"{bigquery_server.url}/bigquery/v2/projects/{PROJECT}/datasets", timeout=10) as answer:
        assert answer.status == 200


KILLED_SESSION = """
import os, signal, sys
from pathlib import Path
from stand_ins.servers import start_storage

print(start_storage(Path(sys.argv[1])).url, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.usefixtures("_stand_ins")
def test_a_server_ends_with_its_session(tmp_path: Path) -> None:
    """Also when the session is killed: nobody listens on its port any longer."""
    command = [sys.executable, "-c", KILLED_SESSION, str(tmp_path)]
    session = subprocess.run(command, env={"PYTHONPATH": str(TESTS)}, stdout=subprocess.PIPE, text=True, check=False)
    assert session.returncode == -signal.SIGKILL
    port = urlsplit(session.stdout.strip()).port
    until = time.monotonic() + 10
    while _listens(port) and time.monotonic() < until:
        time.sleep(0.02)
    assert not _listens(port)


def _listens(port: int | None) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    """The end of what it said is in the error."""
    command = [sys.executable, "-c", "import sys; sys.exit('no port left')"]
    with pytest.raises(RuntimeError, match="no port left"):
        servers._started(command, tmp_path / "log", "http://127.0.0.1:9", "http://127.0.0.1:9/")


# --- Their environment ----------------------------------------------------------------------------------------------


def test_without_the_right_python_the_reason_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is shown when the environment is built, and by every test that is skipped for it."""
    folder = tmp_path / ".stand-ins"
    for module in (build, servers):
        monkeypatch.setattr(module, "FOLDER", folder)
    monkeypatch.setattr(build, "candidates", lambda: iter([str(tmp_path / "no-such-python")]))
    assert servers.missing() == "not built yet; run make .stand-ins/ready"
    build.main()
    assert "no Python 3.13 found" in capsys.readouterr().err
    assert (servers.missing() or "").startswith("no Python 3.13 found")
    assert not (folder / "ready").exists()


def test_an_environment_that_cannot_be_installed_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What failed is the reason."""
    monkeypatch.setattr(build, "FOLDER", tmp_path / ".stand-ins")
    monkeypatch.setattr(servers, "FOLDER", tmp_path / ".stand-ins")
    failing = tmp_path / "python3.13"
    failing.write_text("#!/bin/sh\ncase $1 in -c) echo 3 13;; *) echo no room left >&2; exit 1;; esac\n")
    failing.chmod(0o755)
    monkeypatch.setattr(build, "candidates", lambda: iter([str(failing)]))
    build.main()
    assert "no room left" in (servers.missing() or "")
