"""What forecasts add up to: by week and over all weeks, with the quantiles of the sums."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from skucast.core.combination import KEY
from skucast.core.tables.contract import ALL
from skucast.core.tables.totals import ALL_WEEKS, TOTAL_LEVELS
from skucast.forecast.intervals import PROBABILITIES, Flags, Ints, as_texts
from skucast.forecast.joint.correlations import Correlations, group_codes
from skucast.forecast.joint.marginals import Rows
from skucast.forecast.joint.paths import N_PATHS, Chunk, Singles, simulate
from skucast.forecast.prophet.design import Floats

BLOCK = 256
"""Groups whose versions are sorted at once."""

MOST_BYTES = 256 * 2**20
"""Room for the versions of units' channels, which are all in memory; where that is too little there are fewer."""

LEAST_PATHS = 500

LOWER, UPPER = PROBABILITIES.index(0.1), PROBABILITIES.index(0.9)


@dataclass(frozen=True)
class _Groups:
    """The groups of a level: `keys` (G rows of KEY), and which of them each combination is in, `codes` (S,)."""

    keys: pd.DataFrame
    codes: Ints


def totals_of(rows: Rows, correlations: Correlations, also: Callable[[Chunk], None] | None = None) -> pd.DataFrame:
    """Return the sums of the rows: columns of `tables.TOTALS` but for `correlation_source` and the run's own.

    What is simulated for it is shown to `also`, chunk by chunk.
    """
    names = group_codes(list(rows.keys[KEY].itertuples(index=False, name=None)))
    groups = {level: _groups(rows.keys, names, by) for level, by in TOTAL_LEVELS.items()}
    quantiles = _simulated(rows, correlations, groups, also)
    parts = [_level_rows(rows, level, its, quantiles[level]) for level, its in groups.items()]
    return pd.concat(parts, ignore_index=True)


def _groups(keys: pd.DataFrame, names: Mapping[str, Ints], by: tuple[str, ...]) -> _Groups:
    """The groups by these names, sorted; `names` has each combination's numbers of its names, in their order."""
    combined: Ints = np.zeros(len(keys), dtype="int64")
    for name in by:
        combined = combined * (int(names[name].max(initial=0)) + 1) + names[name]
    _, first, codes = np.unique(combined, return_index=True, return_inverse=True)
    others = {name: ALL for name in KEY if name not in by}
    return _Groups(keys.iloc[first].reset_index(drop=True).assign(**others), codes.astype("int64"))


def _simulated(
    rows: Rows, correlations: Correlations, groups: Mapping[str, _Groups], also: Callable[[Chunk], None] | None
) -> dict[str, Floats]:
    """By level the quantiles of its groups' sums, (G, H + 1, Q): week by week, and of all weeks."""
    pairs = groups["unit_channel"]
    of_pairs: Singles | None = None
    articles = _Articles(groups["SKU_ID"], rows.n_steps)
    alone = np.zeros((len(rows.keys), rows.n_steps + 1, len(PROBABILITIES)))
    for chunk in simulate(rows, correlations, _n_paths(len(pairs.keys), rows.n_steps)):
        if also:
            also(chunk)
        if of_pairs is None:
            of_pairs = np.zeros((len(pairs.keys), *chunk.sold.shape[1:]), dtype="float32")
        for code, sold in zip(pairs.codes[chunk.rows].tolist(), chunk.sold, strict=True):
            of_pairs[code] += sold
        articles.add(chunk)
        alone[chunk.rows, -1] = _quantiles(chunk.sold.sum(axis=1))
    found = {"combination": alone, "SKU_ID": articles.finish()}
    if of_pairs is not None:
        for level in ("unit_channel", "unit", "channel", "total"):
            codes = groups[level].codes[_first_of(pairs.codes)]
            sums = np.zeros((len(groups[level].keys), *of_pairs.shape[1:]), dtype="float32")
            for code, sold in zip(codes.tolist(), of_pairs, strict=True):
                sums[code] += sold
            found[level] = _of_weeks_and_all(sums)
    return found


