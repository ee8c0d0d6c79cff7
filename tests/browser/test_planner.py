"""The planner's view, in a real browser: the numbers of the first screen, how old they are, what needs a decision."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from boards import CUTOFF, alert_row, forecast_row, frame, large_board, named, week
from chromium import Open
from fifteen import EVERYBODY, FORMULA, MARKUP
from playwright.sync_api import Page, expect
from reader import DRAWN, control, gives, lists, reads, says
from test_look import wider_than
from work_lines import note, with_work

from skucast.core.combination import Combination
from skucast.core.weeks import WeekClock
from skucast.dashboard.board import Board, Due
from skucast.regressors.work_files import read_words
from skucast.scorecard.work_list import line_id


@pytest.fixture
def planned(board: Board) -> Board:
    """Return the fifteen with a run before, stored intervals of the total, and what is due on which day.

    Each is forecast 100 a week, was forecast 80 a run before, and sells 100 a week (one of them nothing).
    """
    before = [forecast_row(each, step, origin=-1, yhat=80.0) for each in EVERYBODY for step in (1, 2)]
    total: dict[str, Any] = {"cutoff": CUTOFF, "level": "total", "unit": "*", "channel": "*"}
    bounds = {"yhat": 3000.0, "yhat_lower": 2800.0, "yhat_upper": 3300.0, "final": 3000.0}
    weekly = {name: value / 2 for name, value in bounds.items()}
    totals = [{**total, "step": 0, **bounds}, *({**total, "step": step, **weekly} for step in (1, 2))]
    history = [
        {**named(each), "ds": week(-back), "y": 100.0, "promo_discount_perc": 0.0, "promo_days": 0.0}
        for each in EVERYBODY
        for back in range(60)
    ]
    filled = replace(
        board,
        forecasts=pd.concat([board.forecasts, frame(before)], ignore_index=True),
        history=frame(history),
        totals=pd.DataFrame(totals),
        due=Due(CUTOFF.date(), 4, 6, "Europe/Moscow"),
        refused=("7 of 8 rows refused in plan.xlsx (2026-11-18)",),
    )
    return with_work(filled)


def bottom_of(page: Page, selector: str) -> float:
    """Return where the element ends, from the top of the page."""
    box = page.locator(selector).bounding_box()
    assert box is not None
    return box["y"] + box["height"]


@pytest.mark.parametrize(("width", "height"), [(1400, 900), (390, 2 * 844)])
def test_the_first_screen_says_what_will_be_sold(planned: Board, open_page: Open, width: int, height: int) -> None:
    """Total with its interval, changes, units and what needs a decision; on a phone in the first two screens.

    No table is wider than its place, however long a name is; on a phone the single weeks unfold below their unit.
    """
    page = open_page(planned, charts=True, width=width, view="planner")
    figures = page.locator("#plan-figures > div")
    reads(figures.nth(0).locator("dd"), "3,000\n80% interval: 2,800\u00a0–\u00a03,300")
    says(figures.nth(1), "+25.0%")
    says(figures.nth(2), "0.0%")
    assert bottom_of(page, "#groups") <= height
    lists(page.locator("#groups tbody th"), ["Total", "Казань", "Пермь"])
    lists(page.locator("#groups tbody tr").nth(1).locator("td"), ["2,600", "+25.0%", "0.0%", "1,300", "1,300"])
    says(page.locator("#decisions li").nth(0), "Is this the new level? Confirm it, or correct the number.")
    says(page.locator("#decisions li").last, "7 of 8 rows refused in plan.xlsx (2026-11-18).")
    gives(page, "document.documentElement.scrollWidth", width)
    gives(page, "document.getElementById('totals').data.filter(({ showlegend }) => showlegend !== false).length", 5)
    expect(page.locator("#overview")).to_be_hidden()
    expect(page.locator("#detail code")).to_have_count(0)
    assert bottom_of(page, "#decisions li:first-child") <= height
    expect(page.locator("#group-weeks")).to_be_visible(visible=width == 390)
    if width == 390:
        page.locator("#group-weeks").click()
        says(page.locator("#groups .weeks-of").nth(1), "29 Nov 1,300")
    page.evaluate("document.querySelector('#groups tbody th button').textContent = 'U'.repeat(90)")
    gives(page, wider_than("#plan .scroll", "clientWidth"), 0)
    gives(page, wider_than("#groups tbody th", "offsetWidth"), 0)


def test_units_channels_and_an_alerts_combination_are_one_click_away(planned: Board, open_page: Open) -> None:
    """A unit's name filters by it, without an interval where none is stored; an alert leads to its combination."""
    page = open_page(planned, view="planner")
    page.locator("#groups").get_by_role("button", name="Пермь").click()
    reads(page.locator("#plan-of"), "Пермь")
    reads(page.locator("#plan-figures dd").first, "400")
    says(page.locator("#plan-hint"), "No interval of sums is stored")
    page.locator("#group-by label", has_text="Channels").click()
    lists(page.locator("#groups tbody th"), ["Total", "KA", "TF"])
    page.locator("#decisions").get_by_role("link", name=MARKUP[2]).click()
    reads(page.locator("#detail-title"), MARKUP[2])
    expect(page.locator("#detail")).to_be_focused()
    page.reload()
    page.wait_for_selector(DRAWN)
    reads(page.locator("#detail-title"), MARKUP[2])
    page.get_by_role("link", name="Model", exact=True).click()
    expect(page.locator("#overview")).to_be_visible()
    expect(page.locator("#plan")).to_be_hidden()
    assert "view=model" in page.url
    expect(control(page, "unit")).to_have_value("Пермь")


