"""Tuning of one combination: every setting of a grid forecasts the last origins, the best few are kept.

Each setting is fitted on what was known at an origin and rolled forward as prediction does, so no later step sees a
true lag. Settings that share their columns are solved together (`solver.solve_grid`). May import `design`, `spec`, the
solver and the recursion.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from skucast.forecast.prophet.design import Design, Floats, Problem, WeekGrid, Window, design, problem_of, until
from skucast.forecast.prophet.elsewhere import NOTHING_ELSEWHERE, TINY, Elsewhere, Errors
from skucast.forecast.prophet.recursion import Recursion, recursion_of
from skucast.forecast.prophet.solver import Priors, priors_of, solve_grid
from skucast.forecast.prophet.spec import LAG, Mode, ModelSpec

Tune = Literal["off", "fast", "full"]

MIN_FOLDS = 2
"""Fewest origins that settings are chosen by; with fewer the default settings are used."""

DAMPED = 0.3
"""Factor on the prior scale of promotions' effects where their plan makes the backtest worse."""

LEAST_GAIN = 0.05
"""Share of the error that must go for effects to be damped: less is as often luck."""

WEIGHT_ELSEWHERE = 2.0
"""What a setting's WAPE over many combinations counts against its WAPE for the one; see docs/decisions/0030."""


@dataclass(frozen=True)
class Fold:
    """One origin: the last known position of the grid, the weeks it forecasts, and what was known of them then.

    `rows` (H,) positions of the weeks; `regressors` (H, R) as in `Window`; `last_y` the lag of the first; `y` (H,) what
    was sold, NaN = unknown. `known` are the weeks up to `last`, where their regressors were others then.
    `problems` keeps what settings share.
    """

    last: int
    rows: npt.NDArray[np.int64]
    regressors: Floats
    last_y: float
    y: Floats
    known: Window | None = None
    problems: dict[tuple[object, ...], Problem] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True)
class Scores:
    """Forecasts of G settings at F origins for H weeks, sales per week, shape (G, F, H); `y` (F, H), NaN = unknown.

    `n_stopped` counts the fits that met a bound on their steps.
    """

    specs: list[ModelSpec]
    yhat: Floats
    y: Floats
    n_stopped: int = 0

    def best(self, n: int, places: Sequence[int], elsewhere: Sequence[float] = ()) -> list[int]:
        """Return the n settings with the least absolute error at those origins, best first; no number is the worst.

        `elsewhere` is the WAPE of each setting over many combinations, of as many as are known; it counts beside the
        WAPE here: 24 weeks of one combination are few to choose among 44 settings by.
        """
        y = self.y[list(places)]
        total = np.nan_to_num(self.errors[:, list(places)].sum(axis=1), nan=np.inf)
        if len(elsewhere) == len(self.specs):
            total = total / max(float(np.nansum(np.abs(y))), TINY) + WEIGHT_ELSEWHERE * np.array(elsewhere)
        return [int(place) for place in np.argsort(total, kind="stable")[:n]]

    @functools.cached_property
    def errors(self) -> Floats:
        """The sum of absolute errors of each setting at each origin, sales, shape (G, F)."""
        found: Floats = np.where(np.isnan(self.y), 0.0, np.abs(self.yhat - self.y)).sum(axis=2)
        return found

    def error(self, chosen: Sequence[int], places: Sequence[int]) -> float:
        """Return the absolute error of the chosen settings' mean forecast at those origins, sales."""
        y = self.y[list(places)]
        mean = self.yhat[list(chosen)][:, list(places)].mean(axis=0)
        return float(np.where(np.isnan(y), 0.0, np.abs(mean - y)).sum())

    def wape(self, chosen: Sequence[int], places: Sequence[int]) -> float | None:
        """Return the WAPE (ratio) of the chosen settings' mean forecast at those origins; None = undefined."""
        sold = float(np.nansum(np.abs(self.y[list(places)])))
        return self.error(chosen, places) / sold if sold else None


@dataclass(frozen=True)
class Choice:
    """The settings to use: `final` chosen by all origins, `earlier` by those before the ones that the backtest reports.

    So the backtest of `earlier` is what choosing in this way would have reached. `report` goes into the model card. Of
    the settings that were tried `scores` knows what they forecast, at `late` for the origins of the backtest.
    """

    final: list[ModelSpec]
    earlier: list[ModelSpec]
    report: dict[str, Any]
    scores: Scores | None = None
    late: tuple[int, ...] = ()

    def forecast_late(self, specs: Sequence[ModelSpec]) -> Floats | None:
        """Return the mean forecast of settings at the origins of the backtest, one after the other; None if untried."""
        if self.scores is None or not set(specs) <= set(self.scores.specs):
            return None
        places = [self.scores.specs.index(spec) for spec in specs]
        found: Floats = self.scores.yhat[places][:, list(self.late)].mean(axis=0).ravel()
        return found


