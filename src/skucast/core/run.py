"""One execution of a job: its name, its id, when it started and which week it is about."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TypeVar

from skucast.core.weeks import WeekClock

T = TypeVar("T")

DONE, FAILED, BAD_INPUT, INTERRUPTED, TERMINATED = 0, 1, 2, 130, 143
"""What a script or tool exits with; the last two are what a shell expects after Ctrl-C and after SIGTERM."""


class Begun:
    """When a run began to read what it computes from, once it has."""

    __slots__ = ("at",)

    def __init__(self) -> None:
        self.at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """What every job is told about itself; `app` alone makes one, from the clock and the settings.

    `run_at` is naive UTC and `started` the same moment by the machine's clock, `today` the business date, `cutoff` the
    label of the last complete week. All tasks of one execution share the `run_id`; each takes every `task_count`-th
    item of a sorted list, from `task_index` on. `begun` puts the run in an order with others, by when they read (None:
    in none), which `is_forced` overrules.
    """

    job: str
    run_id: str
    run_at: datetime
    today: date
    cutoff: date
    task_index: int = 0
    task_count: int = 1
    started: float = field(default_factory=time.time, compare=False)  # noqa: TID251 - set by app; what passes since is read here
    begun: Begun | None = field(default=None, compare=False)
    is_forced: bool = False

    @property
    def read_at(self) -> datetime | None:
        """When the run began to read what it computes from, naive UTC: nothing in it is older; None = not known."""
        return None if self.begun is None else self.begun.at or self.run_at

    def reads(self, since: datetime | None = None) -> None:
        """Note that the run begins to read now, or takes what was read since that moment; the earliest counts."""
        if self.begun is not None:
            moments = [each for each in (self.begun.at, since or self.now()) if each is not None]
            self.begun.at = min(moments)

    @property
    def task_id(self) -> str:
        """Name of this task: the run's, with the task's number when there are several."""
        return self.run_id if self.task_count == 1 else f"{self.run_id}/{self.task_index}"

    def now(self) -> datetime:
        """Return this moment, naive UTC: `run_at` and what has passed since."""
        return self.run_at + timedelta(seconds=time.time() - self.started)  # noqa: TID251

    def is_about_today(self, clock: WeekClock) -> bool:
        """Return whether the run is about the business day it runs on, and not about another that AS_OF names."""
        return self.today == clock.day_of(self.run_at)

    def shard(self, items: Sequence[T]) -> list[T]:
        """Return this task's part of a sorted list, chosen by position."""
        return list(items[self.task_index :: self.task_count])
