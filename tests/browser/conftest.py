"""A real browser without a window, and the pages it opens from disk; every message of a page is a failure."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import BROWSERS, PATIENCE_MS, Open, browser_path, launched
from fifteen import fifteen
from playwright.sync_api import Browser, Page, expect
from reader import DRAWN

from skucast.dashboard.board import Board
from skucast.dashboard.rendering import render


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Return a headless Chromium; skip where there is none, but fail in CI, so that nobody misses it.

    Until the session ends its event loop counts as the running one of the thread: no test may call `asyncio.run`.
    """
    reason = f"no browser for the tests of the page: none of {', '.join(BROWSERS)} is installed"
    if browser_path() is None and os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    if browser_path() is None:
        pytest.skip(reason)
    expect.set_options(timeout=PATIENCE_MS)
    with launched() as browser:
        yield browser


@pytest.fixture(scope="session")
def board() -> Board:
    """Return fifteen combinations, for tests to read or to replace parts of."""
    return fifteen()


@pytest.fixture(scope="session")
def page_of_board(board: Board) -> str:
    """Return the page of the fifteen, rendered once."""
    return render(board)


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path, page_of_board: str) -> Iterator[Open]:
    """Return a function that opens a board's page from disk, offline, and waits until it is drawn.

    `open_page()` opens the page of the fifteen, `open_page(board)` another one; in the model operator's view, or in
    that of `view="planner"`. `charts=True` is for tests that look at
    them; the others get a page whose plotting library cannot be unpacked: the figures must be complete without it, and
    the library takes most of the time that a page needs. `width=390, locale="ru-RU", color_scheme="dark"` set what kind
    of browser it is. At the end of the test the page must have logged nothing, asked for nothing but itself, and shown
    no dialog.
    """
    contexts, said, asked = [], [], set()

    def open_it(
        board: Board | None = None, *, charts: bool = False, width: int = 1280, view: str = "model", **kind: str
    ) -> Page:
        path = tmp_path / "page.html"
        html = page_of_board if board is None else render(board)
        path.write_text(html if charts else _without_library(html), encoding="utf-8")
        context = browser.new_context(
            offline=True, viewport={"width": width, "height": 844}, **{"locale": "en-GB"} | kind
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"error: {error}"))
        page.on("dialog", lambda dialog: said.append(f"dialog: {dialog.message}"))
        asked.add(path.as_uri())
        page.on("request", lambda request: asked.add(request.url.partition("#")[0]))
        page.goto(f"{path.as_uri()}#view={view}")
        page.wait_for_selector(DRAWN)
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert said == []
    assert asked <= {(tmp_path / "page.html").as_uri()}


def _without_library(html: str) -> str:
    html, n = re.subn(r'(id="library">)[^<]+', r"\1", html)
    assert n == 1
    return html
