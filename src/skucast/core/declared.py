"""What a person declares of a further regressor: a plain value that warehouses, jobs and models know alike."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Literal

Kind = Literal["price", "distribution", "competitor", "event"]
Rule = Literal["mean", "sum", "max", "last"]
Unknown = Literal["last", "climate", "zero", "average"]

PREFIX = "declared_"
"""How the columns of declared regressors begin, so that none can be taken for another."""

CHANGE = "_change_13"
"""How the column of a price's change against its last 13 weeks ends."""

OF_DECLARED = "regressors"
"""The component of a forecast that declared regressors add to."""

SALES, TABLE, FILE, NOTHING = "sales", "table", "file", "none"
"""Where values come from: a column of the sales, the table of values, a file of the same columns, nowhere."""


@dataclass(frozen=True)
class Source:
    """Where values of a regressor come from; `name` is the sales' column, or the file."""

    kind: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else self.kind


@dataclass(frozen=True)
class Regressor:
    """One further regressor.

    `history` tells where the values of weeks with sales come from, `ahead` those of weeks to come. `week` says how a
    week is made of its days, and a day of its lines; `unknown` what stands in where no value is known: the last one,
    the usual one of the same weeks of earlier years, 0, the average until then.
    """

    name: str
    kind: Kind
    history: Source
    ahead: Source
    week: Rule = "mean"
    unknown: Unknown = "last"

    @property
    def column(self) -> str:
        """Name of its values among the columns of weeks, and in models."""
        return PREFIX + self.name

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all regressors that it makes: of a price its change too."""
        return (self.column, self.column + CHANGE) if self.kind == "price" else (self.column,)

    @property
    def measure(self) -> str:
        """Name of its column in the weekly sums of the sales, which says how those of several rows are joined."""
        return f"{self.week}:{self.name}"

    @property
    def sales_column(self) -> str | None:
        """The column of the sales that its history comes from; None if it comes from elsewhere."""
        return self.history.name if self.history.kind == SALES else None

    def as_dict(self) -> dict[str, Any]:
        """Return what a model of it depends on, as plain builtins: where a file lies is no part of it."""
        sources = {part: Source(each.kind, PurePath(each.name).name) for part, each in self._sources().items()}
        return {**dataclasses.asdict(self), **{part: str(each) for part, each in sources.items()}}

    def _sources(self) -> dict[str, Source]:
        return {"history": self.history, "ahead": self.ahead}


def as_text(declared: Sequence[Regressor]) -> str:
    """Return the declarations as one text, equal for equal ones; empty without any."""
    return json.dumps([each.as_dict() for each in declared], sort_keys=True) if declared else ""


def name_of(column: str) -> str | None:
    """Return the name of the regressor that a column or feature is of; None if it is of none that was declared."""
    return column.removeprefix(PREFIX).removesuffix(CHANGE) if column.startswith(PREFIX) else None
