"""A file that kills the run that reads it: the next run puts it aside, named; nobody else's file is blamed."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from folders import BAD, GOOD, PLAN_OF_GOOD, Inbox

from skucast.jobs import promotions
from skucast.regressors.promotion_files import PlanFile, read_plan
from skucast.runtime.stopping import Stopped, stops_on_sigterm

FORK = multiprocessing.get_context("fork")


def reading(inbox: Inbox, at: Connection) -> None:
    """Read the inbox in a process of its own: it says so when it is in the midst of a file, and stays there."""

    def stuck(*_: object) -> PlanFile:
        at.send("reads")
        while True:
            try:
                signal.pause()
            finally:
                at.send("stopped")

    promotions.read_plan = stuck  # type: ignore[assignment]
    with stops_on_sigterm():
        try:
            inbox.ingest()
        except Stopped:
            os._exit(143)


@pytest.fixture
def stuck(inbox: Inbox) -> Callable[[], multiprocessing.process.BaseProcess]:
    """Return what starts a run that is in the midst of reading the file of the inbox."""

    def start() -> multiprocessing.process.BaseProcess:
        ours, theirs = FORK.Pipe()
        process = FORK.Process(target=reading, args=(inbox, theirs))
        process.start()
        assert ours.recv() == "reads"
        return process

    return start


def end(process: multiprocessing.process.BaseProcess, number: signal.Signals) -> None:
    assert process.pid is not None
    os.kill(process.pid, number)
    process.join()


def marks(inbox: Inbox) -> list[Path]:
    return list((inbox.folder / "reading").iterdir())


def test_a_file_that_has_killed_a_run_is_put_aside(inbox: Inbox, stuck: Callable) -> None:
    """Once: put back into the inbox, as by chance it may have been, it is read."""
    sent = inbox.send("план.csv", GOOD, BAD)
    content = sent.read_bytes()
    end(stuck(), signal.SIGKILL)
    assert inbox.ingest() == 0
    assert inbox.files() == {"inbox": [], "done": [], "rejected": ["план.csv", "план.csv.reason.txt"]}
    [note] = inbox.report.notes
    assert note.startswith("promotions: план.csv: a run was killed, or ran out of memory, while it read this file (la")
    assert inbox.report.plan_files["план.csv"].startswith("refused: план.csv: a run was killed")
    assert marks(inbox) == []
    sent.write_bytes(content)
    assert inbox.ingest(hours=1) == 2
    assert inbox.plan() == PLAN_OF_GOOD


def test_only_what_it_read_is_put_aside(inbox: Inbox, stuck: Callable) -> None:
    """The other files of the inbox are read, also one of the same name that was sent since."""
    inbox.send("a.csv", GOOD)
    end(stuck(), signal.SIGKILL)
    inbox.send("a.csv", GOOD, BAD)
    inbox.send("b.csv", GOOD.replace(",30,", ",20,"))
    assert inbox.ingest() == 4
    assert inbox.files()["inbox"] == []


def test_an_orderly_stop_blames_nobody(inbox: Inbox, stuck: Callable) -> None:
    """SIGTERM takes the mark away; the file is read by the next run."""
    inbox.send("plan.csv", GOOD)
    process = stuck()
    end(process, signal.SIGTERM)
    assert process.exitcode == 143
    assert marks(inbox) == []
    assert inbox.ingest() == 2


def test_two_living_runs_do_not_blame_each_other(inbox: Inbox, stuck: Callable) -> None:
    """The second one reads what the first one is at, as tasks do; both end well."""
    inbox.send("plan.csv", GOOD)
    process = stuck()
    assert len(marks(inbox)) == 1
    assert inbox.ingest() == 2
    assert inbox.files()["done"] == ["plan.csv"]
    assert len(marks(inbox)) == 1
    end(process, signal.SIGTERM)
    assert marks(inbox) == []


def test_memory_that_runs_out_while_a_file_is_read_ends_one_run_alone(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run fails, and the file stays; the next one puts it aside."""

    def fails(*_: object) -> PlanFile:
        raise MemoryError

    monkeypatch.setattr(promotions, "read_plan", fails)
    inbox.send("plan.csv", GOOD)
    with pytest.raises(MemoryError):
        inbox.ingest()
    monkeypatch.setattr(promotions, "read_plan", read_plan)
    inbox.send("other.csv", GOOD, BAD)
    assert inbox.ingest() == 2
    assert inbox.files() == {
        "inbox": [],
        "done": ["other.csv"],
        "rejected": ["other.csv", "plan.csv", "plan.csv.reason.txt"],
    }
