"""Boards for the tests of the dashboard: one to check by hand, and one as large as a business."""

from __future__ import annotations

import gzip
import json
import re
from base64 import b64decode
from dataclasses import replace
from datetime import date, datetime
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from skucast.core.combination import KEY
from skucast.core.run import Run
from skucast.core.tables.changes import PARTS
from skucast.core.tables.forecasts import COMPONENTS, FORECASTS
from skucast.core.tables.scorecard import BASELINES
from skucast.core.tables.validation import validate
from skucast.dashboard.board import Board
from skucast.scorecard.bridge import rolled_up
from skucast.scorecard.bridge_texts import why_of

Names = tuple[str, str, str]

CUTOFF = pd.Timestamp("2026-11-15")
PERM: Names = ("Пермь", "ON TRADE", "ЦУП00009752")
KAZAN: Names = ("Казань", "KA", "ЦУП00009753")
HORIZON = 4


def week(offset: int) -> pd.Timestamp:
    """Return the week so many weeks after the cutoff."""
    return CUTOFF + pd.Timedelta(weeks=offset)


def named(combination: Names) -> dict[str, str]:
    """Return the combination as columns of a row."""
    return dict(zip(KEY, combination, strict=True))


def frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return the rows with their weeks as datetime64[us]."""
    made = pd.DataFrame(rows)
    return made.astype({name: "datetime64[us]" for name in ("ds", "cutoff") if name in made})


def scored_row(combination: Names, offset: int, step: int, y: float, yhat: float) -> dict[str, Any]:
    """Return one scored forecast with an interval of 10 either way; its baselines are 5, 20 and 30 too high."""
    origin = {"cutoff": week(offset - step), **named(combination), "ds": week(offset), "step": step}
    interval = {"yhat": yhat, "yhat_lower": yhat - 10, "yhat_upper": yhat + 10}
    baselines = {"baseline_last_year": y + 5, "baseline_mean_4": y + 20, "baseline_last_week": y + 30}
    return {**origin, "y": y, **interval, **baselines}


def forecast_row(combination: Names, step: int, origin: int = 0, **other: Any) -> dict[str, Any]:
    """Return one forecast of the cutoff, or of one so many weeks after it: 100 of nothing but level."""
    return {
        "cutoff": week(origin),
        **named(combination),
        "ds": week(origin + step),
        "step": step,
        "is_open_week": step == 1,
        "yhat": 100.0,
        "yhat_lower": 80.0,
        "yhat_upper": 123.456,
        **dict.fromkeys(COMPONENTS, 0.0),
        "level": 100.0,
        "method": "mean_8",
        "status": "no_model",
        "promo_source": "none",
        "weather_source": "none",
        "data_cutoff": CUTOFF,
        "model_version": None,
        "model_cutoff": pd.NaT,
        "run_id": "predict-1",
        "created_at": CUTOFF,
        **other,
    }


def metric_row(combination: Names, **other: Any) -> dict[str, Any]:
    """Return a combination's metrics of the last four weeks, all steps pooled; only what the page reads."""
    window = {"window_start": week(-3), "window_end": week(0), "level": "combination", "step": 0}
    return {
        **window,
        **named(combination),
        "n_left_out": 0,
        "n_unpublished": 0,
        "abc_class": "A",
        "xyz_class": "X",
        **other,
    }


def alert_row(combination: Names, **other: Any) -> dict[str, Any]:
    """Return an alert about a combination's WAPE that has just been opened."""
    return {
        **named(combination),
        "alert_id": "wape-0123abcd",
        "state": "open",
        "rule": "wape",
        "reason": "level_shift",
        "message": "WAPE was above 70 % in two weeks in a row.",
        "evidence": "Sales fell from 200 to 100 a week.",
        "command": f"python retrain_models.py --target '{'/'.join(combination)}'",
        "gcloud_command": None,
        "opened": CUTOFF,
        "acknowledged_until": pd.NaT,
        "value": 0.9,
        "value_limit": 0.7,
        "lost_volume": 400.0,
        "n_open_weeks": 1,
        **other,
    }


def model_row(combination: Names, **other: Any) -> dict[str, Any]:
    """Return the registry's row of a model that is the mean of two."""
    settings = [{"target": "log1p", "lag_prior_scale": 10.0}, {"target": "log1p", "lag_prior_scale": 0.02}]
    return {
        **named(combination),
        "run_id": "train-1",
        "cutoff": CUTOFF,
        "outcome": "saved",
        "model_version": "2026-11-15-abc",
        "n_weeks": 104,
        "hyperparameters": json.dumps(settings),
        "tuning": None,
        "is_converged": True,
        "backtest_origins": 3,
        "backtest_wape": 0.123,
        "backtest_by_step": json.dumps({"1": 0.1, "2": 0.146}),
        "backtest_wape_last_year": 0.25,
        "backtest_promotions": "plan",
        **other,
    }


