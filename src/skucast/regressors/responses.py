"""What promotions have done to sales: by depth of the discount, of one combination, shrunk to its article and to all.

A response is the log of a factor: sales of a promoted week over what is usual around it without a promotion. It is
the value that a promotion enters a model with, instead of its depth: it saturates where the responses that were seen
do, and a depth that a combination never had works as it did elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.combination import KEY, Combination
from skucast.core.declared import USES
from skucast.regressors.built_in import PROMOTIONS
from skucast.regressors.declared_values import filled_ahead
from skucast.regressors.promotions import PROMO_REGRESSORS
from skucast.sales.columns import Weeks, numbers

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int64]

DISCOUNT, DAYS = PROMO_REGRESSORS
RESPONSE_REGRESSORS = RESPONSE, RESPONSE_BEFORE = USES["promotion"].made
"""The response to the week's promotion, and to that of the week before: what the lag has of it is no level."""

DEPTHS = np.array([0.0, 5.0, 15.0, 25.0, 37.0, 50.0])
"""Discounts of promotions, percent, at which a response is told; linear between them, beyond the last one as there.

A promotion may be without a discount: a display.
"""

USUAL_WEEKS = 8
"""Weeks before and after one whose sales without a promotion tell what is usual."""

MOST_LOG = 3.0
"""A factor beyond 20, or below a twentieth, is no response."""

SHRINK_OWN, SHRINK_SKU, SHRINK_ALL = 10.0, 4.0, 2.0
"""Promotions that the article's responses count as among a combination's, those of all among the article's, and none
among those of all; see docs/decisions/0030."""


@dataclass(frozen=True)
class Response:
    """How one combination answers to a discount: the log of the factor at each of `DEPTHS`."""

    logs: tuple[float, ...]

    def to(self, depth: Floats, days: Floats) -> Floats:
        """Return the response to weeks of such discounts (percent) and days of promotion; 0 where there are none."""
        found: Floats = np.where(days > 0, np.interp(depth, DEPTHS, self.logs), 0.0)
        return found

    def to_weeks(self, weeks: Weeks) -> Floats:
        """Return the response to the promotion of each week of a history."""
        depth, days = (numbers(weeks, name) for name in PROMO_REGRESSORS)
        return self.to(depth, days)


def responded(weeks: Weeks, response: Response) -> dict[str, Floats]:
    """Return the `RESPONSE_REGRESSORS` of one combination's weeks."""
    found = response.to_weeks(weeks)
    before = np.concatenate([[0.0], found[:-1]])[: len(found)]
    return dict(zip(RESPONSE_REGRESSORS, (found, before), strict=True))


def responses_ahead(
    weeks: Weeks, promotions: Mapping[str, Floats], source: npt.NDArray[np.object_], response: Response | None
) -> dict[str, Floats]:
    """Return the `RESPONSE_REGRESSORS` of the weeks after a history, shape (H,); 0 where no response is known.

    `promotions` is what is known of the weeks, `source` where it is from: where nothing is planned, what stands in for
    a discount does for the response, the mean of recent ones, not the response to their mean discount.
    """
    if response is None:
        return {name: np.zeros(len(source)) for name in RESPONSE_REGRESSORS}
    past, told = response.to_weeks(weeks), response.to(*(promotions[name] for name in PROMO_REGRESSORS))
    found = filled_ahead(past, np.where(source == "expected", np.nan, told), PROMOTIONS[0].unknown)
    before = np.concatenate([past[-1:] if len(past) else [0.0], found[:-1]])
    return dict(zip(RESPONSE_REGRESSORS, (found, before), strict=True))


