"""A year of weekly forecasts of whole units of the two data sets, as they would have run: what the gate is measured on.

Every week is predicted as of the day after its end, without the gate; all models are trained every 13 weeks.
"""

import os
import sys
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from alerts import expect_done
from real_chain import DATASETS, SEED, environment_of

from skucast.core.combination import KEY
from skucast.core.weeks import WEEK
from skucast.entry.app import main as run_script
from skucast.entry.cli import main as run_tool

CHOSEN, REPORTED = 26, 26
"""Weeks on which the thresholds were chosen, and the weeks after them that are reported."""

TRAIN_EVERY = 13
N_COMBINATIONS = 525


@dataclass(frozen=True)
class Replay:
    """A data set's folder after its replay: the warehouse, the models, the sales that were loaded."""

    name: str
    folder: Path
    sales: Path

    @property
    def cutoffs(self) -> list[date]:
        """All weeks that are played, oldest first."""
        last = DATASETS[self.name]["last_week"]
        return [last - back * WEEK for back in range(CHOSEN + REPORTED - 1, -1, -1)]

    def use(self) -> None:
        """Let settings that are read from now on be this data set's."""
        alone = {"LOG_LEVEL": "ERROR", "MIN_PROMO_COVERAGE": "0", "MAX_FAILED_SHARE": "1"}
        os.environ.update(environment_of(self.name, self.folder) | alone)


def replay_of(name: str, data: Path, folder: Path, n_combinations: int) -> Replay:
    """Return the replay of a data set; what the folder holds already is not played again."""
    found = Replay(name, folder / name, folder / name / f"{name}.parquet")
    found.use()
    done = found.folder / "done"
    if done.exists():
        return found
    found.folder.mkdir(parents=True)
    whole_units(data / f"{name}_weekly.parquet", found.cutoffs[0], n_combinations).to_parquet(found.sales)
    expect_done(run_tool(["load", str(found.sales), "--table", "sales"]))
    for week, cutoff in enumerate(found.cutoffs):
        as_of = ["--as-of", str(cutoff + timedelta(days=1))]
        if week % TRAIN_EVERY == 0:
            expect_done(run_script("train", "", as_of))
        expect_done(run_script("predict", "", [*as_of, "--max-jump", "off"]))
    done.touch()
    return found


def whole_units(path: Path, first_cutoff: date, n_combinations: int) -> pd.DataFrame:
    """Return the sales of a seeded choice of units, whole, that have so many combinations before the first cutoff."""
    sales = pd.read_parquet(path)
    recent = sales[pd.to_datetime(sales["date"]).dt.date.between(first_cutoff - 13 * WEEK, first_cutoff)]
    sizes = recent[KEY].drop_duplicates().groupby("unit").size().sample(frac=1, random_state=SEED)
    units = sizes.index[sizes.cumsum() <= n_combinations]
    return sales[sales["unit"].isin(units)]
