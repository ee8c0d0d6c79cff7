"""The regressors of one history as columns of its regression: those that vary, standardised as Prophet does.

May import numpy and the names of responses to promotions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from skucast.regressors.responses import RESPONSE_REGRESSORS

Floats = npt.NDArray[np.float64]

CONSTANT_WITHIN = 1e-9
"""A regressor that varies by no more than this share of its size is constant."""


@dataclass(frozen=True)
class Column:
    """One regressor that is used: its values enter as (value - mu) / std; `index` is its place in the window."""

    name: str
    index: int
    mu: float
    std: float


def standardised(names: Sequence[str], values: Floats) -> tuple[tuple[Column, ...], Floats]:
    """Return the regressors (T, R) that vary, and their values standardised, with room for y below them: (R + 1, T).

    Standardised as Prophet does: binary ones are left alone. Constant up to rounding: a mean of equal discounts differs
    in its last digit with the number of days. A response to promotions is left alone too: it has a measure of its own,
    in which the prior scale bounds what a few small ones can say of a large one.
    """
    rows = np.ascontiguousarray(values.T)
    n_weeks = rows.shape[1]
    lowest, highest = np.minimum.reduce(rows, axis=1).tolist(), np.maximum.reduce(rows, axis=1).tolist()
    means = np.add.reduce(rows, axis=1) / n_weeks
    centred = rows - means[:, None]
    spreads = np.sqrt(np.add.reduce(centred * centred, axis=1) / (n_weeks - 1))
    mu, std = means.tolist(), spreads.tolist()
    own = np.empty((len(names) + 1, n_weeks))
    columns: list[Column] = []
    for index, (name, least, most) in enumerate(zip(names, lowest, highest, strict=True)):
        if most - least <= CONSTANT_WITHIN * max(1.0, abs(least), abs(most)):
            continue
        if name in RESPONSE_REGRESSORS or (least == 0.0 and most == 1.0 and _is_binary(rows[index])):
            own[len(columns)] = rows[index]
            columns.append(Column(name, index, 0.0, 1.0))
        else:
            np.divide(centred[index], std[index], out=own[len(columns)])
            columns.append(Column(name, index, mu[index], std[index]))
    return tuple(columns), own[: len(columns) + 1]


def _is_binary(values: Floats) -> bool:
    return bool(((values == 0.0) | (values == 1.0)).all())
