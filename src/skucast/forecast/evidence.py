"""What each component would have forecast at past origins, kept from training to training.

Origins lie four weeks apart on a lattice that does not move with the cutoff: of six origins a week later none or one is
new, and what was found at the others is still true. Each component was fitted with what was known at the origin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np
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
class PanelEvidence:
    """What the panel forecast at past origins, by their label, of these combinations; made by this recipe."""

    __pydantic_config__ = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    cutoff_label: str
    recipe: dict[str, Any]
    combinations: tuple[str, ...]
    origins: dict[str, OriginEvidence]

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
                if len(told) != len(self.combinations) or len({len(steps) for steps in told}) > 1:
                    raise ValueError("forecasts of other combinations or steps than there are")
                check_length(told[0] if told else (), "an origin", MOST_STEPS)
                known = [value for steps in told for value in steps if value is not None]
                if known and not 0 <= min(known) <= max(known) <= MOST_SALES:
                    raise ValueError(f"a forecast is not from 0 to {MOST_SALES:g}")

    def forecast(self, origin: date, combinations: Sequence[Combination], horizon: int) -> PanelForecast | None:
        """Return what was forecast at the origin, NaN where nothing was; None where none of so many steps is kept."""
        kept = self.origins.get(str(origin))
        if kept is None or {len(steps) for told in vars(kept).values() for steps in told} != {horizon}:
            return None
        place = {name: row for row, name in enumerate(self.combinations)}
        rows = np.array([place.get(str(each), -1) for each in combinations], dtype="int64")

        def array(told: Told) -> Floats:
            values = np.array([*told, [None] * horizon], dtype="float64")
            found: Floats = values[rows]
            return found

        return PanelForecast(*(array(told) for told in vars(kept).values()))


def kept_evidence(
    cutoff: date,
    recipe: Mapping[str, Any],
    combinations: Sequence[Combination],
    forecasts: Mapping[date, PanelForecast],
) -> PanelEvidence:
    """Return the evidence to be kept of forecasts at past origins; arrays of S combinations and H steps."""

    def told(values: Floats) -> Told:
        return [[_rounded(value) for value in steps] for steps in values.tolist()]

    origins = {
        str(origin): OriginEvidence(*(told(values) for values in vars(forecast).values()))
        for origin, forecast in sorted(forecasts.items())
    }
    return PanelEvidence(str(cutoff), dict(recipe), tuple(map(str, combinations)), origins)


_LIMITS = Limits(n_bytes=MAX_SHARED_BYTES, n_lists=4_000_000, n_values=32_000_000)
"""Of a combination it has 24 lists and 100 to 200 values."""


def dumps(evidence: PanelEvidence) -> StoredPayload:
    """Return the bytes of the evidence's file and their version."""
    return written(asdict(evidence), evidence.cutoff_label, evidence)


def loads(payload: bytes) -> Read[PanelEvidence]:
    """Return the stored evidence and its version; nothing in the bytes can run code.

    Raises:
        ModelError: empty, truncated, hostile, damaged or of another format; says which.
    """
    return read(payload, PanelEvidence, limits=_LIMITS, again=AGAIN)


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else float(f"{value:.{DIGITS}g}")
