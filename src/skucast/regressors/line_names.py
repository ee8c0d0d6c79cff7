"""Names in a planner's file: each is one of the sales, in any safe spelling, or refused with the closest ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Protocol

import pandas as pd

from skucast.core.combination import KEY, NO_ALIASES, Aliases, Combination, clean_name, name_problem
from skucast.core.spelling import SHORTENED, by_fold, fold, is_shortened
from skucast.core.tables.contract import ALL
from skucast.core.targets import nearest
from skucast.core.texts import Text
from skucast.core.twins import twins_of
from skucast.regressors.promotion_lines import MAX_SUGGESTIONS, Reason


class Refusable(Protocol):
    """A line of a file: what it says of the names, and what is wrong with it."""

    reasons: list[str]

    @property
    def cells(self) -> Mapping[str, str]:
        """Its cells by column."""

    def refuse(self, reason: Reason, /, **words: object) -> None:
        """Note why the line is rejected."""


class KnownNames:
    """The names that a file may have: those of the sales, by column, and `*` for all.

    Args:
        missing: columns that the file has not: of them nothing is said line by line.
    """

    def __init__(
        self, known: Sequence[Combination], aliases: Aliases = NO_ALIASES, missing: frozenset[str] = frozenset()
    ) -> None:
        self._parts = {name: sorted({each.parts[place] for each in known}) for place, name in enumerate(KEY)}
        self._spelt = {name: {**by_fold(parts), **aliases.get(name, {})} for name, parts in self._parts.items()}
        self._combinations = sorted(map(str, known))
        self._patterns = {pattern for each in known for pattern in product(*((part, ALL) for part in each.parts))}
        self._missing = missing
        self._suggestions: dict[str, Text] = {}

    def has(self, column: str, name: str) -> bool:
        """Return whether the sales have this name in that column."""
        return name in self._parts.get(column, ())

    def of(self, line: Refusable) -> tuple[str, str, str]:
        """Return the names of the line as the sales have them; those that they have not are as they are written."""
        unit, channel, sku_id = (self._known_as(name, clean_name(line.cells[name])) for name in KEY)
        return unit, channel, sku_id

    def renamed(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return rows of a table with the names of the sales."""
        names = {
            column: {name: self._known_as(column, clean_name(name)) for name in rows[column].dropna().unique()}
            for column in KEY
        }
        return rows.assign(**{column: rows[column].map(names[column]) for column in KEY})

    def _known_as(self, column: str, name: str) -> str:
        """The name of the sales that this one is, but for safe differences of spelling or a merge; else as it is.

        What begins like a formula has an apostrophe before it in files that were made for Excel.
        """
        for written in filter(None, (name, name.removeprefix("'"))):
            known = written if self.has(column, written) else self._spelt[column].get(fold(written))
            if known is not None:
                return known
        return name

    def check(self, line: Refusable, names: tuple[str, str, str]) -> None:
        """Refuse what is no name of the sales, or names that have no sales together."""
        for column, name in zip(KEY, names, strict=True):
            if column not in self._missing:
                self._check_one(line, column, name)
        if not line.reasons and self._missing.isdisjoint(KEY) and names not in self._patterns:
            whole = "/".join(names)
            line.refuse(Reason.UNKNOWN_COMBINATION, found=whole, closest=self._closest(whole, self._combinations))

    def _check_one(self, line: Refusable, column: str, name: str) -> None:
        if not name:
            line.refuse(Reason.NO_NAME, column=column)
        elif name == ALL or self.has(column, name):
            return
        elif problem := name_problem(name):
            line.refuse(Reason.BAD_NAME, column=column, found=repr(name), problem=problem)
        elif is_shortened(name):
            line.refuse(Reason.BAD_NAME, column=column, found=repr(name), problem=SHORTENED)
        elif ALL in name:
            line.refuse(Reason.PART_OF_A_NAME, column=column, found=repr(name))
        else:
            closest = self._closest(name, self._parts[column])
            line.refuse(Reason.UNKNOWN_NAME, column=column, found=repr(name), closest=closest)

    def _closest(self, name: str, names: Sequence[str]) -> Text:
        if name not in self._suggestions and len(self._suggestions) < MAX_SUGGESTIONS:
            twins, near = twins_of(name, names), nearest(name, names)
            closest = (
                Text("closest: {names}", names=tuple(near)) if near else Text("none alike of {n} known", n=len(names))
            )
            self._suggestions[name] = Text("did you mean {names}?", names=" or ".join(twins[:3])) if twins else closest
        return self._suggestions.get(name, Text("as many others in this file"))
