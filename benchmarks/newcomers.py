"""Kinds of demand and new articles on real sales: what each class is forecast by, and how near that comes.

    python benchmarks/newcomers.py --data folder

Classes: a seeded choice of combinations of each file, whether they still sell or not, at six origins four weeks apart;
each of the last 24 weeks is forecast once, at steps 1 to 4. New articles: every combination that begins a quarter of a
year after its file or later, at so many weeks of age. Prophet has the settings that are not tuned and knows no plan.
Constants were chosen on weeks before the last 24.
"""

import argparse
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from real_chain import DATASETS, ROOT, write_between

from skucast.core.combination import KEY, Combination
from skucast.core.weeks import WEEK, WeekClock
from skucast.forecast.backtest import forecasts_back
from skucast.forecast.forecasting import Horizon, Peers, start_without_model
from skucast.forecast.forecasting import start as start_of
from skucast.forecast.launches import WEEKS, Launches, first_weeks
from skucast.forecast.prophet.design import MIN_WEEKS
from skucast.forecast.prophet.spec import ModelSpec
from skucast.forecast.training import TrainingPlan, fitter, make_recipe
from skucast.regressors.future import NO_ARCHIVE
from skucast.sales.demand import NEW_WEEKS, life_class
from skucast.sales.history import is_inactive
from skucast.sales.seasons import level_changes

assert ROOT

START, END = "<!-- newcomers:start -->", "<!-- newcomers:end -->"
SEED, STEPS, ORIGINS, LAST_WEEKS = 525, 4, 6, 24
MIN_HISTORY_WEEKS, INACTIVE_AFTER_WEEKS, MEAN_WEEKS = 26, 13, 8
AGES = (0, 1, 2, 4, 8, 13)
CLASSES = ("smooth", "erratic", "intermittent", "lumpy", "new", "seasonal", "inactive")
METHODS = ("ours", "prophet", "mean", "no_model")
CLASS_COLUMNS = (
    *("class", "combinations", "forecasts", "sold", "forecast by"),
    *("WAPE", "always Prophet", "always the mean of 8", "never a model"),
)
AGE_COLUMNS = ("articles", "forecast by", "WAPE", "always Prophet", "always its mean", "bias", "bias of its mean")


@dataclass
class Sales:
    """All weekly sales of a file: one row of `y` per combination, one column per week, 0 where there is no line."""

    names: list[Combination]
    y: np.ndarray
    depth: np.ndarray
    is_promo: np.ndarray
    labels: pd.DatetimeIndex
    first: np.ndarray

    def weeks(self, row: int, end: int) -> pd.DataFrame:
        """Return one combination's history up to week `end`, which is not known, from its first sale on."""
        part = slice(int(self.first[row]), end)
        promo = self.is_promo[row, part]
        return pd.DataFrame(
            {
                "ds": self.labels[part].astype("datetime64[us]"),
                "y": self.y[row, part],
                "returns_quantity": 0.0,
                "promo_discount_perc": self.depth[row, part],
                "promo_days": 7.0 * promo,
                "is_promo": promo,
                "is_stockout": False,
                "is_censored": False,
            }
        )


@dataclass
class Scores:
    """Sums of errors by method, and what was chosen."""

    n: int = 0
    sold: float = 0.0
    errors: dict[str, float] = field(default_factory=dict)
    over: dict[str, float] = field(default_factory=dict)
    methods: Counter[str] = field(default_factory=Counter)
    who: set[Any] = field(default_factory=set)

    def add(self, who: object, actual: np.ndarray, said: dict[str, np.ndarray], method: str) -> None:
        self.n += 1
        self.who.add(who)
        self.sold += float(actual.sum())
        self.methods[method] += 1
        for name, yhat in said.items():
            self.errors[name] = self.errors.get(name, 0.0) + float(np.abs(yhat - actual).sum())
            self.over[name] = self.over.get(name, 0.0) + float((yhat - actual).sum())

    def wape(self, name: str) -> str:
        return "" if name not in self.errors or not self.sold else f"{self.errors[name] / self.sold:.3f}"

    def bias(self, name: str) -> str:
        return "" if name not in self.over or not self.sold else f"{self.over[name] / self.sold:+.0%}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the two Parquet files")
    parser.add_argument("--combinations", type=int, default=525)
    arguments = parser.parse_args()
    lines: list[str] = []
    for name in DATASETS:
        began = time.process_time()
        sales = read(arguments.data / f"{name}_weekly.parquet")
        bench = Bench(name, sales)
        lines += bench.classes(arguments.combinations) + bench.launches()
        print(f"{name}: {time.process_time() - began:.0f} s", file=sys.stderr)
    print("\n".join(lines))
    write_between(START, END, lines)


