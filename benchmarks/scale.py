"""What N combinations take: every job as a process, its seconds, its processor's seconds and its largest process.

    python benchmarks/scale.py 1000 5000 20000 [--weeks 156] [--scored 17] [--alerts 0.05] [--keep folder]

A made-up business of three years of weekly sales is loaded, trained and forecast; the ledger of the weeks before is
that forecast moved back, at numbers around what was sold, with so many combinations far off that they are in alert;
then it is monitored. `--keep` leaves each business in a folder, whose steps are not made again: `--again monitor`
measures one of them anew. What the settings are beside these (TUNE, FORECASTER, ...) comes from the environment.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from skucast.backends.warehouse.opening import open_warehouse
from skucast.core.combination import KEY, Combination
from skucast.core.run import Run
from skucast.core.tables.forecasts import COMPONENTS, FORECASTS
from skucast.core.weeks import WEEK
from skucast.forecast.artifact import dumps, loads
from skucast.runtime.settings import Settings

CUTOFF = date(2026, 11, 22)
UNITS, CHANNELS = 70, 4
BOUNDS = {"lower": 0.7, "upper": 1.3}
LAUNCHER = (
    "import json, resource, subprocess, sys; done = subprocess.run(sys.argv[1:]); "
    "used = resource.getrusage(resource.RUSAGE_CHILDREN); "
    "print(json.dumps([done.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))"
)
"""A process counts the memory of the one that it was forked from as its own, so a small one starts it, not this one."""


@dataclass(frozen=True)
class Measured:
    """Seconds on the wall, of all processors, and MiB of the largest process."""

    wall: float
    processor: float
    mib: float

    def __str__(self) -> str:
        return f"{self.wall:.1f} / {self.processor:.1f} s, {self.mib:,.0f} MiB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("combinations", type=int, nargs="+")
    parser.add_argument("--weeks", type=int, default=156)
    parser.add_argument("--scored", type=int, default=17, help="weeks of the ledger that have been sold")
    parser.add_argument("--alerts", type=float, default=0.05, help="share of the combinations that are far off")
    parser.add_argument("--tasks", type=int, default=1, help="tasks of the training, one after the other")
    parser.add_argument(
        "--models-of",
        type=Path,
        help="kept folder whose models stand for those of all combinations: nothing is trained",
    )
    parser.add_argument("--keep", type=Path, help="folder of the businesses")
    parser.add_argument("--again", nargs="*", default=[], choices=STEPS, help="steps to measure although it is made")
    given = parser.parse_args()
    measured = {n: measure(n, given) for n in given.combinations}
    print("| step | " + " | ".join(f"{n:,}" for n in measured) + " |")
    print("|---|" + "---|" * len(measured))
    for step in dict.fromkeys(name for one in measured.values() for name in one):
        print(f"| {step} | " + " | ".join(str(one.get(step, "")) for one in measured.values()) + " |")


def measure(n: int, given: argparse.Namespace) -> dict[str, Measured]:
    """Return what each step has taken, by name."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) if given.keep is None else given.keep / f"{n}x{given.weeks}"
        folder.mkdir(parents=True, exist_ok=True)
        record = folder / "measured.json"
        known = json.loads(record.read_text()) if record.exists() else {}
        for step, do in steps(n, given, folder).items():
            if step in known and step not in given.again:
                continue
            found = do()
            known[step] = asdict(found)
            print(f"{n:,} {step}: {found}", file=sys.stderr, flush=True)
            record.write_text(json.dumps(known, indent=1))
    return {step: Measured(**known[step]) for step in STEPS if step in known}


STEPS = ("made up", "load", "train", "predict", "ledger", "monitor", "predict again")


def steps(n: int, given: argparse.Namespace, folder: Path) -> dict[str, Callable[[], Measured]]:
    """Return the steps in their order; each measures itself."""
    environment = environment_of(folder)
    sales, as_of = folder / "sales.parquet", ["--as-of", str(CUTOFF + timedelta(days=1))]

    def train() -> Measured:
        """Tasks one after the other: seconds add up, memory is that of the largest."""
        if given.models_of is not None:
            return timed(lambda: copy_models(n, given.models_of / "models", folder / "models"))
        parts = [
            process(
                ["run_all_skus.py", *as_of],
                environment
                | {
                    "CLOUD_RUN_TASK_INDEX": str(task),
                    "CLOUD_RUN_TASK_COUNT": str(given.tasks),
                    "CLOUD_RUN_EXECUTION": "scale",
                },
            )
            for task in range(given.tasks)
        ]
        return Measured(sum(p.wall for p in parts), sum(p.processor for p in parts), max(p.mib for p in parts))

    return {
        "made up": lambda: timed(lambda: write_sales(n, given.weeks, sales)),
        "load": lambda: process(["-m", "skucast", "load", str(sales), "--table", "sales"], environment),
        "train": train,
        "predict": lambda: process(["predict_weekly.py", *as_of], environment),
        "ledger": lambda: timed(lambda: write_ledger(environment, given.scored, given.alerts)),
        "monitor": lambda: process(["monitor_performance.py", *as_of], environment),
        "predict again": lambda: process(["predict_weekly.py", *as_of], environment),
    }


def environment_of(folder: Path) -> dict[str, str]:
    """Return the scripts' environment: every place below the folder, sales by week; bytecode is kept, as in the images.

    Without it each process compiles the whole program.
    """
    ours = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {
        **ours,
        "WAREHOUSE": f"duckdb:{folder}/warehouse.duckdb",
        "MODEL_STORE": f"{folder}/models",
        "STAGING": f"{folder}/staging",
        "SALES_GRAIN": "week",
        "WEATHER": "false",
        "PYTHONPATH": str(ROOT / "src"),
    }


