"""What is declared of a regressor, built in or by a person: a plain value that every layer knows alike."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from types import MappingProxyType
from typing import Any, Literal

Kind = Literal["promotion", "weather", "price", "distribution", "competitor", "event"]
Rule = Literal["mean", "sum", "max", "last"]
Unknown = Literal["last", "climate", "zero", "average", "recent"]

PREFIX = "declared_"
"""How the columns of declared regressors begin, so that none can be taken for another."""

CHANGE = "_change_13"
"""How the column of a price's change against its last 13 weeks ends."""

OF_DECLARED = "regressors"
"""The component of a forecast that declared regressors add to."""

SALES, TABLE, FILE, NOTHING = "sales", "table", "file", "none"
"""Where values come from: a column of the sales, a table, a file of the same columns, nowhere."""


@dataclass(frozen=True)
class Use:
    """What becomes of all regressors of one kind.

    They add to a forecast's `component`; the prior scale of that name is theirs where a model's settings have one.
    `family` is the name under which they enter a model together, None where each does by
    itself; they stay always, or where the backtest says that they pay (`by_evidence`). `made` are further regressors
    that are made of the family's, `changes` tells whether the change of each is one too.
    """

    component: str
    family: str | None = None
    by_evidence: bool = True
    made: tuple[str, ...] = ()
    changes: bool = False

    @property
    def part(self) -> str:
        """Name of what they change in a forecast that is not the last one's."""
        return self.family or self.component


_DECLARED = Use(OF_DECLARED)

USES: Mapping[Kind, Use] = MappingProxyType(
    {
        "promotion": Use(
            "promo",
            family="promotions",
            by_evidence=False,
            made=("promo_response", "promo_response_before"),
        ),
        "weather": Use("weather", family="weather"),
        "price": dataclasses.replace(_DECLARED, changes=True),
        "distribution": _DECLARED,
        "competitor": _DECLARED,
        "event": _DECLARED,
    }
)

OWN_KINDS = tuple(kind for kind, use in USES.items() if use.family is None)
"""The kinds that a person may declare; the others are built in."""

OF_REGRESSORS: Mapping[str, Use] = MappingProxyType({use.component: use for use in USES.values()})
"""The components of a forecast that regressors add to."""


@dataclass(frozen=True)
class Source:
    """Where values of a regressor come from; `name` is the sales' column, the file, or a table and columns of it."""

    kind: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else self.kind

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a table whose mean a day's value is."""
        return tuple(self.name.rpartition(".")[2].split("+"))


@dataclass(frozen=True)
class Regressor:
    """One regressor.

    `history` tells where the values of weeks with sales come from, `ahead` those of weeks to come. `week` says how a
    week is made of its days, and a day of its lines; `unknown` what stands in where no value is known: the last one,
    the usual one of the season, 0, the average until then, that of the last 26 weeks.
    """

    name: str
    kind: Kind
    history: Source
    ahead: Source
    week: Rule = "mean"
    unknown: Unknown = "last"

    @property
    def use(self) -> Use:
        """What becomes of it."""
        return USES[self.kind]

    @property
    def column(self) -> str:
        """Name of its values among the columns of weeks, and in models."""
        return self.name if self.use.family else PREFIX + self.name

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all regressors that it makes: of a price its change too."""
        return (self.column, self.column + CHANGE) if self.use.changes else (self.column,)

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
