"""What a forecast may know of the weeks to come, now and at the origins of a backtest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.history import carried
from skucast.regressors.promotions import PROMO_REGRESSORS, PlannedWeeks, promotions_ahead

Floats = npt.NDArray[np.float64]

PromotionsFrom = Literal["plan", "perfect_plan", "expected"]
"""What stood in for the promotions of an origin's weeks: the plan as it was known then, those that came to pass, or
the recent average."""


@dataclass(frozen=True)
class Ahead:
    """What is known of the H weeks after a history: `regressors` by name and the source of the promotions, (H,)."""

    regressors: dict[str, Floats]
    promo_source: npt.NDArray[Any]

    def frame(self, targets: Sequence[date]) -> pd.DataFrame:
        """Return one row per target week: `ds` and the regressors."""
        ds = pd.Series(pd.to_datetime(list(targets)).astype("datetime64[us]"), name="ds")
        return pd.DataFrame({"ds": ds, **self.regressors})


@dataclass(frozen=True)
class Archive:
    """What was known of one combination at past origins: by their label, the plan of the weeks after each.

    `has_plan` tells whether forecasts made now have a plan of this combination.
    """

    plans: Mapping[date, PlannedWeeks] = field(default_factory=dict)
    has_plan: bool = False


NO_ARCHIVE = Archive()


def ahead(weeks: pd.DataFrame, planned: PlannedWeeks | None, n_weeks: int) -> Ahead:
    """Return what is known of the weeks after a history, `planned` being what the plan says of them."""
    return Ahead(*promotions_ahead(weeks, planned, n_weeks))


def ahead_at(past: pd.DataFrame, coming: pd.DataFrame, archive: Archive) -> tuple[Ahead, PromotionsFrom]:
    """Return what a forecast made after `past` could know of the weeks `coming`, and whose promotions these are.

    Where the plan had already said something of the combination then: what it said. Where it had not, but forecasts
    made now have a plan: the promotions that came to pass, as if they had been planned (`perfect_plan`).
    """
    planned = archive.plans.get(past["ds"].iloc[-1].date())
    if planned is not None and planned.is_known:
        return ahead(past, _first(planned, len(coming)), len(coming)), "plan"
    if archive.has_plan:
        return perfect_plan(coming), "perfect_plan"
    return ahead(past, None, len(coming)), "expected"


def perfect_plan(coming: pd.DataFrame) -> Ahead:
    """Return the promotions that came to pass, as if all of them had been planned."""
    values = {name: coming[name].to_numpy(dtype="float64") for name in PROMO_REGRESSORS}
    source = np.where(values["promo_days"] > 0, "planned", "none")
    return Ahead(values, source.astype(object))


def last_known(weeks: pd.DataFrame) -> float:
    """Return the sales that count as the lag of the first week after `weeks`; 0 if none is known."""
    y = carried(weeks["y"])
    return float(y.iloc[-1]) if len(y) and pd.notna(y.iloc[-1]) else 0.0


def _first(planned: PlannedWeeks, n_weeks: int) -> PlannedWeeks:
    part = slice(n_weeks)
    return PlannedWeeks(planned.discount[part], planned.days[part], planned.is_covered[part], planned.is_known)
