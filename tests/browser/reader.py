"""Where things are on the page, and how a test reads them: it waits for what should be there, however slow the machine.

What a page shows when it is opened may be read at once, for `open_page` waits until it is drawn; after an action only
`expect` and the functions here read it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from playwright.sync_api import Error, Locator, Page, expect

DRAWN = "html[data-drawn]"
"""What the page is once its first drawing is done, charts included."""


def control(page: Page, name: str) -> Locator:
    """Return a control of the filter."""
    return page.locator(f"#filters [name={name}]")


def names(page: Page, table: str = "ranking") -> Locator:
    """Return the names in the first column of a table, in order."""
    return page.locator(f"#{table} tbody th").locator("button, .name")


def card(page: Page, label: str, part: str = "value") -> Locator:
    """Return the figure on the card with that label, or its note."""
    return page.locator("#cards > div", has_text=label).locator(f".{part}")


def cell(page: Page, name: str, column: str) -> Locator:
    """Return a combination's cell in the table of the worst."""
    place = page.locator("#ranking thead th").all_inner_texts().index(column)
    row = page.locator("#ranking tbody tr", has=page.get_by_text(name, exact=True))
    return row.locator("th, td").nth(place)


def reads(place: Locator, text: str) -> None:
    """Wait until the text of a place is this, blanks and ends of lines included."""
    expect(place).to_have_js_property("innerText", text)


def lists(places: Locator, texts: list[str]) -> None:
    """Wait until there are as many places as texts and each reads as its text; blanks are all one."""
    expect(places).to_have_text(texts, use_inner_text=True)


def says(place: Locator, part: str) -> None:
    """Wait until the text of a place has this part; blanks are all one."""
    expect(place).to_contain_text(part, use_inner_text=True)


def gives(page: Page, expression: str, expected: Any) -> None:
    """Wait until an expression in the page has this value."""
    with suppress(Error):
        page.wait_for_function(f"(wanted) => JSON.stringify({expression}) === JSON.stringify(wanted)", arg=expected)
    assert page.evaluate(expression) == expected


def calls(page: Page, action: str) -> int:
    """Return how many functions of the page are called by an expression: its work, whatever the machine."""
    session = page.context.new_cdp_session(page)
    session.send("Profiler.enable")
    session.send("Profiler.startPreciseCoverage", {"callCount": True, "detailed": False})
    page.evaluate(action)
    scripts = session.send("Profiler.takePreciseCoverage")["result"]
    session.detach()
    own = [script for script in scripts if script["url"] == page.url.partition("#")[0]]
    return sum(function["ranges"][0]["count"] for script in own for function in script["functions"])
