"""Lines of a planner's file whose columns are named: cells, the row that they become, the reasons against it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from skucast.regressors.headings import perhaps_meant, places_of, unused_of
from skucast.regressors.refusals import refusal
from skucast.sheets.reading import Sheet
from skucast.sheets.values import UNREADABLE


class FileLine:
    """One line: its cells, the row that it becomes, and what is wrong with it."""

    def __init__(self, number: int, raw: list[str], cells: Mapping[str, str]) -> None:
        self.number, self.raw, self.cells = number, raw, cells
        self.row: dict[str, object] = {}
        self.reasons: list[str] = []
        self.is_duplicate = False

    def refuse(self, why: StrEnum, /, **words: object) -> None:
        """Note why the line is rejected."""
        self.reasons.append(refusal(why, words))

    def refuse_errors(
        self, why: StrEnum, columns: Sequence[str], is_name: Callable[[str, str], bool] = lambda *_: False
    ) -> None:
        """Refuse cells of these columns that hold an error or a formula, `why` with `column` and `found`.

        `is_name` tells of a column and a cell whether something is called so.
        """
        for column in columns:
            if UNREADABLE.fullmatch(self.cells[column]) and not is_name(column, self.cells[column]):
                self.refuse(why, column=column, found=repr(self.cells[column]))


def lines_of(sheet: Sheet, columns: Sequence[str]) -> list[FileLine]:
    """Return the lines with the cells of our columns; a column that the file has not is empty."""
    places = places_of(sheet, columns)
    return [
        FileLine(
            number,
            raw,
            {name: "".join(raw[places[name] : places[name] + 1]) if name in places else "" for name in columns},
        )
        for number, raw in sheet.lines
    ]


def whole_lines(
    sheet: Sheet,
    lines: Sequence[FileLine],
    columns: Sequence[str],
    required: Sequence[str],
    more_cells: StrEnum,
    no_column: StrEnum,
) -> list[FileLine]:
    """Return the lines that can be judged; those with too many cells, or of a file without a column, are refused.

    `more_cells` and `no_column` say so, the second one with the place `columns`; behind it stands what is not used.
    """
    there = places_of(sheet, columns)
    missing = [column for column in required if column not in there]
    meant = perhaps_meant(missing, unused_of(sheet, columns)) if missing else None
    for line in lines:
        if len(line.raw) > len(sheet.header):
            line.refuse(more_cells)
        elif missing:
            line.refuse(no_column, columns=", ".join(missing))
            line.reasons += [meant] if meant else []
    return [line for line in lines if not line.reasons]
