"""Which declared regressors the backtests keep: a real price beside three that tell nothing; figures for the docs.

    .venv/bin/python benchmarks/kept_regressors.py --data folder    # the folder holds breakfast_weekly.parquet

At each origin every combination is trained as a training would, with promotions and the regressor known, once without
and once with each regressor by itself; what the rules keep is forecast for the four weeks after. The last row has sales
that really follow a price. `--early` looks at the six origins before the reported ones, where rules are chosen.
Prophet's part alone, without the blend.
"""

import argparse
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from prices import prices_of
from real_chain import DATASETS, HORIZON, environment_of, origins_of, sample, script

from skucast.backends.warehouse.opening import open_warehouse
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY, Combination
from skucast.core.declared import as_text
from skucast.core.errors import FitError
from skucast.forecast.backtest import backtest
from skucast.forecast.families import LEAST_GAIN
from skucast.forecast.prophet.spec import RESPONSE_PRIOR_SCALE, ModelSpec
from skucast.forecast.training import Material, Recipe, TrainingPlan, backtest_origins, fitter, make_recipe, tuned
from skucast.regressors.built_in import ALWAYS
from skucast.regressors.declared import declared_of
from skucast.regressors.declared_values import DeclaredWeeks
from skucast.regressors.future import Archive
from skucast.regressors.promotions import PlannedWeeks
from skucast.regressors.responses import responses_at
from skucast.runtime.settings import Settings
from skucast.sales.history import build_history

NAME = "breakfast"
TRIED = {
    "base_price": "the shelf price, a price",
    "other_price": "that of another article, its weeks backwards, a price",
    "steps": "random steps of some eight weeks, a price",
    "white": "random numbers, a distribution",
}
DECLARED = declared_of(
    "\n".join(
        f'[[regressor]]\nname = "{name}"\nkind = "{"distribution" if name == "white" else "price"}"' for name in TRIED
    )
)
STEPS = "steps"
PLANTED = "random steps that the sales follow: 1 % dearer, 1 % fewer"
LEAST_WEEKS = 60
PRESENT, PAIRED = f"{LEAST_GAIN:.0%} lower", "and paired"


@dataclass(frozen=True)
class Tried:
    """One regressor at one origin: whether each rule keeps it, the errors after it without and with, what was sold."""

    name: str
    kept: dict[str, bool]
    without: float
    with_it: float
    sold: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the Parquet file")
    parser.add_argument("--combinations", type=int, default=100)
    parser.add_argument("--early", action="store_true", help="the six origins before the reported ones")
    arguments = parser.parse_args()
    origins = origins_of(NAME)
    shown = [each - timedelta(weeks=HORIZON * len(origins)) for each in origins] if arguments.early else origins
    settings, found = Settings(week_anchor=DATASETS[NAME]["anchor"], sales_grain="week", holiday_country="US"), []
    with tempfile.TemporaryDirectory() as folder:
        environment = environment_of(NAME, folder)
        sales = sample(arguments.data / f"{NAME}_weekly.parquet", origins[0], arguments.combinations, Path(folder))
        script({}, "load", ["-m", "skucast", "load", str(sales), "--table", "sales"], environment)
        warehouse = open_warehouse(settings.model_copy(update={"warehouse": environment["WAREHOUSE"]}))
        prices = prices_of("base_price", sales, settings.clock)
        for origin in shown:
            found += at_origin(origin, warehouse, prices, settings)
            print("\n".join([str(origin), *table(found)]), flush=True)


def at_origin(origin: date, warehouse: Warehouse, prices: pd.DataFrame, settings: Settings) -> Iterator[Tried]:
    """What becomes of each regressor of each combination that can be trained at an origin."""
    clock, end = settings.clock, origin + timedelta(weeks=HORIZON)
    weeks = build_history(warehouse.weekly_sales(clock, end), clock, end, grain="week").weeks
    price = prices.rename(columns={"ends_on": "ds", "value": "declared_base_price"})[
        [*KEY, "ds", "declared_base_price"]
    ]
    price = price.astype({"ds": weeks["ds"].dtype}).drop_duplicates([*KEY, "ds"])
    weeks = weeks.merge(price, on=[*KEY, "ds"], how="left")
    recipe = recipe_of(settings, weeks["ds"].min().date(), origin)
    known = weeks[weeks["ds"] <= pd.Timestamp(origin)]
    responses = responses_at(known, [*backtest_origins(recipe), origin])
    whole = {Combination(*parts): rows.reset_index(drop=True) for parts, rows in weeks.groupby(KEY, sort=True)}
    for place, (combination, rows) in enumerate(whole.items()):
        told = with_noise(rows, list(whole.values()), np.random.default_rng([int(f"{origin:%Y%m%d}"), place]))
        past = told.iloc[:-HORIZON]
        if len(past) < LEAST_WEEKS or past["y"].notna().sum() < LEAST_WEEKS:
            continue
        archive = replace(all_known(recipe, origin), responses=responses[combination])
        try:
            found = [*of_one(told, recipe, archive)]
        except FitError as fault:
            print(f"{combination}: {fault}")
            continue
        yield from found


def of_one(told: pd.DataFrame, recipe: Recipe, archive: Archive) -> Iterator[Tried]:
    """The regressors of one combination; the steps once more where its sales follow them."""
    steps = told[f"declared_{STEPS}"]
    yield from beside_promotions(told, TRIED, recipe, archive)
    follows = told.assign(y=(told["y"] * steps.mean() / steps).round())
    for each in beside_promotions(follows, [STEPS], recipe, archive):
        yield replace(each, name=PLANTED)


