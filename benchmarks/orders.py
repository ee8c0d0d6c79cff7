"""Achieved service against wanted: half a year of weekly forecasts by the scripts, and the orders that follow.

    python benchmarks/orders.py --data folder      # breakfast_weekly.parquet and walmart_weekly.parquet

Whole stores until there are a hundred series. The last 26 weekly origins whose four weeks are known are forecast one by
one by `predict_weekly.py`, on what was known then, with the plan of promotions; `run_all_skus.py` trains before every
fifth of them: models are trained less often than they forecast. What to order is worked out by the product from the
forecasts that are stored, at every level; that at the default level must be what prediction itself has stored.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from accuracy_chain import plan_of, sales_of
from accuracy_data import ANCHORS, COUNTRY, HORIZON, KEY, Sample, sample_of
from accuracy_ours import ROOT, settings_of
from real_chain import write_between

from skucast.backends.store.opening import open_store
from skucast.backends.warehouse.opening import open_warehouse
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.run import Run
from skucast.core.tables.contract import ALL
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.orders import ORDER_RULES, ORDERS
from skucast.core.tables.sales import PROMOTIONS
from skucast.core.tables.validation import empty
from skucast.entry.app import start_run
from skucast.forecast.joint.marginals import Rows, rows_of
from skucast.forecast.joint.orders import Protection
from skucast.forecast.joint.paths import Chunk
from skucast.forecast.joint.sums import totals_of
from skucast.forecast.joint.terms import Defaults, terms_of
from skucast.jobs.totals import NEEDED, correlations_of
from skucast.runtime.settings import Settings
from skucast.scorecard.order_scores import metrics_of_orders

ORIGINS = 26
TRAINED_EVERY = 5
LEVELS = (0.90, 0.95, 0.98)
WEEKS = (2, 4)
"""Lead time and review together; the review is one week."""

START, END = "<!-- orders:start -->", "<!-- orders:end -->"
HEADER = [
    "| sales | lead time and review | wanted | achieved | pieces served | orders | stock over sales |",
    "|---|---|---|---|---|---|---|",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the two Parquet files")
    parser.add_argument("--series", type=int, default=100, help="whole stores, until there are so many series")
    parser.add_argument("--origins", type=int, default=ORIGINS)
    parser.add_argument("--only", choices=sorted(ANCHORS), help="one of the two (prints, leaves the docs alone)")
    arguments = parser.parse_args()
    names = [arguments.only] if arguments.only else list(ANCHORS)
    lines = list(HEADER)
    for name in names:
        lines += replayed(sample_of(name, arguments.data, arguments.series), arguments.origins)
        print("\n".join(lines), flush=True)
    if not arguments.only:
        write_between(START, END, lines)


def replayed(sample: Sample, n_origins: int) -> list[str]:
    """Replay one file and return its lines of the table."""
    last = sample.frame["ds"].max() - pd.Timedelta(weeks=HORIZON)
    origins = [last - pd.Timedelta(weeks=back) for back in range(n_origins - 1, -1, -1)]
    with tempfile.TemporaryDirectory() as folder:
        places = {"warehouse": f"duckdb:{folder}/w.duckdb", "model_store": f"{folder}/m", "staging": f"{folder}/s"}
        everything = sample.given(sample.frame["ds"].max())
        settings = settings_of(everything, **places)
        warehouse = open_warehouse(settings)
        sales = Path(folder, "sales.parquet")
        sales_of(everything).to_parquet(sales)
        script(["-m", "skucast", "load", str(sales), "--table", "sales"], settings)
        run = start_run("load", settings)
        warehouse.append_once(PROMOTIONS, plan_of(everything), batch_id="true", source="true", run=run)
        orders = []
        for place, origin in enumerate(origins):
            as_of = origin.date() + timedelta(days=1)
            if place % TRAINED_EVERY == 0:
                script(["run_all_skus.py", "--as-of", str(as_of)], settings)
            script(["predict_weekly.py", "--as-of", str(as_of)], settings)
            orders.append(orders_at(start_run("predict", settings.model_copy(update={"as_of": as_of})), settings))
            print(f"{sample.name} {origin.date()}: {len(orders[-1])} orders", file=sys.stderr, flush=True)
    return list(table(sample, pd.concat(orders, ignore_index=True)))


def script(command: list[str], settings: Settings) -> None:
    """Run a script of the product on these places."""
    environment = {
        **os.environ,
        **{name.upper(): str(getattr(settings, name)) for name in ("warehouse", "model_store", "staging")},
        "WEEK_ANCHOR": settings.week_anchor,
        "SALES_GRAIN": "week",
        "HOLIDAY_COUNTRY": COUNTRY,
        "PYTHONPATH": str(ROOT / "src"),
        "LOG_LEVEL": "ERROR",
    }
    subprocess.run([sys.executable, *command], check=True, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)


def orders_at(run: Run, settings: Settings) -> pd.DataFrame:
    """Return the orders of one cutoff at every level and length: columns of `tables.ORDERS`, and `n_weeks`."""
    warehouse = open_warehouse(settings)
    week = {"cutoff": run.cutoff}
    rows = rows_of(warehouse.read(FORECASTS, since=week, until=week)[NEEDED])
    wanted = {(n_weeks, level): protection_of(rows, n_weeks, level) for n_weeks in WEEKS for level in LEVELS}

    def take(chunk: Chunk) -> None:
        for protection in wanted.values():
            protection.take(chunk)

    totals_of(rows, correlations_of(settings, open_store(settings), run), take)
    made = {terms: protection.orders(None) for terms, protection in wanted.items()}
    check(made[2, 0.95], warehouse, run)
    return pd.concat([orders.assign(n_weeks=n_weeks) for (n_weeks, _), orders in made.items()], ignore_index=True)


def protection_of(rows: Rows, n_weeks: int, level: float) -> Protection:
    """Return what takes the orders of these weeks at this level."""
    defaults = Defaults({ALL: level}, {ALL: n_weeks - 1}, {ALL: 1})
    return Protection(rows, terms_of(rows.keys, defaults, None, empty(ORDER_RULES)))


def check(orders: pd.DataFrame, warehouse: Warehouse, run: Run) -> None:
    """Stop if what is worked out here is not what prediction has stored."""
    week = {"cutoff": run.cutoff}
    both = orders.merge(warehouse.read(ORDERS, since=week, until=week), on=KEY, suffixes=("", "_stored"))
    assert len(both) == len(orders)
    np.testing.assert_allclose(both["order_up_to"], both["order_up_to_stored"], rtol=1e-6)


def table(sample: Sample, orders: pd.DataFrame) -> Iterator[str]:
    """Yield a line of the table for each length and level, by the product's own scores."""
    sold = sample.frame.merge(sample.series, on="unique_id")[[*KEY, "ds", "y"]]
    window = orders["ds_from"].min(), orders["ds"].max()
    for (n_weeks, level), mine in orders.groupby(["n_weeks", "service_level"]):
        scores = metrics_of_orders(mine, sold, window)
        (row,) = scores[scores["pooled_by"] == "all"].to_dict("records")
        yield (
            f"| {sample.name} | {n_weeks} weeks | {level:.0%} | {row['service_level']:.1%} | {row['fill_rate']:.1%} | "
            f"{row['n']:,} | {row['sum_order_up_to'] / row['sum_demand']:.2f} |"
        )


if __name__ == "__main__":
    main()
