"""Training of the panel by LightGBM, in whose place the trees go on alone. The only import of `lightgbm`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from typing import Any

import numpy as np

from skucast.core.declared import Regressor, as_text
from skucast.forecast.panel.features import feature_names, features_at, levels
from skucast.forecast.panel.grid import Grid, Ints
from skucast.forecast.panel.known import Known
from skucast.forecast.panel.model import LOG_OFFSET, PanelModel
from skucast.forecast.panel.trees import Forest, forest_of
from skucast.forecast.prophet.design import Floats

TRAINED_WEEKS = 104
LEAST_WEEKS = 4
"""Known weeks that a combination must have to teach or to be forecast."""

STEPS_A_WEEK = 2
"""Of the forecasts of one week, made at different origins, so many teach."""

MOST_ROWS = 1_000_000
"""Beyond so many weeks of two years a sample teaches: half a gigabyte of features."""

SEEDS = (1, 2, 3)

ALWAYS = {
    "num_leaves": 31,
    "min_data_in_leaf": 30,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 1.0,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
    "data_random_seed": 1,  # the rows that tell where features are cut, beyond 200,000: one cut for all forests
}
POINT = {"learning_rate": 0.05}
QUANTILE = {"learning_rate": 0.07, "objective": "quantile"}
POINT_TREES, QUANTILE_TREES = 300, 150


@dataclass(frozen=True)
class Rows:
    """What the panel learns from: features (N, F), sales as shares of the level, the levels and the weeks, (N,)."""

    features: Floats
    shares: Floats
    levels: Floats
    weeks: Ints
    names: tuple[str, ...]

    def until(self, end: int) -> Rows:
        """Return what the two years teach before week `end` of the grid.

        Raises:
            ValueError: no week to learn from.
        """
        taken = (self.weeks < end) & (self.weeks >= end - TRAINED_WEEKS)
        if not taken.any():
            raise ValueError("no week to learn from")
        if taken.all():
            return self
        return Rows(self.features[taken], self.shares[taken], self.levels[taken], self.weeks[taken], self.names)


@dataclass(frozen=True)
class Task:
    """One forest to train: which part of the panel it is, how, and on what target."""

    part: str
    parameters: dict[str, Any]
    n_trees: int
    on_logs: bool

    @property
    def name(self) -> str:
        """What tells it from the others: part and seed."""
        return f"{self.part} {self.parameters['seed']}"


def recipe_of(horizon: int, declared: Sequence[Regressor] = ()) -> dict[str, Any]:
    """Return how panels are trained, as plain builtins: what another recipe has made is not current."""
    return {
        "horizon_weeks": horizon,
        "features": list(feature_names(tuple(declared))),
        "trained_weeks": TRAINED_WEEKS,
        "steps_a_week": STEPS_A_WEEK,
        "forests": [[task.name, task.n_trees] for task in tasks()],
        "lightgbm": version("lightgbm"),
        **({"declared": as_text(declared)} if declared else {}),
    }


def tasks(seeds: Sequence[int] = SEEDS) -> list[Task]:
    """Return all forests of a panel; each can be trained by itself, by one thread."""
    point = [
        Task(part, {**ALWAYS, **POINT, "objective": objective, "seed": seed}, POINT_TREES, on_logs)
        for part, objective, on_logs in (("absolute", "l1", False), ("log", "l2", True))
        for seed in seeds
    ]
    sides = [
        Task(part, {**ALWAYS, **QUANTILE, "alpha": alpha, "seed": seeds[0]}, QUANTILE_TREES, on_logs=False)
        for part, alpha in (("lower", 0.1), ("upper", 0.9))
    ]
    return [*point, *sides]


def rows_of(grid: Grid, horizon: int, known: Known, first_end: int, seed: int = SEEDS[0]) -> Rows:
    """Return what each week teaches, as it was forecast from some of the origins before it.

    Args:
        grid: all combinations, up to the week that is known last.
        horizon: H, the weeks that a forecast has.
        known: the promotions as they were known at an origin.
        first_end: how many weeks the earliest panel that learns from these rows knows.
        seed: which origins a week is seen from: STEPS_A_WEEK of H on average, fewer beyond MOST_ROWS in two years.

    Raises:
        ValueError: no week to learn from.
    """
    share = min(STEPS_A_WEEK / horizon, MOST_ROWS / max(1, len(grid.y) * TRAINED_WEEKS * horizon))
    ends = range(max(1, first_end - TRAINED_WEEKS - horizon + 1), grid.n_weeks)
    parts = [part for part in _origins(grid, horizon, known, seed, ends, share) if len(part.shares)]
    if not parts:
        raise ValueError("no week to learn from")

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(part, name) for part in parts])

    return Rows(joined("features"), joined("shares"), joined("levels"), joined("weeks"), parts[0].names)


def _origins(grid: Grid, horizon: int, known: Known, seed: int, ends: range, share: float) -> Iterator[Rows]:
    for end in ends:
        ahead = min(horizon, grid.n_weeks - end)
        promotions = known(end, ahead)
        features, names = features_at(grid, end, promotions.depth, promotions.days, promotions.declared)
        sold, level = grid.y[:, end : end + ahead], levels(grid, end)[:, None]
        taken = ~np.isnan(sold) & (grid.sold.count[:, end] >= LEAST_WEEKS)[:, None]
        chance = np.random.default_rng([seed, grid.label(end).toordinal()])  # whatever else there is
        taken &= chance.random((len(taken), horizon))[:, :ahead] < share
        levels_of_rows = np.broadcast_to(level, taken.shape)[taken]
        weeks = np.broadcast_to(np.arange(end, end + ahead), taken.shape)[taken]
        yield Rows(features[taken], (sold / level)[taken], levels_of_rows, weeks, tuple(names))


def check_trainer() -> None:
    """See whether LightGBM is there.

    Raises:
        ValueError: it cannot be loaded; says why.
    """
    try:
        import lightgbm  # noqa: F401
    except (ImportError, OSError) as error:  # not installed; the system has no OpenMP
        raise ValueError(f"LightGBM cannot be loaded ({error})") from None


def train_forests(wanted: Sequence[Task], rows: Rows) -> list[Forest]:
    """Return the forest of each task; a week counts as much as its combination sells.

    The features are cut into steps once for all of them: that takes a tenth to a fifth of a forest's time.
    """
    import lightgbm

    data = lightgbm.Dataset(rows.features, rows.shares, weight=rows.levels, params=ALWAYS, free_raw_data=False)
    data.construct()
    found = []
    for task in wanted:
        data.set_label(np.log(rows.shares + LOG_OFFSET) if task.on_logs else rows.shares)
        trained = lightgbm.train(
            task.parameters, data, task.n_trees, keep_training_booster=True
        )  # not read back from text
        found.append(forest_of(trained.dump_model()))
    return found


def dealt(wanted: Sequence[Task], n_hands: int) -> list[list[Task]]:
    """Return the tasks in so many groups that take about as long; the renewal of absolute errors takes as long again.

    The longest first, each to the group that has least yet (Graham 1969).
    """
    hands: list[list[Task]] = [[] for _ in range(max(1, min(n_hands, len(wanted))))]
    for task in sorted(wanted, key=_cost, reverse=True):
        min(hands, key=lambda hand: sum(map(_cost, hand))).append(task)
    return hands


def _cost(task: Task) -> int:
    return 2 if task.parameters["objective"] == "l1" else 1


def panel_of(cutoff: date, recipe: Mapping[str, Any], rows: Rows, forests: Iterable[tuple[Task, Forest]]) -> PanelModel:
    """Return the panel that these forests, trained on these rows, make; those of one part by their seeds."""
    found: dict[str, list[Forest]] = {}
    for task, forest in sorted(forests, key=lambda each: each[0].name):
        found.setdefault(task.part, []).append(forest)
    return PanelModel(
        str(cutoff),
        dict(recipe),
        rows.names,
        tuple(found["absolute"]),
        tuple(found["log"]),
        found["lower"][0],
        found["upper"][0],
    )
