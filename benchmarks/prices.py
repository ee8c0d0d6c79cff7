"""What a declared price is worth: real sales, forecast with their promotions known, without and with the shelf price.

    make bench DATA=folder        # the folder holds breakfast_weekly.parquet

Each variant is trained, backtested and forecast by the real scripts on its own warehouse. Promotions and prices are
known eight weeks ahead, as plans. `--early` looks at two origins before the reported ones instead, where variants are
chosen.
"""

import argparse
import tempfile
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
from promotions import KNOWN_AHEAD, NAME, plan_of, wape
from real_chain import DATASETS, HORIZON, ORIGINS, environment_of, origins_of, sample, script, write_between

from skucast.backends.store.opening import open_store
from skucast.backends.warehouse.opening import open_warehouse
from skucast.core.combination import KEY
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.regressors import REGRESSORS
from skucast.core.tables.sales import PROMOTIONS
from skucast.core.weeks import WeekClock
from skucast.entry.app import start_run
from skucast.forecast.artifact import loads
from skucast.runtime.settings import Settings
from skucast.sales.history import build_history
from skucast.scorecard.monitoring import match

VARIANTS = {
    "nothing": "promotions alone",
    "base_price": "and the shelf price without its promotion",
    "price": "and the price that was paid, promotion and all",
}
CHOSEN = ("nothing", "base_price")
EARLY = 2
PARTS = {"yhat": "published", "yhat_prophet": "Prophet", "yhat_panel": "panel", "yhat_panel_log": "panel, logs"}
START, END = "<!-- prices:start -->", "<!-- prices:end -->"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the Parquet file")
    parser.add_argument("--combinations", type=int, default=100)
    parser.add_argument("--variants", nargs="*", choices=VARIANTS, default=CHOSEN)
    parser.add_argument("--early", action="store_true", help="origins before the reported ones; prints alone")
    arguments = parser.parse_args()
    origins = origins_of(NAME)
    if arguments.early:
        before = timedelta(weeks=HORIZON * ORIGINS)
        origins = [each - before for each in origins[-EARLY:]]
    lines = [f"| what is known | {' | '.join(PARTS.values())} | promotion weeks | other weeks | models that keep it |"]
    lines.append(f"|{'---|' * (len(PARTS) + 4)}")
    for variant in arguments.variants:
        with tempfile.TemporaryDirectory() as folder:
            cells = figures(variant, arguments, origins, Path(folder))
        lines.append(f"| {VARIANTS[variant]} | {' | '.join(cells)} |")
        print("\n".join(lines), flush=True)
    if not arguments.early:
        write_between(START, END, lines)


def figures(variant: str, arguments: argparse.Namespace, origins: list[date], folder: Path) -> list[str]:
    """Run one variant and return the cells of its row."""
    declared = "" if variant == "nothing" else f'[[regressor]]\nname = "{variant}"\nkind = "price"\n'
    environment = environment_of(NAME, folder) | {"REGRESSORS": declared}
    sales = sample(arguments.data / f"{NAME}_weekly.parquet", origins[0], arguments.combinations, folder)
    seconds: dict[str, float] = {}
    script(seconds, "load", ["-m", "skucast", "load", str(sales), "--table", "sales"], environment)
    settings = Settings(
        warehouse=environment["WAREHOUSE"],
        model_store=environment["MODEL_STORE"],
        week_anchor=DATASETS[NAME]["anchor"],
        sales_grain="week",
        regressors=declared,
    )
    warehouse, run = open_warehouse(settings), start_run("load", settings)
    plan = plan_of("plan", sales, settings.clock)
    warehouse.append_once(PROMOTIONS, plan, batch_id="plan", source="plan", run=run)
    if declared:
        prices = prices_of(variant, sales, settings.clock)
        warehouse.append_once(REGRESSORS, prices, batch_id="prices", source="prices", run=run)
    for origin in origins:
        as_of = ["--as-of", str(origin + timedelta(days=1))]
        script(seconds, "train", ["run_all_skus.py", *as_of], environment)
        script(seconds, "predict", ["predict_weekly.py", *as_of], environment)
    clock, last = settings.clock, origins[-1] + timedelta(weeks=HORIZON)
    history = build_history(warehouse.weekly_sales(clock, last), clock, last, grain="week")
    forecasts = warehouse.read(FORECASTS)
    scored = match(forecasts, history.weeks, origins[0], last)[[*KEY, "cutoff", "ds", "y"]]
    scored = scored.merge(forecasts[[*KEY, "cutoff", "ds", *PARTS]], on=[*KEY, "cutoff", "ds"])
    scored = scored.merge(history.weeks[[*KEY, "ds", "is_promo"]], on=[*KEY, "ds"])
    print(seconds, flush=True)
    by_part = [wape(scored[scored[part].notna()], part) for part in PARTS]
    by_kind = [wape(scored[scored["is_promo"] == is_promo], "yhat") for is_promo in (True, False)]
    return [*(f"{value:.2%}" for value in (*by_part, *by_kind)), kept_by(settings, variant)]


def prices_of(column: str, sales: Path, clock: WeekClock) -> pd.DataFrame:
    """Return the price of each combination and week of the file; 0 is none."""
    lines = pd.read_parquet(sales)
    lines = lines[lines[column] > 0]
    label = clock.label_days(pd.to_datetime(lines["date"]))
    days = {"starts_on": label - pd.Timedelta(days=6), "ends_on": label, "known_from": label - KNOWN_AHEAD}
    return lines[KEY].assign(name=column, **days, value=lines[column].astype("float64"))


def kept_by(settings: Settings, name: str) -> str:
    """Return how many of the newest models know the price, of how many."""
    store = open_store(settings)
    cards = [loads(store.load(each).payload).card for each in store.stored()]
    told = [card.backtest.get("regressors", {}).get(name) for card in cards]
    return f"{sum(each is not None and each['outcome'] == 'kept' for each in told)} of {len(cards)}"


if __name__ == "__main__":
    main()
