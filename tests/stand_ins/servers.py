"""The servers that stand in for BigQuery and Cloud Storage: found, started and stopped for one test session.

Each server is the child of a small watcher (this file, run as a script) that ends it when its standard input closes: so
it ends with the session that started it, also when that session is killed.
"""

from __future__ import annotations

import json
import os
import platform
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Protocol

FOLDER = Path(__file__).parents[2] / ".stand-ins"
START_WITHIN_S = 60.0
MAKE_WITHIN_S = 60.0
"""Long: nothing is shown by it, and a busy machine is slow."""

PROJECT = "demo-project"


@dataclass
class Server:
    """A running server: its URL, its other address if it has one, and the process that watches it."""

    url: str
    watcher: subprocess.Popen[bytes]
    grpc: str | None = None

    def stop(self) -> None:
        """Close the watcher's input, which ends the server, and wait for both."""
        if self.watcher.stdin is not None:
            self.watcher.stdin.close()
        self.watcher.wait(timeout=20)


class Reachable(Protocol):
    """Something with the URL of a REST API."""

    @property
    def url(self) -> str:
        """Where it answers."""


def missing() -> str | None:
    """Return why there are no stand-ins on this machine, or None."""
    if (FOLDER / "ready").exists():
        return None
    reason = FOLDER / "unavailable"
    return reason.read_text(encoding="utf-8").strip() if reason.exists() else "not built yet; run make .stand-ins/ready"


def start_storage(folder: Path) -> Server:
    """Start fake-gcs-server; it keeps everything in memory."""
    [port] = _free_ports(1)
    url = f"http://127.0.0.1:{port}"
    options = {
        "scheme": "http",
        "backend": "memory",
        "host": "127.0.0.1",
        "port": port,
        "external-url": url,
        "public-host": f"127.0.0.1:{port}",
        "log-level": "warn",
    }
    flags = [text for name, value in options.items() for text in (f"-{name}", str(value))]
    return _started([_storage_binary(), *flags], folder / "storage.log", url, f"{url}/storage/v1/b?project=any")


def start_bigquery(folder: Path) -> Server:
    """Start local-bigquery with its tables in the folder."""
    port, grpc_port = _free_ports(2)
    url = f"http://127.0.0.1:{port}"
    command = [str(FOLDER / "venv" / "bin" / "python"), "-I"]
    command += [str(Path(__file__).with_name("quick_bigquery.py"))]
    command += ["--host", "127.0.0.1", "--project", PROJECT, "--port", str(port)]
    command += ["--grpc-port", str(grpc_port), "--data-dir", str(folder / "bigquery"), "serve"]
    server = _started(command, folder / "bigquery.log", url, f"{url}/bigquery/v2/projects/{PROJECT}/datasets")
    server.grpc = f"127.0.0.1:{grpc_port}"
    return server


@contextmanager
def new_dataset(server: Reachable) -> Iterator[str]:
    """Give the name of a new, empty dataset, which goes afterwards.

    The server looks through all that it has for every table of a query. Nobody chooses a name: workers share the
    server, and what is made once for a module is made by each of them that runs one of its tests.
    """
    name = f"dataset_{secrets.token_hex(6)}"
    url = f"{server.url}/bigquery/v2/projects/{PROJECT}/datasets"
    body = json.dumps({"datasetReference": {"projectId": PROJECT, "datasetId": name}}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    _opener().open(request, timeout=MAKE_WITHIN_S).close()
    try:
        yield name
    finally:
        dropped = urllib.request.Request(f"{url}/{name}?deleteContents=true", method="DELETE")
        _opener().open(dropped, timeout=MAKE_WITHIN_S).close()


def new_bucket(server: Reachable) -> str:
    """Make an empty bucket and return its name; it stays as long as the server, which keeps it in memory."""
    name = f"bucket-{secrets.token_hex(6)}"
    body = json.dumps({"name": name}).encode()
    request = urllib.request.Request(f"{server.url}/storage/v1/b?project=any", body)
    _opener().open(request, timeout=MAKE_WITHIN_S).close()
    return name


def _storage_binary() -> str:
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    name = f"fake-gcs-server-{platform.system().lower()}-{machine}"
    return str(next((FOLDER / "venv").glob(f"lib/python3.*/site-packages/*/vendor/fake-gcs-server/bin/{name}")))


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _started(command: list[str], log: Path, url: str, ready_url: str) -> Server:
    """Start the server and wait until it answers.

    Raises:
        RuntimeError: it ended, or did not answer in time; with the end of what it said.
    """
    environment = {"HOME": str(FOLDER / "home"), "PATH": os.defpath, "LANG": "C.UTF-8"}
    with log.open("wb") as said:
        watch = [sys.executable, "-I", __file__, *command]
        watcher = subprocess.Popen(watch, stdin=subprocess.PIPE, stdout=said, stderr=said, env=environment)
    server = Server(url, watcher)
    until = time.monotonic() + START_WITHIN_S
    while watcher.poll() is None and time.monotonic() < until:
        if _answers(ready_url):
            return server
        time.sleep(0.05)
    server.stop()
    raise RuntimeError(f"{log.stem} did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _answers(url: str) -> bool:
    try:
        with _opener().open(url, timeout=2) as response:
            return response.status == 200
    except (OSError, HTTPException):
        return False


def _opener() -> urllib.request.OpenerDirector:
    """Return an opener that goes straight to the server, whatever proxies this machine is told to use."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


# --- The watcher ----------------------------------------------------------------------------------------------------


def watch(command: list[str]) -> int:
    """Run the command until it ends or standard input closes; return its exit code."""
    for ignored in (signal.SIGINT, signal.SIGTERM):  # Ctrl-C reaches the whole group; the session decides when to stop
        signal.signal(ignored, signal.SIG_IGN)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    signal.signal(signal.SIGCHLD, lambda *_: os._exit(1))  # it ended by itself: nothing is left to watch
    if child.poll() is not None:
        return 1
    sys.stdin.buffer.read()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child.kill()  # its tables and objects were the session's
    child.wait()
    return 0


if __name__ == "__main__":
    sys.exit(watch(sys.argv[1:]))