def _n_paths(n_pairs: int, n_steps: int) -> int:
    """How many versions there are room for: an even number, as many as are wanted but for very many sums."""
    room = MOST_BYTES // (4 * n_pairs * n_steps)
    return max(min(N_PATHS, room // 2 * 2), LEAST_PATHS)


def _first_of(codes: Ints) -> Ints:
    """Where each group stands first, in the order of the groups."""
    return np.unique(codes, return_index=True)[1].astype("int64")


class _Articles:
    """The sums of articles, whose combinations follow each other: no more than a chunk of them is in memory."""

    def __init__(self, groups: _Groups, n_steps: int) -> None:
        self.codes = groups.codes
        self.quantiles = np.zeros((len(groups.keys), n_steps + 1, len(PROBABILITIES)))
        self.begun: tuple[int, Singles] | None = None

    def add(self, chunk: Chunk) -> None:
        """Take in the next combinations; the last article among them may go on in the next chunk."""
        codes = self.codes[chunk.rows]
        starts = np.flatnonzero(np.diff(codes, prepend=-1))
        sums = np.add.reduceat(chunk.sold, starts, axis=0)
        if self.begun is not None and self.begun[0] == codes[0]:
            sums[0] += self.begun[1]
        elif self.begun is not None:
            self.finish()
        self.quantiles[codes[starts[:-1]]] = _of_weeks_and_all(sums[:-1])
        self.begun = int(codes[-1]), sums[-1].copy()

    def finish(self) -> Floats:
        """Return the quantiles, of the last article too."""
        if self.begun is not None:
            self.quantiles[self.begun[0]] = _of_weeks_and_all(self.begun[1][None])[0]
        return self.quantiles


def _of_weeks_and_all(sums: Singles) -> Floats:
    """The quantiles of sums (G, H, P) week by week and of all weeks, (G, H + 1, Q)."""
    found = np.zeros((len(sums), sums.shape[1] + 1, len(PROBABILITIES)))
    for first in range(0, len(sums), BLOCK):
        part = slice(first, first + BLOCK)
        found[part, :-1], found[part, -1] = _quantiles(sums[part]), _quantiles(sums[part].sum(axis=1))
    return found


def _quantiles(sold: Singles) -> Floats:
    """The kept quantiles along the last axis, at least 0."""
    ordered = np.sort(sold, axis=-1)
    places = np.array(PROBABILITIES) * sold.shape[-1] - 0.5
    low = np.clip(np.floor(places).astype("int64"), 0, sold.shape[-1] - 1)
    high = np.minimum(low + 1, sold.shape[-1] - 1)
    below = ordered[..., low].astype("float64")
    found: Floats = np.maximum(below + (places - low).clip(0, 1) * (ordered[..., high] - below), 0.0)
    return found


def _level_rows(rows: Rows, level: str, groups: _Groups, quantiles: Floats) -> pd.DataFrame:
    """The rows of one level, all steps; of single combinations that of all weeks alone: each week has its own row."""
    n_groups, n_steps = len(groups.keys), rows.n_steps

    def summed(values: Floats | Flags) -> Floats:
        found = np.zeros((n_groups, n_steps + 1))
        np.add.at(found[:, :n_steps], groups.codes, values)
        found[:, n_steps] = found[:, :n_steps].sum(axis=1)
        return found

    n = summed(rows.exists)
    n[:, n_steps] = np.bincount(groups.codes, rows.exists.any(axis=1), n_groups)
    last = n_steps - np.argmax(n[:, n_steps - 1 :: -1] > 0, axis=1)
    is_wanted = n > 0
    if level == "combination":
        is_wanted[:, :n_steps] = False
        is_wanted[:, n_steps] = np.all(rows.exists, axis=1)[np.argsort(groups.codes)]
        quantiles = quantiles[np.argsort(groups.codes)]
    group, place = np.nonzero(is_wanted)
    is_all = place == n_steps
    weeks = np.array([rows.label(step) for step in range(1, n_steps + 1)], dtype="datetime64[us]")
    yhat, found = summed(rows.expected)[is_wanted], quantiles[is_wanted]
    return pd.DataFrame(
        {
            "cutoff": rows.cutoff,
            "level": level,
            **{name: groups.keys[name].to_numpy()[group] for name in KEY},
            "ds_from": weeks[np.where(is_all, 0, place)],
            "ds": weeks[np.where(is_all, last[group] - 1, place)],
            "step": np.where(is_all, ALL_WEEKS, place + 1),
            "n_combinations": n[is_wanted].astype("int64"),
            "yhat": yhat,
            "yhat_lower": np.minimum(found[:, LOWER], yhat),
            "yhat_upper": np.maximum(found[:, UPPER], yhat),
            "sum_yhat": summed(rows.yhat)[is_wanted],
            "final": summed(rows.counted)[is_wanted],
            "quantiles": as_texts(PROBABILITIES, found),
        }
    )
