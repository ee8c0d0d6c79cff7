"""Schedules: lists of steps, made at random from a seed, written as JSON, and made smaller while they still fail."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

Step = tuple[Any, ...]
"""`start` a run: its name, story, number, hours its clock is off, task; let it `go` on to its next operation, or two of
them, `both`: with a fault, and at which point or how soon; `send` a planner's file."""

Schedule = list[Step]

JUMPS = (0.0, 0.0, 0.0, -2.0, 3.0, -26.0, 144.0)
"""Hours by which a run's clock is off."""

LOCAL_FAULTS = ("kill", "kill", "term", "shot", "asked", "full")
CLOUD_FAULTS = ("kill", "term", "shot", "lose", "lose", "slow", "down")
"""kill and term: at the n-th point inside the operation; shot and asked: by somebody else after n/10 ms; full: no file
may grow beyond n bytes; lose: the n-th request's answer is lost; slow: it comes late; down: it is a 503."""


def made(seed: int, stories: Sequence[str], faults: Sequence[str], *, most_runs: int = 5) -> Schedule:
    """Return the schedule of a seed."""
    chance = random.Random(seed)
    steps: Schedule = []
    names: list[str] = []
    started: list[tuple[str, int, int]] = []
    for _ in range(chance.randint(6, 20)):
        drawn = chance.random()
        if len(names) < 2 or (drawn < 0.25 and len(names) < most_runs):
            name = str(len(names))
            if started and chance.random() < 0.25:  # the same execution again
                story, number, task = chance.choice(started)
            else:
                story, number, task = chance.choice(stories), chance.randint(1, 9), chance.randint(0, 1)
            if story == "task" and ("task", number, 1 - task) in started:
                task = chance.choice([task, 1 - task])
            names.append(name)
            started.append((story, number, task))
            steps.append(("start", name, story, number, chance.choice(JUMPS), task))
        elif drawn < 0.31:
            steps.append(("send", chance.randint(1, 6)))
        elif drawn < 0.45 and len(names) > 1:
            steps.append(("both", *chance.sample(names, 2), *fault_of(chance, faults, 0.1)))
        else:
            steps.append(("go", chance.choice(names), *fault_of(chance, faults, 0.2)))
    return steps


def fault_of(chance: random.Random, faults: Sequence[str], share: float) -> tuple[str | None, int]:
    """Return a fault, or none."""
    if not faults or chance.random() > share:
        return None, 0
    fault = chance.choice(faults)
    if fault == "full":
        return fault, chance.choice([0, 4096, 300_000, 1_500_000, 2_500_000, 3_200_000])
    if fault in ("shot", "asked"):
        return fault, int(chance.expovariate(1 / 80))
    return fault, min(25, int(chance.expovariate(1 / 5)))


def shrunk(schedule: Schedule, fails: Callable[[Schedule], bool], most_tries: int = 200) -> Schedule:
    """Return a part of the schedule that still fails, of which no single step can be left out.

    Parts are left out, first halves, then ever smaller ones; then faults, one by one.
    """
    tries, size = 0, max(1, len(schedule) // 2)
    while size >= 1 and tries < most_tries:
        place, left_out = 0, False
        while place < len(schedule) and tries < most_tries:
            part = schedule[:place] + schedule[place + size :]
            tries += 1
            if part and fails(part):
                schedule, left_out = part, True
            else:
                place += size
        if not left_out:
            size //= 2
    for place, step in enumerate(schedule):
        if step[0] in ("go", "both") and step[-2] is not None and tries < most_tries:
            part = [*schedule[:place], (*step[:-2], None, 0), *schedule[place + 1 :]]
            tries += 1
            if fails(part):
                schedule = part
    return schedule
