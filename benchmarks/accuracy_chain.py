"""What the product publishes: at each origin the real scripts load, train and predict, from nothing but what is known.

Models and evidence of past origins stay from origin to origin, as they do in service. The plan of promotions is whole
and was known eight weeks ahead, at past origins too.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pandas as pd
from accuracy_data import COUNTRY, KEY, Given
from accuracy_ours import ROOT, settings_of, specified
from accuracy_peers import Contender

from skucast.backends.warehouse.opening import open_warehouse
from skucast.core.tables.contract import ALL
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.sales import PROMOTIONS
from skucast.entry.app import start_run

KNOWN_AHEAD = pd.Timedelta(weeks=8)
COLUMNS = {
    "yhat": "yhat",
    "yhat_lower": "lower",
    "yhat_upper": "upper",
    "yhat_mean": "mean",
    "yhat_prophet": "prophet",
    "yhat_panel": "panel",
    "yhat_panel_log": "panel_log",
}


PARTS = {
    "ours_prophet": ("ours: Prophet, tuned", "prophet"),
    "ours_panel": ("ours: panel, absolute error", "panel"),
    "ours_panel_log": ("ours: panel, logs", "panel_log"),
}


def ours(folder: Path) -> list[Contender]:
    """Return all that is ours; `folder` keeps the models of the chain."""
    published = chain(folder / "models")
    return [
        specified(),
        Contender("ours_blend", "ours: blend", "what the product publishes, all settings as by default", published),
        *(
            Contender(name, label, "a component of the blend, as it is stored beside it", published, ("ours_blend", of))
            for name, (label, of) in PARTS.items()
        ),
    ]


def chain(store: Path) -> Callable[[Given], pd.DataFrame]:
    """Return what runs the scripts at one origin and gives what was published; `store` keeps the models."""
    return lambda given: _published(given, store)


def _published(given: Given, store: Path) -> pd.DataFrame:
    with tempfile.TemporaryDirectory() as folder:
        warehouse = f"duckdb:{folder}/warehouse.duckdb"
        environment = {
            **os.environ,
            "WAREHOUSE": warehouse,
            "MODEL_STORE": str(store),
            "STAGING": f"{folder}/staging",
            "WEEK_ANCHOR": given.anchor,
            "SALES_GRAIN": "week",
            "HOLIDAY_COUNTRY": COUNTRY,
            "PYTHONPATH": str(ROOT / "src"),
        }
        sales = Path(folder, "sales.parquet")
        sales_of(given).to_parquet(sales)
        _script(["-m", "skucast", "load", str(sales), "--table", "sales"], environment)
        settings = settings_of(given, warehouse=warehouse, staging=f"{folder}/staging")
        tables = open_warehouse(settings)
        run = start_run("load", settings)
        tables.append_once(PROMOTIONS, plan_of(given), batch_id="true", source="true", run=run)
        as_of = ["--as-of", str(given.origin.date() + timedelta(days=1))]
        _script(["run_all_skus.py", *as_of], environment)
        _script(["predict_weekly.py", *as_of], environment)
        rows = open_warehouse(settings).read(FORECASTS)
    found = rows.rename(columns=COLUMNS).merge(given.series, on=KEY)
    kept = [name for name in COLUMNS.values() if name in found]
    return found[["unique_id", "ds", *kept]].astype(dict.fromkeys(kept, "float64"))


def sales_of(given: Given) -> pd.DataFrame:
    """Return the sales as a file has them: weeks of nothing have no row."""
    rows = given.known[(given.known["y"] > 0) | (given.known["promo_days"] > 0)].merge(given.series, on="unique_id")
    return rows[KEY].assign(
        date=rows["ds"].dt.date,
        quantity=rows["y"],
        Promo_discount_perc=rows["depth"].where(rows["promo_days"] > 0),  # 0 = a display: its depth is known
        is_promo=rows["promo_days"] > 0,
    )


def plan_of(given: Given) -> pd.DataFrame:
    """Return a row per promotion, past ones too, and one that says that there are no others."""
    both = pd.concat([given.known, given.ahead]).merge(given.series, on="unique_id")
    promoted = both[both["promo_days"] > 0]
    rows = promoted[KEY].assign(
        starts_on=promoted["ds"] - pd.Timedelta(days=6),
        ends_on=promoted["ds"],
        discount_perc=promoted["depth"],
        known_from=promoted["ds"] - KNOWN_AHEAD,
        plan_id="true " + promoted["ds"].dt.strftime("%Y-%m-%d"),
        is_promo=True,
    )
    first, last = both["ds"].min(), both["ds"].max() + KNOWN_AHEAD
    complete = {**dict.fromkeys(KEY, ALL), "starts_on": first - pd.Timedelta(days=6), "ends_on": last}
    complete |= {"known_from": first - KNOWN_AHEAD, "plan_id": "complete", "discount_perc": None, "is_promo": None}
    found = pd.concat([pd.DataFrame([complete]), rows], ignore_index=True)
    known = [column.name for column in PROMOTIONS.columns if column.name in found]
    return found.assign(**{name: found[name].dt.date for name in ("starts_on", "ends_on")})[known]


def _script(command: list[str], environment: dict[str, str]) -> None:
    subprocess.run([sys.executable, *command], check=True, env=environment, cwd=ROOT)
