"""Schedules on the stand-ins for BigQuery and Cloud Storage: each lane of runs behind proxies of its own.

Stand-ins and proxies have threads; so a process of their own has them, and the one that forks runs has none.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import conductor
from conductor import N_LANES, Told
from invariants import violations
from schedules import CLOUD_FAULTS, Schedule
from stand_ins.servers import PROJECT, missing, new_bucket, new_dataset
from stand_ins.shared import Address, OwnStandIns
from worlds import CloudWorld

from skucast.core.places import Endpoints

SLOW_S = 0.4
"""How much later a slow answer comes."""


class Outside:
    """This side of the process that has the stand-ins: where they are, and what goes wrong on the way to them."""

    def __init__(self, stand_ins: OwnStandIns | None = None) -> None:
        mine, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            mine.close()
            _serve(theirs, stand_ins or OwnStandIns())
        theirs.close()
        self._file = mine.makefile("rw")
        self.bigquery, self.storage, self.lanes = self._ask("where")

    def script(self, lane: int, fault: str | None, count: int) -> None:
        """Let something go wrong with the n-th request of this lane, and with no other from now on."""
        self._ask("script", lane, fault, count)

    def stop(self) -> None:
        """Stop the stand-ins and wait for that."""
        with suppress(OSError):
            self._ask("stop")
        os.waitpid(self.pid, 0)

    def _ask(self, *what: Any) -> Any:
        self._file.write(json.dumps(what) + "\n")
        self._file.flush()
        return json.loads(self._file.readline())


class OnCloud:
    """Plays schedules, each in a dataset and a bucket of its own."""

    faults: Sequence[str] = CLOUD_FAULTS

    def __init__(self, outside: Outside) -> None:
        self.check: conductor.Check = violations
        self._outside = outside

    def play(self, schedule: Schedule) -> Told:
        """Return what came of a schedule."""
        bigquery, storage = (Address(*each) for each in (self._outside.bigquery, self._outside.storage))
        bucket = new_bucket(storage)
        ends = [
            Endpoints(bigquery=each[0], bigquery_storage=bigquery.grpc, storage=each[1]) for each in self._outside.lanes
        ]
        ends.append(Endpoints(bigquery.url, bigquery.grpc, storage.url))
        with new_dataset(bigquery) as dataset:
            world = CloudWorld(PROJECT, dataset, bucket, tuple(ends))
            try:
                return conductor.play(schedule, world, self.check, self._outside.script)
            finally:
                for lane in range(N_LANES):
                    self._outside.script(lane, None, 0)


@contextmanager
def on_cloud() -> Iterator[OnCloud]:
    """Give both stand-ins, started for this.

    Raises:
        SystemExit: there are none on this machine.
    """
    if reason := missing():
        sys.exit(f"no stand-ins for the cloud services: {reason}")
    outside = Outside()
    try:
        yield OnCloud(outside)
    finally:
        conductor.dismiss()
        outside.stop()


# --- The process that has them --------------------------------------------------------------------------------------


def _serve(heard: socket.socket, stand_ins: OwnStandIns) -> None:
    from stand_ins.proxy import Lost, Proxy, Request, Response
    from stand_ins.truthful import StorageProxy

    bigquery, storage = stand_ins.address("bigquery"), stand_ins.address("storage")
    lanes = [(Proxy(bigquery.url), StorageProxy(storage.url)) for _ in range(N_LANES)]
    left: dict[int, tuple[str, int]] = {}

    def counted(lane: int) -> str | None:
        """Return the fault whose turn it is."""
        fault, count = left.get(lane, ("", 0))
        if not fault:
            return None
        left[lane] = (fault, count - 1)
        if count > 0:
            return None
        del left[lane]
        return fault

    def before(lane: int) -> Any:
        def do(_: Request) -> Response | None:
            fault = counted(lane)
            if fault == "down":
                return Response(
                    503, b'{"error": {"code": 503, "message": "down"}}', {"Content-Type": "application/json"}
                )
            if fault:
                due[lane] = fault
            return None

        return do

    def after(lane: int) -> Any:
        def do(_: Request, found: Response) -> Response:
            fault = due.pop(lane, None)
            if fault == "lose":
                raise Lost
            if fault == "slow":
                time.sleep(SLOW_S)
            return found

        return do

    due: dict[int, str] = {}
    for lane, pair in enumerate(lanes):
        for proxy in pair:
            for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
                proxy.on(method, ".*", times=None, before=before(lane), after=after(lane))
    file = heard.makefile("rw")
    for line in file:
        what, *given = json.loads(line)
        answer: Any = None
        if what == "where":
            answer = [[each.url, each.grpc] for each in (bigquery, storage)] + [[[a.url, b.url] for a, b in lanes]]
        elif what == "script":
            lane, fault, count = given
            due.pop(lane, None)
            left.pop(lane, None)
            if fault in ("lose", "slow", "down"):
                left[lane] = (fault, count)
        file.write(json.dumps(answer) + "\n")
        file.flush()
        if what == "stop":
            break
    for pair in lanes:
        for proxy in pair:
            with suppress(Exception):
                proxy.close()
    stand_ins.stop()
    os._exit(0)