def run_row(job: str, hour: int, **other: Any) -> dict[str, Any]:
    """Return the record of a run that went well on 2026-11-18."""
    run_at = pd.Timestamp("2026-11-18") + pd.Timedelta(hours=hour)
    return {
        "run_id": f"{job}-{hour}",
        "job": job,
        "run_at": run_at,
        "cutoff": CUTOFF,
        "exit_code": 0,
        "error": None,
        "n_combinations": 2,
        "n_failed": 0,
        "n_rows": 8,
        "counts": json.dumps({"ok": 2}),
        "seconds": json.dumps({"all": 1.5}),
        "sources": None,
        **other,
    }


def monitoring_run() -> Run:
    """Return the run that makes the page."""
    run_at = datetime.fromisoformat("2026-11-19 21:00")
    return Run("monitor", "monitor-2026-11-20", run_at, date(2026, 11, 20), CUTOFF.date())


def small_board() -> Board:
    """Return two combinations, two scored weeks, four weeks ahead, a promotion and an unknown week."""
    scored = [scored_row(PERM, -1, 1, 120, 100), scored_row(PERM, 0, 1, 100, 104), scored_row(PERM, 0, 2, 100, 110)]
    history = [
        {**named(PERM), "ds": week(-1), "y": 120.0, "promo_discount_perc": 0.0, "promo_days": 0.0},
        {**named(PERM), "ds": week(0), "y": float("nan"), "promo_discount_perc": 25.0, "promo_days": 7.0},
    ]
    forecasts = [forecast_row(PERM, step) for step in range(1, HORIZON + 1)]
    return Board(
        run=monitoring_run(),
        actuals_through=date(2026, 11, 17),
        metrics=pd.DataFrame([metric_row(KAZAN, window_start=week(-1), n_left_out=2)]),
        scored=frame([*scored, scored_row(KAZAN, 0, 1, 12345.6, 20000)]),
        forecasts=validate(FORECASTS, frame(forecasts)),
        history=frame(history),
        plan=frame([{**named(PERM), "ds": week(2), "promo_discount_perc": 20.0, "promo_days": 5.0}]),
        holidays=frame([{"holiday": "Unity Day", "ds": week(-1)}, {"holiday": "New Year", "ds": week(7)}]),
        models=pd.DataFrame([model_row(PERM)]),
        alerts=pd.DataFrame([alert_row(PERM)]),
        runs=pd.DataFrame([run_row("predict", 1), run_row("monitor", 2)]),
    )


def without_rows(board: Board, **kept: pd.DataFrame) -> Board:
    """Return the board with all its frames empty but for those given."""
    names = ["metrics", "scored", "forecasts", "history", "plan", "holidays", "models", "alerts", "runs"]
    return replace(board, **{name: pd.DataFrame() for name in names} | kept)


def large_board(n_combinations: int, n_origins: int = 26) -> Board:
    """Return a business of seeded random sales and forecasts: four-week forecasts of so many origins, two years."""
    random = np.random.default_rng(7)
    names = [(f"Unit {n % 7}", f"Channel {n % 3}", f"ЦУП{n:08}") for n in range(n_combinations)]
    level = np.exp(random.normal(5, 1.5, n_combinations))
    keys = pd.DataFrame(names, columns=KEY).assign(level=level)
    past = _crossed(keys, pd.DataFrame({"ds": [week(-back) for back in range(104)]}))
    past["y"] = (past["level"] * random.normal(1, 0.2, len(past))).clip(lower=0)
    past["promo_discount_perc"] = np.where(random.random(len(past)) < 0.1, 20.0, 0.0)
    past["promo_days"] = past["promo_discount_perc"] / 4
    steps = [(week(1 - origin), step) for origin, step in product(range(1, n_origins + 1), range(1, HORIZON + 1))]
    ledger = _crossed(keys, pd.DataFrame(steps, columns=["cutoff", "step"]))
    ledger["ds"] = ledger["cutoff"] + pd.to_timedelta(7 * ledger["step"], unit="D")
    for name, middle in {"yhat_lower": 0.8, "yhat": 1.0, "yhat_upper": 1.2}.items():
        ledger[name] = ledger["level"] * middle * random.normal(1, 0.02, len(ledger))
    scored = ledger.merge(past[[*KEY, "ds", "y"]], on=[*KEY, "ds"])
    for name in BASELINES:
        scored[f"baseline_{name}"] = scored["level"] * random.normal(1, 0.25, len(scored))
    other = forecast_row(PERM, 1) | {"method": "prophet", "status": "ok", "model_version": "2026-11-15-abc"}
    rest = {name: other[name] for name in other if name not in ledger}
    components = {name: ledger["level"] * random.normal(0, 0.2, len(ledger)) for name in COMPONENTS}
    return replace(
        small_board(),
        metrics=pd.DataFrame([metric_row(combination) for combination in names]),
        scored=scored,
        forecasts=ledger.assign(**rest | components | {"is_open_week": ledger["step"] == 1}),
        history=past,
        plan=pd.DataFrame(),
        models=pd.DataFrame([model_row(combination) for combination in names]),
        alerts=pd.DataFrame([alert_row(combination) for combination in names[:20]]),
    )


