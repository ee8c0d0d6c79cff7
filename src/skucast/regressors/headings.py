"""Headings of planners' files: the names of our columns in every language and the usual words for them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import cache
from typing import NamedTuple

from skucast.core.errors import InputError
from skucast.core.texts import Text, wording
from skucast.language.catalogue import LANGUAGES, SOURCE, translated
from skucast.regressors.usual_headings import USUAL
from skucast.sheets.csv_text import plain_heading
from skucast.sheets.reading import Kind, Sheet

COLUMNS = (
    *(wording("unit"), wording("channel"), wording("SKU_ID")),
    *(wording("starts_on"), wording("ends_on"), wording("discount_perc"), wording("covers_through")),
    *(wording("plan_id"), wording("cancelled"), wording("known_from"), wording("note")),
    *(wording("is_promo"), wording("promo_type"), wording("template")),
    *(wording("ds_from"), wording("ds_to"), wording("kind"), wording("value"), wording("reason"), wording("author")),
    *(wording("expires_on"), wording("override_id")),
    *(wording("like_unit"), wording("like_channel"), wording("like_SKU_ID")),
    *(wording("weight"), wording("scale"), wording("phase_out_from")),
    *(wording("line_id"), wording("state"), wording("until"), wording("owner"), wording("comment")),
    *(wording("line"), wording("refused_because")),
)
"""Of all kinds of files; each is read under its English name, that of every language and the usual words."""

LINE, REASON, WHY_NOT = "line", "reason", "refused_because"
"""Added to rejected rows, and passed over when a corrected file still has them; `WHY_NOT` where rows have a reason of
their own."""


def heading(language: str, column: str) -> str:
    """Return what a column is called in that language, empty = English."""
    return translated(language or SOURCE, column)


def column_named(cell: str, columns: Collection[str] = COLUMNS) -> str | None:
    """Return which of these columns a heading names, None if it names none of them.

    A usual word may mean another column in another kind of file: `Начало` is the first day of a promotion and the
    first week of an override.
    """
    found = _meanings(tuple(columns)).get(plain_heading(cell))
    return found.column if found else None


def is_named(cell: str, columns: Collection[str]) -> bool:
    """Return whether the heading is our own name of one of these columns, in any language."""
    found = _meanings(tuple(columns)).get(plain_heading(cell))
    return found is not None and found.rank < _USUAL_WORD


def places_of(sheet: Sheet, columns: Sequence[str]) -> dict[str, int]:
    """Return where each of these columns stands in the file, those that it has.

    Of two headings that mean one column our own name counts, and the other is not used.

    Raises:
        InputError: two usual words for one column: nobody can know which is meant.
    """
    found: dict[str, list[tuple[int, int]]] = {}
    for place, cell in enumerate(sheet.header):
        meaning = _meanings(tuple(columns)).get(plain_heading(cell))
        if meaning is not None:
            found.setdefault(meaning.column, []).append((meaning.rank, place))
    for column, ranked in found.items():
        best = [place for rank, place in ranked if rank == min(ranked)[0]]
        if len(best) > 1:
            cells = tuple(f"'{sheet.header[place]}'" for place in best)
            raise InputError(
                Text("the columns {columns} mean the same ({column}); keep one", columns=cells, column=Text(column))
            )
    return {column: min(found[column])[1] for column in columns if column in found}


def unused_of(sheet: Sheet, columns: Sequence[str]) -> list[str]:
    """Return the file's columns that mean nothing, but for our own in rows that came back."""
    used = set(places_of(sheet, columns).values())
    return [
        cell
        for place, cell in enumerate(sheet.header)
        if cell and place not in used and not is_named(cell, (LINE, REASON, WHY_NOT))
    ]


def perhaps_meant(missing: Sequence[str], unused: Sequence[str]) -> Text | None:
    """Return a sentence about the columns that are not used where needed ones are missing; None if all are used."""
    if not unused:
        return None
    names = tuple(f"'{each}'" for each in unused[:_SHOWN])
    words = {word: column for column in missing for word in _words_of(column)}
    for cell in unused:
        close = get_close_matches(plain_heading(cell), words, n=1, cutoff=_ALIKE)
        if close:
            column, found = Text(words[close[0]]), f"'{cell}'"
            return Text("not used: {unused}; is {found} the {column}?", unused=names, found=found, column=column)
    return Text("not used: {unused}", unused=names)


_SHOWN = 10
"""Columns that are named."""
_ALIKE = 0.6
"""How alike, from 0 to 1, a heading must be to a known one to be meant."""


def language_of(sheet: Sheet, columns: Sequence[str]) -> str:
    """Return the language that most of the file's headings are in, empty where that is English, or nothing tells."""
    found = {plain_heading(cell) for cell in sheet.header}
    counts = {
        language: sum(not found.isdisjoint(_words_in(language, column)) for column in columns) for language in LANGUAGES
    }
    best = max(LANGUAGES, key=lambda language: counts[language])
    return "" if counts[best] == counts[SOURCE] else best


@cache
def in_every_language(kind: Kind, columns: tuple[str, ...]) -> Kind:
    """Return the kind of file with its columns' names in every language, by which the header is found."""
    needed = [column for column in columns if column.casefold() in kind.names]
    return replace(kind, names=frozenset({*kind.names, *(word for column in needed for word in _words_of(column))}))


# --- Words ------------------------------------------------------------------------------------------------------------

_USUAL_WORD = 2


class _Meaning(NamedTuple):
    """The column that a heading means; `rank`: our English name, our name in another language, a usual word."""

    rank: int
    column: str


@cache
def _meanings(columns: tuple[str, ...]) -> dict[str, _Meaning]:
    """What each heading means in a file of these columns; our own names come before usual words."""
    found: dict[str, _Meaning] = {}
    for column in columns:
        ranked = [(0, column)]
        ranked += [(1, heading(language, column)) for language in LANGUAGES if language != SOURCE]
        ranked += [(_USUAL_WORD, word) for words in USUAL.values() for word in words.get(column, ())]
        for rank, word in ranked:
            meaning, plain = _Meaning(rank, column), plain_heading(word)
            found[plain] = min(found.get(plain, meaning), meaning, key=lambda each: each.rank)
    return found


def _words_of(column: str) -> set[str]:
    return set().union(*(_words_in(language, column) for language in LANGUAGES))


def _words_in(language: str, column: str) -> set[str]:
    return {plain_heading(each) for each in (heading(language, column), *USUAL[language].get(column, ()))}