def choose(
    known: Window,
    grid: WeekGrid,
    folds: Sequence[Fold],
    base: ModelSpec,
    tune: Tune,
    n_late: int,
    n_best: int,
    elsewhere: Elsewhere = NOTHING_ELSEWHERE,
) -> Choice:
    """Return the best settings of a grid around `base`, up to `n_best` of them to be averaged.

    Args:
        known: the history.
        grid: the weeks that all combinations share.
        folds: origins, oldest first; the last `n_late` are those that the backtest reports.
        base: what the grid does not vary, and what is used where there are too few origins.
        tune: `off` (base alone), `fast` or `full`.
        n_late: origins of the backtest.
        n_best: how many settings' forecasts are averaged where that does better than the best one alone.
        elsewhere: how well the settings did for other combinations.

    Raises:
        FitError: too few weeks are known at an origin.
    """
    origins, early = _usable(folds, n_late)
    if tune == "off" or len(early) < MIN_FOLDS:
        return Choice([base], [base], {})
    scores = score(known, grid, origins, list(_settings(base, tune)))
    every = list(range(len(origins)))
    late = [place for place in every if place not in early]
    earlier, _ = _chosen(known, grid, origins, scores, early, tune, n_best, elsewhere.earlier)
    final, seen = _chosen(known, grid, origins, scores, every, tune, n_best, elsewhere.every)
    places = [seen.specs.index(spec) for spec in final]
    report = {
        "grid": tune,
        "settings": len(seen.specs) - len(final),  # without the damped ones of the best
        "origins": len(origins),
        "wape": seen.wape(places, every),
        "wape_each": [seen.wape([place], every) for place in places],
        "wape_default": scores.wape([0], every),
        "backtest_wape_default": scores.wape([0], late),
        "stopped_fits": seen.n_stopped,
    }
    return Choice(final, earlier, report, seen, tuple(late))


def errors_of(
    known: Window, grid: WeekGrid, folds: Sequence[Fold], base: ModelSpec, tune: Tune, n_late: int
) -> Errors | None:
    """Return how far each setting was off, None where there are too few origins to choose by."""
    origins, early = _usable(folds, n_late)
    if len(early) < MIN_FOLDS:
        return None
    scores = score(known, grid, origins, list(_settings(base, tune)))
    sold = np.nansum(np.abs(scores.y), axis=1)
    return Errors(scores.errors.sum(axis=1), float(sold.sum()), scores.errors[:, early].sum(axis=1), sold[early].sum())


def _usable(folds: Sequence[Fold], n_late: int) -> tuple[list[Fold], list[int]]:
    """The origins whose weeks are known, and the places of those before the backtest's."""
    usable = [(fold, place < len(folds) - n_late) for place, fold in enumerate(folds) if np.isfinite(fold.y).any()]
    return [fold for fold, _ in usable], [place for place, (_, is_early) in enumerate(usable) if is_early]


@functools.cache
def _settings(base: ModelSpec, tune: Tune) -> tuple[ModelSpec, ...]:
    """The base first, then the others of the grid."""
    return (base, *(spec for spec in GRIDS[tune](base) if spec != base))


def score(known: Window, grid: WeekGrid, folds: Sequence[Fold], specs: list[ModelSpec]) -> Scores:
    """Return what every setting would have forecast at every origin, of which there is at least one.

    Raises:
        FitError: too few weeks are known at an origin.
    """
    yhat = np.empty((len(specs), len(folds), len(folds[0].rows)))
    n_stopped = 0
    for places, first, priors in _by_shape(tuple(specs)):
        for place, fold in enumerate(folds):
            yhat[places, place], stopped = _forecasts(_problem(known, grid, fold, first), fold.last_y, priors)
            n_stopped += stopped
    return Scores(specs, yhat, np.array([fold.y for fold in folds]), n_stopped)


