"""The files of a page: itself, and the workbook beside it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from skucast.backends.files import write_bytes, write_text
from skucast.core.errors import ObjectKept
from skucast.dashboard.board import Board
from skucast.dashboard.rendering import render
from skucast.runtime.logs import log
from skucast.runtime.settings import Settings

DASHBOARD = "dashboard/index.html"


@dataclass(frozen=True)
class PageFiles:
    """A page as HTML and its workbook as the bytes of an .xlsx file: of one board, so they say the same."""

    page: str
    workbook: bytes


def files_of(board: Board) -> PageFiles:
    """Return what is written of a board."""
    from skucast.dashboard.workbook import workbook

    return PageFiles(render(board), workbook(board))


def workbook_beside(path: str) -> str:
    """Return where the workbook of a page lies: `forecast.xlsx`, or `forecast-2026-11-15.xlsx` beside that week's page.

    The page's script finds its link by the same rule.
    """
    folder, _, name = path.rpartition("/")
    week = re.fullmatch(r"(\d{4}-\d\d-\d\d)\.html", name)
    return f"{folder}/forecast-{week[1]}.xlsx" if week else f"{folder}/forecast.xlsx"


def put(settings: Settings, path: str, files: PageFiles) -> str:
    """Write the workbook, then the page that links it, and return where the page is.

    What may not be replaced, because the bucket keeps it, is no reason to fail.
    """
    try:
        write_bytes(settings.staging, workbook_beside(path), files.workbook, settings.endpoints)
        return write_text(settings.staging, path, files.page, settings.endpoints)
    except ObjectKept as error:
        log.warning("the dashboard cannot be replaced: %s", error, extra={"fields": {"path": path}})
        return f"{settings.staging}/{path} (of an earlier run: {error})"
