"""The direct fit: Stan's posterior, at least as high as Stan finds it, and an answer for every odd history."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pandas as pd
import pytest
from models import NO_HOLIDAYS, generated, holidays_of
from numba.core import caching

import skucast
from skucast.core.errors import FitError
from skucast.forecast.prophet import compiling
from skucast.forecast.prophet.as_published import history_frame
from skucast.forecast.prophet.design import Design, Floats, design, week_grid, window
from skucast.forecast.prophet.fit import as_model, fit
from skucast.forecast.prophet.model import FittedModel
from skucast.forecast.prophet.prophet_object import optimise, to_prophet, unfitted
from skucast.forecast.prophet.rollout import roll_forward
from skucast.forecast.prophet.solver import Solution, log_posterior, solve, solve_grid
from skucast.forecast.prophet.solver_loops import lasso
from skucast.forecast.prophet.spec import ModelSpec
from skucast.forecast.prophet.tuning import fast_grid
from skucast.regressors.promotions import PROMO_REGRESSORS
from skucast.sales.history import with_lag

MULTIPLICATIVE = ModelSpec(seasonality_mode="multiplicative")


def problem(weeks: pd.DataFrame, spec: ModelSpec, holidays: pd.DataFrame = NO_HOLIDAYS) -> tuple[Design, FittedModel]:
    """Return the design of the weeks, and a model of it without parameters."""
    first = weeks["ds"].iloc[0].to_numpy().astype("datetime64[D]")
    grid = week_grid(first, first + np.timedelta64(7 * 500, "D"), holidays)
    known = window(weeks, PROMO_REGRESSORS, grid)
    ours = design(known, grid, spec)
    return ours, as_model(ours, known, grid, spec, np.zeros(2 + ours.X.shape[1] + len(ours.changepoints)), 1.0)


def params_of(found: Solution) -> Floats:
    """Return k, m, beta, delta in one array."""
    return np.concatenate([[found.k, found.m], found.beta, found.delta])


# --- The same posterior ---------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("spec", [ModelSpec(), MULTIPLICATIVE], ids=["additive", "multiplicative"])
def test_the_log_posterior_is_stans(tmp_path: Path, spec: ModelSpec) -> None:
    """At the parameters that Stan reports, ours is Stan's lp__: no constant is missing, no prior is another."""
    weeks = generated(70)
    ours, blank = problem(weeks, spec)
    prophet = unfitted(blank)
    prophet.fit(history_frame(blank), output_dir=str(tmp_path))
    found = prophet.params
    params = np.concatenate([found[name][0] for name in ("k", "m", "beta", "delta")])
    reported = float(prophet.stan_fit.optimized_params_dict["lp__"])
    assert log_posterior(ours, spec, params, found["sigma_obs"][0, 0] ** 2) == pytest.approx(reported, abs=1e-3)


