"""The number that is published: the components side by side, their blend, its interval and what it is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.combination import KEY, Combination
from skucast.core.errors import ModelError
from skucast.core.rows import is_about
from skucast.core.tables.forecasts import COMPONENTS as PARTS
from skucast.core.tables.forecasts import NEWCOMERS, RESTING
from skucast.forecast.blend import COMPONENTS as BLENDED
from skucast.forecast.blend import shares_of
from skucast.forecast.effects import effect_columns, with_effects_told
from skucast.forecast.forecasting import Horizon, Start, forecast_all
from skucast.forecast.intervals import PROBABILITIES, Flags, Ints, Spread, as_texts
from skucast.forecast.learnt import BlendModel, Forecaster, scale_at
from skucast.forecast.panel.features import levels, named_features, promoted_features, stacked
from skucast.forecast.panel.grid import Grid
from skucast.forecast.panel.known import ahead_of
from skucast.forecast.panel.model import AGAIN, PanelForecast, PanelModel
from skucast.forecast.panel.training import LEAST_WEEKS
from skucast.forecast.plain import Read
from skucast.forecast.plausible import MOST_TIMES, MOST_TIMES_PART, MOST_TIMES_UPPER
from skucast.forecast.prophet.design import Floats
from skucast.forecast.prophet.paths import INTERVAL
from skucast.regressors.promotions import PlannedWeeks

Target = Literal["median", "mean"]
"""What of the distribution of sales is published as yhat."""

AT_ONCE = 2_000
"""Combinations whose features are in memory together: a hundred numbers of each week, with promotions and without."""

OWN_NUMBER = (*RESTING, *NEWCOMERS)
"""Statuses whose number is neither a model's nor the panel's to tell."""


@dataclass(frozen=True)
class Shared:
    """What all combinations share of a run: the panel, what was learnt of the blend, the grid, and the plan of all.

    `planned` is about the grid's combinations in their order and the horizon's weeks after the data. `levels` are the
    intervals that are asked for, percent.
    """

    panel: Read[PanelModel]
    blend: BlendModel | None
    grid: Grid
    planned: Mapping[Combination, PlannedWeeks]
    forecaster: Forecaster
    target: Target
    levels: tuple[float, ...]
    blend_version: str | None = None

    @property
    def is_blended(self) -> bool:
        """Whether a combination's own model is asked too; without evidence, or if asked so, the panel alone is."""
        return self.forecaster == "blend" and self.blend is not None and bool(self.blend.origins)

    @property
    def others(self) -> tuple[str, ...]:
        """The models beside ours that take part in the blend."""
        return self.blend.others if self.blend is not None and self.is_blended else ()


