"""Days out of stock planted into the sample distributor's sales: how near the corrected weeks come to what was sold.

    python benchmarks/stockouts.py

Every eighth week of each article loses one to three of its days, with nothing left and nothing sold; the other weeks
stay as they are. Marked are those of articles whose stock is kept. The error is the sum of what the marked weeks are
off by, as a share of what they really sold.
"""

import sys
import tempfile
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.core.combination import KEY
from skucast.core.run import Run
from skucast.core.tables.every import TABLES
from skucast.core.tables.sales import SALES
from skucast.core.weeks import WeekClock
from skucast.entry.demo.sample import sample_lines
from skucast.sales.history import build_history

CUTOFF = date(2026, 11, 22)
EVERY = 8
CLOCK = WeekClock()


def main() -> None:
    lines = sample_lines(CUTOFF)
    days = lines["date"].dt.date
    label = pd.to_datetime(days.map(CLOCK.label))
    whole = history_of(lines)
    known = whole.loc[~whole["is_censored"] & (whole["y"] > 0), [*KEY, "ds", "y"]]
    number = known.groupby(KEY)["ds"].rank().astype("int64")
    chosen = known[(number % EVERY == 0) & (number > EVERY)]
    print(
        "| days out of stock | weeks marked | error of what was sold | error of the corrected weeks |",
        "|---|---|---|---|",
        sep="\n",
    )
    for n_days in (1, 2, 3):
        chance = np.random.default_rng(n_days)
        weekdays = chance.permuted(np.tile(np.arange(7), (len(chosen), 1)), axis=1)[:, :n_days]
        planted = chosen[[*KEY, "ds"]].assign(lost=[set(each) for each in weekdays])
        at = lines.assign(ds=label)[[*KEY, "ds"]].merge(planted, on=[*KEY, "ds"], how="left")["lost"]
        is_lost = np.array(
            [isinstance(lost, set) and day.weekday() in lost for lost, day in zip(at, days, strict=True)]
        )
        short = lines.assign(quantity=lines["quantity"].mask(is_lost, 0.0), stock=lines["stock"].mask(is_lost, 0.0))
        errors = []
        for correct in (False, True):
            found = chosen.merge(history_of(short, correct=correct), on=[*KEY, "ds"], suffixes=("", "_found"))
            marked = found[found["is_censored"]]
            errors.append((marked["y_found"] - marked["y"]).abs().sum() / marked["y"].sum())
        print(f"| {n_days} | {len(marked)} of {len(chosen)} | {errors[0]:.1%} | {errors[1]:.1%} |")


def history_of(lines: pd.DataFrame, *, correct: bool = True) -> pd.DataFrame:
    """Return the weeks of these lines."""
    names = {table.label: table.name for table in TABLES}
    run = Run("load", "load", datetime.fromisoformat("2026-11-25T00:00:00"), CUTOFF + timedelta(days=3), CUTOFF)
    with tempfile.TemporaryDirectory() as folder:
        warehouse = DuckDBWarehouse(Path(folder) / "w.duckdb", names)
        warehouse.append_once(SALES, lines, batch_id="all", source="all", run=run)
        return build_history(warehouse.weekly_sales(CLOCK, CUTOFF), CLOCK, CUTOFF, correct_stockouts=correct).weeks


if __name__ == "__main__":
    main()
