"""A run as a process that stops before each of its operations and waits to be told how to go on.

Between two such gates lie points: each statement to DuckDB, each file that is opened for writing, renamed or removed,
each request that is sent. At the n-th of them the process can be told to kill itself, or to send itself SIGTERM.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

from skucast.core.errors import SkucastError
from skucast.core.run import DONE, FAILED, TERMINATED
from skucast.entry.app import until_interrupted

UNTYPED = 70
"""Exit code of a run that ended with an error that is none of ours."""

_EFFECTS = ("os.rename", "os.link", "os.remove", "os.mkdir", "http.client.send")


class Gates:
    """This process's side of the two pipes to whoever conducts it."""

    def __init__(self, told: int, says: int) -> None:
        self._told, self._says = os.fdopen(told, "rb"), says
        self._left: int | None = None
        self._signal = signal.SIGKILL
        self.is_signalled = False

    def read(self) -> Any:
        """Return what is told next; the process ends with who tells."""
        line = self._told.readline()
        if not line:
            os._exit(0)
        return json.loads(line)

    def say(self, **what: Any) -> None:
        """Tell the conductor something."""
        os.write(self._says, (json.dumps(what) + "\n").encode())

    def wait(self, name: str) -> None:
        """Stop before an operation until the conductor says how to go on."""
        self._left = None
        self.say(at=name)
        fault, count = self.read()
        self.is_signalled |= fault in ("term", "asked")
        if fault in ("kill", "term"):
            self._left, self._signal = count, signal.SIGKILL if fault == "kill" else signal.SIGTERM
        elif fault == "full":
            limit_files(count)

    def forget(self) -> None:
        """Be a new run, of which nothing of the one before is true."""
        self._left = None

    def point(self) -> None:
        """Be at a point inside an operation."""
        if self._left is None:
            return
        self._left -= 1
        if self._left < 0:
            self._left = None
            self.say(hit=self._signal.name)
            os.kill(os.getpid(), self._signal)

    def watch(self) -> None:
        """Count the points of this process from now on; it cannot be undone."""

        def heard(event: str, given: tuple[Any, ...]) -> None:
            if self._left is None:
                return
            if event in _EFFECTS or (event == "open" and isinstance(given[2], int) and given[2] & _WRITES):
                self.point()

        sys.addaudithook(heard)
        _watch_duckdb(self.point)


_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Gated:
    """A protocol's object that stops at a gate before each of its methods."""

    def __init__(self, real: Any, wait: Callable[[str], None]) -> None:
        self._real, self._wait = real, wait

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        return gated(found, name, self._wait) if callable(found) else found


def gated(real: Callable[..., Any], name: str, wait: Callable[[str], None]) -> Callable[..., Any]:
    """Return the function behind a gate."""

    def at_gate(*args: Any, **named: Any) -> Any:
        wait(name)
        return real(*args, **named)

    return at_gate


class _Pointed:
    """A connection to DuckDB whose statements are points."""

    def __init__(self, real: Any, point: Callable[[], None]) -> None:
        self._real, self._point = real, point

    def cursor(self) -> _Pointed:
        return _Pointed(self._real.cursor(), self._point)

    def execute(self, *given: Any) -> Any:
        self._point()
        return self._real.execute(*given)

    def commit(self) -> Any:
        self._point()
        found = self._real.commit()
        self._point()
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def _watch_duckdb(point: Callable[[], None]) -> None:
    import duckdb

    real = duckdb.connect
    duckdb.connect = lambda *args, **named: _Pointed(real(*args, **{"config": {"threads": 1}, **named}), point)


def limit_files(most_bytes: int) -> None:
    """Let no file of this process grow beyond so many bytes: what a full disk does to whoever writes."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, resource.RLIM_INFINITY))


def serve(told: int, says: int, play: Callable[[Gates, Any], None]) -> NoReturn:
    """Be one run after another, each from its beginning to its exit code, until one was sent a signal.

    What each is comes as the first line that is told; the last thing that it says is how it ended.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # until a run begins, and after it has ended
    gates = Gates(told, says)
    gates.watch()
    while True:
        what = gates.read()
        gates.forget()
        code, said = _played(gates, lambda what=what: play(gates, what))  # type: ignore[misc]
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        gates.say(end=code, said=said)
        if gates.is_signalled or code == TERMINATED:  # it may have come before the run had read that it would
            os._exit(code)


def _played(gates: Gates, play: Callable[[], None]) -> tuple[int, str]:
    """Return the exit code, and what an error that is none of ours says."""

    def started() -> int:
        try:
            play()
        except SkucastError as error:
            gates.say(typed=type(error).__name__, said=str(error)[:300])
            return FAILED
        return DONE

    try:
        return until_interrupted(started), ""
    except BaseException:  # noqa: BLE001 - it is told, and is a failure of the schedule
        return UNTYPED, traceback.format_exc()[-3000:]
