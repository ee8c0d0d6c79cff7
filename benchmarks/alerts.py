"""Half a year of weekly runs on real sales, as they would have run: how many alerts there are, and of what reason.

    make bench DATA=folder        # the folder holds breakfast_weekly.parquet and walmart_weekly.parquet
    python benchmarks/alerts.py --data folder --keep place        # keeps the warehouses to look into

Every week is predicted and monitored as of the day after its end; all models are trained every 13 weeks. Beside our
rules a bare one is counted: WAPE above the same limit for the same number of weeks, nothing else asked.
"""

import argparse
import contextlib
import os
import sys
import tempfile
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from real_chain import DATASETS, environment_of, sample, write_between

from skucast.app import main as run_script
from skucast.cli import main as run_tool
from skucast.combination import KEY
from skucast.settings import Settings
from skucast.tables import ALERTS, ALL, METRICS, POOLED_STEP
from skucast.warehouse import Warehouse, open_warehouse
from skucast.weeks import WEEK

ORIGINS = 26
TRAIN_EVERY = 13
N_COMBINATIONS = 200
START, END = "<!-- alerts:start -->", "<!-- alerts:end -->"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the two Parquet files")
    parser.add_argument("--only", choices=sorted(DATASETS), help="one of the two (prints, leaves the docs alone)")
    parser.add_argument("--keep", type=Path, help="folder that keeps the warehouses and dashboards")
    arguments = parser.parse_args()
    names = [arguments.only] if arguments.only else list(DATASETS)
    lines = [line for name in names for line in run_dataset(name, arguments.data, arguments.keep)]
    print("\n".join(lines))
    if not arguments.only:
        write_between(START, END, lines)


def run_dataset(name: str, data: Path, keep: Path | None) -> list[str]:
    """Run half a year on one data set and return its Markdown."""
    with contextlib.ExitStack() as stack:
        folder = keep / name if keep else Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        os.environ.update(environment_of(name, folder) | {"LOG_LEVEL": "ERROR", "MIN_PROMO_COVERAGE": "0"})
        cutoffs = cutoffs_of(name)
        sales = sample(data / f"{name}_weekly.parquet", cutoffs[0], N_COMBINATIONS, folder)
        expect_done(run_tool(["load", str(sales), "--table", "sales"]))
        for week, cutoff in enumerate(cutoffs):
            as_of = ["--as-of", str(cutoff + timedelta(days=1))]
            if week % TRAIN_EVERY == 0:
                expect_done(run_script("train", "", as_of))
            expect_done(run_script("predict", "", as_of))
            expect_done(run_script("monitor", "", as_of))
        return report(name, open_warehouse(Settings(warehouse=os.environ["WAREHOUSE"])), cutoffs)


def cutoffs_of(name: str) -> list[date]:
    """Return the weeks that are played, oldest first; the last one is the last of the data."""
    return [DATASETS[name]["last_week"] - back * WEEK for back in range(ORIGINS - 1, -1, -1)]


def expect_done(exit_code: int) -> None:
    if exit_code:
        sys.exit(f"a step ended with exit code {exit_code}")


def report(name: str, warehouse: Warehouse, cutoffs: list[date]) -> list[str]:
    """Return the Markdown of one data set: alerts by week, and the reasons of those that were opened."""
    alerts = warehouse.read(ALERTS)
    alerts = alerts[alerts["unit"] != ALL]
    weeks = bare_alerts(warehouse)
    opened = alerts[alerts["state"] == "open"]
    lines = [
        f"**{name}**: {N_COMBINATIONS} combinations, {ORIGINS} weeks.",
        "",
        "| week | bare WAPE rule: combinations | ours: opened | still open | resolved | combinations on the list |",
        "|---|---|---|---|---|---|",
    ]
    for cutoff in cutoffs:
        rows = alerts[alerts["cutoff"] == pd.Timestamp(cutoff)]
        states = Counter(rows["state"])
        shown = len(rows[rows["is_listed"]][KEY].drop_duplicates())
        lines.append(
            f"| {cutoff} | {weeks.get(pd.Timestamp(cutoff), 0)} | {states['open']} | {states['still_open']} | "
            f"{states['resolved']} | {shown} |"
        )
    lines += ["", "| reason of the alerts opened | wape | bias | coverage |", "|---|---|---|---|"]
    for reason, rows in opened.groupby("reason"):
        rules = Counter(rows["rule"])
        lines.append(f"| {reason} | {rules['wape']} | {rules['bias']} | {rules['coverage']} |")
    return [*lines, ""]


def bare_alerts(warehouse: Warehouse) -> dict[pd.Timestamp, int]:
    """Return how many combinations a bare rule would list each week: WAPE above the limit in as many weeks in a row."""
    settings = Settings()
    metrics = warehouse.read(METRICS)
    weekly = metrics[
        (metrics["window"] == "week") & (metrics["level"] == "combination") & (metrics["step"] == POOLED_STEP)
    ].sort_values([*KEY, "window_end"])
    is_wrong = weekly["sum_abs_error"] > settings.alert_wape * weekly["sum_abs_actual"]
    in_a_row = is_wrong.groupby([weekly[name] for name in KEY]).rolling(settings.alert_weeks).sum()
    fires = in_a_row.droplevel([0, 1, 2]).reindex(weekly.index) >= settings.alert_weeks
    return weekly.loc[fires, "window_end"].value_counts().to_dict()


if __name__ == "__main__":
    main()
