"""Lines that come under another spelling of names that are there: they take those, so that the same lines meet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import pandas as pd

from skucast.core.combination import KEY, clean_name
from skucast.core.quoting import listed
from skucast.core.spelling import difference
from skucast.sales.names import name_key, with_names

SHOWN = 5
"""Spellings that a note names."""


class KnownSpellings:
    """The spellings that the sales have; a name of theirs in a safe spelling that they have not becomes it.

    Nothing is joined that is there apart, and what was decided to be one (`merge`) stays two here: a decision can be
    taken back, lines that were renamed cannot.
    """

    def __init__(self, weekly: pd.DataFrame, decisions: pd.DataFrame) -> None:
        _, self._names = with_names(weekly, decisions[decisions["decision"] == "split"])
        self._together = self._names
        if (decisions["decision"] == "merge").any():
            _, self._together = with_names(weekly, decisions)
        self._key = name_key(decisions)
        self._there: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
        for parts in weekly[KEY].dropna().drop_duplicates().itertuples(index=False, name=None):
            self._there.setdefault(self._keys(parts), []).append(parts)
        self._found: dict[tuple[str, str], str] = {}

    def renamed(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return lines of the sales with the names that are there."""
        spelt = {
            column: {name: self._known_as(column, name) for name in rows[column].dropna().unique()} for column in KEY
        }
        other = {
            column: {name: known for name, known in each.items() if name != known} for column, each in spelt.items()
        }
        if not any(other.values()):
            return rows
        self._found |= {(column, name): known for column, each in other.items() for name, known in each.items()}
        return rows.assign(**{column: rows[column].map(spelt[column]).astype("str") for column in KEY})

    def key(self, column: str, name: str) -> str:
        """Return what all names have in common that count as this one, by their spelling or by decision."""
        return self._key(column, self._together.of(column, name))

    def apart(self, combinations: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], list[tuple[str, ...]]]:
        """Return by combination those of the sales that count as it and are kept under other names; only if any are."""
        found = {
            parts: [each for each in self._there.get(self._keys(parts), ()) if each != parts] for parts in combinations
        }
        return {parts: others for parts, others in found.items() if others}

    def _keys(self, parts: Iterable[str]) -> tuple[str, ...]:
        return tuple(self.key(column, part) for column, part in zip(KEY, parts, strict=True))

    def notes(self) -> Iterator[str]:
        """Yield what was renamed so far, in words; nothing if nothing was."""
        if self._found:
            texts = [
                f"{column} {name!r} as {known!r} ({difference(known, name)})"
                for (column, name), known in sorted(self._found.items())
            ]
            yield f"loaded in the spelling that is there: {listed(texts, SHOWN)}"

    def _known_as(self, column: str, name: str) -> str:
        spelt = clean_name(name)
        if not spelt or spelt in self._names.delivered.get(column, ()):
            return name
        known = self._names.of(column, spelt)
        return name if known == spelt else known


class Respelt:
    """Pieces of lines with the names that are there, as often as they are read."""

    def __init__(self, pieces: Iterable[pd.DataFrame], known: KnownSpellings) -> None:
        self._pieces = pieces
        self._known = known

    def __iter__(self) -> Iterator[pd.DataFrame]:
        return map(self._known.renamed, self._pieces)


class Elsewhere:
    """Pieces of lines under the names of other combinations: what they would be if they were written as those."""

    def __init__(self, pieces: Iterable[pd.DataFrame], others: Mapping[tuple[str, ...], list[tuple[str, ...]]]) -> None:
        self._pieces = pieces
        pairs = [(*parts, *other) for parts, found in others.items() for other in found]
        self._pairs = pd.DataFrame(pairs, columns=[*(f"_{column}" for column in KEY), *KEY]).astype("str")

    def __iter__(self) -> Iterator[pd.DataFrame]:
        for piece in self._pieces:
            names = {f"_{column}": piece[column].map(clean_name, na_action="ignore").astype("str") for column in KEY}
            yield piece.drop(columns=KEY).assign(**names).merge(self._pairs, on=list(names))[list(piece.columns)]
