"""Plays a schedule: its runs are processes that go on step by step, and are ended; what is left is checked."""

from __future__ import annotations

import base64
import json
import os
import pickle
import select
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from gates import UNTYPED, Gated, Gates, gated, serve
from schedules import Schedule
from stories import STORIES, Cast, run_for
from worlds import World, send

from skucast.core.run import TERMINATED

HANGS_AFTER_S = 150.0
"""A step that has not ended by then hangs: whatever a run waits for ends before."""

N_LANES = 4

Check = Callable[[World, list[tuple[Any, ...]]], list[str]]
"""What has to hold of a world, and of what its runs were told is done; it returns what does not."""

OnFault = Callable[[int, str | None, int], None]
"""Told of each step: the lane of the run, the fault, and its number."""


@dataclass
class Told:
    """What came of a schedule: what was wrong, and what was seen of it."""

    wrong: list[str] = field(default_factory=list)
    done: list[tuple[Any, ...]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def count(self, what: str) -> None:
        """Count something that happened."""
        self.counts[what] = self.counts.get(what, 0) + 1


class Worker:
    """A process that was forked from this one, and is one run after another."""

    def __init__(self) -> None:
        read_told, self.tells = os.pipe()
        self.hears, write_says = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            for each in (self, *_alive):  # whose ends it has too, which would keep them from hearing that nobody tells
                os.close(each.tells)
                os.close(each.hears)
            serve(read_told, write_says, _play)
        os.close(read_told)
        os.close(write_says)
        _alive.add(self)

    def tell(self, what: Any) -> None:
        """Tell it something, if it still lives."""
        with suppress(BrokenPipeError):
            os.write(self.tells, (json.dumps(what) + "\n").encode())

    def gone(self) -> int:
        """Return how it ended."""
        os.close(self.tells)
        os.close(self.hears)
        _alive.discard(self)
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)


_alive: set[Worker] = set()
_idle: list[Worker] = []


def dismiss() -> None:
    """Let the processes that wait for a run end."""
    while _idle:
        _idle.pop().gone()


