"""Why a row is refused, as a sentence that can be said in the planner's language."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum

from skucast.core.texts import Place, Text

_COLUMNS = ("column", "columns", "other")
"""Places that name columns of the file."""


def refusal(why: StrEnum, words: Mapping[str, object]) -> Text:
    """Return the sentence with these words in its places."""
    return Text(why.value, **{name: _place(name, word) for name, word in words.items()})


def _place(name: str, word: object) -> Place:
    if name in _COLUMNS:
        return tuple(Text(column) for column in str(word).split(", "))
    if isinstance(word, str | date):
        return word
    return str(word)
