"""What past origins teach of the published number: the components' weights, and how far sales lie from it.

Stored as one file for all combinations, beside the panel.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict

from skucast.core.bounds import check_day, check_length, check_names
from skucast.core.combination import Combination
from skucast.core.model_files import SharedFile, most_bytes
from skucast.forecast.blend import COMPONENTS, LEAST_ORIGINS, blended, weights_where_told
from skucast.forecast.evidence import MOST_COMBINATIONS, MOST_MODELS, MOST_ORIGINS, Evidence
from skucast.forecast.intervals import Flags, Group, Ints, Spread, check_groups, groups_of, scale_of, thirds_of
from skucast.forecast.joint.correlations import Correlations, correlations_of, group_codes
from skucast.forecast.joint.scores import scores_of
from skucast.forecast.panel.features import RECENT, levels
from skucast.forecast.panel.grid import Grid
from skucast.forecast.panel.known import Known
from skucast.forecast.panel.model import AGAIN, PanelForecast
from skucast.forecast.plain import Limits, Read, StoredPayload, read, written
from skucast.forecast.plausible import MOST_TIMES
from skucast.forecast.prophet.design import Floats
from skucast.forecast.prophet.paths import INTERVAL

BLEND = SharedFile("blend")

Forecaster = Literal["blend", "prophet", "panel"]
"""Whose number is published."""

SCALE_WEEKS = 26

ROUNDED = 0.01
"""Weights are kept to four digits: so far from 1 they may add up."""

OwnEvidence = Mapping[Combination, Mapping[str, Sequence[float]]]
"""Of combinations with a model of their own: its forecasts at past origins, by their label."""


@dataclass(frozen=True)
class BlendModel:
    """How the components are blended, and how far sales have lain from the published number.

    `components` are ours and, behind them, the models beside ours that take part. `weights` are by combination and
    component, `pooled` those of the others; empty: the median of the components.
    `origins` are the labels they were learnt at; `spread` has, for the blend and the panel, the groups of errors, and
    `joint` how those go together (nothing in files of before it was learnt).
    """

    __pydantic_config__ = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    cutoff_label: str
    components: tuple[str, ...]
    origins: tuple[str, ...]
    pooled: tuple[float, ...]
    weights: dict[str, tuple[float, ...]]
    spread: dict[str, list[Group]]
    joint: dict[str, Correlations] = field(default_factory=dict)

    @property
    def cutoff(self) -> date:
        """The last week that it was learnt from."""
        return date.fromisoformat(self.cutoff_label)

    def check(self) -> None:
        """Refuse parts that do not fit each other.

        Raises:
            ValueError: without ours first, or one twice; no weights of these, no distributions, or no correlations.
        """
        check_day(self.cutoff_label, "the cutoff")
        check_names(self.origins, "origins", MOST_ORIGINS)
        for origin in self.origins:
            check_day(origin, "an origin")
        check_length(self.weights, "weights", MOST_COMBINATIONS)
        check_names(self.components, "components", MOST_MODELS)
        n_components = len(self.components)
        if self.components[: len(COMPONENTS)] != COMPONENTS or len(set(self.components)) != n_components:
            raise ValueError("it blends other components than there are")
        if {len(each) for each in self.weights.values()} - {n_components} or len(self.pooled) not in {0, n_components}:
            raise ValueError("a combination has another number of weights than there are components")
        for weights in (self.pooled, *self.weights.values()):
            if weights and not (min(weights) >= 0 and abs(sum(weights) - 1) <= ROUNDED):
                raise ValueError("weights are negative, or do not add up to 1")
        if {*self.spread, *self.joint} - {"blend", "panel"}:
            raise ValueError("it knows the errors of another number than there is")
        for groups in self.spread.values():
            check_groups(groups)
        for correlations in self.joint.values():
            correlations.check()

    @property
    def others(self) -> tuple[str, ...]:
        """The models beside ours that take part."""
        return self.components[len(COMPONENTS) :]

    def weights_for(self, combinations: Sequence[Combination]) -> Floats | None:
        """Return the weights of each, (S, K); None: the median of the components is published."""
        if not self.pooled:
            return None
        return np.array([self.weights.get(str(each), self.pooled) for each in combinations]).reshape(
            -1, len(self.components)
        )


@dataclass(frozen=True, eq=False)
class Origin:
    """All that is known of one past origin, of S combinations and H steps.

    `forecasts` (K, S, H) of the components, `actual` NaN where unknown or nothing has been sold lately (`sells`, (S,)),
    scale, thirds and `is_promo` as the intervals want them, `promotions` (S,) where those that were known are from.
    """

    label: date
    forecasts: Floats
    actual: Floats
    sells: Flags
    scale: Floats
    thirds: Ints
    is_promo: Flags
    promotions: npt.NDArray[np.str_] | None


@dataclass(frozen=True)
class Past:
    """What the components would have forecast at past origins, and what would have been published of it there."""

    grid: Grid
    origins: tuple[Origin, ...]
    components: tuple[str, ...] = COMPONENTS

    @functools.cached_property
    def blends(self) -> list[Floats]:
        """The blend of each origin by the weights that the others teach, (S, H)."""
        return [self._blend(place) for place in range(len(self.origins))]

    @functools.cached_property
    def panels(self) -> list[Floats]:
        """The panel's own number of each origin, (S, H)."""
        return [panel_of(each.forecasts) for each in self.origins]

    def intervals(self, forecaster: Forecaster) -> list[tuple[Floats, Floats] | None]:
        """Return the ends of the 80 % interval of what would have been published at each origin, (S, H).

        By the errors at the others, whose numbers have not seen it either; None where they are too few.
        """
        return [self._interval(place, is_blended=forecaster == "blend") for place in range(len(self.origins))]

    def _interval(self, place: int, *, is_blended: bool) -> tuple[Floats, Floats] | None:
        origin, others = self.origins[place], [each for each in range(len(self.origins)) if each != place]
        numbers = [self._blend(each, place) if is_blended else self.panels[each] for each in others]
        spread = Spread.of(_spread([self.origins[each] for each in others], numbers))
        if spread is None:
            return None
        yhat = self.blends[place] if is_blended else self.panels[place]
        lower, upper = (spread.quantile(each, yhat, origin.scale, origin.thirds, origin.is_promo) for each in INTERVAL)
        return np.minimum(lower, yhat), np.maximum(upper, yhat)

    def _blend(self, place: int, unseen: int | None = None) -> Floats:
        """The blend of an origin by weights that have seen neither it nor the other one."""
        return blended(self.origins[place].forecasts, self._weights_without(frozenset({place, unseen} - {None})))

    def _weights_without(self, places: frozenset[int | None]) -> Floats | None:
        if places not in self._weights:
            origins = [each for place, each in enumerate(self.origins) if place not in places]
            self._weights[places] = _weights(origins)
        return self._weights[places]

    @functools.cached_property
    def _weights(self) -> dict[frozenset[int | None], Floats | None]:
        return {}


