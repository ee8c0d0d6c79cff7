"""The card of a stored model: what it was trained on, how, and how well it did; and what a card may say."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import date
from typing import Any

from skucast.core.bounds import (
    MOST_NAME,
    MOST_SALES,
    check_day,
    check_kinds,
    check_length,
    check_names,
    check_number,
    check_numbers,
    check_plain,
)
from skucast.core.combination import Combination
from skucast.core.errors import InputError

MOST_WEEKS = 10_000
MOST_REGRESSORS = 1_000
MOST_ORIGINS = 1_000


@dataclass(frozen=True)
class ModelCard:
    """What a stored model is: trained on what, how, and how well it did when it could not see the answers.

    `hyperparameters` are those of each model whose forecasts are averaged, best first; `recipe` what training was asked
    for. `backtest` holds WAPE (ratio) by step as text, `pooled`, and the baseline's on the same weeks; `tuning` how the
    settings were chosen, empty without. `evidence` are its forecasts at past origins, sales per week of each step, by
    the origin's label. `is_converged` is False where a final fit met a bound on its steps.
    """

    combination: str
    cutoff: str
    first_week: str
    n_weeks: int
    recipe: dict[str, Any]
    hyperparameters: list[dict[str, Any]]
    dropped_regressors: list[str]
    is_converged: bool
    backtest: dict[str, Any]
    tuning: dict[str, Any]
    versions: dict[str, str]
    evidence: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    naive: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def naive_instead(self) -> str | None:
        """The naive method that forecasts instead of the model alone, as it backtests clearly better; None = none."""
        return str(self.naive["method"]) if self.naive.get("is_better") else None

    @property
    def cutoff_date(self) -> date:
        """The last week the model was trained on."""
        return date.fromisoformat(self.cutoff)

    def check(self) -> None:
        """Refuse what a training does not write; the types are checked by whoever reads the file.

        Raises:
            ValueError: a day, a name, a count or a figure; says which.
        """
        _check_combination(self.combination)
        check_day(self.cutoff, "the cutoff")
        check_day(self.first_week, "the first week")
        check_number(self.n_weeks, "the number of weeks", 0, MOST_WEEKS)
        check_names(self.dropped_regressors, "what was dropped", MOST_REGRESSORS)
        for what in ("recipe", "hyperparameters", "backtest", "tuning", "versions", "naive"):
            check_plain(getattr(self, what), what)
        check_kinds(self.recipe, _RECIPE, "recipe")
        _check_backtest(self.backtest)
        _check_naive(self.naive)
        check_length(self.evidence, "evidence", MOST_ORIGINS)
        for origin, steps in self.evidence.items():
            check_day(origin, "an origin")
            check_length(steps, "an origin", MOST_WEEKS)
            check_numbers(steps, "evidence", MOST_SALES)


_FIGURE = (int, float, type(None))
_RECIPE = {"engine": (str,), "sales_grain": (str,), "regressors": (str,), "converted": (str,)}
_BACKTEST = {
    "origins": (int, type(None)),
    **dict.fromkeys(("pooled", "baseline", "perfect_plan", "with_weather", "without_weather"), _FIGURE),
    **dict.fromkeys(("promotions", "weather"), (str, type(None))),
    "is_perfect_weather": (bool, type(None)),
    "regressors": (dict,),
}
_NAIVE = {
    "method": (str,),
    "origins": (int,),
    "is_better": (bool,),
    **dict.fromkeys(("wape", "model", "standard_errors"), _FIGURE),
}
"""What readers of a card rely on, and of which kind it is; a card of before may lack it."""


def _check_combination(text: str) -> None:
    check_length(text, "the combination", MOST_NAME)
    try:
        Combination.parse(text)
    except InputError as error:
        raise ValueError(str(error)) from None


def _check_backtest(backtest: dict[str, Any]) -> None:
    check_kinds(backtest, _BACKTEST, "backtest")
    steps = {name: _FIGURE for name in backtest if name.isdigit()}
    check_kinds(backtest, steps, "backtest")
    if "weather" in backtest and "is_perfect_weather" not in backtest:
        raise ValueError("backtest says of the weather not how it was known")
    for told in backtest.get("regressors", {}).values():
        outcome = told.get("outcome") if isinstance(told, dict) else None
        if outcome not in {"kept", "dropped"}:
            raise ValueError("backtest says of a regressor not what became of it")


def _check_naive(naive: dict[str, Any]) -> None:
    check_kinds(naive, _NAIVE, "naive")
    if naive.get("is_better") and "method" not in naive:
        raise ValueError("naive says not which method is better")
