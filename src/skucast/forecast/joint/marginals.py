"""Each forecast row's own distribution, as it was published: what is sold at each normal score."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.combination import KEY
from skucast.core.kept_json import kept_object
from skucast.core.weeks import WEEK
from skucast.forecast.intervals import Flags, Ints
from skucast.forecast.joint.scores import PLACES
from skucast.forecast.prophet.design import Floats
from skucast.forecast.prophet.paths import INTERVAL
from skucast.scorecard.bridge import expected_of

SCORE_STEP = 0.05
SCORES: Floats = np.arange(round(PLACES[0] / SCORE_STEP), round(PLACES[-1] / SCORE_STEP) + 1) * SCORE_STEP
"""The scores at which distributions are kept: nothing is sold beyond the first and the last quantile that are known."""

LEAST_QUANTILES = 5
"""Fewer stored quantiles say no more than the interval does."""

END = NormalDist().inv_cdf(INTERVAL[1])
"""Score of the upper end of the interval."""


@dataclass(frozen=True)
class Rows:
    """The forecast rows of a cutoff by combination and step: arrays (S, H) of S combinations, sorted by article.

    `expected` is the expected value, `yhat` the published number, `final` the expected value as planners correct it,
    by as much as the published number; `counted` what a sum adds up, the planner's word where there is one. `exists`
    says which rows there are, all else is 0.
    """

    cutoff: pd.Timestamp
    keys: pd.DataFrame
    exists: Flags
    expected: Floats
    yhat: Floats
    final: Floats
    counted: Floats
    lower: Floats
    upper: Floats
    quantiles: list[tuple[Ints, Floats, Floats]]

    @property
    def n_steps(self) -> int:
        """Steps of the longest forecast."""
        return int(self.exists.shape[1])

    def label(self, step: int) -> pd.Timestamp:
        """Return the week that is `step` weeks after the cutoff."""
        return self.cutoff + step * WEEK

    def tables(self, chunk: slice) -> npt.NDArray[np.float32]:
        """Return what each row of these combinations sells at each of `SCORES`; shape (S, H, Z)."""
        yhat, lower, upper = self.yhat[chunk], self.lower[chunk], self.upper[chunk]
        side = np.where(SCORES > 0, (upper - yhat)[..., None], (yhat - lower)[..., None])
        found = np.maximum(yhat[..., None] + SCORES / END * side, 0.0).reshape(-1, len(SCORES))
        start = chunk.start * self.n_steps
        for places, scores, values in self.quantiles:
            begin, stop = np.searchsorted(places, (start, start + len(found)))
            found[places[begin:stop] - start] = values[begin:stop] @ _between(scores)
        return found.reshape(*yhat.shape, len(SCORES)).astype("float32")


def rows_of(rows: pd.DataFrame) -> Rows:
    """Return the forecast rows of one cutoff, columns of `tables.FORECASTS`, by combination and step."""
    rows = rows.sort_values(["SKU_ID", "unit", "channel", "step"], ignore_index=True)
    is_first = (rows[KEY] != rows[KEY].shift()).any(axis=1).to_numpy()
    place, step = np.cumsum(is_first) - 1, rows["step"].to_numpy(dtype="int64") - 1
    shape = int(is_first.sum()), int(step.max(initial=-1)) + 1

    def spread(values: pd.Series) -> Floats:
        found = np.zeros(shape)
        found[place, step] = values.to_numpy(dtype="float64")
        return found

    exists = np.zeros(shape, dtype="bool")
    exists[place, step] = True
    expected = rows["yhat_mean"].fillna(rows["yhat"])
    return Rows(
        cutoff=rows["cutoff"].iloc[0],
        keys=rows.loc[is_first, KEY].reset_index(drop=True),
        exists=exists,
        expected=spread(expected),
        yhat=spread(rows["yhat"]),
        final=spread(_final(rows, expected)),
        counted=spread(pd.Series(expected_of(rows))),
        lower=spread(rows["yhat_lower"]),
        upper=spread(rows["yhat_upper"]),
        quantiles=list(_quantiles(rows["quantiles"], place * shape[1] + step)),
    )


def _final(rows: pd.DataFrame, expected: pd.Series) -> pd.Series:
    """What is expected, in the ratio of the planner's number to the published one; that number itself beside a 0."""
    changed = rows["final"].notna() & (rows["final"] != rows["yhat"])
    sold = rows["yhat"] > 0
    return expected.mask(changed & ~sold, rows["final"]).mask(changed & sold, expected * rows["final"] / rows["yhat"])


def _quantiles(texts: pd.Series, places: Ints) -> Iterable[tuple[Ints, Floats, Floats]]:
    """The stored quantiles of those rows that have enough of them: places, scores (Q,) and values (N, Q).

    One item for all rows that have the same probabilities, places in order.
    """
    found: dict[tuple[str, ...], tuple[list[int], list[list[float]]]] = {}
    for place, text in zip(places.tolist(), texts, strict=True):
        stored = kept_object(text)
        if len(stored) >= LEAST_QUANTILES:
            its_places, its_values = found.setdefault(tuple(stored), ([], []))
            its_places.append(place)
            its_values.append(list(stored.values()))
    for names, (its_places, its_values) in found.items():
        probabilities = np.array([float(name) for name in names])
        order = np.argsort(probabilities)
        scores = np.array([NormalDist().inv_cdf(each) for each in probabilities[order]])
        yield np.array(its_places), scores, np.array(its_values, dtype="float64")[:, order]


def _between(scores: Floats) -> Floats:
    """The matrix (Q, Z) that makes values at `SCORES` of those at these scores, on straight lines, level beyond."""
    return np.stack([np.interp(SCORES, scores, each) for each in np.eye(len(scores))])
