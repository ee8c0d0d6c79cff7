"""Tuning beside Prophet's own grid search, and a fit with forecast beside StatsForecast's models."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np
import pandas as pd
from engine_bench import HORIZON_WEEKS, Bench, row, train
from engine_fits import blank_of, grid_of

from skucast.forecast.prophet.as_published import history_frame
from skucast.forecast.prophet.design import week_grid, window
from skucast.forecast.prophet.fit import fit_window
from skucast.forecast.prophet.prophet_object import unfitted
from skucast.forecast.prophet.rollout import roll_forward_all
from skucast.forecast.prophet.spec import LAG, ModelSpec
from skucast.forecast.prophet.tuning import GRIDS
from skucast.regressors.holidays import holiday_weeks
from skucast.regressors.promotions import PROMO_REGRESSORS
from skucast.sales.history import with_lag

GRID_PART = 5
"""Combinations that Prophet's grid search is measured on."""


def tuning(bench: Bench) -> Iterator[str]:
    """Time `run_all_skus.py` with either grid; the fast one beside Prophet's own grid search."""
    fast = train(bench, "fast")
    theirs = prophet_search(bench) * bench.n / GRID_PART / (os.cpu_count() or 1)
    yield row(
        f"`run_all_skus.py`, {bench.n} combinations, TUNE=fast, {os.cpu_count()} cores", f"{fast:.0f} s",
        f"Prophet fitting and predicting the same points: {theirs / 3600:.1f} h "
        f"(measured on {GRID_PART} combinations, scaled, all cores)", theirs / fast,
    )  # fmt: skip
    full = train(bench, "full")
    yield row(f"the same, TUNE=full (900 settings and more), {os.cpu_count()} cores", f"{full / 60:.1f} min", "-", None)


def prophet_search(bench: Bench) -> float:
    """Fit and predict every setting of the fast grid with Prophet at one of six origins; return seconds for all six."""
    series = [weeks for _, weeks in bench.history().split() if len(weeks) > 110][:GRID_PART]
    started = time.perf_counter()
    for weeks in series:
        past = with_lag(weeks.iloc[:-12])
        grid = grid_of(past, bench.clock)
        known = window(past, PROMO_REGRESSORS, grid)
        for spec in GRIDS["fast"](ModelSpec()):
            blank = blank_of(known, grid, spec)
            prophet = unfitted(blank)
            prophet.fit(history_frame(blank))
            prophet.uncertainty_samples = 0
            for step in range(1, HORIZON_WEEKS + 1):
                week = {"ds": [past["ds"].iloc[-1] + pd.Timedelta(weeks=step)], LAG: [1.0]}
                prophet.predict(pd.DataFrame(week | {name: [0.0] for name in PROMO_REGRESSORS}))
    return 6 * (time.perf_counter() - started)


PEERS = """
import json, sys, time
import pandas as pd
from statsforecast import StatsForecast
from statsforecast.models import AutoARIMA, AutoETS
frame = pd.read_csv(sys.argv[1], parse_dates=["ds"])
seconds = {}
for name, model in {"AutoETS": AutoETS(season_length=1), "AutoARIMA": AutoARIMA(season_length=1)}.items():
    StatsForecast(models=[model], freq="W-FRI", n_jobs=1).forecast(df=frame[frame.unique_id == 0], h=4, level=[80])
    started = time.perf_counter()
    StatsForecast(models=[model], freq="W-FRI", n_jobs=2).forecast(df=frame, h=4, level=[80])
    seconds[name] = time.perf_counter() - started
print(json.dumps(seconds))
"""


def peers(bench: Bench) -> Iterator[str]:
    """Time StatsForecast's AutoETS and AutoARIMA on the same series, in an environment of their own."""
    venv = bench.folder / "peers"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    pip = [str(venv / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "statsforecast"], check=True)
    frame = pd.concat(
        [
            weeks[["ds", "y"]].fillna(0.0).assign(unique_id=place)
            for place, (_, weeks) in enumerate(bench.history().split())
        ]
    )
    path = bench.folder / "series.csv"
    frame.to_csv(path, index=False)
    command = [str(venv / "bin" / "python"), "-c", PEERS, str(path)]
    seconds = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
    ours = _fit_and_forecast(bench)
    for name, value in seconds.items():
        yield row(
            f"one fit and a forecast with interval for each of {bench.n} series", f"{ours:.2f} s, one core",
            f"StatsForecast {name} without season, the same, two cores: {value:.1f} s", value / ours,
        )  # fmt: skip


def _fit_and_forecast(bench: Bench) -> float:
    history = bench.history()
    first = history.weeks["ds"].min().date()
    holidays = holiday_weeks("US", first, bench.origin, bench.clock)
    grid = week_grid(np.datetime64(first), np.datetime64(bench.origin), holidays)
    windows = [
        window(with_lag(weeks), PROMO_REGRESSORS, grid) for _, weeks in history.split() if weeks["y"].notna().sum() > 13
    ]
    ds = np.array(bench.clock.targets(bench.origin, HORIZON_WEEKS), dtype="datetime64[D]")
    started = time.perf_counter()
    models = [fit_window(known, grid, ModelSpec()) for known in windows]
    n = len(models)
    none = {name: np.zeros((n, HORIZON_WEEKS)) for name in PROMO_REGRESSORS}
    roll_forward_all(models, ds, none, np.array([known.y[-1] for known in windows]), list(range(n)), 500)
    return time.perf_counter() - started
