"""Whether the weather goes into a model: if its backtest says that it pays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from skucast.forecast.backtest import score_by_step
from skucast.regressors.future import REGRESSORS, Archive
from skucast.regressors.promotions import PROMO_REGRESSORS
from skucast.regressors.weather import WEATHER_REGRESSORS

LEAST_WEATHER_GAIN = 0.02
"""Share of the backtest's error that weather must take away to stay: less is as often luck."""


@dataclass(frozen=True)
class Chosen:
    """The regressors beside the lag, the backtest with them, and what it says of the weather.

    `all_regressors` are those that there could have been: with the weather where any is known.
    """

    regressors: list[str]
    all_regressors: list[str]
    scored: pd.DataFrame
    weather: dict[str, Any]

    @property
    def knows_weather(self) -> bool:
        """Whether the weather is among the regressors."""
        return set(WEATHER_REGRESSORS) <= set(self.regressors)


def with_weather_if_it_pays(
    weeks: pd.DataFrame, archive: Archive, backtested: Callable[[Sequence[str]], pd.DataFrame]
) -> Chosen:
    """Return the backtest without weather, or with it, where any is known and it takes enough of the error away."""
    without = backtested(PROMO_REGRESSORS)
    if not set(WEATHER_REGRESSORS) <= set(weeks) or not weeks[WEATHER_REGRESSORS].any(axis=None):
        return Chosen(PROMO_REGRESSORS, PROMO_REGRESSORS, without, {})
    with_weather = backtested(REGRESSORS)
    before, after = (score_by_step(scored)["pooled"] for scored in (without, with_weather))
    pays = before is not None and after < (1 - LEAST_WEATHER_GAIN) * before
    words = {
        "without_weather": before,
        "with_weather": after,
        "weather": "kept" if pays else "dropped",
        "is_perfect_weather": any(each.is_perfect for each in archive.weather.values()),
    }
    chosen = (REGRESSORS, with_weather) if pays else (PROMO_REGRESSORS, without)
    return Chosen(chosen[0], REGRESSORS, chosen[1], words)
