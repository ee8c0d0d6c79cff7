"""SIGTERM and Ctrl-C: the work stops at once, whatever a library makes of it; SIGTERM ends the process in time."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from skucast.core.run import TERMINATED

STOP_WITHIN_S = 7.0
"""Cloud Run kills a task 10 s after SIGTERM; what has not been tidied up by then is abandoned before that."""

LOOKED_FOR_PARENT_S = 1.0
"""How often a worker looks whether its parent is there."""

_COMPLAINING = [logging.getLogger(name) for name in ("concurrent.futures", "py.warnings")]
"""Where the library of the worker processes tells at length that it was stopped in the middle of its work."""


class Stopped(BaseException):
    """SIGTERM arrived: like KeyboardInterrupt it is nobody's failure, so no handler of errors may take it for one."""


_asked: list[type[BaseException]] = []
"""What a signal has raised in the block, however far that has got."""


_told: list[Callable[[], None]] = []
"""What is done as soon as SIGTERM arrives, beside the work that stops."""


@contextmanager
def on_sigterm(act: Callable[[], None]) -> Iterator[None]:
    """Let this be done once if SIGTERM arrives in the block, in a thread of its own, whatever the block is at."""
    _told.append(act)
    try:
        yield
    finally:
        _told.remove(act)


@contextmanager
def stops_on_sigterm() -> Iterator[None]:
    """Let SIGTERM raise Stopped in the block, and end the process after `STOP_WITHIN_S` if it is still there.

    Ctrl-C raises KeyboardInterrupt as ever, and is remembered too: see `stop_goes_through`.
    Every write is one replacement or one transaction, so that a process may end anywhere: the old or the new is whole.
    Only the main thread hears signals; in any other the block runs as it is.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _asked.clear()
    heard, told = socket.socketpair()
    told.setblocking(False)
    handler = signal.signal(signal.SIGTERM, _stop)
    is_heeded = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # a job in the background ignores it
    if is_heeded:
        signal.signal(signal.SIGINT, _interrupt)
    descriptor = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
    # The interpreter itself writes into the socket, also while the main thread is in a library that does not return.
    threading.Thread(target=_end_in_time, args=(heard,), name="sigterm", daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(descriptor)
        signal.signal(signal.SIGTERM, handler)
        if is_heeded:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        _asked.clear()
        told.close()


@contextmanager
def stop_goes_through() -> Iterator[None]:
    """Stop the block's caller too where a library has made an error of the stop, or has swallowed it.

    Compiled code hands on a SystemError that is caused by it; a bare `except:` hands on nothing.

    Raises:
        Stopped: SIGTERM has asked for it.
        KeyboardInterrupt: Ctrl-C has.
    """
    try:
        yield
    except Exception as error:
        if stop := next(_stops_behind(error), None):
            raise stop from None
        check_stop()
        raise
    check_stop()


def check_stop() -> None:
    """Raise Stopped or KeyboardInterrupt if a signal has raised it before, and the work goes on all the same."""
    if _asked:
        raise _asked[0]


def ends_with(parent: int) -> None:
    """Let this process end soon after its parent has, however that ended: a worker's work is for nobody else.

    It asks every second. Linux could signal it (PR_SET_PDEATHSIG), but does so when the thread ends that started it.
    """
    threading.Thread(target=_end_with, args=(parent,), name="parent", daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOKED_FOR_PARENT_S)
    os._exit(TERMINATED)


def _stops_behind(error: BaseException) -> Iterator[type[BaseException]]:
    """What stopped the work, among the causes of the error: a worker process knows of it by them alone."""
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, Stopped | KeyboardInterrupt):
            yield type(each)
        waiting += [each.__context__, each.__cause__]


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    _asked.append(KeyboardInterrupt)
    raise KeyboardInterrupt


def _stop(_number: int, _frame: FrameType | None) -> None:
    _asked.append(Stopped)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not disturb the tidying up
    for logger in _COMPLAINING:
        logger.disabled = True
    raise Stopped


def _end_in_time(heard: socket.socket) -> None:
    """Wait for the number of SIGTERM, then end the process in time; end with the block if it never comes."""
    with heard:
        while numbers := heard.recv(64):
            if signal.SIGTERM in numbers:
                for act in tuple(_told):
                    threading.Thread(target=act, name="sigterm", daemon=True).start()
                time.sleep(STOP_WITHIN_S)
                os._exit(TERMINATED)
