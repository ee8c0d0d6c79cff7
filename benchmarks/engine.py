"""What the engine gains: fits, posteriors, predictions, tuning and whole processes beside Prophet's own; for the docs.

    make bench DATA=folder     # the folder holds breakfast_weekly.parquet and walmart_weekly.parquet

Every row compares two things in one run on one machine. Where Prophet's side would take hours it is measured on a part
and scaled; the row says so.
"""

import argparse
import json
import os
import pickle
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from real_chain import DATASETS, ROOT, environment_of, sample, write_between
from threadpoolctl import threadpool_limits

from skucast.backends.store.local import LocalStore
from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.core.combination import KEY, Combination
from skucast.core.errors import ModelNotFound
from skucast.core.tables.every import TABLES
from skucast.core.tables.sales import SALES
from skucast.core.weeks import WeekClock
from skucast.entry.demo.sample import sample_lines
from skucast.forecast.artifact import loads
from skucast.forecast.forecasting import Horizon, forecast_all, start
from skucast.forecast.prophet.design import Design, WeekGrid, Window, design, week_grid, window
from skucast.forecast.prophet.fit import as_model, fit_window
from skucast.forecast.prophet.model import FittedModel
from skucast.forecast.prophet.prophet_object import history_frame, optimise, to_prophet, unfitted
from skucast.forecast.prophet.rollout import roll_forward_all
from skucast.forecast.prophet.solver import log_posterior, solve
from skucast.forecast.prophet.spec import LAG, ModelSpec
from skucast.forecast.prophet.tuning import GRIDS
from skucast.regressors.holidays import holiday_weeks
from skucast.regressors.promotions import PROMO_REGRESSORS
from skucast.sales.history import History, build_history, with_lag

NAMES = {table.label: table.name for table in TABLES}
HORIZON_WEEKS = 4
START, END = "<!-- engine:start -->", "<!-- engine:end -->"
SPECS = {"additive": ModelSpec(), "multiplicative": ModelSpec(seasonality_mode="multiplicative")}
TIMED_FITS = 40
LOOP_PART = 40
"""Combinations that Prophet's loop is measured on in this process; the whole loop is measured as a process."""

GRID_PART = 5
"""Combinations that Prophet's grid search is measured on."""