@functools.lru_cache(maxsize=64)
def _by_shape(specs: tuple[ModelSpec, ...]) -> list[tuple[list[int], ModelSpec, Priors]]:
    """The settings that are solved together: their places, the first of them, and their priors."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for place, spec in enumerate(specs):
        groups.setdefault(spec.shape, []).append(place)
    return [(places, specs[places[0]], priors_of([specs[i] for i in places])) for places in groups.values()]


def _problem(known: Window, grid: WeekGrid, fold: Fold, spec: ModelSpec) -> Problem:
    """The problem of an origin, made once for all that share its columns where the origin has its own past."""
    if fold.known is None:
        return problem_of(design(until(known, fold.last), grid, spec), grid, fold.rows, fold.regressors)
    if spec.columns not in fold.problems:
        fold.problems[spec.columns] = problem_of(design(fold.known, grid, spec), grid, fold.rows, fold.regressors)
    return fold.problems[spec.columns]


def forecasts_at(
    known: Window, grid: WeekGrid, folds: Sequence[Fold], base: ModelSpec, tune: Tune, n_best: int
) -> Floats:
    """Return what would have been forecast at each origin, oldest first, by the settings chosen at those before it.

    Chosen as `choose` does, of the grid alone; an origin tells once all its weeks have passed. With fewer than
    MIN_FOLDS such origins it is the base's forecast. Shape (F, H), sales per week.

    Raises:
        FitError: too few weeks are known at an origin.
    """
    if not folds:
        return np.empty((0, 0))
    specs = [base] if tune == "off" else list(_settings(base, "fast"))
    scores = score(known, grid, folds, specs)
    found = np.empty((len(folds), len(folds[0].rows)))
    for place, fold in enumerate(folds):
        earlier = [each for each, past in enumerate(folds) if past.rows[-1] <= fold.last and np.isfinite(past.y).any()]
        chosen = [0]
        if len(earlier) >= MIN_FOLDS and len(specs) > 1:
            n = n_best if len(earlier) > MIN_FOLDS and _average_pays(scores, earlier, n_best) else 1
            chosen = scores.best(n, earlier)
        found[place] = scores.yhat[chosen, place].mean(axis=0)
    return found


def _chosen(
    known: Window,
    grid: WeekGrid,
    folds: Sequence[Fold],
    scores: Scores,
    places: Sequence[int],
    tune: Tune,
    n_best: int,
    elsewhere: Sequence[float],
) -> tuple[list[ModelSpec], Scores]:
    """The settings that did best at these origins and nowhere else, and the scores they were chosen from."""
    if tune == "full":
        near = refinements(scores.specs[scores.best(1, places)[0]])
        scores = _joined(scores, score(known, grid, folds, [spec for spec in near if spec not in scores.specs]))
    n = n_best if _average_pays(scores, places, n_best, elsewhere) else 1
    best = scores.best(n, places, elsewhere)
    scores = _joined(scores, score(known, grid, folds, [damped(scores.specs[place]) for place in best]))
    tamed = list(range(len(scores.specs) - n, len(scores.specs)))
    return [scores.specs[place] for place in (tamed if _damping_pays(scores, best, tamed, places) else best)], scores


def _damping_pays(scores: Scores, best: Sequence[int], tamed: Sequence[int], places: Sequence[int]) -> bool:
    """Whether the best settings err less with smaller effects of promotions, by more than luck."""
    return scores.error(tamed, places) < (1 - LEAST_GAIN) * scores.error(best, places)


def _average_pays(scores: Scores, places: Sequence[int], n_best: int, elsewhere: Sequence[float] = ()) -> bool:
    """Whether the mean of the best few, chosen without an origin, did no worse there than the best one alone."""
    alone = together = 0.0
    for left_out in places:
        others = [place for place in places if place != left_out]
        alone += scores.error(scores.best(1, others, elsewhere), [left_out])
        together += scores.error(scores.best(n_best, others, elsewhere), [left_out])
    return together <= alone


def _forecasts(problem: Problem, last_y: float, priors: Priors) -> tuple[Floats, int]:
    """Fit the settings on the past and roll them forward over the weeks ahead, shape (G, H), sales per week.

    Also return how many of the fits met a bound on their steps.
    """
    made, t = problem.design, problem.t
    solved = solve_grid(made, priors)
    params = solved.params
    n_features = problem.features.shape[1]
    recursion = _recursion(made, priors, params[:, 2 + n_features - 1])  # the lag is the last feature
    line = params[:, :2] @ np.vstack([t, np.ones_like(t)])
    trend = (line + params[:, 2 + n_features :] @ problem.hinges.T) * made.y_scale
    effect = params[:, 2 : 2 + n_features] @ problem.features.T
    course = recursion.roll(trend, effect, recursion.to_target(np.full(len(params), last_y)))
    return recursion.to_sales(course.clipped), int((~solved.is_converged).sum())


def _recursion(problem: Design, priors: Priors, lag_beta: Floats) -> Recursion:
    """How settings of one shape roll forward; `lag_beta` (G,) is not read where the design has no lag."""
    n = len(lag_beta)
    lag = next((column for column in problem.columns if column.name == LAG), None)
    return recursion_of(
        y_scale=np.full(n, problem.y_scale),
        y_max=np.full(n, problem.y_max),
        is_multiplicative=np.full(n, priors.mode == "multiplicative"),
        is_log=np.full(n, problem.target == "log1p"),
        lag_beta=lag_beta if lag else np.zeros(n),
        lag_mean=np.full(n, lag.mu if lag else 0.0),
        lag_std=np.full(n, lag.std if lag else 1.0),
    )


def _joined(one: Scores, other: Scores) -> Scores:
    yhat = np.concatenate([one.yhat, other.yhat])
    return Scores(one.specs + other.specs, yhat, one.y, one.n_stopped + other.n_stopped)


def damped(spec: ModelSpec) -> ModelSpec:
    """Return the setting with smaller effects of promotions."""
    return dataclasses.replace(spec, promo_prior_scale=DAMPED * spec.promo_prior_scale)


# --- Grids ----------------------------------------------------------------------------------------------------------


SEASONS_AND_TRENDS = [
    *((season, trend) for season in (0.02, 0.1) for trend in (0.01, 0.05, 0.1)),
    (0.01, 0.05),
    (0.01, 0.1),
    (0.003, 0.1),
]
"""Prior scales of season and trend, from a firm season on a stiff trend to hardly any on one that bends."""


def fast_grid(base: ModelSpec) -> list[ModelSpec]:
    """Return 44 settings, most of them on log(1 + sales); chosen on real sales, see docs/decisions/0012 and 0030."""
    log = dataclasses.replace(base, target="log1p", seasonality_mode="additive")
    plain = dataclasses.replace(base, target="sales", seasonality_prior_scale=0.02)
    modes: tuple[Mode, ...] = ("additive", "multiplicative")
    return [
        *(
            dataclasses.replace(
                log,
                holidays_prior_scale=holidays,
                lag_prior_scale=lag,
                seasonality_prior_scale=season,
                changepoint_prior_scale=trend,
            )
            for holidays in (0.02, 0.1)
            for lag in (10.0, 0.02)
            for season, trend in SEASONS_AND_TRENDS
        ),
        *(
            dataclasses.replace(plain, seasonality_mode=mode, lag_prior_scale=lag, changepoint_prior_scale=trend)
            for mode in modes
            for lag in (10.0, 0.02)
            for trend in (0.01, 0.1)
        ),
    ]


def full_grid(base: ModelSpec) -> list[ModelSpec]:
    """Return the 900 settings of this business: 2 modes x 3 ranges x 5 holiday x 6 season x 5 changepoint scales."""
    modes: tuple[Mode, ...] = ("additive", "multiplicative")
    return [
        dataclasses.replace(
            base,
            seasonality_mode=mode,
            changepoint_range=changepoint_range,
            holidays_prior_scale=holidays,
            seasonality_prior_scale=season,
            changepoint_prior_scale=trend,
        )
        for mode in modes
        for changepoint_range in (0.8, 0.9, 0.95)
        for holidays in (0.01, 0.1, 0.5, 1.0, 10.0)
        for season in (0.01, 0.02, 0.1, 0.5, 1.0, 10.0)
        for trend in (0.001, 0.01, 0.05, 0.1, 0.5)
    ]


def refinements(best: ModelSpec) -> list[ModelSpec]:
    """Return the neighbours of the best of the 900 in what that grid leaves alone: the target and the lag's scale."""
    shapes = [best, dataclasses.replace(best, target="log1p", seasonality_mode="additive")]
    near = [dataclasses.replace(shape, lag_prior_scale=lag) for shape in shapes for lag in (10.0, 0.1, 0.02)]
    return [spec for spec in near if spec != best]


GRIDS: dict[str, Callable[[ModelSpec], list[ModelSpec]]] = {"fast": fast_grid, "full": full_grid}
