"""Changes good inputs at random and has every reader read them: it reads, or says in one of our errors why not.

python tests/torture/fuzz.py --mutations 100000 [--seed 1] [--reader model]
python tests/torture/fuzz.py --replay model 1 4711
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import random
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import memory  # noqa: E402
from memory_disk import in_memory  # noqa: E402
from readers import Reader, every  # noqa: E402

MOST_SECONDS = 5.0
"""Of processor time that one reading may take: a good input takes milliseconds."""

MOST_MB = 400
"""By which the process may grow while it reads one input, whose making is not counted."""

MOST_KEPT_MB = 100
"""By which it may have grown when all inputs of a reader are read and forgotten."""

LONGEST_MESSAGE = 4_000


@dataclass
class Read:
    """What came of the readings of one reader."""

    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    slowest: tuple[float, int] = (0.0, -1)
    largest: tuple[float, int] = (0.0, -1)
    kept_mb: float = 0.0


def fuzzed(reader: Reader, seed: int, numbers: range, until: float | None = None) -> Read:
    """Read the mutations of these numbers; what a number makes is the same in every run of a seed."""
    found = Read()
    before = memory.kept_mb()
    for number in numbers:
        if until is not None and time.time() > until:
            break
        data = mutated(reader, seed, number)
        held_mb, began = memory.begun_mb(), time.process_time()
        outcome, wrong = read_one(reader, data)
        seconds, grown_mb = time.process_time() - began, memory.peak_mb() - held_mb
        found.slowest = max(found.slowest, (seconds, number))
        found.largest = max(found.largest, (grown_mb, number))
        found.outcomes[outcome] += 1
        if seconds > MOST_SECONDS:
            wrong = f"took {seconds:.1f} s of processor time"
        if grown_mb > MOST_MB:
            wrong = f"took {grown_mb:.0f} MB for {len(data):,} bytes"
        if wrong and len(found.wrong) < 20:
            found.wrong.append(f"--replay '{reader.name}' {seed} {number}: {wrong}")
        if wrong:
            found.outcomes["WRONG"] += 1
    found.kept_mb = memory.kept_mb() - before
    if found.kept_mb > MOST_KEPT_MB:
        found.outcomes["WRONG"] += 1
        found.wrong.append(f"{reader.name}: the process has kept {found.kept_mb:.0f} MB")
    return found


def mutated(reader: Reader, seed: int, number: int) -> bytes:
    """Return mutation `number` of a seed."""
    return reader.mutate(random.Random(f"{reader.name} {seed} {number}"), reader.good)


def read_one(reader: Reader, data: bytes) -> tuple[str, str]:
    """Return what came of reading it, and what is wrong with that."""
    try:
        reader.read(data)
    except reader.errors as error:
        said = str(error)
        return type(error).__name__, f"says {len(said):,} characters" if len(said) > LONGEST_MESSAGE else ""
    except Exception as bug:  # noqa: BLE001 - what must not come
        return "untyped", f"{type(bug).__name__}: {''.join(traceback.format_exc().splitlines(True)[-5:])}"
    return "read", ""


def shrunk(reader: Reader, data: bytes) -> bytes:
    """Return a smaller input by which the same kind of thing goes wrong."""
    kind = read_one(reader, data)[1].split(":")[0]
    size = max(1, len(data) // 2)
    while size >= 1:
        place = 0
        while place < len(data):
            part = data[:place] + data[place + size :]
            if kind and read_one(reader, part)[1].split(":")[0] == kind:
                data = part
            else:
                place += size
        size //= 2
    return data


def main() -> int:
    """Return 1 if something was wrong."""
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    flags.add_argument("--mutations", type=int, default=20_000, help="of all readers together")
    flags.add_argument("--seed", type=int, default=1)
    flags.add_argument("--reader", nargs="+", help="these readers alone")
    flags.add_argument("--seconds", type=float, help="read no further one after so many")
    flags.add_argument("--replay", nargs=3, metavar=("READER", "SEED", "NUMBER"))
    given = flags.parse_args()
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    until = None if given.seconds is None else time.time() + given.seconds
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=in_memory()) as folder:
        readers = {reader.name: reader for reader in every(Path(folder))}
        gc.collect()
        if given.replay:
            reader, data = readers[given.replay[0]], b""
            data = mutated(reader, int(given.replay[1]), int(given.replay[2]))
            print(*read_one(reader, data), sep="\n")
            print("smallest:", shrunk(reader, data)[:2000])
            return 0
        return _all([readers[name] for name in given.reader or readers], given.mutations, given.seed, until)


def _all(readers: list[Reader], mutations: int, seed: int, until: float | None) -> int:
    wrong, n_read, began = 0, 0, time.time()
    shares = sum(reader.share for reader in readers)
    for reader in readers:
        started = time.process_time()
        found = fuzzed(reader, seed, range(round(mutations * reader.share / shares)), until)
        n = sum(number for name, number in found.outcomes.items() if name != "WRONG")
        n_read, wrong = n_read + n, wrong + found.outcomes["WRONG"]
        print(
            f"{reader.name:14} {n:8} {time.process_time() - started:7.1f} s, slowest {found.slowest[0] * 1000:.0f} ms "
            f"(number {found.slowest[1]}), largest {found.largest[0]:.0f} MB (number {found.largest[1]}), "
            f"kept {found.kept_mb:.0f} MB, {dict(found.outcomes)}",
            flush=True,
        )
        for each in found.wrong:
            print(f"  {each}", flush=True)
    print(f"{n_read} mutations of seed {seed}, {wrong} wrong, {time.time() - began:.0f} s")
    return int(bool(wrong))


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)