def read(path: Path) -> Sales:
    rows = pd.read_parquet(path)
    days = pd.to_datetime(rows["date"])
    labels = pd.date_range(days.min(), days.max(), freq="7D")
    week = ((days - days.min()).dt.days // 7).to_numpy()
    number, names = pd.factorize(pd.MultiIndex.from_frame(rows[KEY].astype("str")), sort=True)
    shape = len(names), len(labels)
    y, depth, is_promo = np.zeros(shape), np.zeros(shape), np.zeros(shape, dtype=bool)
    y[number, week] = rows["quantity"].clip(lower=0)
    depth[number, week] = rows["Promo_discount_perc"].fillna(0.0).clip(0, 100)
    is_promo[number, week] = rows["is_promo"] > 0
    first = np.where((y > 0).any(axis=1), (y > 0).argmax(axis=1), len(labels))
    return Sales([Combination.clean(*each) for each in names], y, depth, is_promo, labels, first)


class Bench:
    """One file: its sales, and what forecasts them."""

    def __init__(self, name: str, sales: Sales) -> None:
        facts = DATASETS[name]
        self.name, self.sales = name, sales
        self.clock = WeekClock(facts["anchor"])
        self.first_week = sales.labels[0].date()
        plan = TrainingPlan(
            spec=ModelSpec(),
            engine="map",
            tune="off",
            tune_origins=0,
            tune_average=1,
            backtest_origins=0,
            horizon_weeks=STEPS,
            holiday_country=facts["country"],
            holiday_subdivision="",
            holiday_calendar="",
            weather=False,
            week_anchor=facts["anchor"],
            sales_grain="week",
        )
        recipe = make_recipe(plan, self.clock, self.first_week, sales.labels[-1].date())
        self.fit = fitter(recipe, [plan.spec])
        begun = np.flatnonzero((sales.first >= NEW_WEEKS) & (sales.first < len(sales.labels)))
        self.begun = begun
        self.by_age = np.full((len(begun), WEEKS), np.nan)
        for place, row in enumerate(begun):
            known = sales.y[row, sales.first[row] :][:WEEKS]
            self.by_age[place, : len(known)] = known
        self.groups: dict[tuple[str, ...], list[int]] = {}
        for place, row in enumerate(begun):
            parts = sales.names[row].parts
            for group in (parts[:2], parts[:1], ()):
                self.groups.setdefault(group, []).append(place)

    # --- Forecasts ----------------------------------------------------------------------------------------------------

    def launches_before(self, end: int) -> Launches:
        """What was known of launches before week `end`."""
        age = np.arange(WEEKS)
        first = self.sales.first[self.begun]
        y = np.where(age < end - first[:, None], self.by_age, np.nan)
        known = {group: [place for place in places if first[place] < end] for group, places in self.groups.items()}
        return Launches(y, {group: np.array(places, dtype="int64") for group, places in known.items()})

    def horizon(self, cutoff: date) -> Horizon:
        return Horizon(
            clock=self.clock,
            today=cutoff + WEEK // 7,
            cutoff=cutoff,
            data_cutoff=cutoff,
            horizon_weeks=STEPS,
            min_history_weeks=MIN_HISTORY_WEEKS,
            inactive_after_weeks=INACTIVE_AFTER_WEEKS,
            n_paths=10,
        )

    def prophet(self, row: int, end: int) -> np.ndarray | None:
        """Prophet's forecast, None where it cannot be fitted."""
        weeks = self.sales.weeks(row, end + STEPS)
        if len(weeks) - STEPS <= MIN_WEEKS or not weeks["y"].iloc[:-STEPS].any():
            return None
        return forecasts_back(weeks, self.fit, STEPS, 1, NO_ARCHIVE)

    def said(self, row: int, end: int, peers: Peers) -> tuple[dict[str, np.ndarray], str]:
        """What each method says from week `end` on, and the method that the product takes where it has no panel."""
        weeks, name = self.sales.weeks(row, end), self.sales.names[row]
        horizon = self.horizon(weeks["ds"].iloc[-1].date())
        ours = start_of(name, weeks, None, horizon, peers=peers).rows
        without = start_without_model(name, weeks, horizon).rows
        assert ours is not None
        assert without is not None
        mean = np.full(STEPS, weeks["y"].iloc[-MEAN_WEEKS:].mean())
        prophet = self.prophet(row, end)
        found = {
            "ours": ours["yhat"].to_numpy(),
            "no_model": without["yhat"].to_numpy(),
            "mean": mean,
            "prophet": mean if prophet is None else prophet,
        }
        method = str(ours["method"].iloc[0])
        is_rested = ours["status"].isin(["seasonal", "inactive"]).any()
        if len(weeks) >= MIN_HISTORY_WEEKS and not is_rested and prophet is not None:
            found["ours"], method = prophet, "prophet"
        return found, method

    # --- Tables -------------------------------------------------------------------------------------------------------

    def classes(self, n_combinations: int) -> list[str]:
        """Return the table of classes of a seeded choice of combinations."""
        sales, last = self.sales, len(self.sales.labels)
        ends = [last - STEPS * back for back in range(ORIGINS, 0, -1)]
        there = np.flatnonzero(sales.first < ends[0])
        chosen = np.sort(np.random.default_rng(SEED).choice(there, min(n_combinations, len(there)), replace=False))
        scores = {each: Scores() for each in CLASSES}
        for end in ends:
            launches, changes = self.launches_before(end), self.changes(end)
            for row in chosen.tolist():
                weeks, name = sales.weeks(row, end), sales.names[row]
                kind = life_class(weeks, STEPS, INACTIVE_AFTER_WEEKS, self.first_week)
                peers = Peers(changes.of(name), launches.of(name) if kind == "new" else None)
                found, method = self.said(row, end, peers)
                scores[kind].add(row, sales.y[row, end : end + STEPS], found, method)
        lines = [
            f"**{self.name}**: {len(chosen)} combinations, {ORIGINS} origins, the last {LAST_WEEKS} weeks.",
            "",
            f"| {' | '.join(CLASS_COLUMNS)} |",
            f"|{'---|' * len(CLASS_COLUMNS)}",
        ]
        total = sum(each.sold for each in scores.values())
        for kind, score in scores.items():
            if score.n:
                by = ", ".join(f"{method} {number}" for method, number in score.methods.most_common(4))
                cells = [kind, str(len(score.who)), str(score.n), f"{score.sold / total:.2%}", by]
                lines.append(f"| {' | '.join([*cells, *map(score.wape, METHODS)])} |")
        return [*lines, ""]

    def changes(self, end: int) -> Any:
        """The changes of level of all groups as of week `end`."""
        sales = self.sales
        parts = [
            sales.weeks(row, end)[["ds", "y"]].assign(**dict(zip(KEY, sales.names[row].parts, strict=True)))
            for row in np.flatnonzero(sales.first < end - 52).tolist()
        ]
        return level_changes(pd.concat(parts, ignore_index=True))

    def launches(self) -> list[str]:
        """Return the table of new articles by age."""
        sales, last = self.sales, len(self.sales.labels)
        periods = {f"the last {LAST_WEEKS} weeks": {}, "all weeks": {}}
        late, whole = periods.values()
        for age in AGES:
            late[age], whole[age] = Scores(), Scores()
            for row in self.begun.tolist():
                end = int(sales.first[row]) + age
                if end + STEPS > last:
                    continue
                found, method = self.newcomer(row, end, age)
                if found is None:
                    continue
                actual = sales.y[row, end : end + STEPS]
                for scores in (whole, late) if end >= last - LAST_WEEKS else (whole,):
                    scores[age].add(row, actual, found, method)
        lines = [
            f"**{self.name}, new articles**: {len(self.begun)} begin a quarter of a year after the file or later.",
            "",
        ]
        for period, by_age in periods.items():
            lines += [
                f"| weeks known, {period} | {' | '.join(AGE_COLUMNS)} |",
                f"|{'---|' * (len(AGE_COLUMNS) + 1)}",
            ]
            for age, score in by_age.items():
                if score.n:
                    by = ", ".join(f"{method} {number}" for method, number in score.methods.most_common(3))
                    wapes = [score.wape(name) for name in ("ours", "prophet", "mean")]
                    cells = [str(age), str(score.n), by, *wapes, score.bias("ours"), score.bias("mean")]
                    lines.append(f"| {' | '.join(cells)} |")
            lines.append("")
        return lines

    def newcomer(self, row: int, end: int, age: int) -> tuple[dict[str, np.ndarray] | None, str]:
        """What is said of a new article so many weeks old; of one that nobody has sold, how launches begin."""
        sales, name = self.sales, self.sales.names[row]
        launches = self.launches_before(end).of(name)
        if age == 0:
            usual = first_weeks(launches, STEPS)
            return (None, "") if usual is None else ({"ours": usual.yhat}, "first weeks of launches")
        weeks = sales.weeks(row, end)
        found, method = self.said(row, end, Peers(launches=launches))
        found["mean"] = np.full(STEPS, weeks["y"].mean())
        if is_inactive(weeks, INACTIVE_AFTER_WEEKS) or age <= MIN_WEEKS:
            del found["prophet"]
        return found, method


if __name__ == "__main__":
    main()
