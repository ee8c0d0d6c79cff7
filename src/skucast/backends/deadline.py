"""HTTP with an end: a request is over at its deadline, whatever the other side sends and however slowly.

A timeout of `requests` is a silence: who sends a byte a second is never silent. Here connecting, sending, the headers,
the body, and all tries of the adapter's own share one deadline, and what an answer may hold is bounded, unpacked too.
Our own calls and Google's clients go through the same adapter.
"""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from http.client import HTTPResponse
from typing import Any

from requests import Response
from requests.adapters import HTTPAdapter
from requests.exceptions import ConnectTimeout, RequestException
from urllib3 import PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util import Retry

LONGEST_S = 600.0
"""A request of which nothing else is said is over after this."""

MOST_BYTES = 256 * 1024 * 1024
"""Of an answer of Google's that is JSON; a page of results has at most some 20 MB."""

MOST_BYTES_OF_REFUSAL = 1024 * 1024
"""Of an answer that is an error or leads elsewhere."""

_PIECE = 64 * 1024
_until: ContextVar[float] = ContextVar("until", default=float("inf"))
_most_of_a_file: ContextVar[int | None] = ContextVar("most_of_a_file", default=None)


class BodyTooLarge(RequestException):
    """The answer is longer than any answer to this can be."""


@contextmanager
def within(until: float, *, is_tidying: bool = False) -> Iterator[None]:
    """End all requests of the block at this moment (monotonic), or at that of a block around it if that is earlier.

    What tidies up after a deadline has passed has a deadline of its own.
    """
    token = _until.set(until if is_tidying else min(until, _until.get()))
    try:
        yield
    finally:
        _until.reset(token)


@contextmanager
def files_of(most_bytes: int) -> Iterator[None]:
    """Refuse files of Cloud Storage that announce more bytes, before one of them is read (BodyTooLarge)."""
    token = _most_of_a_file.set(most_bytes)
    try:
        yield
    finally:
        _most_of_a_file.reset(token)


class BoundedRetry(Retry):
    """Tries again, and pauses, only until the deadline."""

    def get_backoff_time(self) -> float:
        """Return the next pause in seconds."""
        return min(super().get_backoff_time(), max(_until.get() - time.monotonic(), 0.0))

    def get_retry_after(self, response: Any) -> float | None:
        """Return the pause that the service asks for, in seconds."""
        asked = super().get_retry_after(response)
        return asked if asked is None else min(asked, max(_until.get() - time.monotonic(), 0.0))

    def is_exhausted(self) -> bool:
        """Return whether this was the last try."""
        return super().is_exhausted() or time.monotonic() >= _until.get()


def bounded(session: Any, **adapter: Any) -> Any:
    """Return the session, all of whose requests have a deadline and bounded answers, and follow nobody elsewhere."""
    for scheme in ("http://", "https://"):
        session.mount(scheme, BoundedAdapter(**adapter))
    session.get_redirect_target = _nowhere  # asking for it reads the answer that leads there
    return session


def _nowhere(_: Response) -> None:
    return None


class BoundedAdapter(HTTPAdapter):
    """What sends the requests of a session."""

    def __init__(self, *, longest_s: float = LONGEST_S, most_bytes: int | None = MOST_BYTES, **pool: Any) -> None:
        self._longest_s = longest_s
        self._most_bytes = most_bytes
        super().__init__(**pool)

    def init_poolmanager(self, *parts: Any, **options: Any) -> None:
        """Make the pool of connections that know the deadline."""
        super().init_poolmanager(*parts, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *parts: Any, **options: Any) -> Any:
        """Return the pool of connections through a proxy, which know it too."""
        manager: PoolManager = super().proxy_manager_for(*parts, **options)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def send(self, *parts: Any, **options: Any) -> Response:
        """Send the request, and return its answer, whose body is read until the same deadline."""
        with within(time.monotonic() + self._longest_s):
            try:
                return super().send(*parts, **options)
            except TimeoutError as error:  # before anything was sent, where urllib3 does not look for it
                raise ConnectTimeout(str(error)) from None

    def build_response(self, req: Any, resp: Any) -> Response:
        """Return the answer, bounded; of a file that is announced as larger than its reader takes, nothing is read."""
        found = _Bounded()
        found.__dict__.update(super().build_response(req, resp).__dict__)
        is_media = "alt=media" in (req.url or "")  # files, whose readers know how large they may be
        found.most_bytes = None if is_media else self._most_bytes
        if found.status_code >= 300:
            found.most_bytes = min(MOST_BYTES_OF_REFUSAL, self._most_bytes or MOST_BYTES_OF_REFUSAL)
        elif is_media and (most := _most_of_a_file.get()) is not None:
            try:
                refuse_announced(found.headers.get("Content-Length"), most)
            except BodyTooLarge:
                found.close()  # and its connection: the body is on its way
                raise
        return found


