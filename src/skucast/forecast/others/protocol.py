"""What a model beside ours must be able to do."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any, Protocol

import pandas as pd

from skucast.core.errors import InputError


class Model(Protocol):
    """A model of one's own: anything with a name, `fit` and `predict` on long frames.

    It is fitted anew to what was known wherever it is asked, on a copy of itself. What it raises, or does not say,
    costs its own numbers alone.

    Raises:
        InputError: an object that is none, or whose name is taken, by the `Forecaster` that gets it.

    Examples:
        >>> import skucast as sk
        >>> class LastMonth:
        ...     name = "last_month"
        ...
        ...     def fit(self, history):
        ...         self.level = history.groupby("unique_id")["y"].apply(lambda y: y.tail(4).mean())
        ...         return self
        ...
        ...     def predict(self, h, known):
        ...         return known.assign(last_month=known["unique_id"].map(self.level))
        >>> forecaster = sk.Forecaster(models=["prophet", LastMonth()])
    """

    @property
    def name(self) -> str:
        """What its column is called: letters, digits and underscores."""

    def fit(self, history: pd.DataFrame) -> Model:
        """Learn from the weeks of all series, and return the model; nothing is as good.

        Args:
            history: one row per series and week, sorted, without gaps: `unique_id, unit, channel, SKU_ID, ds`, `y`
                (sales per week, >= 0), `is_filled` (what was sold is not known, and `y` is the mean of the four weeks
                before), `promo_discount_perc` (percent, mean over the week's days), `promo_days` (0 to 7),
                and of each declared regressor `declared_NAME`, of a price also `declared_NAME_change_13` (how far it is
                above the mean of its last 13 weeks, as a ratio), unknown values filled.

        Raises:
            Exception: any; its message becomes a note.
        """

    def predict(self, h: int, known: pd.DataFrame) -> pd.DataFrame:
        """Return the forecasts of the weeks after the history.

        Args:
            h: weeks ahead, the most of any series.
            known: one row per series and week that is asked for: `unique_id, unit, channel, SKU_ID, ds`, and what is
                known ahead, as in the history. A series whose newest weeks have not arrived has more rows than others.

        Returns:
            `unique_id, ds` and a column of the model's name, sales per week; if it has them, NAME-lo-80 and NAME-hi-80,
            the ends of the 80 % interval. Other columns are passed over, numbers below 0 count as 0.

        Raises:
            Exception: any; its message becomes a note.
        """


def check_models(models: Sequence[Any], taken: Collection[str]) -> None:
    """Refuse what cannot be asked, or whose column has another meaning.

    Raises:
        InputError: one is no model, or has no name of its own.
    """
    seen = set(taken)
    for model in models:
        name = getattr(model, "name", None)
        if isinstance(model, type) or not all(callable(getattr(model, each, None)) for each in ("fit", "predict")):
            raise InputError(
                f"models: found {model!r}: expected a name such as 'ets', or an object with name, fit(history) and "
                "predict(h, known)"
            )
        if not isinstance(name, str) or not re.fullmatch(r"\w+", name) or name in seen:
            raise InputError(
                f"models: {type(model).__name__} has the name {name!r}{_wrapped(model)}: expected letters, digits and "
                "underscores, and no other column's name"
            )
        seen.add(name)


def _wrapped(model: Any) -> str:
    """How a model of another library is made one of these; nothing of any other."""
    library, kind = type(model).__module__.partition(".")[0], type(model).__name__
    if library == "statsforecast":
        return f" (give sk.from_statsforecast({kind}(...)))"
    return f" (give sk.on_lags({kind}(...)))" if library in ("sklearn", "lightgbm", "xgboost", "catboost") else ""