def beside_promotions(whole: pd.DataFrame, names: Collection[str], recipe: Recipe, archive: Archive) -> Iterator[Tried]:
    """What becomes of each of these regressors of one combination, beside the promotions alone."""
    plan, past = recipe.plan, Material(whole.iloc[:-HORIZON].reset_index(drop=True), archive)
    after, choice = Material(whole, archive).numbers, tuned(past, recipe)

    def both(regressors: tuple[str, ...]) -> tuple[pd.DataFrame, pd.DataFrame]:
        fits = [fitter(recipe, each, regressors, archive.responses) for each in (choice.earlier, choice.final)]
        scored = backtest(past.numbers, fits[0], HORIZON, plan.backtest_origins, archive)
        return scored, backtest(after, fits[1], HORIZON, 1, archive)

    scored, then = both(ALWAYS)
    for each in DECLARED:
        if each.name in names:
            scored_with, then_with = both((*ALWAYS, *each.columns))
            pays = error(scored_with) < (1 - LEAST_GAIN) * error(scored)
            kept = {PRESENT: pays, PAIRED: pays and is_paired(scored, scored_with)}
            yield Tried(each.name, kept, error(then), error(then_with), float(then["y"].abs().sum()))


def is_paired(without: pd.DataFrame, with_it: pd.DataFrame) -> bool:
    """Return whether errors are lower than those of the same weeks, by the rule that was tried beside the present one.

    Whichever origin is left out, and by more than the standard error of the mean difference.
    """
    known = without["y"].notna().to_numpy()
    y, origin = without["y"].to_numpy(dtype="float64")[known], without["origin"].to_numpy()[known]
    before, after = (each["yhat"].to_numpy(dtype="float64")[known] for each in (without, with_it))
    gain = np.abs(before - y) - np.abs(after - y)
    left = [gain[origin != each].sum() for each in np.unique(origin)]
    return len(left) > 1 and min(left) > 0 and gain.mean() > gain.std(ddof=1) / np.sqrt(len(gain))


def error(scored: pd.DataFrame) -> float:
    """Return the sum of the errors of weeks that are known."""
    return float((scored["yhat"] - scored["y"]).abs().sum())


def with_noise(rows: pd.DataFrame, others: list[pd.DataFrame], random: np.random.Generator) -> pd.DataFrame:
    """Return a combination's weeks with regressors that tell nothing of it."""
    n = len(rows)
    steps = (10.0 + random.integers(0, 4, n))[np.cumsum(random.random(n) < 1 / 8)]
    theirs = others[int(random.integers(len(others)))]["declared_base_price"].dropna().to_numpy(dtype="float64")
    backwards = np.resize(theirs[::-1], n) if len(theirs) else steps
    noise = {"declared_steps": steps, "declared_other_price": backwards, "declared_white": random.normal(0, 1, n)}
    return rows.assign(**noise)


def all_known(recipe: Recipe, origin: date) -> Archive:
    """Return an archive in which promotions and values that come to pass were known."""
    nothing = np.full(HORIZON, np.nan)
    declared = DeclaredWeeks(DECLARED, {each.name: nothing for each in DECLARED})
    unsaid = PlannedWeeks(nothing, nothing, np.zeros(HORIZON, dtype=bool), is_known=False, declared=declared)
    plans = dict.fromkeys([*backtest_origins(recipe), origin], unsaid)
    return Archive(plans, has_plan=True, declared_now=frozenset(TRIED), declared=DECLARED)


def recipe_of(settings: Settings, first: date, origin: date) -> Recipe:
    """Return what a training of that day is asked for, without the blend's evidence."""
    plan = TrainingPlan(
        spec=ModelSpec(
            seasonality_mode=settings.seasonality_mode,
            changepoint_prior_scale=settings.changepoint_prior_scale,
            promo_prior_scale=RESPONSE_PRIOR_SCALE,
        ),
        engine=settings.engine,
        tune=settings.tune,
        tune_origins=settings.tune_origins,
        tune_average=settings.tune_average,
        backtest_origins=settings.backtest_origins,
        horizon_weeks=HORIZON,
        holiday_country=settings.holiday_country,
        holiday_subdivision="",
        holiday_calendar="",
        weather=False,
        week_anchor=settings.week_anchor,
        sales_grain="week",
        regressors=as_text(DECLARED),
    )
    return replace(make_recipe(plan, settings.clock, first, origin), declared=DECLARED)


def table(found: list[Tried]) -> list[str]:
    """Return the shares that each rule keeps, and the WAPE of the four weeks after."""
    rules = (PRESENT, PAIRED)
    heads = [f"{what}, {rule}" for rule in rules for what in ("kept", "WAPE")]
    lines = [f"| regressor | cases | WAPE, never | always | {' | '.join(heads)} |", f"|{'---|' * 8}"]
    for name, said in {**TRIED, PLANTED: PLANTED}.items():
        cases = [each for each in found if each.name == name]
        sold = sum(each.sold for each in cases)
        cells = [
            f"{sum(each.without for each in cases) / sold:.2%}",
            f"{sum(each.with_it for each in cases) / sold:.2%}",
        ]
        for rule in rules:
            off = sum(each.with_it if each.kept[rule] else each.without for each in cases)
            cells += [f"{np.mean([each.kept[rule] for each in cases]):.0%}", f"{off / sold:.2%}"]
        lines.append(f"| {said} | {len(cases)} | {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    main()