@dataclass(frozen=True)
class Case:
    """One series as a problem, and a model of it without parameters."""

    problem: Design
    blank: FittedModel


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the two Parquet files")
    parser.add_argument("--combinations", type=int, default=525)
    parser.add_argument("--only", nargs="*", help="names of parts (prints, leaves the docs alone)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(arguments.data, arguments.combinations, Path(folder))
        with threadpool_limits(limits=1):  # the processes it starts pin their own
            rows = [row for name, part in PARTS.items() if name in (arguments.only or PARTS) for row in part(bench)]
    lines = ["| what | ours | beside it | ratio |", "|---|---|---|---|", *rows]
    print("\n".join(lines))
    if not arguments.only:
        write_between(START, END, lines)


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


# --- fits -----------------------------------------------------------------------------------------------------------


def real_series(data: Path, name: str) -> Iterator[tuple[pd.DataFrame, WeekClock]]:
    """Yield every series of a data set that has 131 weeks, in a seeded order: ds, y and the promo regressors."""
    facts = DATASETS[name]
    clock = WeekClock(facts["anchor"])
    sales = pd.read_parquet(data / f"{name}_weekly.parquet").assign(ds=lambda rows: pd.to_datetime(rows["date"]))
    groups = [rows for _, rows in sales.groupby(KEY, sort=True)]
    for place in np.random.default_rng(1).permutation(len(groups)):
        rows = groups[place].set_index("ds").sort_index()
        weeks = pd.date_range(rows.index[0], rows.index[-1], freq="7D")
        if len(weeks) > 130:
            rows = rows.reindex(weeks)
            yield (
                pd.DataFrame(
                    {
                        "ds": weeks,
                        "y": rows["quantity"].fillna(0.0).clip(lower=0.0).to_numpy(),
                        "promo_discount_perc": rows["Promo_discount_perc"].fillna(0.0).to_numpy(),
                        "promo_days": 7.0 * (rows["is_promo"].fillna(0) > 0).to_numpy(),
                    }
                ),
                clock,
            )


def sample_series() -> Iterator[tuple[pd.DataFrame, WeekClock]]:
    """Yield the series of the sample distributor that are long enough."""
    clock, cutoff = WeekClock(), date(2026, 11, 22)
    with tempfile.TemporaryDirectory() as folder:
        warehouse = DuckDBWarehouse(Path(folder) / "w.duckdb", NAMES)
        from skucast.core.run import Run

        run = Run("bench", "bench", pd.Timestamp(cutoff).to_pydatetime(), cutoff, cutoff)
        warehouse.append_once(SALES, sample_lines(cutoff), batch_id="sample", source="sample", run=run)
        history = build_history(warehouse.weekly_sales(clock, cutoff), clock, cutoff)
    for _, weeks in history.split():
        if len(weeks) > 100:
            yield weeks[["ds", "y", *PROMO_REGRESSORS]], clock


def cases(series: Sequence[tuple[pd.DataFrame, WeekClock]], n_weeks: int, spec: ModelSpec) -> list[Case]:
    """Return the last weeks of the series as problems."""
    found = []
    for weeks, clock in series:
        last = with_lag(weeks.tail(n_weeks + 1).reset_index(drop=True))
        grid = _grid(last, clock)
        known = window(last, PROMO_REGRESSORS, grid)
        found.append(Case(design(known, grid, spec), _blank(known, grid, spec)))
    return found


def _grid(weeks: pd.DataFrame, clock: WeekClock) -> WeekGrid:
    first, last = weeks["ds"].iloc[0].date(), weeks["ds"].iloc[-1].date() + timedelta(weeks=26)
    holidays = holiday_weeks("RU" if clock.anchor == "SUN" else "US", first, last, clock)
    return week_grid(np.datetime64(first), np.datetime64(last), holidays)


def _blank(known: Window, grid: WeekGrid, spec: ModelSpec) -> FittedModel:
    problem = design(known, grid, spec)
    n_params = 2 + problem.X.shape[1] + len(problem.changepoints)
    return as_model(problem, known, grid, spec, np.zeros(n_params), 1.0)


def fits(bench: Bench) -> Iterator[str]:
    """Time `design` + `solve` beside `Prophet.fit`, one thread each, on the same series."""
    series = [each for each, _ in zip(real_series(bench.data, "breakfast"), range(TIMED_FITS), strict=False)]
    for mode, spec in SPECS.items():
        for n_weeks in (130, 80):
            windows = []
            for weeks, clock in series:
                last = with_lag(weeks.tail(n_weeks + 1).reset_index(drop=True))
                grid = _grid(last, clock)
                windows.append((window(last, PROMO_REGRESSORS, grid), grid))
            solve(design(*windows[0], spec), spec)  # compiled, as in an image
            ours = _median([lambda pair=pair, spec=spec: solve(design(*pair, spec), spec) for pair in windows])
            blanks = [_blank(known, grid, spec) for known, grid in windows]
            theirs = _median([lambda blank=blank: optimise(blank) for blank in blanks])
            yield _row(
                f"fit, {n_weeks} weeks, {mode} (median of {len(windows)})", f"{ours * 1e3:.2f} ms",
                f"`Prophet.fit`: {theirs * 1e3:.0f} ms", theirs / ours,
            )  # fmt: skip


def _median(calls: Sequence[Callable[[], object]]) -> float:
    seconds = []
    for call in calls:
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def posteriors(bench: Bench) -> Iterator[str]:
    """Compare log posteriors with CmdStan's on more than 500 series."""
    series = list(sample_series())
    for name in DATASETS:
        series += [each for each, _ in zip(real_series(bench.data, name), range(235), strict=False)]
    for mode, spec in SPECS.items():
        gains = []
        for case in cases(series, 130, spec):
            params, sigma = optimise(case.blank)
            found = solve(case.problem, spec)
            gains.append(found.log_posterior - log_posterior(case.problem, spec, params, sigma**2))
        gained = np.array(gains)
        yield _row(
            f"log posterior minus CmdStan's, {mode}, {len(gained)} series",
            f"median {np.median(gained):+.3f} nats, least {gained.min():+.4f}",
            f"above -0.001 on {(gained > -0.001).mean():.1%}, above 0 on {(gained > 0).mean():.1%}", None,
        )  # fmt: skip


# --- prediction -----------------------------------------------------------------------------------------------------


def train(bench: Bench, tune: str) -> float:
    """Train all combinations anew and return the seconds of the process."""
    return bench.process("run_all_skus.py", "--force", TUNE=tune)[0]


def predictions(bench: Bench) -> Iterator[str]:
    """Time the weekly prediction beside the loop over pickled Prophet objects."""
    train(bench, "fast")
    history = bench.history()
    weeks = dict(history.split())
    store = LocalStore(bench.folder / "models")
    horizon = Horizon(bench.clock, bench.origin, bench.origin, bench.origin, HORIZON_WEEKS, 26, 13, 500)

    def ours() -> None:
        found = {name: loads(live.payload) for name, live in store.load_many(store.stored()).items()}
        forecast_all([start(name, weeks[name], found[name], horizon) for name in found], horizon, _nobody)

    ours()
    seconds = _median([ours] * 3)
    pickles = bench.folder / "prophet"
    pickles.mkdir()
    known = store.stored()
    for place, combination in enumerate(known):
        model = next(
            (m for m in loads(store.load(combination).payload).models if m.spec.target == "sales"),
            loads(store.load(combination).payload).models[0],
        )
        rows = {"prophet": to_prophet(model), "last": float(weeks[combination]["y"].iloc[-1])}
        (pickles / f"{place}.pkl").write_bytes(pickle.dumps(rows))
    part = sorted(pickles.iterdir())[:LOOP_PART]
    loop = _median([lambda: prophet_loop(part, bench.origin)]) * len(known) / len(part)
    yield _row(
        f"weekly prediction, {len(known)} series x {HORIZON_WEEKS} steps with intervals, models from the local store",
        f"{seconds:.2f} s", f"unpickle and 4 x `predict`: {loop:.0f} s (measured on {len(part)}, scaled)",
        loop / seconds,
    )  # fmt: skip
    whole, _ = bench.process("predict_weekly.py")
    theirs, _ = bench.process("-c", LOOP_PROCESS, str(pickles), str(bench.origin))
    yield _row(
        f"`predict_weekly.py`, the whole process, {bench.n} combinations, local default", f"{whole:.1f} s",
        f"the loop as a process: {theirs:.0f} s", theirs / whole,
    )  # fmt: skip


def _nobody(_: Combination) -> None:
    raise AssertionError("a model gave no number")


LOOP_PROCESS = """
import sys
from datetime import date
from pathlib import Path
from engine import prophet_loop
prophet_loop(sorted(Path(sys.argv[1]).iterdir()), date.fromisoformat(sys.argv[2]))
"""


def prophet_loop(paths: Sequence[Path], origin: date) -> None:
    """Unpickle each Prophet object and predict week by week, each yhat the next lag: what a first version does."""
    for path in paths:
        rows = pickle.loads(path.read_bytes())
        lag = rows["last"]
        for step in range(1, HORIZON_WEEKS + 1):
            week = {"ds": [pd.Timestamp(origin + timedelta(weeks=step))], LAG: [lag]}
            future = pd.DataFrame(week | {name: [0.0] for name in PROMO_REGRESSORS})
            lag = max(0.0, float(rows["prophet"].predict(future)["yhat"].iloc[0]))


# --- tuning ---------------------------------------------------------------------------------------------------------


def tuning(bench: Bench) -> Iterator[str]:
    """Time `run_all_skus.py` with either grid; the fast one beside Prophet's own grid search."""
    fast = train(bench, "fast")
    theirs = prophet_search(bench) * bench.n / GRID_PART / (os.cpu_count() or 1)
    yield _row(
        f"`run_all_skus.py`, {bench.n} combinations, TUNE=fast, {os.cpu_count()} cores", f"{fast:.0f} s",
        f"Prophet fitting and predicting the same points: {theirs / 3600:.1f} h "
        f"(measured on {GRID_PART} combinations, scaled, all cores)", theirs / fast,
    )  # fmt: skip
    full = train(bench, "full")
    yield _row(
        f"the same, TUNE=full (900 settings and more), {os.cpu_count()} cores", f"{full / 60:.1f} min", "-", None
    )


def prophet_search(bench: Bench) -> float:
    """Fit and predict every setting of the fast grid with Prophet at one of six origins; return seconds for all six."""
    series = [weeks for _, weeks in bench.history().split() if len(weeks) > 110][:GRID_PART]
    started = time.perf_counter()
    for weeks in series:
        past = with_lag(weeks.iloc[:-12])
        grid = _grid(past, bench.clock)
        known = window(past, PROMO_REGRESSORS, grid)
        for spec in GRIDS["fast"](ModelSpec()):
            blank = _blank(known, grid, spec)
            prophet = unfitted(blank)
            prophet.fit(history_frame(blank))
            prophet.uncertainty_samples = 0
            for step in range(1, HORIZON_WEEKS + 1):
                week = {"ds": [past["ds"].iloc[-1] + pd.Timedelta(weeks=step)], LAG: [1.0]}
                prophet.predict(pd.DataFrame(week | {name: [0.0] for name in PROMO_REGRESSORS}))
    return 6 * (time.perf_counter() - started)


# --- size -----------------------------------------------------------------------------------------------------------


def size(bench: Bench) -> Iterator[str]:
    """Predict 20,000 combinations, and monitor four weeks of it: the same sales and models under other names."""
    n = 20_000
    copies = -(-n // bench.n)
    sales = pd.read_parquet(bench.folder / "walmart_weekly.parquet")
    many = pd.concat([sales.assign(unit=sales["unit"] + f" {copy:02d}") for copy in range(copies)])
    names = many[KEY].drop_duplicates().iloc[:n]
    many = many.merge(names, on=KEY)
    target = bench.folder / "many"
    target.mkdir()
    many.to_parquet(target / "many.parquet")
    places = {"WAREHOUSE": f"duckdb:{target}/w.duckdb", "MODEL_STORE": f"{target}/models"}
    bench.process("-m", "skucast", "load", str(target / "many.parquet"), "--table", "sales", **places)
    _copy_models(bench, names, target / "models")
    what = f"`predict_weekly.py`, {len(names):,} combinations"
    yield _row(what, _seconds_and_peak(bench, "predict_weekly.py", places), "-", None)
    for week in range(1, HORIZON_WEEKS):
        bench.process("predict_weekly.py", **places, AS_OF=_day_after(bench, week))
    places["AS_OF"] = _day_after(bench, HORIZON_WEEKS)
    what = f"`monitor_performance.py` of the same, {HORIZON_WEEKS} weeks predicted, all scored for the first time"
    yield _row(what, _seconds_and_peak(bench, "monitor_performance.py", places), "-", None)
    shutil.rmtree(target)


def _seconds_and_peak(bench: Bench, script: str, places: dict[str, str]) -> str:
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    seconds, peak = bench.process(script, **places)
    return f"{seconds:.0f} s, {'peak' if peak > before else 'peak at most'} {peak:.1f} GiB"


def _day_after(bench: Bench, week: int) -> str:
    """The day after the end of that week after the origin."""
    return str(bench.origin + timedelta(weeks=week, days=1))


def _copy_models(bench: Bench, names: pd.DataFrame, target: Path) -> None:
    """Store the trained models again under the names of their copies."""
    from skucast.forecast.artifact import dumps

    store, copies = LocalStore(bench.folder / "models"), LocalStore(target)
    for unit, channel, sku in names.itertuples(index=False, name=None):
        original = Combination(unit[:-3], channel, sku)
        path = target / Combination(unit, channel, sku).path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            stored = loads(store.load(original).payload)
        except ModelNotFound:  # inactive or short
            continue
        card = type(stored.card)(**{**vars(stored.card), "combination": f"{unit}/{channel}/{sku}"})
        path.write_bytes(dumps(stored.models, card).payload)
    assert copies.stored(), "train first: `size` needs the models of `predictions`"


# --- peers ----------------------------------------------------------------------------------------------------------

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
        yield _row(
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


def _row(what: str, ours: str, theirs: str, ratio: float | None) -> str:
    row = f"| {what} | {ours} | {theirs} | {'' if ratio is None else f'{ratio:,.0f} x'} |"
    print(row, file=sys.stderr, flush=True)
    return row


PARTS: dict[str, Callable[[Bench], Iterator[str]]] = {
    "fits": fits,
    "posteriors": posteriors,
    "predictions": predictions,
    "size": size,
    "tuning": tuning,
    "peers": peers,
}


if __name__ == "__main__":
    main()
