"""The pictures of README and guides, taken of a page as it is: wide, dark, on a phone, and what planners look at.

make screenshots        # of the demo's page, into docs/img/
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

from chromium import PATIENCE_MS, launched
from PIL import Image
from playwright.sync_api import Browser
from reader import DRAWN

MAX_BYTES = 300_000
LOCALES = {"": "en-GB", ".ru": "ru-RU"}
"""Ends of names, by the language of the reader."""

SHOTS: dict[str, dict[str, Any]] = {
    "dashboard": {"width": 1400, "height": 900, "scheme": "light", "view": "planner", "at": "#plan"},
    "dashboard-model": {"width": 1400, "height": 1600, "scheme": "light", "view": "model", "at": "#overview"},
    "dashboard-dark": {"width": 1400, "height": 1560, "scheme": "dark", "view": "model", "at": "#detail"},
    "dashboard-phone": {"width": 390, "height": 1700, "scheme": "light", "view": "planner", "at": "#plan"},
    "dashboard.ru": {
        "width": 1400,
        "height": 900,
        "scheme": "light",
        "view": "planner",
        "at": "#plan",
        "locale": "ru-RU",
    },
    **{
        f"planner-{name}{end}": {"width": 1400, "scheme": "light", "view": "planner", "at": at, "locale": locale}
        for name, at in {"changes": "#changes", "word": "#overrides"}.items()
        for end, locale in LOCALES.items()
    },
}
"""By the picture's name; without a height it shows the section `at` and no more."""

FIRST = ("#plan", "#overview")
"""Sections at the top of their view: the header is shown with them."""


def main(page: Path, folder: Path) -> None:
    with launched() as browser:
        for name, shot in SHOTS.items():
            picture = small(shoot(browser, page, shot))
            if len(picture) > MAX_BYTES:
                raise SystemExit(f"{name}.png would have {len(picture):,} bytes, {MAX_BYTES:,} are allowed: show less")
            (folder / f"{name}.png").write_bytes(picture)


def shoot(browser: Browser, path: Path, shot: dict[str, Any]) -> bytes:
    """Return what is seen of the page from the top of its header, or of one of its sections, downwards."""
    size = {"width": shot["width"], "height": 900}
    kind = {"color_scheme": shot["scheme"], "locale": shot.get("locale", "en-GB")}
    context = browser.new_context(viewport=size, **kind)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(f"{path.resolve().as_uri()}#view={shot['view']}")
    page.wait_for_selector(DRAWN)
    section = page.locator(shot["at"]).bounding_box()
    top = 0 if shot["at"] in FIRST else section["y"] - 16
    height = shot.get("height", section["y"] + section["height"] + 16 - top)
    picture = page.screenshot(full_page=True, clip={"x": 0, "y": top, "width": shot["width"], "height": height})
    context.close()
    return picture


def small(picture: bytes) -> bytes:
    """Return the PNG, packed as well as it can be without losing a colour."""
    content = io.BytesIO()
    Image.open(io.BytesIO(picture)).convert("RGB").save(content, "PNG", optimize=True)
    return content.getvalue()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
