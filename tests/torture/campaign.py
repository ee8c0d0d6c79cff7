"""Plays schedules by their seeds, says what failed, makes it smaller, and plays one again.

python tests/torture/campaign.py --seeds 1 1000 [--backend cloud]
python tests/torture/campaign.py --replay '[["start", "0", ...], ...]'
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "cloud" / "bigquery")]

import conductor  # noqa: E402
from conductor import Told  # noqa: E402
from invariants import Done, violations  # noqa: E402
from memory_disk import in_memory  # noqa: E402
from schedules import LOCAL_FAULTS, Schedule, made, shrunk  # noqa: E402
from stories import OURS, STORIES, Cast, run_for  # noqa: E402
from worlds import FileWorld, World, send  # noqa: E402

import skucast.backends.warehouse.duckdb.file as duckdb_file  # noqa: E402


def but_for_staging(world: World, done: Done) -> list[str]:
    """Return what the checker finds, staging tables aside."""
    return violations(world, done, staging=False)


class OnFiles:
    """Plays schedules on copies of one world, which every story has been in once."""

    faults: Sequence[str] = LOCAL_FAULTS

    def __init__(self, folder: Path) -> None:
        self.check: conductor.Check = violations
        self._folder = folder
        self._template = FileWorld(folder / "template")
        self._n_played = 0
        begun(self._template)
        duckdb_file._idle.clear()  # it is started by each process for itself
        gc.collect()
        gc.freeze()

    def play(self, schedule: Schedule) -> Told:
        """Return what came of a schedule."""
        self._n_played += 1
        world = self._template.copied(self._folder / f"world-{self._n_played}")
        try:
            return conductor.play(schedule, world, self.check)
        finally:
            shutil.rmtree(world.folder, ignore_errors=True)


def begun(world: World) -> None:
    """Have every story told once, without gates: there is a week, a model, a delivery, a plan."""
    from skucast.jobs import intake

    pause, intake.SETTLE_S = intake.SETTLE_S, 0.0
    try:
        send(world, 0)
        for story in OURS:
            for task in (0, 1) if story == "task" else (0,):
                run = run_for(story, 0, -24.0, task)
                _, tell = STORIES[story]
                cast = Cast(world, world.warehouse(-1), world.store(-1), world.settings(-1), run, 0, lambda *_: None)
                tell(cast)
        found = violations(world, [])
        assert not found, found
    finally:
        intake.SETTLE_S = pause


@contextmanager
def on_files() -> Iterator[OnFiles]:
    """Give a folder in memory, where there is one: thousands of small files are made."""
    with tempfile.TemporaryDirectory(prefix="torture-", dir=in_memory()) as folder:
        yield OnFiles(Path(folder))
        conductor.dismiss()


def run(
    player: OnFiles,
    seeds: Sequence[int],
    stories: Sequence[str],
    until: float | None = None,
    say: Callable[[str], None] = print,
) -> tuple[int, Counter[str], list[int]]:
    """Play the schedules of these seeds and return how many were, what was counted, and which failed."""
    counts: Counter[str] = Counter()
    failed, n_played = [], 0
    for seed in seeds:
        if until is not None and time.time() > until:
            break
        schedule = made(seed, stories, player.faults)
        told = player.play(schedule)
        n_played += 1
        counts.update({name: max(1, n) for name, n in told.counts.items()})
        if told.wrong:
            failed.append(seed)
            say(f"SEED {seed} FAILED: {told.wrong[0][:1500]}")
            if len(failed) <= 5:
                say(f"smallest: {smallest(player, schedule)}")
        if n_played % 500 == 0:
            say(f"{n_played} schedules played, {len(failed)} failed")
    return n_played, counts, failed


def smallest(player: OnFiles, schedule: Schedule) -> str:
    """Return a smallest schedule that fails, as what `--replay` takes."""
    return json.dumps(shrunk(schedule, lambda part: bool(player.play(part).wrong), 120), ensure_ascii=False)


def main() -> int:
    """Return 1 if a schedule failed."""
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    flags.add_argument("--seeds", nargs=2, type=int, default=(1, 200), metavar=("FIRST", "LAST"))
    flags.add_argument("--backend", choices=("files", "cloud"), default="files")
    flags.add_argument("--stories", nargs="+", choices=sorted(STORIES), default=list(OURS))
    flags.add_argument("--seconds", type=float, help="play no further schedule after so many")
    flags.add_argument(
        "--without", nargs="+", default=[], help="faults that are left out; `staging`: what is not checked"
    )
    flags.add_argument("--replay", metavar="SCHEDULE", help="play this one again, as a failure has shown it")
    given = flags.parse_args()
    if given.backend == "cloud":
        from on_cloud import on_cloud as places
    else:
        places = on_files  # type: ignore[assignment]
    began = time.time()
    with places() as player:
        player.faults = [each for each in player.faults if each not in given.without]
        if "staging" in given.without:
            player.check = but_for_staging
        if given.replay:
            told = player.play([tuple(step) for step in json.loads(given.replay)])
            print(json.dumps(told.counts, indent=1, ensure_ascii=False))
            print("\n".join(told.wrong) or "nothing was wrong")
            return int(bool(told.wrong))
        first, last = given.seeds
        until = None if given.seconds is None else began + given.seconds
        n_played, counts, failed = run(
            player, range(first, last + 1), given.stories, until, lambda line: print(line, flush=True)
        )
    for name, n in sorted(counts.items()):
        print(f"{n:8} {name}")
    print(f"{n_played} schedules from seed {first} on, {len(failed)} failed {failed[:20]}, {time.time() - began:.0f} s")
    return int(bool(failed))


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # DuckDB says at length what it has not freed