class Actor:
    """One run, in a process of its own as long as it lasts."""

    def __init__(self, name: str, what: tuple[Any, ...], told: Told) -> None:
        self.name, self._told, self._said = name, told, b""
        self.is_alive, self.is_at_gate, self.where = True, False, ""
        self._is_signalled = False
        self._worker = _idle.pop() if _idle else Worker()
        self._worker.tell(base64.b64encode(pickle.dumps(what)).decode())

    def go(self, fault: str | None, count: int) -> None:
        """Let it go on to its next gate, with a fault on the way."""
        self.is_at_gate = False
        self._is_signalled |= fault in ("term", "asked", "shot")
        self._worker.tell([fault, count])
        if fault in ("shot", "asked"):  # by somebody else, at no point of its own
            time.sleep(count / 10_000)
            self._told.count(fault)
            os.kill(self._worker.pid, signal.SIGKILL if fault == "shot" else signal.SIGTERM)

    def wait(self) -> None:
        """Wait until it is at a gate or has ended."""
        until = time.monotonic() + HANGS_AFTER_S
        while self.is_alive and not self.is_at_gate:
            ready, _, _ = select.select([self._worker.hears], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                self._told.wrong.append(f"{self.name} hangs after {self.where}")
                os.kill(self._worker.pid, signal.SIGKILL)
            data = os.read(self._worker.hears, 65536)
            *lines, self._said = (self._said + data).split(b"\n")
            for each in lines:
                self._hear(json.loads(each))
            if not data:
                self._ended(self._worker.gone())

    def _hear(self, what: Mapping[str, Any]) -> None:
        if "at" in what:
            self.is_at_gate, self.where = True, what["at"]
        elif "did" in what:
            self._told.done.append(tuple(what["did"]))
        elif "hit" in what:
            self._told.count(what["hit"])
        elif "typed" in what:
            self._told.count(f"ended with {what['typed']}")
        else:
            if what["end"] == UNTYPED:
                self._told.wrong.append(f"{self.name} ended with an error that is none of ours:\n{what['said']}")
            self._put_back(what["end"])

    def _put_back(self, code: int) -> None:
        """Keep the process for another run, unless it has heard a signal, or will yet hear it."""
        if not self._is_signalled and code != TERMINATED:
            _idle.append(self._worker)
            self._ended(code)

    def _ended(self, code: int) -> None:
        self.is_alive = False
        self._told.count(f"exit code {code}")
        if code not in (0, 1, 2, 143, -signal.SIGKILL, UNTYPED):
            self._told.wrong.append(f"{self.name} ended with {code}")


def play(schedule: Schedule, world: World, check: Check, on_fault: OnFault = lambda *_: None) -> Told:
    """Play the steps in the world, let every run end, and return what was wrong with what is left.

    A step about a run that is not there, or has ended, is passed over: so a part of a schedule is one too.
    """
    told = Told()
    actors: dict[str, Actor] = {}
    for kind, *given in schedule:
        if kind == "start":
            name, story, *which = given
            if name not in actors:
                told.count(f"run of {story}")
                actors[name] = Actor(name, (world, int(name) % N_LANES, story, *which), told)
                actors[name].wait()
        elif kind == "send":
            send(world, given[0])
        else:
            *names, fault, count = given
            _step([actors[each] for each in names if each in actors], fault, count, on_fault)
    for actor in actors.values():
        while actor.is_alive:
            _step([actor], None, 0, on_fault)
    told.wrong += _checked(world, told.done, check)
    return told


def _step(actors: list[Actor], fault: str | None, count: int, on_fault: OnFault) -> None:
    """Let the runs go on at once, each to its next gate."""
    alive = [actor for actor in actors if actor.is_alive]
    for actor in alive:
        on_fault(int(actor.name) % N_LANES, fault, count)
        actor.go(fault, count)
    for actor in alive:
        actor.wait()


def _checked(world: World, done: list[tuple[Any, ...]], check: Check) -> list[str]:
    """Have the world checked by another process: this one never starts DuckDB, whose threads no fork would have."""
    heard = Told()
    actor = Actor("the check", (check, world, done), heard)
    actor.wait()
    if heard.counts != {"exit code 0": 1}:
        heard.wrong.append(f"the check ended with {heard.counts}")
    return [*heard.wrong, *(str(each) for (each,) in heard.done)]


# --- In the process that is the run ---------------------------------------------------------------------------------


def _play(gates: Gates, line: str) -> None:
    """Be what is told: a check, or a run of a story."""
    what = pickle.loads(base64.b64decode(line))
    if callable(what[0]):
        _ungate_files()
        check, world, done = what
        for each in check(world, done):
            gates.say(did=[each])
        return
    world, lane, story, number, hours, task = what
    _gate_files(gates)
    warehouse: Any = Gated(world.warehouse(lane), gates.wait)
    store: Any = Gated(world.store(lane), gates.wait)
    run = run_for(story, number, hours, task)
    gates.wait("start")
    _, tell = STORIES[story]
    tell(Cast(world, warehouse, store, world.settings(lane), run, number, lambda *done: gates.say(did=list(done))))


_FILES: dict[str, Any] = {}


def _gate_files(gates: Gates) -> None:
    """Put gates before what an inbox does with files."""
    from skucast.jobs import intake

    intake.SETTLE_S = 0.0
    for name in ("list_versions", "read_bytes", "write_bytes", "move"):
        _FILES.setdefault(name, getattr(intake, name))
        setattr(intake, name, gated(_FILES[name], name, gates.wait))


def _ungate_files() -> None:
    """Take the gates away, for the check."""
    from skucast.jobs import intake

    intake.SETTLE_S = 0.0
    for name, real in _FILES.items():
        setattr(intake, name, real)
