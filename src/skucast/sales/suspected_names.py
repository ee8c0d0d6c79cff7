"""Names in doubt: two that may be one, and numbers that a spreadsheet has shortened. Nothing of them is changed."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping

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


def suspected_names(
    rows: pd.DataFrame, decided: Collection[tuple[str, frozenset[str]]], own: Mapping[str, Collection[str]]
) -> Iterator[str]:
    """Yield what is doubtful about the names of weekly sales, in words, each with what decides it.

    Lost zeros and missing punctuation are always said. Other likenesses are, where one name goes on when the other has
    ended, or where one is so rare that it must be a slip: articles of a series differ in a letter or two as well.
    """
    lives: pd.DataFrame | None = None
    for column in KEY:
        names = [str(name) for name in rows[column].dropna().unique() if name]
        for name in sorted(names):
            if is_shortened(name) and name not in own.get(column, ()):
                yield f"{column} {name!r} {SHORTENED}"
        for one, other, how in twins(names):
            if (column, frozenset({one, other})) not in decided:
                lives = _lives(rows) if lives is None else lives
                yield from _doubt(column, one, other, how, lives)


def _lives(rows: pd.DataFrame) -> pd.DataFrame:
    """First and last week with a sale of every combination, how many there are, and what was sold in them."""
    sold = rows.loc[rows["quantity"] + rows["returns_quantity"] > 0, [*KEY, "ds", "quantity"]].dropna(
        subset=[*KEY, "ds"]
    )
    return sold.groupby(KEY, as_index=False).agg(
        first=("ds", "min"), last=("ds", "max"), n_weeks=("ds", "nunique"), quantity=("quantity", "sum")
    )


def _doubt(column: str, one: str, other: str, how: Likeness, lives: pd.DataFrame) -> Iterator[str]:
    recent = lives["last"].max() - pd.Timedelta(weeks=RECENT_WEEKS)
    if not (lives[column].isin([one, other]) & (lives["last"] > recent)).any():
        return
    old, new = sorted((one, other), key=lambda name: _life(lives, column, name))
    begins = _handover(lives, column, old, new)
    if begins is not None:
        when = f"; it begins in the week to {begins.date()}, when the other ends"
    elif _is_said_anyway(column, old, new, how, lives):
        when = ""
    else:
        return
    names = shlex.join([new, old])
    yield (
        f"{column} {new!r} may be {old!r}, {_HOW[how]} ({difference(old, new)}){when}: "
        f"`python -m skucast names merge {names}` joins them, `names split {names}` says that they are two"
    )


def _life(lives: pd.DataFrame, column: str, name: str) -> tuple[pd.Timestamp, float, str]:
    """Sorts the older name first, of two of one age the one that sells more."""
    mine = lives[lives[column] == name]
    return mine["first"].min() if len(mine) else pd.Timestamp.max, -float(mine["quantity"].sum()), name


def _handover(lives: pd.DataFrame, column: str, old: str, new: str) -> pd.Timestamp | None:
    """The first week of the new name, where in most series of either one it follows the last of the old."""
    context = [name for name in KEY if name != column]
    both = lives[lives[column] == old].merge(lives[lives[column] == new], on=context, suffixes=("_old", "_new"))
    gap = (both["first_new"] - both["last_old"]).dt.days
    follows = gap.between(0, HANDOVER_DAYS) & (both["first_old"] < both["first_new"])
    fewest = min(int((lives[column] == name).sum()) for name in (old, new))
    if not fewest or 2 * int(follows.sum()) < max(fewest, len(both)):
        return None
    begins: pd.Timestamp = both.loc[follows, "first_new"].min()
    return begins


def _is_said_anyway(column: str, old: str, new: str, how: Likeness, lives: pd.DataFrame) -> bool:
    if how == "leading zeros":
        return True
    if how == "punctuation":
        return not is_between_digits(old, new)
    sold = [lives[lives[column] == name] for name in (old, new)]
    rare, usual = sorted(sold, key=lambda mine: float(mine["quantity"].sum()))
    is_slip = int(rare["n_weeks"].max()) <= SLIP_WEEKS if len(rare) else False
    is_digits = how == "transposed" and f"{old}{new}".isdigit()
    return is_slip and not is_digits and rare["quantity"].sum() <= SLIP_SHARE * usual["quantity"].sum()
