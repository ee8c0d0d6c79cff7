"""What the panel costs: rows, training and prediction by the number of combinations, its trees beside LightGBM's own.

    python benchmarks/panel_cost.py 525 20000

Made-up sales of three years; processor seconds of one process, peak memory of the process so far. A forest is trained
as in the product (one thread); of its eight, two point forests are timed.
"""

import argparse
import resource
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TypeVar

import lightgbm
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from skucast.core.combination import Combination
from skucast.forecast.panel.features import features_at, levels
from skucast.forecast.panel.grid import Grid
from skucast.forecast.panel.known import PromotionsAhead
from skucast.forecast.panel.training import ALWAYS, POINT, POINT_TREES, Rows, rows_of, tasks, train_forests
from skucast.forecast.panel.trees import forest_of

WEEKS, HORIZON = 156, 4
T = TypeVar("T")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("combinations", type=int, nargs="*", default=[525, 20_000])
    print("| combinations | rows that teach | their features | a forest | features of coming weeks | a forest's walk |")
    print("|---|---|---|---|---|---|")
    for n in parser.parse_args().combinations:
        measure(n)


def measure(n: int) -> None:
    """Print the row of so many combinations."""
    grid = business(n)

    def known(_: int, weeks: int) -> PromotionsAhead:
        depth, days, is_planned = plan(grid)
        return PromotionsAhead(depth[:, :weeks], days[:, :weeks], is_planned[:, :weeks])

    rows, of_rows = timed(lambda: rows_of(grid, HORIZON, known, grid.n_weeks))
    forest, of_forest = timed(lambda: train_forests(tasks()[:1], rows)[0])
    depth, days, _ = plan(grid)
    (coming, _), of_coming = timed(lambda: features_at(grid, grid.n_weeks, depth, days))
    table = np.ascontiguousarray(coming.reshape(-1, coming.shape[-1]))
    forest.predict(table[:1])
    said, of_walk = timed(lambda: forest.predict(table))
    assert said.shape == (n * HORIZON,)
    assert (levels(grid, grid.n_weeks) > 0).all()
    ratio = of_walk / of_lightgbm(rows, table)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"| {n:,} | {len(rows.shares):,} | {of_rows:.1f} s | {of_forest:.1f} s | {of_coming:.2f} s | "
        f"{of_walk:.2f} s, {ratio:.1f} x LightGBM's; peak {peak:.1f} GiB |"
    )


def of_lightgbm(rows: Rows, table: np.ndarray) -> float:
    """Return the seconds of LightGBM's own prediction by one thread, of a forest as large."""
    data = lightgbm.Dataset(rows.features[:100_000], rows.shares[:100_000], weight=rows.levels[:100_000])
    booster = lightgbm.train({**ALWAYS, **POINT, "objective": "l1"}, data, POINT_TREES)
    theirs, seconds = timed(lambda: booster.predict(table, num_threads=1))
    assert np.array_equal(theirs, forest_of(booster.dump_model()).predict(table))
    return seconds


def timed(do: Callable[[], T]) -> tuple[T, float]:
    """Return the result and the processor seconds it took."""
    started = time.process_time()
    return do(), time.process_time() - started


def business(n: int) -> Grid:
    """Return made-up sales: 70 units, 4 channels, a fifth of the weeks promoted."""
    chance = np.random.default_rng(0)
    days = np.where(chance.random((n, WEEKS)) < 0.2, 7.0, 0.0)
    depth = np.where(days > 0, chance.uniform(5, 50, days.shape), 0.0)
    y = chance.poisson(20 * (1 + depth / 30)).astype("float64")
    number = np.arange(n)
    codes = np.stack([number % 70, number % 4, number // 280], axis=1)
    names = tuple(Combination(f"u{unit}", f"c{channel}", f"s{each}") for each, (unit, channel, _) in enumerate(codes))
    calendar = np.zeros((1, WEEKS + HORIZON, 4))
    return Grid(date(2023, 1, 1), names, y, depth, days, codes, calendar, np.zeros(n, dtype="int64"))


def plan(grid: Grid) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return depth, days and whether they are planned, of the coming weeks: every fifth combination promotes."""
    promotes = (np.arange(len(grid.y)) % 5 == 0)[:, None] & np.ones((1, HORIZON), dtype=bool)
    return np.where(promotes, 25.0, 0.0), np.where(promotes, 7.0, 0.0), promotes


if __name__ == "__main__":
    main()
