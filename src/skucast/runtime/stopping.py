"""SIGTERM: the work stops at once, and the process is gone before whoever sent it loses patience."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from skucast.core.run import TERMINATED

STOP_WITHIN_S = 7.0
"""Cloud Run kills a task 10 s after SIGTERM; what has not been tidied up by then is abandoned before that."""


_COMPLAINING = [logging.getLogger(name) for name in ("concurrent.futures", "py.warnings")]
"""Where the library of the worker processes tells at length that it was stopped in the middle of its work."""


class Stopped(BaseException):
    """SIGTERM arrived: like KeyboardInterrupt it is nobody's failure, so no handler of errors may take it for one."""


@contextmanager
def stops_on_sigterm() -> Iterator[None]:
    """Let SIGTERM raise Stopped in the block, and end the process after `STOP_WITHIN_S` if it is still there.

    Every write is one replacement or one transaction, so that a process may end anywhere: the old or the new is whole.
    Only the main thread hears signals; in any other the block runs as it is.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard, told = socket.socketpair()
    told.setblocking(False)
    handler = signal.signal(signal.SIGTERM, _stop)
    descriptor = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
    # The interpreter itself writes into the socket, also while the main thread is in a library that does not return.
    threading.Thread(target=_end_in_time, args=(heard,), name="sigterm", daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(descriptor)
        signal.signal(signal.SIGTERM, handler)
        told.close()


def _stop(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not disturb the tidying up
    for logger in _COMPLAINING:
        logger.disabled = True
    raise Stopped


def _end_in_time(heard: socket.socket) -> None:
    """Wait for the number of SIGTERM, then end the process in time; end with the block if it never comes."""
    with heard:
        while numbers := heard.recv(64):
            if signal.SIGTERM in numbers:
                time.sleep(STOP_WITHIN_S)
                os._exit(TERMINATED)
