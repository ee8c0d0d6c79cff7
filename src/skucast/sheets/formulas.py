"""Cells that a spreadsheet takes for formulas: in our CSV files an apostrophe stands before them, and goes again."""

from __future__ import annotations

import re

_BEGINS = r"[\s']*[=+\-@＝＋－＠]|[\t\r]"
"""How a formula begins, also behind blanks, in letters of full width, or as a text that begins as ours do."""

_FORMULA, _OURS = re.compile(_BEGINS), re.compile(f"'(?={_BEGINS})")
NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What no Excel file may hold."""

_NUMBER = re.compile(r"[+-]?\d{1,15}([.,]\d{1,15})?")


def without_formula(cell: str) -> str:
    """Return the cell so that opening it in a spreadsheet runs nothing; a number stays one."""
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def as_written(cell: str) -> str:
    """Return what `without_formula` was given; any other cell as it is."""
    return cell[1:] if _OURS.match(cell) else cell
