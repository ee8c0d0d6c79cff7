"""The models of a run: of each combination the one that has not seen past the cutoff, or why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from skucast.backends.store.protocol import Live, ModelStore
from skucast.core.combination import Combination
from skucast.core.errors import ModelError, ModelNotFound, ModelOfOtherWeeks, ModelTooNew, StoreError
from skucast.core.model_files import newest_until
from skucast.core.weeks import anchor_of
from skucast.forecast.artifact import StoredModel, loads
from skucast.forecast.forecasting import as_needed

AT_ONCE = 1_000
"""Files that are in memory together, before they are models."""

Models = dict[Combination, StoredModel | ModelError]


def load_models(store: ModelStore, wanted: Sequence[Combination], cutoff: date) -> Models:
    """Return each combination's model that has not seen past the cutoff, or why there is none.

    Half of a model is what no forecast looks at: it is let go (`forecasting.as_needed`).
    """
    models: Models = {}
    before: StoredModel | None = None
    for first in range(0, len(wanted), AT_ONCE):
        part = wanted[first : first + AT_ONCE]
        for combination, live in store.load_many(part).items():
            stored = _usable(store, combination, live, cutoff)
            if isinstance(stored, StoredModel):
                stored = before = as_needed(stored, before)
            models[combination] = _naming_the_file(combination, stored)
    return models


def _naming_the_file(combination: Combination, stored: StoredModel | ModelError) -> StoredModel | ModelError:
    """What was read, or why not and of which file of the store; a file that is not there has been named."""
    if isinstance(stored, (StoredModel, ModelNotFound, StoreError)) or combination.path in str(stored):
        return stored
    return ModelError(f"{combination.path}: {stored}")


def _usable(
    store: ModelStore, combination: Combination, live: Live | ModelError, cutoff: date
) -> StoredModel | ModelError:
    """The model to forecast with: the live one, or the newest version that had not seen past the cutoff."""
    if isinstance(live, ModelError):
        return live
    try:
        stored = loads(live.payload)
        if stored.card.cutoff_date > cutoff:
            stored = loads(_version_before(store, combination, cutoff, stored.card.cutoff_date))
        if stored.card.combination != str(combination):
            raise ModelError(f"the file holds the model of {stored.card.combination}; retrain this combination")
    except ModelError as error:
        return error
    return stored


def _version_before(store: ModelStore, combination: Combination, cutoff: date, newest: date) -> bytes:
    earlier = newest_until(store.versions(combination), cutoff)
    if earlier is None and anchor_of(newest) != anchor_of(cutoff):
        raise ModelOfOtherWeeks(
            f"{combination}: its model is of weeks that end on {anchor_of(newest)}, "
            f"these end on {anchor_of(cutoff)}; run run_all_skus.py"
        )
    if earlier is None:
        raise ModelTooNew(f"{combination}: every model has seen weeks after {cutoff}; train one with --as-of")
    return store.load_version(combination, earlier)
