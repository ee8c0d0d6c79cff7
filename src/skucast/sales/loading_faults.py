"""What does not fit in a file, gathered so that it can be corrected at one go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain, zip_longest

import pandas as pd

from skucast.core.errors import InputError
from skucast.core.quoting import Lines, quoted
from skucast.core.tables.contract import Column

MAX_SHOWN = 20
"""Faults that are shown; the others are counted."""

Fault = tuple[str, int, str]
"""File, row and words."""


class Faults:
    """Faults by file and row; of each kind the first ones are kept, all are counted."""

    def __init__(self) -> None:
        self._kept: dict[str, list[Fault]] = {}
        self._counts: Counter[str] = Counter()

    @property
    def count(self) -> int:
        """How many there are."""
        return self._counts.total()

    def add(self, kind: str, file: str, row: int, text: str) -> None:
        """Add one that is about a row of a file; the words for its kind stand behind their number."""
        self._counts[kind] += 1
        kept = self._kept.setdefault(kind, [])
        if len(kept) < MAX_SHOWN:
            kept.append((file, row, text))

    def add_values(self, file: str, column: Column, values: pd.Series, wrong: pd.Series, expected: str) -> None:
        """Add the values of a column that are wrong."""
        kind = f"in column {column.name}"
        for row, value in values[wrong.to_numpy(dtype="bool")].head(MAX_SHOWN).items():
            found = quoted(value.item() if hasattr(value, "item") else value)
            self.add(kind, file, int(str(row)), f"column {column.name}, row {row}: found {found}, expected {expected}")
        self._counts[kind] += max(int(wrong.sum()) - MAX_SHOWN, 0)

    def add_rows(self, file: str, rows: Sequence[int], rule: str) -> None:
        """Add the rows that break a rule."""
        for row in rows[:MAX_SHOWN]:
            self.add(f"of {rule!r}", file, row, f"row {row}: {rule}, but not here")
        self._counts[f"of {rule!r}"] += max(len(rows) - MAX_SHOWN, 0)

    def refuse(self, source: str) -> None:
        """Raise InputError with them, if there are any: one in a line, several below each other.

        Where there are too many, every kind is shown as long as there is room: a thousand wrong days hide no name.
        """
        if not self.count:
            return
        shown = self._shown()
        files = {file for file, _, _ in shown}
        where = source if len(files) > 1 else next(iter(files)) or source
        texts = [text if file in {"", where} else f"{file}: {text}" for file, _, text in sorted(shown)]
        if self.count == 1:
            raise InputError(f"{where}: {texts[0]}; nothing was loaded")
        rest = self._rest(shown)
        raise InputError(
            Lines([f"{where}: {self.count:,} faults, nothing was loaded:", *(f"  {each}" for each in [*texts, *rest])])
        )

    def _shown(self) -> list[Fault]:
        """The first of each kind, then the second of each, and so on, as many as are shown."""
        in_turn = chain.from_iterable(zip_longest(*self._kept.values()))
        return [fault for fault in in_turn if fault is not None][:MAX_SHOWN]

    def _rest(self, shown: Sequence[Fault]) -> list[str]:
        """How many more there are, and of which kinds where there are several."""
        if self.count == len(shown):
            return []
        left = {kind: self._counts[kind] - sum(each in shown for each in kept) for kind, kept in self._kept.items()}
        kinds = ", ".join(f"{number:,} {kind}" for kind, number in left.items() if number)
        return [f"and {self.count - len(shown):,} more" + (f": {kinds}" if len(left) > 1 else "")]
