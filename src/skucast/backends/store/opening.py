"""Which store a place names."""

from __future__ import annotations

from skucast.backends.store.protocol import ModelStore
from skucast.core.places import Endpoints
from skucast.runtime.settings import Settings


def open_store(settings: Settings) -> ModelStore:
    """Return the store that `settings.model_store` names; nothing is created before the first save."""
    return store_at(settings.model_store, settings.endpoints)


def store_at(place: str, endpoints: Endpoints) -> ModelStore:
    """Return the store in a folder or `gs://BUCKET[/PREFIX]`."""
    if place.startswith("gs://"):
        from skucast.backends.store.gcs import CloudStore
        from skucast.core.places import parse_gs

        return CloudStore(*parse_gs(place), endpoints)
    from skucast.backends.store.local import LocalStore

    return LocalStore(place)
