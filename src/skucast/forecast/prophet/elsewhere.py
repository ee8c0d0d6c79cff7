"""How well the settings of a grid did for many combinations: what the choice for one of them leans on.

May import `design` and numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skucast.forecast.prophet.design import Floats

LEAST_ELSEWHERE = 10
"""Fewest combinations that say something of the others."""

TINY = 1e-9


@dataclass(frozen=True)
class Elsewhere:
    """WAPE of each setting of a grid over many combinations: at all origins, and at those before the backtest's."""

    every: tuple[float, ...] = ()
    earlier: tuple[float, ...] = ()


NOTHING_ELSEWHERE = Elsewhere()


@dataclass(frozen=True)
class Errors:
    """Absolute errors of the settings of a grid for one combination, (G,), and its sales: at all origins, and early."""

    every: Floats
    every_sold: float
    earlier: Floats
    earlier_sold: float


def pooled(found: Sequence[Errors | None]) -> Elsewhere:
    """Return the WAPE of each setting over combinations; nothing is known where those are fewer than ten."""
    usable = [each for each in found if each is not None]
    if len(usable) < LEAST_ELSEWHERE:
        return NOTHING_ELSEWHERE
    every = _wape([each.every for each in usable], [each.every_sold for each in usable])
    return Elsewhere(every, _wape([each.earlier for each in usable], [each.earlier_sold for each in usable]))


def _wape(errors: Sequence[Floats], sold: Sequence[float]) -> tuple[float, ...]:
    """The pooled WAPE of each setting; infinite where a forecast was no number."""
    total = np.nan_to_num(np.sum(errors, axis=0), nan=np.inf)
    return tuple((total / max(sum(sold), TINY)).tolist())
