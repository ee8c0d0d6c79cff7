"""Which regressors beside promotions go into a model: the families that its backtest says pay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from skucast.forecast.backtest import score_by_step
from skucast.regressors.future import BUILT_IN, WEATHER, Archive, Family
from skucast.regressors.promotions import PROMO_REGRESSORS

LEAST_GAIN = 0.02
"""Share of the backtest's error that a family must take away to stay: less is as often luck."""

TOLD = "regressors"
"""Where a card's backtest says what became of declared regressors, by name."""


@dataclass(frozen=True)
class Chosen:
    """The regressors beside the lag, the backtest with them, and what it says of each family that was tried.

    `tried` are the families that there could have been, where anything is known of them; `kept` those that pay.
    """

    regressors: list[str]
    scored: pd.DataFrame
    said: dict[str, Any]
    tried: tuple[Family, ...] = ()
    kept: frozenset[str] = frozenset()


def with_those_that_pay(
    weeks: pd.DataFrame,
    archive: Archive,
    backtested: Callable[[Sequence[str]], pd.DataFrame],
    families: Sequence[Family] = BUILT_IN,
) -> Chosen:
    """Return the backtest with promotions alone, and with each further family that takes enough of the error away.

    They are tried in their order, each beside those that were kept before it.
    """
    chosen = Chosen(list(PROMO_REGRESSORS), backtested(PROMO_REGRESSORS), {})
    for family in families:
        if family.by_evidence and _is_known(weeks, family):
            chosen = _tried(chosen, family, archive, backtested)
    return chosen


def names_kept(backtest: dict[str, Any]) -> frozenset[str]:
    """Return the names of the families that were kept, by what a card says of its backtest."""
    declared = {name for name, told in backtest.get(TOLD, {}).items() if told["outcome"] == "kept"}
    return frozenset(declared | ({WEATHER.name} if backtest.get("weather") == "kept" else set()))


def regressors_with(kept: frozenset[str], families: Sequence[Family]) -> list[str]:
    """Return the regressors of a model beside the lag: promotions, and those of the families that are kept."""
    return [*PROMO_REGRESSORS, *(name for each in families if each.name in kept for name in each.columns)]


def _tried(
    before: Chosen, family: Family, archive: Archive, backtested: Callable[[Sequence[str]], pd.DataFrame]
) -> Chosen:
    scored = backtested([*before.regressors, *family.columns])
    without, with_it = (score_by_step(each)["pooled"] for each in (before.scored, scored))
    pays = without is not None and with_it < (1 - LEAST_GAIN) * without
    said = {**before.said, **_words(before.said, family, archive, without, with_it, pays=pays)}
    tried = (*before.tried, family)
    if not pays:
        return Chosen(before.regressors, before.scored, said, tried, before.kept)
    return Chosen([*before.regressors, *family.columns], scored, said, tried, before.kept | {family.name})


def _words(
    said: dict[str, Any], family: Family, archive: Archive, without: float | None, with_it: float | None, *, pays: bool
) -> dict[str, Any]:
    """What a card says of a family that was tried."""
    outcome = "kept" if pays else "dropped"
    if family == WEATHER:
        is_perfect = any(each.is_perfect for each in archive.weather.values())
        return {
            "without_weather": without,
            "with_weather": with_it,
            "weather": outcome,
            "is_perfect_weather": is_perfect,
        }
    untold = [planned for planned in archive.plans.values() if family.name not in planned.declared.said]
    is_perfect = family.name in archive.declared_now and bool(untold)
    told = {"outcome": outcome, "without": without, "with": with_it, "is_perfect": is_perfect}
    return {TOLD: {**said.get(TOLD, {}), family.name: told}}


def _is_known(weeks: pd.DataFrame, family: Family) -> bool:
    """Whether the history tells anything of it: weather that is not always usual, a value that has ever moved."""
    names = [name for name in family.columns if name in weeks]
    if family == WEATHER:
        return set(family.columns) <= set(names) and bool(weeks[names].any(axis=None))
    return bool(names) and any(weeks[name].nunique() > 1 for name in names)
