"""Which regressors go into a model: those that always do, and the families that its backtest says pay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from skucast.forecast.backtest import score_by_step
from skucast.regressors.built_in import Family, families_of
from skucast.regressors.future import Archive
from skucast.sales.columns import Weeks, numbers

LEAST_GAIN = 0.02
"""Share of the backtest's error that a family must take away to stay: less is as often luck."""

BUILT_IN = families_of(())

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
    weeks: Weeks,
    archive: Archive,
    backtested: Callable[[Sequence[str]], pd.DataFrame],
    families: Sequence[Family] = BUILT_IN,
) -> Chosen:
    """Return the backtest with what is always there, and with each further family that takes enough of the error away.

    They are tried in their order, each beside those that were kept before it.
    """
    always = regressors_with(frozenset(), families)
    chosen = Chosen(always, backtested(always), {})
    for family in families:
        if family.use.by_evidence and _is_known(weeks, family):
            chosen = _tried(chosen, family, archive, backtested)
    return chosen


def names_kept(backtest: dict[str, Any]) -> frozenset[str]:
    """Return the names of the families that were kept, by what a card says of its backtest."""
    declared = {name for name, told in backtest.get(TOLD, {}).items() if told["outcome"] == "kept"}
    return frozenset(declared | {each.name for each in BUILT_IN if backtest.get(each.name) == "kept"})


def regressors_with(kept: frozenset[str], families: Sequence[Family]) -> list[str]:
    """Return the regressors of a model beside the lag: what is always there, and the families that are kept."""
    asked = [each for each in families if not each.use.by_evidence]
    asked += [each for each in families if each.use.by_evidence and each.name in kept]
    return [name for each in asked for name in each.values]


def _tried(
    before: Chosen, family: Family, archive: Archive, backtested: Callable[[Sequence[str]], pd.DataFrame]
) -> Chosen:
    scored = backtested([*before.regressors, *family.values])
    without, with_it = (score_by_step(each)["pooled"] for each in (before.scored, scored))
    pays = without is not None and with_it < (1 - LEAST_GAIN) * without
    said = {**before.said, **_words(before.said, family, archive, without, with_it, pays=pays)}
    tried = (*before.tried, family)
    if not pays:
        return Chosen(before.regressors, before.scored, said, tried, before.kept)
    return Chosen([*before.regressors, *family.values], scored, said, tried, before.kept | {family.name})


def _words(
    said: dict[str, Any], family: Family, archive: Archive, without: float | None, with_it: float | None, *, pays: bool
) -> dict[str, Any]:
    """What a card says of a family that was tried."""
    outcome = "kept" if pays else "dropped"
    is_perfect = archive.is_perfect(family)
    if family.is_built_in:
        name = family.name
        return {f"without_{name}": without, f"with_{name}": with_it, name: outcome, f"is_perfect_{name}": is_perfect}
    told = {"outcome": outcome, "without": without, "with": with_it, "is_perfect": is_perfect}
    return {TOLD: {**said.get(TOLD, {}), family.name: told}}


def _is_known(weeks: Weeks, family: Family) -> bool:
    """Whether the history tells anything of it: a value that has ever moved."""
    told = [values[~np.isnan(values)] for values in (numbers(weeks, name) for name in family.values if name in weeks)]
    return any(bool((values != values[0]).any()) for values in told if len(values))