def past_of(
    grid: Grid,
    known: Known,
    own: OwnEvidence,
    kept: Evidence,
    origins: Sequence[date],
    horizon: int,
    others: Sequence[str] = (),
) -> Past:
    """Return what is known of these origins; those of which the panel's evidence is not kept tell nothing.

    Of the `others` those are components that have said something at enough of them.
    """
    told = {
        origin: forecast
        for origin in origins
        if (forecast := kept.forecast(origin, grid.combinations, horizon)) is not None and grid.end(origin) > 0
    }
    said = {
        name: {origin: kept.of_model(name, origin, grid.combinations, horizon) for origin in told} for name in others
    }
    enough = [
        name for name, at in said.items() if sum(not np.isnan(each).all() for each in at.values()) >= LEAST_ORIGINS
    ]
    found = [
        _at(grid, known, own, origin, forecast, [said[name][origin] for name in enough])
        for origin, forecast in told.items()
    ]
    return Past(grid, tuple(found), (*COMPONENTS, *enough))


def learn(past: Past) -> BlendModel:
    """Return what past origins teach."""
    grid, found = past.grid, past.origins
    weights = _weights(found)
    mean = np.array([]) if weights is None else weights.mean(axis=0)
    published = {"blend": past.blends, "panel": past.panels}
    spread = {name: _spread(found, numbers) for name, numbers in published.items()}
    by_name = {} if weights is None else dict(zip(map(str, grid.combinations), weights.round(4).tolist(), strict=True))
    return BlendModel(
        str(grid.label(grid.n_weeks)),
        past.components,
        tuple(str(each.label) for each in found),
        tuple(mean.round(4).tolist()),
        {name: tuple(each) for name, each in by_name.items()},
        spread,
        {
            name: _correlations(found, numbers, groups, grid.combinations)
            for name, numbers in published.items()
            if (groups := Spread.of(spread[name])) is not None
        },
    )


