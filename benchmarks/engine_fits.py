"""Fits and their log posteriors beside CmdStan's, on the same series."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from engine_bench import NAMES, Bench, median, row
from real_chain import DATASETS

from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.core.combination import KEY
from skucast.core.tables.sales import SALES
from skucast.core.weeks import WeekClock
from skucast.entry.demo.sample import sample_lines
from skucast.forecast.prophet.design import Design, WeekGrid, Window, design, week_grid, window
from skucast.forecast.prophet.fit import as_model
from skucast.forecast.prophet.model import FittedModel
from skucast.forecast.prophet.prophet_object import optimise
from skucast.forecast.prophet.solver import log_posterior, solve
from skucast.forecast.prophet.spec import ModelSpec
from skucast.regressors.holidays import holiday_weeks
from skucast.regressors.promotions import PROMO_REGRESSORS
from skucast.sales.history import build_history, with_lag

SPECS = {"additive": ModelSpec(), "multiplicative": ModelSpec(seasonality_mode="multiplicative")}
TIMED_FITS = 40


@dataclass(frozen=True)
class Case:
    """One series as a problem, and a model of it without parameters."""

    problem: Design
    blank: FittedModel


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
        grid = grid_of(last, clock)
        known = window(last, PROMO_REGRESSORS, grid)
        found.append(Case(design(known, grid, spec), blank_of(known, grid, spec)))
    return found


def grid_of(weeks: pd.DataFrame, clock: WeekClock) -> WeekGrid:
    first, last = weeks["ds"].iloc[0].date(), weeks["ds"].iloc[-1].date() + timedelta(weeks=26)
    holidays = holiday_weeks("RU" if clock.anchor == "SUN" else "US", first, last, clock)
    return week_grid(np.datetime64(first), np.datetime64(last), holidays)


def blank_of(known: Window, grid: WeekGrid, spec: ModelSpec) -> FittedModel:
    problem = design(known, grid, spec)
    n_params = 2 + problem.X.shape[1] + len(problem.changepoints)
    return as_model(problem, known, grid, spec, np.zeros(n_params), 1.0)


def fits(bench: Bench) -> Iterator[str]:
    """Time `design` + `solve` beside `Prophet.fit`, one thread each, on the same series.

    With a grid of each series' own, and on one grid of those of the same weeks, as all combinations of a run have it.
    """
    series = [each for each, _ in zip(real_series(bench.data, "breakfast"), range(TIMED_FITS), strict=False)]
    for mode, spec in SPECS.items():
        for n_weeks in (130, 80):
            lasts = [(with_lag(weeks.tail(n_weeks + 1).reset_index(drop=True)), clock) for weeks, clock in series]
            alone = [
                (window(last, PROMO_REGRESSORS, grid), grid) for last, clock in lasts for grid in [grid_of(last, clock)]
            ]
            shared = {str(grid.ds): grid for _, grid in alone}
            together = [(known, shared[str(grid.ds)]) for known, grid in alone]
            blanks = [blank_of(known, replace(grid, seen={}, columns={}), spec) for known, grid in alone]
            solve(
                design(alone[0][0], replace(alone[0][1], seen={}, columns={}), spec), spec
            )  # compiled, as in an image
            theirs = median([lambda blank=blank: optimise(blank) for blank in blanks])
            for what, pairs in (("on weeks of its own", alone), ("on weeks that others have too", together)):
                ours = median([lambda pair=pair, spec=spec: solve(design(*pair, spec), spec) for pair in pairs])
                yield row(
                    f"fit, {n_weeks} weeks, {mode}, {what} (median of {len(pairs)})", f"{ours * 1e3:.3f} ms",
                    f"`Prophet.fit`: {theirs * 1e3:.0f} ms", theirs / ours,
                )  # fmt: skip


def posteriors(bench: Bench) -> Iterator[str]:
    """Compare log posteriors with CmdStan's on more than 1,000 series."""
    series = list(sample_series())
    for name in DATASETS:
        series += [each for each, _ in zip(real_series(bench.data, name), range(500), strict=False)]
    for mode, spec in SPECS.items():
        gains = []
        for case in cases(series, 130, spec):
            params, sigma = optimise(case.blank)
            found = solve(case.problem, spec)
            gains.append(found.log_posterior - log_posterior(case.problem, spec, params, sigma**2))
        gained = np.array(gains)
        yield row(
            f"log posterior minus CmdStan's, {mode}, {len(gained)} series",
            f"median {np.median(gained):+.3f} nats, least {gained.min():+.4f}",
            f"above -0.001 on {(gained > -0.001).mean():.1%}, above 0 on {(gained > 0).mean():.1%}", None,
        )  # fmt: skip