CASES = {
    "130 weeks": (ModelSpec(), 130, "RU"),
    "80 weeks": (ModelSpec(), 80, "RU"),
    "130 weeks, log1p": (ModelSpec(target="log1p"), 130, "RU"),
    "free scales": (ModelSpec(changepoint_prior_scale=0.5, seasonality_prior_scale=10.0), 130, "RU"),
    "40 weeks, no season": (ModelSpec(), 40, ""),
    "multiplicative, 130 weeks": (MULTIPLICATIVE, 130, "RU"),
    "multiplicative, 80 weeks": (MULTIPLICATIVE, 80, "RU"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("spec", "n_weeks", "country"), CASES.values(), ids=CASES)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_finds_what_stan_finds_or_better(spec: ModelSpec, n_weeks: int, country: str, seed: int) -> None:
    """The log posterior is at most 0.001 below CmdStan's, the mean of the history the same to 0.02."""
    weeks = generated(n_weeks, seed)
    ours, blank = problem(weeks, spec, holidays_of(weeks, country))
    found = solve(ours, spec)
    params, sigma = optimise(blank)
    assert found.is_converged
    assert found.log_posterior > log_posterior(ours, spec, params, sigma**2) - 0.001
    assert np.abs(mean_of(ours, spec, params_of(found)) - mean_of(ours, spec, params)).max() < 0.02


def mean_of(ours: Design, spec: ModelSpec, params: Floats) -> Floats:
    """Return mu of the known weeks, scaled, by slow and obvious steps."""
    n_features = ours.X.shape[1]
    mu = []
    for t, features in zip(ours.t, ours.X, strict=True):
        trend = params[0] * t + params[1]
        for place, changepoint in enumerate(ours.changepoints):
            if t > changepoint:
                trend += params[2 + n_features + place] * (t - changepoint)
        effect = sum(features[j] * params[2 + j] for j in range(n_features))
        mu.append(trend * (1 + effect) if spec.seasonality_mode == "multiplicative" else trend + effect)
    return np.array(mu)


@pytest.mark.slow
@pytest.mark.parametrize("spec", [ModelSpec(), MULTIPLICATIVE], ids=["additive", "multiplicative"])
def test_no_parameter_can_be_improved(spec: ModelSpec) -> None:
    """A little more or less of any of some 60 parameters, or of sigma, lowers the posterior."""
    weeks = generated(130)
    ours, _ = problem(weeks, spec, holidays_of(weeks))
    found = solve(ours, spec)
    params, v = params_of(found), found.sigma**2
    best = log_posterior(ours, spec, params, v)
    assert best == pytest.approx(found.log_posterior, rel=1e-13)
    for place in range(len(params)):
        for step in (-1e-3, 1e-3):
            moved = params.copy()
            moved[place] += step
            assert log_posterior(ours, spec, moved, v) < best
    assert log_posterior(ours, spec, params, v * 1.01) < best
    assert log_posterior(ours, spec, params, v / 1.01) < best


def test_a_grid_is_its_single_fits() -> None:
    """44 settings in one pass, each started from the one before: the posteriors of 44 fits of their own."""
    ours: dict[Any, Design] = {}
    weeks = generated(130)
    for spec in fast_grid(ModelSpec()):
        ours.setdefault(spec.shape, problem(weeks, spec, holidays_of(weeks))[0])
    for shape, one in ours.items():
        specs = [spec for spec in fast_grid(ModelSpec()) if spec.shape == shape]
        together = solve_grid(one, specs)
        for row, spec in enumerate(specs):
            alone = solve(one, spec)
            value = log_posterior(one, spec, together.params[row], float(together.v[row]))
            assert value == pytest.approx(alone.log_posterior, abs=1e-5)


def test_a_grid_does_not_stay_where_one_setting_was_caught() -> None:
    """Thirty weeks of which five sold: each setting of a grid is as good as alone, whatever the one before it found."""
    y = np.zeros(31)
    y[[4, 11, 17, 23, 29]] = [5.0, 2.0, 8.0, 3.0, 6.0]
    ours, _ = problem(weeks_of(y), MULTIPLICATIVE)
    specs = [dataclasses.replace(MULTIPLICATIVE, changepoint_prior_scale=scale) for scale in (10.0, 0.5, 0.05, 0.001)]
    together = solve_grid(ours, specs)
    for row, spec in enumerate(specs):
        value = log_posterior(ours, spec, together.params[row], float(together.v[row]))
        assert value > solve(ours, spec).log_posterior - 1.0


def test_settings_of_several_shapes_are_no_grid() -> None:
    """They have other columns."""
    ours, _ = problem(generated(30), ModelSpec())
    with pytest.raises(ValueError, match="differ in prior scales only"):
        solve_grid(ours, [ModelSpec(), ModelSpec(target="log1p")])


# --- The lasso ------------------------------------------------------------------------------------------------------


HINGES = np.maximum(0.0, np.linspace(0, 1, 60)[:, None] - np.linspace(0.1, 0.8, 7))
"""Seven, nearly alike."""

PENALTY = 0.05
"""What a unit of a hinge costs."""


@pytest.mark.slow
def test_the_lasso_is_coordinate_descents() -> None:
    """Seven hinges, nearly alike: the active set's answer is that of 20,000 sweeps, from wherever it starts.

    For twenty targets, swept beside each other.
    """
    random = np.random.default_rng(0)
    quadratic, linear = HINGES.T @ HINGES, HINGES.T @ np.cumsum(random.normal(0, 0.1, (60, 20)), axis=0)
    for target, slow in zip(linear.T, swept(quadratic, linear, 20_000).T, strict=True):
        work = np.zeros((8, 8))
        work[:7, :7], work[:7, 7] = quadratic, target
        for start in (np.zeros(7), random.normal(size=7)):
            delta = start.copy()
            lasso(work, 0, 7, PENALTY, delta)
            np.testing.assert_allclose(delta, slow, atol=1e-5)


def swept(quadratic: Floats, linear: Floats, n_sweeps: int) -> Floats:
    """Return what coordinate descent finds for each column, by slow and obvious steps."""
    found = np.zeros(linear.shape)
    for _ in range(n_sweeps):
        for j, of_hinge in enumerate(quadratic):
            rest = linear[j] - of_hinge @ found + of_hinge[j] * found[j]
            found[j] = np.sign(rest) * np.maximum(np.abs(rest) - PENALTY, 0.0) / of_hinge[j]
    return found


# --- Odd histories --------------------------------------------------------------------------------------------------


def weeks_of(y: Any, **regressors: Any) -> pd.DataFrame:
    """Return weeks with these sales and their lag."""
    weeks = generated(len(y)).assign(y=np.asarray(y, dtype="float64"), promo_discount_perc=0.0, promo_days=0.0)
    return with_lag(weeks.assign(**regressors))


N = 60
NOISE = np.random.default_rng(5).normal(0, 10, 300)
ODD = {
    "constant": weeks_of([50.0] * N),
    "all zeros": weeks_of([0.0] * N),
    "one sale": weeks_of([0.0] * (N - 1) + [5.0]),
    "a straight line": weeks_of(np.arange(N) + 10.0),
    "exactly its lag": weeks_of(100 * 0.9 ** np.arange(N)),
    "exactly the promotions": weeks_of(
        100 + 5.0 * (np.arange(N) % 3), promo_discount_perc=10.0 * (np.arange(N) % 3), promo_days=0.0
    ),
    "collinear regressors": weeks_of(
        100 + NOISE[:N], promo_discount_perc=10.0 * (np.arange(N) % 3), promo_days=20.0 * (np.arange(N) % 3)
    ),
    "a gap": weeks_of(np.where((np.arange(N) > 20) & (np.arange(N) < 35), np.nan, 100 + NOISE[:N])),
    "five years": weeks_of(100 + NOISE[:270]),
    "twelve weeks": weeks_of(100 + NOISE[:13]),
    "huge numbers": weeks_of(1e9 * (100 + NOISE[:N])),
    "tiny numbers": weeks_of(1e-9 * (100 + NOISE[:N])),
    "a sudden level": weeks_of(np.where(np.arange(N) < 58, 1.0, 1000.0)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize(
    "spec", [ModelSpec(), MULTIPLICATIVE, ModelSpec(target="log1p")], ids=["additive", "multiplicative", "log1p"]
)
def test_an_odd_history_gets_a_finite_answer(name: str, spec: ModelSpec) -> None:
    """A model, a finite forecast near what was sold, and no bound on the steps was met."""
    weeks = ODD[name]
    model = fit(weeks, PROMO_REGRESSORS, NO_HOLIDAYS, spec)
    assert model.is_converged
    assert 0 < model.sigma_obs < 1
    coming = pd.DataFrame({"ds": weeks["ds"].iloc[-4:] + pd.Timedelta(weeks=4), "promo_discount_perc": 10.0})
    last = float(weeks["y"].dropna().iloc[-1])
    rows = roll_forward(model, coming.assign(promo_days=1.0), last, seed=1, n_paths=50)
    assert np.isfinite(rows.drop(columns=["ds", "is_capped"]).to_numpy()).all()
    assert (rows["yhat_upper"] <= 20 * max(weeks["y"].max(), 1e-6)).all()


@pytest.mark.parametrize("noise", [0.0, 2e-15])
def test_a_regressor_that_was_constant_may_change(noise: float) -> None:
    """A discount of 10.7 in every week, up to rounding, taught nothing: when it ends, the forecast stays."""
    discount = 10.7 + noise * (np.arange(N) % 2)
    weeks = weeks_of(100 + NOISE[:N], promo_discount_perc=discount)
    model = fit(weeks, PROMO_REGRESSORS, NO_HOLIDAYS, ModelSpec())
    assert set(model.dropped_regressors) == set(PROMO_REGRESSORS)
    coming = pd.DataFrame({"ds": weeks["ds"].iloc[-4:] + pd.Timedelta(weeks=4), "promo_days": 0.0})
    rows = [
        roll_forward(model, coming.assign(promo_discount_perc=value), 100.0, seed=1, n_paths=0)["yhat"].tolist()
        for value in (10.7, 0.0)
    ]
    assert rows[0] == rows[1]
    assert min(rows[0]) > 50


@pytest.mark.parametrize("n", [1, 2, 12])
def test_too_few_weeks_are_refused(n: int) -> None:
    """Of 12 weeks, 11 have a lag."""
    with pytest.raises(FitError, match="at least 12 are needed"):
        fit(weeks_of([5.0] * n), PROMO_REGRESSORS, NO_HOLIDAYS, ModelSpec())


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_regressor_that_is_no_number_is_refused(value: float) -> None:
    """The week is named."""
    weeks = generated(40)
    weeks.loc[30, "promo_discount_perc"] = value
    with pytest.raises(FitError, match=f"not finite in week {weeks['ds'].iloc[30].date()}"):
        fit(weeks, PROMO_REGRESSORS, NO_HOLIDAYS, ModelSpec())


# --- The reference --------------------------------------------------------------------------------------------------


def test_cmdstan_stays_the_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`engine="cmdstan"` gives a model of the same kind with Prophet's own parameters, and leaves no file behind."""
    import cmdstanpy  # makes a folder of its own when it is first imported

    assert cmdstanpy
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    weeks = generated(60)
    ours, theirs = (fit(weeks, PROMO_REGRESSORS, NO_HOLIDAYS, ModelSpec(), engine) for engine in ("map", "cmdstan"))
    assert list(tmp_path.iterdir()) == []
    blank = {"k": 0.0, "m": 0.0, "delta": (), "yearly": (), "regressors": (), "sigma_obs": 0.0}
    assert dataclasses.replace(ours, **blank) == dataclasses.replace(theirs, **blank)
    assert theirs.sigma_obs == pytest.approx(ours.sigma_obs, rel=0.05)
    assert theirs.sigma_obs != ours.sigma_obs


@pytest.mark.slow
def test_to_prophet_can_draw() -> None:
    """`predict`, `plot` and `plot_components` of the real object work."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    weeks = generated(130)
    model = fit(weeks, PROMO_REGRESSORS, holidays_of(weeks), ModelSpec())
    prophet = to_prophet(model).prophet
    forecast = prophet.predict(history_frame(model))
    assert len(forecast) == model.n_weeks
    for figure in (prophet.plot(forecast), prophet.plot_components(forecast)):
        assert figure.axes
        plt.close(figure)


def keep_what_is_compiled(folder: Path) -> set[str]:
    """Fill the folder with what has been compiled on this machine, as numba would; return the names of the files.

    But for what sources of before have left.
    """
    kept = Path(skucast.__file__).parent.rglob("__pycache__/*.nb[ic]")
    sources = Path(compiling.__file__).parent.glob("*_loops.py")
    newest = max(source.stat().st_mtime for source in sources)
    files = [file for file in kept if file.stat().st_mtime > newest]
    for file in files:
        module = file.parents[1] / "module.py"
        room = folder / caching.UserProvidedCacheLocator.get_suitable_cache_subpath(str(module))
        room.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, room / file.name)
    return {file.name for file in files}


@pytest.mark.slow
def test_compiled_code_is_kept_for_the_next_process(tmp_path: Path) -> None:
    """`python -m skucast compile` leaves what was missing; a place that cannot be written to is no failure.

    One loop is missing: all of them, as `make test` begins with, take 20 s and more.
    """
    source = str(Path(skucast.__file__).parents[1])
    command = [sys.executable, "-m", "skucast", "compile"]
    environment = {**os.environ, "PYTHONPATH": source, "NUMBA_CACHE_DIR": str(tmp_path / "kept")}
    before = keep_what_is_compiled(tmp_path / "kept")
    for missing in (tmp_path / "kept").rglob("*.additive_grid-*"):
        missing.unlink()
    subprocess.run(command, env=environment, check=True)
    kept = {path.name for path in (tmp_path / "kept").rglob("*") if path.is_file()}
    assert kept >= before
    assert {name[-4:] for name in kept if ".additive_grid-" in name} == {".nbi", ".nbc"}

    (tmp_path / "temporary").mkdir()
    nobody_writes = (
        "import os, sys; os.access = lambda *_: False; from skucast.entry.cli import main; sys.exit(main(['compile']))"
    )
    environment |= {"NUMBA_DEBUG_CACHE": "1", "TMPDIR": str(tmp_path / "temporary")}
    command = [sys.executable, "-c", nobody_writes]
    said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    assert f"data loaded from '{tmp_path / 'temporary'}" in said  # a folder that is not writable is read all the same
    assert "data saved" not in said
    assert not list((tmp_path / "temporary").iterdir())


def test_without_a_place_to_keep_it_code_is_compiled_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numba refuses to cache; the function works all the same."""

    def no_place(function: Any = None, *, cache: bool = False) -> Any:
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return numba.njit(function)

    monkeypatch.setattr(compiling, "njit", no_place)
    assert compiling.compiled(lambda value: value + 1)(1) == 2
