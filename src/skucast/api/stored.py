"""Stored models, for whoever wants to look inside."""

from __future__ import annotations

from pathlib import Path

from skucast.backends.store.opening import store_at
from skucast.core.places import Endpoints
from skucast.core.series import combination_named
from skucast.forecast.artifact import StoredModel, loads


def load_model(store: str | Path, unique_id: str, version: str | None = None) -> StoredModel:
    """Return a stored model: `.models` (those whose forecasts are averaged), `.card` (trained on what, how, how well).

    Args:
        store: a folder of models, or `gs://BUCKET[/PREFIX]`.
        unique_id: whose model: `unit/channel/SKU_ID`.
        version: one that is kept (default: the live one).

    Raises:
        ModelNotFound: there is none.
        ModelError: the file is damaged, hostile or of another format; nothing in it can run code.

    Examples:
        >>> import skucast as sk
        >>> sk.load_model("no-such-folder", "Perm/KA/Tea")
        Traceback (most recent call last):
        ...
        skucast.core.errors.ModelNotFound: no model of Perm/KA/Tea in no-such-folder; train it
    """
    place, combination = store_at(str(store), Endpoints()), combination_named(unique_id)
    return loads(place.load(combination).payload if version is None else place.load_version(combination, version))