def _crossed(keys: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    return keys.merge(others, how="cross")


# --- What a page holds ----------------------------------------------------------------------------------------------


def block(page: str, name: str) -> bytes:
    """Return what is packed in the page's script element of that id, as a browser finds it: up to the first end tag."""
    found = re.search(rf'<script type="[^"]*" id="{name}">(.*?)</script', page, re.DOTALL)
    assert found
    return gzip.decompress(b64decode(found[1], validate=True))


def embedded(page: str) -> dict[str, Any]:
    """Return the data the page's script would read, texts as they are and not as numbers."""
    data: dict[str, Any] = json.loads(block(page, "data"))
    return {name: decoded(table) if isinstance(table, dict) else table for name, table in data.items()}


def decoded(table: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a table with its repeated texts in full."""
    coded = {name: column for name, column in table.items() if isinstance(column, dict) and "of" in column}
    return table | {name: [column["of"][code] for code in column["at"]] for name, column in coded.items()}


def changes_of_board(board: Board) -> pd.DataFrame:
    """Return changes of two weeks of its combinations: 30 a week fewer by sales, of the first 10 more by its plan."""
    names = board.forecasts[KEY].drop_duplicates().to_numpy().tolist()
    plan = {"kind": "withdrawn", "depth_before": 20.0, "starts_on_before": "2026-11-20", "ends_on_before": "2026-11-25"}
    rows = []
    for number, (parts, step) in enumerate(product(names, (1, 2))):
        of_plan = -10.0 if number < 2 else 0.0
        found = dict.fromkeys(PARTS, 0.0) | {"new_sales": -30.0, "plan": of_plan}
        change = sum(found.values())
        ends = {"final_before": 200.0, "final": 200.0 + change, "change": change, "replaced": np.nan}
        of_sums = {"expected_before": 200.0, "expected": 200.0 + change, "expected_replaced": np.nan}
        facts = dict.fromkeys(["model_change", "method", "method_before", "status", "status_before"])
        facts |= {"new_weeks": 1}
        rows.append(
            {
                **dict(zip(KEY, parts, strict=True)),
                "ds": week(step),
                "previous_cutoff": week(-1),
                "sales_surprise": -50.0,
                "expected_surprise": -50.0,
                "plan_change": json.dumps([plan]) if of_plan else None,
                **ends,
                **of_sums,
                **found,
                **facts,
            }
        )
    made = rolled_up(frame(rows)).assign(cutoff=CUTOFF)
    return made.assign(why=why_of(made.assign(n_weeks=1)))


def revisions_of_board(board: Board) -> pd.DataFrame:
    """Return what two further runs changed: the first what `changes_of_board` has, at noon, and the second nothing."""
    changes = changes_of_board(board).drop(columns=["previous_cutoff", "sales_surprise", "replaced"])
    none = dict.fromkeys(["change", *PARTS], 0.0)
    sums = changes[changes["level"].isin(["total", "unit", "channel", "unit_channel"])]
    runs = [("first", 0, changes), ("second", 1, sums.assign(**none, final_before=sums["final"], plan_change=None))]
    return pd.concat(
        [
            rows.assign(
                run_id=name,
                replaced_run_id=f"before {name}",
                replaced_at=pd.Timestamp("2026-11-18 08:00") + pd.Timedelta(hours=4 * number),
                created_at=pd.Timestamp("2026-11-18 12:00") + pd.Timedelta(hours=4 * number),
            )
            for name, number, rows in runs
        ],
        ignore_index=True,
    )
