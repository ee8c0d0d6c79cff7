"""Headings of planners' files: the names of our columns in every language, and which column a heading is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache

from skucast.core.texts import wording
from skucast.language.catalogue import LANGUAGES, SOURCE, translated
from skucast.sheets.reading import Kind

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
"""Of all kinds of files; each is read under its English name and under that of every language."""

_ENGLISH = {name.casefold() for name in COLUMNS}


def heading(language: str, column: str) -> str:
    """Return what a column is called in that language, empty = English."""
    return translated(language or SOURCE, column)


def column_named(cell: str) -> str:
    """Return which of our columns a heading names, in small letters; a heading of no column stays as it is."""
    folded = cell.casefold()
    return folded if folded in _ENGLISH else _other_languages().get(folded, folded)


@cache
def in_every_language(kind: Kind) -> Kind:
    """Return the kind of file with its columns' names in every language, by which the header is found."""
    return replace(kind, names=frozenset({*kind.names, *_headings_of(kind.names)}))


def _headings_of(names: Iterable[str]) -> set[str]:
    wanted = set(names)
    return {said for said, name in _other_languages().items() if name in wanted}


@cache
def _other_languages() -> dict[str, str]:
    """The column that each heading of another language names, both in small letters."""
    return {
        translated(language, name).casefold(): name.casefold()
        for language in LANGUAGES
        if language != SOURCE
        for name in COLUMNS
    }
