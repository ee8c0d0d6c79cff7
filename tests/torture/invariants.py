"""The one checker: what has to hold after every schedule, whatever happened on its way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from builders import CUTOFF
from stories import run_for, version_name, version_of
from worlds import DONE, INBOX, KNOWN, LEDGER, MODELS, SCORES, WEEK, World, files_in, run_of

from skucast.core.combination import KEY
from skucast.core.errors import ModelError
from skucast.core.tables.records import LOADS, PUBLISHES, RUNS
from skucast.core.tables.sales import PROMOTIONS, SALES
from skucast.jobs.promotions import ingest_inbox
from skucast.runtime.outcome import RunReport

STAGING_ENDS_AFTER_DAYS = 9.0
"""So many days later nothing may be left of a run that never published, by a clock that was 6 days ahead."""

Done = list[tuple[Any, ...]]
"""What runs were told is done."""


def violations(world: World, done: Done, *, staging: bool = True) -> list[str]:
    """Return what does not hold, in words; `done` is what the runs were told is done."""
    found = [*_slices(world, done), *_loads(world, done), *_models(world, done), *_records(world, done)]
    found += _plan(world)
    if staging:
        left = world.staging(STAGING_ENDS_AFTER_DAYS)
        found += [f"staging table {name} is never dropped" for name in left]
    return found


def _slices(world: World, done: Done) -> Iterator[str]:
    """Each slice is one whole version of one run, which is noted as its publisher, once."""
    noted = Counter(world.rows(PUBLISHES, ["table_name", "partition_value", "run_id"]))
    yield from (f"publish {each} is noted {times} times" for each, times in noted.items() if times > 1)
    for table in (WEEK, SCORES):
        rows = world.rows(table, [*KEY, "yhat", "run_id"])
        said = {run for what, label, run in _of(done, "published") if label == table.label}
        missing = [run for run in said if (table.name, str(CUTOFF), run) not in noted]
        yield from (f"{table.label}: the publish of {run} is not noted" for run in missing)
        if not rows and said and table is WEEK:  # where nothing is published there is nothing to score
            yield f"{table.label}: nothing is left of what {sorted(said)} have published"
        runs = {row[-1] for row in rows}
        numbers = {row[-2] for row in rows}
        if len(runs) > 1 or len(numbers) > 1:
            yield f"{table.label}: rows of {sorted(runs)}, of the versions {sorted(numbers)}"
        elif rows:
            expected = {tuple(row) for row in version_of(int(*numbers), run_of("predict", 0))[KEY].to_numpy()}
            if sorted(row[:3] for row in rows) != sorted(expected):
                yield f"{table.label}: {len(rows)} rows of {runs} are not its version {numbers}"
            [run] = runs
            if (table.name, str(CUTOFF), run) not in noted:
                yield f"{table.label}: {run} has published without a note"


def _loads(world: World, done: Done) -> Iterator[str]:
    """A delivery is there once, with its note, or not at all."""
    notes = Counter(world.rows(LOADS, ["table_name", "batch_id"]))
    yield from (f"load {each} is noted {times} times" for each, times in notes.items() if times > 1)
    batches = {batch for name, batch in notes if name == SALES.name}
    lines = Counter(batch for (batch,) in world.rows(SALES, ["batch_id"]))
    for batch in sorted({*batches, *lines, *(batch for _, batch in _of(done, "loaded"))}):
        if lines[batch] != 3 or batch not in batches:
            yield f"sales: {lines[batch]} lines of {batch}, {'a' if batch in batches else 'no'} note"


def _models(world: World, done: Done) -> Iterator[str]:
    """The live model of a combination is one of its kept versions, and every version that was saved is kept."""
    store = world.store(-1)
    saved = {(sku, version) for _, sku, version in _of(done, "saved")}
    recorded = {(sku, version) for sku, version in world.rows(LEDGER, ["SKU_ID", "model_version"])}
    for combination in MODELS:
        versions = store.versions(combination)
        for sku, version in sorted(saved | recorded):
            if sku == combination.sku_id and version not in versions:
                yield f"{combination}: version {version} is lost"
        for version in versions:
            if version_name(store.load_version(combination, version)) != version:
                yield f"{combination}: version {version} is not whole"
        try:
            live = version_name(store.load(combination).payload)
        except ModelError as error:
            if any(sku == combination.sku_id for sku, _ in saved):
                yield f"{combination}: no live model ({error})"
            continue
        if live not in versions:
            yield f"{combination}: the live model is no kept version"


def _records(world: World, done: Done) -> Iterator[str]:
    """Each task has one record at most, and one if it was told so."""
    tasks = Counter(task for (task,) in world.rows(RUNS, ["task_id"]))
    yield from (f"runs: {times} records of {task}" for task, times in tasks.items() if times > 1)
    yield from (f"runs: the record of {task} is lost" for _, task in _of(done, "recorded") if task not in tasks)


def _plan(world: World) -> Iterator[str]:
    """After one more run every planner's file is done, and each of its rows is in the plan once."""
    settings = world.settings(-1)
    run = run_for("ingest", 900, 24.0, 0)
    ingest_inbox(settings, world.warehouse(-1), run, RunReport(), KNOWN)
    yield from (f"{name} is left in the inbox" for name in files_in(world, INBOX))
    done = [name.rsplit("-", 1)[1].removesuffix(".csv") for name in files_in(world, DONE)]
    promoted = Counter(
        float(depth) for (depth,) in world.rows(PROMOTIONS, ["discount_perc"]) if depth is not None and depth == depth
    )
    expected = {10.0 + int(number) for number in done}
    yield from (f"plan: {times} rows of file {depth - 10:.0f}" for depth, times in promoted.items() if times > 1)
    yield from (f"plan: no row of file {depth - 10:.0f}" for depth in expected if depth not in promoted)
    yield from (f"plan: a row of no file, {depth}" for depth in promoted if depth not in expected)


def _of(done: Done, what: str) -> list[tuple[Any, ...]]:
    return [each for each in done if each[0] == what]
