"""A real browser without a window, and the pages it opens from disk; every message of a page is a failure."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from skucast.dashboard import Board, render

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
"""Names that a Chromium has on this and other systems."""

Open = Callable[..., Page]


@pytest.fixture(scope="module")  # its event loop may not be there for the tests of other modules
def browser() -> Iterator[Browser]:
    """Return a headless Chromium; skip where there is none, but fail in CI, so that nobody misses it."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None and os.environ.get("CI") == "true":
        pytest.fail(f"no browser for the tests of the page: none of {', '.join(BROWSERS)} is installed", pytrace=False)
    if path is None:
        pytest.skip(f"no browser for the tests of the page: none of {', '.join(BROWSERS)} is installed")
    sandbox = [] if os.geteuid() else ["--no-sandbox"]  # Chromium refuses to run as root with its sandbox
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=sandbox)
        yield browser
        browser.close()


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
        context = browser.new_context(viewport={"width": width, "height": 844}, **{"locale": "en-GB"} | kind)
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
