"""Stored models as people ask for them: whose they are, what is live, which versions are kept, how two differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from skucast.backends.store.protocol import Live, ModelStore
from skucast.core.combination import Combination
from skucast.core.errors import InputError, ModelError, ModelNotFound, ObjectKept, StoreConflict, StoreError
from skucast.core.model_files import ModelFile, most_bytes
from skucast.core.parallel import in_parallel
from skucast.core.quoting import listed
from skucast.core.spelling import fold
from skucast.core.targets import resolve_targets
from skucast.core.words import counted
from skucast.forecast.artifact import StoredModel, loads
from skucast.forecast.plain import digest_of
from skucast.jobs.targets import asked_for
from skucast.runtime.logs import log
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings

SHOWN = 3
"""Versions that a message names."""

LEFT_OUT = ("history", "evidence", "combination")
"""Parts of a model that say nothing of how it differs from another."""


@dataclass(frozen=True)
class Kept:
    """A kept version and its model, or why it cannot be read."""

    version: str
    model: StoredModel | ModelError


@dataclass(frozen=True)
class Stored:
    """What a store has of one combination: the live model, or why there is none, and the names of its versions."""

    combination: Combination
    live: StoredModel | ModelError
    versions: list[str]


def models_named(settings: Settings, store: ModelStore, text: str) -> list[Combination]:
    """Return the combinations with a model, live or kept, that names, patterns or files name; sorted.

    One that is named alone is looked for alone: a store of many versions need not be listed.

    Raises:
        InputError: an item that fits none, or a word for what is to be trained.
    """
    asked = asked_for(settings, text)
    if asked.words:
        raise InputError(f"@{asked.words[0][0]} is a word for what is to be trained; give names, patterns or files")
    if len(asked.names) == 1 and "*" not in asked.names[0]:
        one = Combination.parse(asked.names[0])
        if store.versions(one):
            return [one]
    there = {*store.stored(), *store.with_versions()}
    if not there:
        raise InputError(f"no model is stored in {settings.model_store}: set MODEL_STORE, or run run_all_skus.py")
    return resolve_targets(asked.names, there, named_in="models")


def stored_as(store: ModelStore, target: str) -> Combination:
    """Return the combination that `Unit/Channel/SKU_ID` names: as it is written, or as the one that is stored is.

    Raises:
        InputError: it is no name of a combination.
    """
    written = Combination.parse(target)
    if store.versions(written):
        return written
    folded = tuple(map(fold, written.parts))
    alike = [each for each in store.stored() if tuple(map(fold, each.parts)) == folded]
    return alike[0] if len(alike) == 1 else written


def stored_models(store: ModelStore, combinations: Sequence[Combination]) -> list[Stored]:
    """Return what the store has of each of them."""
    found = store.load_many(combinations)
    versions = in_parallel(store.versions, combinations)
    return [Stored(each, model_in(each, found[each]), versions[each]) for each in combinations]


def kept_versions(store: ModelStore, combination: Combination) -> list[Kept]:
    """Return the kept versions of a combination, in the order they were first saved."""
    found = in_parallel(partial(kept_version, store, combination), store.versions(combination))
    return [Kept(version, model) for version, model in found.items()]


def kept_version(store: ModelStore, combination: Combination, version: str) -> StoredModel | ModelError:
    """Return a kept version of a combination, or why it cannot be read."""
    try:
        return model_in(combination, Live(store.load_version(combination, version), version))
    except ModelNotFound:
        return ModelNotFound(_not_kept(store, combination, version))
    except ModelError as error:
        return error


def _not_kept(store: ModelStore, combination: Combination, version: str) -> str:
    """That there is no such version, and which there are, the newest first."""
    kept = store.versions(combination)[::-1]
    if not kept:
        return f"no version {version}, nor any other, is kept"
    return (
        f"no version {version} is kept; there are {listed(kept, SHOWN)}: python -m skucast models show '{combination}'"
    )


def model_in(combination: Combination, found: Live | ModelError) -> StoredModel | ModelError:
    """Return the model in a file of a combination, or why it is none of this combination."""
    if isinstance(found, ModelError):
        return found
    try:
        stored = loads(found.payload)
    except ModelError as error:
        return error
    if stored.card.combination != str(combination):
        return ModelError(f"the file holds the model of {stored.card.combination}")
    return stored


def live_version(store: ModelStore, combination: Combination) -> str | None:
    """Return the version that is live; None where there is none, or none of this combination that can be read."""
    try:
        live = model_in(combination, store.load(combination))
    except ModelError:
        return None
    return live.version if isinstance(live, StoredModel) else None


# --- How two differ -------------------------------------------------------------------------------------------------


def differences(one: StoredModel, other: StoredModel) -> list[tuple[str, Any, Any]]:
    """Return by its path each setting, figure and weight in which two models differ; None where one has it not."""
    first, second = (dict(_flat(_told(each))) for each in (one, other))
    names = dict.fromkeys([*first, *second])
    return [(name, first.get(name), second.get(name)) for name in names if first.get(name) != second.get(name)]


def _told(stored: StoredModel) -> dict[str, Any]:
    models = [model.as_dict() for model in stored.models]
    for model in models:
        for named in ("holidays", "regressors"):
            model[named] = {each["name"]: {**each, "name": None} for each in model[named]}
        for holiday in model["holidays"].values():
            holiday["weeks"] = len(holiday["weeks"].split())
    return {"card": vars(stored.card), **{f"model {place}": model for place, model in enumerate(models, start=1)}}


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, part in value.items():
            if name not in LEFT_OUT:
                yield from _flat(part, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple) and any(isinstance(part, Mapping) for part in value):
        for place, part in enumerate(value, start=1):
            yield from _flat(part, f"{path} {place}")
    elif value is not None:
        yield path, list(value) if isinstance(value, tuple) else value


# --- Pruning --------------------------------------------------------------------------------------------------------


def prune(store: ModelStore, files: Sequence[ModelFile], keep: int, report: RunReport) -> None:
    """Delete the oldest versions of these files beyond so many, never the live one; 0 keeps all.

    What cannot be pruned now, such as one that somebody replaces meanwhile, or whose live file cannot be read and will
    need its versions, stays until the next time.
    """
    if not keep or not files:
        return
    counts = in_parallel(partial(_prune, store, keep), files)
    total, kept = sum(n for n, _ in counts.values()), [why for _, why in counts.values() if why]
    if total:
        report.notes.append(f"{counted(total, 'version')} beyond the newest {keep} deleted (KEEP_VERSIONS)")
    if kept:
        log.warning("versions of %s could not be pruned, first: %s", counted(len(kept), "model"), kept[0])


def _prune(store: ModelStore, keep: int, file: ModelFile) -> tuple[int, str]:
    """How many versions were deleted, and what kept the others."""
    try:
        versions = store.versions(file)
        if len(versions) <= keep:
            return 0, ""
        live = store.load(file)
        digest = digest_of(live.payload, most_bytes(file))
        others = [version for version in versions if not version.endswith(f"-{digest}")]
        if len(others) == len(versions):  # the live one is none of them: what would it go back to?
            return 0, f"{file}: its live model is none of the kept versions"
        doomed = others[: len(versions) - keep]
        store.delete_versions(file, doomed, expected=live.generation)
    except (StoreConflict, ModelNotFound, ObjectKept, StoreError, ModelError) as error:
        return 0, f"{file}: {error}"
    return len(doomed), ""
