"""What the runs of a schedule do: each job's reads and writes in its order, by its own means, with cheap contents.

A story calls the warehouse, the store and files, which are behind gates, and says by `did` what it was told is done:
that must then be so for ever.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import pandas as pd
from builders import CUTOFF, line
from worlds import KNOWN, LEDGER, MODELS, SCORES, WEEK, World, run_of, version_of

from skucast.backends.store.protocol import ModelStore
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY, Combination
from skucast.core.errors import AlreadyLoaded, ModelNotFound, StoreConflict
from skucast.core.run import Run
from skucast.core.tables.records import RUNS
from skucast.core.tables.sales import SALES
from skucast.jobs.promotions import ingest_inbox
from skucast.jobs.shards import drop_shards, is_published, rows_of_all_tasks
from skucast.runtime.groups.field import Job
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings


@dataclass(frozen=True)
class Cast:
    """What a story is told: its places, behind gates, its run, its number, and how it says what is done."""

    world: World
    warehouse: Warehouse
    store: ModelStore
    settings: Settings
    run: Run
    number: int
    did: Callable[..., None]


class Mixed(AssertionError):
    """A reader saw what no run has written."""


def predict(cast: Cast) -> None:
    """Publish the week in one piece."""
    if not is_published(cast.warehouse, WEEK, CUTOFF, cast.run, RunReport(), shards=WEEK):
        cast.warehouse.replace(WEEK, version_of(cast.number, cast.run), CUTOFF, run=cast.run)
    cast.did("published", WEEK.label, cast.run.run_id)
    _record(cast)


def predict_task(cast: Cast) -> None:
    """Be one of two tasks: stage a part of the week; who finds the set complete publishes it."""
    report = RunReport()
    if is_published(cast.warehouse, WEEK, CUTOFF, cast.run, report, shards=WEEK):
        _record(cast)
        return
    whole = version_of(cast.number, cast.run)
    mine = whole[cast.run.task_index :: cast.run.task_count]
    rows = rows_of_all_tasks(cast.warehouse, WEEK, cast.run, report, KNOWN, lambda _: mine)
    if rows is not None:
        cast.warehouse.replace(WEEK, rows, CUTOFF, run=cast.run)
        cast.did("published", WEEK.label, cast.run.run_id)
        drop_shards(cast.warehouse, WEEK, cast.run)
    _record(cast)


def monitor(cast: Cast) -> None:
    """Score what is published: what is read is one whole version."""
    found = cast.warehouse.read(WEEK, since={"cutoff": CUTOFF}, until={"cutoff": CUTOFF})
    runs = sorted(set(found["run_id"]))
    if len(runs) > 1 or (runs and len(found) != 3):
        raise Mixed(f"a reader saw {len(found)} rows of {runs}")
    rows = found[["cutoff", *KEY, "yhat"]].assign(run_id=cast.run.run_id, created_at=cast.run.run_at)
    cast.warehouse.replace(SCORES, rows, CUTOFF, run=cast.run)
    cast.did("published", SCORES.label, cast.run.run_id)
    _record(cast)


def train(cast: Cast) -> None:
    """Make two models and record each; a model that somebody else has replaced meanwhile stays."""
    rows = []
    for combination in MODELS:
        expected, before = _live(cast, combination)
        payload = model_of(combination, cast.number)
        try:
            cast.store.save(combination, payload, version_name(payload), expected=expected)
        except StoreConflict:
            continue
        cast.did("saved", combination.sku_id, version_name(payload))
        rows.append(_ledger_row(cast, combination, "saved", version_name(payload), before))
        _write_ledger(cast, rows)


def rollback(cast: Cast) -> None:
    """Make another kept version of the first model live again."""
    combination = MODELS[cast.number % len(MODELS)]
    expected, before = _live(cast, combination)
    others = [version for version in cast.store.versions(combination) if version != before]
    if others:
        payload = cast.store.load_version(combination, others[-1])
        try:
            cast.store.save(combination, payload, others[-1], expected=expected)
        except StoreConflict:
            return
        cast.did("saved", combination.sku_id, others[-1])
        _write_ledger(cast, [_ledger_row(cast, combination, "rolled_back", others[-1], before)])


def ingest(cast: Cast) -> None:
    """Take in the planners' files: the job's own code."""
    ingest_inbox(cast.settings, cast.warehouse, cast.run, RunReport(), KNOWN)


def load(cast: Cast) -> None:
    """Append a delivery of three lines, once."""
    batch = f"batch-{cast.number}"
    lines = pd.DataFrame([line(CUTOFF, float(cast.number), SKU_ID=each.sku_id) for each in KNOWN[:3]])
    lines = lines.astype({"quantity": "float64", "Promo_discount_perc": "float64", "stock": "float64"})
    with suppress(AlreadyLoaded):
        cast.warehouse.append_once(SALES, lines, batch_id=batch, source="torture", run=cast.run)
    cast.did("loaded", batch)


def append(cast: Cast) -> None:
    """Add the week's rows, whatever is there: a writer that is not ours."""
    cast.warehouse.ensure(WEEK)
    cast.world.write(f"INSERT INTO {{week}} ({_COLUMNS}) {_selected(cast)}")


