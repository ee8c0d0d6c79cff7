"""Roll back: an earlier version of one model becomes the live one again."""

from __future__ import annotations

from skucast.backends.store.protocol import Live, ModelStore
from skucast.core.combination import Combination
from skucast.core.errors import InputError, ModelError, ModelNotFound
from skucast.core.spelling import fold
from skucast.forecast.artifact import loads


def rollback(store: ModelStore, combination: Combination, version: str | None) -> tuple[str | None, str]:
    """Make a kept version live and return the versions before and after; before is None if there was no usable one.

    By default it is the newest readable version before the live one, or of all where the live file is broken or gone:
    of the live file only the generation is needed.

    Raises:
        InputError: there is no such version, or none before the live one.
        StoreConflict: somebody else replaced the model meanwhile.
    """
    try:
        live = _live(store, combination)
        current = None if live is None else _version(live.payload)
        chosen = version or _newest_before(store, combination, current)
        payload = store.load_version(combination, chosen)
        loads(payload)
    except ModelError as error:
        raise InputError(f"cannot roll back {combination}: {error}") from None
    store.save(combination, payload, chosen, expected=None if live is None else live.generation)
    return current, chosen


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


def _live(store: ModelStore, combination: Combination) -> Live | None:
    try:
        return store.load(combination)
    except ModelNotFound:
        return None


def _version(payload: bytes) -> str | None:
    """The version that the bytes are, None if they are no readable model."""
    try:
        return loads(payload).version
    except ModelError:
        return None


def _newest_before(store: ModelStore, combination: Combination, current: str | None) -> str:
    versions = store.versions(combination)
    earlier = versions[: versions.index(current)] if current in versions else versions
    for version in reversed(earlier):
        if _version(store.load_version(combination, version)) is not None:
            return version
    raise ModelError(f"{current} is the oldest version kept" if current else "no readable version is kept; retrain it")
