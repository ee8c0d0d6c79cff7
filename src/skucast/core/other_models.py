"""Models beside ours that go by a name: which names there are, and what each stands for."""

from __future__ import annotations

from types import MappingProxyType

from skucast.core.errors import InputError

OURS = ("prophet", "panel")
"""Those that FORECASTER makes; they may be named beside the others."""

STATISTICAL = MappingProxyType(
    {
        "ets": "exponential smoothing, its kind by information criterion",
        "theta": "the Theta method, with a season of 52 weeks where a test finds one",
        "ces": "complex exponential smoothing",
        "arima": "ARIMA, its orders by information criterion; the slowest of these",
        "sba": "Croston's method for sporadic sales, corrected by Syntetos and Boylan",
        "croston": "Croston's method for sporadic sales",
        "imapa": "means of several aggregations, for sporadic sales",
        "seasonal_naive": "the same week of last year",
    }
)
"""Models of the optional StatsForecast by our name, each fitted to one series alone."""


def names_of(text: str) -> tuple[str, ...]:
    """Return the names in MODELS or BLEND_MODELS, each once, in their order.

    Raises:
        InputError: one is no name of a model.
    """
    names = tuple(dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip()))
    unknown = [name for name in names if name not in (*OURS, *STATISTICAL)]
    if unknown:
        raise InputError(f"no model {', '.join(unknown)}; there are {', '.join((*OURS, *STATISTICAL))}")
    return names


def others_in(text: str) -> tuple[str, ...]:
    """Return the names of those that are not ours."""
    return tuple(name for name in names_of(text) if name not in OURS)