def merge(cast: Cast) -> None:
    """Update rows that are there, add those that are not, leave the rest alone: a writer that is not ours."""
    cast.warehouse.ensure(WEEK)
    cast.world.write(
        f"MERGE INTO {{week}} AS old USING ({_selected(cast)}) AS new ON old.cutoff = new.cutoff "
        "AND old.unit = new.unit AND old.channel = new.channel AND old.SKU_ID = new.SKU_ID AND old.ds = new.ds "
        "WHEN MATCHED THEN UPDATE SET yhat = new.yhat, run_id = new.run_id "
        f"WHEN NOT MATCHED THEN INSERT ({_COLUMNS}) VALUES ({_COLUMNS})"
    )


STORIES: dict[str, tuple[Job, Callable[[Cast], None]]] = {
    "predict": ("predict", predict),
    "task": ("predict", predict_task),
    "monitor": ("monitor", monitor),
    "train": ("train", train),
    "rollback": ("retrain", rollback),
    "ingest": ("monitor", ingest),
    "load": ("train", load),
    "append": ("predict", append),
    "merge": ("predict", merge),
}
"""By name: the job that it is, and what it does."""

OURS = ("predict", "task", "monitor", "train", "rollback", "ingest", "load")

OFFSETS = {"predict": 0, "task": 100, "append": 0, "merge": 0}
"""Runs of two stories are never of one name."""


def run_for(story: str, number: int, hours: float, task: int) -> Run:
    """Return the run of a story: the same for the same number, as an execution that is started again."""
    job, _ = STORIES[story]
    run = run_of(job, number + OFFSETS.get(story, 200 + 100 * OURS.index(story) if story in OURS else 0), hours)
    if story == "task":
        from dataclasses import replace

        return replace(run, task_index=task, task_count=2)
    return run


def model_of(combination: Combination, number: int) -> bytes:
    """Return model `number` of a combination: bytes that say whose they are."""
    return f"model {number} of {combination}; ".encode() * 40


def version_name(payload: bytes) -> str:
    """Return the name of a version: its content's."""
    return f"{CUTOFF}-{hashlib.sha256(payload).hexdigest()[:12]}"


_COLUMNS = "cutoff, unit, channel, SKU_ID, ds, yhat, run_id, created_at"


def _selected(cast: Cast) -> str:
    selects = [
        f"SELECT DATE '{row.cutoff}' AS cutoff, '{row.unit}' AS unit, '{row.channel}' AS channel, "
        f"'{row.SKU_ID}' AS SKU_ID, DATE '{row.ds}' AS ds, CAST({row.yhat} AS {{float}}) AS yhat, "
        f"'{row.run_id}' AS run_id, TIMESTAMP '{row.created_at}' AS created_at"
        for row in version_of(cast.number, cast.run).itertuples()
    ]
    return " UNION ALL ".join(selects)


def _live(cast: Cast, combination: Combination) -> tuple[str | None, str | None]:
    """Return generation and version of the live model, None where there is none."""
    try:
        live = cast.store.load(combination)
    except ModelNotFound:
        return None, None
    return live.generation, version_name(live.payload)


def _ledger_row(
    cast: Cast, combination: Combination, outcome: str, version: str, before: str | None
) -> dict[str, object]:
    return {
        "run_id": cast.run.run_id,
        **dict(zip(KEY, combination.parts, strict=True)),
        "cutoff": cast.run.cutoff,
        "outcome": outcome,
        "model_version": version,
        "previous_version": before,
        "created_at": cast.run.run_at,
    }


def _write_ledger(cast: Cast, rows: list[dict[str, object]]) -> None:
    cast.warehouse.replace(LEDGER, pd.DataFrame(rows), cast.run.run_id, run=cast.run)


def _record(cast: Cast) -> None:
    """Store the run's own row, as every job ends."""
    row = {column.name: "{}" if column.type == "STRING" else 0 for column in RUNS.columns}
    row |= {"task_id": cast.run.task_id, "run_id": cast.run.run_id, "job": cast.run.job, "run_at": cast.run.run_at}
    row |= {"cutoff": cast.run.cutoff, "scope": "all", "version": str(cast.number)}
    cast.warehouse.replace(RUNS, pd.DataFrame([row]), cast.run.task_id, run=cast.run)
    cast.did("recorded", cast.run.task_id)
