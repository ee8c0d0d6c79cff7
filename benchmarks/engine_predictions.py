"""The weekly prediction beside a loop over pickled Prophet objects, and the jobs with 20,000 combinations."""

import pickle
import resource
import shutil
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
from engine_bench import HORIZON_WEEKS, Bench, median, row, train

from skucast.backends.store.local import LocalStore
from skucast.core.combination import KEY, Combination
from skucast.core.errors import ModelNotFound
from skucast.forecast.artifact import loads
from skucast.forecast.forecasting import Horizon, forecast_all, start
from skucast.forecast.prophet.prophet_object import to_prophet
from skucast.forecast.prophet.spec import LAG
from skucast.regressors.promotions import PROMO_REGRESSORS

LOOP_PART = 40
"""Combinations that Prophet's loop is measured on in this process; the whole loop is measured as a process."""


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
    seconds = median([ours] * 3)
    pickles = bench.folder / "prophet"
    pickles.mkdir()
    known = store.stored()
    for place, combination in enumerate(known):
        model = next(
            (m for m in loads(store.load(combination).payload).models if m.spec.target == "sales"),
            loads(store.load(combination).payload).models[0],
        )
        rows = {"prophet": to_prophet(model).prophet, "last": float(weeks[combination]["y"].iloc[-1])}
        (pickles / f"{place}.pkl").write_bytes(pickle.dumps(rows))
    part = sorted(pickles.iterdir())[:LOOP_PART]
    loop = median([lambda: prophet_loop(part, bench.origin)]) * len(known) / len(part)
    yield row(
        f"weekly prediction, {len(known)} series x {HORIZON_WEEKS} steps with intervals, models from the local store",
        f"{seconds:.2f} s", f"unpickle and 4 x `predict`: {loop:.0f} s (measured on {len(part)}, scaled)",
        loop / seconds,
    )  # fmt: skip
    whole, _ = bench.process("predict_weekly.py")
    theirs, _ = bench.process("-c", LOOP_PROCESS, str(pickles), str(bench.origin))
    yield row(
        f"`predict_weekly.py`, the whole process, {bench.n} combinations, local default", f"{whole:.1f} s",
        f"the loop as a process: {theirs:.0f} s", theirs / whole,
    )  # fmt: skip


def _nobody(_: Combination) -> None:
    raise AssertionError("a model gave no number")


LOOP_PROCESS = """
import sys
from datetime import date
from pathlib import Path
from engine_predictions import prophet_loop
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
    yield row(what, _seconds_and_peak(bench, "predict_weekly.py", places), "-", None)
    for week in range(1, HORIZON_WEEKS):
        bench.process("predict_weekly.py", **places, AS_OF=_day_after(bench, week))
    places["AS_OF"] = _day_after(bench, HORIZON_WEEKS)
    what = f"`monitor_performance.py` of the same, {HORIZON_WEEKS} weeks predicted, all scored for the first time"
    yield row(what, _seconds_and_peak(bench, "monitor_performance.py", places), "-", None)
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
