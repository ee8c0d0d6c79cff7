"""Where a browser without a window is found, and how it is started."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
"""Names that a Chromium has on this and other systems."""

PATIENCE_MS = 180_000
"""How long a condition is waited for; only a page that hangs needs so long, on whatever machine."""

Open = Callable[..., Page]
"""Opens the page of a board; see the fixture `open_page`."""


def browser_path() -> str | None:
    """Return where a Chromium is, None where there is none."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


@contextmanager
def launched() -> Iterator[Browser]:
    """Give a headless Chromium."""
    sandbox = [] if os.geteuid() else ["--no-sandbox"]  # Chromium refuses to run as root with its sandbox
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=browser_path(), args=sandbox, timeout=PATIENCE_MS)
        yield browser
        browser.close()
