"""Outcomes: what became of each combination. The one place that catches a combination's failure."""

from __future__ import annotations

import os
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from skucast.core.combination import Combination
from skucast.core.errors import InputError, RunFailed, SkucastError
from skucast.core.pool import HERE, Pool
from skucast.core.quoting import one_line
from skucast.runtime.logs import log, progress
from skucast.runtime.memory import give_back
from skucast.runtime.stopping import check_stop, ends_with, stop_goes_through

K = TypeVar("K")
T = TypeVar("T")
R = TypeVar("R")

CHUNKS_PER_WORKER = 8
MAX_CHUNK = 32
"""Combinations that one worker takes at a time."""

CLUSTER_TIMEOUT_S = 10.0
"""How long to wait for a cluster's scheduler."""


@dataclass(frozen=True)
class Outcome(Generic[K, R]):
    """The result for a combination, or the reason there is none; the traceback of what nobody foresaw."""

    combination: K
    value: R | None = None
    error: str | None = None
    traceback: str | None = None


@dataclass
class RunReport:
    """What a run did: filled by the job, stored in the runs table and shown by `app`.

    `plan_files` says of each planner's file what was refused in it, None if nothing was. `warned` are the notes that
    the log has shown already, as warnings.
    """

    counts: Counter[str] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    n_combinations: int = 0
    n_rows: int = 0
    data_report: dict[str, Any] | None = None
    sources: dict[str, dict[str, float]] = field(default_factory=dict)
    plan_files: dict[str, str | None] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    warned: set[str] = field(default_factory=set)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Add the seconds of the block to the step, and give back what memory it has needed."""
        started = time.perf_counter()
        try:
            yield
        finally:
            give_back()
            self.seconds[step] = round(self.seconds.get(step, 0.0) + time.perf_counter() - started, 3)

    def warn(self, text: str, **fields: Any) -> None:
        """Note it, and show it at once as a warning with these fields; the summary does not repeat it."""
        log.warning("%s", text, extra={"fields": fields})
        self.notes.append(text)
        self.warned.add(text)

    def unsaid(self) -> list[str]:
        """Return the notes that nobody has seen yet."""
        return [note for note in self.notes if note not in self.warned]

    def fail(self, combination: Combination, reason: str) -> None:
        """Record a combination's failure; its name stands before the reason wherever that is shown."""
        self.failures[str(combination)] = one_line(_without_name(combination, reason))


def run_each(
    items: Sequence[tuple[K, T]], function: Callable[[K, T], R], *, what: str, pool: Pool = HERE, traces: bool = True
) -> Iterator[Outcome[K, R]]:
    """Yield one outcome per item as it is done (any order with several workers); a failure stops nobody else.

    An item is mostly a combination and what its result is made of. The function must be picklable when there are
    several workers: each one is a process. Without `traces` the log has one line of a failure whose place is not ours.
    """
    check_stop()
    for outcome in progress(_outcomes(items, function, pool), len(items), what):
        check_stop()
        if outcome.error is not None:
            fields = {"combination": str(outcome.combination), "error": outcome.error}
            trace = f"\n{outcome.traceback}" if outcome.traceback else ""
            log.error("%s failed%s", what, trace if traces else "", extra={"fields": fields, "has_lines": True})
            if not traces:
                log.debug("where it failed%s", trace, extra={"has_lines": True})
        yield outcome
        check_stop()  # what was done with it may have swallowed the signal, before the next one is begun


def check_failed_share(failures: Mapping[Combination, str], n_combinations: int, max_failed_share: float) -> None:
    """Refuse a run of which too large a share failed, over all of its tasks; `failures` says why by combination.

    Raises:
        RunFailed: with the first failures by name.
    """
    if not failures or len(failures) <= max_failed_share * n_combinations:
        return
    first = "; ".join(f"{each}: {_without_name(each, reason)}" for each, reason in list(failures.items())[:3])
    raise RunFailed(
        f"{len(failures)} of {n_combinations} combinations failed, "
        f"more than MAX_FAILED_SHARE={max_failed_share:g} allows; first: {first}"
    )


def _without_name(combination: Combination, reason: str) -> str:
    return reason.removeprefix(f"{combination}: ")


def _outcomes(items: Sequence[tuple[K, T]], function: Callable[[K, T], R], pool: Pool) -> Iterator[Outcome[K, R]]:
    if pool.dask_scheduler is not None:
        yield from _on_a_cluster(items, function, pool.dask_scheduler)
    elif pool.workers > 1 and len(items) > 1:
        yield from _on_this_machine(items, function, pool.workers)
    else:
        with _one_thread():
            yield from (_guarded(function, combination, item) for combination, item in items)


def _on_this_machine(
    items: Sequence[tuple[K, T]], function: Callable[[K, T], R], workers: int
) -> Iterator[Outcome[K, R]]:
    from joblib import Parallel, delayed

    calls = [delayed(_guarded_chunk)(function, chunk) for chunk in _chunks(items, workers)]
    parallel = Parallel(n_jobs=workers, return_as="generator_unordered", initializer=ends_with, initargs=(os.getpid(),))
    chunks = parallel(calls)
    try:
        for done in chunks:
            yield from done
    finally:
        with warnings.catch_warnings(action="ignore"):  # joblib's advice to whoever stops half-way, as Ctrl-C does
            chunks.close()


def _on_a_cluster(
    items: Sequence[tuple[K, T]], function: Callable[[K, T], R], scheduler: str
) -> Iterator[Outcome[K, R]]:
    """Hand the chunks to Dask itself: joblib's backend for it gives no result before all are there.

    Raises:
        InputError: `distributed` is not installed, or nobody answers at that address.
    """
    try:
        from distributed import Client, as_completed
    except ImportError:
        raise InputError("JOBLIB_BACKEND=dask: distributed is not installed; pip install distributed") from None
    try:
        client = Client(scheduler, timeout=CLUSTER_TIMEOUT_S)
    except (OSError, ValueError) as error:
        raise InputError(f"DASK_SCHEDULER: {scheduler}: no answer ({type(error).__name__}); start it first") from None
    with client:
        workers = max(1, sum(client.ncores().values()))
        chunks = _chunks(items, workers)
        futures = client.map(_guarded_chunk, [function] * len(chunks), chunks, pure=False)
        for _, done in as_completed(futures, with_results=True):
            yield from done


def _chunks(items: Sequence[T], workers: int) -> list[Sequence[T]]:
    """The items in parts that are worth sending, and enough of them that no worker waits long for the others."""
    size = max(1, min(MAX_CHUNK, len(items) // (CHUNKS_PER_WORKER * workers)))
    return [items[first : first + size] for first in range(0, len(items), size)]


def _guarded_chunk(function: Callable[[K, T], R], chunk: Sequence[tuple[K, T]]) -> list[Outcome[K, R]]:
    with _one_thread():
        return [_guarded(function, combination, item) for combination, item in chunk]


def _one_thread() -> AbstractContextManager[object]:
    """Keep the libraries for matrices on one thread: ours are small, and workers would fight for the cores."""
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(limits=1)
    return limits


def _guarded(function: Callable[[K, T], R], combination: K, item: T) -> Outcome[K, R]:
    try:
        with stop_goes_through():
            return Outcome(combination, value=function(combination, item))
    except SkucastError as error:
        return Outcome(combination, error=str(error))
    except Exception as error:  # noqa: BLE001 - the one place: a combination's failure becomes its outcome
        return Outcome(
            combination, error=one_line(f"{type(error).__name__}: {error}"), traceback=traceback.format_exc()
        )
