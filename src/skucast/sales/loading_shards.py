"""Files of one delivery that have lines of the same days and combinations: those would count twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from skucast.core.combination import KEY, clean_name
from skucast.core.errors import Overlap

SHOWN = 3
"""Examples that a message names."""

_COMBINATIONS = 1 << 32
"""More than there are: a day and the number of a combination are one number."""


class Shards:
    """Which days x combinations each file of a delivery has; each is kept once a file, as one number.

    Args:
        key: what the spellings of a name have in common, by column.
        label: the day that a column of days counts for: itself, or the label of its week.
    """

    def __init__(self, key: Callable[[str, str], str], label: Callable[[pd.Series], pd.Series]) -> None:
        self._key = key
        self._label = label
        self._numbers: dict[tuple[str, ...], int] = {}
        self._shown: list[tuple[str, ...]] = []
        self._of: dict[str, np.ndarray] = {}

    def add(self, file: str, rows: pd.DataFrame) -> None:
        """Note some lines of a file; those without a day or a name meet nothing."""
        lines = rows[["date", *KEY]].dropna()
        if not len(lines):
            return
        numbers = lines.groupby(KEY, sort=False).ngroup().to_numpy()
        parts = lines[KEY].drop_duplicates().itertuples(index=False, name=None)
        of = np.array([self._number(each) for each in parts], dtype="int64")[numbers]
        days = self._label(lines["date"]).to_numpy().astype("datetime64[D]").astype("int64")
        found = np.unique(days * _COMBINATIONS + of)
        self._of[file] = np.union1d(self._of[file], found) if file in self._of else found

    def refuse_shared(self, source: str) -> None:
        """Refuse what several of the files have.

        Raises:
            Overlap: two files have lines of the same day and combination.
        """
        if len(self._of) < 2:
            return
        found, counts = np.unique(np.concatenate(list(self._of.values())), return_counts=True)
        shared = found[counts > 1]
        if not len(shared):
            return
        examples = ", ".join(map(self._example, shared[:SHOWN].tolist()))
        raise Overlap(
            f"{source}: its files share {len(shared):,} days x combinations, which would count twice: {examples}; "
            "nothing was loaded: load the files one by one, the later export with --replace, "
            "or --add if their lines add up"
        )

    def _number(self, parts: tuple[str, ...]) -> int:
        key = tuple(self._key(column, clean_name(part)) for column, part in zip(KEY, parts, strict=True))
        if key not in self._numbers:
            self._numbers[key] = len(self._shown)
            self._shown.append(parts)
        return self._numbers[key]

    def _example(self, number: int) -> str:
        day, place = divmod(number, _COMBINATIONS)
        files = [Path(file).name for file, of in self._of.items() if number in of]
        return f"{'/'.join(self._shown[place])} on {np.datetime64(day, 'D')} (in {' and '.join(files[:SHOWN])})"
