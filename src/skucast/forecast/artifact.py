"""The model file of one combination: its models and their card, in the stored form of `plain`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from skucast.core.model_files import MAX_BYTES
from skucast.core.words import counted
from skucast.forecast.cards import ModelCard
from skucast.forecast.plain import Limits, StoredPayload, read, written
from skucast.forecast.prophet.model import FittedModel

AGAIN = "retrain this combination"

_WAY_OUT = f"{AGAIN}, or bring its last version back: python -m skucast models heal"


_LIMITS = Limits(n_bytes=MAX_BYTES, n_lists=10_000, n_values=200_000)
"""A usual file has fifty lists and a thousand values."""

_MOST_MODELS = 20


@dataclass(frozen=True)
class StoredModel:
    """The models whose forecasts are averaged (mostly one), their card, and their version.

    A version is `CUTOFF-DIGEST`: equal content has an equal version. `status` is what a forecast by it says; of a model
    that was refreshed in memory, `stored` is the one in the store, whose card and version it keeps.
    """

    models: tuple[FittedModel, ...]
    card: ModelCard
    version: str
    status: Literal["ok", "refreshed", "stale"] = "ok"
    stored: StoredModel | None = None

    def __repr__(self) -> str:
        many = counted(len(self.models), "model")
        return f"StoredModel of {self.card.combination}, version {self.version}, {many}, {self.card.n_weeks} weeks"


def as_stored(model: StoredModel) -> StoredModel:
    """Return the model in the store, as one that is old and could not be refreshed."""
    return replace(model.stored or model, status="stale")


def dumps(models: Sequence[FittedModel], card: ModelCard) -> StoredPayload:
    """Return the bytes of the model file and their version.

    Raises:
        ModelError: a number is not finite, or beyond what is read, so that nobody could read the file.
    """
    content = {"models": [model.as_dict() for model in models], "card": dict(vars(card))}
    return written(content, card.cutoff, _Content(tuple(models), card))


def loads(payload: bytes) -> StoredModel:
    """Return the stored model; nothing in the bytes can run code.

    Raises:
        ModelError: empty, truncated, hostile, damaged or of another format; says which.
    """
    found = read(payload, _Content, limits=_LIMITS, again=_WAY_OUT)
    return StoredModel(found.content.models, found.content.card, found.version)


@dataclass(frozen=True)
class _Content:
    """The JSON of a model file; parts that are missing, unknown, of another type or not finite are refused."""

    __pydantic_config__ = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    models: Annotated[tuple[FittedModel, ...], Field(min_length=1, max_length=_MOST_MODELS)]
    card: ModelCard

    @property
    def cutoff(self) -> date:
        return self.card.cutoff_date

    def check(self) -> None:
        self.card.check()
        for model in self.models:
            model.check()
