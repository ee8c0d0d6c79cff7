"""Twins: names that may be one and are not joined by themselves, and why."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import combinations
from typing import Literal

from skucast.core.spelling import fold

Likeness = Literal["leading zeros", "punctuation", "digits for letters", "transposed", "one letter"]

MIN_LETTERS = 6
"""A name of fewer letters is another word when one of them is another."""

KEPT_LETTERS = 48
"""A name has two keys for each letter; those of longer names are made anew each time, as they would fill the memory."""

_ZEROS = re.compile(r"(?<![\d.,])0+(?=\d)")
_PUNCTUATION = r"[\W_]+"
_NOT_BETWEEN_DIGITS = re.compile(rf"(?<!\d){_PUNCTUATION}|{_PUNCTUATION}(?![\d\W_])")
_DIGITS_FOR_LETTERS = str.maketrans("oilз", "0113")


def likeness(name: str, other: str) -> Likeness | None:
    """Return in which way two names are nearly one, None if they are not, or are the same but for safe differences."""
    one, two = fold(name), fold(other)
    if one == two:
        return None
    if _without_zeros(one) == _without_zeros(two):
        return "leading zeros"
    if _squeezed(one) == _squeezed(two):
        return "punctuation"
    if one.translate(_DIGITS_FOR_LETTERS) == two.translate(_DIGITS_FOR_LETTERS):
        return "digits for letters"
    if _is_transposed(one, two):
        return "transposed"
    return "one letter" if _is_one_letter(one, two) else None


def twins(names: Iterable[str]) -> Iterator[tuple[str, str, Likeness]]:
    """Yield every pair of the names that are nearly one, each once, in order."""
    groups: dict[int, set[str]] = defaultdict(set)
    for name in names:
        for key in _keys(name):
            groups[key].add(name)
    pairs = {pair for group in groups.values() if len(group) > 1 for pair in combinations(sorted(group), 2)}
    for name, other in sorted(pairs):
        how = likeness(name, other)
        if how is not None:
            yield name, other, how


def twins_of(name: str, names: Iterable[str]) -> list[str]:
    """Return those of the names that are nearly this one, for a message."""
    mine = _keys(name)
    return sorted(other for other in names if mine & _keys(other) and likeness(name, other))


def is_between_digits(name: str, other: str) -> bool:
    """Return whether two names differ in punctuation between digits, which may say something: 1-11 is not 11-1."""
    return _NOT_BETWEEN_DIGITS.sub("", fold(name)) != _NOT_BETWEEN_DIGITS.sub("", fold(other))


def _keys(name: str) -> frozenset[int]:
    """What twins have one of in common: the name itself, its likenesses, those with a slip, each as its hash."""
    return _kept_keys(name) if len(name) <= KEPT_LETTERS else _made_keys(name)


@lru_cache(maxsize=32_768)
def _kept_keys(name: str) -> frozenset[int]:
    return _made_keys(name)


def _made_keys(name: str) -> frozenset[int]:
    folded = fold(name)
    places = range(len(folded))
    swapped = {folded[:place] + folded[place : place + 2][::-1] + folded[place + 2 :] for place in places}
    shorter = {folded[:place] + folded[place + 1 :] for place in places} if _n_letters(folded) >= MIN_LETTERS else set()
    plain = {_without_zeros(folded), _squeezed(folded), folded.translate(_DIGITS_FOR_LETTERS)}
    return frozenset(map(hash, (folded, *swapped, *shorter, *plain)))


def _n_letters(folded: str) -> int:
    return sum(each.isalpha() for each in folded)


def _without_zeros(folded: str) -> str:
    return _ZEROS.sub("", folded)


def _squeezed(folded: str) -> str:
    return re.sub(_PUNCTUATION, "", folded)


def _is_transposed(one: str, two: str) -> bool:
    if len(one) != len(two):
        return False
    places = [place for place, pair in enumerate(zip(one, two, strict=True)) if pair[0] != pair[1]]
    if len(places) != 2 or places[1] != places[0] + 1:
        return False
    first = places[0]
    return one[first : first + 2] == two[first : first + 2][::-1]


def _is_one_letter(one: str, two: str) -> bool:
    """Whether one letter was added, left out or mistaken in a name long enough for that to be a slip."""
    if min(_n_letters(one), _n_letters(two)) < MIN_LETTERS:
        return False
    if re.findall(r"\d", one) != re.findall(r"\d", two) or abs(len(one) - len(two)) > 1:
        return False
    start = next((place for place, pair in enumerate(zip(one, two, strict=False)) if pair[0] != pair[1]), None)
    start = min(len(one), len(two)) if start is None else start
    end = 0
    while end < min(len(one), len(two)) - start and one[-1 - end] == two[-1 - end]:
        end += 1
    rest = one[start : len(one) - end], two[start : len(two) - end]
    return max(map(len, rest)) == 1 and all(each.isalpha() for each in "".join(rest))
