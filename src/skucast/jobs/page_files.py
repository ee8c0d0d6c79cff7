"""The files of a page: itself, and the workbooks beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from skucast.backends.files import write_bytes, write_text
from skucast.core.errors import ObjectKept
from skucast.dashboard.board import Board
from skucast.dashboard.rendering import render
from skucast.language.catalogue import LANGUAGES, SOURCE
from skucast.runtime.logs import log
from skucast.runtime.settings import Settings

DASHBOARD = "dashboard/index.html"


@dataclass(frozen=True)
class PageFiles:
    """A page as HTML and its workbooks as the bytes of .xlsx files: of one board, so they say the same.

    `workbooks` are by language, empty = the one that a business has that names its LOCALE, or the English one.
    """

    page: str
    workbooks: Mapping[str, bytes]


def files_of(board: Board) -> PageFiles:
    """Return what is written of a board."""
    from skucast.dashboard.workbook import workbooks

    others = () if board.locale else tuple(each for each in LANGUAGES if each != SOURCE)
    made = workbooks(board, (board.locale, *others))
    return PageFiles(render(board), {"" if language == board.locale else language: made[language] for language in made})


def workbook_beside(path: str, language: str = "") -> str:
    """Return where the workbook of a page lies: `forecast.xlsx`, or `forecast-2026-11-15.xlsx` beside that week's page.

    That of a language is `forecast-ru.xlsx`, or `forecast-2026-11-15-ru.xlsx`. The page's script finds its link by the
    same rule.
    """
    folder, _, name = path.rpartition("/")
    week = re.fullmatch(r"(\d{4}-\d\d-\d\d)\.html", name)
    return f"{folder}/{'-'.join(filter(None, ('forecast', week and week[1], language)))}.xlsx"


def put(settings: Settings, path: str, files: PageFiles) -> str:
    """Write the workbooks, then the page that links one, and return where the page is.

    What may not be replaced, because the bucket keeps it, is no reason to fail.
    """
    try:
        for language, workbook in files.workbooks.items():
            write_bytes(settings.staging, workbook_beside(path, language), workbook, settings.endpoints)
        return write_text(settings.staging, path, files.page, settings.endpoints)
    except ObjectKept as error:
        log.warning("the dashboard cannot be replaced: %s", error, extra={"fields": {"path": path}})
        return f"{settings.staging}/{path} (of an earlier run: {error})"
