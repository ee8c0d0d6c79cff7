"""CSV: the records of a text, whichever separator it has, below the line with which Excel names it."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import TextIO

from skucast.sheets.limits import MAX_LINE

SEPARATORS = ";,\t|"

LOOKED_AT = 20
"""Lines and records among which a header is looked for."""

_WORD = re.compile(r"[^\W_]+|%")
_NAMED = re.compile(r'"?sep=(.)"?[;,\t]*\s*', re.IGNORECASE)


class TooLong(csv.Error):
    """A line or a record is longer than one that people or programs write."""


class CsvRecords:
    """The records of a text that have cells, each with the line it starts on: a quoted cell may hold line breaks.

    The text is opened with `newline=""`, and read from its beginning. `names` are those that a header has, in small
    letters; none if they are not known. Iterating raises csv.Error where it is no CSV.

    Raises:
        csv.Error: one of the first lines is too long.
    """

    def __init__(self, text: TextIO, names: Collection[str] = ()) -> None:
        self._characters = 0
        first = list(islice(self._lines(text, LOOKED_AT * MAX_LINE), LOOKED_AT))
        named = _NAMED.fullmatch(first[0]) if first else None
        self.separator = named[1] if named else _separator(first, names)
        text.seek(0)
        self._skipped = 1 if named else 0
        for _ in range(self._skipped):
            text.readline()
        self._characters = 0
        self._records = csv.reader(self._lines(text, MAX_LINE), delimiter=self.separator, strict=True)

    @property
    def line(self) -> int:
        """The line that was read last."""
        return self._records.line_num + self._skipped

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        start = self.line + 1
        for cells in self._records:
            self._characters = 0
            if cells:
                yield start, cells
            start = self.line + 1

    def _lines(self, text: TextIO, most: int) -> Iterator[str]:
        """The lines of the text, which have no more than so many characters until `_characters` is 0 again."""
        while line := text.readline(MAX_LINE + 1):
            self._characters += len(line)
            if len(line) > MAX_LINE or self._characters > most:
                raise TooLong(f"more than {MAX_LINE:,} characters in a line")
            yield line


def header_place(records: Sequence[Sequence[str]], names: Collection[str]) -> int:
    """Return which record is the header: the one that has most of the names, else the first that has a filled cell."""
    found = [n_names(cells, names) for cells in records]
    if any(found):
        return found.index(max(found))
    return next((place for place, cells in enumerate(records) if any(map(str.strip, cells))), 0)


def n_names(cells: Sequence[str], names: Collection[str]) -> int:
    """Return how many of the names stand in these cells."""
    return len({plain_heading(cell) for cell in cells} & {plain_heading(name) for name in names} - {""})


def plain_heading(cell: str) -> str:
    """Return a heading without what makes no difference: case, dots, dashes, brackets, blanks (`Скидка (%)`)."""
    folded = cell.strip().casefold().replace("ё", "е")
    return " ".join(_WORD.findall(folded)) or folded


def _separator(first: Sequence[str], names: Collection[str]) -> str:
    """The separator by which one of the first lines has most of the names, else the one that is often in the first.

    A single name says nothing: it is found whatever the separator of a line is that has no other cell.
    """
    by = {mark: max((n_names(_cells(line, mark), names) for line in first), default=0) for mark in SEPARATORS}
    if max(by.values(), default=0) > 1:
        return max(SEPARATORS, key=lambda mark: by[mark])
    header = next((line for line in first if line.strip()), "")
    return max(SEPARATORS, key=header.count)


def _cells(line: str, mark: str) -> list[str]:
    try:
        return next(csv.reader([line.strip("\r\n\ufeff")], delimiter=mark), [])
    except csv.Error:  # a cell that is too large: said when the line is read
        return []
