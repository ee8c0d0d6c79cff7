"""SIGTERM: stopped in order where that is possible, and in time where it is not. Every case is a process of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from skucast.core.errors import InputError
from skucast.entry.app import until_interrupted
from skucast.runtime import stopping
from skucast.runtime.outcome import run_each
from skucast.runtime.stopping import Stopped, check_stop, stop_goes_through, stops_on_sigterm

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


@pytest.fixture
def _here(monkeypatch):
    """Signals of this process, which is not to be ended in time, and hears Ctrl-C also if it was started without."""

    def only_listen(heard):
        with heard:
            while heard.recv(64):
                pass

    monkeypatch.setattr(stopping, "_end_in_time", only_listen)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def as_compiled_code_does(number):
    """Like numba's dispatcher: what a signal raised in it comes out as the cause of another error."""
    try:
        signal.raise_signal(number)
    except BaseException as error:
        raise SystemError("CPUDispatcher(...) returned a result with an exception set") from error


def as_a_reader_does(number):
    """An error of our own, of whatever a library raised: its cause is not shown."""
    try:
        as_compiled_code_does(number)
    except SystemError as error:
        raise InputError(f"cannot be read ({error})") from None


def as_a_bare_except_does(number):
    """Nothing comes out at all."""
    with contextlib.suppress(BaseException):
        signal.raise_signal(number)


@pytest.mark.parametrize("swallows", [as_compiled_code_does, as_a_reader_does, as_a_bare_except_does])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.usefixtures("_here")
def test_what_a_library_makes_of_it_stops_the_run_all_the_same(swallows, number, code, caplog):
    """The signal comes during the second of four: no outcome of it, no third, nobody is blamed; 143, Ctrl-C 130."""
    begun, done = [], []

    def work(name, _):
        begun.append(name)
        if name == "b":
            swallows(number)

    def start():
        outcomes = run_each([(each, 0) for each in "abcd"], work, what="try")
        done.extend(outcome.combination for outcome in outcomes)
        return 0

    assert until_interrupted(start) == code
    assert (begun, done) == (["a", "b"], ["a"])
    assert "try failed" not in caplog.text


@pytest.mark.usefixtures("_here")
def test_a_result_that_is_being_stored_is_the_last():
    """The signal is swallowed by who takes the first outcome: the second is not begun."""
    begun = []

    def start():
        for _ in run_each([("a", 0), ("b", 0)], lambda name, _: begun.append(name), what="try"):
            with contextlib.suppress(BaseException):
                signal.raise_signal(signal.SIGTERM)
        return 0

    assert until_interrupted(start) == 143
    assert begun == ["a"]


def test_a_worker_process_knows_of_it_by_its_cause():
    """Where no handler of ours is, what was raised is found behind the error, however deep; other errors pass."""

    def fails():
        try:
            try:
                raise KeyboardInterrupt
            except KeyboardInterrupt as error:
                raise SystemError("returned a result with an exception set") from error
        except SystemError:
            raise ValueError("deep") from None

    with pytest.raises(KeyboardInterrupt), stop_goes_through():
        fails()
    with pytest.raises(ValueError, match="just wrong"), stop_goes_through():
        raise ValueError("just wrong")


@pytest.mark.usefixtures("_here")
def test_the_next_block_knows_nothing_of_a_stop_before():
    """Two runs in one process: the first was stopped, the second is not."""
    with pytest.raises(Stopped), stops_on_sigterm():
        signal.raise_signal(signal.SIGTERM)
    check_stop()
    with stops_on_sigterm():
        check_stop()
