"""Roll back: earlier versions of models become the live ones again; heal: what is damaged comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

import pandas as pd

from skucast.backends.store.protocol import Live, ModelStore
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY, Combination
from skucast.core.errors import InputError, ModelError, ModelNotFound, RunFailed, StoreConflict, StoreError
from skucast.core.model_files import SharedFile, most_bytes
from skucast.core.quoting import listed
from skucast.core.rows import is_about
from skucast.core.run import Run
from skucast.core.tables.records import REGISTRY
from skucast.core.words import counted
from skucast.forecast.artifact import AGAIN, StoredModel
from skucast.forecast.plain import digest_of
from skucast.jobs.panel_files import READERS
from skucast.jobs.registry import Ledger, by_age, details_of, latest, may_be_live, registry_row
from skucast.jobs.stored_models import kept_version, live_version, model_in
from skucast.runtime.logs import log
from skucast.runtime.outcome import RunReport

SHOWN = 3
"""Combinations that a note names."""

_MISSING = "retrain_models.py --target '@missing'"


class _Unusable(InputError):
    """Neither the live file nor any version that could take its place can be used."""


@dataclass(frozen=True)
class Wanted:
    """What is to be live again: a version by name, the newest that had seen no week after a day, or the one before.

    `only_damaged`: only where the live file is broken, gone, or of another combination.
    """

    version: str | None = None
    until: date | None = None
    only_damaged: bool = False


@dataclass(frozen=True)
class _Step:
    """One model to put in the place of what is live; `before` is None where that cannot be used."""

    combination: Combination
    expected: str | None
    before: str | None
    model: StoredModel
    payload: bytes
    reason: str


def roll_back(
    combinations: Sequence[Combination],
    wanted: Wanted,
    warehouse: Warehouse,
    store: ModelStore,
    run: Run,
    report: RunReport,
) -> None:
    """Make earlier versions live, each whole or not at all, and record each in the registry.

    By default it is the version that was live before, by the registry, else the one that was saved before; where the
    live file is broken or gone, the one that was live, else the newest that can be read. All are looked for before the
    first is replaced; of several, those that have none stay as they are and are said.

    Raises:
        InputError: there is no such version, of the one or of all of them.
        StoreConflict: somebody else replaced the one model meanwhile.
        RunFailed: somebody else replaced some of several, theirs stay; or one cannot be used and has no whole version.
    """
    report.n_combinations = len(combinations)
    registry = _registry(warehouse, combinations)
    rows = {Combination(*map(str, names)): part for names, part in registry.groupby(KEY)} if len(registry) else {}
    steps: list[_Step] = []
    settled: list[Combination] = []
    refused: dict[Combination, InputError] = {}
    for each in combinations:
        try:
            step = _step(store, each, wanted, rows.get(each, registry.head(0)))
        except InputError as error:
            refused[each] = error
            continue
        if step is None:
            settled.append(each)
        else:
            steps.append(step)
    lost = {each: str(error) for each, error in refused.items() if isinstance(error, _Unusable)}
    as_before = {each: str(error) for each, error in refused.items() if each not in lost}
    if refused and not steps and not settled and not wanted.only_damaged:
        retrain = f"; {_MISSING}" if lost else ""
        raise InputError(f"cannot roll back {_first({**lost, **as_before})}{retrain}")
    replaced = _put_in_place(steps, warehouse, store, run, report, is_one=len(combinations) == 1)
    _note(steps, settled, as_before, wanted, report)
    for each, why in lost.items():
        report.fail(each, why)
    done = "healed" if wanted.only_damaged else "rolled back"
    said = [f"{counted(len(replaced), 'model')} not {done}: {_first(replaced)}"] if replaced else []
    if lost:
        said.append(f"{counted(len(lost), 'model')} not {done}, no whole version is kept: {_first(lost)}; {_MISSING}")
    if said:
        raise RunFailed("; ".join(said))


def heal(
    combinations: Sequence[Combination],
    files: Sequence[SharedFile],
    warehouse: Warehouse,
    store: ModelStore,
    run: Run,
    report: RunReport,
) -> None:
    """Put what can be used in the place of all that is damaged or gone, models and files that they share.

    Raises:
        RunFailed: something has no whole version; all else is healed.
    """
    failed = []
    for mend in (
        partial(roll_back, combinations, Wanted(only_damaged=True), warehouse, store, run),
        partial(heal_shared, store, files),
    ):
        try:
            mend(report)
        except RunFailed as error:
            failed.append(str(error))
    if failed:
        raise RunFailed("; ".join(failed))


def heal_shared(store: ModelStore, files: Sequence[SharedFile], report: RunReport) -> None:
    """Put the newest whole version in the place of each of these files that is damaged or gone, and say so.

    Raises:
        RunFailed: one has no whole version; the others are healed.
    """
    lost = []
    for file in files:
        try:
            found: Live | None = store.load(file)
        except ModelNotFound:
            found = None
        except StoreError:
            raise
        except ModelError:  # no file at all: a folder, or one that may not be read, which nothing replaces
            lost.append(str(file))
            continue
        if found is not None and _is_usable(file, found.payload):
            continue
        versions = store.versions(file)
        whole = _newest(store, file, versions, _is_usable)
        if whole is None and found is None:  # as it was written by another release, perhaps
            whole = _newest(store, file, versions, _is_whole)
        if whole is not None:
            store.save(file, whole[1], whole[0], expected=None if found is None else found.generation)
            report.notes.append(f"{file}: damaged or gone, its version {whole[0]} is live again")
        elif versions or found is not None:
            lost.append(str(file))
    if lost:
        raise RunFailed(f"{listed(lost, SHOWN)}: damaged, and no whole version is kept; run run_all_skus.py")


def _newest(
    store: ModelStore, file: SharedFile, versions: Sequence[str], fits: Callable[[SharedFile, bytes], bool]
) -> tuple[str, bytes] | None:
    kept = ((version, store.load_version(file, version)) for version in reversed(versions))
    return next((each for each in kept if fits(file, each[1])), None)


def _is_usable(file: SharedFile, payload: bytes) -> bool:
    """Whether a forecast can use the file; of one that is not known, whether it is as it was written."""
    if file not in READERS:
        return _is_whole(file, payload)
    try:
        READERS[file](payload)
    except ModelError:
        return False
    return True


def _is_whole(file: SharedFile, payload: bytes) -> bool:
    try:
        digest_of(payload, most_bytes(file))
    except ModelError:
        return False
    return True


def _put_in_place(
    steps: Sequence[_Step], warehouse: Warehouse, store: ModelStore, run: Run, report: RunReport, *, is_one: bool
) -> dict[Combination, str]:
    """Replace and record each; return those that somebody else had replaced, with what was said."""
    failed: dict[Combination, str] = {}
    with Ledger(warehouse, run, report, run.cutoff, partial(live_version, store)) as ledger:
        for step in steps:
            version, card = step.model.version, step.model.card
            details = details_of(card, version, step.before)
            row = registry_row(step.combination, card.cutoff_date, "rolled_back", step.reason, details)
            ledger.saving(step.combination, row)
            try:
                store.save(step.combination, step.payload, version, expected=step.expected)
            except (StoreConflict, ModelError) as error:
                if is_one:
                    raise
                failed[step.combination] = str(error)
                report.fail(step.combination, str(error))
                continue
            ledger.add(row)
            report.counts["rolled back"] += 1
            fields = {"combination": str(step.combination), "from": step.before, "to": version}
            if step.before is None:
                del fields["from"]
            log.info("healed" if step.before is None else "rolled back", extra={"fields": fields})
    return failed


def _step(store: ModelStore, combination: Combination, wanted: Wanted, rows: pd.DataFrame) -> _Step | None:
    """What to put in the place of the live file; None where that is as it should be.

    Raises:
        InputError: no version that was asked for can be read.
    """
    try:
        found: Live | None = store.load(combination)
    except ModelNotFound:
        found = None
    except StoreError:
        raise
    except ModelError as error:
        raise _Unusable(f"{combination}: {_why(error)}") from None
    live = ModelNotFound("the live file is gone") if found is None else model_in(combination, found)
    current = live.version if isinstance(live, StoredModel) else None
    if wanted.only_damaged and current is not None:
        return None
    tried = []
    for version in _candidates(store.versions(combination), current, wanted, rows):
        if version == current:
            return None
        model = kept_version(store, combination, version)
        if isinstance(model, StoreError):
            raise model
        if isinstance(model, ModelNotFound) and wanted.version is not None:
            raise InputError(f"{combination}: {model}")
        if isinstance(model, StoredModel):
            why = "by hand" if isinstance(live, StoredModel) else f"by hand: {_why(live)}"
            payload = store.load_version(combination, version)
            expected = None if found is None else found.generation
            return _Step(combination, expected, current, model, payload, why)
        tried.append(f"{version}: {_why(model)}")
    is_lost = current is None and (bool(tried) or wanted.only_damaged)
    raise (_Unusable if is_lost else InputError)(f"{combination}: {_why_none(current, wanted, tried)}")


def _why(error: ModelError) -> str:
    """What is wrong with a file, without what prediction advises to do: this is the tool that it advises."""
    return str(error).partition(f"; {AGAIN}")[0]


def _candidates(versions: Sequence[str], current: str | None, wanted: Wanted, rows: pd.DataFrame) -> Iterator[str]:
    """The versions that may come back, the first choice first."""
    if wanted.version is not None:
        yield wanted.version
        return
    if wanted.until is not None:
        until = [(version[:10], place, version) for place, version in enumerate(versions)]
        yield from (version for day, _, version in sorted(until, reverse=True) if day <= str(wanted.until))
        return
    told = _was_live(rows) if current is None else _was_before(rows, current)
    if told in versions and told != current:
        yield str(told)
    earlier = versions[: versions.index(current)] if current in versions else versions
    yield from (version for version in reversed(earlier) if version != told)


def _was_live(rows: pd.DataFrame) -> str | None:
    """The version that the newest row of the registry names as live."""
    newest = latest(rows[may_be_live(rows) & rows["model_version"].notna()])
    return str(newest["model_version"].iloc[0]) if len(newest) else None


def _was_before(rows: pd.DataFrame, current: str) -> str | None:
    """The version that was live when this one was made: one that came back later has been before it once already."""
    made = rows[(rows["outcome"] == "saved") & (rows["model_version"] == current) & rows["previous_version"].notna()]
    newest = by_age(made)["previous_version"]
    return str(newest.iloc[-1]) if len(newest) else None


def _why_none(current: str | None, wanted: Wanted, tried: Sequence[str]) -> str:
    if tried:
        return tried[0]
    if wanted.until is not None:
        return f"no version kept had seen no week after {wanted.until}"
    return f"{current} is the oldest version kept" if current else "no version is kept"


def _registry(warehouse: Warehouse, combinations: Sequence[Combination]) -> pd.DataFrame:
    """The registry's rows about these combinations."""
    limits = dict(zip(KEY, combinations[0].parts, strict=True)) if len(combinations) == 1 else {}
    rows = warehouse.read(REGISTRY, since=limits, until=limits)
    found: pd.DataFrame = rows[is_about(rows, combinations)]
    return found


def _note(
    steps: Sequence[_Step],
    settled: Sequence[Combination],
    refused: dict[Combination, str],
    wanted: Wanted,
    report: RunReport,
) -> None:
    done = report.counts["rolled back"]
    if done:
        damaged = sum(step.before is None for step in steps)
        healed = f", {damaged} of them damaged or gone" if damaged else ""
        report.notes.append(f"{counted(done, 'model')} rolled back{healed}; the next forecast uses what is live now")
    if settled:
        state = "whole" if wanted.only_damaged else "of that version already"
        report.notes.append(f"{counted(len(settled), 'live model')} {state}: nothing to do")
    if refused:
        report.notes.append(f"{counted(len(refused), 'model')} as before: {_first(refused)}")


def _first(texts: dict[Combination, str]) -> str:
    return listed(texts.values(), SHOWN, "; ")
