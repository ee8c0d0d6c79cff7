"""What each component would have forecast at past origins, kept from training to training.

Origins lie four weeks apart on a lattice that does not move with the cutoff: of six origins a week later none or one is
new, and what was found at the others is still true. Each component was fitted with what was known at the origin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict

from skucast.core.bounds import MOST_SALES, check_day, check_length, check_names, check_plain
from skucast.core.combination import Combination
from skucast.core.model_files import MAX_SHARED_BYTES, SharedFile
from skucast.core.weeks import WEEK
from skucast.forecast.panel.model import AGAIN, PanelForecast
from skucast.forecast.plain import Limits, Read, StoredPayload, read, written
from skucast.forecast.prophet.design import Floats

EVIDENCE = SharedFile("evidence")

ORIGINS = 6
EVERY = 4
"""Weeks between two origins."""

DIGITS = 6
"""Significant digits that are kept of a forecast."""

MOST_COMBINATIONS = 1_000_000
MOST_ORIGINS = 100
MOST_STEPS = 520
MOST_MODELS = 100

Told = list[list[float | None]]


def evidence_origins(cutoff: date, horizon: int) -> list[date]:
    """Return the labels of the newest origins whose `horizon` weeks have all passed at the cutoff, oldest first."""
    newest = cutoff - horizon * WEEK
    newest -= newest.toordinal() // 7 % EVERY * WEEK
    return [newest - EVERY * back * WEEK for back in range(ORIGINS - 1, -1, -1)]


@dataclass(frozen=True)
class OriginEvidence:
    """What the panel forecast at one origin: by combination, then by step; None where it said nothing."""

    absolute: Told
    log: Told
    lower: Told
    upper: Told


@dataclass(frozen=True)
class ModelEvidence:
    """What a model beside ours forecast at past origins, by their label: by combination, then by step; its recipe."""

    recipe: dict[str, Any]
    origins: dict[str, Told]


@dataclass(frozen=True)
class Evidence:
    """What was forecast at past origins, by their label, of these combinations.

    `origins` have the panel's, made by this recipe; `others` that of models beside ours, by name: none in files of
    before.
    """

    __pydantic_config__ = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    cutoff_label: str
    recipe: dict[str, Any]
    combinations: tuple[str, ...]
    origins: dict[str, OriginEvidence]
    others: dict[str, ModelEvidence] = field(default_factory=dict)

    @property
    def cutoff(self) -> date:
        """The last week that was known when it was written."""
        return date.fromisoformat(self.cutoff_label)

    def check(self) -> None:
        """Refuse parts that do not fit each other.

        Raises:
            ValueError: another number of combinations or steps than there are, or an origin that is no day.
        """
        check_day(self.cutoff_label, "the cutoff")
        check_plain(self.recipe, "recipe")
        check_names(self.combinations, "combinations", MOST_COMBINATIONS)
        check_length(self.origins, "origins", MOST_ORIGINS)
        for label, origin in self.origins.items():
            check_day(label, "an origin")
            for told in vars(origin).values():
                self._check(told)
        check_length(self.others, "models", MOST_MODELS)
        for model in self.others.values():
            check_plain(model.recipe, "a recipe")
            check_length(model.origins, "origins", MOST_ORIGINS)
            for label, told in model.origins.items():
                check_day(label, "an origin")
                self._check(told)

    def _check(self, told: Told) -> None:
        if len(told) != len(self.combinations) or len({len(steps) for steps in told}) > 1:
            raise ValueError("forecasts of other combinations or steps than there are")
        check_length(told[0] if told else (), "an origin", MOST_STEPS)
        known = [value for steps in told for value in steps if value is not None]
        if known and not 0 <= min(known) <= max(known) <= MOST_SALES:
            raise ValueError(f"a forecast is not from 0 to {MOST_SALES:g}")

    def forecast(self, origin: date, combinations: Sequence[Combination], horizon: int) -> PanelForecast | None:
        """Return what was forecast at the origin, NaN where nothing was; None where none of so many steps is kept."""
        kept = self.origins.get(str(origin))
        if kept is None or not all(_is_of(told, horizon) for told in vars(kept).values()):
            return None
        rows = self._rows(combinations)
        return PanelForecast(*(_array(told, horizon)[rows] for told in vars(kept).values()))

    def has_model(self, name: str, origin: date, horizon: int, recipe: Mapping[str, Any]) -> bool:
        """Return whether it is kept what the model, made so, said at the origin of so many steps."""
        kept = self.others.get(name)
        return kept is not None and kept.recipe == recipe and _is_of(kept.origins.get(str(origin), []), horizon)

    def of_model(self, name: str, origin: date, combinations: Sequence[Combination], horizon: int) -> Floats:
        """Return what a model beside ours said at the origin, (S, H), NaN where it said nothing, or nothing is kept."""
        told = self.others[name].origins.get(str(origin), []) if name in self.others else []
        if not _is_of(told, horizon):
            return np.full((len(combinations), horizon), np.nan)
        found: Floats = _array(told, horizon)[self._rows(combinations)]
        return found

    def _rows(self, combinations: Sequence[Combination]) -> npt.NDArray[np.int64]:
        """The row of each combination; of one that was not there the one behind all."""
        place = {name: row for row, name in enumerate(self.combinations)}
        return np.array([place.get(str(each), -1) for each in combinations], dtype="int64")


def kept_evidence(
    cutoff: date,
    recipe: Mapping[str, Any],
    combinations: Sequence[Combination],
    forecasts: Mapping[date, PanelForecast],
    others: Mapping[str, tuple[Mapping[str, Any], Mapping[date, Floats]]] = MappingProxyType({}),
) -> Evidence:
    """Return the evidence to be kept of forecasts at past origins; arrays of S combinations and H steps.

    `others` are models beside ours: the recipe of each and its forecasts.
    """
    origins = {
        str(origin): OriginEvidence(*(_told(values) for values in vars(forecast).values()))
        for origin, forecast in sorted(forecasts.items())
    }
    of_others = {
        name: ModelEvidence(dict(recipe), {str(origin): _told(values) for origin, values in sorted(said.items())})
        for name, (recipe, said) in sorted(others.items())
    }
    return Evidence(str(cutoff), dict(recipe), tuple(map(str, combinations)), origins, of_others)


_LIMITS = Limits(n_bytes=MAX_SHARED_BYTES, n_lists=4_000_000, n_values=32_000_000)
"""Of a combination it has 24 lists and 100 to 200 values, and a quarter of that of each further model."""


def dumps(evidence: Evidence) -> StoredPayload:
    """Return the bytes of the evidence's file and their version; without others as they were before there were any."""
    content = asdict(evidence)
    if not evidence.others:
        del content["others"]
    return written(content, evidence.cutoff_label, evidence)


def loads(payload: bytes) -> Read[Evidence]:
    """Return the stored evidence and its version; nothing in the bytes can run code.

    Raises:
        ModelError: empty, truncated, hostile, damaged or of another format; says which.
    """
    return read(payload, Evidence, limits=_LIMITS, again=AGAIN)


def _is_of(told: Told, horizon: int) -> bool:
    return {len(steps) for steps in told} == {horizon}


def _array(told: Told, horizon: int) -> Floats:
    """The numbers, and behind them a row of a combination that was not there."""
    return np.array([*told, [None] * horizon], dtype="float64")


def _told(values: Floats) -> Told:
    return [[_rounded(value) for value in steps] for steps in values.tolist()]


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else float(f"{value:.{DIGITS}g}")
