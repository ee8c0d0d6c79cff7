"""Short and seldom selling histories: how near the forecast without a model comes, and what its interval holds.

    python benchmarks/short.py --data folder

From half the series of each data set, by the check sum of their names (the other half chose the constants): their
first 6 to 25 weeks, of which the four weeks after are forecast; and pieces of 8 to 79 weeks in which most sold nothing.
None reaches into the last 24 weeks. Seconds are of the processor.
"""

import argparse
import sys
import time
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from real_chain import write_between

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from skucast.core.combination import KEY
from skucast.core.weeks import WEEK
from skucast.forecast.short import fallback

DATASETS = ("breakfast", "walmart")
START, END = "<!-- short:start -->", "<!-- short:end -->"
STEPS = 4
LEFT_OUT_WEEKS = 24
MOST = 1000
SEED = 7
LENGTHS = ((6, 9), (10, 14), (15, 19), (20, 25))


@dataclass(frozen=True)
class Piece:
    known: np.ndarray
    coming: np.ndarray


@dataclass(frozen=True)
class Forecasts:
    """One row per piece, one column per step."""

    methods: Counter[str]
    yhat: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the two Parquet files")
    parts = []
    for name in DATASETS:
        short, sparse = pieces(pd.read_parquet(parser.parse_args().data / f"{name}_weekly.parquet"))
        parts += [*table(f"{name}, short", short), "", *table(f"{name}, seldom sold", sparse), ""]
    print("\n".join(parts))
    write_between(START, END, parts[:-1])


def pieces(sales: pd.DataFrame) -> tuple[list[Piece], list[Piece]]:
    """Return the short and the seldom sold pieces of the half that chose nothing."""
    chance = np.random.default_rng(SEED)
    week = (pd.to_datetime(sales["date"]) - pd.to_datetime(sales["date"]).min()).dt.days // 7
    end = int(week.max()) + 1 - LEFT_OUT_WEEKS
    sold = sales.assign(week=week)[sales["quantity"] > 0]
    short, sparse = [], []
    for names, rows in sold.groupby(KEY, sort=True):
        y = np.zeros(int(week.max()) + 1)
        y[rows["week"]] = rows["quantity"]
        y = y[int(rows["week"].min()) : end]
        n = int(chance.integers(6, 26))
        starts, lengths = chance.random(3), chance.integers(8, 80, 3)
        if zlib.crc32("/".join(names).encode()) % 2:
            continue
        if len(y) >= n + STEPS and (y[:n] == 0).mean() <= 0.5:
            short.append(Piece(y[:n], y[n : n + STEPS]))
        for start, length in zip(starts, lengths, strict=True):
            first = int(start * (len(y) - length - STEPS + 1))
            piece = y[first : first + length + STEPS]
            if first >= 0 and len(piece) == length + STEPS and is_seldom_sold(piece[:-STEPS]):
                sparse.append(Piece(piece[:-STEPS], piece[-STEPS:]))
    return short[:MOST], sparse[:MOST]


def is_seldom_sold(y: np.ndarray) -> bool:
    return y[0] > 0 and (y == 0).mean() > 0.5 and bool((y[-13:] > 0).any())


def table(title: str, found: list[Piece]) -> list[str]:
    coming = np.array([each.coming for each in found])
    ours = forecasts(found)
    kinds = ", ".join(f"{method} {number}" for method, number in ours.methods.most_common())
    others = {
        "mean of 8": [each.known[-8:].mean() for each in found],
        "mean of 4": [each.known[-4:].mean() for each in found],
        "last week": [each.known[-1] for each in found],
    }
    rows = {"ours": ours.yhat} | {name: np.repeat(np.array(y)[:, None], STEPS, axis=1) for name, y in others.items()}
    level = np.array([each.known.mean() for each in found])[:, None]
    inside = (coming >= ours.lower) & (coming <= ours.upper)
    lengths = np.array([len(each.known) for each in found])
    by_length = "; ".join(
        f"{low} to {high} weeks {inside[(lengths >= low) & (lengths <= high)].mean():.1%}" for low, high in LENGTHS
    )
    lines = [
        f"**{title}**: {len(found)} pieces ({kinds}), {ours.seconds / len(found) * 1e3:.1f} ms each.",
        "",
        "| method | WAPE | against the mean of 8 | mean error as a share of the level | bias |",
        "|---|---|---|---|---|",
        *(line(name, yhat, coming, rows["mean of 8"], level) for name, yhat in rows.items()),
        "",
        f"The 80 % interval holds {inside.mean():.1%}; of weeks with a sale {inside[coming > 0].mean():.1%}; "
        f"by step {', '.join(f'{share:.1%}' for share in inside.mean(axis=0))}" + ("" if "seldom" in title else ";"),
    ]
    return lines if "seldom" in title else [*lines, f"by length {by_length}."]


def line(name: str, yhat: np.ndarray, coming: np.ndarray, mean_8: np.ndarray, level: np.ndarray) -> str:
    error, other = np.abs(yhat - coming).sum(axis=1), np.abs(mean_8 - coming).sum(axis=1)
    drawn = np.random.default_rng(SEED).integers(0, len(error), (1000, len(error)))
    low, high = np.quantile(error[drawn].sum(axis=1) / other[drawn].sum(axis=1) - 1, (0.05, 0.95))
    against = f"{error.sum() / other.sum() - 1:+.1%} [{low:+.1%}, {high:+.1%}]"
    relative = np.minimum(np.abs(yhat - coming) / level, 10).mean()
    bias = (yhat - coming).sum() / coming.sum()
    return f"| {name} | {error.sum() / coming.sum():.3f} | {against} | {relative:.3f} | {bias:+.1%} |"


def forecasts(found: list[Piece]) -> Forecasts:
    last = pd.Timestamp("2026-11-22")
    targets = [(last + WEEK * step).date() for step in range(1, STEPS + 1)]
    frames = [
        pd.DataFrame({"ds": pd.date_range(end=last, periods=len(each.known), freq="W-SUN"), "y": each.known})
        for each in found
    ]
    begin = time.process_time()
    made = [fallback(weeks, targets) for weeks in frames]
    seconds = time.process_time() - begin
    columns = {name: np.array([rows[name] for _, rows in made]) for name in ("yhat", "yhat_lower", "yhat_upper")}
    return Forecasts(
        Counter(method for method, _ in made), columns["yhat"], columns["yhat_lower"], columns["yhat_upper"], seconds
    )


if __name__ == "__main__":
    main()
