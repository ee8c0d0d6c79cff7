"""The whole chain on real sales: load, then train and predict at six origins, monitor, retrain; a table for the docs.

    make bench DATA=folder        # the folder holds breakfast_weekly.parquet and walmart_weekly.parquet

Every step is the real script as a process, on a fresh DuckDB file and model folder. The origins lie four weeks apart
and end four weeks before the last week of the data: each of the last 24 weeks is forecast once, at steps 1 to 4.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from skucast.backends.warehouse.opening import open_warehouse
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY
from skucast.core.tables.records import REGISTRY
from skucast.core.tables.scorecard import METRICS, POOLED_STEP
from skucast.runtime.settings import Settings

SEED = 525
ORIGINS = 6
HORIZON = 4
DATASETS = {
    "breakfast": {"anchor": "WED", "last_week": date(2012, 1, 4), "country": "US"},
    "walmart": {"anchor": "FRI", "last_week": date(2012, 10, 26), "country": "US"},
}
START, END = "<!-- real-chain:start -->", "<!-- real-chain:end -->"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the two Parquet files")
    parser.add_argument("--combinations", type=int, default=525)
    parser.add_argument("--only", choices=sorted(DATASETS), help="one of the two (prints, leaves the docs alone)")
    arguments = parser.parse_args()
    names = [arguments.only] if arguments.only else list(DATASETS)
    lines = [line for name in names for line in run_dataset(name, arguments.data, arguments.combinations)]
    print("\n".join(lines))
    if not arguments.only:
        write_between(START, END, lines)


def run_dataset(name: str, data: Path, n_combinations: int) -> list[str]:
    """Run the chain on one data set and return its Markdown."""
    facts, origins = DATASETS[name], origins_of(name)
    with tempfile.TemporaryDirectory() as folder:
        environment = environment_of(name, folder)
        sales = sample(data / f"{name}_weekly.parquet", origins[0], n_combinations, Path(folder))
        seconds = chain(sales, origins, facts["last_week"], environment)
        return report(name, seconds, environment, folder)


def origins_of(name: str) -> list[date]:
    """Return the labels of the six origins, oldest first."""
    last = DATASETS[name]["last_week"] - timedelta(weeks=HORIZON)
    return [last - timedelta(weeks=HORIZON * back) for back in range(ORIGINS - 1, -1, -1)]


def environment_of(name: str, folder: object) -> dict[str, str]:
    """Return the environment of a data set's scripts: every place below the folder, its week and its holidays."""
    facts = DATASETS[name]
    return {
        **os.environ,
        "WAREHOUSE": f"duckdb:{folder}/warehouse.duckdb",
        "MODEL_STORE": f"{folder}/models",
        "STAGING": f"{folder}/staging",
        "WEEK_ANCHOR": facts["anchor"],
        "SALES_GRAIN": "week",
        "HOLIDAY_COUNTRY": facts["country"],
        "PYTHONPATH": str(ROOT / "src"),
    }


def sample(path: Path, first_origin: date, n_combinations: int, folder: Path) -> Path:
    """Write the sales of a seeded choice of combinations that sold in the 13 weeks before the first origin."""
    sales = pd.read_parquet(path)
    recent = sales[pd.to_datetime(sales["date"]).dt.date.between(first_origin - timedelta(weeks=13), first_origin)]
    live = recent[KEY].drop_duplicates().sort_values(KEY, ignore_index=True)
    chosen = live.sample(n_combinations, random_state=SEED)
    target = folder / path.name
    sales.merge(chosen, on=KEY).to_parquet(target)
    return target


def chain(sales: Path, origins: list[date], last_week: date, environment: dict[str, str]) -> dict[str, float]:
    """Run every step and return its seconds, whole processes."""
    seconds: dict[str, float] = {}
    script(seconds, "load", ["-m", "skucast", "load", str(sales), "--table", "sales"], environment)
    for origin in origins:
        as_of = ["--as-of", str(origin + timedelta(days=1))]
        script(seconds, "train", ["run_all_skus.py", *as_of], environment)
        script(seconds, "predict", ["predict_weekly.py", *as_of], environment)
    end = ["--as-of", str(last_week + timedelta(days=1))]
    weeks = str(ORIGINS * HORIZON)
    script(seconds, "monitor", ["monitor_performance.py", *end, "--lookback-weeks", weeks], environment)
    worst = worst_combination(environment["WAREHOUSE"])
    script(seconds, "retrain", ["retrain_models.py", *end, "--target", json.dumps([worst])], environment)
    return seconds


def script(seconds: dict[str, float], step: str, command: list[str], environment: dict[str, str]) -> None:
    started = time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, env=environment, cwd=ROOT)
    seconds[step] = seconds.get(step, 0.0) + time.perf_counter() - started


def newest_window(warehouse: Warehouse) -> pd.DataFrame:
    """Return the metrics of the newest rolling window."""
    metrics = warehouse.read(METRICS)
    return metrics[(metrics["window"] == "rolling") & (metrics["window_end"] == metrics["window_end"].max())]


def worst_combination(uri: str) -> str:
    metrics = newest_window(open_warehouse(Settings(warehouse=uri)))
    rows = metrics[(metrics["level"] == "combination") & (metrics["step"] == POOLED_STEP)]
    return "/".join(rows.sort_values("sum_abs_error").iloc[-1][KEY])


def report(name: str, seconds: dict[str, float], environment: dict[str, str], folder: str) -> list[str]:
    """Return the Markdown of one data set: seconds, WAPE per step beside the baselines', the backtests' own claim."""
    warehouse = open_warehouse(Settings(warehouse=environment["WAREHOUSE"]))
    metrics = newest_window(warehouse)
    registry = warehouse.read(REGISTRY)
    saved = registry[registry["outcome"] == "saved"]
    total = metrics[metrics["level"] == "total"].sort_values("step")
    n = int((metrics["level"].eq("combination") & metrics["step"].eq(POOLED_STEP)).sum())
    models = len(list(Path(folder, "models").glob("*/*/*.pkl")))
    header = f"| {name} | forecasts | WAPE | last week | mean of 4 | same week last year | bias | 80 % interval |"
    lines = [
        f"**{name}**: {n} combinations, {models} models at the end, {ORIGINS} origins, {len(saved)} trainings.",
        f"Seconds, whole processes: {', '.join(f'{step} {value:.0f}' for step, value in seconds.items())}.",
        "",
        header,
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in total.to_dict("records"):
        label = "all steps" if row["step"] == POOLED_STEP else f"step {row['step']}"
        shares = ("wape", "wape_last_week", "wape_mean_4", "wape_last_year", "bias_ratio", "coverage")
        lines.append(f"| {label} | {row['n']} | " + " | ".join(f"{row[share]:.1%}" for share in shares) + " |")
    return [*lines, ""]


def write_between(start: str, end: str, lines: list[str], page: str = "benchmarks.md") -> None:
    """Put the lines between two markers of a page of the docs."""
    path = ROOT / "docs" / page
    text = path.read_text(encoding="utf-8")
    before, after = text.split(start)[0], text.split(end)[1]
    path.write_text(before + start + "\n" + "\n".join(lines).rstrip() + "\n" + end + after, encoding="utf-8")


if __name__ == "__main__":
    main()
