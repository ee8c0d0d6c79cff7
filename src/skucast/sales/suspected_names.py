"""Names in doubt: two that may be one, and numbers that a spreadsheet has shortened. Nothing of them is changed."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from skucast.core.combination import KEY
from skucast.core.spelling import SHORTENED, difference, is_shortened
from skucast.core.twins import Likeness, is_between_digits, twins

HANDOVER_DAYS = 35
"""A name that begins so soon after its twin has ended goes on with its sales."""

RECENT_WEEKS = 26
"""Of two names that have both sold nothing for so long nothing is said: no forecast depends on them."""

SLIP_WEEKS = 2
SLIP_SHARE = 0.05
"""A name of so few weeks, and so little of what its twin sells, is a slip."""

_HOW: dict[Likeness, str] = {
    "leading zeros": "but for leading zeros",
    "punctuation": "but for punctuation",
    "digits for letters": "but for digits that look like letters",
    "transposed": "but for two characters in another order",
    "one letter": "but for one letter",
}


class _Life(NamedTuple):
    """First and last week with a sale of one combination, how many there are, and what was sold in them."""

    first: pd.Timestamp
    last: pd.Timestamp
    n_weeks: int
    quantity: float


Lives = Mapping[tuple[str, ...], _Life]
"""The lives of the combinations that have one name, by their other two."""


def suspected_names(
    rows: pd.DataFrame, decided: Collection[tuple[str, frozenset[str]]], own: Mapping[str, Collection[str]]
) -> Iterator[str]:
    """Yield what is doubtful about the names of weekly sales, in words, each with what decides it.

    Lost zeros and missing punctuation are always said. Other likenesses are, where one name goes on when the other has
    ended, or where one is so rare that it must be a slip: articles of a series differ in a letter or two as well.
    """
    sold: pd.DataFrame | None = None
    for column in KEY:
        names = [str(name) for name in rows[column].dropna().unique() if name]
        for name in sorted(names):
            if is_shortened(name) and name not in own.get(column, ()):
                yield f"{column} {name!r} {SHORTENED}"
        pairs = [
            (one, other, how) for one, other, how in twins(names) if (column, frozenset({one, other})) not in decided
        ]
        if pairs:
            sold = _sold(rows) if sold is None else sold
            recent = sold["last"].max() - pd.Timedelta(weeks=RECENT_WEEKS)
            lives = _lives(sold, column, {name for one, other, _ in pairs for name in (one, other)})
            for pair in pairs:
                yield from _doubt(column, *pair, lives, recent)


def _sold(rows: pd.DataFrame) -> pd.DataFrame:
    """The life of every combination that has sold anything."""
    sold = rows.loc[rows["quantity"] + rows["returns_quantity"] > 0, [*KEY, "ds", "quantity"]].dropna(
        subset=[*KEY, "ds"]
    )
    return sold.groupby(KEY, as_index=False).agg(
        first=("ds", "min"), last=("ds", "max"), n_weeks=("ds", "nunique"), quantity=("quantity", "sum")
    )


def _lives(sold: pd.DataFrame, column: str, names: Collection[str]) -> Mapping[str, Lives]:
    """The lives of the combinations that have these names."""
    mine = sold[sold[column].isin(names)]
    others = zip(*(mine[name].astype(str) for name in KEY if name != column), strict=True)
    lives = map(_Life._make, mine[list(_Life._fields)].itertuples(index=False, name=None))
    found: dict[str, dict[tuple[str, ...], _Life]] = {name: {} for name in names}
    for name, context, life in zip(mine[column].astype(str), others, lives, strict=True):
        found[name][context] = life
    return found


def _doubt(
    column: str, one: str, other: str, how: Likeness, lives: Mapping[str, Lives], recent: pd.Timestamp
) -> Iterator[str]:
    if not any(life.last > recent for name in (one, other) for life in lives[name].values()):
        return
    old, new = sorted((one, other), key=lambda name: _age(lives[name], name))
    begins = _handover(lives[old], lives[new])
    if begins is not None:
        when = f"; it begins in the week to {begins.date()}, when the other ends"
    elif _is_said_anyway(old, new, how, lives):
        when = ""
    else:
        return
    names = shlex.join([new, old])
    yield (
        f"{column} {new!r} may be {old!r}, {_HOW[how]} ({difference(old, new)}){when}: "
        f"`python -m skucast names merge {names}` joins them, `names split {names}` says that they are two"
    )


def _age(lives: Lives, name: str) -> tuple[pd.Timestamp, float, str]:
    """Sorts the older name first, of two of one age the one that sells more."""
    return min((life.first for life in lives.values()), default=pd.Timestamp.max), -_quantity(lives), name


def _quantity(lives: Lives) -> float:
    return float(np.sum([life.quantity for life in lives.values()]))


def _handover(old: Lives, new: Lives) -> pd.Timestamp | None:
    """The first week of the new name, where in most series of either one it follows the last of the old."""
    both = [(old[context], life) for context, life in new.items() if context in old]
    follows = [
        now.first for then, now in both if 0 <= (now.first - then.last).days <= HANDOVER_DAYS and then.first < now.first
    ]
    fewest = min(len(old), len(new))
    return min(follows) if fewest and 2 * len(follows) >= max(fewest, len(both)) else None


def _is_said_anyway(old: str, new: str, how: Likeness, lives: Mapping[str, Lives]) -> bool:
    if how == "leading zeros":
        return True
    if how == "punctuation":
        return not is_between_digits(old, new)
    rare, usual = sorted((lives[old], lives[new]), key=_quantity)
    is_slip = bool(rare) and max(life.n_weeks for life in rare.values()) <= SLIP_WEEKS
    is_digits = how == "transposed" and f"{old}{new}".isdigit()
    return is_slip and not is_digits and _quantity(rare) <= SLIP_SHARE * _quantity(usual)