class _Bounded(Response):
    """An answer that is read no further than it may be long."""

    most_bytes: int | None = None

    def iter_content(self, chunk_size: int | None = 1, decode_unicode: Any = False) -> Iterator[Any]:  # noqa: FBT002
        """Yield the body's pieces, unpacked.

        Raises:
            BodyTooLarge: they are more than was to be read.
        """
        if self.most_bytes is None or self._content is not False:
            yield from super().iter_content(chunk_size, decode_unicode)
            return
        refuse_announced(self.headers.get("Content-Length"), self.most_bytes)
        n_bytes = 0
        for piece in super().iter_content(chunk_size, decode_unicode):
            n_bytes += len(piece)
            refuse_larger(n_bytes, self.most_bytes)
            yield piece


def refuse_announced(length: str | None, most: int) -> None:
    """Raise BodyTooLarge if the answer says so itself."""
    if length is not None and length.isascii() and length.isdecimal():
        refuse_larger(float(length), most)


def refuse_larger(n_bytes: float, most: int) -> None:
    """Raise BodyTooLarge if these are more bytes than an answer may have."""
    if n_bytes > most:
        raise BodyTooLarge(f"an answer of more than {most:,} bytes")


# --- Connections ----------------------------------------------------------------------------------------------------


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("the deadline of the request has passed")
    return left


def _shorter(timeout: float | None, until: float) -> float | None:
    left = _left(until)
    if left == float("inf"):
        return timeout
    return left if timeout is None else min(timeout, left)


class _Reading(io.RawIOBase):
    """The socket's bytes, each read of which waits for the timeout at the most, and all of them until the deadline."""

    def __init__(self, connection: socket.socket, until: float) -> None:
        self._connection, self._until = connection, until
        self._timeout = connection.gettimeout()
        self._file: Any = connection.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._connection.settimeout(_shorter(self._timeout, self._until))
        read: int | None = self._file.readinto(buffer)
        return read

    def close(self) -> None:
        self._file.close()
        super().close()


class _Answer(HTTPResponse):
    """An answer whose status, headers and body are read until the deadline."""

    def __init__(self, sock: socket.socket, *parts: Any, **options: Any) -> None:
        super().__init__(sock, *parts, **options)
        self.fp.close()
        self.fp = io.BufferedReader(_Reading(sock, _until.get()), _PIECE)


class _Connecting:
    """A connection that is made, and sends, until the deadline."""

    response_class: Any = _Answer
    timeout: float | None
    sock: Any

    def connect(self) -> None:
        self.timeout = _shorter(self.timeout, _until.get())
        super().connect()  # type: ignore[misc]

    def send(self, data: Any) -> None:
        until = _until.get()
        pieces = [data]
        if isinstance(data, bytes | bytearray | memoryview):
            view = memoryview(data).cast("B")
            pieces = [view[first : first + _PIECE] for first in range(0, max(len(view), 1), _PIECE)]
        for piece in pieces:
            if self.sock is not None:
                self.sock.settimeout(_shorter(self.timeout, until))
            super().send(piece)  # type: ignore[misc]


class _Plain(_Connecting, HTTPConnection):
    pass


class _Encrypted(_Connecting, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _EncryptedPool(HTTPSConnectionPool):
    ConnectionCls = _Encrypted


_POOLS: dict[str, Any] = {"http": _PlainPool, "https": _EncryptedPool}
