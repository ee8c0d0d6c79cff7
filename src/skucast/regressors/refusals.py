"""Why a row is refused, as a sentence that can be said in the planner's language."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum

from skucast.core.texts import Place, Text

_WORDS = ("column", "columns", "other", "reasons")
"""Places that hold words of the catalogue: columns of the file, reasons of an override."""


def refusal(why: StrEnum, words: Mapping[str, object]) -> Text:
    """Return the sentence with these words in its places."""
    return Text(why.value, **{name: _place(name, word) for name, word in words.items()})


def _place(name: str, word: object) -> Place:
    if name in _WORDS:
        return tuple(Text(each) for each in str(word).split(", "))
    if isinstance(word, str | date):
        return word
    return str(word)