def process(command: list[str], environment: dict[str, str]) -> Measured:
    """Run Python with the command and return what it took.

    Raises:
        RuntimeError: it failed.
    """
    started = time.perf_counter()
    launched = [sys.executable, "-c", LAUNCHER, sys.executable, *command]
    done = subprocess.run(launched, env=environment, cwd=ROOT, capture_output=True, check=True, text=True)
    code, processor, mib = json.loads(done.stdout.splitlines()[-1])
    if code:
        raise RuntimeError(f"{command[0]} ended with exit code {code}: {done.stderr[-2000:]}")
    return Measured(time.perf_counter() - started, processor, mib)


def timed(do: Callable[[], None]) -> Measured:
    """Return the seconds of what is done here; its memory is that of this program, and is not said."""
    started, processor = time.perf_counter(), time.process_time()
    do()
    return Measured(time.perf_counter() - started, time.process_time() - processor, 0.0)


def names_of(n: int) -> list[tuple[str, str, str]]:
    """Return the names of the combinations."""
    number = [(each % UNITS, each // UNITS % CHANNELS, each // (UNITS * CHANNELS)) for each in range(n)]
    return [(f"U{unit:02d}", f"C{channel}", f"S{article:05d}") for unit, channel, article in number]


def copy_models(n: int, source: Path, target: Path) -> None:
    """Give every combination a model of another business under its own name, and all of them the shared files."""
    models = [loads(path.read_bytes()) for path in sorted(source.glob("U*/*/*.pkl"))]
    for number, names in enumerate(names_of(n)):
        combination, stored = Combination(*names), models[number % len(models)]
        payload = dumps(stored.models, replace(stored.card, combination=str(combination))).payload
        path = target / combination.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(payload)
    for folder in ("_panel", "_versions/_panel"):
        if (source / folder).exists():
            shutil.copytree(source / folder, target / folder, dirs_exist_ok=True)


def write_sales(n: int, n_weeks: int, path: Path) -> None:
    """Write weekly sales of n combinations: a level each, a year's season, a fifth of the weeks promoted, noise."""
    chance = np.random.default_rng(n)
    keys = {name: [each[place] for each in names_of(n)] for place, name in enumerate(KEY)}
    level, phase = chance.lognormal(3.0, 0.8, n), chance.uniform(0, 2 * np.pi, n)
    with pq.ParquetWriter(path, SALES_SCHEMA) as writer:
        for week in range(n_weeks):
            day = CUTOFF - (n_weeks - 1 - week) * WEEK
            promoted = chance.random(n) < 0.2
            depth = np.where(promoted, chance.choice([10.0, 20.0, 30.0], n), 0.0)
            season = 1 + 0.2 * np.sin(2 * np.pi * week / 52.18 + phase)
            pieces = chance.poisson(level * season * (1 + depth / 30)).astype("float64")
            columns = {"date": [day] * n, **keys, "quantity": pieces, "Promo_discount_perc": depth}
            writer.write_table(pa.table(columns, schema=SALES_SCHEMA))


SALES_SCHEMA = pa.schema(
    [
        ("date", pa.date32()),
        *((name, pa.string()) for name in KEY),
        ("quantity", pa.float64()),
        ("Promo_discount_perc", pa.float64()),
    ]
)


def write_ledger(environment: dict[str, str], n_scored: int, in_alert: float) -> None:
    """Write the forecasts of so many weeks before: those of the newest cutoff, moved back, around what was sold."""
    names = ("WAREHOUSE", "MODEL_STORE", "STAGING", "SALES_GRAIN")
    settings = Settings(**{name.lower(): environment[name] for name in names})
    warehouse = open_warehouse(settings)
    newest = warehouse.read(FORECASTS, since={"cutoff": CUTOFF}, until={"cutoff": CUTOFF})
    sold = warehouse.weekly_sales(settings.clock, CUTOFF)[[*KEY, "ds", "quantity"]]
    chance = np.random.default_rng(len(newest))
    number = newest.groupby(KEY, sort=True).ngroup().to_numpy()
    factor = np.where(number < in_alert * (number.max() + 1), 2.2, 1.0)
    for back in range(n_scored, 0, -1):
        rows = newest.assign(**{name: newest[name] - back * WEEK for name in ("cutoff", "ds", "data_cutoff")})
        known = rows.merge(sold, on=[*KEY, "ds"], how="left")["quantity"].fillna(newest["yhat"]).to_numpy("float64")
        yhat = np.round(known * factor * chance.lognormal(0, 0.25, len(rows)), 3)
        bounds = {f"{name}_{end}": part * yhat for name in ("yhat", "final") for end, part in BOUNDS.items()}
        parts = dict.fromkeys(COMPONENTS, 0.0) | {"level": yhat}
        rows = rows.assign(yhat=yhat, yhat_mean=yhat, final=yhat, model_cutoff=rows["cutoff"], **bounds, **parts)
        day = CUTOFF - back * WEEK
        moment = pd.Timestamp(day + timedelta(days=1))
        run_id = f"predict-{day}"
        run = Run(job="predict", run_id=run_id, run_at=moment.to_pydatetime(), today=moment.date(), cutoff=day)
        warehouse.replace(FORECASTS, rows.assign(run_id=run_id, created_at=moment, known_at=moment), day, run=run)


if __name__ == "__main__":
    main()
