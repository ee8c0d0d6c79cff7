"""Sentences for planners, whole and with named places: said in English wherever a text is wanted, else in a language.

Write `Text("{n} of the last {weeks} weeks were out of stock", n=2, weeks=8)`: it is a text, so it goes wherever one
does, and `said_in` gives it in another language. `stored` keeps it beside its English for a reader not known yet.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, lru_cache
from typing import Any, Self, Union

from skucast.core.quoting import MOST, one_line, room_for_each, shortened
from skucast.language.catalogue import REGIONS, SOURCE, translated, translated_count

MOST_PARTS = 20
"""Sentences that are said in a row."""

_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Number:
    """A number in a sentence, with so many decimals; a count is an int, whose thousands are parted in English too."""

    value: float
    digits: int = 0


@dataclass(frozen=True)
class Percent:
    """A share in a sentence, in percent with so many decimals; `?` where it is not known."""

    share: float
    digits: int = 0


Place = Union[str, int, date, Number, Percent, "Text", tuple["Place", ...]]
"""What stands in a sentence; a tuple is a list."""


class Text(str):
    """A sentence with named places; as a `str` it is the English one."""

    source: str
    other: str | None
    places: Mapping[str, Place]

    def __new__(cls, source: str, /, **places: Place) -> Self:
        """Return the sentence with these in its places."""
        return cls._made(source, None, places)

    @classmethod
    def _made(cls, source: str, other: str | None, given: Mapping[str, Place]) -> Self:
        places = {name: one_line(place) if type(place) is str else place for name, place in given.items()}
        made = cls._of(source, other, places)
        return made if len(made) <= MOST else made.within(MOST)

    @classmethod
    def _of(cls, source: str, other: str | None, places: Mapping[str, Place]) -> Self:
        made = super().__new__(cls, _said(SOURCE, source, other, places))
        made.source, made.other, made.places = source, other, places
        return made

    def within(self, most: int) -> Self:
        """Return the sentence with the longest of what it quotes shortened, so that it has so many characters."""
        return self._of(self.source, self.other, dict(zip(self.places, self._shares(most), strict=True)))

    def _shares(self, most: int) -> Sequence[Place]:
        lengths = [len(_said_place(SOURCE, place)) for place in self.places.values()]
        each = room_for_each(lengths, max(0, most - (len(self) - sum(lengths))))
        return [_within(place, each) for place in self.places.values()]

    def said_in(self, language: str) -> str:
        """Return the sentence in that language, empty = English."""
        return _said(language or SOURCE, self.source, self.other, self.places)

    def stored(self) -> str:
        """Return the sentence and its places as JSON, which `said` reads, and the script of the page."""
        return json.dumps(packed(self), ensure_ascii=False, separators=(",", ":"))


class Count(Text):
    """A sentence whose form a whole number decides: its place `n`."""

    def __new__(cls, one: str, other: str, number: int, /, **places: Place) -> Self:
        """Return the sentence that fits the number, with these in its other places."""
        return cls._made(one, other, {"n": number, **places})

    def __getnewargs__(self) -> tuple[Any, ...]:
        """What a copy is made of before its places are set."""
        return (str(self), str(self), 0)


def in_a_row(parts: Sequence[str]) -> Text:
    """Return the sentences as one, parted by semicolons; of very many the first, and how many more there are."""
    places = {f"part{number}": part for number, part in enumerate(parts[:MOST_PARTS])}
    source = "; ".join(f"{{{name}}}" for name in places)
    said, n_more = Text(source, **places), len(parts) - MOST_PARTS
    return said if n_more <= 0 else Text("{said} and {n} more", said=said, n=n_more)


def wording(text: str) -> str:
    """Return the text as it is; the catalogue has it, for whoever fills it later with `Text`."""
    return text


def said_in(language: str, text: str) -> str:
    """Return a sentence in that language; what is no sentence of ours, such as a name, stays as it is."""
    return text.said_in(language) if isinstance(text, Text) else str(text)


def kept(stored: str) -> Place:
    """Return a stored sentence, to stand in another one."""
    return unpacked(json.loads(stored))


def said_place(language: str, place: Place) -> str:
    """Return a number, a day or a list of them by itself in that language, as it stands in a sentence."""
    return _said_place(language or SOURCE, place)


def said(language: str, stored: str) -> str:
    """Return a stored sentence in that language."""
    return _said_place(language or SOURCE, kept(stored))


def stored(text: str | None) -> str | None:
    """Return a sentence as `Text.stored` does; None of one that is no sentence of ours."""
    return text.stored() if isinstance(text, Text) else None


def _within(place: Place, most: int) -> Place:
    """What stands in a sentence, shortened to so many characters where it quotes something."""
    match place:
        case Text():
            return place if len(place) <= most else place.within(most)
        case str():
            return shortened(place, most)
        case tuple() if place:
            each = room_for_each([len(_said_place(SOURCE, one)) + 2 for one in place], most)
            return tuple(_within(one, each) for one in place[: 1 + most // 2])
        case _:
            return place


# --- What is said ----------------------------------------------------------------------------------------------------


def _said(language: str, source: str, other: str | None, places: Mapping[str, Place]) -> str:
    if other is None:
        text = translated(language, source)
    else:
        number = places["n"]
        text = translated_count(language, source, other, number if isinstance(number, int) else 0)

    def filled(found: re.Match[str]) -> str:
        name = found[1]
        return _said_place(language, places[name]) if name in places else found[0]

    return _PLACE.sub(filled, text)


def _said_place(language: str, place: Place) -> str:
    match place:
        case Text():
            return place.said_in(language)
        case str():
            return str(place)
        case tuple():
            return ", ".join(_said_place(language, each) for each in place)
        case date():
            return _day(language, place)
        case Percent(share, digits):
            blank = " " if language == SOURCE else "\u00a0"
            return f"{_number(language, 100 * share, digits)}{blank}%" if math.isfinite(share) else "?"
        case Number(value, digits):
            return _number(language, value, digits)
        case _:
            return _number(language, place, 0)


def _number(language: str, value: float, digits: int) -> str:
    if language == SOURCE:
        return f"{value:,d}" if isinstance(value, int) else f"{value:.{digits}f}"
    return f"{value:,.{digits}f}".translate(_signs(language))


@cache
def _signs(language: str) -> dict[int, str]:
    """What stands in the language for the signs between a number's digits: babel looks them up anew each time."""
    from babel.numbers import get_decimal_symbol, get_group_symbol

    return str.maketrans({",": get_group_symbol(REGIONS[language]), ".": get_decimal_symbol(REGIONS[language])})


