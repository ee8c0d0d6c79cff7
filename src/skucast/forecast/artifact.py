"""The model file of one combination: its models and their card, in the stored form of `plain`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from skucast.core.model_files import MAX_BYTES
from skucast.forecast.plain import StoredPayload, read, written
from skucast.forecast.prophet.model import FittedModel

AGAIN = "retrain this combination"

_WAY_OUT = f"{AGAIN}, or bring its last version back: python -m skucast models heal"


@dataclass(frozen=True)
class ModelCard:
    """What a stored model is: trained on what, how, and how well it did when it could not see the answers.

    `hyperparameters` are those of each model whose forecasts are averaged, best first; `recipe` what training was asked
    for. `backtest` holds WAPE (ratio) by step as text, `pooled`, and the baseline's on the same weeks; `tuning` how the
    settings were chosen, empty without. `evidence` are its forecasts at past origins, sales per week of each step, by
    the origin's label. `is_converged` is False where a final fit met a bound on its steps.
    """

    combination: str
    cutoff: str
    first_week: str
    n_weeks: int
    recipe: dict[str, Any]
    hyperparameters: list[dict[str, Any]]
    dropped_regressors: list[str]
    is_converged: bool
    backtest: dict[str, Any]
    tuning: dict[str, Any]
    versions: dict[str, str]
    evidence: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    naive: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def naive_instead(self) -> str | None:
        """The naive method that forecasts instead of the model alone, as it backtests clearly better; None = none."""
        return str(self.naive["method"]) if self.naive.get("is_better") else None

    @property
    def cutoff_date(self) -> date:
        """The last week the model was trained on."""
        return date.fromisoformat(self.cutoff)


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


def as_stored(model: StoredModel) -> StoredModel:
    """Return the model in the store, as one that is old and could not be refreshed."""
    return replace(model.stored or model, status="stale")


def dumps(models: Sequence[FittedModel], card: ModelCard) -> StoredPayload:
    """Return the bytes of the model file and their version.

    Raises:
        ModelError: a number is not finite, so that nobody could read the file.
    """
    content = {"models": [model.as_dict() for model in models], "card": dict(vars(card))}
    return written(content, card.cutoff)


def loads(payload: bytes) -> StoredModel:
    """Return the stored model; nothing in the bytes can run code.

    Raises:
        ModelError: empty, truncated, hostile, damaged or of another format; says which.
    """
    found = read(payload, _Content, most_bytes=MAX_BYTES, again=_WAY_OUT)
    return StoredModel(found.content.models, found.content.card, found.version)


@dataclass(frozen=True)
class _Content:
    """The JSON of a model file; parts that are missing, unknown, of another type or not finite are refused."""

    __pydantic_config__ = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    models: Annotated[tuple[FittedModel, ...], Field(min_length=1)]
    card: ModelCard

    @property
    def cutoff(self) -> date:
        return self.card.cutoff_date

    def check(self) -> None:
        for model in self.models:
            model.check()
