"""The page in the language that LOCALE names: all sections of both views, whatever the reader's browser prefers."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

from boards import changes_of_board
from chromium import Open
from playwright.sync_api import Page
from reader import card, reads
from test_calendar_shown import seen
from test_corrections import corrected
from test_orders_shown import orders
from work_lines import with_work

from skucast.core.texts import Count, Number, Percent, Text
from skucast.dashboard.board import Board
from skucast.jobs.refusals import refusal

SENTENCES = (
    Count("{n} week ahead", "{n} weeks ahead", 22),
    Text("the 80 % interval held {share} of the actuals; the limit is {limit}", share=Percent(0.5), limit=Percent(0.6)),
    Text("{state}, since {day}", state=Text("New"), day=("a", Number(1234.56, 1))),
)
"""Sentences as the tables keep them: the page says them as files do."""

NAMES = (
    r"WAPE|FVA|MASE|RMSSE|CSV|<script>.*</script>|lag prior scale|target log1p|(monitor|train|\d{4})-[\w-]+|Boris|"
    r"plan\.xlsx|Excel|\(late\)|deal"
)
"""What stands in Latin letters in every language: measures, articles, people, files, settings, words that are typed."""


def test_all_sections_in_the_language_of_the_business(board: Board, open_page: Open) -> None:
    """An English browser and LOCALE=ru: no English word is left in texts, titles and labels, numbers are Russian."""
    message = Text("wrong by {weeks} of what was sold; the limit is {limit}", weeks=("9 %",), limit=Percent(0.5))
    alerts = board.alerts.assign(message_json=message.stored(), evidence_json=Text("nothing was sold").stored())
    refused = Text("{said} ({day})", said=refusal("plan.xlsx", 7, 8), day=date(2026, 11, 18))
    whole = corrected(replace(board, alerts=alerts, refused=(refused,), locale="ru"))
    whole = replace(whole, promotions=seen(whole), orders=orders(), changes=changes_of_board(whole))
    page = open_page(with_work(whole))
    reads(card(page, "WAPE"), "85,7\u00a0%")
    assert page.locator("html").get_attribute("lang") == "ru"
    assert english_of(page) == []
    page.get_by_role("link", name="План", exact=True).click()
    assert english_of(page) == []
    assert page.locator("#workbook").is_hidden()  # no job has written one beside this page
    for text in SENTENCES:
        assert page.evaluate(f"worded({text.stored()})") == text.said_in("ru")


def english_of(page: Page) -> list[str]:
    """Return what the page says in Latin letters, seen or read aloud, but for names."""
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    page.evaluate(
        "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )  # tables are filled
    labels = "[...document.querySelectorAll('main *')].flatMap((each) => ['title', 'aria-label', 'placeholder']"
    said = page.evaluate("document.body.innerText").splitlines()
    said += page.evaluate(f"{labels}.map((name) => each.getAttribute(name) ?? ''))")
    return [line for line in said if re.search("[A-Za-z]{3,}", re.sub(NAMES, "", line))]
