"""Names of the sales: spellings of one name become one, rows of totals are left out, decisions are kept."""

from __future__ import annotations

import dataclasses
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from types import MappingProxyType

import pandas as pd

from skucast.core.combination import KEY, NO_ALIASES, Aliases, Combination, clean_name, name_problem
from skucast.core.quoting import listed, quoted
from skucast.core.rows import written
from skucast.core.spelling import (
    SHORTENED,
    difference,
    fold,
    is_nobody,
    is_plain,
    is_shortened,
    is_total,
    without_invisible,
)
from skucast.core.tables.contract import ALL
from skucast.core.tables.names import NAMES
from skucast.core.tables.validation import empty
from skucast.core.words import counted
from skucast.sales.joining import joined
from skucast.sales.narrow_weeks import SPELLINGS, is_narrow, spelt_out
from skucast.sales.suspected_names import suspected_names

Renaming = Mapping[str, Mapping[str, str]]
"""By column of KEY: the name of each spelling that is not the name itself."""


@dataclass(frozen=True)
class Names:
    """Which names there are, and what was found in them, in words.

    `spellings` are those of the sales that became another name; `aliases` also those that could be written elsewhere.
    `by_column` has the names that are shown, `delivered` all that the sales have.
    """

    spellings: Renaming = field(default_factory=lambda: MappingProxyType({}))
    aliases: Aliases = field(default_factory=lambda: NO_ALIASES)
    joined: list[str] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    by_column: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    delivered: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))

    def of(self, column: str, name: str) -> str:
        """Return the name of the sales that a spelling stands for; one that stands for none is its own."""
        spelt = clean_name(name)
        if spelt in self.spellings.get(column, {}):
            return self.spellings[column][spelt]
        if spelt == ALL or spelt in self.by_column.get(column, frozenset()):
            return spelt
        return self.aliases.get(column, {}).get(fold(spelt), spelt)

    def other_spellings(self, combination: Combination) -> list[Combination]:
        """Return the other combinations that are this one by now, sorted: rows of theirs may still be published."""
        spelt = [
            [part, *(each for each, name in self.spellings.get(column, {}).items() if name == part)]
            for column, part in zip(KEY, combination.parts, strict=True)
        ]
        usable = (names for names in product(*spelt) if not any(map(name_problem, names)))
        return sorted({Combination(*names) for names in usable} - {combination})

    def is_left_out(self, combination: Combination) -> bool:
        """Return whether the sales have one of its names and it is none: that of a total, or of nobody."""
        return any(
            part in self.delivered.get(column, ())
            and part not in self.by_column[column]
            and part not in self.spellings[column]
            for column, part in zip(KEY, combination.parts, strict=True)
        )

    def renamed(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return rows of any table with the names of the sales, in whichever spelling they were written."""
        columns = [column for column in KEY if column in rows]
        names = {column: {each: self.of(column, each) for each in rows[column].dropna().unique()} for column in columns}
        other = {
            column: found for column, found in names.items() if any(was != is_now for was, is_now in found.items())
        }
        renamed = rows.assign(**{column: rows[column].map(found) for column, found in other.items()})
        return renamed.astype({column: "str" for column in columns if renamed[column].dtype != "str"})


NO_NAMES = Names()

SHOWN_ROWS = 5
"""Rows that a message about a name counts one by one."""


def with_names(
    weekly: pd.DataFrame,
    decisions: pd.DataFrame | None = None,
    published: Callable[[], pd.DataFrame] | None = None,
) -> tuple[pd.DataFrame, Names]:
    """Return the rows of `Warehouse.weekly_sales` with one name for all safe spellings of it, and those names.

    A week's sums are those of its spellings. Rows of totals, and rows that name nobody, are left out. What may be one
    name and need not be is named and stays as it is, until it is decided.

    Args:
        weekly: the rows, as delivered.
        decisions: rows of `tables.NAMES`.
        published: gives the names (columns of KEY) of forecasts and their `cutoff`: a spelling that was published last
            stays the one that is shown, so that models and earlier forecasts keep theirs; else it is the one that
            sells most. It is only asked where there is a choice.
    """
    rules = _Rules.of(empty(NAMES) if decisions is None else decisions)
    found = {column: _spellings(weekly[column]) for column in KEY}
    left_out = {column: _no_names(column, found, rules) for column in KEY}
    kept = _without(weekly, left_out)
    choice = _Choice(kept, published)
    renaming, aliases = {}, {}
    for column in KEY:
        spelt = [name for name in found[column] if name not in left_out[column]]
        renaming[column], aliases[column] = _one_name_each(column, spelt, rules, choice)
    rows = joined(kept, renaming)
    shown = {column: frozenset(_spellings(rows[column])) for column in KEY}
    names = Names(
        spellings=renaming,
        aliases=aliases,
        joined=list(_joined_texts(renaming, rules)),
        left_out=list(_left_out_texts(weekly, left_out)),
        by_column=shown,
        delivered={column: frozenset(each) for column, each in found.items()},
    )
    return rows, dataclasses.replace(names, doubtful=list(suspected_names(rows, rules.decided, rules.own)))


def _spellings(values: pd.Series) -> list[str]:
    return sorted(name for name in values.dropna().unique() if name)


# --- Decisions ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Rules:
    """What was decided: `merged` by column the name that another one is, `own` the names that are of their own.

    `decided` has every pair of names that needs no more words.
    """

    merged: Mapping[str, Mapping[str, str]]
    own: Mapping[str, frozenset[str]]
    decided: frozenset[tuple[str, frozenset[str]]]

    @classmethod
    def of(cls, decisions: pd.DataFrame) -> _Rules:
        merged: dict[str, dict[str, str]] = {column: {} for column in KEY}
        own: dict[str, set[str]] = {column: set() for column in KEY}
        rows = decisions[["part", "name", "other", "decision"]].itertuples(index=False, name=None)
        decided = set()
        for part, name, other, decision in rows:
            decided.add((part, frozenset({name, other})))
            if decision == "merge":
                merged[part][name] = other
            elif other == ALL or fold(name) == fold(other):
                own[part] |= {name, other} - {ALL}
        return cls(merged, {column: frozenset(names) for column, names in own.items()}, frozenset(decided))

    def key(self, column: str, name: str) -> str:
        """What the spellings of one name have in common."""
        return f"={name}" if name in self.own[column] else fold(name)

    def merged_into(self, column: str) -> dict[str, str]:
        """By the key of a merged name: the name that it is in the end."""
        steps = {self.key(column, name): other for name, other in self.merged[column].items()}
        return {key: _last(other, steps, lambda name: self.key(column, name)) for key, other in steps.items()}


def _last(name: str, steps: Mapping[str, str], key: Callable[[str], str]) -> str:
    seen = {key(name)}
    while (following := steps.get(key(name))) is not None and key(following) not in seen:
        name = following
        seen.add(key(name))
    return name


def name_key(decisions: pd.DataFrame) -> Callable[[str, str], str]:
    """Return what gives the key that a name of a column shares with its safe spellings, and with no other name."""
    return _Rules.of(decisions).key


# --- One name for its spellings -------------------------------------------------------------------------------------


class _Choice:
    """Which of several spellings is shown."""

    def __init__(self, rows: pd.DataFrame, published: Callable[[], pd.DataFrame] | None) -> None:
        self._rows = rows
        self._published = published
        self._ledger: pd.DataFrame | None = None

    def best(self, column: str, spelt: Collection[str]) -> str:
        """The spelling that was published last, of several a plain one, of several the one that has sold most."""
        mine = self._rows[self._rows[column].isin(list(spelt))]
        sold = mine.groupby(column)[["quantity", "n_lines"]].sum()
        shown = self._published_names()
        last = shown[shown[column].isin(list(spelt))].groupby(column)["cutoff"].max()

        def rank(name: str) -> tuple[object, ...]:
            quantity, n_lines = map(float, sold.loc[name] if name in sold.index else (0, 0))
            published = pd.Timestamp(last.get(name, pd.Timestamp.min))
            return name_problem(name) is None, published, is_plain(name), quantity, n_lines, name

        return max(spelt, key=rank)

    def _published_names(self) -> pd.DataFrame:
        if self._ledger is None:
            nothing = pd.DataFrame({name: pd.Series([], dtype="str") for name in KEY} | {"cutoff": []})
            self._ledger = nothing if self._published is None else self._published()
        return self._ledger


def _one_name_each(
    column: str, spelt: Iterable[str], rules: _Rules, choice: _Choice
) -> tuple[dict[str, str], dict[str, str]]:
    """The name of each spelling that is another one, and the name of each fold that one name has."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in spelt:
        groups[rules.key(column, name)].append(name)
    merged, wanted = rules.merged_into(column), set(rules.merged[column].values())
    names = {key: _name_of(column, group, wanted, choice) for key, group in groups.items()}
    names |= {rules.key(column, other): other for other in merged.values()}
    names |= {key: names[rules.key(column, other)] for key, other in merged.items()}
    renaming = {name: names[key] for key, group in groups.items() for name in group if name != names[key]}
    own = {fold(name) for name in rules.own[column]}
    return renaming, {key: name for key, name in names.items() if not key.startswith("=") and key not in own}


def _name_of(column: str, group: list[str], wanted: Collection[str], choice: _Choice) -> str:
    decided = [name for name in group if name in wanted]
    if len(decided) == 1:
        return decided[0]
    best = group[0] if len(group) == 1 else choice.best(column, group)
    seen = clean_name(without_invisible(best))
    return seen if seen != best and name_problem(seen) is None else best


def _joined_texts(renaming: Renaming, rules: _Rules) -> Iterator[str]:
    for column, spelt in renaming.items():
        for name, shown in spelt.items():
            if (column, frozenset({name, shown})) not in rules.decided:
                yield f"{column} {shown!r} is also written {name!r} ({difference(shown, name)})"


# --- What is no name ------------------------------------------------------------------------------------------------


def no_names(weekly: pd.DataFrame, decisions: pd.DataFrame) -> dict[str, frozenset[str]]:
    """Return by column the names of weekly sales that are left out, because they are of totals or of nobody."""
    found, rules = {column: _spellings(weekly[column]) for column in KEY}, _Rules.of(decisions)
    return {column: _no_names(column, found, rules) for column in KEY}


def _no_names(column: str, found: Mapping[str, Collection[str]], rules: _Rules) -> frozenset[str]:
    """The names of totals and of nobody, unless all that there is is named so."""
    groups = {fold(name) for each in ("unit", "channel") for name in found[each]}
    nobody = {name for name in found[column] if is_nobody(name)}
    totals = {name for name in found[column] if is_total(name, groups - {fold(name)})}
    others = set(found[column]) - nobody - totals
    return frozenset((nobody | totals if others else set()) - rules.own[column])


def _without(weekly: pd.DataFrame, left_out: Mapping[str, Collection[str]]) -> pd.DataFrame:
    wrong = pd.Series(data=False, index=weekly.index)
    for column, names in left_out.items():
        if names:
            wrong |= weekly[column].isin(list(names))
    return weekly[~wrong] if wrong.any() else weekly


def _left_out_texts(weekly: pd.DataFrame, left_out: Mapping[str, Collection[str]]) -> Iterator[str]:
    for column, names in left_out.items():
        for name in sorted(names):
            n_lines = int(weekly.loc[weekly[column] == name, "n_lines"].sum())
            yield f"{column} {name!r} ({counted(n_lines, 'line')})"


# --- What the warehouse has merged, and what cannot be a name -------------------------------------------------------


def rejected_names(known: pd.DataFrame) -> dict[tuple[str, str, str], str]:
    """Return the combinations of weekly sales that cannot be one, with what is wrong with their names."""
    rejected = {}
    for parts in known[KEY].drop_duplicates().itertuples(index=False, name=None):
        problems = [
            f"{label} {problem}" for label, part in zip(KEY, parts, strict=True) if (problem := name_problem(part))
        ]
        if problems:
            rejected[parts] = "; ".join(problems)
    return rejected


def without_names(known: pd.DataFrame, rejected: Mapping[tuple[str, str, str], str]) -> pd.DataFrame:
    """Return weekly sales without those combinations."""
    if not rejected:
        return known
    names = pd.MultiIndex.from_frame(known[KEY])
    return known[~names.isin(list(rejected))]


def name_faults(column: str, names: pd.Series) -> Iterator[str]:
    """Yield what is wrong with the names of a file's column, each name once with the rows (index) that it is in.

    A name that a spreadsheet has shortened is wrong here, where the file can still be exported anew.
    """
    for name in names.dropna().unique():
        seen = clean_name(without_invisible(name))
        problem = SHORTENED if is_shortened(seen) else name_problem(seen) if seen else None
        if problem:
            rows = names.index[names == name]
            where = f"row{'s' if len(rows) > 1 else ''} {listed(rows, SHOWN_ROWS)}"
            yield f"column {column}, {where}: {quoted(name)} {problem}"


def merged_spellings(known: pd.DataFrame) -> list[str]:
    """Return the combinations that the warehouse has found in several spellings, in words."""
    other = known[SPELLINGS[0]].notna() | known[SPELLINGS[1]].notna()
    if not is_narrow(known):
        other = (known["spelling_min"] != known["spelling_max"]) | (known["spelling_min"] != written(known))
    names = known.loc[other, KEY].drop_duplicates()
    if not len(names):
        return []
    rows = spelt_out(known[[*KEY, *SPELLINGS]].merge(names, on=KEY))
    spellings = rows.melt(id_vars=KEY, value_vars=list(SPELLINGS), value_name="spelling")
    several = spellings.groupby(KEY)["spelling"].agg(lambda values: sorted(set(values)))
    merged = several[several.map(len) > 1]
    return [_also_written("/".join(names), others) for names, others in zip(merged.index, merged, strict=True)]


def _also_written(name: str, spellings: Sequence[str]) -> str:
    """Name the other spellings by what is different about them: blanks show between quotes, Unicode forms do not."""
    others = [
        repr(other) if unicodedata.is_normalized("NFC", other) else f"{other!r} in another Unicode form"
        for other in spellings
        if other != name
    ]
    return f"{name!r} is also written {', '.join(others)}"
