"""A scripted reverse proxy in front of a stand-in: what goes wrong on the way.

`Proxy` forwards everything and is told by `on` (and its shorthands) what to do with which requests. Those that answer
as the services do, where the stand-ins do not, are in truthful.py.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

FORWARD_TIMEOUT_S = 60.0
BETWEEN_BYTES_S = 0.05
SLOW_BYTES = 12_000
"""At that pace they take ten minutes."""
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "content-length", "host"}


@dataclass(frozen=True)
class Request:
    """What a client asks; `path` is decoded, with its query, and ends in the object's name if the body has it."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    path: str = ""

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the query, the first of each."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.target).query).items()}


@dataclass(frozen=True)
class Response:
    """What is answered; `cut_at` = the connection ends, or falls silent, after so many bytes of the body.

    `trickle` = what comes ("headers" or "body") comes a byte at a time, for ten minutes and more.
    """

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut_at: int | None = None
    silent: bool = False
    trickle: str | None = None


class Lost(Exception):
    """The connection ends without an answer."""


Before = Callable[[Request], Request | Response | None]
After = Callable[[Request, Response], Response]


@dataclass
class Rule:
    """What to do with the next `times` requests (None = all) of this method and a path in which this is found."""

    method: str
    path: re.Pattern[str]
    times: int | None
    before: Before | None
    after: After | None
    used: int = 0

    def fits(self, request: Request) -> bool:
        """Whether the rule is about this request and not used up."""
        fresh = self.times is None or self.used < self.times
        return fresh and request.method == self.method and self.path.search(request.path) is not None


class Proxy:
    """A reverse proxy on a free loopback port; close it when done."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.requests: list[Request] = []
        self.errors: list[BaseException] = []
        self.stopping = threading.Event()
        self._rules: list[Rule] = []
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    # --- the script -----------------------------------------------------------------------------------------------

    def on(
        self,
        method: str,
        path: str,
        *,
        times: int | None = 1,
        before: Before | None = None,
        after: After | None = None,
    ) -> Rule:
        """Do something with requests whose decoded path and query the pattern is found in; the first rule counts.

        `before` may change the request, answer it, or raise Lost: then it never arrives. `after` may change the answer,
        or raise Lost: then it arrived, and nobody hears of it.
        """
        rule = Rule(method, re.compile(path), times, before, after)
        with self._lock:
            self._rules.append(rule)
        return rule

    def answer(self, status: int, method: str, path: str, *, times: int | None = 1, reason: str = "scripted") -> Rule:
        """Answer with this status, in the services' form, and forward nothing."""
        error = {"code": status, "message": reason, "errors": [{"reason": reason, "message": reason}]}
        body = json.dumps({"error": error}).encode()
        response = Response(status, body, {"Content-Type": "application/json"})
        return self.on(method, path, times=times, before=lambda _: response)

    def refuse_quota(self, method: str, path: str, *, times: int | None = None) -> Rule:
        """Answer 403 as the services do when a quota is used up."""
        return self.answer(403, method, path, times=times, reason="quotaExceeded")

    def lose_answer(self, method: str, path: str, *, times: int | None = 1) -> Rule:
        """Forward the request, then end the connection without an answer."""

        def lose(_: Request, __: Response) -> Response:
            raise Lost

        return self.on(method, path, times=times, after=lose)

    def stall(self, method: str, path: str, *, times: int | None = None) -> Rule:
        """Forward nothing and never answer."""

        def wait(_: Request) -> Response:
            self.stopping.wait()
            raise Lost

        return self.on(method, path, times=times, before=wait)

    def cut(self, method: str, path: str, *, times: int | None = 1, silent: bool = False) -> Rule:
        """Send half of the body, whose announced length is the whole; then end the connection, or fall silent."""

        def half(_: Request, found: Response) -> Response:
            return replace(found, cut_at=len(found.body) // 2, silent=silent)

        return self.on(method, path, times=times, after=half)

    def trickle(self, method: str, path: str, part: str = "body", *, times: int | None = None) -> Rule:
        """Send the headers, or a body that goes on, a byte at a time: never silent, and not done in ten minutes."""
        return self.on(method, path, times=times, after=lambda _, found: replace(found, trickle=part))

    def flip(self, method: str, path: str, *, times: int | None = 1) -> Rule:
        """Change one bit in the middle of the answer."""
        return self.on(method, path, times=times, after=lambda _, found: replace(found, body=flipped(found.body)))

    def flip_upload(self, method: str, path: str, *, times: int | None = 1) -> Rule:
        """Change one bit in the middle of what the client sends."""
        return self.on(method, path, times=times, before=lambda asked: replace(asked, body=flipped(asked.body)))

    def forget(self) -> None:
        """Drop the script and the requests seen so far."""
        with self._lock:
            self._rules.clear()
            self.requests.clear()

    def count(self, method: str, path: str) -> int:
        """Return how many requests came whose decoded path and query the pattern is found in."""
        with self._lock:
            return sum(seen.method == method and bool(re.search(path, seen.path)) for seen in self.requests)

    def close(self) -> None:
        """End all connections and raise what a callback raised."""
        self.stopping.set()
        self._server.shutdown()
        self._server.end_connections()
        self._server.server_close()
        self._thread.join()
        if self.errors:
            raise self.errors[0]

    # --- one request ----------------------------------------------------------------------------------------------

    def respond(self, request: Request) -> Response:
        """Return the answer to a request, as scripted."""
        request = replace(request, path=self.described(request))
        rule = self._take(request)
        if rule is not None and rule.before is not None:
            found = rule.before(request)
            if isinstance(found, Response):
                return found
            request = found or request
        response = self.checked(request) or self.forward(request)
        return rule.after(request, response) if rule is not None and rule.after is not None else response

    def described(self, request: Request) -> str:
        """Return the decoded path and query, which the script's patterns look at."""
        return unquote(request.target)

    def checked(self, request: Request) -> Response | None:
        """Return the answer to a request that the stand-in would wrongly accept, or None."""
        return None

    def forward(self, request: Request) -> Response:
        """Return the stand-in's answer, with its own address replaced by the proxy's."""
        connection = HTTPConnection(urlsplit(self.upstream).netloc, timeout=FORWARD_TIMEOUT_S)
        try:
            # Asked for without compression: addresses in it are replaced.
            headers = {**_end_to_end(request.headers), "accept-encoding": "identity"}
            connection.request(request.method, request.target, request.body or None, headers)
            answer = connection.getresponse()
            body = answer.read()
            found = _end_to_end(dict(answer.getheaders()))
        finally:
            connection.close()
        return Response(answer.status, self._readdressed(body, found), self._located(found))

    def _take(self, request: Request) -> Rule | None:
        with self._lock:
            self.requests.append(request)
            rule = next((rule for rule in self._rules if rule.fits(request)), None)
            if rule is not None:
                rule.used += 1
            return rule

    def _readdressed(self, body: bytes, headers: dict[str, str]) -> bytes:
        is_json = headers.get("content-type", "").startswith("application/json")
        return body.replace(self.upstream.encode(), self.url.encode()) if is_json else body

    def _located(self, headers: dict[str, str]) -> dict[str, str]:
        return {name: value.replace(self.upstream, self.url) for name, value in headers.items()}


def flipped(body: bytes) -> bytes:
    """Return the bytes with one bit in their middle changed."""
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]


