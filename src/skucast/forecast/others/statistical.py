"""Models of StatsForecast beside ours: one series at a time, by its sales alone."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from skucast.core.errors import InputError
from skucast.core.other_models import STATISTICAL
from skucast.core.series import ID
from skucast.forecast.prophet.design import Floats

LEVEL = 80
YEAR = 52

_MADE: MappingProxyType[str, Callable[[Any], Any]] = MappingProxyType(
    {
        "ets": lambda models: models.AutoETS(season_length=1),  # 52 weeks are too many seasons for it
        "theta": lambda models: models.AutoTheta(season_length=YEAR),
        "ces": lambda models: models.AutoCES(season_length=1),
        "arima": lambda models: models.AutoARIMA(season_length=1),
        "sba": lambda models: models.CrostonSBA(),
        "croston": lambda models: models.CrostonClassic(),
        "imapa": lambda models: models.IMAPA(),
        "seasonal_naive": lambda models: models.SeasonalNaive(season_length=YEAR),
    }
)


def from_statsforecast(model: Any, name: str | None = None) -> Statistical:
    """Return a model of StatsForecast as one that stands beside ours.

    Each series is fitted alone, to all of its weeks; promotions are not looked at. Series that the model refuses have
    no number.

    Args:
        model: an object of `statsforecast.models`, such as `AutoETS(season_length=1)`.
        name: what its column is called (default: the model's own name, in lower case).

    Raises:
        InputError: the name is taken, by the `Forecaster` that gets it.

    Examples:
        >>> import skucast as sk
        >>> from statsforecast.models import HistoricAverage
        >>> sk.from_statsforecast(HistoricAverage()).name
        'historicaverage'
    """
    return Statistical(name or str(getattr(model, "alias", type(model).__name__)).lower(), model)


def named(name: str, setting: str = "MODELS") -> Statistical:
    """Return the model that MODELS, or another setting or file, calls so.

    Raises:
        InputError: StatsForecast is not installed, or there is no model of this name.
    """
    if name not in STATISTICAL:
        raise InputError(f"{setting}: {name} is no model that goes by a name: {', '.join(STATISTICAL)}")
    if importlib.util.find_spec("statsforecast") is None:
        raise InputError(
            f"{setting}: {name} ({STATISTICAL[name]}) is a model of StatsForecast, which is not installed: "
            "pip install 'skucast[models]', or leave it out"
        )
    from statsforecast import models

    return Statistical(name, _MADE[name](models))


@dataclass
class Statistical:
    """A model of StatsForecast by a name; `fit` remembers the history, each series is fitted when it is asked for."""

    name: str
    model: Any
    history: pd.DataFrame | None = None

    def fit(self, history: pd.DataFrame) -> Statistical:
        """Remember the history, and return the model."""
        self.history = history
        return self

    def predict(self, h: int, known: pd.DataFrame) -> pd.DataFrame:
        """Return the forecasts of the known weeks, with 80 % intervals where the model has them."""
        del h  # each series' own weeks are asked
        if self.history is None:
            raise ValueError("fit it first")
        sales = {str(name): y.to_numpy(dtype="float64") for name, y in self.history.groupby(ID, sort=False)["y"]}
        columns = [self.name, f"{self.name}-lo-{LEVEL}", f"{self.name}-hi-{LEVEL}"]
        numbers = np.full((len(known), len(columns)), np.nan)
        for name, rows in known.groupby(ID, sort=False).indices.items():
            if (y := sales.get(str(name))) is not None:
                numbers[rows] = self._of_series(y, len(rows))
        said = pd.DataFrame(numbers, columns=columns, index=known.index)
        return known[[ID, "ds"]].join(said if self._has_interval else said[columns[:1]])

    @property
    def recipe(self) -> str:
        """The class of the model and its parameters that are plain values, and the release of its library."""
        plain = {name: each for name, each in vars(self.model).items() if isinstance(each, int | float | str | bool)}
        made = ", ".join(f"{name}={each}" for name, each in sorted(plain.items()))
        return f"{type(self.model).__name__}({made}), statsforecast {version('statsforecast')}"

    @property
    def _has_interval(self) -> bool:
        """Whether it has intervals of its own, or was made with conformal ones."""
        is_conformal = getattr(self.model, "only_conformal_intervals", False)
        return not is_conformal or getattr(self.model, "prediction_intervals", None) is not None

    def _of_series(self, y: Floats, n_weeks: int) -> Floats:
        """Its number and interval, (H, 3); NaN where the model refuses the series."""
        asked: dict[str, Any] = {"level": [LEVEL]} if self._has_interval else {}
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                said = self.model.forecast(y=y, h=n_weeks, **asked)
        except Exception:
            return np.full((n_weeks, 3), np.nan)
        nothing = np.full(n_weeks, np.nan)
        ends: Sequence[Any] = [said.get(f"{end}-{LEVEL}", nothing) for end in ("lo", "hi")]
        found: Floats = np.column_stack([said["mean"], *ends]).astype("float64")
        return found
