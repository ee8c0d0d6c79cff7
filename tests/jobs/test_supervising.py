"""A job is the child of a small process that hands on signals, ends as it does, and kills it where it cannot hear."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from skucast.runtime import supervising
from skucast.runtime.supervising import KILLED, supervised

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a job is its own process, as before")

ROOT = Path(__file__).parents[2]

PROGRAM = """
import os, sys, signal, time
sys.path.insert(0, {source!r})
from skucast.runtime import supervising
supervising.GRACE_S = {grace}
signal.signal(signal.SIGINT, signal.default_int_handler)  # which is ignored where the tests run in the background
def start():
{body}
sys.exit(supervising.supervised(start))
"""

HOLDS_THE_LOCK = """
    from skucast.entry.app import until_interrupted
    def work():
        import ctypes
        from skucast.runtime.logs import setup_logging
        from skucast.runtime.reading import settings_of
        if {format!r}:
            setup_logging(settings_of(log_format={format!r}), run_id="r1", job="predict")
        ctypes.PyDLL(None).system(b"echo $$; exec sleep 600")  # a library that keeps the interpreter's lock
        return 0
    return until_interrupted(work)
"""

WAITS = """
    print(os.getpid(), flush=True)
    time.sleep(600)
    return 0
"""


def program(body: str, grace: float = 600.0) -> list[str]:
    """Return the command that runs the body as a job."""
    text = PROGRAM.format(source=str(ROOT / "src"), grace=grace, body=body)
    return [sys.executable, "-c", text]


@contextmanager
def waiting(body: str, grace: float = 600.0) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Give the process and the number of another one, which it has printed when it is at its wait."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    command = program(body, grace)
    with subprocess.Popen(command, text=True, start_new_session=True, **pipes) as job:
        inside = int(job.stdout.readline())
        try:
            yield job, inside
        finally:
            for each in (job.pid, inside):
                with suppress(ProcessLookupError):
                    os.kill(each, signal.SIGKILL)


def has_ended(process: int) -> bool:
    """Return whether the process ends, or has ended, within a minute."""
    try:
        handle = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], 60.0)[0])
    finally:
        os.close(handle)


@pytest.mark.parametrize("form", ["", "text", "json"])
def test_a_job_in_a_library_that_keeps_the_lock_is_ended(form: str) -> None:
    """The library sleeps for ten minutes. Exit code 143, one line where the job logs, with its fields."""
    with waiting(HOLDS_THE_LOCK.format(format=form), grace=0.3) as (job, library):
        job.send_signal(signal.SIGTERM)
        assert job.wait(timeout=60) == 143
        os.kill(library, signal.SIGKILL)  # which has the job's stdout
        shown, said = job.communicate()
    if form == "json":
        entry = json.loads(shown)
        assert (entry["message"], entry["severity"]) == (KILLED, "ERROR")
        assert (entry["run_id"], entry["job"], said) == ("r1", "predict", "")
    else:
        (line,) = said.splitlines()
        assert line.endswith(KILLED)
        assert (" ERROR   " in line) == (form == "text")


@pytest.mark.parametrize("code", [0, 1, 2, 130, 143])
def test_exit_code_input_and_output_are_the_child_s(code: int) -> None:
    """As if there were one process."""
    body = f"    sys.stdout.write(sys.stdin.read().upper())\n    sys.stderr.write('said')\n    return {code}\n"
    done = subprocess.run(program(body), input="a\nb", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (code, "A\nB", "said")


def end_of(body: str, **how: Any) -> subprocess.CompletedProcess[str]:
    """Return what a job that ends by itself has shown, and its exit code."""
    return subprocess.run(program(body), text=True, check=False, **({"capture_output": True} | how))


def test_the_end_is_at_once_and_what_is_registered_for_it_is_done() -> None:
    """No module's objects are let go of one by one; what is to be tidied up is."""
    body = """
    import atexit
    class Kept:
        def __del__(self): print("let go")
    sys.kept = Kept()
    atexit.register(print, "tidied up")
    return 3
"""
    done = end_of(body)
    assert (done.returncode, done.stdout, done.stderr) == (3, "tidied up\n", "")


def test_a_thread_that_is_left_is_waited_for() -> None:
    """It reads what comes after the job has returned."""
    body = "    import threading\n    threading.Thread(target=lambda: print(sys.stdin.read())).start()\n    return 0\n"
    assert end_of(body, input="heard").stdout == "heard\n"


@pytest.mark.parametrize("closed", ["1>&-", "2>&-", "1>&- 2>&-"])
def test_without_a_stream_the_exit_code_is_the_job_s(closed: str) -> None:
    """Started by something that has closed it."""
    command = ["sh", "-c", f'exec "$@" {closed}', "sh", *program("    return 2")]
    assert subprocess.run(command, check=False).returncode == 2