def test_what_is_old_is_said_by_the_readers_clock(planned: Board, open_page: Open) -> None:
    """Made on Wednesday, due on Thursday: amber for two days, then red; the scorecard a day or two later each."""
    page = open_page(planned, view="planner")
    moments = {
        "2026-11-25T23:00:00+03:00": ("good", [], "good"),
        "2026-11-26T00:30:00+03:00": ("amber", ["2026-11-25"], "good"),
        "2026-11-25T22:30:00+01:00": ("amber", ["2026-11-25"], "good"),
        "2026-11-27T12:00:00+03:00": ("amber", ["2026-11-25"], "good"),
        "2026-11-28T00:00:00+03:00": ("red", ["2026-11-25"], "amber"),
        "2026-12-03T12:00:00+03:00": ("red", ["2026-11-25", "2026-12-02"], "red"),
    }
    for moment, (forecast, missing, scorecard) in moments.items():
        ages = page.evaluate(f"agesAt(Date.parse('{moment}'))")
        assert (ages["forecast"]["level"], ages["forecast"]["missing"]) == (forecast, missing), moment
        assert ages["scorecard"]["level"] == scorecard, moment
        assert ages["forecast"]["made"] == "2026-11-18"
    page.evaluate("Date.now = () => Date.parse('2026-11-26T08:00:00+03:00'); drawAges()")
    lists(page.locator("#ages .amber"), ["This forecast is of 18 November; one of 25 November is missing."])
    page.evaluate("Date.now = () => Date.parse('2026-12-10T08:00:00+03:00'); drawAges()")
    reads(
        page.locator("#ages .red").first,
        "This forecast is of 18 November; those of 25 November, 2 December and 9 December are missing.",
    )
    page.evaluate("Date.now = () => Date.parse('2027-01-10T08:00:00+03:00'); drawAges()")
    says(page.locator("#ages .red").nth(1), "This scorecard is of 20 November; 7 are missing, the newest of 8 January.")
    for clock in ("2026-11-19T08:00:00+03:00", "2026-10-01T08:00:00+03:00"):  # a clock that is behind says nothing
        page.evaluate(f"Date.now = () => Date.parse('{clock}'); drawAges()")
        expect(page.locator("#ages p")).to_have_count(0)


