"""The process that a job is started as: it starts the job as its child, hands signals on, and ends as the child does.

Python hears a signal between two steps of the interpreter, and so does every thread of it. While a library holds the
interpreter's lock nobody hears SIGTERM; this process, which has no library, ends such a job before Cloud Run does.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

GRACE_S = 8.5
"""A job has this long to end after SIGTERM: more than the 7 s that it gives itself, less than Cloud Run's 10 s."""

KILLED = (
    "stopped by SIGTERM; killed as it was in a library that let nobody hear it; "
    "what was finished is kept, run it again to go on"
)

_PR_SET_PDEATHSIG = 1
_HANDED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGQUIT)
_MOST_TOLD = 65_536

_parent: list[int] = []
"""Where this process tells its parent how it logs, if it has one that asks."""


def supervised(start: Callable[[], int]) -> int:
    """Return the exit code of what is started, in a process of its own; this one ends with that code.

    It is called before anything is imported that a job needs. Elsewhere than on Linux, and where there are threads
    already, the start is in this process.
    """
    open_streams()
    if sys.platform != "linux" or threading.active_count() > 1:
        return start()
    us, (asks, told) = os.getpid(), os.pipe()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {*_HANDED_ON, signal.SIGCHLD})
    child = os.fork()
    if child:
        os.close(told)
        os._exit(_ended_as(_watched(child, asks), before))  # it has nothing to tidy up
    os.close(asks)
    _end_with(us)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    os.set_blocking(told, False)
    _parent.append(told)
    code = start()
    _end_at_once(code)
    return code


def open_streams() -> None:
    """Give this process the three streams that all code expects, where whoever started it has closed one: to nowhere.

    Else the next file that is opened has its number, and a library's warning is written into the warehouse.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8", closefd=False))


def tell(line: str) -> None:
    """Let the parent know how to say the last words in the log: a whole line for stdout, or `text`."""
    for told in _parent:
        with suppress(OSError):
            os.write(told, f"{line}\n".encode())


def _end_with(parent: int) -> None:
    """Have the system kill this process as soon as its parent is gone, however that ended."""
    import ctypes

    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(128 + signal.SIGKILL)


def _end_at_once(code: int) -> None:
    """End this process; return where another thread is left, a profiler waits, or what was written does not arrive.

    What is registered for the end is done. The interpreter's own end lets go of each module and frame, which takes a
    fifteenth of a monitoring of 525 combinations, and the system takes all of them back anyway.
    """
    others = {each.name for each in threading.enumerate() if each is not threading.main_thread()}
    if others - {"sigterm"} or sys.getprofile() or sys.gettrace():
        return
    atexit._run_exitfuncs()  # noqa: SLF001 - as multiprocessing ends its processes
    try:
        for stream in filter(None, (sys.stdout, sys.stderr)):  # one that was closed before the start is None
            stream.flush()
    except (OSError, ValueError):  # the interpreter has words and an exit code for it
        return
    os._exit(code)


# --- The parent ---------------------------------------------------------------------------------------------------


def _watched(child: int, asks: int) -> int:
    """The child's end, as `waitstatus_to_exitcode` has it: its exit code, or minus the signal that ended it."""
    asked_at: float | None = None
    while True:
        heard = _heard(asked_at)
        if heard is None:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            _say(asks)
            return -signal.SIGTERM
        if heard.si_signo == signal.SIGCHLD:
            if (ended := _reaped(child)) is not None:
                return ended
        elif heard.si_signo != signal.SIGINT or heard.si_code <= 0:  # a terminal's Ctrl-C has reached the child too
            os.kill(child, heard.si_signo)
            if heard.si_signo == signal.SIGTERM:
                asked_at = asked_at or time.monotonic()


def _heard(asked_at: float | None) -> signal.struct_siginfo | None:
    """The next signal; None once the child has not ended in time after SIGTERM."""
    if asked_at is None:
        return signal.sigwaitinfo({*_HANDED_ON, signal.SIGCHLD})
    return signal.sigtimedwait({*_HANDED_ON, signal.SIGCHLD}, max(asked_at + GRACE_S - time.monotonic(), 0.0))


def _reaped(child: int) -> int | None:
    """The child's end if it has come; a container's first process inherits others' children, too."""
    with suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG)) != (0, 0):
            if found[0] == child:
                return os.waitstatus_to_exitcode(found[1])
    return None


def _ended_as(ended: int, before: set[signal.Signals | int]) -> int:
    """The exit code; whom a signal has ended this process follows, but for SIGTERM, whose exit code is 143."""
    if ended >= 0 or ended == -signal.SIGTERM:
        return ended if ended >= 0 else 128 + signal.SIGTERM
    with suppress(OSError):  # SIGKILL
        signal.signal(-ended, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    os.kill(os.getpid(), -ended)
    return 128 - ended  # a container's first process is not ended by its own signal


def _say(asks: int) -> None:
    """The last words, where and how the child has logged; at once or not at all."""
    import select

    os.set_blocking(asks, False)
    told = b""
    with suppress(BlockingIOError):
        told = os.read(asks, _MOST_TOLD)
    line = told.decode("utf-8", "replace").rstrip("\n").rpartition("\n")[2]
    if line.startswith("{"):
        place, said = 1, line
    else:
        place, said = 2, f"{time.strftime('%H:%M:%S')} ERROR   {KILLED}" if line else KILLED
    with suppress(OSError):
        if select.select([], [place], [], 1.0)[1]:
            os.write(place, f"{said}\n".encode())
