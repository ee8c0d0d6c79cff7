"""Weekly sales forecasts per unit, channel and SKU: history in, four weeks out, scored and explained.

    import skucast as sk

    sales = sk.read_sales("sales.csv")
    forecaster = sk.Forecaster().fit(sales)
    forecaster.predict(h=4)

Importing the package loads the standard library only; pandas, Prophet and the rest load where they are used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skucast.api.comparing import compare as compare
    from skucast.api.explaining import explain as explain
    from skucast.api.forecaster import Forecaster as Forecaster
    from skucast.api.models import Model as Model
    from skucast.api.models import from_statsforecast as from_statsforecast
    from skucast.api.models import on_lags as on_lags
    from skucast.api.plotting import plot as plot
    from skucast.api.scores import METRICS as METRICS
    from skucast.api.scores import evaluate as evaluate
    from skucast.api.stored import load_model as load_model
    from skucast.api.stored import read_backtests as read_backtests
    from skucast.api.stored import to_prophet as to_prophet
    from skucast.api.the_sales import read_sales as read_sales

__version__ = "0.1.0"

_PUBLIC = {
    "Forecaster": "forecaster",
    "METRICS": "scores",
    "Model": "models",
    "compare": "comparing",
    "evaluate": "scores",
    "explain": "explaining",
    "from_statsforecast": "models",
    "load_model": "stored",
    "on_lags": "models",
    "plot": "plotting",
    "read_backtests": "stored",
    "read_sales": "the_sales",
    "to_prophet": "stored",
}
"""The library's names, and the module of `skucast.api` that has each: loaded when it is first asked for."""

__all__ = ["__version__", *_PUBLIC]  # noqa: PLE0604 - names, all of them


def __getattr__(name: str) -> Any:
    """Return a public name, loaded now."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; its names: {', '.join(sorted(__all__))}")
    return getattr(import_module(f"skucast.api.{_PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
