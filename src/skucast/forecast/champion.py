"""Champion and challenger: the settings of the live model and the new ones, backtested at the same origins.

What is compared are settings, not fits: both are fitted anew at each origin, to today's history, with the same
knowledge and the same calendar. An old fit would lose against a new one by its age alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from skucast.core.errors import FitError, ModelError
from skucast.core.words import counted
from skucast.forecast.artifact import StoredModel
from skucast.forecast.families import Chosen, names_kept, regressors_with
from skucast.forecast.prophet.design import Floats
from skucast.forecast.prophet.spec import ModelSpec

LEAST_ORIGINS = 3
"""With fewer origins nothing is said of which is better."""

TINY = 1e-9
"""A difference that is none, as WAPE."""


@dataclass(frozen=True)
class Champion:
    """The settings of the live model, the mean of whose forecasts counts; which families of regressors it knows."""

    specs: tuple[ModelSpec, ...]
    kept: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Comparison:
    """WAPE (ratio) of the live model's settings and of the new ones over the same weeks of so many origins."""

    champion: float
    challenger: float
    n_origins: int

    def why_kept(self, max_worse: float, *, only_if_better: bool) -> str | None:
        """Return why the live model stays: the new one is worse by more than the share, or no better; None if not."""
        figures = (
            f"WAPE {self.challenger:.3f} against {self.champion:.3f} at {counted(self.n_origins, 'origin')}, "
            "both backtested now"
        )
        if self.challenger > (1 + max_worse) * self.champion + TINY:
            share = f"{self.challenger / self.champion - 1:.1%}".replace("%", " %") if self.champion else "?"
            return f"the new settings are {share} worse than the stored ones: {figures}, MAX_WORSE={max_worse:g}"
        if only_if_better and self.challenger >= self.champion - TINY:
            return f"the new settings are no better than the stored ones: {figures}"
        return None


def champion_of(stored: StoredModel) -> Champion:
    """Return the settings of a stored model."""
    specs = tuple(model.spec for model in stored.models)
    return Champion(specs, names_kept(stored.card.backtest))


def compare(scored: pd.DataFrame, champion: Floats, challenger: Floats) -> Comparison | None:
    """Return how both did over the weeks of a backtest, of which `scored` has `origin` and `y`, by their forecasts.

    Weeks that are not known, or that one of them gave no number for, tell nothing. None where fewer than three origins
    are left, or nothing was sold.
    """
    y = scored["y"].to_numpy(dtype="float64")
    known = np.isfinite(y) & np.isfinite(champion) & np.isfinite(challenger)
    n_origins, sold = int(scored["origin"][known].nunique()), float(np.abs(y[known]).sum())
    if n_origins < LEAST_ORIGINS or sold == 0:
        return None
    stored, new = (float(np.abs(yhat[known] - y[known]).sum()) / sold for yhat in (champion, challenger))
    return Comparison(stored, new, n_origins)


def compared(
    champion: Champion,
    chosen: Chosen,
    earlier: Sequence[ModelSpec],
    final: Sequence[ModelSpec],
    forecasts: Callable[[Sequence[ModelSpec], Sequence[str]], Floats],
) -> Comparison | None:
    """Return how the live model's settings do against those that are to be stored; None where that cannot be told.

    Args:
        champion: the settings of the live model.
        chosen: the new regressors, and their backtest under the settings that were chosen without its origins.
        earlier: these settings.
        final: those that are to be stored, which all origins have chosen, as they mostly have the live model's.
        forecasts: returns what settings with regressors forecast at the origins of the backtest.
    """
    try:
        scored = chosen.scored["yhat"].to_numpy(dtype="float64")
        new = scored if list(earlier) == list(final) else forecasts(final, chosen.regressors)
        kept = champion.kept & {each.name for each in chosen.tried}  # what nothing is known of any more tells nothing
        if list(champion.specs) == list(final) and kept == chosen.kept:
            return compare(chosen.scored, new, new)
        regressors = regressors_with(kept, chosen.tried)
        return compare(chosen.scored, forecasts(champion.specs, regressors), new)
    except (FitError, ModelError):
        return None
