"""The real sales that the engine is measured on, the processes it is measured by, and how a measurement is written."""

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from real_chain import DATASETS, ROOT, environment_of, sample

from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.core.tables.every import TABLES
from skucast.core.weeks import WeekClock
from skucast.sales.history import History, build_history

NAMES = {table.label: table.name for table in TABLES}
HORIZON_WEEKS = 4


class Bench:
    """The real sales of so many combinations in a warehouse, and what is made from them once."""

    def __init__(self, data: Path, n_combinations: int, folder: Path) -> None:
        self.data, self.n, self.folder = data, n_combinations, folder
        facts = DATASETS["walmart"]
        self.origin = facts["last_week"] - timedelta(weeks=HORIZON_WEEKS)
        self.clock = WeekClock(facts["anchor"])
        self.environment = environment_of("walmart", folder) | {"AS_OF": str(self.origin + timedelta(days=1))}
        sales = sample(data / "walmart_weekly.parquet", self.origin, n_combinations, folder)
        self.process("-m", "skucast", "load", str(sales), "--table", "sales")

    def process(self, *command: str, **environment: str) -> tuple[float, float]:
        """Run Python as a process; return its seconds and its peak memory in GiB (of the largest so far)."""
        started = time.perf_counter()
        merged = self.environment | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'benchmarks'}"} | environment
        subprocess.run([sys.executable, *command], check=True, env=merged, cwd=ROOT, stdout=subprocess.DEVNULL)
        return time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20

    def history(self, warehouse: Path | None = None) -> History:
        """Return the history up to the origin."""
        found = DuckDBWarehouse(warehouse or self.folder / "warehouse.duckdb", NAMES)
        return build_history(found.weekly_sales(self.clock, self.origin), self.clock, self.origin, grain="week")


def train(bench: Bench, tune: str) -> float:
    """Train all combinations anew and return the seconds of the process."""
    return bench.process("run_all_skus.py", "--force", TUNE=tune)[0]


def median(calls: Sequence[Callable[[], object]]) -> float:
    seconds = []
    for call in calls:
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def row(what: str, ours: str, theirs: str, ratio: float | None) -> str:
    """Return a measurement as a line of the table, said at once."""
    line = f"| {what} | {ours} | {theirs} | {'' if ratio is None else f'{ratio:,.0f} x'} |"
    print(line, file=sys.stderr, flush=True)
    return line