@lru_cache(maxsize=4_096)
def _day(language: str, day: date) -> str:
    if language == SOURCE:
        return day.isoformat()[:10]
    from babel.dates import format_date

    return str(format_date(day, "short", locale=REGIONS[language]))


# --- What is stored --------------------------------------------------------------------------------------------------


def packed(place: Place) -> Any:
    """Return what stands in a sentence, or a whole one, as what JSON can hold; a plain text is itself."""
    match place:
        case Text():
            plural = {} if place.other is None else {"other": place.other}
            places = {name: packed(each) for name, each in place.places.items()}
            return {"text": place.source, **plural, "places": places}
        case str():
            return str(place)
        case tuple():
            return [packed(each) for each in place]
        case date():
            return {"day": place.isoformat()[:10]}
        case Percent(share, digits):
            return {"percent": share if math.isfinite(share) else None, "digits": digits}
        case Number(value, digits):
            return {"number": value, "digits": digits}
        case _:
            return {"number": int(place), "digits": 0}


def unpacked(kept: Any) -> Place:
    """Return what `packed` made this of."""
    if isinstance(kept, str):
        return kept
    if isinstance(kept, list):
        return tuple(unpacked(each) for each in kept)
    if "day" in kept:
        return datetime.fromisoformat(kept["day"]).date()
    if "percent" in kept:
        return Percent(math.nan if kept["percent"] is None else kept["percent"], kept["digits"])
    if "number" in kept:
        return Number(kept["number"], kept["digits"])
    places = {name: unpacked(each) for name, each in kept["places"].items()}
    if "other" not in kept:
        return Text(kept["text"], **places)
    number = places.pop("n")
    return Count(kept["text"], kept["other"], int(number.value) if isinstance(number, Number) else 0, **places)
