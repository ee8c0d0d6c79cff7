"""What knowing the promotions is worth: real sales, forecast with their plan, without one, and with a plan of none.

    make bench DATA=folder        # the folder holds breakfast_weekly.parquet

The same six origins as in real_chain.py, each variant trained, backtested and forecast by the real scripts on its own
warehouse: `plan` holds every true promotion, known eight weeks ahead; `expected` has no plan, so a week to come has
the recent average; `none` has a plan that covers all weeks and knows of no promotion.
"""

import argparse
import tempfile
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
from real_chain import DATASETS, HORIZON, environment_of, origins_of, sample, script, write_between

from skucast.backends.warehouse.opening import open_warehouse
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY
from skucast.core.tables.contract import ALL
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.sales import PROMOTIONS
from skucast.core.weeks import WeekClock
from skucast.entry.app import start_run
from skucast.runtime.settings import Settings
from skucast.sales.history import build_history
from skucast.scorecard.monitoring import match

NAME = "breakfast"
KNOWN_AHEAD = timedelta(weeks=8)
FIRST_DAY, LAST_DAY = date(2009, 1, 1), date(2012, 12, 31)
VARIANTS = {
    "plan": "every true promotion is planned, known 8 weeks ahead",
    "expected": "no plan: the recent average of the combination",
    "none": "a plan without any promotion",
}
START, END = "<!-- promotions:start -->", "<!-- promotions:end -->"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the Parquet file")
    parser.add_argument("--combinations", type=int, default=200)
    arguments = parser.parse_args()
    origins = origins_of(NAME)
    lines = [
        "| what is known of promotions to come | WAPE | promotion weeks | other weeks | step 1 | 2 | 3 | 4 | bias |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for variant, meaning in VARIANTS.items():
        with tempfile.TemporaryDirectory() as folder:
            scored = run_variant(variant, arguments, origins, Path(folder))
        lines.append(f"| {variant}: {meaning} | {' | '.join(figures(scored))} |")
    lines.append(baseline_line(scored))
    print("\n".join(lines))
    write_between(START, END, lines)


def run_variant(variant: str, arguments: argparse.Namespace, origins: list[date], folder: Path) -> pd.DataFrame:
    """Run one variant and return its forecasts beside their actuals, with `is_promo`."""
    environment = environment_of(NAME, folder)
    sales = sample(arguments.data / f"{NAME}_weekly.parquet", origins[0], arguments.combinations, folder)
    seconds: dict[str, float] = {}
    script(seconds, "load", ["-m", "skucast", "load", str(sales), "--table", "sales"], environment)
    settings = Settings(warehouse=environment["WAREHOUSE"], week_anchor=DATASETS[NAME]["anchor"], sales_grain="week")
    warehouse = open_warehouse(settings)
    rows = plan_of(variant, sales, settings.clock)
    if len(rows):
        run = start_run("load", settings)
        warehouse.append_once(PROMOTIONS, rows, batch_id=variant, source=variant, run=run)
    for origin in origins:
        as_of = ["--as-of", str(origin + timedelta(days=1))]
        script(seconds, "train", ["run_all_skus.py", *as_of], environment)
        script(seconds, "predict", ["predict_weekly.py", *as_of], environment)
    return scored_of(warehouse, settings, origins)


def plan_of(variant: str, sales: Path, clock: WeekClock) -> pd.DataFrame:
    """Return the plan's rows: one per true promotion and week, and one that says that there are no others."""
    complete = {**dict.fromkeys(KEY, ALL), "starts_on": FIRST_DAY, "ends_on": LAST_DAY, "plan_id": "complete"}
    complete |= {"known_from": pd.Timestamp(FIRST_DAY) - KNOWN_AHEAD, "discount_perc": None}
    if variant == "expected":
        return pd.DataFrame()
    if variant == "none":
        return pd.DataFrame([complete])
    lines = pd.read_parquet(sales)
    promoted = lines[(lines["Promo_discount_perc"] > 0) | (lines["is_promo"] > 0)]
    label = clock.label_days(pd.to_datetime(promoted["date"]))
    rows = promoted[KEY].assign(
        starts_on=label - pd.Timedelta(days=6),
        ends_on=label,
        discount_perc=promoted["Promo_discount_perc"],
        is_promo=True,
        known_from=label - KNOWN_AHEAD,
        plan_id="true " + label.astype("str"),
    )
    return pd.concat([pd.DataFrame([complete]), rows], ignore_index=True)


def scored_of(warehouse: Warehouse, settings: Settings, origins: list[date]) -> pd.DataFrame:
    last = origins[-1] + timedelta(weeks=HORIZON)
    clock = settings.clock
    history = build_history(warehouse.weekly_sales(clock, last), clock, last, grain="week")
    scored = match(warehouse.read(FORECASTS), history.weeks, origins[0], last)
    return scored.merge(history.weeks[[*KEY, "ds", "is_promo"]], on=[*KEY, "ds"])


def figures(scored: pd.DataFrame, forecast: str = "yhat") -> list[str]:
    """Return WAPE of all weeks, promotion weeks, others and each step, and the bias."""
    steps = [scored[scored["step"] == step] for step in range(1, HORIZON + 1)]
    parts = [scored, scored[scored["is_promo"]], scored[~scored["is_promo"]], *steps]
    error = scored[forecast] - scored["y"]
    return [*(f"{wape(part, forecast):.1%}" for part in parts), f"{error.sum() / scored['y'].sum():+.1%}"]


def wape(scored: pd.DataFrame, forecast: str) -> float:
    return float((scored[forecast] - scored["y"]).abs().sum() / scored["y"].abs().sum())


def baseline_line(scored: pd.DataFrame) -> str:
    return f"| beside them: mean of the last 4 weeks | {' | '.join(figures(scored, 'baseline_mean_4'))} |"


if __name__ == "__main__":
    main()
