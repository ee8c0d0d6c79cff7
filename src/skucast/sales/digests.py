"""Digests of histories: whether what was known up to a week is still what it was."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.combination import KEY

Words = npt.NDArray[np.uint64]

DIGITS = 3
"""Decimals that count: sums of floats may differ in their last digits from one reading to the next."""

_NOTHING = np.uint64(0x5BD1E995)
"""Stands for a value that is not known."""


def digests_of(weeks: pd.DataFrame, asked: pd.DataFrame) -> npt.NDArray[np.object_]:
    """Return of each asked row (`KEY`, `data_cutoff`) the digest of its combination's weeks up to that one.

    `weeks` are those of a history, sorted. What counts are sales and promotions; None where nothing is known so early.
    """
    keys = weeks[KEY]
    starts = np.flatnonzero((keys != keys.shift()).any(axis=1).to_numpy())
    place = pd.MultiIndex.from_frame(keys.iloc[starts]).get_indexer(pd.MultiIndex.from_frame(asked[KEY]))
    first = weeks["ds"].to_numpy()[starts].astype("datetime64[D]")
    n_weeks = np.diff(np.append(starts, len(keys)))
    until = asked["data_cutoff"].to_numpy().astype("datetime64[D]")
    known = (until - first[place]) // np.timedelta64(7, "D") + 1
    is_there = (place >= 0) & (known >= 1)
    total = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(_words(weeks), dtype=np.uint64)])
    begin = starts[place]
    end = begin + np.clip(known.astype("int64"), 0, n_weeks[place])
    found = total[end] - total[begin]
    texts = [f"{word:016x}" if known else None for word, known in zip(found.tolist(), is_there.tolist(), strict=True)]
    return np.array(texts, dtype=object)


def _words(weeks: pd.DataFrame) -> Words:
    """A word of each week's content; their sum says what the weeks are."""
    word = _mixed(weeks["ds"].to_numpy().astype("datetime64[D]").astype("int64").astype(np.uint64))
    for name in ("y", "promo_discount_perc", "promo_days"):
        values = weeks[name].to_numpy(dtype="float64") * 10**DIGITS
        is_known = np.isfinite(values)
        whole = np.round(np.where(is_known, values, 0.0)).astype("int64").astype(np.uint64)
        word = _mixed(word ^ np.where(is_known, whole, _NOTHING))
    return word


def _mixed(words: Words) -> Words:
    """Words whose every bit depends on every bit of those given (splitmix64)."""
    mixed = words + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
