"""What each declared regressor adds to a forecast: columns while it is made, one text once it is published."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.declared import PREFIX
from skucast.core.tables.forecasts import REGRESSOR_EFFECTS

DIGITS = 6


def effect_columns(names: Sequence[str]) -> list[str]:
    """Return those of the columns that say what one regressor adds."""
    return [name for name in names if name.startswith(PREFIX)]


def with_effects_told(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with what each regressor adds as one text, JSON by name; None where none took part."""
    columns = effect_columns(rows.columns.tolist())
    return rows.drop(columns=columns).assign(**{REGRESSOR_EFFECTS: _texts(rows[columns])})


def _texts(effects: pd.DataFrame) -> npt.NDArray[np.object_]:
    texts = np.full(len(effects), None, dtype=object)
    names = [str(name).removeprefix(PREFIX) for name in effects]
    values = effects.to_numpy(dtype="float64")
    for row in np.flatnonzero((~np.isnan(values)).any(axis=1)).tolist():
        told = {name: round(value, DIGITS) for name, value in zip(names, values[row].tolist(), strict=True)}
        texts[row] = json.dumps({name: value for name, value in told.items() if not np.isnan(value)})
    return texts
