"""Faults planted in the last week's data, one at a time: does the look before publishing stop them, with nothing else?

The delivery check bridges what is missing; so that the gate stands alone, what is missing is planted as zeros.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pandas as pd
from gate_replay import Replay

from skucast.backends.warehouse.opening import open_warehouse
from skucast.core.tables.contract import ALL
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.records import RUNS
from skucast.core.tables.sales import PROMOTIONS, SALES
from skucast.core.weeks import WEEK
from skucast.entry.app import main as run_script
from skucast.entry.app import start_run
from skucast.runtime.settings import Settings

MATTERS = 0.1
"""Share by which a unit's forecast must be wrong to count as a fault that was published."""


@dataclass(frozen=True)
class Fault:
    """What is done to the sales (SQL with `$unit`, `$week`) or to the plan (rows for the unit or all units)."""

    name: str
    sql: str = ""
    discount: float = 0.0
    is_of_all: bool = False


AGAIN = f"INSERT INTO {SALES.name} SELECT * FROM {SALES.name} WHERE "
SET = f"UPDATE {SALES.name} SET "
FAULTS = (
    Fault("none: the week as it was"),
    Fault("a unit's newest week is missing and counts as 0", SET + "quantity = 0 WHERE unit = $unit AND date = $week"),
    Fault(
        "of a unit's newest week 3 days of 7", SET + "quantity = quantity * 3 / 7 WHERE unit = $unit AND date = $week"
    ),
    Fault("days cut in UTC: every unit lacks the last of 7", SET + "quantity = quantity * 6 / 7 WHERE date = $week"),
    Fault("the newest week loaded twice", AGAIN + "date = $week"),
    Fault("the newest week of one unit loaded twice", AGAIN + "date = $week AND unit = $unit"),
    Fault("overlapping exports: eight weeks twice", AGAIN + "date > $week - INTERVAL 56 DAY AND date <= $week"),
    Fault("everything loaded twice", AGAIN + "true"),
    Fault(
        "one line of 1,000,000 pieces", SET + "quantity = 1000000 WHERE unit = $unit AND date = $week AND SKU_ID = $sku"
    ),
    Fault("a reload without one unit", f"DELETE FROM {SALES.name} WHERE unit = $unit"),
    Fault(
        "stock rule: a unit's 13 weeks count as 0",
        SET + "quantity = 0 WHERE unit = $unit AND date > $week - INTERVAL 91 DAY",
    ),
    Fault(
        "a unit's newest week under a look-alike name",
        SET + "unit = replace(unit, 'o', chr(1086)) WHERE unit = $unit AND date = $week",
    ),
    Fault(
        "discounts of one unit as fractions, 26 weeks",
        SET + "Promo_discount_perc = Promo_discount_perc / 100 WHERE unit = $unit AND date > $week - INTERVAL 182 DAY",
    ),
    Fault("plan: a price, 89.9, as the discount of a unit's articles", discount=89.9),
    Fault("plan: a hidden sheet's 40 % on everything", discount=40.0, is_of_all=True),
)


def outcome_of(fault: Fault, base: Path, week: date, folder: Path) -> tuple[bool, pd.Series]:
    """Return whether the week's prediction is stopped by the gate, and the unit totals that it has published."""
    place = copied(base, folder)
    if fault.sql:
        plant(place, fault, week)
    if fault.discount:
        plan(fault, week, place)
    code = run_script("predict", "", ["--as-of", str(week + timedelta(days=1))])
    warehouse = open_warehouse(Settings())
    runs = warehouse.read(RUNS).sort_values("run_at", kind="stable")
    error = str(runs.iloc[-1]["error"])
    if code and "MAX_JUMP" not in error:
        raise SystemExit(f"{fault.name}: {error}")
    rows = warehouse.read(FORECASTS, since={"cutoff": week}, until={"cutoff": week})
    return bool(code), rows.groupby("unit")["yhat"].sum()


def base_of(replay: Replay, week: date, folder: Path) -> Path:
    """Return the warehouse as it was before the week's prediction, the last one made with the gate on."""
    place = copied(replay.folder / "warehouse.duckdb", folder, "base.duckdb")
    with duckdb.connect(str(place)) as connection:
        for table in (FORECASTS.name, RUNS.name):
            connection.execute(f"DELETE FROM {table} WHERE cutoff >= ?", [week - WEEK])
    if run_script("predict", "", ["--as-of", str(week - WEEK + timedelta(days=1))]):
        raise SystemExit(f"the sound week {week - WEEK} was stopped")
    return place


def copied(source: Path, folder: Path, name: str = "warehouse.duckdb") -> Path:
    place = folder / name
    shutil.copy(source, place)
    os.environ["WAREHOUSE"] = f"duckdb:{place}"
    return place


def plant(place: Path, fault: Fault, week: date) -> None:
    with duckdb.connect(str(place)) as connection:
        values = {"unit": unit_of(connection, week), "week": week}
        values["sku"] = sku_of(connection, values["unit"], week)
        connection.execute(fault.sql, {name: value for name, value in values.items() if f"${name}" in fault.sql})


def unit_of(connection: duckdb.DuckDBPyConnection, week: date) -> str:
    """Return the unit in the middle by what it sold in the week."""
    found = connection.execute(
        f"SELECT unit FROM {SALES.name} WHERE date = ? GROUP BY unit ORDER BY sum(quantity)",
        [week],
    ).fetchall()
    return str(found[len(found) // 2][0])


def sku_of(connection: duckdb.DuckDBPyConnection, unit: str, week: date) -> str:
    """Return the article of the unit that sold most in the week."""
    (found,) = connection.execute(
        f"SELECT arg_max(SKU_ID, quantity) FROM {SALES.name} WHERE unit = ? AND date = ?",
        [unit, week],
    ).fetchone() or ("",)
    return str(found)


def plan(fault: Fault, week: date, place: Path) -> None:
    settings = Settings()
    with duckdb.connect(str(place), read_only=True) as connection:
        unit = ALL if fault.is_of_all else unit_of(connection, week)
    row = {"unit": unit, "channel": ALL, "SKU_ID": ALL, "starts_on": week + timedelta(days=1), "plan_id": "fault"}
    row |= {"ends_on": week + 4 * WEEK, "discount_perc": fault.discount, "known_from": pd.Timestamp(week)}
    open_warehouse(settings).append_once(
        PROMOTIONS, pd.DataFrame([row]), batch_id=fault.name, source=fault.name, run=start_run("load", settings)
    )


def faults_of(replay: Replay, weeks: list[date], folder: Path, say: Callable[[str], None]) -> pd.DataFrame:
    """Return one row per fault and week: `stopped`, and `change`, the largest of a unit's published forecast."""
    found = []
    for week in weeks:
        replay.use()
        base = base_of(replay, week, folder)
        sound = pd.Series(dtype="float64")
        for fault in FAULTS:
            stopped, totals = outcome_of(fault, base, week, folder)
            sound = totals if not (fault.sql or fault.discount) else sound
            change = float((totals / sound - 1).abs().max()) if len(totals) else float("nan")
            found.append({"fault": fault.name, "week": week, "stopped": stopped, "change": change})
            say(f"{replay.name} {week} {fault.name}: stopped {stopped}, change {change:.0%}")
    return pd.DataFrame(found)
