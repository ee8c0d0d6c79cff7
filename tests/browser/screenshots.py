"""The pictures of the README, taken of a page as it is: wide and light, wide and dark, on a phone.

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
SHOTS: dict[str, dict[str, Any]] = {
    "dashboard": {"width": 1400, "height": 1600, "scheme": "light", "at": "#overview"},
    "dashboard-dark": {"width": 1400, "height": 1560, "scheme": "dark", "at": "#detail"},
    "dashboard-phone": {"width": 390, "height": 1880, "scheme": "light", "at": "#overview"},
}


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
    context = browser.new_context(viewport=size, color_scheme=shot["scheme"], locale="en-GB")
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(path.resolve().as_uri())
    page.wait_for_selector(DRAWN)
    top = 0 if shot["at"] == "#overview" else page.locator(shot["at"]).bounding_box()["y"] - 16
    clip = {"x": 0, "y": top, "width": shot["width"], "height": shot["height"]}
    picture = page.screenshot(full_page=True, clip=clip)
    context.close()
    return picture


def small(picture: bytes) -> bytes:
    """Return the PNG, packed as well as it can be without losing a colour."""
    content = io.BytesIO()
    Image.open(io.BytesIO(picture)).convert("RGB").save(content, "PNG", optimize=True)
    return content.getvalue()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