def _end_to_end(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items() if name.lower() not in _HOP_BY_HOP}


# --- HTTP -----------------------------------------------------------------------------------------------------------


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    proxy: Proxy

    def __init__(self, *args: Any) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(*args)

    def server_bind(self) -> None:
        """Bind without asking a name server for the name of this machine."""
        socket.socket.bind(self.socket, self.server_address)
        self.server_address = self.socket.getsockname()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def end_connections(self) -> None:
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):  # a client that was killed, or does not wait any longer
            super().handle()

    def _serve(self) -> None:
        proxy = self.server.proxy
        try:
            response = proxy.respond(Request(self.command, self.path, dict(self.headers.items()), self._body()))
        except Lost:
            self._end()
            return
        except Exception as error:  # noqa: BLE001 - raised again where the test can see it, in close()
            if not proxy.stopping.is_set():
                proxy.errors.append(error)
            self._end()
            return
        self._send(response)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve  # noqa: N815 - names of the base

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _send(self, response: Response) -> None:
        if response.trickle is not None:
            self._send_slowly(response)
            return
        self.send_response_only(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.status not in {204, 304}:
            self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body[: response.cut_at])
        if response.silent:
            self.server.proxy.stopping.wait()
        if response.cut_at is not None:
            self._end()

    def _send_slowly(self, response: Response) -> None:
        named = {**response.headers, "Content-Length": str(len(response.body) + SLOW_BYTES)}
        head = f"HTTP/1.1 {response.status} OK\r\n" + "".join(f"{name}: {said}\r\n" for name, said in named.items())
        if response.trickle == "headers":
            self.wfile.write(f"{head}X-Slow: ".encode())
        else:
            self.wfile.write(f"{head}\r\n".encode())
        for _ in range(SLOW_BYTES):
            self.wfile.write(b" ")
            if self.server.proxy.stopping.wait(BETWEEN_BYTES_S):
                break
        self._end()

    def _end(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it has in the base class
        """Say nothing."""
