"""Half a year of weekly runs on real sales, as they would have run: how many alerts there are, and of what reason.

    make bench DATA=folder        # the folder holds breakfast_weekly.parquet and walmart_weekly.parquet
    python benchmarks/alerts.py --data folder --keep place        # keeps the warehouses to look into

Every week is predicted and monitored as of the day after its end; all models are trained every 13 weeks. Beside our
rules bare ones are counted: the same limits, and nothing else asked.
"""

import argparse
import contextlib
import os
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from real_chain import DATASETS, environment_of, sample, write_between

from skucast.backends.warehouse.opening import open_warehouse
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY
from skucast.core.tables.alerts import ALERT_STATES, ALERTS, COMBINATION_RULES, REASONS
from skucast.core.tables.contract import ALL
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.scorecard import METRICS, POOLED_STEP
from skucast.core.weeks import WEEK
from skucast.entry.app import main as run_script
from skucast.entry.cli import main as run_tool
from skucast.runtime.settings import Settings

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
        return report(name, open_warehouse(Settings(warehouse=os.environ["WAREHOUSE"])), cutoffs, sales)


def cutoffs_of(name: str) -> list[date]:
    """Return the weeks that are played, oldest first; the last one is the last of the data."""
    return [DATASETS[name]["last_week"] - back * WEEK for back in range(ORIGINS - 1, -1, -1)]


def expect_done(exit_code: int) -> None:
    if exit_code:
        sys.exit(f"a step ended with exit code {exit_code}")


def report(name: str, warehouse: Warehouse, cutoffs: list[date], sales: Path) -> list[str]:
    """Return the Markdown of one data set: alerts by week, and the reasons of those that were opened."""
    alerts = warehouse.read(ALERTS)
    alerts = alerts[alerts["unit"] != ALL]
    lines = [
        f"**{name}**: {N_COMBINATIONS} combinations, {ORIGINS} weeks. Combinations on the lists, our alerts by state:",
        "",
        "| week | bare WAPE | bare WAPE, bias or coverage | ours | opened | still open | resolved |",
        "|---|---|---|---|---|---|---|",
    ]
    bare = bare_rules(warehouse)
    for cutoff in cutoffs:
        rows, its = alerts[alerts["cutoff"] == pd.Timestamp(cutoff)], bare[bare["window_end"] == pd.Timestamp(cutoff)]
        ours = len(rows.loc[rows["state"] != "resolved", KEY].drop_duplicates())
        states = " | ".join(str((rows["state"] == state).sum()) for state in ALERT_STATES)
        lines.append(f"| {cutoff} | {its['wape'].sum()} | {its['any'].sum()} | {ours} | {states} |")
    trained = cutoffs[::TRAIN_EVERY]
    return [*lines, "", *reasons(alerts[alerts["state"] == "open"], sales, warehouse.read(FORECASTS), trained), ""]


def bare_rules(warehouse: Warehouse) -> pd.DataFrame:
    """Return for every combination and week whether a bare rule would list it: `wape`, and `any` of the three.

    The limits are ours; neither volume nor naive forecasts nor lasting bias are asked for.
    """
    settings = Settings()
    metrics = warehouse.read(METRICS)
    rows = metrics[(metrics["level"] == "combination") & (metrics["step"] == POOLED_STEP)]
    rows = rows.sort_values([*KEY, "window_end"])
    weekly, rolling = rows[rows["window"] == "week"], rows[rows["window"] == "rolling"]
    is_wrong = (weekly["sum_abs_error"] > settings.alert_wape * weekly["sum_abs_actual"]).astype("float64")
    n_in_a_row = is_wrong.groupby([weekly[key] for key in KEY]).rolling(settings.alert_weeks).sum()
    wape = weekly[[*KEY, "window_end"]].assign(wape=n_in_a_row.droplevel([0, 1, 2]) >= settings.alert_weeks)
    bias = rolling["sum_error"].abs() > settings.alert_bias * rolling["sum_abs_actual"]
    other = rolling[[*KEY, "window_end"]].assign(other=bias | (rolling["coverage"] < settings.alert_coverage))
    both = wape.merge(other, on=[*KEY, "window_end"], how="outer").astype({"wape": "boolean", "other": "boolean"})
    both = both.fillna({"wape": False, "other": False})
    return both.assign(any=both["wape"] | both["other"])


def reasons(opened: pd.DataFrame, sales: Path, forecasts: pd.DataFrame, trained: list[date]) -> list[str]:
    """Return how often each reason was given, and how often the sales as they were delivered bear it out."""
    raw = pd.read_parquet(sales)
    raw = raw.assign(ds=pd.to_datetime(raw["date"]))
    sold, made = ({key: rows.sort_values("ds") for key, rows in frame.groupby(KEY)} for frame in (raw, forecasts))
    found = []
    for row in opened.to_dict("records"):
        key = tuple(row[name] for name in KEY)
        found.append(is_confirmed(row["reason"], facts_of(row["cutoff"], sold[key], made[key], trained)))
    rows = opened.assign(is_confirmed=found)
    lines = ["| reason of the alerts opened | wape | bias | coverage | confirmed |", "|---|---|---|---|---|"]
    for reason in REASONS:
        its = rows[rows["reason"] == reason]
        if len(its):
            n = " | ".join(str((its["rule"] == rule).sum()) for rule in COMBINATION_RULES)
            lines.append(f"| {reason} | {n} | {its['is_confirmed'].mean():.0%} |")
    return lines


def facts_of(end: pd.Timestamp, sold: pd.DataFrame, made: pd.DataFrame, trained: list[date]) -> dict[str, bool]:
    """Return what one sees by hand at the end of a window of five weeks: by reason, whether there is a case for it.

    `sold` has the sales as they were delivered, `made` the forecasts, `trained` the weeks in which all models were.
    """
    start = end - 4 * WEEK
    y = sold.set_index("ds")["quantity"].reindex(pd.date_range(sold["ds"].min(), end, freq="7D"), fill_value=0.0)
    usual, half = y[y.index < start].tail(26).mean(), y.tail(26)
    error = made[made["ds"].between(start, end)].set_index("ds")["yhat"].pipe(lambda yhat: yhat - y.loc[yhat.index])
    promoted = set(sold.loc[sold["Promo_discount_perc"] > 0, "ds"])
    surprised = error[error.index.isin(promoted) & (error < 0)].abs().sum()
    before_last = [week for week in trained if pd.Timestamp(week) < end]  # models of forecasts that are scored by now
    return {
        "promotion_without_plan": surprised >= 0.5 * error.abs().sum(),
        "level_shift": is_apart(y.tail(5), usual, y.tail(5).mean()) or is_apart(y.tail(2), usual, *y.tail(2)),
        "stale_model": end - pd.Timestamp(max(before_last)) >= 13 * WEEK,
        "low_volume": bool(half.mean() < 20 or (half == 0).sum() >= 13),
        "new_sku": len(y) < 26,
    }


def is_apart(weeks: pd.Series, usual: float, *levels: float) -> bool:
    """Return whether all the weeks lie on one side of what is usual, and each of the levels 1.5 times apart from it."""
    is_on_one_side = bool((weeks > usual).all() or (weeks < usual).all())
    return is_on_one_side and all(max(level, usual) >= 1.5 * min(level, usual) for level in levels)


def is_confirmed(reason: str, facts: dict[str, bool]) -> bool:
    """Return whether there is a case for the reason; for none, whether there is no case for any."""
    return not any(facts.values()) if reason == "unexplained" else bool(facts.get(reason, False))


if __name__ == "__main__":
    main()
