"""One pair of stand-ins for the whole session: started when the first test asks, stopped by the process that began it.

With several workers the process that hands out the tests has the pair, as no worker outlives all others; workers ask it
over HTTP where the servers are.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
import urllib.request
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal, Protocol

from stand_ins.servers import Server, start_bigquery, start_storage
from stand_ins.truthful import BigQueryProxy

Service = Literal["bigquery", "storage"]
ASK_WITHIN_S = 90.0


@dataclass(frozen=True)
class Address:
    """Where a stand-in answers: its REST API, and its other API if it has one."""

    url: str
    grpc: str | None = None


class StandIns(Protocol):
    """Knows where the stand-ins are."""

    def address(self, service: Service) -> Address:
        """Return where the stand-in of the service is; it is started if it is not there yet."""


class OwnStandIns:
    """The stand-ins of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._folder: Path | None = None
        self._servers: list[Server] = []
        self._truthful: BigQueryProxy | None = None
        self._addresses: dict[str, Address] = {}

    def address(self, service: Service) -> Address:
        """Return where the stand-in of the service is; the first call starts it."""
        with self._lock:
            if service not in self._addresses:
                self._folder = self._folder or Path(tempfile.mkdtemp(prefix="stand-ins-"))
                self._addresses[service] = self._bigquery() if service == "bigquery" else self._storage()
            return self._addresses[service]

    def stop(self) -> None:
        """Stop what was started."""
        with self._lock:
            if self._truthful is not None:
                self._truthful.close()
            for server in self._servers:
                server.stop()
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)

    def _storage(self) -> Address:
        assert self._folder is not None
        server = start_storage(self._folder)
        self._servers.append(server)
        return Address(server.url)

    def _bigquery(self) -> Address:
        assert self._folder is not None
        server = start_bigquery(self._folder)
        self._servers.append(server)
        self._truthful = BigQueryProxy(server.url)
        return Address(self._truthful.url, server.grpc)


class StandInsElsewhere:
    """The stand-ins of the process that hands out the tests."""

    def __init__(self, url: str) -> None:
        self._url = url

    def address(self, service: Service) -> Address:
        """Ask where the stand-in of the service is."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self._url}/{service}", timeout=ASK_WITHIN_S) as answer:
            return Address(**json.load(answer))


class Reception:
    """Tells the workers where the stand-ins are; `url` is its own address."""

    def __init__(self, stand_ins: OwnStandIns) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = stand_ins.address("bigquery" if self.path == "/bigquery" else "storage")
                body = json.dumps(vars(found)).encode()
                self.send_response_only(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it has in the base class
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Answer nobody any longer."""
        self._server.shutdown()
        self._server.server_close()
