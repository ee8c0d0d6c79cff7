"""SIGTERM: stopped in order where that is possible, and in time where it is not. Every case is a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from skucast.runtime.stopping import stops_on_sigterm

SOURCE = Path(__file__).parents[2] / "src"


def stopped(body: str, *, signals: int = 1, within_s: float = 300) -> tuple[int, str, float]:
    """Run the body until it prints "ready", send it SIGTERM, and return its exit code, what it said, the seconds.

    It may take `within_s` seconds to stop. Left alone, a body goes on for 10 minutes, longer than anybody waits here.
    """
    program = (
        "import sys, threading, time\nfrom skucast.entry import app\nfrom skucast.runtime import stopping\n"
        f"stopping.STOP_WITHIN_S = {within_s}\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program + textwrap.dedent(body)],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    began = time.monotonic()
    for _ in range(signals):
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
    said = process.communicate(timeout=120)[0]
    return process.returncode, said, time.monotonic() - began


@pytest.mark.slow
def test_what_is_being_done_stops_and_tidies_up():
    """The block that waits is left through its `finally`, one line is said, the exit code is 143."""
    code, said, _ = stopped("""
        def work():
            try:
                print("ready", flush=True)
                time.sleep(600)
            finally:
                print("tidied up", flush=True)
        sys.exit(app.until_interrupted(work))
    """)
    assert (code, said.splitlines()) == (
        143,
        ["tidied up", "stopped by SIGTERM; what was finished is kept, run it again to go on"],
    )


@pytest.mark.slow
def test_a_second_one_does_not_disturb_the_tidying_up():
    """Two signals: what the first began is finished."""
    code, said, _ = stopped(
        """
        def work():
            try:
                print("ready", flush=True)
                time.sleep(600)
            finally:
                time.sleep(0.5)
                print("tidied up", flush=True)
        sys.exit(app.until_interrupted(work))
        """,
        signals=2,
    )
    assert code == 143
    assert said.startswith("tidied up\n")


@pytest.mark.slow
def test_no_handler_of_errors_takes_it_for_a_failure():
    """`except Exception` inside the work does not swallow it."""
    code, said, _ = stopped("""
        def work():
            while True:
                try:
                    print("ready", flush=True)
                    time.sleep(600)
                except Exception:
                    print("swallowed", flush=True)
        sys.exit(app.until_interrupted(work))
    """)
    assert code == 143
    assert "swallowed" not in said


@pytest.mark.slow
def test_who_cannot_stop_is_ended_in_time():
    """A thread that nobody can interrupt keeps the process alive: it is ended after the time it has, here 1 s."""
    code, _, seconds = stopped(
        """
        def work():
            threading.Thread(target=time.sleep, args=(600,)).start()
            print("ready", flush=True)
            time.sleep(600)
        sys.exit(app.until_interrupted(work))
        """,
        within_s=1.0,
    )
    assert code == 143
    assert seconds >= 1.0


@pytest.mark.slow
def test_a_call_that_does_not_return_to_python_is_ended_in_time():
    """A library that sits in its own code never lets the handler run; the process ends all the same."""
    code, _, _ = stopped(
        """
        import ctypes
        def work():
            lock, mutex = ctypes.CDLL(None).pthread_mutex_lock, ctypes.create_string_buffer(64)
            lock(mutex)
            print("ready", flush=True)
            lock(mutex)  # held already, by nobody who would ever give it back
        sys.exit(app.until_interrupted(work))
        """,
        within_s=1.0,
    )
    assert code == 143


def test_outside_the_block_signals_are_as_before():
    """The handler is put back, and a thread that is not the main one runs its block as it is."""
    before = signal.getsignal(signal.SIGTERM)
    with stops_on_sigterm():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
    ran = []

    def in_a_thread():
        with stops_on_sigterm():
            ran.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=in_a_thread)
    thread.start()
    thread.join()
    assert ran == [before]
