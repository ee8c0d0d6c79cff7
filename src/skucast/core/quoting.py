"""What stands in a message although somebody else has written it: on one line, and no longer than people read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

MOST = 4_000
"""Characters of a message, be it one line or several; of a longer one the beginning and the end are shown."""

MOST_QUOTED = 500
"""Characters of what is quoted in a line: a name, a cell, a value of a setting."""

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What ends a line, moves the cursor, turns the direction of writing, or is half a character."""


FEWEST = 100
"""Characters that each of many lines has room for, so that it says something."""


class Lines(str):
    """Several lines, each of them fit to be shown, and together no longer than people read."""

    def __new__(cls, lines: Iterable[str]) -> Lines:
        """Return the lines as one text: long ones give way to short ones, and what has no room is counted."""
        every = list(lines)
        room = MOST // FEWEST
        first = every if len(every) <= room else every[: room - 1]
        rest = [] if first is every else [f"and {len(every) - len(first):,} more lines"]
        return super().__new__(cls, "\n".join([*in_turns(first, MOST - sum(map(len, rest)) - room), *rest]))


def one_line(text: str, most: int = MOST) -> str:
    """Return the text with what breaks a line escaped, and what is too long for one left out of its middle."""
    short = shortened(text, most)
    return shortened(_UNPRINTABLE.sub(_escaped, short), most) if _UNPRINTABLE.search(short) else short


def shortened(text: str, most: int = MOST) -> str:
    """Return the text, or its beginning and end if it has more characters than that."""
    if len(text) <= most:
        return text
    if most < FEWEST:
        return f"{text[: max(0, most - 4)]} ..."
    beginning, end = most * 2 // 3, most // 4
    left_out = f" ... ({len(text) - beginning - end:,} characters) ... "
    return f"{text[: min(beginning, most - end - len(left_out))]}{left_out}{text[-end:]}"


def listed(texts: Iterable[object], shown: int = 20, by: str = ", ") -> str:
    """Return the first texts in a row and how many more there are, no longer than half of a message.

    The row can stand in a sentence, whatever the texts are: each is on one line, long ones give way to short ones.
    """
    every = list(texts)
    n_more = len(every) - shown
    row = by.join(in_turns([str(each) for each in every[:shown]], MOST // 2))
    return f"{row}{by.rstrip() if by == '; ' else ''} and {n_more:,} more" if n_more > 0 else row


def in_turns(texts: Sequence[str], most: int) -> list[str]:
    """Return the texts, each on one line, the longest of them shortened until all together have no more characters."""
    lines = [one_line(text) for text in texts]
    each = room_for_each([len(line) for line in lines], most)
    return [shortened(line, each) for line in lines]


def room_for_each(lengths: Sequence[int], most: int) -> int:
    """Return to how much the longest must be cut so that all together are no longer; `most` if they are not."""
    each = room = most
    for left, length in zip(range(len(lengths), 0, -1), sorted(lengths), strict=True):
        each = room // left
        if length > each:
            return each
        room -= length
    return most


def quoted(value: object) -> str:
    """Return the value as a message quotes it."""
    return one_line(repr(shortened(value, MOST_QUOTED) if isinstance(value, str) else value), 2 * MOST_QUOTED)


def all_shortened(value: Any) -> Any:
    """Return what JSON can hold with the texts in it shortened."""
    if isinstance(value, str):
        return one_line(value)
    if isinstance(value, dict):
        return {all_shortened(name): all_shortened(each) for name, each in value.items()}
    return [all_shortened(each) for each in value] if isinstance(value, list | tuple) else value


def _escaped(found: re.Match[str]) -> str:
    return found.group().encode("unicode_escape").decode("ascii")
