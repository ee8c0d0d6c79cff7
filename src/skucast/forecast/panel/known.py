"""The promotions of coming weeks as all combinations knew them at an origin, the same rule as for one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from skucast.core.combination import Combination
from skucast.core.weeks import WeekClock
from skucast.forecast.panel.grid import Grid
from skucast.forecast.prophet.design import Floats
from skucast.regressors.built_in import PROMOTIONS
from skucast.regressors.declared_values import filled_ahead
from skucast.regressors.promotions import Plan, PlannedWeeks


@dataclass(frozen=True)
class PromotionsAhead:
    """What is known of the promotions of H coming weeks of S combinations; shape (S, H).

    `depth` is the mean discount, percent, `days` those with a promotion, `is_planned` tells promotions that are known,
    rather than expected. `declared` are the values of the grid's further regressors, NaN where not known. `source` (S,)
    says where the promotions are from at a past origin, as `PromotionsFrom`; None of those that are to come.
    """

    depth: Floats
    days: Floats
    is_planned: npt.NDArray[np.bool_]
    declared: tuple[Floats, ...] = ()
    source: npt.NDArray[np.str_] | None = None


Known = Callable[[int, int], PromotionsAhead]
"""What was known after so many weeks of the promotions of so many weeks to come."""


@dataclass(frozen=True)
class KnownAhead:
    """What was known of promotions after so many weeks of the grid.

    `plan` is about the grid's combinations in their order; `has_plan` (S,) tells those of which forecasts made now have
    one, `declared_now` of which declared regressors they know values.
    """

    grid: Grid
    plan: Plan
    clock: WeekClock
    has_plan: npt.NDArray[np.bool_]
    declared_now: Sequence[frozenset[str]] = ()

    def __call__(self, end: int, n_weeks: int) -> PromotionsAhead:
        """Return what was known of the promotions of the weeks after the first `end`.

        As `ahead_at`: what the plan said then; where it had said nothing but does now, what came to pass; else the
        recent average.
        """
        origin = self.grid.label(end)
        planned = self.plan.as_of(self.clock.end_of(origin), self.clock.targets(origin, n_weeks))
        said = ahead_of(self.grid, end, planned, n_weeks)
        was_known = np.array([each.is_known for each in planned.values()])
        is_perfect = ~was_known & self.has_plan
        came_to_pass = is_perfect[:, None]
        depth, days = (values[:, end : end + n_weeks] for values in (self.grid.depth, self.grid.days))
        return PromotionsAhead(
            np.where(came_to_pass, depth, said.depth),
            np.where(came_to_pass, days, said.days),
            np.where(came_to_pass, days > 0, said.is_planned),
            tuple(self._declared(end, planned, said)),
            np.where(was_known, "plan", np.where(is_perfect, "perfect_plan", "expected")),
        )

    def _declared(
        self, end: int, planned: Mapping[Combination, PlannedWeeks], said: PromotionsAhead
    ) -> Iterator[Floats]:
        """What was known of declared regressors, likewise."""
        for (regressor, values), known in zip(self.grid.declared, said.declared, strict=True):
            each = zip(self.declared_now, planned.values(), strict=True)
            came_to_pass = [regressor.name in now - then.declared.said for now, then in each]
            coming = values[:, end : end + known.shape[1]]
            yield np.where(np.array(came_to_pass)[:, None], coming, known[:, : coming.shape[1]])


def ahead_of(grid: Grid, end: int, planned: Mapping[Combination, PlannedWeeks], n_weeks: int) -> PromotionsAhead:
    """Return the promotions of the weeks after the first `end`: as planned, else what stands in by declaration.

    `planned` is about the grid's combinations in their order; of its weeks the last `n_weeks` are meant.
    """
    weeks = [each.last(n_weeks) for each in planned.values()]
    is_covered = np.array([each.is_covered for each in weeks])
    said_depth, said_days = np.array([each.discount for each in weeks]), np.array([each.days for each in weeks])
    is_there = np.arange(end) >= grid.first_weeks[:, None]
    depth, days = (
        filled_ahead(np.where(is_there, past[:, :end], np.nan), np.where(is_covered, said, np.nan), each.unknown)
        for each, past, said in zip(PROMOTIONS, (grid.depth, grid.days), (said_depth, said_days), strict=True)
    )
    return PromotionsAhead(
        depth,
        days,
        is_covered & (said_days > 0),
        tuple(np.array([each.declared.values[regressor.name] for each in weeks]) for regressor, _ in grid.declared),
    )