def published(rows: pd.DataFrame, shared: Shared, horizon: Horizon, beside: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the rows of `forecast_all` with the published number in place of Prophet's or a fallback's.

    Each of our components' numbers is kept beside it. Combinations that are inactive, of a season or new, and those
    that the panel knows fewer than four weeks of, stay as they are. `beside` are the numbers of models beside ours, a
    row for each of `rows`: who takes part and has none there is left out of the number. They have no parts: what comes
    of them is level.

    Raises:
        ModelError: the panel asks for other features than there are.
    """
    combinations = [Combination(*parts) for parts in rows[KEY].drop_duplicates().itertuples(index=False, name=None)]
    shape = len(combinations), horizon.horizon_weeks
    cutoffs = [each.date() for each in rows["data_cutoff"].iloc[:: shape[1]]]
    said = _said(shared, combinations, cutoffs, horizon)

    def table(name: str) -> Floats:
        if name not in rows:
            return np.full(shape, np.nan)
        found: Floats = rows[name].to_numpy(dtype="float64").reshape(shape)
        return found

    is_own = (rows["method"] == "prophet").to_numpy().reshape(shape)
    is_mine = said.exists[:, None] & (~rows["status"].isin(OWN_NUMBER)).to_numpy().reshape(shape)
    prophet = np.where(is_own, table("yhat"), np.nan)
    others = [_numbers_of(beside, name, shape) for name in shared.others]
    forecasts = np.stack([prophet, said.absolute, said.log, *others])
    parts_said = (*said.parts, *({"level": np.nan_to_num(each)} for each in others))
    shares = _shares(forecasts, shared, combinations)
    yhat = (shares * np.nan_to_num(forecasts)).sum(axis=0)
    names = list(dict.fromkeys([*rows.columns.tolist(), *said.parts[0]]))
    parts = {
        name: shares[0] * np.where(is_own, np.nan_to_num(table(name)), 0.0)
        + sum(share * part.get(name, 0.0) for share, part in zip(shares[1:], parts_said, strict=True))
        for name in (*PARTS, *effect_columns(names))
    }
    parts["level"] = (
        parts["level"] + yhat - sum(parts[name] for name in PARTS)
    )  # where a component was clipped, its parts were not
    number = _number(said, yhat, shared)
    of_mine = {"yhat": number.yhat, "yhat_lower": number.lower, "yhat_upper": number.upper, **parts}
    is_beside_panel = is_own | np.isfinite(forecasts[len(BLENDED) :]).any(axis=0)
    method = np.where(is_beside_panel & shared.is_blended, "blend", "panel")  # though the median may be the panel's
    made = rows.assign(
        **{name: np.where(is_mine, values, table(name)).ravel() for name, values in of_mine.items()},
        method=np.where(is_mine, method, rows["method"].to_numpy().reshape(shape)).ravel(),
        yhat_prophet=prophet.ravel(),
        yhat_panel=said.absolute.ravel(),
        yhat_panel_log=said.log.ravel(),
        yhat_mean=np.where(is_mine, number.mean, np.nan).ravel(),
        quantiles=_where(is_mine, _as_text(number.quantiles, is_mine.size)),
        panel_version=_where(is_mine, [shared.panel.version] * is_mine.size),
        blend_version=_where(is_mine, [shared.blend_version] * is_mine.size),
    )
    return with_effects_told(made)


def _numbers_of(beside: pd.DataFrame | None, name: str, shape: tuple[int, int]) -> Floats:
    if beside is None or name not in beside:
        return np.full(shape, np.nan)
    found: Floats = beside[name].to_numpy(dtype="float64").reshape(shape)
    return found


def absurd_ones(rows: pd.DataFrame, largest: Mapping[Combination, float]) -> list[Combination]:
    """Return those of the panel's or the blend's combinations whose number is absurd beside what was sold, or is none.

    `largest` has each one's largest week.
    """
    mine = rows[rows["method"].isin(("blend", "panel"))]
    combinations = [Combination(*parts) for parts in mine[KEY].itertuples(index=False, name=None)]
    most = np.array([max(largest[each], 1.0) for each in combinations])
    is_fine = np.ones(len(mine), dtype=np.bool_)
    for name, times in _MOST_TIMES.items():
        is_fine &= np.abs(mine[name].to_numpy(dtype="float64")) / most <= times  # NaN is not
    return sorted({each for each, fine in zip(combinations, is_fine.tolist(), strict=True) if not fine})


_MOST_TIMES = {
    **dict.fromkeys(("yhat", "yhat_mean", "yhat_lower"), MOST_TIMES),
    "yhat_upper": MOST_TIMES_UPPER,
    **dict.fromkeys(PARTS, MOST_TIMES_PART),
}


def mixed(forecasts: Floats, shared: Shared, combinations: Sequence[Combination]) -> Floats:
    """Return what is published of components (K, S, H), NaN = none, before it is made a mean; shape (S, H)."""
    found: Floats = (_shares(forecasts, shared, combinations) * np.nan_to_num(forecasts)).sum(axis=0)
    return found


def rows_without_panel(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `forecast_all` with nothing but Prophet's number beside the published one."""
    nothing = dict.fromkeys(("yhat_panel", "yhat_panel_log", "yhat_mean"), np.nan)
    own = rows["yhat"].where(rows["method"] == "prophet")
    made = rows.assign(yhat_prophet=own, **nothing, quantiles=None, panel_version=None, blend_version=None)
    return with_effects_told(made)


def with_naive(
    rows: pd.DataFrame, beaten: Mapping[Combination, str], naive: Callable[[Combination, str], Start], horizon: Horizon
) -> pd.DataFrame:
    """Return the published rows with a naive forecast where a model that backtests clearly worse would stand alone.

    A blend is left as it is: it weighs the model by its past. The model's number is kept beside the naive one.
    """
    alone = rows.loc[rows["method"] == "prophet", KEY].drop_duplicates().itertuples(index=False, name=None)
    starts = [naive(each, beaten[each]) for each in (Combination(*parts) for parts in alone) if each in beaten]
    if not starts:
        return rows
    key = [*KEY, "ds"]
    made = rows_without_panel(forecast_all(starts, horizon, lambda each: naive(each, beaten[each]))).drop(
        columns="yhat_prophet"
    )
    made = made.merge(rows[[*key, "yhat_prophet"]], on=key)[rows.columns]
    others = rows[~is_about(rows, made)]
    return pd.concat([others, made], ignore_index=True).sort_values(key, ignore_index=True)


def _shares(forecasts: Floats, shared: Shared, combinations: Sequence[Combination]) -> Floats:
    """How much of each component is published: by the weights; the panel alone where nothing is blended."""
    if shared.blend is None or not shared.is_blended:
        weights = np.tile([0.0, 0.5, 0.5], (len(combinations), 1))
        exists = ~np.isnan(forecasts[1])
        return np.where(exists, weights.T[:, :, None], np.nan)
    return shares_of(forecasts, shared.blend.weights_for(combinations))


@dataclass(frozen=True)
class _Said:
    """What the panel says of the rows' combinations and weeks, (S, H); `parts` of its two numbers; `exists` (S,).

    `steps` count from the last week that the combination knows: who is late is further from it.
    """

    exists: Flags
    absolute: Floats
    log: Floats
    lower: Floats
    upper: Floats
    parts: tuple[dict[str, Floats], dict[str, Floats]]
    scale: Floats
    thirds: Ints
    is_promo: Flags
    steps: Ints


def _said(shared: Shared, combinations: Sequence[Combination], cutoffs: Sequence[date], horizon: Horizon) -> _Said:
    """Ask the panel, once for all combinations that know the same weeks."""
    place = {each: row for row, each in enumerate(shared.grid.combinations)}
    rows = np.array([place[each] for each in combinations], dtype="int64")
    groups = [(cutoff, np.array([each == cutoff for each in cutoffs])) for cutoff in sorted(set(cutoffs))]
    asked = [(of, _asked(shared, rows[of], cutoff, horizon)) for cutoff, of in groups]
    order = np.argsort(np.concatenate([np.flatnonzero(of) for of, _ in asked]))

    def joined(name: str) -> Any:
        return np.concatenate([getattr(each, name) for _, each in asked])[order]

    parts = tuple(
        {name: np.concatenate([each.parts[number][name] for _, each in asked])[order] for name in asked[0][1].parts[0]}
        for number in (0, 1)
    )
    names = ("exists", "absolute", "log", "lower", "upper", "scale", "thirds", "is_promo", "steps")
    return _Said(parts=(parts[0], parts[1]), **{name: joined(name) for name in names})


def _asked(shared: Shared, rows: Ints, cutoff: date, horizon: Horizon) -> _Said:
    """Of combinations, rows of the grid, that know the weeks up to this one: of the horizon's weeks alone."""
    grid, panel, end = shared.grid, shared.panel.content, shared.grid.end(cutoff)
    n_ahead = len(horizon.weeks_after(cutoff))
    ahead = ahead_of(grid, end, shared.planned, n_ahead)
    features = named_features(grid, end, ahead.depth, ahead.days, ahead.declared)
    if tuple(features) != panel.features:
        raise ModelError(f"the panel asks for other features than there are; {AGAIN}")
    nothing = np.zeros(ahead.depth.shape)
    plain = {**features, **promoted_features(grid, end, nothing, nothing)}
    weeks, level = slice(-horizon.horizon_weeks, None), levels(grid, end)
    exists = grid.sold.count[rows, end] >= LEAST_WEEKS
    grid.let_go()
    found = [
        panel.explained(stacked(features, some, weeks), stacked(plain, some, weeks), level[some])
        for some in np.split(rows, range(AT_ONCE, len(rows), AT_ONCE))
    ]
    said = PanelForecast(**_joined([vars(each) for each, _, _ in found]))
    parts = _joined([each for _, each, _ in found]), _joined([each for _, _, each in found])
    scale, thirds = scale_at(grid, end, said, rows)
    known = {name: np.where(exists[:, None], values, np.nan) for name, values in vars(said).items()}
    return _Said(
        exists,
        **known,
        parts=parts,
        scale=scale,
        thirds=thirds,
        is_promo=ahead.is_planned[rows][:, weeks],
        steps=np.tile(np.arange(1, n_ahead + 1)[weeks], (len(rows), 1)),
    )


def _joined(parts: Sequence[Mapping[str, Floats]]) -> dict[str, Floats]:
    """The values of each name, of all parts."""
    return {name: np.concatenate([each[name] for each in parts]) for name in parts[0]}


@dataclass(frozen=True)
class _Number:
    """The published number, the expected value, the 80 % interval that holds the number, and quantiles, (S, H)."""

    yhat: Floats
    mean: Floats
    lower: Floats
    upper: Floats
    quantiles: dict[float, Floats]


def _number(said: _Said, blend: Floats, shared: Shared) -> _Number:
    """Return what is published of the blend; without errors of the past the interval is the panel's own."""
    spread = Spread.of(shared.blend.spread.get(shared.forecaster, [])) if shared.blend else None
    if spread is None:
        return _Number(blend, blend, np.minimum(said.lower, blend), np.maximum(said.upper, blend), {})
    where = said.scale, said.thirds, said.is_promo, said.steps
    mean = spread.expected(blend, *where)
    yhat = mean if shared.target == "mean" else blend
    lower, upper = (spread.quantile(each, blend, *where) for each in INTERVAL)
    asked = {round((100 + side * level) / 200, 6) for level in shared.levels for side in (-1, 1)}
    quantiles = {each: spread.quantile(each, blend, *where) for each in sorted(asked.union(PROBABILITIES))}
    return _Number(yhat, mean, np.minimum(lower, yhat), np.maximum(upper, yhat), quantiles)


def _where(is_mine: Flags, texts: Sequence[str | None]) -> npt.NDArray[np.object_]:
    chosen = [text if mine else None for mine, text in zip(is_mine.ravel().tolist(), texts, strict=True)]
    return np.array(chosen, dtype=object)


def _as_text(quantiles: Mapping[float, Floats], n_rows: int) -> Sequence[str | None]:
    """Each row's quantiles as JSON, by probability; None without any."""
    if not quantiles:
        return [None] * n_rows
    return as_texts(list(quantiles), np.column_stack([values.ravel() for values in quantiles.values()]))
