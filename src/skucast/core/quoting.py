"""What stands in a message although somebody else has written it: on one line, and no longer than people read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

MOST = 4_000
"""Characters of a line; of a longer one the beginning and the end are shown."""

MOST_QUOTED = 500
"""Characters of what is quoted in a line: a name, a cell, a value of a setting."""

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What ends a line, moves the cursor, turns the direction of writing, or is half a character."""


class Lines(str):
    """Several lines, each of them fit to be shown."""

    def __new__(cls, lines: Iterable[str]) -> Lines:
        """Return the lines as one text."""
        return super().__new__(cls, "\n".join(map(one_line, lines)))


def one_line(text: str, most: int = MOST) -> str:
    """Return the text with what breaks a line escaped, and what is too long for one left out of its middle."""
    short = shortened(text, most)
    return _UNPRINTABLE.sub(_escaped, short) if _UNPRINTABLE.search(short) else short


def shortened(text: str, most: int = MOST) -> str:
    """Return the text, or its beginning and end if it has more characters than that."""
    if len(text) <= most:
        return text
    beginning = most * 2 // 3
    end = most // 4
    return f"{text[:beginning]} ... ({len(text) - beginning - end:,} characters) ... {text[-end:]}"


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
