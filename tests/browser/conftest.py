"""A real browser without a window, and the pages it opens from disk; every message of a page is a failure."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import BROWSERS, Open, browser_path, launched
from playwright.sync_api import Browser, Page

from skucast.dashboard.board import Board
from skucast.dashboard.rendering import render


@pytest.fixture(scope="module")  # its event loop may not be there for the tests of other modules
def browser() -> Iterator[Browser]:
    """Return a headless Chromium; skip where there is none, but fail in CI, so that nobody misses it."""
    reason = f"no browser for the tests of the page: none of {', '.join(BROWSERS)} is installed"
    if browser_path() is None and os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    if browser_path() is None:
        pytest.skip(reason)
    with launched() as browser:
        yield browser


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Return a function that opens a board's page from disk, offline, and waits for its charts.

    `open_page(board, width=390, locale="ru-RU", color_scheme="dark")` sets what kind of browser it is. At the end of
    the test the page must have logged nothing, asked for nothing but itself, and shown no dialog.
    """
    contexts, said, asked = [], [], set()

    def open_it(board: Board, *, width: int = 1280, charts: str = "#series.js-plotly-plot", **kind: str) -> Page:
        path = tmp_path / "page.html"
        path.write_text(render(board), encoding="utf-8")
        context = browser.new_context(
            offline=True, viewport={"width": width, "height": 844}, **{"locale": "en-GB"} | kind
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"error: {error}"))
        page.on("dialog", lambda dialog: said.append(f"dialog: {dialog.message}"))
        asked.add(path.as_uri())
        page.on("request", lambda request: asked.add(request.url.partition("#")[0]))
        page.goto(path.as_uri())
        page.wait_for_selector(charts)
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert said == []
    assert asked <= {(tmp_path / "page.html").as_uri()}
