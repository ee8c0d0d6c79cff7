"""A workbook as openpyxl reads it, from parts that were looked through before."""

from __future__ import annotations

import io
from typing import Any

from openpyxl.reader.excel import ExcelReader

from skucast.sheets.parts import Parts


def workbook(parts: Parts, *, data_only: bool) -> Any:
    """Return the workbook of these parts, as `openpyxl.load_workbook` does; sheets are read row by row."""
    reader = _Reader(parts, data_only=data_only)
    reader.read()
    return reader.wb


class _Reader(ExcelReader):  # type: ignore[misc]
    def __init__(self, parts: Parts, *, data_only: bool) -> None:
        super().__init__(io.BytesIO(parts.content), read_only=True, data_only=data_only, keep_links=False)
        self.archive = parts

    def read_strings(self) -> None:
        """Read the texts, each forgotten once it is taken; what is opened afterwards are sheets."""
        self.archive.forgets = "si"
        super().read_strings()
        self.archive.forgets = "row"

    def read_chartsheet(self, sheet: Any, rel: Any) -> None:
        """Leave out what has no cells: it would be kept whole."""
