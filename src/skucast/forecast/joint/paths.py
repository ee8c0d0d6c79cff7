"""Joint simulation: what all combinations may sell in the coming weeks, in many equally likely versions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from skucast.core.combination import KEY
from skucast.forecast.joint.correlations import Correlations, group_codes
from skucast.forecast.joint.marginals import SCORE_STEP, SCORES, Rows

Singles = npt.NDArray[np.float32]
"""Single precision: what is simulated needs no more, and takes half the memory."""

N_PATHS = 2000
"""Versions: the ends of an interval are then off by some 3 % of its half width."""

CHUNK_CELLS = 4_000_000
"""Weeks times versions that are simulated at once: some 16 MB an array."""


BY_CHUNK = "SKU_ID"
"""The factor that is drawn with the chunks: there may be as many articles as combinations."""


@dataclass(frozen=True)
class Chunk:
    """The versions of some combinations in their order, from row `first` on: `sold` (C, H, P), sales per week."""

    first: int
    sold: Singles

    @property
    def rows(self) -> slice:
        """Which of the rows they are."""
        return slice(self.first, self.first + len(self.sold))


def simulate(rows: Rows, correlations: Correlations, n_paths: int = N_PATHS) -> Iterator[Chunk]:
    """Yield what may be sold, all combinations in their order; the same rows give the same numbers.

    Each row keeps the spread of its own distribution, and how rows go together is told by the correlations. Half of the
    versions are mirrored, and each row's mean is its expected value, so that sums have theirs.
    """
    draws = _Draws(rows, correlations, n_paths // 2)
    size = max(1, CHUNK_CELLS // max(rows.n_steps * n_paths, 1))
    for first in range(0, len(rows.keys), size):
        chunk = slice(first, min(first + size, len(rows.keys)))
        half, table = draws.scores(chunk), rows.tables(chunk)
        sold = np.concatenate([_sold_at(half, table), _sold_at(-half, table)], axis=2)
        sold += (rows.expected[chunk] - sold.mean(axis=2, dtype="float64")).astype("float32")[:, :, None]
        yield Chunk(first, np.where(rows.exists[chunk][:, :, None], sold, np.float32(0)))


class _Draws:
    """The normal scores of all combinations, drawn chunk after chunk in their order."""

    def __init__(self, rows: Rows, correlations: Correlations, n_draws: int) -> None:
        self.random = np.random.default_rng(rows.cutoff.toordinal())
        self.correlations, self.n_draws, self.n_steps = correlations, n_draws, rows.n_steps
        self.codes = group_codes(list(rows.keys[KEY].itertuples(index=False, name=None)))
        middles = (np.arange(n_draws) + 0.5) / max(n_draws, 1)
        self.normals: Singles = np.array([NormalDist().inv_cdf(each) for each in middles], dtype="float32")
        self.common = {
            name: self._factor(name, int(code.max(initial=0)) + 1)
            for name, code in self.codes.items()
            if name != BY_CHUNK
        }
        self.last: tuple[int, Singles] | None = None

    def scores(self, chunk: slice) -> Singles:
        """Return the next scores, (C, H, P / 2); chunks follow each other."""
        n_rows, own, lasting = chunk.stop - chunk.start, self.correlations.own, self.correlations.lasting["own"]
        found = self.random.standard_normal((n_rows, self.n_steps, self.n_draws), dtype="float32")
        found *= np.float32(math.sqrt(own * (1 - lasting)))
        stays = self.random.standard_normal((n_rows, 1, self.n_draws), dtype="float32")
        found += np.float32(math.sqrt(own * lasting)) * stays
        for name, factor in self.common.items():
            found += factor[self.codes[name][chunk]]
        codes = self.codes[BY_CHUNK][chunk]
        found += self._articles(int(codes[0]), int(codes[-1]))[codes - codes[0]]
        return found

    def _articles(self, first: int, last: int) -> Singles:
        """The factor of these articles; an article that the chunk before had begun keeps its own."""
        kept = self.last[1] if self.last and self.last[0] == first else self._factor(BY_CHUNK, 1)[0]
        found = np.concatenate([kept[None], self._factor(BY_CHUNK, last - first)])
        self.last = last, found[-1]
        return found

    def _factor(self, name: str, n_groups: int) -> Singles:
        """What the members of each group have in common, (G, H, P / 2): a part that lasts, a part of each week.

        Each is the same normal values in another order, so that few versions show the whole distribution.
        """
        share, lasting = self.correlations.shares[name], self.correlations.lasting[name]
        parts = np.tile(self.normals, (n_groups, self.n_steps + 1, 1))
        parts = self.random.permuted(parts, axis=2, out=parts)
        found: Singles = np.float32(math.sqrt(share * (1 - lasting))) * parts[:, 1:]
        found += np.float32(math.sqrt(share * lasting)) * parts[:, :1]
        return found


def _sold_at(scores: Singles, table: Singles) -> Singles:
    """What is sold at these scores (C, H, N), by each row's table (C, H, Z): on straight lines between its values."""
    places = (scores - np.float32(SCORES[0])) * np.float32(1 / SCORE_STEP)
    np.clip(places, 0, np.float32(len(SCORES) - 1.001), out=places)
    low = places.astype("int32")
    places -= low
    low += (np.arange(table.shape[0] * table.shape[1], dtype="int32") * len(SCORES)).reshape(*table.shape[:2], 1)
    values = table.ravel()
    found: Singles = values[low]
    found += places * (values[low + 1] - found)
    return found
