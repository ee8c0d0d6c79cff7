"""Requests end although somebody goes on sending, and answers are read no further than they may be long.

What drips would go on for ten minutes: that a call ended at all shows its deadline.
"""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache

import google.auth.transport.requests
import pytest
import requests
from google.auth.exceptions import TransportError

from skucast.backends import cloud, http, webhook
from skucast.backends.deadline import BodyTooLarge, bounded, within
from skucast.backends.http import Answer, ask

Speak = Callable[[socket.socket, threading.Event], None]


class Listener:
    """A server on a free port that speaks as it is told to, once the request has come."""

    def __init__(self, speak: Speak) -> None:
        self.n_asked = 0
        self.over = threading.Event()
        self._speak = speak
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/SECRET"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection = self._socket.accept()[0]
            except OSError:
                return
            self.n_asked += 1
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            try:
                connection.recv(65536)
                self._speak(connection, self.over)
            except OSError:  # the client has had enough
                return

    def close(self) -> None:
        self.over.set()
        self._socket.close()


def dripping(beginning: bytes) -> Speak:
    """Send this, then a byte every 50 ms for ten minutes."""

    def speak(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(beginning)
        for _ in range(12_000):
            if over.wait(0.05):
                return
            connection.sendall(b"x")

    return speak


def saying(*parts: bytes, times: int = 1) -> Speak:
    """Send the parts, the last one so often."""

    def speak(connection: socket.socket, _: threading.Event) -> None:
        for part in parts[:-1]:
            connection.sendall(part)
        for _ in range(times):
            connection.sendall(parts[-1])

    return speak


@pytest.fixture
def listen() -> Iterator[Callable[[Speak], Listener]]:
    """Return what starts a server."""
    started: list[Listener] = []

    def start(speak: Speak) -> Listener:
        started.append(Listener(speak))
        return started[-1]

    yield start
    for each in started:
        each.close()


DRIPS = {
    "status line": b"H",
    "headers": b"HTTP/1.1 200 OK\r\nX-Slow: ",
    "body": b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n",
    "chunk size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0",
    "refusal": b"HTTP/1.1 503 Later\r\nContent-Length: 90000\r\n\r\n",
    "redirect": b"HTTP/1.1 302 There\r\nLocation: /x\r\nContent-Length: 90000\r\n\r\n",
}
drips = pytest.mark.parametrize("beginning", DRIPS.values(), ids=DRIPS)


def asked(url: str, within_s: float = 0.4, tries: int = 2) -> Answer:
    """Return the answer to a question that is tried again at once."""
    until = time.monotonic() + within_s
    return ask("GET", url, tries=tries, pause_s=0, pause_max_s=0, timeout_s=5.0, secrets=(), until=until)


@pytest.mark.slow
@drips
def test_a_service_that_drips_is_given_up(listen: Callable[[Speak], Listener], beginning: bytes) -> None:
    """Wherever it drips: one line says so, and after how long."""
    answer = asked(listen(dripping(beginning)).url)
    assert answer.status == 0
    assert answer.trouble is not None
    assert "given up after" in answer.trouble


@pytest.mark.slow
@drips
def test_a_session_of_google_s_is_given_up(listen: Callable[[Speak], Listener], beginning: bytes) -> None:
    """The session that is lent to a client has the deadline of the block, whoever reads the body."""
    session = bounded(requests.Session())
    with pytest.raises(requests.RequestException), within(time.monotonic() + 0.3):
        _ = session.get(listen(dripping(beginning)).url, timeout=5).content


@pytest.mark.slow
@drips
def test_the_metadata_server_is_given_up(
    listen: Callable[[Speak], Listener], monkeypatch: pytest.MonkeyPatch, beginning: bytes
) -> None:
    """Who asks for a token has an end, without a block around it."""
    monkeypatch.setattr(cloud, "IDENTITY_WITHIN_S", 0.3)
    request = cloud.identity_request()
    assert isinstance(request, google.auth.transport.requests.Request)
    with pytest.raises(TransportError):
        request(listen(dripping(beginning)).url, timeout=5)


@pytest.mark.slow
@drips
def test_a_chat_that_drips_is_given_up(
    listen: Callable[[Speak], Listener], monkeypatch: pytest.MonkeyPatch, beginning: bytes
) -> None:
    """The digest is not delivered; the run goes on."""
    monkeypatch.setattr(webhook, "DEADLINE_S", 0.3)
    with pytest.raises(webhook.WebhookError, match=r"given up after \d+\.\d s; check") as error:
        webhook.post(listen(dripping(beginning)).url, "text")
    assert "SECRET" not in repr(error.value)


@pytest.mark.slow
def test_an_upload_that_nobody_takes_is_given_up(listen: Callable[[Speak], Listener]) -> None:
    """The other side reads a little now and then: never silent, and it would take hours."""

    def sip(connection: socket.socket, over: threading.Event) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        while not over.wait(0.05):
            connection.recv(512)

    session = bounded(requests.Session())
    with pytest.raises(requests.RequestException), within(time.monotonic() + 0.5):
        session.put(listen(sip).url, data=b"x" * 50_000_000, timeout=5)


def test_no_try_begins_after_the_deadline(listen: Callable[[Speak], Listener]) -> None:
    """A pause of an hour between tries is cut: the one try that was made is the answer."""
    listener = listen(saying(b"HTTP/1.1 503 Later\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n"))
    until = time.monotonic() + 0.3
    answer = ask("GET", listener.url, tries=4, pause_s=1, pause_max_s=3600, timeout_s=5, secrets=(), until=until)
    assert listener.n_asked == 1
    assert answer.status == 503 or answer.error is not None


# --- Sizes ----------------------------------------------------------------------------------------------------------

MEGABYTE = b"x" * 1_000_000
ENDLESS = b"HTTP/1.1 %d OK\r\nConnection: close\r\n\r\n"


@cache
def bomb() -> bytes:
    """Return 400 MB of blanks, packed: when a test wants them, not whenever the tests are collected."""
    return gzip.compress(b" " * 400_000_000, 9)


def packed(status: int) -> Speak:
    """Send a little that is much once it is unpacked."""

    def speak(connection: socket.socket, over: threading.Event) -> None:
        head = b"HTTP/1.1 %d OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
        saying(head % (status, len(bomb())), bomb())(connection, over)

    return speak


LARGE = {
    "announced": saying(b"HTTP/1.1 200 OK\r\nContent-Length: 3000000000\r\n\r\n", b"x"),
    "not announced": saying(ENDLESS % 200, MEGABYTE, times=3000),
    "packed": packed(200),
}


@pytest.mark.slow
@pytest.mark.parametrize("speak", LARGE.values(), ids=LARGE)
def test_an_answer_without_end_is_read_no_further(listen: Callable[[Speak], Listener], speak: Speak) -> None:
    """Announced, sent or unpacked: more than any answer can have is none, and said so."""
    answer = asked(listen(speak).url, within_s=60)
    assert answer.error is BodyTooLarge
    assert answer.trouble == f"an answer of more than {http.MOST_BYTES:,} bytes"


REFUSALS = {
    "not announced": saying(ENDLESS % 404, MEGABYTE, times=3000),
    "packed": packed(404),
    "leads elsewhere": saying(b"HTTP/1.1 302 There\r\nLocation: /x\r\n\r\n", MEGABYTE, times=3000),
}


@pytest.mark.slow
@pytest.mark.parametrize("speak", REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_without_end_is_read_no_further(listen: Callable[[Speak], Listener], speak: Speak) -> None:
    """Google's clients read the whole of an error for its words."""
    session = bounded(requests.Session())
    with pytest.raises(BodyTooLarge):
        _ = session.get(listen(speak).url, timeout=5).content


def test_nobody_is_followed_elsewhere(listen: Callable[[Speak], Listener]) -> None:
    """A redirect is no answer of these services: neither to another host nor round and round."""
    elsewhere = listen(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
    there = b"HTTP/1.1 302 There\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % elsewhere.url.encode()
    assert bounded(requests.Session()).get(listen(saying(there)).url, timeout=5).status_code == 302
    assert elsewhere.n_asked == 0


def test_a_connection_is_used_again(listen: Callable[[Speak], Listener]) -> None:
    """The deadline of one request is not the next one's: the connection stays open, its timeout is as it was."""

    def twice(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        connection.recv(65536)
        over.wait(0.6)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        over.wait(60)

    listener = listen(twice)
    session = bounded(requests.Session())
    with within(time.monotonic() + 0.5):
        assert session.get(listener.url, timeout=5).content == b"ok"
    assert session.get(listener.url, timeout=5).content == b"ok"
    assert listener.n_asked == 1


def test_what_went_wrong_is_said() -> None:
    """Nobody listens: no connection, and nothing of a time that was not waited for."""
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    answer = asked(f"http://127.0.0.1:{port}", within_s=60, tries=1)
    assert not answer.was_sent
    assert str(answer.trouble).startswith("no connection, given up after ")
