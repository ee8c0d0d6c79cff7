"""Verify: what should be stored, models and what they share, and what the registry says of it; changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from skucast.backends.store.protocol import ModelStore
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY, Combination
from skucast.core.errors import ModelError, ModelNotFound, RunFailed
from skucast.core.model_files import SharedFile
from skucast.core.quoting import listed
from skucast.core.tables.records import REGISTRY
from skucast.core.targets import matching
from skucast.core.words import counted
from skucast.forecast.panel.model import AGAIN
from skucast.forecast.trainable import skip_reason
from skucast.jobs.inputs import Inputs
from skucast.jobs.panel_files import READERS
from skucast.jobs.registry import latest, may_be_live
from skucast.jobs.targets import accepted_missing
from skucast.jobs.training_inputs import readable
from skucast.runtime.logs import log
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings

SHOWN = 20
"""Combinations that a line names."""

Versions = Mapping[Combination, str | None]
"""The live version of each combination, None where there is none that can be read."""


def verify(
    settings: Settings,
    warehouse: Warehouse,
    store: ModelStore,
    inputs: Inputs,
    report: RunReport,
    *,
    looks_for_orphans: bool,
) -> None:
    """Compare expected with stored models, these with the registry both ways, and say which have no sales.

    Every usable file counts as stored, whatever its cutoff. One task of the run looks for those without sales, and one
    at what all models share, where it is forecast with.

    Raises:
        RunFailed: something is not as it should be; one line each has said what, and how to mend it.
    """
    found = store.load_many(inputs.wanted)
    stored = {each: readable(each, found[each]) for each in inputs.wanted}
    live = {each: None if model is None else model.version for each, model in stored.items()}
    expected = _expected(settings, inputs, report)
    missing = [each for each in expected if live[each] is None]
    report.counts["stored"] = len(expected) - len(missing)
    registry = warehouse.read(REGISTRY)
    has_shared = settings.forecaster != "prophet" and bool(expected) and settings.cloud_run_task_index == 0
    problems = [
        _missing(missing),
        _shared(unusable_shared(store) if has_shared else {}),
        _unnamed(unnamed(live, registry)),
        _not_live(named_and_not_live(live, registry), live),
        _orphans(_without_sales(settings, store, inputs) if looks_for_orphans else []),
    ]
    said = [text for text in problems if text]
    if missing:
        report.counts["missing"] = len(missing)
    if not said:
        report.notes.append(
            f"all {report.counts['stored']} expected models are stored and readable, and the registry names them"
        )
        return
    for text in said[:-1]:
        log.error("%s", text)
    raise RunFailed(said[-1])


def unnamed(live: Versions, registry: pd.DataFrame) -> list[Combination]:
    """Return the combinations with a live model that no row of theirs names."""
    named = set(registry.loc[registry["model_version"].notna(), [*KEY, "model_version"]].itertuples(False, None))
    return [each for each, version in live.items() if version is not None and (*each.parts, version) not in named]


def named_and_not_live(live: Versions, registry: pd.DataFrame) -> list[tuple[Combination, str]]:
    """Return the combinations whose newest row names a model as live that is not, and its version.

    A combination without any readable model is no part of it: that it is missing is told anyway.
    """
    newest = latest(registry[may_be_live(registry)])
    newest = newest[newest["model_version"].notna()]
    names = newest[[*KEY, "model_version"]].itertuples(index=False, name=None)
    told = {Combination(*parts): version for *parts, version in names}
    return [(each, told[each]) for each, version in live.items() if version not in (None, told.get(each, version))]


def unusable_shared(store: ModelStore) -> dict[SharedFile, str]:
    """Return the files that all models share and that are damaged or missing, and which of the two each is."""
    found = {}
    for file, loads in READERS.items():
        try:
            loads(store.load(file).payload)
        except ModelNotFound:
            found[file] = "missing"
        except ModelError as error:
            found[file] = str(error).partition(f"; {AGAIN}")[0]
    return found


def _expected(settings: Settings, inputs: Inputs, report: RunReport) -> list[Combination]:
    """The combinations that should have a model."""
    expected = []
    for combination, weeks in inputs.history.split(inputs.wanted):
        reason = skip_reason(weeks, settings.min_history_weeks, settings.inactive_after_weeks)
        if reason:
            report.counts[f"not expected: {reason.split(':')[0]}"] += 1
        else:
            expected.append(combination)
    return expected


def _without_sales(settings: Settings, store: ModelStore, inputs: Inputs) -> list[Combination]:
    orphans = sorted(set(store.stored()) - set(inputs.history.combinations))
    accepted = set(matching(accepted_missing(settings), orphans))
    return [each for each in orphans if each not in accepted]


def _missing(combinations: Sequence[Combination]) -> str:
    if not combinations:
        return ""
    are = "model is" if len(combinations) == 1 else "models are"
    return f"{len(combinations)} {are} missing or unusable: {_names(combinations)}; run run_all_skus.py"


def _shared(files: Mapping[SharedFile, str]) -> str:
    if not files:
        return ""
    what = counted(len(files), "file")
    named = listed([f"{file}: {why}" for file, why in files.items()], SHOWN, "; ")
    return (
        f"{what} that all models share cannot be used ({named}): bring back what was live: python -m skucast models "
        "heal, or make all anew: run_all_skus.py"
    )


def _unnamed(combinations: Sequence[Combination]) -> str:
    if not combinations:
        return ""
    what = counted(len(combinations), "live model")
    return (
        f"{what} that no row of the registry names (the run that made them was stopped): {_names(combinations)}; "
        "run run_all_skus.py, which records them"
    )


def _not_live(rows: Sequence[tuple[Combination, str]], live: Versions) -> str:
    if not rows:
        return ""
    (first, told), what = rows[0], counted(len(rows), "combination")
    return (
        f"{what} whose newest row in the registry names a model that is not live: {_names([each for each, _ in rows])} "
        f"(of {first}: {told}, live is {live[first]}); run run_all_skus.py, which records what is live, or bring the "
        "other one back: python -m skucast models rollback UNIT/CHANNEL/SKU_ID --version VERSION"
    )


def _orphans(combinations: Sequence[Combination]) -> str:
    if not combinations:
        return ""
    what = counted(len(combinations), "stored model")
    return (
        f"{what} of combinations without sales: {_names(combinations)}; load their sales, name them in ACCEPT_MISSING, "
        "or take their files out of MODEL_STORE"
    )


def _names(combinations: Sequence[Combination]) -> str:
    return listed(combinations, SHOWN)