def panel_of(forecasts: Floats) -> Floats:
    """Return the panel's own number, the mean of its two; `forecasts` (K, S, H)."""
    found: Floats = np.mean(forecasts[1 : len(COMPONENTS)], axis=0)
    return found


def scale_at(grid: Grid, end: int, panel: PanelForecast, rows: Ints) -> tuple[Floats, Ints]:
    """Return the scale of the intervals (N, H) of a forecast made after `end` weeks, and the volume thirds (N,).

    `panel` is what it says of N combinations, `rows` of the grid.
    """
    mean_26 = np.nan_to_num(grid.sold.mean(max(end - SCALE_WEEKS, 0), end))
    thirds = thirds_of(levels(grid, end), _sells(grid, end))
    return scale_of(panel.lower, panel.upper, mean_26[rows]), thirds[rows]


def _sells(grid: Grid, end: int) -> Flags:
    """Which combinations have sold anything lately; the others are forecast 0."""
    recent: Flags = np.nan_to_num(grid.sold.mean(max(end - RECENT, 0), end)) > 0
    return recent


def _at(
    grid: Grid, known: Known, own: OwnEvidence, origin: date, panel: PanelForecast, others: Sequence[Floats]
) -> Origin:
    end, horizon = grid.end(origin), panel.absolute.shape[1]
    nothing = [np.nan] * horizon
    said = [own.get(each, {}).get(str(origin), nothing) for each in grid.combinations]
    prophet = np.array([list(steps) if len(steps) == horizon else nothing for steps in said])  # else of another horizon
    sells, ahead = _sells(grid, end), known(end, horizon)
    actual = np.where(sells[:, None], grid.y[:, end : end + horizon], np.nan)
    scale, thirds = scale_at(grid, end, panel, np.arange(len(grid.y)))
    forecasts = np.stack([prophet, panel.absolute, panel.log, *others])
    largest = np.fmax(np.fmax.reduce(grid.y[:, : end + horizon], axis=1, initial=0.0), 1.0)
    forecasts[forecasts > MOST_TIMES * largest[:, None]] = np.nan  # of a damaged file: it would weigh on everybody
    return Origin(origin, forecasts, actual, sells, scale, thirds, ahead.is_planned, ahead.source)


def _joined(origins: Sequence[Origin]) -> tuple[Floats, Floats]:
    return (
        np.concatenate([each.forecasts for each in origins], axis=2),
        np.concatenate([each.actual for each in origins], axis=1),
    )


def _weights(origins: Sequence[Origin]) -> Floats | None:
    """The weights that these origins teach; None where they are too few, or nothing was forecast by all of ours."""
    if len(origins) < LEAST_ORIGINS:
        return None
    forecasts, actual = _joined(origins)
    is_told = ~np.isnan(forecasts[: len(COMPONENTS)]).any(axis=0) & ~np.isnan(actual)
    return weights_where_told(forecasts, actual) if is_told.any() else None


def _spread(origins: Sequence[Origin], published: Sequence[Floats]) -> list[Group]:
    if not origins:
        return []
    error = np.concatenate([each.actual - yhat for each, yhat in zip(origins, published, strict=True)])
    scale, thirds, is_promo = (
        np.concatenate([getattr(each, name) for each in origins]) for name in ("scale", "thirds", "is_promo")
    )
    return groups_of(error, scale, thirds, is_promo)


def _correlations(
    origins: Sequence[Origin], published: Sequence[Floats], spread: Spread, combinations: Sequence[Combination]
) -> Correlations:
    """How the errors of these origins go together; large combinations count by their scale."""
    scores = [
        scores_of(each.actual - yhat, each.scale, spread, each.thirds, each.is_promo)
        for each, yhat in zip(origins, published, strict=True)
    ]
    codes = group_codes([each.parts for each in combinations])
    return correlations_of(np.stack(scores), np.stack([each.scale for each in origins]), codes)


_LIMITS = Limits(n_bytes=most_bytes(BLEND), n_lists=1_000_000, n_values=8_000_000)
"""Of a combination it has one list and five values."""


def dumps(model: BlendModel) -> StoredPayload:
    """Return the bytes of the file and their version."""
    content: dict[str, Any] = asdict(model)
    return written(content, model.cutoff_label, model)


def loads(payload: bytes) -> Read[BlendModel]:
    """Return what is stored and its version; nothing in the bytes can run code.

    Raises:
        ModelError: empty, truncated, hostile, damaged or of another format; says which.
    """
    return read(payload, BlendModel, limits=_LIMITS, again=AGAIN)
