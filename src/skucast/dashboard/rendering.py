"""The dashboard: one HTML page that holds its own data, style, script and plotting library, to be opened from disk.

`PageData` turns frames into the page's data; template, style and scripts lie in `page/` and are inlined here.
"""

from __future__ import annotations

import json
from functools import partial
from importlib.resources import files
from typing import Any

from skucast.core.texts import said_in, stored
from skucast.dashboard.board import Board
from skucast.dashboard.data import MAX_DETAILED, PageData
from skucast.dashboard.packing import library, packed, policy_hash
from skucast.language.catalogue import SOURCE, for_page, translated

MAX_PAGE_BYTES = 6_000_000
"""The page is read on phones and sent by mail; past this, fewer combinations are shown in detail."""

_STYLES = (
    *("base", "header", "controls", "cards", "charts", "tables", "combination"),
    *("plan", "changes", "overrides", "promotions"),
    *("screens", "print"),
)
"""Files of the page's style, in their order: what a screen or printer changes overrules what stands before it."""

_SCRIPTS = (
    *("dom", "texts", "format", "data", "sums", "views", "filter", "charts"),  # what the sections stand on
    *("ages", "print"),  # of the page as a whole
    *("plan", "decisions", "worklist", "changes"),  # the planner's sections, from top to bottom
    *("overrides", "override_effect", "override_list"),
    *("promotions", "orders"),
    *("overview", "trend", "health", "ranking"),  # the model operator's sections, from top to bottom
    *("forecast", "detail", "series", "newest", "model"),  # of both views
    "start",
)
"""Files of the page's script, in their order: constants stand before what is made of them, the start is last."""


def render(board: Board, max_bytes: int = MAX_PAGE_BYTES) -> str:
    """Return the whole page as HTML, no larger than that as UTF-8; equal boards give equal text."""
    shown = PageData(board)
    data = shown.of(MAX_DETAILED)
    while len((page := _page(board, data)).encode()) > max_bytes and (n_detailed := sum(_is_detailed(data))):
        data = shown.of(n_detailed * 2 // 3)
    return page


def _is_detailed(data: dict[str, Any]) -> list[int]:
    flags: list[int] = data["combinations"]["is_detailed"]
    return flags


def _page(board: Board, data: dict[str, Any]) -> str:
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    script, charts = _joined(_SCRIPTS, "js"), library()
    page = Environment(autoescape=True, undefined=StrictUndefined).from_string(_read("page.html.j2"))
    return page.render(
        _=partial(translated, board.locale or SOURCE),
        language=board.locale or SOURCE,
        languages=_for_a_script(for_page(board.locale)),
        run=board.run,
        actuals_through=board.actuals_through,
        refused=[(said_in(board.locale, text), stored(text)) for text in board.refused],
        style=Markup(_joined(_STYLES, "css")),
        script=Markup(script),
        script_hashes=[policy_hash(script.encode()), charts.policy_hash],
        library=charts.packed,
        data=packed(_json(data)),
    )


def _joined(names: tuple[str, ...], kind: str) -> str:
    return "\n".join(_read(f"{name}.{kind}") for name in names)


def _read(name: str) -> str:
    return (files(__package__) / "page" / name).read_text(encoding="utf-8")


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _for_a_script(value: object) -> Any:
    """Return it as JSON in which no text can end its script element."""
    from markupsafe import Markup

    return Markup(_json(value).decode("utf-8").replace("<", "\\u003c"))
