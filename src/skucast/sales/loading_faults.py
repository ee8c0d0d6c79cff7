"""What does not fit in a file, gathered so that it can be corrected at one go."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from skucast.core.errors import InputError
from skucast.core.tables.contract import Column

MAX_SHOWN = 20
"""Faults that are shown; the others are counted."""


class Faults:
    """Faults by file and row; the first ones are kept, all are counted."""

    def __init__(self) -> None:
        self.count = 0
        self._kept: list[tuple[str, int, str]] = []

    def add(self, file: str, row: int, text: str) -> None:
        """Add one that is about a row of a file."""
        self.count += 1
        if len(self._kept) < MAX_SHOWN:
            self._kept.append((file, row, text))

    def add_values(self, file: str, column: Column, values: pd.Series, wrong: pd.Series, expected: str) -> None:
        """Add the values of a column that are wrong."""
        for row, value in values[wrong.to_numpy(dtype="bool")].head(MAX_SHOWN).items():
            found = repr(value.item() if hasattr(value, "item") else value)
            self.add(file, int(str(row)), f"column {column.name}, row {row}: found {found}, expected {expected}")
        self.count += max(int(wrong.sum()) - MAX_SHOWN, 0)

    def add_rows(self, file: str, rows: Sequence[int], rule: str) -> None:
        """Add the rows that break a rule."""
        for row in rows[:MAX_SHOWN]:
            self.add(file, row, f"row {row}: {rule}")
        self.count += max(len(rows) - MAX_SHOWN, 0)

    def refuse(self, source: str) -> None:
        """Raise InputError with them, if there are any: one in a line, several below each other."""
        if not self.count:
            return
        files = {file for file, _, _ in self._kept}
        texts = [text if len(files) == 1 or not file else f"{file}: {text}" for file, _, text in sorted(self._kept)]
        where = next(iter(files)) if len(files) == 1 and files != {""} else source
        if self.count == 1:
            raise InputError(f"{where}: {texts[0]}; nothing was loaded")
        more = [f"and {self.count - len(texts):,} more"] if self.count > len(texts) else []
        raise InputError("\n  ".join([f"{where}: {self.count:,} faults, nothing was loaded:", *texts, *more]))