@pytest.mark.parametrize("view", ["planner", "model"])
def test_paper_holds_the_forecast_and_cuts_nothing(open_page: Open, view: str) -> None:
    """Two sheets of A4 for 60 combinations, seven units and more alerts than fit, light although the screen is dark."""
    page = open_page(with_work(large_board(60, n_origins=3)), charts=True, width=1400, view=view, color_scheme="dark")
    n_pages = len(re.findall(rb"/Type\s*/Page\b", page.pdf(prefer_css_page_size=True)))
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 703, "height": 1035})
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    gives(page, "document.documentElement.dataset.theme", "light")
    gives(page, "document.documentElement.scrollWidth <= 703", expected=view == "planner")
    if view == "planner":
        assert n_pages == 2
        expect(page.locator("#coming-weeks tbody tr")).to_have_count(25)
        says(page.locator("#forecast-lead"), "The 25 largest of 60 combinations.")
        expect(page.locator("#groups tbody tr")).to_have_count(8)
        gives(page, "document.querySelector('#totals .main-svg').clientWidth <= 680", expected=True)
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(page.locator("#coming-weeks tbody tr")).to_have_count(10)
    gives(page, "document.documentElement.dataset.theme", "")


def test_the_work_list_comes_by_what_is_at_stake_and_takes_the_reader_s_word(planned: Board, open_page: Open) -> None:
    """What is missing first, then the largest; what rests is one click away; the file says what was chosen."""
    alerts = [
        alert_row(MARKUP, lost_volume=10.0),
        alert_row(FORMULA, lost_volume=500.0, alert_id="wape-2"),
        alert_row(EVERYBODY[4], lost_volume=900.0, alert_id="wape-3"),
        alert_row(
            ("*", "*", "*"),
            alert_id="no_run-1",
            rule="no_run",
            reason=None,
            message="the newest forecasts are those of 2026-11-08; expected 2026-11-15; run predict_weekly.py",
        ),
    ]
    rests = line_id("combination", str(Combination(*EVERYBODY[4])))
    known_from = pd.Timestamp(CUTOFF) + pd.Timedelta(days=2)
    said = note(rests, known_from=known_from, seen_through=CUTOFF, size=900.0, comment="a shop has closed")
    page = open_page(with_work(replace(planned, alerts=pd.DataFrame(alerts), refused=()), said), view="planner")
    lines = page.locator("#decisions li")
    expect(lines).to_have_count(3)
    says(lines.nth(0), "The newest forecasts are those of 2026-11-08.")
    expect(lines.nth(0)).not_to_contain_text("predict")
    says(lines.nth(1), FORMULA[2])
    says(lines.nth(2), MARKUP[2])
    reads(page.locator("#work-tally"), "3 new since last week, 1 done, 0 snoozed.")
    page.locator("#resting summary").click()
    says(page.locator("#resting-lines li"), "Done \u00b7 \u201ca shop has closed\u201d \u00b7 Anna, 17 Nov")
    lines.nth(1).locator("select").select_option("done")
    lines.nth(2).locator("select").select_option("week")
    lines.nth(0).locator("select").select_option("owner")
    lines.nth(0).get_by_placeholder("Owner").fill("Vera")
    page.locator("#work-file [name=author]").fill("Boris")
    with page.expect_download() as saving:
        page.locator("#work-file button").click()
    content, now = Path(saving.value.path()).read_bytes(), datetime.now(UTC).replace(tzinfo=None)
    found = read_words("worklist.csv", content, dict(_named(planned, alerts)), now, WeekClock())
    assert found.rejected.empty
    assert found.rows["state"].fillna("").tolist() == ["done", "snoozed", ""]
    assert found.rows["owner"].fillna("").tolist() == ["", "", "Vera"]
    assert set(found.rows["author"]) == {"Boris"}


def _named(planned: Board, alerts: list[dict[str, Any]]) -> Iterator[tuple[str, dict[Any, Any]]]:
    """The lines of these alerts, each by its name."""
    work = with_work(replace(planned, alerts=pd.DataFrame(alerts))).work
    assert work is not None
    yield from ((line["line_id"], line) for line in work.to_dict("records"))