def test_a_profile_is_written(tmp_path: Path) -> None:
    """Who profiles a job gets it at the interpreter's own end."""
    script, found = tmp_path / "job.py", tmp_path / "found"
    script.write_text(program("    return 3")[2], encoding="utf-8")
    command = [sys.executable, "-m", "cProfile", "-o", str(found), str(script)]
    subprocess.run(command, check=False)
    assert found.stat().st_size


def test_what_does_not_arrive_has_the_interpreter_s_exit_code() -> None:
    """The disk that stdout goes to is full."""
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with Path("/dev/full").open("w") as full:
        streams = {"capture_output": False, "stdout": full, "stderr": subprocess.PIPE}
        done = end_of("    sys.stdout.write('a')\n    return 0\n", env=buffered, **streams)
    assert (done.returncode, "No space left" in done.stderr) == (120, True)


def ended_by(number: signal.Signals) -> tuple[int, str]:
    """Return the exit code and the one line of a job that hears, and is sent the signal."""
    body = HOLDS_THE_LOCK.replace(
        'ctypes.PyDLL(None).system(b"echo $$; exec sleep 600")', "print(os.getpid(), flush=True); time.sleep(600)"
    )
    with waiting(body.format(format="text")) as (job, _):
        job.send_signal(number)
        code = job.wait(timeout=60)
        (line,) = job.communicate()[1].splitlines()
    return code, line


def test_a_job_that_hears_ends_by_itself() -> None:
    """Its own line, and nothing is killed: the grace has ten minutes."""
    code, line = ended_by(signal.SIGTERM)
    assert code == 143
    assert line.endswith("stopped by SIGTERM; what was finished is kept, run it again to go on")


def test_who_has_not_begun_to_hear_is_ended_by_the_signal() -> None:
    """A container's first process would not be: the system keeps signals from it that it does not handle."""
    with waiting(WAITS) as (job, inside):
        job.send_signal(signal.SIGTERM)
        assert job.wait(timeout=60) == 143
        assert has_ended(inside)


def test_ctrl_c_is_heard_whoever_sends_it() -> None:
    """A shell sends it to one process, a terminal to both."""
    code, line = ended_by(signal.SIGINT)
    assert code == 130
    assert "stopped by Ctrl-C" in line


@pytest.mark.parametrize("body", [WAITS, HOLDS_THE_LOCK.format(format="")], ids=["idle", "keeps the lock"])
def test_nobody_is_left_when_the_first_process_is_killed(body: str) -> None:
    """The system ends the child, whatever it is at."""
    with waiting(body) as (job, inside):
        (child,) = Path(f"/proc/{job.pid}/task/{job.pid}/children").read_text().split()
        job.kill()
        job.wait()
        assert has_ended(int(child))
        assert body != WAITS or int(child) == inside


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT])
def test_who_started_it_learns_which_signal_has_ended_the_job(number: signal.Signals) -> None:
    """Such as SIGKILL where the memory was used up."""
    with waiting(WAITS) as (job, inside):
        os.kill(inside, number)
        assert job.wait(timeout=60) == -number


def test_without_a_process_of_its_own_it_runs_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """On other systems."""
    monkeypatch.setattr(supervising.sys, "platform", "win32")
    assert supervised(os.getpid) == os.getpid()


def test_every_script_is_supervised_before_it_imports_anything_large() -> None:
    """A fork of a process that has numpy's threads would not be safe."""
    for script in ("predict_weekly.py", "monitor_performance.py", "retrain_models.py", "run_all_skus.py"):
        text = (
            "import os, runpy, sys\n"
            "at_fork = []\n"
            "os.register_at_fork(before=lambda: at_fork.extend(sys.modules))\n"
            f"sys.argv = [{str(ROOT / script)!r}, '--help']\n"
            "try:\n"
            f"    runpy.run_path({str(ROOT / script)!r}, run_name='__main__')\n"
            "except SystemExit as end:\n"
            "    assert at_fork and not {'numpy', 'pandas', 'pydantic', 'google'} & set(at_fork), at_fork\n"
            "    raise\n"
        )
        done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("closed", [(2,), (0, 1, 2)])
def test_a_job_whose_streams_were_closed_has_streams_to_nowhere(tmp_path: Path, closed: tuple[int, ...]) -> None:
    """Else the next file that it opens is its stderr: what libraries warn of would stand in the warehouse."""
    kept = tmp_path / "kept"
    body = f"""
    print("said", file=sys.stderr)
    with open({str(kept)!r}, "w") as file:
        os.write(2, b"warned")
        file.write(str(file.fileno() > 2))
    return 0
"""
    program = PROGRAM.format(source=str(ROOT / "src"), grace=60, body=body)
    shell = f'exec "$0" -c "$1" {" ".join(f"{number}>&-" for number in closed)}'
    done = subprocess.run(["sh", "-c", shell, sys.executable, program], check=False)
    assert done.returncode == 0
    assert kept.read_text() == "True"