def responses_at(weeks: pd.DataFrame, origins: Sequence[date]) -> dict[Combination, dict[date, Response]]:
    """Return the response of every combination as it was known at each of the origins, labels of weeks.

    `weeks` are those of all combinations: `KEY`, `ds`, `y` (NaN = unknown), discount and days of promotion.
    """
    first = weeks["ds"].min()
    place, named = _places(weeks)
    week = ((weeks["ds"] - first).dt.days // 7).to_numpy()
    shape = (len(named), int(week.max()) + 1)
    y, depth, is_promoted = np.full(shape, np.nan), np.zeros(shape), np.zeros(shape, dtype=bool)
    y[place, week] = weeks["y"]
    depth[place, week] = weeks[DISCOUNT]
    is_promoted[place, week] = weeks[DAYS] > 0
    _, sku = np.unique([each.sku_id for each in named], return_inverse=True)
    found: dict[Combination, dict[date, Response]] = {each: {} for each in named}
    for origin in origins:
        end = (pd.Timestamp(origin) - first).days // 7 + 1
        if end > 0:
            table = _table(y[:, :end], depth[:, :end], is_promoted[:, :end], np.asarray(sku, dtype="int64"))
            for each, logs in zip(named, table.tolist(), strict=True):
                found[each][origin] = Response(tuple(logs))
    return found


def _places(weeks: pd.DataFrame) -> tuple[Codes, list[Combination]]:
    """The place of each row's combination, and the combinations in the order of their places."""
    groups = weeks.groupby(KEY, sort=True)
    named = [Combination(*parts) for parts in groups.size().index]
    return np.asarray(groups.ngroup(), dtype="int64"), named


def _table(y: Floats, depth: Floats, is_promoted: Flags, sku: Codes) -> Floats:
    """The logs of all combinations at `DEPTHS`, shape (S, depths): means, each shrunk to those of more series."""
    log = _log_factors(y, is_promoted)
    is_told = is_promoted & ~np.isnan(log)
    log = np.nan_to_num(log)
    columns = [_shrunk(log, weight * is_told, sku) for weight in _nearness(depth)]
    return np.column_stack(columns)


def _shrunk(log: Floats, weight: Floats, sku: Codes) -> Floats:
    """The weighted mean of each combination, shrunk to its article's, and that to the mean of all."""
    total, count = (log * weight).sum(axis=1), weight.sum(axis=1)
    everyone = total.sum() / (count.sum() + SHRINK_ALL)
    of_sku = (np.bincount(sku, total) + SHRINK_SKU * everyone) / (np.bincount(sku, count) + SHRINK_SKU)
    found: Floats = (total + SHRINK_OWN * of_sku[sku]) / (count + SHRINK_OWN)
    return found


def _log_factors(y: Floats, is_promoted: Flags) -> Floats:
    """Log of each week's sales over what is usual around it without a promotion; NaN where nothing tells."""
    log = np.log1p(y)
    is_plain = ~np.isnan(y) & ~is_promoted
    total, count = (_sums(part) for part in (np.where(is_plain, log, 0.0), is_plain))
    weeks = np.arange(y.shape[1])
    first, end = np.maximum(weeks - USUAL_WEEKS, 0), np.minimum(weeks + USUAL_WEEKS + 1, y.shape[1])
    n = count[:, end] - count[:, first]
    with np.errstate(divide="ignore", invalid="ignore"):
        usual = np.where(n > 0, (total[:, end] - total[:, first]) / n, np.nan)
    found: Floats = np.clip(log - usual, -MOST_LOG, MOST_LOG)
    return found


def _sums(values: Floats | Flags) -> Floats:
    """Sums of the first 0, 1, ... weeks."""
    return np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1, dtype="float64")], axis=1)


def _nearness(depth: Floats) -> Iterator[Floats]:
    """How much each week's discount tells of each of `DEPTHS`: 1 there, 0 at the next ones."""
    for at_one in np.eye(len(DEPTHS)):
        yield np.interp(depth, DEPTHS, at_one)


def lift_curves(weeks: pd.DataFrame, groups: Mapping[str, str | None]) -> pd.DataFrame:
    """Return how much more is sold by depth: `by`, `name`, depth (percent), lift (1 = as usual), n.

    `weeks` as in `responses_at`, with the depth as it was offered (`promo_depth`, NaN = not known: 0); `groups` names a
    column of KEY by what its curves are called, None for one of all. `n` counts the promoted weeks nearest to a depth;
    one without any has no row. The mean of a group's logs is drawn towards that of all, as in a forecast.
    """
    place, named = _places(weeks)
    week = ((weeks["ds"] - weeks["ds"].min()).dt.days // 7).to_numpy()
    shape = (len(named), int(week.max()) + 1)
    y, depth, is_promoted = np.full(shape, np.nan), np.zeros(shape), np.zeros(shape, dtype=bool)
    y[place, week], is_promoted[place, week] = weeks["y"], weeks[DAYS] > 0
    depth[place, week] = weeks["promo_depth"].fillna(0.0)
    log = _log_factors(y, is_promoted)
    row, at = np.nonzero(is_promoted & ~np.isnan(log))
    nearest = np.asarray(np.abs(depth[row, at][:, None] - DEPTHS).argmin(axis=1), dtype="int64")
    parts = pd.DataFrame([each.parts for each in named], columns=KEY).assign(everyone="")
    everyone, count = (np.bincount(nearest, each, len(DEPTHS)) for each in (log[row, at], None))
    usual = everyone / (count + SHRINK_ALL)
    curves = []
    for by, column in groups.items():
        names, code = np.unique(parts[column or "everyone"].to_numpy(dtype=object), return_inverse=True)
        cell, n_cells = code[row] * len(DEPTHS) + nearest, len(names) * len(DEPTHS)
        total, n = np.bincount(cell, log[row, at], n_cells), np.bincount(cell, minlength=n_cells)
        drawn = usual if column is None else (total + SHRINK_SKU * np.tile(usual, len(names))) / (n + SHRINK_SKU)
        curve = {"name": np.repeat(names, len(DEPTHS)), "depth": np.tile(DEPTHS, len(names)), "lift": np.exp(drawn)}
        curves.append(pd.DataFrame({"by": by, **curve, "n": n})[n > 0])
    return pd.concat(curves, ignore_index=True)
