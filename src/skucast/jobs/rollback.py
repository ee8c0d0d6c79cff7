"""Roll back: an earlier version of one model becomes the live one again."""

from __future__ import annotations

from skucast.combination import Combination
from skucast.engine.artifact import loads
from skucast.errors import InputError, ModelError
from skucast.store import ModelStore


def rollback(store: ModelStore, combination: Combination, version: str | None) -> tuple[str, str]:
    """Make a kept version live and return the versions before and after; by default the one before the live one.

    Raises:
        InputError: there is no such version, or none before the live one.
        StoreConflict: somebody else replaced the model meanwhile.
    """
    try:
        live = store.load(combination)
        current = loads(live.payload).version
        chosen = version or _before(store.versions(combination), current)
        payload = store.load_version(combination, chosen)
        loads(payload)
    except ModelError as error:
        raise InputError(f"cannot roll back {combination}: {error}") from None
    store.save(combination, payload, chosen, expected=live.generation)
    return current, chosen


def _before(versions: list[str], current: str) -> str:
    earlier = versions[: versions.index(current)] if current in versions else versions
    if not earlier:
        raise ModelError(f"{current} is the oldest version kept")
    return earlier[-1]
