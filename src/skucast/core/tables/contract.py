"""What a table's contract is made of: columns with types and units, checks over rows, the table."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandas as pd

Type = Literal["STRING", "DATE", "TIMESTAMP", "FLOAT64", "INT64", "BOOL"]

ALL = "*"
"""Stands in a key column for "all of them", in roll-ups and in targets."""

BATCH = "batch_id"
"""Column of the file or delivery that brought a row, as the loads table names it."""

SALES_MEASURE = "pieces (or the source's own measure)"


@dataclass(frozen=True)
class Column:
    """One column; `unit` is its measure, `allowed` the only values of an enumeration."""

    name: str
    type: Type
    unit: str
    meaning: str
    nullable: bool = False
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Check:
    """A rule over rows; `holds` returns one boolean a row.

    `of` names the columns that it looks at; empty = not said, so that it is for rows with all columns.
    """

    rule: str
    holds: Callable[[pd.DataFrame], pd.Series]
    of: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """One table. `partition` names the column by whose value rows are replaced as a whole.

    `is_whole`: all of its rows are one slice, named `ALL`.
    `one_writer`: no two tasks ever write the same slice, so that its writers need not conflict, nor be noted.
    `keeps_batches`: each row says in `BATCH` which file or delivery brought it.
    """

    label: str
    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    partition: str | None = None
    cluster: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    one_writer: bool = False
    is_whole: bool = False
    keeps_batches: bool = False

    @property
    def column_names(self) -> list[str]:
        """Column names in the order of the contract."""
        return [column.name for column in self.columns]

    def column(self, name: str) -> Column:
        """Return the column of that name."""
        return next(column for column in self.columns if column.name == name)

    def part(self, names: Collection[str]) -> Table:
        """Return the contract of these columns alone: its key if all of that is among them, its checks of them."""
        return replace(
            self,
            columns=tuple(column for column in self.columns if column.name in names),
            key=self.key if set(self.key) <= set(names) else (),
            checks=tuple(check for check in self.checks if check.of and set(check.of) <= set(names)),
        )


def text(name: str, meaning: str, *, nullable: bool = False, allowed: tuple[str, ...] = ()) -> Column:
    """Return a column of text."""
    return Column(name, "STRING", "text", meaning, nullable, allowed)


def measure(name: str, meaning: str, *, nullable: bool = False) -> Column:
    """Return a column of sales per week."""
    return Column(name, "FLOAT64", "sales per week", meaning, nullable)


def ratio(name: str, meaning: str) -> Column:
    """Return a column of ratios, NULL where undefined."""
    return Column(name, "FLOAT64", "ratio, 0.2 = 20 %", meaning, nullable=True)


def total(name: str, meaning: str) -> Column:
    """Return a column of sums of sales."""
    return Column(name, "FLOAT64", "sales", meaning)


def count(name: str, meaning: str, unit: str = "weeks") -> Column:
    """Return a column of whole numbers."""
    return Column(name, "INT64", unit, meaning)


def week(name: str, meaning: str, *, nullable: bool = False) -> Column:
    """Return a column of week labels."""
    return Column(name, "DATE", "week label (last day of the week)", meaning, nullable)


def instant(name: str, meaning: str) -> Column:
    """Return a column of moments, UTC."""
    return Column(name, "TIMESTAMP", "UTC", meaning)


COMBINATION = (
    text("unit", "business unit"),
    text("channel", "sales channel"),
    text("SKU_ID", "article"),
)

BROUGHT_BY = text(
    BATCH, "file or delivery that brought the row, as in the loads table; NULL = not known", nullable=True
)

RUN = (
    text("run_id", "execution that wrote the row"),
    instant("created_at", "when the row was made"),
)
