"""CSV: the records of a text, whichever separator its header has."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import TextIO

_SEPARATORS = ";,\t"


class CsvRecords:
    """The records of a text that have cells, each with the line it starts on: a quoted cell may hold line breaks.

    The text is opened with `newline=""`, and read from its beginning. Iterating raises csv.Error where it is no CSV.
    """

    def __init__(self, text: TextIO) -> None:
        self.separator = _separator(text)
        text.seek(0)
        self._records = csv.reader(text, delimiter=self.separator, strict=True)

    @property
    def line(self) -> int:
        """The line that was read last."""
        return self._records.line_num

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        start = 1
        for cells in self._records:
            if cells:
                yield start, cells
            start = self._records.line_num + 1


def _separator(text: TextIO) -> str:
    """The separator that stands most often in the header, in which no name has any."""
    header = next((line for line in text if line.strip()), "")
    return max(_SEPARATORS, key=header.count)
